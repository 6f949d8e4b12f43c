# -*- test-case-name: tests.terminal.test_drawing -*-
"""What is drawn on: so many columns, with colours or without, in which what rich lays out becomes lines of text."""

from collections.abc import Iterable, Iterator, Sequence
from io import StringIO

from attrs import define
from rich.cells import cell_len, set_cell_size
from rich.color import ColorSystem
from rich.console import Console, Group, RenderableType
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from pocketagent.domain.text import harmless
from pocketagent.terminal.tools import counted

MIN_WIDTH = 20
"""Columns that are drawn for, however narrow the terminal is."""
MAX_FOLDED = 4_000
"""Characters of what is folded that are looked at."""

_ROWS = 25
"""No layout of ours depends on it; where it is not given the terminal is asked, again and again."""
_SIGNS = "●›✻✓✗·…−–→└☐☑▶"
_INSTEAD = ("*", ">", "~", "+", "x", "-", "...", "-", "-", "->", "\\", "[ ]", "[x]", "[>]")
_ASCII = str.maketrans(dict(zip(_SIGNS, _INSTEAD, strict=True)))

Line = Sequence[Segment]


@define(eq=False)
class Paper:
    """`color` False: not one escape sequence. `unicode` False: our own signs are ASCII."""

    width: int
    color: bool
    unicode: bool
    _console: Console | None = None

    @property
    def columns(self) -> int:
        return max(MIN_WIDTH, self.width)

    def sign(self, text: str) -> str:
        return text if self.unicode else text.translate(_ASCII)

    def elided(self, text: str, cells: int) -> str:
        """At most so many cells of a line, from both of its ends."""
        if cell_len(text) <= cells:
            return text
        dots = self.sign("…")
        room = max(0, cells - len(dots))
        at = len(text) - room // 3
        while cell_len(text[at:]) > room // 3:
            at += 1
        return set_cell_size(text, room - cell_len(text[at:])).rstrip() + dots + text[at:]

    def more(self, number: int, where: str = "") -> Text:
        return Text(self.sign(f"… {counted(number, 'more line')}{where}"), "dim")

    def last(self, lines: Sequence[str], limit: int, whole: int) -> RenderableType:
        """The last of these lines, and that there were more before them."""
        kept = [Text(bounded(line, 500), "dim") for line in lines[-limit:]]
        return Group(self.more(whole - limit, " before"), *kept) if whole > limit else Group(*kept)

    @property
    def console(self) -> Console:
        """What the layout is made with; nothing is ever printed by it."""
        if self._console is None:
            self._console = Console(
                file=StringIO(),
                width=self.columns,
                height=_ROWS,
                color_system="standard",
                force_terminal=True,
                legacy_windows=False,
                highlight=False,
                markup=False,
                emoji=False,
                _environ={},
            )
        return self._console

    def lines(self, what: RenderableType, width: int | None = None) -> Iterator[Line]:
        options = self.console.options.update(width=width or self.columns, height=None)
        return iter(self.console.render_lines(what, options, pad=False))

    def hung(self, lead: Text, what: RenderableType) -> Iterator[Line]:
        """The lines of something, with this before the first and as many blanks before the others."""
        indent = lead.cell_len
        first = list(self.console.render(lead.copy(), self.console.options.update(no_wrap=True)))[:-1]
        blank = [Segment(" " * indent)]
        for at, line in enumerate(self.lines(what, max(1, self.columns - indent))):
            yield [*(blank if at else first), *line]

    def ansi(self, lines: Iterable[Line]) -> Iterator[str]:
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


def _trimmed(line: Line) -> Line:
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


def bounded(text: str, limit: int) -> str:
    return harmless(text if len(text) <= limit else text[:limit] + "…")
