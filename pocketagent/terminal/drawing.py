# -*- test-case-name: tests.terminal.test_drawing -*-
"""What a person reads, as text for a terminal: only colours and lines, whatever it holds.

The sixteen colours of the terminal itself are used and never a ground of our own, so that it is legible on light and
on dark.
"""

import json
import re
from collections.abc import Iterator

from attrs import define, field
from rich.console import Group, RenderableType
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from pocketagent.domain.agent import Behavior
from pocketagent.domain.text import harmless
from pocketagent.terminal.outcomes import line_count
from pocketagent.terminal.paper import MAX_FOLDED, Line, Paper, bounded
from pocketagent.terminal.shown import Answered, Call, Called, Ended, Failed, Notice, Prompted, Said, Shown, Thought
from pocketagent.terminal.tools import counted, one_line
from pocketagent.terminal.uses import MAX_NAME, Uses, duration

MAX_ATTACHED = 60
"""Characters of the name of an attachment."""
MAX_PROMPT = 20_000
"""Characters of a prompt that are shown."""
THOUGHT_LINES = 2
STDERR_LINES = 8
"""Of an execution that failed, the last ones."""
NOTICE_LINES = 100
RESERVED_LINES = 8
"""Rows of the terminal that a text which is being written leaves to the rest of the live region."""
MIN_WRITING_LINES, MAX_WRITING_LINES = 3, 16
"""Of a text that is being written; each of them is drawn anew with every word."""

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_HALF = re.compile(r"\s*(?:[-+*=_#>|`~]+|\d+[.)]?)\s*")
"""A last line that says nothing yet, and may come to mean anything."""


