# -*- test-case-name: tests.terminal.test_status -*-
"""The last line: how the connection stands, what the project does, how the agent is set up, what it has cost."""

from collections.abc import Sequence

from attrs import define, field

from pocketagent.client.standing import Phase, Standing
from pocketagent.domain.events import State
from pocketagent.domain.text import escaped

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
PLAIN_SPINNER = "|/-\\"

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
        """The line, at most `width` characters wide. `now`: seconds of the clock that `retry_at` was taken from."""
        left = [*self._connection(now, unicode), *self._project()]
        right = [("class:status.hint", self.hint)] if self.hint else self._agent()
        return _fitted(left, right, width, " · " if unicode else " | ")

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
        return [("class:status.name", escaped(self.project)), (style, word)]

    def _agent(self) -> Fragments:
        parts: Fragments = []
        if self.mode:
            parts.append((f"class:status.mode.{self.mode.lower()}", MODES.get(self.mode, escaped(self.mode))))
        if self.model:
            parts.append(("class:status", escaped(self.model).removeprefix("claude-")))
        if self.cost_usd is not None:
            parts.append(("class:status", f"${self.cost_usd:.2f}"))
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


def _fitted(left: Fragments, right: Fragments, width: int, between: str) -> Fragments:
    """Both sides on one line: what stands last on the right goes first when there is no room."""
    while right and _width(left, between) + _width(right, between) + 2 > width and len(right) > 1:
        right = right[:-1]
    room = width - _width(left, between) - 2
    if right and _width(right, between) > room:
        style, text = right[0]
        right = [(style, text[: max(0, room - 1)] + "…")] if room > 8 else []
    gap = max(1, width - _width(left, between) - _width(right, between))
    line = [*_joined(left, between), ("", " " * gap if right else ""), *_joined(right, between)]
    return _cut(line, width)


def _joined(parts: Sequence[tuple[str, str]], between: str) -> Fragments:
    line: Fragments = []
    for number, part in enumerate(parts):
        if number:
            line.append(("class:status", between))
        line.append(part)
    return line


def _width(parts: Sequence[tuple[str, str]], between: str) -> int:
    return sum(len(text) for _, text in parts) + len(between) * max(0, len(parts) - 1)


def _cut(line: Fragments, width: int) -> Fragments:
    cut: Fragments = []
    for style, text in line:
        cut.append((style, text[: max(0, width)]))
        width -= len(text)
    return cut
