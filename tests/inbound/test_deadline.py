"""Tests of `pocketagent.inbound.deadline`."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.inbound.deadline import Deadline


class DeadlineTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.late: list[float] = []
        self.deadline = Deadline(self.clock, lambda: self.late.append(self.clock.seconds()))

    def test_late(self) -> None:
        """What does not come in time is told, once, and at that time."""
        self.deadline.expect(10)
        self.clock.advance(9.9)
        self.assertEqual(self.late, [])
        self.clock.advance(0.1)
        self.clock.advance(100)
        self.assertEqual(self.late, [10.0])

    def test_met(self) -> None:
        """What has come is not late."""
        self.deadline.expect(10)
        self.deadline.met()
        self.clock.advance(100)
        self.assertEqual((self.late, self.clock.getDelayedCalls()), ([], []))

    def test_again(self) -> None:
        """Only what was expected last counts, later or sooner than before; there is one timer at most."""
        self.deadline.expect(10)
        self.clock.advance(9)
        self.deadline.expect(10)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(9)
        self.assertEqual(self.late, [])
        self.clock.advance(1)
        self.assertEqual(self.late, [19.0])
        self.deadline.expect(100)
        self.deadline.expect(5)
        self.clock.advance(5)
        self.assertEqual(self.late, [19.0, 24.0])

    def test_stop(self) -> None:
        """Afterwards nothing is left."""
        self.deadline.expect(10)
        self.deadline.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
