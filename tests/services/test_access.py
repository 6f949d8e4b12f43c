"""Who comes in, and who has to go: by the server's own record, at once, and whatever the clock says."""

import hmac
import sys
from collections.abc import Sequence
from types import FrameType

from attrs import define, evolve, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.access import Device, Kind, Scope, cookie, hash_of, token
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.outbound.memory import MemoryDevices
from pocketagent.ports import IConnection, StorageUnavailable
from pocketagent.services.access import Access
from pocketagent.services.subscriptions import Subscriptions
from tests.services.steered import Gate
from tests.services.workshop import FakeConnection, WorkshopCase, done

SECRET = "5" * 64
DAY = 86400.0
NOW = 1_700_000_000.0


def made(number: int = 1, scope: Scope = Scope.EXECUTE, expires_at: float | None = None) -> Device:
    return Device(f"{number:016x}", f"device {number}", scope, hash_of(SECRET), NOW, expires_at)


@define(eq=False)
class SlowDevices(MemoryDevices):
    """Every question for the version passes a gate, with what was true when it was asked."""

    asking: Gate = field(factory=Gate)
    lost: bool = False
    surprise: Exception | None = None

    def __attrs_pre_init__(self) -> None:
        super().__init__()

    async def version(self) -> object:
        if self.surprise is not None:
            raise self.surprise
        version = await super().version()
        await self.asking.through()
        return version

    async def all(self) -> Sequence[Device]:
        if self.lost:
            raise StorageUnavailable("away")
        return await super().all()


@define(eq=False)
class Witness:
    """Keeps what it was told."""

    seen: list[tuple[str, str]] = field(factory=list)

    def expired(self, device: Device) -> None:
        self.seen.append(("expired", device.id))

    def shut_out(self, connection: IConnection, reason: str) -> None:
        self.seen.append((reason, connection.id))


class AccessCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.now = NOW
        self.store = SlowDevices()
        self.subscriptions = Subscriptions()
        self.witness = Witness()
        self.save(made())
        self.access = self.made_access()
        self.successResultOf(done(self.access.start()))
        self.addCleanup(self.access.stop)

    def made_access(self) -> Access:
        return Access(self.store, self.subscriptions, self.clock, lambda: self.now, self.witness)

    def save(self, device: Device) -> None:
        self.successResultOf(done(self.store.save(device)))

    def remove(self, device: Device) -> None:
        self.successResultOf(done(self.store.remove(device.id)))

    def admitting(self, text: str) -> "Deferred[Device]":
        return done(self.access.admit(text))

    def admitted(self, device: Device) -> Device:
        return self.successResultOf(self.admitting(token(device.id, SECRET)))

    def reason(self, text: str) -> object:
        refusal = self.failureResultOf(self.admitting(text), Refusal).value
        assert isinstance(refusal, Refusal)
        self.assertIs(refusal.code, Code.UNAUTHORIZED)
        self.assertNotIn(SECRET, refusal.message)
        return refusal.details["reason"]

    def connect(self, device: Device) -> FakeConnection:
        connection = FakeConnection(device)
        self.subscriptions.arrive(connection)
        return connection

    def pass_a_second(self) -> None:
        for _ in range(10):
            self.clock.advance(0.1)
            self.now += 0.1


