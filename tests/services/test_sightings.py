"""When devices were last seen: always up to date for who asks, on the disk at once and then once a minute."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.access import Device, Scope, hash_of
from pocketagent.domain.sighting import Sighting
from pocketagent.outbound.memory import MemorySightings
from pocketagent.services.sightings import KEEP_EVERY, Sightings
from pocketagent.services.subscriptions import Subscriptions
from tests.services.workshop import FakeConnection, done

PHONE, TABLET = (Device(f"{number:016x}", "x", Scope.READ, hash_of(""), 0.0) for number in (1, 2))


class SightingsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.store = MemorySightings()
        self.subscriptions = Subscriptions()
        self.known = {PHONE.id, TABLET.id}
        self.sightings = self.made()

    def made(self) -> Sightings:
        made = Sightings(
            self.store, self.subscriptions, self.clock, self.clock.seconds, lambda each: each in self.known
        )
        self.successResultOf(done(made.start()))
        self.addCleanup(made.stop)
        return made

    def kept(self) -> dict[str, Sighting]:
        return dict(self.successResultOf(done(self.store.all())))

    def test_noted(self) -> None:
        """Who was let in was seen then, and as what; who never was, never."""
        self.clock.advance(5)
        self.sightings.note(PHONE, "browser")
        self.clock.advance(5)
        self.assertEqual(self.sightings.of(PHONE.id), Sighting(5.0, "browser"))
        self.assertIsNone(self.sightings.of(TABLET.id))

    def test_connected(self) -> None:
        """Who is connected is seen all the time, on how many connections there are, and at the end is seen last."""
        self.sightings.note(PHONE, "pocketagent")
        connections = [FakeConnection(PHONE), FakeConnection(PHONE), FakeConnection(TABLET)]
        for connection in connections:
            self.subscriptions.arrive(connection)
        self.clock.advance(30)
        self.assertEqual(self.sightings.of(PHONE.id), Sighting(30.0, "pocketagent"))
        self.assertEqual((self.sightings.connections(PHONE.id), self.sightings.connections(TABLET.id)), (2, 1))
        self.clock.advance(30)
        for connection in connections:
            self.subscriptions.depart(connection)
        self.clock.advance(1000)
        self.assertEqual(self.sightings.of(PHONE.id), Sighting(60.0, "pocketagent"))

    def test_once_a_minute(self) -> None:
        """However often devices come, they are written at most once a minute after the first time, and not at all where
        nothing is new."""
        self.assertEqual(KEEP_EVERY, 60.0)
        for second in range(600):
            self.clock.advance(1)
            if second < 300:
                self.sightings.note(PHONE, "curl")
        self.assertLessEqual(self.store.saves, 7)
        self.assertEqual(self.kept(), {PHONE.id: Sighting(300.0, "curl")})
        before = self.store.saves
        self.clock.advance(6000)
        self.assertEqual(self.store.saves, before)

    def test_first(self) -> None:
        """A device that comes for the first time is written at once, one write after the other."""
        self.sightings.note(PHONE, "curl")
        self.assertEqual(self.kept(), {PHONE.id: Sighting(0.0, "curl")})
        self.sightings.note(PHONE, "browser")
        self.sightings.note(TABLET, "curl")
        self.assertEqual(self.kept(), {PHONE.id: Sighting(0.0, "browser"), TABLET.id: Sighting(0.0, "curl")})
        self.assertEqual(self.store.saves, 2)

    def test_next_server(self) -> None:
        """The next server knows what this one has seen."""
        self.sightings.note(PHONE, "curl")
        self.clock.advance(KEEP_EVERY)
        self.sightings.stop()
        self.assertEqual(self.made().of(PHONE.id), Sighting(0.0, "curl"))

    def test_at_the_end(self) -> None:
        """What is kept at the end is all that was seen."""
        self.sightings.note(PHONE, "curl")
        self.successResultOf(done(self.sightings.keep()))
        self.assertEqual(self.kept(), {PHONE.id: Sighting(0.0, "curl")})

    def test_revoked(self) -> None:
        """Of a device that is no more nothing is kept: their number is bounded by that of the devices."""
        self.sightings.note(PHONE, "curl")
        self.sightings.note(TABLET, "curl")
        self.known.remove(PHONE.id)
        self.clock.advance(KEEP_EVERY)
        self.assertEqual(list(self.kept()), [TABLET.id])
        self.assertIsNone(self.sightings.of(PHONE.id))

    def test_disk_full(self) -> None:
        """Where it cannot be written it is still known, and written later."""
        self.store.fails = True
        self.sightings.note(PHONE, "curl")
        self.clock.advance(KEEP_EVERY)
        self.assertIsNotNone(self.sightings.of(PHONE.id))
        self.store.fails = False
        self.clock.advance(KEEP_EVERY)
        self.assertEqual(list(self.kept()), [PHONE.id])

    def test_stopped(self) -> None:
        """A server that stops leaves no timer."""
        self.sightings.stop()
        self.sightings.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
