"""A text in pieces: what is handed out, when, and at what cost."""

import itertools
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.text import harmless
from pocketagent.terminal import writing
from pocketagent.terminal.writing import LEAST, LOOK_AGAIN, Writing

FENCE = "```python\nprint(1)\n\nprint(2)\n```\n"

BLOCKS = st.sampled_from(
    [
        "A paragraph of words.\n",
        "Two lines\nof one paragraph.\n",
        "# A heading\n",
        "Under a line\n===\n",
        "a | b\n--- | ---\n1 | 2\n",
        "| a |\n|---|\n",
        "- one\n- two\n",
        "- one\n\n- two, loose\n\n  and more of it\n",
        "1. one\n2. two\n",
        "1. one\n   - inside\n\n     and below\n",
        "- [ ] a task\n",
        "* another list\n",
        "> a quote\n> of two lines\n",
        "> lazy\ngoing on\n",
        "> - a list in a quote\n",
        "> ```\n> code\n",
        "- ```\n  code in a list\n",
        FENCE,
        "~~~\n- no list\n\n# no heading\n~~~\n",
        "````\n```\n````\n",
        "    indented code\n\n    that goes on\n",
        "---\n",
        "<div>\n\n<b>text</b>\n\n</div>\n",
        "[one]: https://example.com\n",
        "\n",
        "\n\n",
        "2",
        "-",
        "  ",
        "\r\n",
        "\u2028\x0b\x0c\x85",
        "Cut 😀 short.\n",
    ]
)
DOCUMENTS = st.lists(BLOCKS, max_size=9).map("".join)
TEXTS = DOCUMENTS | st.text(max_size=200) | DOCUMENTS.map(lambda text: text.replace("\n", "\r\n"))