class AdmitTests(AccessCase):
    def test_in(self) -> None:
        """A token is worth its device, by the server's record."""
        self.assertEqual(self.admitted(made()), made())

    def test_out(self) -> None:
        """Anything else is refused, with a reason that helps its owner and nobody else."""
        good = token(made().id, SECRET)
        for bad in ("", "x", good[:-1], good + "0", good.upper(), " " + good, good + "\n", "pa_" + "0" * 81, "\ud800"):
            self.assertEqual(self.reason(bad), "malformed", bad)
        for unknown in (token(made(2).id, SECRET), token(made().id, "6" * 64)):
            self.assertEqual(self.reason(unknown), "unknown")
        self.save(made(3, expires_at=NOW))
        self.assertEqual(self.reason(token(made(3).id, SECRET)), "expired")
        self.assertEqual(self.reason(token(made(3).id, "6" * 64)), "unknown")

    def test_kinds(self) -> None:
        """A browser comes in by its cookie and a program by its token: neither by that of the other, whatever its
        beginning (AU-33)."""
        browser = evolve(made(2), kind=Kind.BROWSER)
        self.save(browser)
        shown = {Kind.BROWSER: (browser, cookie(browser.id, SECRET)), Kind.PROGRAM: (made(), token(made().id, SECRET))}
        for kind, (device, text) in shown.items():
            self.assertEqual(self.successResultOf(done(self.access.admit(text, kind))), device)
        for kind, text in (
            (Kind.PROGRAM, cookie(browser.id, SECRET)),
            (Kind.PROGRAM, token(browser.id, SECRET)),
            (Kind.BROWSER, token(made().id, SECRET)),
            (Kind.BROWSER, cookie(made().id, SECRET)),
        ):
            self.failureResultOf(done(self.access.admit(text, kind)), Refusal)

    def test_seen(self) -> None:
        """Who was let in is noted with the kind of client; who was not, is not."""
        seen: list[tuple[str, str]] = []
        access = Access(
            self.store,
            self.subscriptions,
            self.clock,
            lambda: self.now,
            Witness(),
            lambda device, client: seen.append((device.id, client)),
        )
        self.successResultOf(done(access.start()))
        self.addCleanup(access.stop)
        self.successResultOf(done(access.admit(token(made().id, SECRET), client="curl")))
        self.failureResultOf(done(access.admit(token(made(2).id, SECRET), client="curl")), Refusal)
        self.assertEqual(seen, [(made().id, "curl")])
        self.assertEqual([access.knows(made(number).id) for number in (1, 2)], [True, False])

    def test_same_work(self) -> None:
        """AU-03: an id that nobody has and a wrong secret of one that somebody has cost the same: a look at the disk,
        and as many hashes as comparisons. What is good costs one of each, and no look."""
        self.save(made(3, expires_at=NOW))
        self.pass_a_second()
        good, over = token(made().id, SECRET), token(made(3).id, SECRET)
        wrong = [token(made(1).id, "6" * 64), token(made(2).id, SECRET), token(made(3).id, "6" * 64)]
        self.assertEqual([self.work(each) for each in (good, over)], [(1, 1, 0)] * 2)
        self.assertEqual([self.work(each) for each in wrong], [(2, 2, 1)] * 3)
        self.assertEqual([self.work(each, looks=False) for each in wrong], [(1, 1, 0)] * 3)

    def work(self, text: str, looks: bool = True) -> tuple[int, int, int]:
        """Hashes, comparisons and looks at the disk that this token costs."""
        hashed = compared = 0

        def count(frame: FrameType, event: str, called: object) -> None:
            nonlocal hashed, compared
            hashed += event == "call" and frame.f_code is hash_of.__code__
            compared += event == "c_call" and called is hmac.compare_digest

        before = self.store.asking.passed
        sys.setprofile(count)
        try:
            admitting = done(self.access.admit(text, looks=looks))
        finally:
            sys.setprofile(None)
        admitting.addErrback(lambda failure: failure.trap(Refusal) and None)
        return hashed, compared, self.store.asking.passed - before

    def test_made_a_moment_ago(self) -> None:
        """A token that another process made a moment ago is good at once."""
        self.save(made(2))
        self.assertEqual(self.admitted(made(2)), made(2))

    def test_made_during_a_look(self) -> None:
        """Also where the server was just looking, and did not see it yet; however many come, one look serves them."""
        self.store.asking.slow = True
        self.clock.advance(0.4)
        self.save(made(2))
        admitting = [self.admitting(token(made(2).id, SECRET)) for _ in range(100)]
        before = self.store.asking.passed
        self.store.asking.open_all()
        for one in admitting:
            self.assertEqual(self.successResultOf(one), made(2))
        self.assertLessEqual(self.store.asking.passed - before, 4)

    def test_scope_is_the_records(self) -> None:
        """A device that was saved with another scope has that one when it comes again."""
        self.save(evolve(made(), scope=Scope.READ))
        self.pass_a_second()
        self.assertIs(self.admitted(made()).scope, Scope.READ)


