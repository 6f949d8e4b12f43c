"""How wide a text is on the terminal."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.terminal.cells import cut, width_of, wrapped

TEXTS = st.text(st.sampled_from("ab 宽😀é\u0301-") | st.characters(exclude_categories=["Cs", "Cc"]), max_size=60)


class CellsTests(SynchronousTestCase):
    def test_width(self) -> None:
        """A wide character takes two cells, an accent that is put on another none."""
        self.assertEqual([width_of(text) for text in ("ab", "宽", "e\u0301", "")], [2, 2, 1, 0])

    @given(TEXTS, st.integers(0, 70))
    def test_cut(self, text: str, width: int) -> None:
        """What is cut has room, is a beginning of the text, and takes all the room that there is."""
        short = cut(text, width)
        self.assertLessEqual(width_of(short), width)
        if short != text:
            self.assertTrue(text.startswith(short.removesuffix("…")))
            self.assertGreaterEqual(width_of(short), width - 1)

    @given(TEXTS, st.integers(2, 70))
    def test_wrapped(self, text: str, width: int) -> None:
        """Each line has room, and only spaces are lost between them."""
        lines = wrapped(text, width)
        self.assertEqual([line for line in lines if width_of(line) > width], [])
        self.assertEqual("".join(lines).replace(" ", ""), text.replace(" ", ""))

    def test_between_words(self) -> None:
        """A line ends between two words, and a word that is too long is broken."""
        self.assertEqual(wrapped("one two three", 8), ["one two", "three"])
        self.assertEqual(wrapped("one two", 7), ["one two"])
        self.assertEqual(wrapped("宽宽宽 x", 5), ["宽宽", "宽 x"])

    def test_plain(self) -> None:
        """Where there is no room for the dots, there are fewer."""
        self.assertEqual(
            [cut("abcdef", width, "...") for width in (6, 5, 3, 2, 0)], ["abcdef", "ab...", "...", "..", ""]
        )
