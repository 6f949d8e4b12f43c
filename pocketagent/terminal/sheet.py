# -*- test-case-name: tests.terminal.test_sheet -*-
"""How a card is laid out: its title, what it is about, and the choices, in a space that may be small.

Here, and only here, the texts of a card become what a terminal is given. So here they are made harmless: whoever fills
a sheet may write on it what came from outside.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from pocketagent.domain.text import escaped, harmless

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.segment import Segment

    Line = list[Segment]

Focus = tuple[int, int] | None
"""From which line to which."""

MAX_CHARACTERS = 100_000
"""Of the words of a sheet's body. What is longer says so: drawing a megabyte holds up every key."""
MAX_TITLE = 3
"""Lines of a title."""
MAX_LEAD = 32
"""Columns that stand before words; a longer lead gets a line of its own."""
SET_IN = 2
"""Columns by which words stand in below such a lead."""
ROOMY = 16
"""Lines from which on empty lines set the parts apart, even when the body has to be folded for them."""
BODY = 6
"""Lines of the body that are worth more than a line for each choice."""
BARRED = 12
"""Columns from which on a bar marks what belongs to the card."""
TAB = 4

MARK = "\u276f"
"""Stands before the row that is chosen now."""

BESIDE = "\u2502"
"""Stands before what belongs to the row above."""

_BAR = "\u2503 "
_PLAIN = str.maketrans({MARK: ">", BESIDE: "|", _BAR[0]: "|"})
_COLOURS = {"y": "bold green", "a": "bold green", "n": "bold red"}


@frozen
class Words:
    """Text of any length. `lead` stands before its first line, the others are set in below it; with `repeats` it stands
    before each."""

    text: str
    style: str = ""
    lead: str = ""
    lead_style: str = ""
    repeats: bool = False


@frozen
class Picture:
    """What draws itself: a diff, Markdown. `draw` returns what rich renders."""

    draw: "Callable[[], RenderableType]"


@frozen
class Choice:
    """A key, what it does, and the same in a word or two for where there is little room."""

    key: str
    words: str
    short: str = ""


@frozen
class Sheet:
    """What stands on a card. `focus`: the part of the body that has to be seen. `note`: what the person is to do where
    it is no choice; `problem`: why the last thing led to nothing."""

    title: str
    body: "Sequence[Words | Picture]"
    choices: Sequence[Choice] = ()
    note: str = ""
    problem: str = ""
    focus: int | None = None


def readable(text: str) -> str:
    """Text from outside as lines that do nothing to a terminal."""
    return harmless(text).expandtabs(TAB)


