# -*- test-case-name: tests.terminal.test_uses -*-
"""The use of a tool, drawn: its line, and below it what a person wants to see of what came of it."""

import re
from collections.abc import Iterator, Mapping, Sequence

from attrs import define
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.text import Text

from pocketagent.domain.agent import Behavior
from pocketagent.domain.events import Reason
from pocketagent.domain.text import harmless
from pocketagent.terminal import tools
from pocketagent.terminal.diffs import MAX_DIFF_LINES, diff_of, draw
from pocketagent.terminal.outcomes import line_count, outcome
from pocketagent.terminal.paper import MAX_FOLDED, Line, Paper
from pocketagent.terminal.shown import Answered, Call, Called
from pocketagent.terminal.tools import one_line

MAX_NAME = 24
"""Characters of a device's name."""
ERROR_LINES = 5
"""Of a tool that failed, the last ones."""
NEW_FILE_LINES = 10
"""Of a file that did not exist before."""
PLAN_LINES = 60
TODOS = 30
ANSWERS = 10
SHORT = 1.0
"""Seconds; what took less is not told with its time."""

_MIN_CELLS = 10
"""Of a title, and of an outcome, however narrow the terminal is."""
_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_ASCII_FRAMES = "|/-\\"
_FRAMES_A_SECOND = 10
_REASONS: Mapping[Reason, str] = {
    Reason.ANSWERED: "",
    Reason.EXPIRED: "nobody answered in time",
    Reason.INTERRUPTED: "interrupted",
    Reason.KILLED: "the agent was stopped",
    Reason.ENDED: "the turn ended",
    Reason.RESTART: "the server started anew",
    Reason.REMOVED: "taken back",
    Reason.ERROR: "something went wrong",
}
_TODO_MARKS: Mapping[object, tuple[str, str]] = {
    "completed": ("☑", "dim"),
    "in_progress": ("▶", "bold"),
}
_MAX_SECONDS = 10.0**9


