# -*- test-case-name: tests.domain.test_text -*-
"""Text from outside, made harmless."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.text import UNSAFE, escaped


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
