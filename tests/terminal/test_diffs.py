# -*- test-case-name: tests.terminal.test_diffs -*-
"""What an edit changes."""

from collections.abc import Mapping
from io import StringIO

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.text import UNSAFE
from pocketagent.terminal.diffs import (
    MAX_COLUMNS,
    MAX_COMPARED_LINES,
    MAX_DIFF_LINES,
    MAX_KEPT_LINES,
    MAX_WORDS,
    Diff,
    changed,
    diff_of,
    draw,
)
from tests.terminal.test_tools import NAMES, OBJECTS


def lines(diff: Diff | None) -> list[str]:
    """The lines of a diff, each with its sign."""
    assert diff is not None
    return [line.kind.value + line.text for hunk in diff.hunks for line in hunk]


def edit(old: str, new: str) -> Diff | None:
    return diff_of("Edit", {"old_string": old, "new_string": new}, {})


def drawn(diff: Diff | None, width: int = 40, limit: int = MAX_DIFF_LINES, unicode: bool = True) -> list[str]:
    assert diff is not None
    console = Console(file=StringIO(), width=width, color_system=None, _environ={})
    with console.capture() as found:
        console.print(draw(diff, limit, unicode))
    return [line.rstrip() for line in found.get().split("\n")[:-1]]


class DiffTests(SynchronousTestCase):
    def test_patch(self) -> None:
        """The patch of a result is taken as it is, with the numbers of its lines: old ones of what went."""
        patch = [
            {"oldStart": 10, "newStart": 12, "lines": [" a", "-b", "+c", "+d", " e", "\\ No newline at end of file"]}
        ]
        diff = diff_of("Edit", {"old_string": "x", "new_string": "y"}, {"structuredPatch": patch})
        self.assertEqual(lines(diff), [" a", "-b", "+c", "+d", " e"])
        assert diff is not None
        self.assertEqual([line.number for line in diff.hunks[0]], [12, 11, 13, 14, 15])
        self.assertEqual((diff.added, diff.removed, diff.is_new), (2, 1, False))

    def test_edit(self) -> None:
        """Before it ran, the old text is compared with the new one."""
        self.assertEqual(lines(edit("a\nb\nc\n", "a\nB\nc\n")), [" a", "-b", "+B", " c"])
        self.assertEqual(lines(edit("", "a")), ["+a"])
        self.assertEqual(lines(edit("a", "")), ["-a"])
        self.assertEqual(lines(edit("a", "a")), [])

    def test_only_what_is_near(self) -> None:
        """Of what stays the same, three lines before and after are told."""
        same = [f"l{number}" for number in range(20)]
        found = lines(edit("\n".join([*same, "x", *same]), "\n".join([*same, "y", *same])))
        self.assertEqual(found, [" l17", " l18", " l19", "-x", "+y", " l0", " l1", " l2"])

    def test_several_edits(self) -> None:
        """Each of several edits is a piece of its own."""
        edits = [{"old_string": "a", "new_string": "b"}, {"old_string": "c", "new_string": "d"}]
        diff = diff_of("MultiEdit", {"edits": edits}, {})
        assert diff is not None
        self.assertEqual((len(diff.hunks), lines(diff)), (2, ["-a", "+b", "-c", "+d"]))

    def test_new(self) -> None:
        """What is written into a new file, or a cell, is all new."""
        for name, argument in ("Write", "content"), ("NotebookEdit", "new_source"):
            diff = diff_of(name, {argument: "a\nb\n"}, {})
            self.assertEqual(lines(diff), ["+a", "+b"])
            self.assertTrue(diff and diff.is_new)

    def test_unchanged(self) -> None:
        """A file that was written as it was has no changes."""
        diff = diff_of("Write", {"content": "a"}, {"type": "update", "structuredPatch": []})
        self.assertEqual(lines(diff), [])

    def test_no_edit(self) -> None:
        """A tool that edits nothing has no diff."""
        self.assertIsNone(diff_of("Bash", {"command": "x"}, {"stdout": ""}))

    def test_bounds(self) -> None:
        """What is beyond the lines that are kept is counted."""
        for number in MAX_KEPT_LINES, MAX_KEPT_LINES + 1:
            text = "x\n" * number
            for diff in (
                diff_of("Write", {"content": text}, {}),
                diff_of("Edit", {}, {"structuredPatch": [{"lines": ["+x"] * number}]}),
                edit("", text),
            ):
                self.assertEqual(len(lines(diff)), MAX_KEPT_LINES)
                self.assertTrue(diff and diff.added == number)

    def test_compared(self) -> None:
        """Texts with more lines than are compared are all old and all new, but for what is the same at their ends."""
        for number, expected in (
            (MAX_COMPARED_LINES, 2),
            (MAX_COMPARED_LINES + 1, number_of_all := MAX_COMPARED_LINES + 1),
        ):
            middle = [str(at) for at in range(number - 2)]
            diff = edit("\n".join(["s", "a", *middle, "b"]), "\n".join(["s", "c", *middle, "d"]))
            assert diff is not None
            self.assertEqual((diff.added, diff.removed), (expected, expected))
        self.assertEqual(number_of_all, MAX_COMPARED_LINES + 1)

    @given(st.text("ab\n"), st.text("ab\n"))
    def test_whole(self, old: str, new: str) -> None:
        """What went and what came is all that differs: from the one the other is made."""
        diff = edit(old, new)
        assert diff is not None
        gone = old.count("\n") + (not old.endswith("\n") and bool(old))
        come = new.count("\n") + (not new.endswith("\n") and bool(new))
        self.assertEqual(come - gone, diff.added - diff.removed)


