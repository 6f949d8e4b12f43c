# -*- test-case-name: tests.terminal.test_drawing -*-
"""What a person reads, as text for a terminal: only colours and lines, whatever it holds.

The sixteen colours of the terminal itself are used and never a ground of our own, so that it is legible on light and
on dark.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO

from attrs import define
from rich.cells import cell_len, set_cell_size
from rich.color import ColorSystem
from rich.console import Console, Group, RenderableType
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from pocketagent.domain.agent import Behavior
from pocketagent.domain.events import Reason
from pocketagent.domain.text import harmless
from pocketagent.terminal import tools
from pocketagent.terminal.diffs import MAX_DIFF_LINES, diff_of, draw
from pocketagent.terminal.shown import Answered, Call, Called, Ended, Failed, Notice, Prompted, Said, Shown, Thought

MIN_WIDTH = 20
"""Columns that are drawn for, however narrow the terminal is."""
MAX_NAME = 24
"""Characters of a device's name."""
MAX_ATTACHED = 60
"""Characters of the name of an attachment."""
MAX_PROMPT = 20_000
"""Characters of a prompt that are shown."""
THOUGHT_LINES = 2
ERROR_LINES = 5
"""Of a tool that failed, the last ones."""
STDERR_LINES = 8
"""Of an execution that failed, the last ones."""
NEW_FILE_LINES = 10
"""Of a file that did not exist before."""
PLAN_LINES = 60
NOTICE_LINES = 100
TODOS = 30
ANSWERS = 10
SHORT = 1.0
"""Seconds; what took less is not told with its time."""
RESERVED_LINES = 8
"""Rows of the terminal that a text which is being written leaves to the rest of the live region."""
MIN_WRITING_LINES, MAX_WRITING_LINES = 3, 16
"""Of a text that is being written; each of them is drawn anew with every word."""

_MAX_FOLDED = 4_000
"""Characters of what is folded that are looked at."""

_MIN_CELLS = 10
"""Of a title, and of an outcome, however narrow the terminal is."""

_SIGNS = "●›✻✓✗·…−–→└☐☑▶"
_INSTEAD = ("*", ">", "~", "+", "x", "-", "...", "-", "-", "->", "\\", "[ ]", "[x]", "[>]")
_ASCII = str.maketrans(dict(zip(_SIGNS, _INSTEAD, strict=True)))
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

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_HALF = re.compile(r"\s*(?:[-+*=_#>|`~]+|\d+[.)]?)\s*")
"""A last line that says nothing yet, and may come to mean anything."""

_MAX_SECONDS = 10.0**9

