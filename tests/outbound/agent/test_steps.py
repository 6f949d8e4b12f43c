"""The way down for a process: a step after the other, each with its time, until it is dead."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pocketagent.outbound.agent.steps import STEPS, Moment, Stairs, Way, within


class StairsTests(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.taken: list[tuple[float, Way]] = []
        self.over = Moment()
        self.early: dict[Way, Moment] = {}
        self.stairs = Stairs(self.clock, STEPS, self._take, self.over)

    def _take(self, way: Way) -> Moment | None:
        self.taken.append((self.clock.seconds(), way))
        return self.early.get(way)

    def _descend(self, first: Way) -> "Deferred[None]":
        return Deferred.fromCoroutine(self.stairs.descend(first))

    def test_all(self) -> None:
        """Interrupt, 2 s; the end of stdin, 1 s; SIGTERM, 5 s; SIGKILL; last, the end of a supervisor that is stuck."""
        down = self._descend(Way.INTERRUPT)
        self.clock.pump([0.5] * 40)
        self.assertEqual(
            self.taken,
            [(0, Way.INTERRUPT), (2, Way.CLOSE), (3, Way.TERMINATE), (8, Way.KILL), (20, Way.ABANDON)],
        )
        self.assertNoResult(down)
        self.clock.advance(12)
        self.successResultOf(down)
        self.assertEqual(len(self.flushLoggedErrors()), 0)

    def test_obedient(self) -> None:
        """When the process is dead no further step is taken, and the waiting ends at once."""
        down = self._descend(Way.CLOSE)
        self.clock.advance(0.5)
        self.over.happen()
        self.successResultOf(down)
        self.assertEqual((self.taken, self.clock.getDelayedCalls()), ([(0, Way.CLOSE)], []))

    def test_early(self) -> None:
        """A step that has done what it can is followed by the next before its time."""
        self.early[Way.INTERRUPT] = Moment()
        self._descend(Way.INTERRUPT)
        self.clock.advance(0.5)
        self.early[Way.INTERRUPT].happen()
        self.assertEqual(self.taken, [(0, Way.INTERRUPT), (0.5, Way.CLOSE)])
        self.over.happen()

    def test_twice(self) -> None:
        """Who comes later waits with the first, from wherever the steps are (CH-22)."""
        first = self._descend(Way.CLOSE)
        self.clock.advance(1)
        second = self._descend(Way.INTERRUPT)
        self.assertEqual(self.taken, [(0, Way.CLOSE), (1, Way.TERMINATE)])
        self.over.happen()
        self.successResultOf(first)
        self.successResultOf(second)
        self.successResultOf(self._descend(Way.KILL))
        self.assertEqual(len(self.taken), 2)

    def test_dead_already(self) -> None:
        """For a dead process there is nothing to do."""
        self.over.happen()
        self.successResultOf(self._descend(Way.KILL))
        self.assertEqual(self.taken, [])

    def test_nobody_waits(self) -> None:
        """The steps go on when the one who asked first has gone away."""
        first, second = self._descend(Way.CLOSE), self._descend(Way.CLOSE)
        first.addErrback(lambda failure: None)
        first.cancel()
        self.clock.advance(1)
        self.clock.advance(5)
        self.assertEqual(self.taken[-1], (6, Way.KILL))
        self.over.happen()
        self.successResultOf(second)


class MomentTests(TestCase):
    def test_order(self) -> None:
        """What waits for a moment is done in order when it comes, once; what comes later is done at once."""
        moment, done = Moment(), list[int]()
        moment.then(lambda: done.append(1))
        moment.then(lambda: done.append(2))
        self.assertEqual((moment.happened, done), (False, []))
        moment.happen()
        moment.happen()
        moment.then(lambda: done.append(3))
        self.assertEqual((moment.happened, done), (True, [1, 2, 3]))

    def test_within(self) -> None:
        """The wait ends with the first moment, or with its time, and leaves no timer."""
        clock, one, other = Clock(), Moment(), Moment()
        waiting = Deferred.fromCoroutine(within(clock, 5, one, other))
        other.happen()
        one.happen()
        self.successResultOf(waiting)
        self.assertEqual(clock.getDelayedCalls(), [])
        waiting = Deferred.fromCoroutine(within(clock, 5, Moment()))
        clock.advance(4.9)
        self.assertNoResult(waiting)
        clock.advance(0.1)
        self.successResultOf(waiting)