class ChangedTests(SynchronousTestCase):
    def test_words(self) -> None:
        """In lines that are much alike, the words that differ are found."""
        self.assertEqual(changed("return a + b", "return a - b"), ([(9, 10)], [(9, 10)]))
        self.assertEqual(changed("f(one)", "f(one, two)"), ([], [(5, 10)]))

    def test_not_alike(self) -> None:
        """In lines that have little in common, nothing stands out."""
        self.assertEqual(changed("return a", "for x in y:"), ((), ()))

    def test_the_bound(self) -> None:
        """Lines of more words than the bound are not compared."""
        half = MAX_WORDS // 2 - 1
        self.assertEqual(changed("x " * half + "a", "x " * half + "b")[0], [(2 * half, 2 * half + 1)])
        more = MAX_WORDS // 2
        self.assertEqual(changed("x " * more + "a", "x " * more + "b"), ((), ()))


class DrawTests(SynchronousTestCase):
    def test_drawn(self) -> None:
        """A line has its number, its sign and its text; what is left out between is marked."""
        patch = [
            {"oldStart": 9, "newStart": 9, "lines": [" a", "-\tb", "+\tc"]},
            {"oldStart": 100, "newStart": 100, "lines": [" d"]},
        ]
        diff = diff_of("Edit", {}, {"structuredPatch": patch})
        self.assertEqual(drawn(diff), ["  9   a", " 10 -     b", " 10 +     c", "  \u22ee", "100   d"])
        self.assertEqual(drawn(diff, unicode=False)[3], "  :")

    def test_without_numbers(self) -> None:
        """Where no line is known by its number, there is no room for one."""
        self.assertEqual(drawn(edit("a", "b")), ["- a", "+ b"])

    def test_long_lines(self) -> None:
        """A long line goes on below its text."""
        self.assertEqual(drawn(edit("", "x" * 25), width=12), ["+ " + "x" * 10, "  " + "x" * 10, "  " + "x" * 5])

    def test_the_bound(self) -> None:
        """As many lines as were asked for are drawn, and it is said how many more there are."""
        diff = diff_of("Write", {"content": "x\n" * MAX_DIFF_LINES}, {})
        self.assertEqual(len(drawn(diff)), MAX_DIFF_LINES)
        self.assertEqual(drawn(diff, limit=MAX_DIFF_LINES - 1)[-1], "… 1 more line")
        self.assertEqual(drawn(diff, limit=1, unicode=False)[-1], f"... {MAX_DIFF_LINES - 1} more lines")
        huge = diff_of("Write", {"content": "x\n" * 5000}, {})
        self.assertEqual(drawn(huge)[-1], f"… {5000 - MAX_DIFF_LINES:,} more lines")

    def test_columns(self) -> None:
        """Of a line that never ends, the first thousand characters are drawn."""
        for number, end in (MAX_COLUMNS, "x"), (MAX_COLUMNS + 1, "…"):
            self.assertTrue("".join(drawn(edit("", "x" * number))).endswith(end))

    @given(NAMES, OBJECTS, OBJECTS, st.integers(8, 80))
    def test_anything(self, name: str, given: Mapping[str, object], details: Mapping[str, object], width: int) -> None:
        """Whatever the agent says, it is harmless and within the columns."""
        diff = diff_of(name, given, details)
        for line in drawn(diff, width + 12) if diff is not None else ():
            self.assertIsNone(UNSAFE.search(line))
            self.assertLessEqual(cell_len(line), width + 12)
