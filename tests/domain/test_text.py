# -*- test-case-name: tests.domain.test_text -*-
"""Text from outside, made harmless."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.text import UNSAFE, escaped, harmless, in_a_line


class EscapedTests(SynchronousTestCase):
    def test_written_out(self) -> None:
        """Ends of lines, terminal sequences and marks of direction are written out as Python writes them."""
        self.assertEqual(escaped("a\nb\x1b[2J\u202e\u2028\x9b"), r"a\nb\x1b[2J\u202e\u2028\x9b")

    def test_letters_stay(self) -> None:
        """Letters of every language and what they are written with stay as they are."""
        for text in "", "plain", "Grüße, 日本, שלום", r"C:\dir", "e\u0301 👩‍👩‍👧":
            self.assertEqual(escaped(text), text)

    @given(st.text())
    def test_harmless(self, text: str) -> None:
        """Whatever it was, it is one line without a control character, and escaping it again changes nothing."""
        once = escaped(text)
        self.assertIsNone(UNSAFE.search(once))
        self.assertEqual(escaped(once), once)
        self.assertLessEqual(len(once.splitlines()), 1)


class HarmlessTests(SynchronousTestCase):
    def test_several_lines(self) -> None:
        """Ends of lines and tabs stay; those of Windows become plain ones."""
        self.assertEqual(harmless("a\r\n\tb\nc"), "a\n\tb\nc")

    def test_seen(self) -> None:
        """A control character is shown by its picture, everything else that is unsafe by a replacement."""
        self.assertEqual(harmless("a\rb\x1b[2J\x07\x00\x7f"), "a\u240db\u241b[2J\u2407\u2400\u2421")
        for unsafe in "\x9b", "\u202e", "\u2028", "\ufeff", "\ud83d":
            self.assertEqual(harmless(f"<{unsafe}>"), "<\ufffd>")

    def test_ordinary_text_stays(self) -> None:
        """Letters of every language and what they are written with stay as they are."""
        for text in "", "plain", "Grüße, 日本, שלום", r"C:\dir", "e\u0301 👩‍👩‍👧", "a\n\n\tb":
            self.assertEqual(harmless(text), text)

    @given(st.text(st.characters() | st.sampled_from("\r\n\t\x1b\x9b\u202e\ud800")))
    def test_nothing_unsafe(self, text: str) -> None:
        """Whatever it was, nothing unsafe is left but ends of lines and tabs, and nothing else is touched."""
        once = harmless(text)
        self.assertLessEqual(set(UNSAFE.findall(once)), {"\n", "\t"})
        self.assertEqual(once, harmless(once))
        whole = text.replace("\r\n", "\n")
        self.assertEqual(len(once), len(whole))
        for before, after in zip(whole, once, strict=True):
            self.assertTrue(before == after or UNSAFE.match(before))


class LineTests(SynchronousTestCase):
    def test_in_a_line(self) -> None:
        """A text becomes one line of so many characters at most, with nothing in it that acts on a reader."""
        for text, line in (
            ("", ""),
            (" \n\t ", ""),
            ("  a\n\n b\t\x1bc ", "a b c"),
            ("0123456789", "0123456789"),
            ("0123456789x", "012345678…"),
            ("01234567 9x", "01234567…"),
            ("\n" * 1000 + "late", "late"),
            ("a" + " " * 1000 + "b", "a"),
        ):
            self.assertEqual(in_a_line(text, 10), line)