class Layout:
    """Sheets as lines of one width. `unicode`: whether the signs may be more than ASCII."""

    def __init__(self, width: int, unicode: bool) -> None:
        from io import StringIO

        from rich.console import Console
        from rich.segment import Segment
        from rich.style import Style

        from pocketagent.terminal.prose import THEME

        self._unicode = unicode
        self._bar: Line = []
        if width >= BARRED:
            self._bar = [Segment(_BAR if unicode else _BAR.translate(_PLAIN), Style.parse("magenta"))]
            width -= len(_BAR)
        self._width = width = max(width, 1)
        self._console = Console(
            file=StringIO(),
            width=width,
            color_system="standard",
            force_terminal=True,
            legacy_windows=False,
            theme=THEME,
            _environ={},
        )
        self._drawn: tuple[object, tuple[list[Line], Focus]] | None = None

    def lines(self, sheet: Sheet, height: int, page: int) -> "Sequence[Line]":
        """The sheet in at most `height` lines. `page` goes on from the first view through what is folded, and round."""
        return [self._bar + line for line in self._lines(sheet, max(height, 0), page)]

    def _lines(self, sheet: Sheet, height: int, page: int) -> "Sequence[Line]":
        title = self._words(Words(sheet.title, "bold"))[:MAX_TITLE]
        body, focus = self._body(sheet)
        below = [
            *(self._words(Words(sheet.note, "italic")) if sheet.note else ()),
            *(self._words(Words(sheet.problem, "red")) if sheet.problem else ()),
        ]
        keys = max((len(choice.key) for choice in sheet.choices), default=0)
        foot = [line for choice in sheet.choices for line in self._choice(choice, keys)] + below
        if len(title) + min(len(body), BODY) + len(foot) > height:
            # Whatever else has no room: that something is not seen must be.
            foot = (self._row(sheet.choices) + below)[: max(height - 2, 1)]
            title = title[:1]
        # An empty line above the body, and one below it.
        fits = len(title) + len(body) + len(foot) + 2 <= height
        gap: list[Line] = [[]] if fits or height >= ROOMY else []
        room = height - len(foot) - 2 * len(gap)
        title = title[: max(room - 1, 0)]
        shown = self._folded(body, focus, room - len(title), page)
        parts = [*title, *gap, *shown, *(gap if shown and foot else ()), *foot]
        return parts[:height]

    # -- the body -------------------------------------------------------------------------------------------

    def _body(self, sheet: Sheet) -> "tuple[list[Line], Focus]":
        """The lines of the body, and which of them belong to the part that has to be seen; kept while it stays."""
        which = sheet.body, sheet.focus
        if self._drawn is None or self._drawn[0] != which:
            self._drawn = which, self._drawn_anew(sheet)
        return self._drawn[1]

    def _drawn_anew(self, sheet: Sheet) -> "tuple[list[Line], Focus]":
        lines: list[Line] = []
        focus = None
        left = MAX_CHARACTERS
        for number, part in enumerate(sheet.body):
            if isinstance(part, Picture):
                found = self._picture(part.draw())
            else:
                found = self._words(part, left)
                left -= len(part.text) + len(part.lead)
            if number == sheet.focus:
                focus = len(lines), len(lines) + len(found)
            lines += found
            if left < 0:
                break
        if left < 0:
            lines += self._words(Words(f"Only the first {MAX_CHARACTERS:,} characters are shown.", "bold magenta"))
        return lines, focus

    def _folded(self, body: "list[Line]", focus: Focus, room: int, page: int) -> "Sequence[Line]":
        """As much of the body as there is room for."""
        count = len(body)
        if count <= room:
            return body
        if room <= 0:
            return []
        rows = max(room - 1, 1)
        # At first the beginning and the end are seen, or what is in focus; the pages begin where that beginning ends.
        head = 0 if focus or room == 1 else max(rows * 2 // 3, 1)
        pages = -(-(count - head) // rows)
        page %= pages + 1
        if page == 0 and focus is None:
            tail = room - 1 - head
            hidden = count - head - tail
            mark = f"... {hidden:,} more {'line' if hidden == 1 else 'lines'}: v shows them ..."
            return [*body[:head], self._mark(mark), *body[count - tail :]]
        start = head + (page - 1) * rows if page or focus is None else _around(focus, rows, count)
        end = min(start + rows, count)
        if room == 1:
            return body[start:end]
        on = "v goes back" if page == pages else "v shows more"
        return [*body[start:end], self._mark(f"... lines {start + 1:,} to {end:,} of {count:,}: {on} ...")]

    def _mark(self, text: str) -> "Line":
        return self._words(Words(text, "bold magenta"))[0]

    # -- the choices ----------------------------------------------------------------------------------------

    def _choice(self, choice: Choice, keys: int) -> "list[Line]":
        return self._words(Words(choice.words, "", f"{choice.key:{keys}}  ", _COLOURS.get(choice.key, "bold")))

    def _row(self, choices: Sequence[Choice]) -> "list[Line]":
        """The choices one after the other."""
        from rich.text import Text

        if not choices:
            return []
        row = Text(overflow="fold")
        for number, choice in enumerate(choices):
            row.append("  " if number else "")
            row.append(readable(choice.key), _COLOURS.get(choice.key, "bold"))
            row.append(" " + readable(choice.short or choice.words).replace("\n", " "))
        return self._picture(row)

    # -- lines ----------------------------------------------------------------------------------------------

    def _words(self, words: Words, limit: int = MAX_CHARACTERS) -> "list[Line]":
        from rich.cells import cell_len
        from rich.segment import Segment
        from rich.style import Style

        text = readable(words.text[:limit])
        lead = escaped(words.lead[:limit]).translate({} if self._unicode else _PLAIN)
        if not lead:
            return self._wrapped(text, words.style, self._width)
        set_in = cell_len(lead)
        if set_in > MAX_LEAD or set_in * 2 > self._width:
            above = self._wrapped(lead, words.lead_style, self._width)
            set_in = min(SET_IN, self._width - 1)
            space = Segment(" " * set_in)
            return [*above, *self._beside(space, space, text, words.style)]
        lead_style = Style.parse(words.lead_style)
        first = Segment(lead, lead_style)
        return self._beside(first, first if words.repeats else Segment(" " * set_in), text, words.style)

    def _beside(self, first: "Segment", further: "Segment", text: str, style: str) -> "list[Line]":
        """The text with what stands before its first line, and before the further ones."""
        lines = self._wrapped(text, style, self._width - further.cell_length)
        return [[further if number else first, *line] for number, line in enumerate(lines)]

    def _wrapped(self, text: str, style: str, width: int) -> "list[Line]":
        from rich.cells import cell_len
        from rich.segment import Segment
        from rich.style import Style
        from rich.text import Text

        lines: list[Line] = []
        parsed = Style.parse(style)
        for line in text.split("\n"):
            # Most lines fit, and rich takes long to find that out.
            if cell_len(line) <= width:
                lines.append([Segment(line, parsed)])
            else:
                lines += self._picture(Text(line, style, overflow="fold"), width)
        return lines

    def _picture(self, drawn: "RenderableType", width: int | None = None) -> "list[Line]":
        """What rich renders, without anything that a terminal would obey or open."""
        from rich.segment import Segment

        width = self._width if width is None else width
        lines = self._console.render_lines(drawn, self._console.options.update(width=width), pad=False)
        return [
            Segment.adjust_line_length([_plain(each) for each in line if not each.control], width, pad=False)
            for line in lines
        ]


def _plain(segment: "Segment") -> "Segment":
    from rich.segment import Segment

    style = segment.style
    return Segment(escaped(segment.text), style.update_link(None) if style and style.link else style)


def _around(focus: tuple[int, int], rows: int, count: int) -> int:
    """Where to begin so that what is in focus is seen, and a little before it."""
    first, last = focus
    before = max(0, (rows - (last - first)) // 2)
    return max(0, min(first - before, count - rows))