@define(eq=False, kw_only=True)
class Pen:
    """Draws for a terminal of so many columns and rows.

    `color` False: not one escape sequence. `root`: the project's directory. `unicode` False: our own signs are ASCII.
    `me`: the name of this device. It remembers whether a blank line belongs before what comes next.
    """

    width: int
    height: int
    color: bool = True
    root: str = ""
    unicode: bool = True
    me: str = ""
    _tight: bool = False
    _paper: Paper = field(init=False)
    _uses: Uses = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._take_paper()

    def resize(self, width: int, height: int) -> None:
        """The terminal has another size from now on."""
        is_another = width != self.width
        self.width, self.height = width, height
        if is_another:
            self._take_paper()

    def _take_paper(self) -> None:
        self._paper = Paper(self.width, self.color, self.unicode)
        self._uses = Uses(self._paper, self.root, self.me)

    def shown(self, one: Shown) -> str:
        """What is printed once and stands: whole lines, each with its end. A blank line comes first where what it is
        differs from what was drawn before."""
        if isinstance(one, Answered) and one.behavior is Behavior.ALLOW and one.by == self.me:
            return ""  # whoever pressed the key sees what comes of it
        lines = list(self._drawn(one))
        tight = isinstance(one, Called | Answered | Notice) and len(lines) == 1
        gap = [] if tight and self._tight else [()]
        self._tight = tight
        return "".join(f"{line}\n" for line in self._paper.ansi([*gap, *lines]))

    def writing(self, text: str, begins: bool = True) -> str:
        """A Markdown text that is not finished, for the live region: as much of its end as fits in the terminal beside
        the rest. Without an end of line at the end."""
        room = min(MAX_WRITING_LINES, max(MIN_WRITING_LINES, self.height - RESERVED_LINES))
        tail, cut = _tail(text, room, self._paper.columns)
        lines = list(self._said(tail, begins and not cut))
        return "\n".join(self._paper.ansi(lines[-room:]))

    def call(self, call: Call, now: float) -> str:
        """A tool that runs, in one line without its end."""
        return "\n".join(self._paper.ansi(self._uses.running(call, now)))

    def drawn(self, what: RenderableType) -> str:
        """Anything that rich can lay out, as whole lines: the card of a question."""
        return "".join(f"{line}\n" for line in self._paper.ansi(self._paper.lines(what)))

    def whole(self, one: Called, limit: int) -> str:
        """A call with all that went in and came out, each in at most so many lines."""
        given = json.dumps(one.call.input, indent=2, ensure_ascii=False, default=str)
        self._tight = False
        parts = [self._uses.headline(Text(self._paper.sign("● "), "cyan"), one.call.name, one.call.input, [])]
        for text in (given, one.output):
            lines = harmless(text.strip("\n")).split("\n")
            parts += [Text(f"  {line}", "dim") for line in lines[:limit]]
            parts += [self._paper.more(len(lines) - limit)] if len(lines) > limit else []
        return "\n" + self.drawn(Group(*parts))

    # -- each kind ----------------------------------------------------------------------------------------------

    def _drawn(self, one: Shown) -> Iterator[Line]:
        match one:
            case Prompted():
                return self._prompted(one)
            case Said():
                return self._said(one.text, one.begins)
            case Thought():
                return self._thought(one)
            case Called():
                return self._uses.over(one)
            case Answered():
                return self._uses.answered(one)
            case Ended():
                return self._ended(one)
            case Failed():
                return self._failed(one)
            case Notice():
                return self._notice(one)

    def _prompted(self, one: Prompted) -> Iterator[Line]:
        text = bounded(one.text.strip(), MAX_PROMPT)
        lead = Text()
        if one.by != self.me:
            lead.append(f"{one_line(one.by, MAX_NAME)} ", "magenta bold")
        lead.append(self._paper.sign("› "), "cyan bold")
        attached = Text("".join(f"\n+ {one_line(name, MAX_ATTACHED)}" for name in one.attached), "dim")
        lines = self._paper.lines(Text.assemble(lead, (text, "bold"), attached), self._paper.columns - 2)
        return ([*([Segment("  ")] if at else []), *line] for at, line in enumerate(lines))

    def _said(self, text: str, begins: bool) -> Iterator[Line]:
        from pocketagent.terminal.prose import Prose

        return self._paper.hung(Text(self._paper.sign("● ") if begins else "  "), Prose(text, self.unicode))

    def _thought(self, one: Thought) -> Iterator[Line]:
        style = Style(dim=True, italic=True)
        words = harmless(one.text).split()
        shown = Text(" ".join(words[:200]), style)
        lines = shown.wrap(self._paper.console, max(1, self._paper.columns - 2))
        kept = lines[:THOUGHT_LINES]
        told = sum(len(line.plain.split()) for line in kept)
        body: list[RenderableType] = list(kept)
        if told < len(words):
            body.append(Text(self._paper.sign(f"… {counted(len(words) - told, 'more word')}"), "dim"))
        return self._paper.hung(Text(self._paper.sign("✻ "), style), Group(*body))

    def _ended(self, one: Ended) -> Iterator[Line]:
        told = [duration(one.seconds)]
        if one.cost_usd:
            told.append(f"${one.cost_usd:,.2f}" if one.cost_usd >= 0.01 else "<$0.01")
        figures = self._paper.sign(" · ".join(told))
        outcome = bounded(one.outcome.strip(), MAX_FOLDED)
        if not outcome:
            return self._paper.hung(Text(self._paper.sign("✓ "), "dim"), Text(figures, "dim"))
        said = Text.assemble((outcome, "yellow"), (f"  {figures}", "dim"))
        return self._paper.hung(Text(self._paper.sign("✗ "), "yellow"), said)

    def _failed(self, one: Failed) -> Iterator[Line]:
        code = f" ({one_line(one.code, 100)})" if one.code else ""
        message = bounded(one.message.strip(), MAX_FOLDED) or "It failed."
        said = Text.assemble((message, "red bold"), (code, "dim"))
        yield from self._paper.hung(Text(self._paper.sign("✗ "), "red bold"), said)
        lines = [line for line in harmless(one.stderr[-MAX_FOLDED:]).split("\n") if line.strip()]
        if lines:
            yield from self._paper.hung(Text("  "), self._paper.last(lines, STDERR_LINES, line_count(one.stderr)))

    def _notice(self, one: Notice) -> Iterator[Line]:
        said = Text(bounded(one.text.strip(), MAX_FOLDED), "dim")
        yield from self._paper.hung(Text(self._paper.sign("· "), "dim"), said)
        for line in one.lines[:NOTICE_LINES]:
            yield from self._paper.hung(Text("    "), Text(bounded(line, MAX_FOLDED), "dim"))
        if len(one.lines) > NOTICE_LINES:
            yield from self._paper.hung(Text("    "), self._paper.more(len(one.lines) - NOTICE_LINES))


def _tail(text: str, room: int, columns: int) -> tuple[str, bool]:
    """As much of the end of a Markdown text as can fill so many rows, and whether that is less than all of it. A
    block of code that is cut begins anew, a long paragraph with one of its words."""
    lines = text.split("\n")
    if len(lines) > 1 and _HALF.fullmatch(lines[-1]):
        lines.pop()
    first = max(0, len(lines) - room)
    fence = ""
    for line in lines[:first]:
        if found := _FENCE.fullmatch(line):
            mark = found.group(1)
            if not fence:
                fence = line
            elif mark[0] == fence.lstrip()[0] and not found.group(2).strip():
                fence = ""
    kept = "\n".join(lines[first:])
    if not fence and len(kept) > room * columns:
        kept, first = kept[-room * columns :].partition(" ")[2], 1
    return f"{fence}\n{kept}" if fence else kept, first > 0
