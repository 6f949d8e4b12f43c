# -*- test-case-name: tests.terminal.test_sheet -*-
"""How a card is laid out in the space that there is."""

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.terminal.sheet import (
    BARRED,
    BODY,
    MAX_CHARACTERS,
    MAX_LEAD,
    MAX_TITLE,
    ROOMY,
    Choice,
    Layout,
    Picture,
    Sheet,
    Words,
)

YES = Choice("y", "do it now", "do"), Choice("n", "leave it", "leave")


def laid(sheet: Sheet, width: int = 40, height: int = 30, page: int = 0) -> Sequence[str]:
    lines = Layout(width, True).lines(sheet, height, page)
    return ["".join(segment.text for segment in line).rstrip() for line in lines]


def rows(count: int) -> Sequence[Words]:
    return [Words(f"row {number}") for number in range(count)]


class RoomTests(SynchronousTestCase):
    def test_roomy(self) -> None:
        """With room enough title, body and choices are set apart, and a bar marks them all."""
        expected = ["┃ Do it?", "┃", "┃ row 0", "┃", "┃ y  do it now", "┃ n  leave it"]
        self.assertEqual(laid(Sheet("Do it?", rows(1), YES)), expected)

    def test_narrow(self) -> None:
        """Where there is hardly any width, no column is spent on the bar."""
        self.assertTrue(laid(Sheet("a", ()), BARRED)[0].startswith("┃ "))
        self.assertEqual(laid(Sheet("a", ()), BARRED - 1), ["a", ""])

    def test_low(self) -> None:
        """Where there is hardly any height, the choices stand in one row, and the body comes before them."""
        expected = ["┃ Do it?", "┃ row 0", "┃ ... 8 more lines: v shows them ...", "┃ row 9", "┃ y do  n leave"]
        self.assertEqual(laid(Sheet("Do it?", rows(10), YES), 40, 5), expected)

    def test_body_first(self) -> None:
        """A line for each choice is there as long as enough of the body is seen."""
        fits = 1 + BODY + len(YES)
        self.assertIn("┃ y  do it now", laid(Sheet("Do it?", rows(100), YES), 40, fits))
        self.assertIn("┃ y do  n leave", laid(Sheet("Do it?", rows(100), YES), 40, fits - 1))

    def test_gaps(self) -> None:
        """A body that is folded gives lines away to set it apart only where there are many."""
        self.assertIn("┃", laid(Sheet("Do it?", rows(100), YES), 40, ROOMY))
        self.assertNotIn("┃", laid(Sheet("Do it?", rows(100), YES), 40, ROOMY - 1))

    def test_always_marked(self) -> None:
        """However little room there is, that something is not seen can be seen."""
        for height in range(3, 12):
            for width in 30, 60:
                sheet = Sheet("Do it?" * 20, rows(100), (*YES, Choice("a", "many words " * 20)), "note", "problem")
                lines = laid(sheet, width, height)
                self.assertTrue([line for line in lines if "v shows" in line], lines)
                self.assertLessEqual(len(lines), height)

    def test_no_room(self) -> None:
        """In no lines at all nothing is drawn."""
        for height in 0, -1:
            self.assertEqual(laid(Sheet("Do it?", rows(3), YES), 40, height), [])

    def test_title(self) -> None:
        """A title that is long takes a few lines."""
        for count, shown in (MAX_TITLE, MAX_TITLE), (MAX_TITLE + 1, MAX_TITLE):
            lines = laid(Sheet("x" * 38 * count, ()), 40)
            self.assertEqual(sum("x" in line for line in lines), shown)


class PageTests(SynchronousTestCase):
    def test_round(self) -> None:
        """The pages begin where the first view left off, end with the last line, and begin anew."""
        sheet = Sheet("Do it?", rows(10), YES)
        self.assertEqual(
            [laid(sheet, 60, 5, page)[1:-1] for page in range(6)],
            [
                ["┃ row 0", "┃ ... 8 more lines: v shows them ...", "┃ row 9"],
                ["┃ row 1", "┃ row 2", "┃ ... lines 2 to 3 of 10: v shows more ..."],
                ["┃ row 3", "┃ row 4", "┃ ... lines 4 to 5 of 10: v shows more ..."],
                ["┃ row 5", "┃ row 6", "┃ ... lines 6 to 7 of 10: v shows more ..."],
                ["┃ row 7", "┃ row 8", "┃ ... lines 8 to 9 of 10: v shows more ..."],
                ["┃ row 9", "┃ ... lines 10 to 10 of 10: v goes back ..."],
            ],
        )

    def test_focus(self) -> None:
        """What is in focus is seen at first, wherever it stands."""
        for number in range(20):
            lines = laid(Sheet("Do it?", rows(20), YES, focus=number), 60, 6)
            self.assertIn(f"┃ row {number}", lines)
            self.assertTrue([line for line in lines if "of 20: v shows more" in line])

    def test_characters(self) -> None:
        """A body that is longer than all bounds says that it is."""
        for size, cut in (MAX_CHARACTERS, False), (MAX_CHARACTERS + 1, True):
            lines = laid(Sheet("Do it?", [Words("x" * (size - 1)), Words("y"), Words("")], YES), 100, 20)
            self.assertEqual(bool([line for line in lines if "Only the first" in line]), cut)


class WordsTests(SynchronousTestCase):
    def test_lead(self) -> None:
        """What follows on further lines is set in below the first."""
        lines = laid(Sheet("Do it?", [Words("some words that go on\nand on", lead="a: ")]), 20)
        self.assertEqual(lines[2:], ["┃ a: some words that", "┃    go on", "┃    and on"])

    def test_long_lead(self) -> None:
        """A lead that is long stands above, the words set in."""
        for size, lines in (
            (MAX_LEAD, ["┃ " + "l" * MAX_LEAD + "x"]),
            (MAX_LEAD + 1, ["┃ " + "l" * (MAX_LEAD + 1), "┃   x"]),
        ):
            self.assertEqual(laid(Sheet("Do it?", [Words("x", lead="l" * size)]), 80)[2:], lines)

    def test_repeated(self) -> None:
        """A lead may stand before every line."""
        self.assertEqual(laid(Sheet("Do it?", [Words("a\nb", lead="- ", repeats=True)]), 20)[2:], ["┃ - a", "┃ - b"])

    def test_harmless(self) -> None:
        """Nothing of what stands on a sheet acts on a terminal, wherever it stands."""
        bad = "a\x1b[2J\u202eb\r\x9b"
        linked = Picture(lambda: Text(bad, Style(link="http://a")))
        choices = (Choice(bad, bad, bad),)
        for height in 5, 40:
            for line in Layout(60, True).lines(
                Sheet(bad, [Words(bad, lead=bad), linked], choices, bad, bad), height, 0
            ):
                for segment in line:
                    self.assertNotRegex(segment.text, "[\x00-\x1f\x7f-\x9f\u202e]")
                    self.assertFalse(segment.style and segment.style.link)
