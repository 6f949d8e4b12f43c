"""What is on its way to others is tried again, for a while; there is never too much of it."""

import itertools

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.ports import Tried, Verdict
from pocketagent.services.deliveries import AT_ONCE, FIRST_PAUSE, LONGEST_PAUSE, TRIES, WAITING, Deliveries
from tests.services.workshop import done


class DeliveriesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.verdict = Verdict.TAKEN
        self.sent: list[tuple[float, str]] = []
        self.wait = 0.0
        self.slow: list[Deferred[Tried]] | None = None
        self.lost: list[str] = []
        self.deliveries: Deliveries[str] = Deliveries(self.clock, self.send, "a test", self.lost.append)

    async def send(self, content: str) -> Tried:
        self.sent.append((self.clock.seconds(), content))
        if self.slow is None:
            return Tried(self.verdict, self.wait)
        self.slow.append(Deferred())
        return await self.slow[-1]

    def test_taken(self) -> None:
        """What is taken is sent once, in order."""
        for content in "abc":
            self.deliveries.put(content)
        self.clock.advance(1000)
        self.assertEqual([content for _, content in self.sent], ["a", "b", "c"])
        self.assertEqual((self.deliveries.delivered, self.deliveries.dropped), (3, 0))

    def test_again(self) -> None:
        """What is not taken now is tried again, after pauses that double up to a bound, and given up in the end."""
        self.verdict = Verdict.LATER
        self.deliveries.put("a")
        for _ in range(2000):
            self.clock.advance(1)
        times = [when for when, _ in self.sent]
        pauses = [later - before for before, later in itertools.pairwise(times)]
        self.assertEqual(pauses, [min(LONGEST_PAUSE, FIRST_PAUSE * 2**each) for each in range(TRIES - 1)])
        self.assertEqual(len(times), TRIES)
        self.assertEqual(self.deliveries.dropped, 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_asked_to_wait(self) -> None:
        """Who asks for a longer pause has it; a shorter one changes nothing, and the number of tries stays."""
        self.verdict, self.wait = Verdict.LATER, 100.0
        self.deliveries.put("a")
        for _ in range(5000):
            self.clock.advance(1)
        times = [when for when, _ in self.sent]
        pauses = [later - before for before, later in itertools.pairwise(times)]
        self.assertEqual(pauses, [max(100.0, FIRST_PAUSE * 2**each) for each in range(TRIES - 1)])
        self.assertEqual((len(times), self.deliveries.dropped), (TRIES, 1))

    def test_taken_later(self) -> None:
        """It is taken as soon as its receiver is there again."""
        self.verdict = Verdict.LATER
        self.deliveries.put("a")
        self.verdict = Verdict.TAKEN
        self.clock.advance(FIRST_PAUSE)
        self.assertEqual((len(self.sent), self.deliveries.delivered), (2, 1))

    def test_never(self) -> None:
        """What is refused is not tried again; of what is gone its owner is told."""
        for verdict, lost in ((Verdict.REFUSED, []), (Verdict.GONE, ["a"])):
            self.verdict = verdict
            self.deliveries.put("a")
            self.clock.advance(1000)
            self.assertEqual(self.lost, lost)
        self.assertEqual((len(self.sent), self.deliveries.dropped), (2, 2))

    def test_at_once(self) -> None:
        """So many are sent at a time, and the next when one is done."""
        self.slow = []
        for number in range(AT_ONCE + 2):
            self.deliveries.put(str(number))
        self.assertEqual(len(self.sent), AT_ONCE)
        self.slow[0].callback(Tried(Verdict.TAKEN))
        self.assertEqual(len(self.sent), AT_ONCE + 1)

    def test_too_many(self) -> None:
        """So many may wait; of more the oldest is dropped, and counted."""
        self.slow = []
        for number in range(AT_ONCE + WAITING):
            self.deliveries.put(str(number))
        self.assertEqual(self.deliveries.dropped, 0)
        self.deliveries.put("last")
        self.assertEqual(self.deliveries.dropped, 1)
        for sending in self.slow:
            sending.callback(Tried(Verdict.TAKEN))
        names = [content for _, content in self.sent]
        self.assertNotIn(str(AT_ONCE), names)
        self.assertEqual((names[-1], len(names)), ("last", AT_ONCE + WAITING))

    def test_too_many_to_try_again(self) -> None:
        """What waits for its next try counts, too."""
        self.verdict = Verdict.LATER
        for number in range(WAITING + 1):
            self.deliveries.put(str(number))
        self.assertEqual(self.deliveries.dropped, 1)
        self.assertEqual(len(self.clock.getDelayedCalls()), WAITING)

    def test_surprise(self) -> None:
        """Whatever a sender fails with is logged, and the next one is sent."""
        self.slow = []
        self.deliveries.put("a")
        self.slow[0].errback(ZeroDivisionError())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.deliveries.dropped, 1)
        self.deliveries.put("b")
        self.assertEqual(len(self.sent), 2)

    def test_stop(self) -> None:
        """At the end what is under way is waited for, and nothing is tried again or taken."""
        self.verdict = Verdict.LATER
        self.deliveries.put("a")
        self.slow = []
        self.deliveries.put("b")
        stopped = done(self.deliveries.stop(2))
        self.deliveries.put("c")
        self.assertNoResult(stopped)
        self.slow[0].callback(Tried(Verdict.TAKEN))
        self.successResultOf(stopped)
        self.assertEqual([content for _, content in self.sent], ["a", "b"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop_has_a_bound(self) -> None:
        """The end waits so long, not longer."""
        self.slow = []
        for number in range(AT_ONCE + 3):
            self.deliveries.put(str(number))
        stopped = done(self.deliveries.stop(2))
        self.clock.advance(1.9)
        self.assertNoResult(stopped)
        self.clock.advance(0.1)
        self.successResultOf(stopped)
        self.assertEqual(self.deliveries.dropped, AT_ONCE + 3)
        self.assertEqual(self.clock.getDelayedCalls(), [])
