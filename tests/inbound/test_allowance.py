"""Tests of `pocketagent.inbound.allowance`."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.inbound.allowance import Allowance


class AllowanceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.allowance = Allowance(50, 100, self.clock.seconds)

    def taken(self, tries: int) -> int:
        return sum(self.allowance.take() for _ in range(tries))

    def test_burst(self) -> None:
        """A burst is allowed at once, and then as much as comes in again."""
        self.assertEqual(self.taken(1000), 100)
        self.clock.advance(1)
        self.assertEqual(self.taken(1000), 50)
        self.clock.advance(60)
        self.assertEqual(self.taken(1000), 100)

    def test_given_back(self) -> None:
        """What was not used is there again, and never more than a burst."""
        self.taken(3)
        for _ in range(5):
            self.allowance.give_back()
        self.assertEqual(self.taken(1000), 100)

    def test_waiting(self) -> None:
        """Who waits as long as it is told is not said to ignore anything."""
        for _ in range(20):
            self.taken(101)
            self.assertEqual(self.allowance.ignored, 0)
            self.clock.advance(self.allowance.retry_after + 0.001)

    def test_ignoring(self) -> None:
        """Who goes on asking has ignored the limit from the first refusal on."""
        for _ in range(1000):
            self.taken(10)
            self.clock.advance(0.01)
        self.assertApproximates(self.allowance.ignored, 10, 0.5)

    def test_clock_set_back(self) -> None:
        """A clock that is set back a day takes nothing away, and gives nothing."""
        self.taken(50)
        self.clock.rightNow -= 86400
        self.assertEqual(self.taken(1000), 50)
        self.clock.advance(1)
        self.assertEqual(self.taken(1000), 50)

    def test_slow_rates(self) -> None:
        """The wait is at least as long as one takes to come in."""
        self.assertEqual(Allowance(0.1, 1, self.clock.seconds).retry_after, 10)
