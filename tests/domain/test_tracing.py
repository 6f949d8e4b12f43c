"""What is worked on follows the work, and nobody else."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.tracing import about, working


class WorkingTests(SynchronousTestCase):
    def test_inside(self) -> None:
        """It is known inside, with what was known outside, and not behind."""
        with working(request_id="r", project_id=None):
            with working({"execution_id": "e"}):
                self.assertEqual(about(), {"request_id": "r", "execution_id": "e"})
            self.assertEqual(about(), {"request_id": "r"})
        self.assertEqual(about(), {})

    def test_coroutines(self) -> None:
        """Coroutines that wait for the same thing keep theirs apart, and so do those that they begin."""
        waiting: Deferred[None] = Deferred()
        seen: list[dict[str, str]] = []

        async def inner() -> None:
            await waiting
            seen.append(dict(about()))

        async def outer(request_id: str) -> None:
            with working(request_id=request_id):
                Deferred.fromCoroutine(inner())
                await inner()
            seen.append(dict(about()))

        for request_id in "a", "b":
            Deferred.fromCoroutine(outer(request_id))
        self.assertEqual(about(), {})
        waiting.callback(None)
        self.assertCountEqual(seen, [{"request_id": "a"}] * 2 + [{"request_id": "b"}] * 2 + [{}] * 2)

    def test_thrown_away(self) -> None:
        """A coroutine that is given up leaves nothing behind."""

        async def wait() -> None:
            with working(request_id="r"):
                await Deferred()

        waiting = Deferred.fromCoroutine(wait())
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual(about(), {})