@st.composite
def pieces_of(draw: st.DrawFn, texts: st.SearchStrategy[str] = TEXTS) -> Sequence[str]:
    """A text in pieces, cut anywhere, as JavaScript cuts: in the middle of a character, too."""
    units = draw(texts).encode("utf-16-le", "surrogatepass")
    cuts = sorted({0, len(units), *draw(st.lists(st.integers(0, len(units) // 2).map(lambda at: 2 * at)))})
    return [units[begin:end].decode("utf-16-le", "surrogatepass") for begin, end in itertools.pairwise(cuts)]


def whole_of(pieces: Sequence[str]) -> str:
    return "".join(pieces).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def parts_of(pieces: Sequence[str], each: int = 0) -> Sequence[str]:
    """The parts that are handed out; each line is looked at, for the sake of short texts."""
    text = Writing()
    parts = []
    for piece in pieces:
        text._next_look = min(text._next_look, each)
        parts.append(text.add(piece))
    return [part for part in [*parts, text.finish(whole_of(pieces))] if part]


def looks(text: str) -> Sequence[tuple[object, ...]]:
    """What Markdown makes of a text, by the rules of `terminal.prose`."""
    parser = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"])
    parser.disable(["reference", "image"])
    return [
        (token.type, token.tag, token.content, token.info, token.hidden, token.level, sorted(token.attrs.items()))
        for token in parser.parse(harmless(text))
    ]


class HandedOutTests(SynchronousTestCase):
    """What stands, and what may still change."""

    @given(pieces_of())
    def test_word_for_word(self, pieces: Sequence[str]) -> None:
        """However a text is cut, the parts that are handed out are the text, each character once."""
        text = Writing()
        parts = [text.add(piece) for piece in pieces]
        self.assertEqual("".join(parts) + text.rest, whole_of(pieces))
        self.assertEqual("".join([*parts, text.finish(whole_of(pieces))]), whole_of(pieces))

    @given(pieces_of(DOCUMENTS))
    def test_looks(self, pieces: Sequence[str]) -> None:
        """Each part looks alone as it does within the whole. Definitions of references, which reach over blocks, are
        no exception: nothing is made of them."""
        apart = [token for part in parts_of(pieces) for token in looks(part)]
        self.assertEqual(apart, list(looks(whole_of(pieces))))

    @given(
        st.sampled_from(["", "One.\n\n", "- one\n\n", "a | b\n--|--\n", "> one\n", f"{FENCE}\n"]),
        st.lists(st.text("a~\n -#>|1.", max_size=20) | st.just("\n```\n"), max_size=8).map("".join),
    )
    def test_open_fence(self, before: str, code: str) -> None:
        """A block of code that was not closed is handed out whole, whatever stands in it."""
        fenced = f"`````\n{code}\n"
        self.assertEqual(parts_of([before, *fenced])[-1], fenced)

    def test_at_once(self) -> None:
        """A paragraph, a table, a quote and a closed fence stand as soon as a blank line follows; a heading and a rule
        at the end of their line."""
        for text in ("One.\n\n", "a | b\n--|--\n1 | 2\n\n", "> Two.\n\n", f"{FENCE}\n", "# Three\n", "---\n"):
            self.assertEqual(Writing().add(text), text)

    def test_not_yet(self) -> None:
        """A list, indented code, an open fence, and what has no blank line behind it may go on; a line without its end
        may become anything."""
        for text in ("- one\n\n", "1. one\n", "    code\n\n", "```\ncode\n\n", "One.\n", "> Two.\n", FENCE, "# Three"):
            self.assertEqual(Writing().add(text), "")
        self.assertEqual(Writing().add("\n\n"), "")
        self.assertEqual(Writing().add("1. one\n\n2"), "")
        self.assertEqual(Writing().add("1. one\n\nTwo"), "")
        self.assertEqual(Writing().add("1. one\n\nTwo\n"), "1. one\n\n")

    def test_line_that_waits(self) -> None:
        """A line that ended while it was too early to look is not forgotten by the pieces that follow."""
        text = Writing()
        text.add("- one\n")
        self.assertEqual(text.add("\nTwo.\n\n"), "")
        self.assertEqual(text.add("x" * LEAST), "- one\n\nTwo.\n\n")
        self.assertTrue(text.has_begun)
        self.assertEqual(text.rest, "x" * LEAST)

    def test_ends_of_lines(self) -> None:
        """Only what the terminal shows as the end of a line is one: not a lone return, a form feed or a U+2028."""
        text = "One\u2028\x0c\rstill one.\r\n\r\n"
        self.assertEqual(Writing().add(text), text)
        self.assertEqual(Writing().add("One\r\rTwo\r"), "")

    def test_halves(self) -> None:
        """A character that was cut in two is one again; half a character that stays alone does no harm."""
        text = Writing()
        text.add("\ud83d")
        text.add("\ude00\n\n")
        self.assertEqual(text.finish("😀\n\nTwo"), "Two")
        text.add("\ude00\n\n")
        self.assertEqual(text.finish("\ude00\n\nTwo"), "Two")

    def test_otherwise(self) -> None:
        """A text that goes otherwise than its pieces did is handed out from its beginning; the next one begins anew."""
        text = Writing()
        self.assertEqual(text.add("One.\n\nTwo"), "One.\n\n")
        self.assertEqual(text.finish("Three.\n\nTwo"), "Three.\n\nTwo")
        self.assertEqual((text.rest, text.has_begun), ("", False))
        self.assertEqual(text.finish("One.\n\nTwo"), "One.\n\nTwo")
        text.add("One.\n\nTwo")
        self.assertEqual(text.finish("One."), "One.")

    def test_lost(self) -> None:
        """After a lost connection only what was not handed out is missing, and comes with the whole."""
        text = Writing()
        text.add("One.\n\nTwo")
        text.lose()
        self.assertEqual((text.rest, text.has_begun), ("", True))
        self.assertEqual(text.finish("One.\n\nTwo.\n"), "Two.\n")

    def test_dropped(self) -> None:
        """What is void is not held against the next text."""
        text = Writing()
        text.add("One.\n\nTwo")
        text.drop()
        self.assertEqual((text.rest, text.has_begun), ("", False))
        self.assertEqual(text.add("One.\n\n"), "One.\n\n")


class CostTests(SynchronousTestCase):
    """What it costs, counted in characters that are read."""

    def setUp(self) -> None:
        self.read = 0
        blocks = writing._blocks

        def counting(text: str) -> Sequence[tuple[str, int, int]]:
            self.read += len(text)
            return blocks(text[:LEAST])  # so that only the counting takes time

        self.patch(writing, "_blocks", counting)

    def _cost(self, text: str, size: int) -> float:
        """Characters read for each one written, in pieces of this size."""
        self.read = 0
        being_written = Writing()
        for at in range(0, len(text), size):
            being_written.add(text[at : at + size])
        return self.read / len(text)

    def test_long_code(self) -> None:
        """A block of code of 1 MB in pieces of 10 bytes is read a bounded number of times."""
        most = LOOK_AGAIN / (LOOK_AGAIN - 1)
        code = "```\n" + "print(1)\n" * 111_111
        self.assertLessEqual(self._cost(code, 10), most)

    def test_long_line(self) -> None:
        """A text without an end of line is not read at all."""
        self.assertEqual(self._cost("x" * 1_000_000, 10), 0)

    def test_many_lines(self) -> None:
        """Lines of one character, and blocks of one line, cost no more than long ones."""
        most = (LOOK_AGAIN / (LOOK_AGAIN - 1)) + 1
        self.assertLessEqual(self._cost("- a\n" * 50_000, 1), most)
        self.assertLessEqual(self._cost("a\n\n" * 50_000, 1), most)
