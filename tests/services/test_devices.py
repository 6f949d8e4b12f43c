"""Devices, listed, renamed, ended and revoked by whom that is allowed, and by nobody else."""

from collections.abc import Coroutine

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.access import LAST_MOMENT, Device, Kind, Scope, hash_of
from pocketagent.domain.devices import Change
from pocketagent.domain.message import timestamp
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.sighting import Sighting
from pocketagent.outbound.memory import MemoryAudit, MemoryDevices, MemorySightings
from pocketagent.services.audit import Audit
from pocketagent.services.devices import Devices
from pocketagent.services.sightings import Sightings
from pocketagent.services.subscriptions import Subscriptions
from tests.services.workshop import FakeConnection, done

NOW = 1_700_000_000.0


def made(number: int, scope: Scope) -> Device:
    return Device(f"{number:016x}", f"device {number}", scope, hash_of(""), NOW + number)


ADMIN, READER, EXECUTOR, METER = (
    made(number, scope) for number, scope in enumerate((Scope.ADMIN, Scope.READ, Scope.EXECUTE, Scope.METRICS), 1)
)


def by(device: Device) -> FakeConnection:
    """Its connection."""
    return FakeConnection(device)


class DevicesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.now = NOW + 100
        self.store = MemoryDevices()
        self.sightings = Sightings(MemorySightings(), Subscriptions(), Clock(), lambda: self.now, lambda _: True)
        self.records = MemoryAudit(lambda: self.now)
        self.audit = Audit(self.records, Clock(), lambda project_id: None)
        self.devices = Devices(self.store, self.sightings, lambda: self.now, self.audit)
        for device in (READER, ADMIN, EXECUTOR, METER):
            self.save(device)

    def save(self, device: Device) -> None:
        self.successResultOf(done(self.store.save(device)))

    def kept(self, device: Device) -> Device | None:
        found = {each.id: each for each in self.successResultOf(done(self.store.all()))}
        return found.get(device.id)

    def refused(self, work: "Coroutine[Deferred[object], object, object]", wanted: Code) -> Refusal:
        refusal = self.failureResultOf(done(work), Refusal).value
        assert isinstance(refusal, Refusal)
        self.assertIs(refusal.code, wanted)
        return refusal

    def changed(self, device: Device, change: Change, asker: Device = ADMIN) -> Device:
        return self.successResultOf(done(self.devices.change(device.id, change, by(asker)))).device

    # -- seeing ---------------------------------------------------------------------------------------------

    def test_all(self) -> None:
        """An admin sees all of them, the oldest first, and when each was last seen."""
        self.sightings.note(READER, "browser")
        self.save(evolve(EXECUTOR, expires_at=self.now))
        shown = self.successResultOf(done(self.devices.all(by(ADMIN))))
        self.assertEqual([one.device.id for one in shown], [ADMIN.id, READER.id, EXECUTOR.id, METER.id])
        self.assertEqual([one.last_seen for one in shown], [None, Sighting(self.now, "browser"), None, None])
        self.assertEqual([one.is_over for one in shown], [False, False, True, False])

    def test_not_all(self) -> None:
        """Nobody else does."""
        for asker in (READER, EXECUTOR, METER):
            self.refused(self.devices.all(by(asker)), Code.FORBIDDEN)

    def test_itself(self) -> None:
        """Each sees itself; of others, there or not, only an admin learns anything."""
        for asker in (ADMIN, READER, EXECUTOR, METER):
            self.assertEqual(self.successResultOf(done(self.devices.get(asker.id, by(asker)))).device, asker)
        self.successResultOf(done(self.devices.get(READER.id, by(ADMIN))))
        self.refused(self.devices.get("f" * 16, by(ADMIN)), Code.DEVICE_NOT_FOUND)
        for other in (ADMIN.id, "f" * 16, ""):
            self.refused(self.devices.get(other, by(READER)), Code.FORBIDDEN)

    # -- changing -------------------------------------------------------------------------------------------

    def test_renamed(self) -> None:
        """Each may rename itself, an admin all; scope and secret stay as they are (AU-17)."""
        self.assertEqual(self.changed(READER, Change(name=" Tablet "), READER), evolve(READER, name="Tablet"))
        self.assertEqual(self.changed(READER, Change(name="Phone")), evolve(READER, name="Phone"))
        self.assertEqual(self.kept(READER), evolve(READER, name="Phone"))
        self.refused(self.devices.change(ADMIN.id, Change(name="x"), by(EXECUTOR)), Code.FORBIDDEN)
        self.refused(self.devices.change(READER.id, Change(name="a\nb"), by(ADMIN)), Code.INVALID_MESSAGE)
        self.refused(self.devices.change("f" * 16, Change(name="x"), by(ADMIN)), Code.DEVICE_NOT_FOUND)

    def test_nothing(self) -> None:
        """A change of nothing changes nothing."""
        version = self.successResultOf(done(self.store.version()))
        self.assertEqual(self.changed(READER, Change()), READER)
        self.assertEqual(self.successResultOf(done(self.store.version())), version)

    def test_end(self) -> None:
        """An admin gives an end and takes it away again; nobody gives one to itself."""
        self.assertEqual(self.changed(READER, Change(sets_end=True, expires_at=self.now + 1)).expires_at, self.now + 1)
        self.assertIsNone(self.changed(READER, Change(sets_end=True)).expires_at)
        self.refused(self.devices.change(READER.id, Change(sets_end=True), by(READER)), Code.FORBIDDEN)

    def test_end_that_is_none(self) -> None:
        """An end lies ahead and in a calendar (AU-05)."""
        for end in (self.now, 0.0, -1.0, LAST_MOMENT + 1.0, float("nan"), float("inf")):
            change = Change(sets_end=True, expires_at=end)
            self.refused(self.devices.change(READER.id, change, by(ADMIN)), Code.INVALID_MESSAGE)
        self.changed(READER, Change(sets_end=True, expires_at=LAST_MOMENT))

    def test_over_stays_over(self) -> None:
        """A device whose end was seen does not come back by another end; it can still be renamed (AU-06)."""
        self.save(READER.ended())
        self.refused(self.devices.change(READER.id, Change(sets_end=True), by(ADMIN)), Code.INVALID_MESSAGE)
        self.changed(READER, Change(name="old"))

    def test_revoked_meanwhile(self) -> None:
        """What is revoked while it is changed stays away."""

        class Revoked(MemoryDevices):
            async def change(self, device: Device) -> bool:
                await self.remove(device.id)
                return await super().change(device)

        store = Revoked()
        self.successResultOf(done(store.save(READER)))
        devices = Devices(store, self.sightings, lambda: self.now, self.audit)
        self.refused(devices.change(READER.id, Change(name="x"), by(ADMIN)), Code.DEVICE_NOT_FOUND)

    # -- revoking -------------------------------------------------------------------------------------------

    def test_revoked(self) -> None:
        """An admin revokes any of them, once; nobody else anything, itself included."""
        self.successResultOf(done(self.devices.revoke(READER.id, False, by(ADMIN))))
        self.assertIsNone(self.kept(READER))
        self.refused(self.devices.revoke(READER.id, False, by(ADMIN)), Code.DEVICE_NOT_FOUND)
        for asker in (EXECUTOR, METER):
            for device in (ADMIN, asker):
                self.refused(self.devices.revoke(device.id, True, by(asker)), Code.FORBIDDEN)

    def test_last_admin(self) -> None:
        """The last admin is revoked, or given an end, only where that is said; one that is over counts for none."""
        self.save(evolve(made(9, Scope.ADMIN), expires_at=self.now))
        ending = Change(sets_end=True, expires_at=self.now + 60)
        self.assertEqual(
            self.refused(self.devices.revoke(ADMIN.id, False, by(ADMIN)), Code.FORBIDDEN).details,
            {"needed": "last_admin"},
        )
        self.refused(self.devices.change(ADMIN.id, ending, by(ADMIN)), Code.FORBIDDEN)
        self.changed(ADMIN, evolve(ending, last_admin=True))
        self.successResultOf(done(self.devices.revoke(ADMIN.id, True, by(ADMIN))))

    def test_not_the_last_admin(self) -> None:
        """Where another one is left, nothing need be said."""
        self.save(made(9, Scope.ADMIN))
        self.successResultOf(done(self.devices.revoke(ADMIN.id, False, by(ADMIN))))

    def test_log_out(self) -> None:
        """The session of a browser is over with its device, whatever it may do; a program's device stays."""
        browser = evolve(made(9, Scope.READ), kind=Kind.BROWSER)
        self.save(browser)
        self.assertTrue(self.successResultOf(done(self.devices.log_out(by(browser)))))
        self.assertIsNone(self.kept(browser))
        self.assertFalse(self.successResultOf(done(self.devices.log_out(by(READER)))))
        self.assertEqual(self.kept(READER), READER)

    def test_written_down(self) -> None:
        """Who changed or revoked which device stands in the audit log, refused or not; who looked does not."""
        self.changed(READER, Change(name="Phone", sets_end=True, expires_at=self.now + 60))
        self.refused(self.devices.revoke(READER.id, False, by(EXECUTOR)), Code.FORBIDDEN)
        self.successResultOf(done(self.devices.revoke(READER.id, False, by(ADMIN))))
        self.successResultOf(done(self.devices.all(by(ADMIN))))
        deeds = [record.deed for record in self.records.records]
        self.assertEqual(
            [(deed.action, deed.actor_id, deed.device_id, deed.outcome) for deed in deeds],
            [
                ("device_update", ADMIN.id, READER.id, "ok"),
                ("device_revoke", EXECUTOR.id, READER.id, "FORBIDDEN"),
                ("device_revoke", ADMIN.id, READER.id, "ok"),
            ],
        )
        self.assertEqual(deeds[0].details, {"name": "Phone", "expires_at": timestamp(self.now + 60)})

    def test_nothing_can_be_written_down(self) -> None:
        """Where the audit log cannot be written nothing is changed; a device is revoked, and a session ended, all the
        same: a stolen credential must not stay good because a disk is full."""
        browser = evolve(made(9, Scope.READ), kind=Kind.BROWSER)
        self.save(browser)
        self.records.fails = True
        self.refused(self.devices.change(READER.id, Change(name="x"), by(ADMIN)), Code.STORAGE_UNAVAILABLE)
        self.successResultOf(done(self.devices.revoke(READER.id, False, by(ADMIN))))
        self.successResultOf(done(self.devices.log_out(by(browser))))
        self.assertEqual((self.kept(READER), self.kept(browser)), (None, None))

    # -- faults ---------------------------------------------------------------------------------------------

    def test_store_away(self) -> None:
        """A store that cannot be read or written is told as that."""
        self.store.fails = True
        for work in (
            self.devices.change(READER.id, Change(name="x"), by(ADMIN)),
            self.devices.revoke(READER.id, False, by(ADMIN)),
        ):
            self.refused(work, Code.STORAGE_UNAVAILABLE)
        self.store.broken = True
        self.refused(self.devices.all(by(ADMIN)), Code.STORAGE_UNAVAILABLE)

    def test_another_is_broken(self) -> None:
        """Whoever has to go is revoked all the same where the data of another is broken; so is that one itself."""
        self.store.spoilt = {EXECUTOR.id}
        self.refused(self.devices.all(by(ADMIN)), Code.STORAGE_UNAVAILABLE)
        for device in (READER, EXECUTOR):
            self.successResultOf(done(self.devices.revoke(device.id, False, by(ADMIN))))
            self.refused(self.devices.revoke(device.id, False, by(ADMIN)), Code.DEVICE_NOT_FOUND)
        self.store.spoilt = set()
        self.assertEqual((self.kept(READER), self.kept(EXECUTOR)), (None, None))
