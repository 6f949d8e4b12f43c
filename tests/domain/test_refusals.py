"""What is said no to."""

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.refusals import Code, Refusal


class RefusalTests(SynchronousTestCase):
    def test_text(self) -> None:
        """A refusal that nobody took apart reads as its sentence."""
        self.assertEqual(str(Refusal(Code.PROJECT_NOT_FOUND, "There is none.", project_id="x")), "There is none.")
