# -*- test-case-name: tests.terminal.test_status -*-
"""The last line: how the connection stands, what the project does, how the agent is set up, what it has cost."""

from collections.abc import Sequence

from attrs import define, field

from pocketagent.client.standing import Phase, Standing
from pocketagent.domain.events import State
from pocketagent.domain.text import escaped
from pocketagent.terminal.cells import cut, width_of

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
PLAIN_SPINNER = "|/-\\"

GAP = 2
"""Cells between the two sides."""
LEAST = 9
"""Cells of the right side that are worth showing."""
LEAST_NAME = 4
"""Cells of a project's name that are worth showing."""
NAME = "class:status.name"

Fragments = list[tuple[str, str]]
"""Styled pieces of text, as prompt_toolkit takes them."""


@define
class Status:
    """What the line tells. `model` and `mode`: how the next prompt is run, or the one that runs; tokens and cost are
    None while nobody has told them. `hint` takes the place of all that is less pressing."""

    standing: Standing = field(default=Standing(Phase.CONNECTING))
    retry_at: float = 0.0
    project: str = ""
    state: State = State.IDLE
    is_asking: bool = False
    seconds: float = 0.0
    mode: str = ""
    model: str = ""
    cost_usd: float | None = None
    total_tokens: int | None = None
    max_tokens: int | None = None
    queued: int = 0
    hint: str = ""

    def line(self, width: int, now: float, unicode: bool = True) -> Fragments:
        """The line, at most `width` cells wide. `now`: seconds of the clock that `retry_at` was taken from."""
        left = [*self._connection(now, unicode), *self._project()]
        right = [("class:status.hint", escaped(self.hint))] if self.hint else self._agent()
        return _fitted(left, right, width, *((" · ", "…") if unicode else (" | ", "...")))

    def _connection(self, now: float, unicode: bool) -> Fragments:
        dot = "●" if unicode else "*"
        match self.standing.phase:
            case Phase.CONNECTED:
                return [("class:status.good", dot)]
            case Phase.CONNECTING:
                return [("class:status.fair", f"{dot} connecting")]
            case Phase.WAITING:
                seconds = max(0, round(self.retry_at - now))
                return [
                    ("class:status.fair", f"{dot} no connection, next try {f'in {seconds} s' if seconds else 'now'}")
                ]
            case Phase.CLOSED:
                return [("class:status.bad", f"{dot} not connected")]

    def _project(self) -> Fragments:
        if not self.project:
            return []
        if self.is_asking:
            word, style = "waits for you", "class:status.fair"
        elif self.state is State.EXECUTING:
            word, style = f"working {spelt(self.seconds)}", "class:status.busy"
        elif self.state is State.ERROR:
            word, style = "error", "class:status.bad"
        else:
            word, style = "idle", "class:status"
        if self.queued:
            word += f" +{self.queued}"
        return [(NAME, escaped(self.project)), (style, word)]

    def _agent(self) -> Fragments:
        parts: Fragments = []
        if self.mode:
            known = MODES.get(self.mode)
            style = f"class:status.mode.{self.mode.lower()}" if known else "class:status"
            parts.append((style, known or escaped(self.mode)))
        if self.model:
            parts.append(("class:status", escaped(self.model).removeprefix("claude-")))
        if self.cost_usd:
            parts.append(("class:status", f"${self.cost_usd:.2f}" if self.cost_usd >= 0.01 else "<$0.01"))
        if self.total_tokens is not None and self.max_tokens:
            share = self.total_tokens / self.max_tokens
            style = "class:status.bad" if share > 0.9 else "class:status.fair" if share > 0.7 else "class:status"
            parts.append((style, f"{share:.0%} context"))
        return parts


MODES = {
    "default": "asks first",
    "acceptEdits": "accepts edits",
    "plan": "plans only",
    "auto": "auto",
    "dontAsk": "never asks",
    "bypassPermissions": "bypasses permissions",
}
"""The CLI's modes, in words."""


def spelt(seconds: float) -> str:
    """A duration as people say it: 12 s, 3 m 04 s, 2 h 05 m."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} m"


def _fitted(left: Fragments, right: Fragments, width: int, between: str, dots: str) -> Fragments:
    """Both sides on one line. Where there is no room, what stands last on the right goes first, then the rest of the
    right, then the project's name, from its end."""
    room = width - _width(left, between) - GAP
    while len(right) > 1 and _width(right, between) > room:
        right = right[:-1]
    if right and _width(right, between) > room:
        style, text = right[0]
        right = [(style, cut(text, room, dots))] if room >= LEAST else []
    if not right:
        return _cut(_joined(_narrowed(left, width, between, dots), between), width, dots)
    gap = width - _width(left, between) - _width(right, between)
    return [*_joined(left, between), ("", " " * gap), *_joined(right, between)]


def _narrowed(parts: Fragments, width: int, between: str, dots: str) -> Fragments:
    """The name takes what room there is, if it is worth it."""
    over = _width(parts, between) - width
    narrow: Fragments = []
    for style, text in parts:
        if over <= 0 or style != NAME:
            narrow.append((style, text))
        elif (room := width_of(text) - over) >= LEAST_NAME:
            narrow.append((style, cut(text, room, dots)))
    return narrow


def _joined(parts: Sequence[tuple[str, str]], between: str) -> Fragments:
    line: Fragments = []
    for number, part in enumerate(parts):
        if number:
            line.append(("class:status", between))
        line.append(part)
    return line


def _width(parts: Sequence[tuple[str, str]], between: str) -> int:
    return sum(width_of(text) for _, text in parts) + len(between) * max(0, len(parts) - 1)


def _cut(line: Fragments, width: int, dots: str) -> Fragments:
    if _width(line, "") <= width:
        return line
    short: Fragments = []
    for style, text in line:
        whole = width_of(text) <= width - len(dots)
        short.append((style, text if whole else cut(text, width, dots)))
        if not whole:
            break
        width -= width_of(text)
    return short
