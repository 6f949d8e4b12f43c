"""Rows in columns."""

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.cli.table import table


class TableTests(SynchronousTestCase):
    def test_columns(self) -> None:
        """A column begins at one place in all rows, measured in what a character takes on a terminal."""
        self.assertEqual(
            table(("NAME", "STATE"), [("\u6f22\u5b57", "IDLE"), ("application", "ERROR")]),
            ["NAME         STATE", "\u6f22\u5b57         IDLE", "application  ERROR"],
        )

    def test_harmless(self) -> None:
        """What stands in a cell acts on no terminal, and stays in its line."""
        self.assertEqual(table(("A",), [("x\x1b[2J\ny",)]), ["A", r"x\x1b[2J\ny"])