_Line = Sequence[Segment]


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
    _console: Console | None = None
    _tight: bool = False

    def resize(self, width: int, height: int) -> None:
        """The terminal has another size from now on."""
        if width != self.width:
            self._console = None
        self.width, self.height = width, height

    def shown(self, one: Shown) -> str:
        """What is printed once and stands: whole lines, each with its end. A blank line comes first where what it is
        differs from what was drawn before."""
        if isinstance(one, Answered) and one.behavior is Behavior.ALLOW and one.by == self.me:
            return ""  # whoever pressed the key sees what comes of it
        lines = list(self._drawn(one))
        tight = isinstance(one, Called | Answered | Notice) and len(lines) == 1
        gap = [] if tight and self._tight else [()]
        self._tight = tight
        return "".join(f"{line}\n" for line in self._ansi([*gap, *lines]))

    def writing(self, text: str, begins: bool = True) -> str:
        """A Markdown text that is not finished, for the live region: as much of its end as fits in the terminal beside
        the rest. Without an end of line at the end."""
        room = min(MAX_WRITING_LINES, max(MIN_WRITING_LINES, self.height - RESERVED_LINES))
        tail, cut = _tail(text, room, self._columns)
        lines = list(self._said(tail, begins and not cut))
        return "\n".join(self._ansi(lines[-room:]))

    def call(self, call: Call, now: float) -> str:
        """A tool that runs, in one line without its end."""
        seconds = max(0.0, now - call.began)
        frames = _FRAMES if self.unicode else _ASCII_FRAMES
        frame = frames[int(_finite(seconds) * _FRAMES_A_SECOND) % len(frames)]
        lead = Text.assemble((self._indent(call), "dim"), (f"{frame} ", "yellow"))
        told = [_duration(seconds)] if seconds >= SHORT else []
        return "\n".join(self._ansi(self._lines(self._headline(lead, call.name, call.input, told))))

    def drawn(self, what: RenderableType) -> str:
        """Anything that rich can lay out, as whole lines: the card of a question."""
        return "".join(f"{line}\n" for line in self._ansi(self._lines(what)))

    def whole(self, one: Called, limit: int) -> str:
        """A call with all that went in and came out, each in at most so many lines."""
        given = json.dumps(one.call.input, indent=2, ensure_ascii=False, default=str)
        self._tight = False
        parts = [self._headline(Text(self._sign("● "), "cyan"), one.call.name, one.call.input, [])]
        for text in (given, one.output):
            lines = harmless(text.strip("\n")).split("\n")
            parts += [Text(f"  {line}", "dim") for line in lines[:limit]]
            parts += [self._more(len(lines) - limit)] if len(lines) > limit else []
        return "\n" + self.drawn(Group(*parts))

    # -- each kind ----------------------------------------------------------------------------------------------

    def _drawn(self, one: Shown) -> Iterator[_Line]:
        match one:
            case Prompted():
                return self._prompted(one)
            case Said():
                return self._said(one.text, one.begins)
            case Thought():
                return self._thought(one)
            case Called():
                return self._called(one)
            case Answered():
                return self._answered(one)
            case Ended():
                return self._ended(one)
            case Failed():
                return self._failed(one)
            case Notice():
                return self._notice(one)

    def _prompted(self, one: Prompted) -> Iterator[_Line]:
        text = _bounded(one.text.strip(), MAX_PROMPT)
        lead = Text()
        if one.by != self.me:
            lead.append(f"{tools.one_line(one.by, MAX_NAME)} ", "magenta bold")
        lead.append(self._sign("› "), "cyan bold")
        attached = Text("".join(f"\n+ {tools.one_line(name, MAX_ATTACHED)}" for name in one.attached), "dim")
        lines = self._lines(Text.assemble(lead, (text, "bold"), attached), self._columns - 2)
        return ([*([Segment("  ")] if at else []), *line] for at, line in enumerate(lines))

    def _said(self, text: str, begins: bool) -> Iterator[_Line]:
        from pocketagent.terminal.prose import Prose

        return self._hung(Text(self._sign("● ") if begins else "  "), Prose(text, self.unicode))

    def _thought(self, one: Thought) -> Iterator[_Line]:
        style = Style(dim=True, italic=True)
        words = harmless(one.text).split()
        shown = Text(" ".join(words[:200]), style)
        lines = shown.wrap(self.console, max(1, self._columns - 2))
        kept = lines[:THOUGHT_LINES]
        told = sum(len(line.plain.split()) for line in kept)
        body: list[RenderableType] = list(kept)
        if told < len(words):
            body.append(Text(self._sign(f"… {tools.counted(len(words) - told, 'more word')}"), "dim"))
        return self._hung(Text(self._sign("✻ "), style), Group(*body))

    def _called(self, one: Called) -> Iterator[_Line]:
        call = one.call
        outcome = tools.outcome(one)
        if call.denied is not None:
            yield from self._denied(one, call.denied, outcome)
            return
        told = [*([outcome] if outcome else []), *([_duration(one.seconds)] if one.seconds >= SHORT else [])]
        sign = self._sign("● ") if call.parent is None else self._indent(call)
        lead = Text.assemble((sign, "red" if one.is_error else "green"))
        yield from self._lines(self._headline(lead, call.name, call.input, told, one.is_error))
        if call.parent is not None and not one.is_error:
            return
        body = self._refused(one, outcome) if one.is_error else self._result(one)
        if body is not None:
            yield from self._hung(Text(" " * len(sign)), body)

    def _denied(self, one: Called, answer: Answered, why: str) -> Iterator[_Line]:
        """A call that did not run, with the answer and its reason as one."""
        lead = Text(self._indent(one.call) + self._sign("✗ "), "dim")
        words = self._verdict(answer)
        told = [f"{words}: {why}" if why and answer.by is not None else words]
        yield from self._lines(self._headline(lead, one.call.name, one.call.input, told, dim=True))
        body = self._refused(one, why) if why else None
        if body is not None:
            yield from self._hung(Text(" " * lead.cell_len), body)

    def _refused(self, one: Called, outcome: str) -> RenderableType | None:
        text = re.sub(r"\AExit code \d+\n", "", one.output[-_MAX_FOLDED:].strip("\r\n"))
        lines = [line for line in harmless(text).split("\n") if line.strip()]
        if not lines or (len(lines) == 1 and not outcome.startswith("exit ")):
            return None
        return self._last(lines, ERROR_LINES, tools.line_count(one.output))

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
        return draw(diff, NEW_FILE_LINES if diff.is_new else MAX_DIFF_LINES, self.unicode)

    def _todos(self, given: Mapping[str, object]) -> RenderableType | None:
        todos = given.get("todos")
        if not isinstance(todos, list | tuple) or not todos:
            return None
        lines = []
        for todo in todos[:TODOS]:
            if isinstance(todo, Mapping):
                status = todo.get("status")
                mark, style = _TODO_MARKS.get(status if isinstance(status, str) else "", ("☐", ""))
                lines.append(Text(f"{self._sign(mark)} {tools.one_line(_str(todo.get('content')), 500)}", style))
        if len(todos) > TODOS:
            lines.append(self._more(len(todos) - TODOS))
        return Group(*lines)

    def _answers(self, details: Mapping[str, object]) -> RenderableType | None:
        answers = details.get("answers")
        if not isinstance(answers, Mapping) or not answers:
            return None
        lines = []
        for question, answer in list(answers.items())[:ANSWERS]:
            told = ", ".join(map(_str, answer)) if isinstance(answer, list | tuple) else _str(answer)
            asked = f"{tools.one_line(_str(question), 500)} {self._sign('→')} "
            lines.append(Text.assemble((asked, "dim"), (tools.one_line(told, 500), "bold")))
        return Group(*lines)

    def _plan(self, plan: object) -> RenderableType | None:
        if not isinstance(plan, str) or not plan.strip():
            return None
        from pocketagent.terminal.prose import Prose

        lines = plan.strip().split("\n")
        shown = Prose("\n".join(lines[:PLAN_LINES]), self.unicode)
        return Group(shown, self._more(len(lines) - PLAN_LINES)) if len(lines) > PLAN_LINES else shown

    def _answered(self, one: Answered) -> Iterator[_Line]:
        sign = {Behavior.ALLOW: "✓ ", Behavior.DENY: "✗ "}.get(one.behavior, "· ")
        lead = Text.assemble((self._sign(sign), "dim"))
        told = [self._verdict(one)]
        return self._lines(self._headline(lead, one.question.tool_name, one.question.input, told, dim=True))

    def _verdict(self, one: Answered) -> str:
        """`denied by you`, `denied: nobody answered in time`."""
        words = {Behavior.ALLOW: "allowed", Behavior.DENY: "denied"}.get(one.behavior, "no longer asked")
        if one.behavior is Behavior.ALLOW and one.question.tool_name == "AskUserQuestion":
            words = "answered"
        if one.by is not None:
            words += f" by {'you' if one.by == self.me else tools.one_line(one.by, MAX_NAME)}"
        if why := _REASONS.get(one.reason, ""):
            words += f": {why}"
        return words

    def _ended(self, one: Ended) -> Iterator[_Line]:
        told = [_duration(one.seconds)]
        if one.cost_usd:
            told.append(f"${one.cost_usd:,.2f}" if one.cost_usd >= 0.01 else "<$0.01")
        figures = self._sign(" · ".join(told))
        outcome = _bounded(one.outcome.strip(), _MAX_FOLDED)
        if not outcome:
            return self._hung(Text(self._sign("✓ "), "dim"), Text(figures, "dim"))
        return self._hung(Text(self._sign("✗ "), "yellow"), Text.assemble((outcome, "yellow"), (f"  {figures}", "dim")))

    def _failed(self, one: Failed) -> Iterator[_Line]:
        code = f" ({tools.one_line(one.code, 100)})" if one.code else ""
        message = _bounded(one.message.strip(), _MAX_FOLDED) or "It failed."
        said = Text.assemble((message, "red bold"), (code, "dim"))
        yield from self._hung(Text(self._sign("✗ "), "red bold"), said)
        lines = [line for line in harmless(one.stderr[-_MAX_FOLDED:]).split("\n") if line.strip()]
        if lines:
            yield from self._hung(Text("  "), self._last(lines, STDERR_LINES, tools.line_count(one.stderr)))

    def _notice(self, one: Notice) -> Iterator[_Line]:
        yield from self._hung(Text(self._sign("· "), "dim"), Text(_bounded(one.text.strip(), _MAX_FOLDED), "dim"))
        for line in one.lines[:NOTICE_LINES]:
            yield from self._hung(Text("    "), Text(_bounded(line, _MAX_FOLDED), "dim"))
        if len(one.lines) > NOTICE_LINES:
            yield from self._hung(Text("    "), self._more(len(one.lines) - NOTICE_LINES))

    # -- pieces -------------------------------------------------------------------------------------------------

    def _headline(
        self,
        lead: Text,
        name: str,
        given: Mapping[str, object],
        told: Sequence[str],
        is_error: bool = False,
        dim: bool = False,
    ) -> Text:
        """`● Bash(make test) · 12 lines · 3.2 s` in one line: what is too long is cut in the middle of its subject."""
        title, subject = (self._sign(one) for one in tools.headline(name, given, self.root))
        room = self._columns - lead.cell_len
        title = self._elided(title, max(_MIN_CELLS, room // 2))
        tail = self._tail(told, room // 2)
        left = room - cell_len(title) - cell_len(tail) - 2
        line = lead.copy()
        line.append(title, "dim" if dim else "bold")
        if subject and left >= 4:
            line.append(f"({self._elided(subject, left)})", "dim" if dim else "")
        line.append(tail, "red" if is_error and not dim else "dim")
        line.truncate(self._columns, overflow="crop")
        line.no_wrap = True
        return line

    def _tail(self, told: Sequence[str], cells: int) -> str:
        """` · 12 lines · 3.2 s`, as much of it from its begin as has room."""
        parts = [f" · {one}" for one in " · ".join(told).split(" · ") if one]
        while len(parts) > 1 and cell_len("".join(parts)) > cells:
            parts.pop()
        return self._elided(self._sign("".join(parts)), max(_MIN_CELLS, cells))

    def _indent(self, call: Call) -> str:
        return "" if call.parent is None else self._sign("  └ ")

    def _last(self, lines: Sequence[str], limit: int, whole: int) -> RenderableType:
        """The last of these lines, and that there were more before them."""
        kept = [Text(_bounded(line, 500), "dim") for line in lines[-limit:]]
        return Group(self._more(whole - limit, " before"), *kept) if whole > limit else Group(*kept)

    def _more(self, number: int, where: str = "") -> Text:
        return Text(self._sign(f"… {tools.counted(number, 'more line')}{where}"), "dim")

    def _sign(self, text: str) -> str:
        return text if self.unicode else text.translate(_ASCII)

    def _elided(self, text: str, cells: int) -> str:
        """At most so many cells of a line, from both of its ends."""
        if cell_len(text) <= cells:
            return text
        dots = self._sign("…")
        room = max(0, cells - len(dots))
        at = len(text) - room // 3
        while cell_len(text[at:]) > room // 3:
            at += 1
        return set_cell_size(text, room - cell_len(text[at:])).rstrip() + dots + text[at:]

    # -- lines --------------------------------------------------------------------------------------------------

    @property
    def console(self) -> Console:
        """What the layout is made with; nothing is ever printed by it."""
        if self._console is None:
            self._console = Console(
                file=StringIO(),
                width=self._columns,
                height=self.height,
                color_system="standard",
                force_terminal=True,
                legacy_windows=False,
                highlight=False,
                markup=False,
                emoji=False,
                _environ={},
            )
        return self._console

    @property
    def _columns(self) -> int:
        return max(MIN_WIDTH, self.width)

    def _lines(self, what: RenderableType, width: int | None = None) -> Iterator[_Line]:
        options = self.console.options.update(width=width or self._columns, height=None)
        return iter(self.console.render_lines(what, options, pad=False))

    def _hung(self, lead: Text, what: RenderableType) -> Iterator[_Line]:
        """The lines of something, with this before the first and as many blanks before the others."""
        indent = lead.cell_len
        first = list(self.console.render(lead.copy(), self.console.options.update(no_wrap=True)))[:-1]
        blank = [Segment(" " * indent)]
        for at, line in enumerate(self._lines(what, max(1, self._columns - indent))):
            yield [*(blank if at else first), *line]

    def _ansi(self, lines: Iterable[_Line]) -> Iterator[str]:
        """Each line as text. Whatever has come this far, only our own styles become escape sequences."""
        for line in lines:
            kept = list(Segment.simplify(_trimmed(line)))
            texts = [(harmless(text).replace("\n", " ").expandtabs(1), style) for text, style, _ in kept]
            if self.color:
                yield "".join(_painted(text, style) for text, style in texts)
            else:
                yield "".join(text for text, _ in texts)


def _painted(text: str, style: Style | None) -> str:
    if style is None:
        return text
    plain = style.update_link(None) if style.link else style
    return plain.render(text, color_system=ColorSystem.STANDARD)


def _trimmed(line: _Line) -> _Line:
    """Without the blanks at its end that nobody would see."""
    kept = [segment for segment in line if not segment.control]
    while kept:
        text, style, _ = kept[-1]
        if style is not None and (style.reverse or style.underline or style.strike):
            break
        kept.pop()
        if stripped := text.rstrip(" "):
            kept.append(Segment(stripped, style))
            break
    return kept


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


def _duration(seconds: float) -> str:
    """`3.2 s`, `2 min 05 s`, `1 h 02 min`."""
    whole = _finite(seconds)
    if whole < 59.95:
        return f"{whole:.1f} s"
    minutes, rest = divmod(round(whole), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60:02} min"


def _finite(seconds: float) -> float:
    return min(max(seconds, 0.0), _MAX_SECONDS) if seconds == seconds else 0.0


def _bounded(text: str, limit: int) -> str:
    return harmless(text if len(text) <= limit else text[:limit] + "…")


def _str(value: object) -> str:
    return value if isinstance(value, str) else ""