class GoneTests(AccessCase):
    def test_revoked(self) -> None:
        """Within a second a revoked device is out, with 4401, in all its connections and in nobody else's (AU-07)."""
        self.save(made(2))
        mine = [self.connect(made()), self.connect(made())]
        other = self.connect(made(2))
        self.pass_a_second()
        self.assertEqual([one.closed for one in (*mine, other)], [None] * 3)
        self.remove(made())
        self.pass_a_second()
        self.assertEqual([one.closed and one.closed[0] for one in (*mine, other)], [4401, 4401, None])
        self.assertCountEqual(self.witness.seen, [("revoked", one.id) for one in mine])
        self.assertEqual(self.reason(token(made().id, SECRET)), "unknown")

    def test_expires(self) -> None:
        """Within a second of its end a device is out, and its end is kept."""
        self.save(made(2, expires_at=NOW + 60))
        connection = self.connect(self.admitted(made(2)))
        self.now += 59.9
        self.clock.advance(0.4)
        self.assertIsNone(connection.closed)
        self.pass_a_second()
        assert connection.closed is not None
        self.assertEqual(connection.closed[0], 4401)
        self.assertEqual(self.witness.seen, [("expired", made(2).id), ("expired", connection.id)])
        kept = self.successResultOf(done(self.store.all()))
        self.assertEqual([device.expired for device in kept], [False, True])

    def test_clock_set_back(self) -> None:
        """A device whose end was seen stays out, whatever the clock says later, here or in the next server (AU-06)."""
        mortal = made(2, expires_at=NOW + 60)
        self.save(mortal)
        self.pass_a_second()
        self.now += 365 * DAY
        self.pass_a_second()
        self.now -= 366 * DAY
        self.pass_a_second()
        self.assertEqual(self.reason(token(mortal.id, SECRET)), "expired")
        self.admitted(made())
        self.access.stop()
        self.access = self.made_access()
        self.successResultOf(done(self.access.start()))
        self.assertEqual(self.reason(token(mortal.id, SECRET)), "expired")

    def test_seen_at_the_door(self) -> None:
        """Its end counts as seen, too, when it was refused for it."""
        mortal = made(2, expires_at=NOW + 60)
        self.save(mortal)
        self.admitted(mortal)
        self.now += 60
        self.assertEqual(self.reason(token(mortal.id, SECRET)), "expired")
        self.now -= DAY
        self.assertEqual(self.reason(token(mortal.id, SECRET)), "expired")

    def test_end_cannot_be_kept(self) -> None:
        """Where the disk is full it stays out for this server all the same."""
        mortal = made(2, expires_at=NOW + 60)
        self.save(mortal)
        connection = self.connect(self.admitted(mortal))
        self.store.fails = True
        self.now += 61
        self.pass_a_second()
        self.now -= DAY
        self.assertEqual(self.reason(token(mortal.id, SECRET)), "expired")
        self.assertIsNotNone(connection.closed)

    def test_revoked_and_clock_set_back(self) -> None:
        """A revoked device stays out whatever the clock says."""
        self.remove(made())
        self.pass_a_second()
        self.now -= DAY
        self.pass_a_second()
        self.assertEqual(self.reason(token(made().id, SECRET)), "unknown")

    def test_stopped(self) -> None:
        """A server that stops leaves no timer."""
        self.access.stop()
        self.access.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_another_record(self) -> None:
        """A record with another scope or another secret is another device: who came by the old one has to go."""
        for change in (evolve(made(), scope=Scope.READ), evolve(made(), secret_hash=hash_of("6" * 64))):
            connection = self.connect(self.admitted(made()))
            self.save(evolve(made(), name="renamed"))
            self.pass_a_second()
            self.assertIsNone(connection.closed)
            self.save(change)
            self.pass_a_second()
            self.assertIsNotNone(connection.closed)
            self.assertEqual(self.witness.seen, [("changed", connection.id)])
            self.witness.seen.clear()
            self.subscriptions.depart(connection)
            self.save(made())
            self.pass_a_second()


