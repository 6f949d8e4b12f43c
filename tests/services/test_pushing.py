"""Push subscriptions: one for each device, gone with it, and with what its push service says."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.access import Device
from pocketagent.domain.notices import Notice, Occasion, Rules
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.outbound.memory import MemoryPush, MemoryPushSubscriptions
from pocketagent.ports import Verdict
from pocketagent.services.deliveries import FIRST_PAUSE
from pocketagent.services.pushing import Pushing
from tests.services.test_notices import subscription
from tests.services.workshop import device, done

NOTICE = Notice(occasion=Occasion.PERMISSION, project_id="p", project_name="app", seq=1)


class PushingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.store, self.push, self.clock = MemoryPushSubscriptions(), MemoryPush(), Clock()
        self.phone, self.tablet = device(name="phone"), device(name="tablet")
        self.known = {self.phone.id, self.tablet.id}
        self.pushing = self.begin()

    def begin(self) -> Pushing:
        pushing = Pushing(self.store, self.push, self.clock, self.known.__contains__)
        self.successResultOf(done(pushing.start()))
        return pushing

    def register(self, of: Device, rules: Rules | None = None) -> None:
        self.successResultOf(done(self.pushing.subscribe(subscription(of, rules))))

    def test_one_for_a_device(self) -> None:
        """What a device registers replaces what it had, and survives a restart."""
        self.register(self.phone)
        self.register(self.phone, Rules(quiet=True))
        self.register(self.tablet)
        again = self.begin()
        self.assertEqual(len(again), 2)
        found = again.of(self.phone)
        assert found is not None
        self.assertTrue(found.rules.quiet)

    def test_unsubscribe(self) -> None:
        """A device that has had enough is told nothing more; asking for it twice is no error."""
        self.register(self.phone)
        for _ in range(2):
            self.successResultOf(done(self.pushing.unsubscribe(self.phone)))
        self.pushing.push(NOTICE, ())
        self.assertEqual((self.push.pushed, len(self.begin())), ([], 0))

    def test_gone(self) -> None:
        """A subscription that its push service no longer knows is removed."""
        self.register(self.phone)
        self.push.verdict = Verdict.GONE
        self.pushing.push(NOTICE, ())
        self.assertIsNone(self.pushing.of(self.phone))
        self.assertEqual(len(self.begin()), 0)

    def test_gone_too_late(self) -> None:
        """One that was registered anew meanwhile stays."""
        self.register(self.phone)
        self.push.verdict = Verdict.LATER
        self.pushing.push(NOTICE, ())
        self.register(self.phone, Rules(quiet=True))
        self.push.verdict = Verdict.GONE
        self.clock.advance(FIRST_PAUSE)
        self.assertIsNotNone(self.pushing.of(self.phone))
        self.assertEqual(len(self.push.pushed), 1)

    def test_restart_without_the_device(self) -> None:
        """The subscription of a device that was revoked while the server was away is removed at the start."""
        self.register(self.phone)
        self.known.clear()
        self.assertEqual(len(self.begin()), 0)
        self.assertEqual(self.successResultOf(done(self.store.all())), ())

    def test_over(self) -> None:
        """A device whose time is over is told nothing."""
        self.register(self.phone)
        self.known.clear()
        self.pushing.push(NOTICE, ())
        self.assertEqual(self.push.pushed, [])

    def test_disk_full(self) -> None:
        """What cannot be kept is refused, and what was there goes on; an end counts in any case."""
        self.register(self.phone)
        self.store.fails = True
        refused = self.failureResultOf(done(self.pushing.subscribe(subscription(self.tablet))), Refusal)
        self.assertEqual(refused.value.code, Code.STORAGE_UNAVAILABLE)
        self.assertEqual(len(self.pushing), 1)
        self.failureResultOf(done(self.pushing.unsubscribe(self.phone)), Refusal)
        self.pushing.push(NOTICE, ())
        self.assertEqual(self.push.pushed, [])
