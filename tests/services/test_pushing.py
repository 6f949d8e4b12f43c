"""Push subscriptions: one for each device, gone with it, and with what its push service says."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.access import Device
from pocketagent.domain.notices import Notice, Occasion, Rules
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.outbound.memory import MemoryAudit, MemoryPush, MemoryPushSubscriptions
from pocketagent.ports import Verdict
from pocketagent.services.audit import Audit
from pocketagent.services.deliveries import FIRST_PAUSE
from pocketagent.services.pushing import Pushing
from tests.services.test_notices import subscription
from tests.services.workshop import FakeConnection, device, done

NOTICE = Notice(occasion=Occasion.PERMISSION, project_id="p", project_name="app", seq=1)


class PushingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.store, self.push, self.clock = MemoryPushSubscriptions(), MemoryPush(), Clock()
        self.phone, self.tablet = device(name="phone"), device(name="tablet")
        self.known = {self.phone.id, self.tablet.id}
        self.records = MemoryAudit(lambda: 0.0)
        self.pushing = self.begin()

    def begin(self) -> Pushing:
        audit = Audit(self.records, self.clock, lambda project_id: None)
        pushing = Pushing(self.store, self.push, self.clock, self.known.__contains__, audit)
        self.successResultOf(done(pushing.start()))
        return pushing

    def register(self, of: Device, rules: Rules | None = None) -> None:
        self.successResultOf(done(self.pushing.subscribe(subscription(of, rules), FakeConnection(of))))

    def written(self) -> list[tuple[str, str | None, str | None, object]]:
        """Of each record: what was done, by whom, to what, and what the server says of why."""
        deeds = [record.deed for record in self.records.records]
        return [(one.action, one.actor_name, one.device_id, one.details.get("reason")) for one in deeds]

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
            self.successResultOf(done(self.pushing.unsubscribe(FakeConnection(self.phone))))
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

    def test_written_down(self) -> None:
        """AD-06: each registration that is made, changed or removed has one record, with the host that it leads to and
        no more of it; what changes nothing has none."""
        for rules in (None, None, Rules(quiet=True)):
            self.register(self.phone, rules)
        for _ in range(2):
            self.successResultOf(done(self.pushing.unsubscribe(FakeConnection(self.phone))))
        for of in (self.phone, self.tablet):
            self.register(of)
        self.push.verdict = Verdict.GONE
        self.known.remove(self.tablet.id)
        self.pushing.push(NOTICE, ())
        self.pushing.forget([self.tablet.id, "unknown"], "revoked")
        phone, tablet = self.phone.id, self.tablet.id
        self.assertEqual(
            self.written(),
            [
                ("push_subscribe", "phone", phone, None),
                ("push_subscribe", "phone", phone, None),
                ("push_unsubscribe", "phone", phone, None),
                ("push_subscribe", "phone", phone, None),
                ("push_subscribe", "tablet", tablet, None),
                ("push_unsubscribe", None, phone, "gone"),
                ("push_unsubscribe", None, tablet, "revoked"),
            ],
        )
        details = {"host": "push.example.net", "events": list(Occasion), "seconds": 0.0, "quiet": False}
        self.assertEqual(self.records.records[0].deed.details, details)

    def test_cannot_be_written_down(self) -> None:
        """AD-03: where no record can be kept nobody is registered; an end is one in any case."""
        self.register(self.phone)
        self.records.fails = True
        asker = FakeConnection(self.tablet)
        self.failureResultOf(done(self.pushing.subscribe(subscription(self.tablet), asker)), Refusal)
        self.assertIsNone(self.pushing.of(self.tablet))
        self.successResultOf(done(self.pushing.unsubscribe(FakeConnection(self.phone))))
        self.assertIsNone(self.pushing.of(self.phone))

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
        refused = self.failureResultOf(
            done(self.pushing.subscribe(subscription(self.tablet), FakeConnection(self.tablet))), Refusal
        )
        self.assertEqual(refused.value.code, Code.STORAGE_UNAVAILABLE)
        self.assertEqual(len(self.pushing), 1)
        self.failureResultOf(done(self.pushing.unsubscribe(FakeConnection(self.phone))), Refusal)
        self.pushing.push(NOTICE, ())
        self.assertEqual(self.push.pushed, [])
