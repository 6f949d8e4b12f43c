"""A picture that cameras read, in any terminal that can show it whole."""

import io
import re
from collections.abc import Sequence

import zxingcpp
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.cli.qr import HALVES, INK, PLAIN, drawn, size
from tests.cli.house import Screen

SCALE = 4
"""Pixels of a module, as a camera might see it."""
TERMINAL = {"TERM": "xterm", "COLUMNS": "80", "LINES": "50"}
LINK = "https://192.168.1.20:8443/#pair=pair_" + "5e" * 16 + "&key=" + "kJ8-_" * 8 + "abc"


def seen(lines: Sequence[str]) -> str:
    """What a camera reads in it: black ink on white paper, as the colours of the lines say."""
    modules: list[list[bool]] = []
    pairs = {char: pair for pair, char in HALVES.items()}
    for line in lines:
        assert line.startswith(INK), line
        assert line.endswith(PLAIN), line
        cells = [pairs[char] for char in line[len(INK) : -len(PLAIN)]]
        modules += [[above for above, _ in cells], [below for _, below in cells]]
    rows = [bytes(0 if dark else 255 for dark in row for _ in range(SCALE)) for row in modules for _ in range(SCALE)]
    picture = memoryview(b"".join(rows)).cast("B", shape=[len(rows), len(rows[0])])
    (found,) = zxingcpp.read_barcodes(picture)
    return str(found.text)


class DrawnTests(SynchronousTestCase):
    def test_read(self) -> None:
        """What is drawn is read as it was, in 80 columns, for the link of a short name and of a long one."""
        for text in (LINK, LINK.replace("192.168.1.20", "a" * 60 + ".example.org"), "x"):
            lines = drawn(text, Screen(), TERMINAL)
            self.assertEqual(seen(lines), text)
            self.assertEqual({len(line) <= 80 + len(INK + PLAIN) for line in lines}, {True})

    def test_ordinary_terminal(self) -> None:
        """The usual link fits a terminal of 80 columns and 24 rows, with a line to spare."""
        lines = drawn(LINK, Screen(), TERMINAL | {"LINES": "24"})
        self.assertEqual((len(lines), seen(lines)), (23, LINK))

    def test_colours(self) -> None:
        """Ink and paper are fixed colours, so a dark terminal shows the same as a light one."""
        self.assertEqual(set(re.findall(r"\x1b\[[0-9;]*m", "".join(drawn(LINK, Screen(), TERMINAL)))), {INK, PLAIN})
        self.assertIn("38;5;16", INK)
        self.assertIn("48;5;231", INK)

    def test_too_small(self) -> None:
        """Where it does not fit whole, nothing is drawn: neither too narrow nor too low."""
        lines = drawn(LINK, Screen(), TERMINAL | {"LINES": "24"})
        width = len(lines[0]) - len(INK + PLAIN)
        self.assertEqual(drawn(LINK, Screen(), TERMINAL | {"COLUMNS": str(width - 1)}), ())
        self.assertNotEqual(drawn(LINK, Screen(), TERMINAL | {"COLUMNS": str(width)}), ())
        self.assertEqual(drawn(LINK, Screen(), TERMINAL | {"LINES": "23"}), ())

    def test_no_terminal(self) -> None:
        """Into a file, a terminal without colours, or one without these characters, nothing is drawn."""
        latin = Screen()
        latin.encoding = "iso-8859-1"
        self.assertEqual(drawn(LINK, io.StringIO(), TERMINAL), ())
        self.assertEqual(drawn(LINK, latin, TERMINAL), ())
        for term in ("dumb", ""):
            self.assertEqual(drawn(LINK, Screen(), TERMINAL | {"TERM": term}), ())

    def test_size(self) -> None:
        """What the person sets goes before what is guessed."""
        self.assertEqual(size(Screen(), {}), (80, 24))
        self.assertEqual(size(Screen(), {"COLUMNS": "100", "LINES": "x"}), (100, 24))
