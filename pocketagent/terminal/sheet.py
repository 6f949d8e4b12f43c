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

MAX_CHARACTERS = 100_000
"""Of the words of a sheet's body. What is longer says so: drawing a megabyte holds up every key."""
MAX_TITLE = 3
"""Lines of a title."""
MAX_LEAD = 32
"""Columns that stand before words; a longer lead gets a line of its own."""
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
    """Text of any length. `lead` stands before its first line, the others are set in below it."""

    text: str
    style: str = ""
    lead: str = ""
    lead_style: str = ""


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


@frozen
class Laid:
    """A sheet as lines of a terminal. `pages`: how many there are to look through, besides what is seen at first."""

    lines: "Sequence[Line]"
    pages: int

    def renderable(self) -> "RenderableType":
        from rich.segment import SegmentLines

        return SegmentLines(self.lines, new_lines=True)


def readable(text: str) -> str:
    """Text from outside as lines that do nothing to a terminal."""
    return harmless(text).expandtabs(TAB)


def lay(sheet: Sheet, width: int, height: int, page: int, unicode: bool = True) -> Laid:
    """The sheet in at most `height` lines. `page` goes on from the first view through what is folded, and around.

    `unicode`: whether the signs may be more than ASCII.
    """
    from rich.segment import Segment

    height = max(height, 0)
    bar = (_BAR if unicode else _BAR.translate(_PLAIN)) if width >= BARRED else ""
    lines, pages = _Layout(max(width - len(bar), 1), unicode).lines(sheet, height, page)
    if bar:
        from rich.style import Style

        side = Segment(bar, Style.parse("yellow"))
        lines = [[side, *line] for line in lines]
    return Laid(lines[:height], pages)


class _Layout:
    """Lines of one width."""

    def __init__(self, width: int, unicode: bool) -> None:
        from io import StringIO

        from rich.console import Console

        from pocketagent.terminal.prose import THEME

        self.width = width
        self.unicode = unicode
        self.console = Console(
            file=StringIO(),
            width=width,
            color_system="standard",
            force_terminal=True,
            legacy_windows=False,
            theme=THEME,
            _environ={},
        )

    def lines(self, sheet: Sheet, height: int, page: int) -> "tuple[list[Line], int]":
        """All lines, and how many pages there are."""
        title = self.words(Words(sheet.title, "bold"))[:MAX_TITLE]
        body, focus = self.body(sheet)
        below = [
            *(self.words(Words(sheet.note, "italic")) if sheet.note else ()),
            *(self.words(Words(sheet.problem, "red")) if sheet.problem else ()),
        ]
        keys = max((len(choice.key) for choice in sheet.choices), default=0)
        listed = [line for choice in sheet.choices for line in self.choice(choice, keys)]
        foot = listed + below
        if len(title) + min(len(body), BODY) + len(foot) > height:
            foot = self.row(sheet.choices) + below
            title = title[:1]
        gap: list[Line] = [[]]
        whole = len(title) + len(body) + len(foot) + 2
        gaps = 2 if whole <= height or height >= ROOMY else 0
        if not body or not foot:
            gaps = min(gaps, 1)
        if len(foot) >= height:
            return foot[:height], 0
        room = height - len(foot) - gaps
        title = title[: max(0, room - 1) if body else room]
        shown, pages = self.folded(body, focus, room - len(title), page)
        if not gaps:
            return [*title, *shown, *foot], pages
        if not shown:
            return [*title, *gap, *foot], pages
        return [*title, *gap, *shown, *(gap if gaps == 2 else ()), *foot], pages

    # -- the body -------------------------------------------------------------------------------------------

    def body(self, sheet: Sheet) -> "tuple[list[Line], tuple[int, int] | None]":
        """The lines of the body, and which of them belong to the part that has to be seen."""
        lines: list[Line] = []
        focus = None
        left = MAX_CHARACTERS
        for number, part in enumerate(sheet.body):
            if isinstance(part, Picture):
                found = self.picture(part.draw())
            else:
                found = self.words(part, left)
                left -= len(part.text) + len(part.lead)
            if number == sheet.focus:
                focus = len(lines), len(lines) + len(found)
            lines += found
            if left < 0:
                break
        if left < 0:
            lines += self.words(Words(f"Only the first {MAX_CHARACTERS:,} characters are shown.", "bold yellow"))
        return lines, focus

    def folded(
        self, body: "list[Line]", focus: tuple[int, int] | None, room: int, page: int
    ) -> "tuple[list[Line], int]":
        """As much of the body as there is room for, and how many pages there are."""
        count = len(body)
        if count <= room:
            return body, 0
        if room <= 0:
            return [], 0
        rows = max(room - 1, 1)
        # At first the beginning and the end are seen, or what is in focus; the pages begin where that ends.
        head = 0 if focus or room < 3 else rows * 2 // 3
        pages = -(-(count - head) // rows)
        page %= pages + 1
        if page == 0 and focus is None:
            tail = rows - head if room > 2 else 0
            head = head if room > 2 else room - 1
            hidden = count - head - tail
            mark = self.mark(f"... {hidden:,} more {'line' if hidden == 1 else 'lines'}: v shows them ...")
            return [*body[:head], mark, *body[count - tail :]], pages
        start = _around(focus, rows, count) if page == 0 and focus else head + (page - 1) * rows
        end = min(start + rows, count)
        shown = body[start:end]
        if room == 1:
            return shown, pages
        on = "v goes back" if page == pages else "v shows more"
        return [*shown, self.mark(f"... lines {start + 1:,} to {end:,} of {count:,}: {on} ...")], pages

    def mark(self, text: str) -> "Line":
        return self.words(Words(text, "yellow"))[0]

    # -- the choices ----------------------------------------------------------------------------------------

    def choice(self, choice: Choice, keys: int) -> "list[Line]":
        return self.words(Words(choice.words, "", f"{choice.key:{keys}}  ", _COLOURS.get(choice.key, "bold")))

    def row(self, choices: Sequence[Choice]) -> "list[Line]":
        """The choices one after the other."""
        from rich.text import Text

        if not choices:
            return []
        row = Text(overflow="fold")
        for number, choice in enumerate(choices):
            row.append("  " if number else "")
            row.append(readable(choice.key), _COLOURS.get(choice.key, "bold"))
            row.append(" " + readable(choice.short or choice.words).replace("\n", " "))
        return self.picture(row)

    # -- lines ----------------------------------------------------------------------------------------------

    def words(self, words: Words, limit: int = MAX_CHARACTERS) -> "list[Line]":
        from rich.cells import cell_len
        from rich.segment import Segment
        from rich.style import Style
        from rich.text import Text

        lead = escaped(words.lead[:limit]).translate({} if self.unicode else _PLAIN)
        lead_style = Style.parse(words.lead_style)
        text = Text(readable(words.text[:limit]), words.style, overflow="fold")
        if not lead:
            return self.picture(text)
        set_in = cell_len(lead)
        if set_in > MAX_LEAD or set_in * 2 > self.width:
            return [*self.picture(Text(lead, lead_style, overflow="fold")), *self.picture(text)]
        lines = self.picture(text, self.width - set_in)
        if not lines:
            return [[Segment(lead, lead_style)]]
        space = Segment(" " * set_in)
        return [[space if number else Segment(lead, lead_style), *line] for number, line in enumerate(lines)]

    def picture(self, drawn: "RenderableType", width: int | None = None) -> "list[Line]":
        """What rich renders, without anything that a terminal would obey or open."""
        from rich.segment import Segment

        width = self.width if width is None else width
        lines = self.console.render_lines(drawn, self.console.options.update(width=width), pad=False)
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
