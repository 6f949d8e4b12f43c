# -*- test-case-name: tests.terminal.test_prose -*-
"""Markdown in a terminal: everything that was written is seen."""

from io import StringIO

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.text import UNSAFE
from pocketagent.terminal import prose
from pocketagent.terminal.prose import Prose, code

MARKDOWN = st.lists(
    st.sampled_from(
        [
            *(
                "# ",
                "> ",
                "- ",
                "1. ",
                "```",
                "```python\n",
                "~~~",
                "    ",
                "\n",
                "\n\n",
                "|",
                "|-|-|\n",
                "**",
                "*",
                "`",
            ),
            *(
                "[a](b)",
                "![a](b)",
                "[a]: b\n",
                "<b>",
                "</kbd>",
                "&#x202e;",
                "&#27;",
                "&amp;",
                "---\n",
                "===",
                "~~",
                "\\",
            ),
            *(
                "word",
                "def f(x): return 1 # c",
                "漢字",
                "👩‍👩‍👧",
                "\t",
                "\x1b[2J",
                "\x1b]8;;x\x07",
                "\u202e",
                "\ud83d",
                "http://x.y",
            ),
        ]
    )
    | st.text(max_size=4),
    max_size=30,
).map("".join)


def drawn(text: str, width: int = 60, unicode: bool = True, color: bool = False) -> list[str]:
    console = Console(
        file=StringIO(), width=width, color_system="standard" if color else None, force_terminal=color, _environ={}
    )
    with console.capture() as found:
        console.print(Prose(text, unicode))
    return [line.rstrip() for line in found.get().rstrip("\n").split("\n")]


class ProseTests(SynchronousTestCase):
    def test_blocks(self) -> None:
        """Headings, lists, quotes and code stand below each other, each in its own shape."""
        text = "# A\n\nb **c**\n\n- d\n- e\n\n  f\n1. g\n\n> h\n\n```\ni\n  j\n```\n\n---"
        bullets = ["• d", "", "• e", "", "  f"]
        self.assertEqual(
            [line for line in drawn(text, 10) if line],
            ["A", "b c", *(one for one in bullets if one), "1. g", "▌ h", "  i", "    j", "─" * 10],
        )

    def test_ascii(self) -> None:
        """In a terminal without Unicode, our own signs are ASCII."""
        text = "- a\n\n> b\n\n---\n\n|c|d|\n|-|-|\n|e|f|"
        self.assertTrue("\n".join(drawn(text, unicode=False)).isascii())
        self.assertEqual(drawn(text, unicode=False)[0], "- a")

    def test_addresses(self) -> None:
        """A link is shown with where it leads, and is no link of the terminal's."""
        self.assertEqual(drawn("[a](http://b.c/d)"), ["a (http://b.c/d)"])
        self.assertEqual(drawn("![a](b.png)"), ["!a (b.png)"])
        self.assertNotIn("\x1b]", "".join(drawn("[a](http://b.c/d) <http://e.f>", color=True)))

    def test_nothing_is_hidden(self) -> None:
        """HTML, definitions and comments are shown as they were written."""
        for text in (
            "a <b>c</b> </kbd>",
            "<!-- a -->",
            "[a]: http://b",
            "List<String>",
            "<script>\nx\n</script>",
        ):
            self.assertEqual("\n".join(drawn(text)).split(), text.split())

    def test_numbered_characters(self) -> None:
        """A character that is written by its number is as harmless as any."""
        self.assertEqual(drawn("a&#x202e;b&#155;c [d](e&#x202e;)"), ["a\ufffdb\ufffdc d (e%E2%80%AE)"])

    def test_code(self) -> None:
        """Code is coloured without a ground, and its long lines go on below."""
        self.assertEqual(drawn("```\n" + "x" * 15 + "\n```", 12), ["  " + "x" * 10, "  " + "x" * 5])
        found = "".join(drawn("```python\ndef f(): return 'a' # b\n```", color=True))
        self.assertIn("\x1b[35mdef", found)
        self.assertNotRegex(found, r"\x1b\[[\d;]*\b4\d")

    def test_unknown_language(self) -> None:
        """Code in a language that nobody knows is shown."""
        self.assertEqual(drawn("```nonesuch\na b\n```"), ["  a b"])
        self.assertEqual(drawn("```../../x\na b\n```"), ["  a b"])

    def test_unfinished(self) -> None:
        """A block of code that is not closed yet is one."""
        self.assertEqual(drawn("```python\na = 1"), ["  a = 1"])

    def test_tables(self) -> None:
        """A table is drawn in columns, one with too many rows, or columns for the terminal, as lines."""
        table = "|a|b|\n|-|-|\n" + "|c|d|\n" * prose.MAX_ROWS
        self.assertEqual(drawn(table)[2], "c   d")
        self.assertEqual(drawn(table + "|c|d|\n")[2], "c | d")
        wide = "|a" * 10 + "|\n" + "|-" * 10 + "|\n" + "|b" * 10 + "|"
        self.assertEqual(drawn(wide, 40)[-1].split(), ["b"] * 10)
        self.assertEqual(drawn(wide, 39)[-1], " | ".join("b" * 10))

    def test_highlighted(self) -> None:
        """Code up to the bound is coloured; beyond, it is shown as it is."""
        text = "x = 1\n" * (prose.MAX_HIGHLIGHTED // 6)
        text += "#" * (prose.MAX_HIGHLIGHTED - len(text))
        self.assertTrue(code(text, "python").spans)
        self.assertFalse(code(text + "#", "python").spans)

    def test_long_text(self) -> None:
        """A text up to the bound is drawn as Markdown, a longer one as it was written."""
        text = ("**a**\n\n" + "b\n\n" * prose.MAX_MARKDOWN)[: prose.MAX_MARKDOWN - 1] + "b"
        self.assertEqual(drawn(text)[0], "a")
        self.assertEqual(drawn(text + "b")[0], "**a**")

    def test_long_paragraph(self) -> None:
        """So is a paragraph."""
        text = "**a** ".ljust(prose.MAX_PARAGRAPH, "b")
        self.assertEqual(drawn(text)[0], "a")
        self.assertEqual(drawn(text + "b")[0], "**a**")

    def test_too_deep(self) -> None:
        """What is nested deeper than the parser goes is shown as it was written."""
        for depth in range(1, 3 * prose.MAX_NESTING):
            self.assertIn("end", "\n".join(drawn("> " * depth + "end", 200)))
            self.assertIn("end", "\n".join(drawn("- " * depth + "end", 200)))

    @settings(deadline=None)
    @given(MARKDOWN, st.integers(1, 60), st.booleans())
    def test_anything(self, text: str, width: int, unicode: bool) -> None:
        """Whatever is written, it is harmless; and within the columns, where they are enough for a wide character."""
        for line in drawn(text, width, unicode):
            self.assertIsNone(UNSAFE.search(line))
            if width >= 20:
                self.assertLessEqual(cell_len(line), width)


class CodeTests(SynchronousTestCase):
    def test_lines(self) -> None:
        """Its lines stay its lines; tabs are blanks."""
        self.assertEqual(code("\n\tif x:\n\n", "python").plain, "\n    if x:")
        self.assertIsInstance(code("x", ""), Text)
