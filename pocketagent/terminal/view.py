# -*- test-case-name: tests.terminal.test_view -*-
"""What is alive below: the text being written, the tools at work, the prompts that wait, the card, the status."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from attrs import define, field
from prompt_toolkit.formatted_text import StyleAndTextTuples

from pocketagent.domain.agent import PermissionMode
from pocketagent.domain.events import State
from pocketagent.domain.text import escaped
from pocketagent.terminal.cells import cut, width_of, wrapped
from pocketagent.terminal.conversation import Conversation
from pocketagent.terminal.status import MODES, PLAIN_SPINNER, SPINNER, Status

if TYPE_CHECKING:
    from pocketagent.terminal.cards import Card
    from pocketagent.terminal.drawing import Pen

MAX_CALLS, MAX_WAITING = 6, 4
"""Lines for the tools at work, and for the prompts that wait."""
LEAST_WRITING = 1
"""Lines of the text that is being written, whatever else there is."""
HINT = 4.0
"""Seconds for which a hint stays."""
TURNS_A_SECOND = 10


@define(eq=False)
class View:
    """The picture. `clock`: seconds that only go on; `now`: seconds since 1970. `sending`: the prompts that the server
    has not heard of. `confirms`: a question of our own, for y or n. `mode` and `model`: what the next prompt asks for,
    None for the server's own."""

    clock: Callable[[], float]
    now: Callable[[], float]
    unicode: bool = True
    conversation: Conversation = field(factory=Conversation)
    status_line: Status = field(factory=Status)
    pen: "Pen | None" = None
    asks: "Card | None" = None
    confirms: str = ""
    sending: Sequence[str] = ()
    mode: PermissionMode | None = None
    model: str | None = None
    _hint_until: float = 0.0
    _drawn: tuple[object, str] = (None, "")

    def hint(self, text: str) -> None:
        """Something to know for a moment."""
        self.status_line.hint = text
        self._hint_until = self.clock() + HINT

    # -- Picture ----------------------------------------------------------------------------------------------

    def live(self, width: int, height: int) -> str:
        if self.pen is None:
            return ""
        conversation, pen = self.conversation, self.pen
        pen.resize(width, pen.height)
        below = []
        if self.asks is None:
            below += [pen.call(call, self.now()) for call in [*conversation.calls][-MAX_CALLS:]]
        text = self._writing(pen, width)
        if conversation.state is State.EXECUTING and not text and not below and self.asks is None:
            what = conversation.doing or ("thinking" if conversation.is_thinking else "working")
            below.append(cut(f"{self._spinner()} {escaped(what)} {self._dots}", width, self._dots))
        waiting = [message.prompt for message in conversation.waiting.values()]
        below += self._prompts(waiting, "waits", width)
        below += self._prompts(self.sending, "not sent yet", width)
        room = max(LEAST_WRITING, height - len(below) - 1)
        above = ["", *text.split("\n")[-room:]] if text else []
        return "\n".join([*above, *below])

    @property
    def has_card(self) -> bool:
        return bool(self.confirms) or self.asks is not None

    def card(self, width: int, height: int) -> str:
        if self.confirms:
            return "\n".join(wrapped(f"{escaped(self.confirms)} [y/n]", max(1, width - 1)))
        if self.asks is None or self.pen is None:
            return ""
        return "\n" + self.pen.drawn(self.asks.render(width, height - 1))

    def status(self, width: int) -> StyleAndTextTuples:
        line, conversation = self.status_line, self.conversation
        if self.clock() > self._hint_until:
            line.hint = ""
        running = conversation.state is State.EXECUTING
        line.project, line.state = conversation.name, conversation.state
        line.is_asking = self.asks is not None
        line.seconds = self.now() - conversation.since if running else 0.0
        line.queued = len(conversation.waiting)
        chosen = self.mode.value if self.mode else "default"
        line.mode = conversation.mode if running and conversation.mode else chosen
        line.model = (conversation.model if running else self.model) or conversation.model
        return [*line.line(width, self.clock(), self.unicode)]

    def placeholder(self, width: int) -> str:
        text = "What should the agent do?  / for commands"
        if self.conversation.state is State.EXECUTING:
            text = "Write the next prompt: it waits its turn. Ctrl-C interrupts."
        return cut(text, width, self._dots)

    # -- its parts --------------------------------------------------------------------------------------------

    def _writing(self, pen: "Pen", width: int) -> str:
        """The text that is being written; drawn when it has changed, for the picture is asked for more often."""
        writing = self.conversation.writing
        key = writing.rest, writing.has_begun, width, pen.height
        if self._drawn[0] != key:
            self._drawn = key, pen.writing(writing.rest, not writing.has_begun) if writing.rest.strip() else ""
        return self._drawn[1]

    @property
    def _dots(self) -> str:
        return "…" if self.unicode else "..."

    def _spinner(self) -> str:
        frames = SPINNER if self.unicode else PLAIN_SPINNER
        return frames[int(self.clock() * TURNS_A_SECOND) % len(frames)]

    def _prompts(self, texts: Sequence[str], word: str, width: int) -> Sequence[str]:
        """Prompts that are not at their turn, a line each."""
        lines = []
        for number, text in enumerate(texts[:MAX_WAITING], start=1):
            head, tail = f"  {number}. ", f" ({word})"
            flat = escaped(" ".join(text[: max(0, width)].split()))
            room = max(0, width - len(head) - len(tail))
            more = self._dots if len(text) > width and width_of(flat) <= room - len(self._dots) else ""
            lines.append(cut(f"{head}{cut(flat, room, self._dots)}{more}{tail}", width, self._dots))
        if len(texts) > MAX_WAITING:
            lines.append(cut(f"  and {len(texts) - MAX_WAITING} more ({word})", width, self._dots))
        return lines


def mode_in_words(mode: PermissionMode) -> str:
    return MODES[mode.value]
