"""What is found is shown with what stands around it."""

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.searching import SNIPPET, snippet


class SnippetTests(SynchronousTestCase):
    def test_found(self) -> None:
        """The first place, in any case, in the first text that has one; on one line, and not too long."""
        self.assertEqual(snippet(["nothing", "one\n\nTWO \x1bthree", "two"], "two"), "one TWO three")
        self.assertIsNone(snippet(["nothing"], "two"))
        self.assertEqual(snippet(["\u0130 two"], "TWO"), "i\u0307 two")
        for before in (0, 1, 59, 60, 61, 1000):
            for after in (0, 1000):
                around = snippet(["x" * before + "NEEDLE" + "x" * after], "needle") or ""
                self.assertIn("NEEDLE", around)
                self.assertLessEqual(len(around), SNIPPET)
                self.assertEqual(around.startswith("…"), before > 60)