@define(eq=False)
class Uses:
    """Draws on this paper. `root`: the project's directory; `me`: the name of this device."""

    paper: Paper
    root: str
    me: str

    def running(self, call: Call, now: float) -> Iterator[Line]:
        """A tool that is at work, in one line."""
        seconds = max(0.0, now - call.began)
        frames = _FRAMES if self.paper.unicode else _ASCII_FRAMES
        frame = frames[int(finite(seconds) * _FRAMES_A_SECOND) % len(frames)]
        lead = Text.assemble((self._indent(call), "dim"), (f"{frame} ", "yellow"))
        told = [duration(seconds)] if seconds >= SHORT else []
        return self.paper.lines(self.headline(lead, call.name, call.input, told))

    def over(self, one: Called) -> Iterator[Line]:
        """A call that is over, and what came of it."""
        call = one.call
        came = outcome(one)
        if call.denied is not None:
            yield from self._denied(one, call.denied, came)
            return
        told = [*([came] if came else []), *([duration(one.seconds)] if one.seconds >= SHORT else [])]
        sign = self.paper.sign("● ") if call.parent is None else self._indent(call)
        lead = Text.assemble((sign, "red" if one.is_error else "green"))
        yield from self.paper.lines(self.headline(lead, call.name, call.input, told, one.is_error))
        if call.parent is not None and not one.is_error:
            return
        body = self._complaint(one, came) if one.is_error else self._result(one)
        if body is not None:
            yield from self.paper.hung(Text(" " * len(sign)), body)

    def answered(self, one: Answered) -> Iterator[Line]:
        """A question that is no longer open."""
        sign = {Behavior.ALLOW: "✓ ", Behavior.DENY: "✗ "}.get(one.behavior, "· ")
        lead = Text.assemble((self.paper.sign(sign), "dim"))
        told = [self._verdict(one)]
        return self.paper.lines(self.headline(lead, one.question.tool_name, one.question.input, told, dim=True))

    def headline(
        self,
        lead: Text,
        name: str,
        given: Mapping[str, object],
        told: Sequence[str],
        is_error: bool = False,
        dim: bool = False,
    ) -> Text:
        """`● Bash(make test) · 12 lines · 3.2 s` in one line: what is too long is cut in the middle of its subject."""
        title, subject = (self.paper.sign(one) for one in tools.headline(name, given, self.root))
        room = self.paper.columns - lead.cell_len
        title = self.paper.elided(title, max(_MIN_CELLS, room // 2))
        tail = self._tail(told, room // 2)
        left = room - cell_len(title) - cell_len(tail) - 2
        line = lead.copy()
        line.append(title, "dim" if dim else "bold")
        if subject and left >= 4:
            line.append(f"({self.paper.elided(subject, left)})", "dim" if dim else "")
        line.append(tail, "red" if is_error and not dim else "dim")
        line.truncate(self.paper.columns, overflow="crop")
        line.no_wrap = True
        return line

    def _denied(self, one: Called, answer: Answered, why: str) -> Iterator[Line]:
        """A call that did not run, with the answer and its reason as one."""
        lead = Text(self._indent(one.call) + self.paper.sign("✗ "), "dim")
        words = self._verdict(answer)
        told = [f"{words}: {why}" if why and answer.by is not None else words]
        yield from self.paper.lines(self.headline(lead, one.call.name, one.call.input, told, dim=True))
        body = self._complaint(one, why) if why else None
        if body is not None:
            yield from self.paper.hung(Text(" " * lead.cell_len), body)

    def _complaint(self, one: Called, came: str) -> RenderableType | None:
        text = re.sub(r"\AExit code \d+\n", "", one.output[-MAX_FOLDED:].strip("\r\n"))
        lines = [line for line in harmless(text).split("\n") if line.strip()]
        if not lines or (len(lines) == 1 and not came.startswith("exit ")):
            return None
        return self.paper.last(lines, ERROR_LINES, line_count(one.output))

    def _result(self, one: Called) -> RenderableType | None:
        call = one.call
        if call.name == "TodoWrite":
            return self._todos(call.input)
        if call.name == "AskUserQuestion":
            return self._answers(one.details)
        if call.name == "ExitPlanMode":
            return self._plan(call.input.get("plan"))
        diff = diff_of(call.name, call.input, one.details)
        if diff is None or not diff.hunks:
            return None
        return draw(diff, NEW_FILE_LINES if diff.is_new else MAX_DIFF_LINES, self.paper.unicode)

    def _todos(self, given: Mapping[str, object]) -> RenderableType | None:
        todos = given.get("todos")
        if not isinstance(todos, list | tuple) or not todos:
            return None
        lines = []
        for todo in todos[:TODOS]:
            if isinstance(todo, Mapping):
                status = todo.get("status")
                mark, style = _TODO_MARKS.get(status if isinstance(status, str) else "", ("☐", ""))
                lines.append(Text(f"{self.paper.sign(mark)} {one_line(_str(todo.get('content')), 500)}", style))
        if len(todos) > TODOS:
            lines.append(self.paper.more(len(todos) - TODOS))
        return Group(*lines)

    def _answers(self, details: Mapping[str, object]) -> RenderableType | None:
        answers = details.get("answers")
        if not isinstance(answers, Mapping) or not answers:
            return None
        lines = []
        for question, answer in list(answers.items())[:ANSWERS]:
            told = ", ".join(map(_str, answer)) if isinstance(answer, list | tuple) else _str(answer)
            asked = f"{one_line(_str(question), 500)} {self.paper.sign('→')} "
            lines.append(Text.assemble((asked, "dim"), (one_line(told, 500), "bold")))
        return Group(*lines)

    def _plan(self, plan: object) -> RenderableType | None:
        if not isinstance(plan, str) or not plan.strip():
            return None
        from pocketagent.terminal.prose import Prose

        lines = plan.strip().split("\n")
        shown = Prose("\n".join(lines[:PLAN_LINES]), self.paper.unicode)
        return Group(shown, self.paper.more(len(lines) - PLAN_LINES)) if len(lines) > PLAN_LINES else shown

    def _verdict(self, one: Answered) -> str:
        """`denied by you`, `denied: nobody answered in time`."""
        words = {Behavior.ALLOW: "allowed", Behavior.DENY: "denied"}.get(one.behavior, "no longer asked")
        if one.behavior is Behavior.ALLOW and one.question.tool_name == "AskUserQuestion":
            words = "answered"
        if one.by is not None:
            words += f" by {'you' if one.by == self.me else one_line(one.by, MAX_NAME)}"
        if why := _REASONS.get(one.reason, ""):
            words += f": {why}"
        return words

    def _tail(self, told: Sequence[str], cells: int) -> str:
        """` · 12 lines · 3.2 s`, as much of it from its begin as has room."""
        parts = [f" · {one}" for one in " · ".join(told).split(" · ") if one]
        while len(parts) > 1 and cell_len("".join(parts)) > cells:
            parts.pop()
        return self.paper.elided(self.paper.sign("".join(parts)), max(_MIN_CELLS, cells))

    def _indent(self, call: Call) -> str:
        return "" if call.parent is None else self.paper.sign("  └ ")


def duration(seconds: float) -> str:
    """`3.2 s`, `2 min 05 s`, `1 h 02 min`."""
    whole = finite(seconds)
    if whole < 59.95:
        return f"{whole:.1f} s"
    minutes, rest = divmod(round(whole), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60:02} min"


def finite(seconds: float) -> float:
    return min(max(seconds, 0.0), _MAX_SECONDS) if seconds == seconds else 0.0


def _str(value: object) -> str:
    return value if isinstance(value, str) else ""