class BrokenTests(AccessCase):
    def test_at_the_start(self) -> None:
        """A server that cannot read its devices does not start."""
        self.store.broken = True
        self.failureResultOf(done(self.made_access().start()), ValueError)

    def test_later(self) -> None:
        """Devices that cannot be read any more let nobody new in, and it heals by itself; who is in stays."""
        connection = self.connect(self.admitted(made()))
        for how in ("broken", "lost"):
            setattr(self.store, how, True)
            self.save(made(2))
            self.pass_a_second()
            self.assertNotEqual(self.access.fault, "")
            for text in (token(made().id, SECRET), token(made(2).id, SECRET), ""):
                self.assertEqual(self.reason(text), "unavailable")
            self.assertIsNone(connection.closed)
            setattr(self.store, how, False)
            self.pass_a_second()
            self.assertEqual(self.access.fault, "")
            self.admitted(made(2))

    def test_one_is_broken(self) -> None:
        """Where the data of one device is broken nobody new is let in, it stays itself if it is in, and whoever else is
        revoked has to go all the same, and is told to have gone."""
        gone: list[set[str]] = []
        self.access._changed = lambda before, after: gone.append({*before} - {*after})
        self.save(made(2))
        mine, its = self.connect(self.admitted(made())), self.connect(self.admitted(made(2)))
        self.store.spoilt = {made(2).id}
        self.remove(made())
        self.pass_a_second()
        self.assertEqual(((mine.closed or (0,))[0], its.closed), (4401, None))
        self.assertEqual(self.reason(token(made(2).id, SECRET)), "unavailable")
        self.assertIn(made(2).id, self.access.fault)
        self.assertEqual(gone, [set(), {made().id}])
        self.store.spoilt = set()
        self.pass_a_second()
        self.admitted(made(2))

    def test_watched_whatever_happens(self) -> None:
        """A look that fails in a way that nobody has thought of is logged, lets nobody in, and is not the last one:
        who is revoked after it has to go."""
        connection = self.connect(self.admitted(made()))
        self.store.surprise = OSError("no descriptors")
        self.pass_a_second()
        self.assertNotEqual(self.flushLoggedErrors(OSError), [])
        self.assertEqual(self.reason(token(made().id, SECRET)), "unavailable")
        self.store.surprise = None
        self.remove(made())
        self.pass_a_second()
        self.assertIsNotNone(connection.closed)
        self.assertEqual(self.access.fault, "")

    def test_seen_at_the_door(self) -> None:
        """A device of which nothing is known when the store breaks is not let in."""
        self.save(made(2))
        self.store.broken = True
        self.assertIn(self.reason(token(made(2).id, SECRET)), ("unknown", "unavailable"))


class RunningTests(WorkshopCase):
    def test_its_execution_goes_on(self) -> None:
        """What a revoked device began goes on, and the device hears nothing more once it is gone (AU-07)."""
        services = self.shop.services
        self.successResultOf(done(self.shop.devices.save(self.asker.device)))
        self.successResultOf(done(services.access.start()))
        project_id = self.project()
        listener = self.join(project_id)
        self.successResultOf(done(self.shop.devices.save(listener.device)))
        self.execute(project_id)
        self.successResultOf(done(self.shop.devices.remove(listener.device.id)))
        self.shop.clock.advance(0.5)
        self.assertEqual((listener.closed or (0,))[0], 4401)
        services.subscriptions.depart(listener)
        heard = len(listener.batches)
        self.turn()
        self.assertEqual(len(listener.batches), heard)
        self.assertEqual((self.asker.closed, self.run_.killed), (None, False))
        services.stop()
