# -*- test-case-name: tests.services.test_devices -*-
"""The devices, as those see and change them who may: an admin all of them, every device itself a little."""

from collections.abc import Callable, Collection, Mapping, Sequence

from attrs import define, evolve

from pocketagent.domain.access import LAST_MOMENT, MAX_NAME, Device, Kind, Scope, device_name, is_last_admin
from pocketagent.domain.devices import Change, Known
from pocketagent.domain.message import timestamp
from pocketagent.domain.refusals import Code, Refusal, invalid, no_storage
from pocketagent.ports import BrokenDevices, IConnection, IDevices, StorageUnavailable
from pocketagent.services.audit import Audit, asked
from pocketagent.services.sightings import Sightings


@define(eq=False)
class Devices:
    """Read anew for every question: commands beside the server change them, too. All methods raise Refusal: FORBIDDEN,
    DEVICE_NOT_FOUND, STORAGE_UNAVAILABLE, and what they say."""

    _store: IDevices
    _sightings: Sightings
    _now: Callable[[], float]
    _audit: Audit

    async def all(self, asker: IConnection) -> Sequence[Known]:
        """The oldest first."""
        _must_be_admin(asker.device)
        devices = sorted(await self._all(), key=lambda device: (device.created_at, device.id))
        return [self._known(device) for device in devices]

    async def get(self, device_id: str, asker: IConnection) -> Known:
        _must_be_admin_or(device_id, asker.device)
        return self._known(_one(device_id, await self._all()))

    async def change(self, device_id: str, change: Change, asker: IConnection) -> Known:
        """Raises Refusal: INVALID_MESSAGE for a bad name, an end that lies behind, or one for what is over already."""
        deed = asked("device_update", asker, device_id=device_id, details=_described(change))
        return await self._audit.record(deed, lambda: self._change(device_id, change, asker.device))

    async def revoke(self, device_id: str, last_admin: bool, asker: IConnection) -> None:
        """It is out within a second. The last admin only where that is said (`last_admin`)."""
        deed = asked("device_revoke", asker, device_id=device_id, details={})
        await self._audit.record(deed, lambda: self._revoke(device_id, last_admin, asker.device), takes_away=True)

    async def log_out(self, asker: IConnection) -> bool:
        """Whether the device is gone: one that is a browser's session is, a program's stays."""
        if asker.device.kind is not Kind.BROWSER:
            return False
        deed = asked("session_end", asker, device_id=asker.device.id, details={})
        return await self._audit.record(deed, lambda: self._removed(asker.device.id), takes_away=True)

    async def _change(self, device_id: str, change: Change, asker: Device) -> Known:
        _must_be_admin_or(device_id, asker)
        if change.sets_end:
            _must_be_admin(asker)
        devices = await self._all()
        device = changed = _one(device_id, devices)
        if change.name is not None:
            changed = evolve(changed, name=_name(change.name))
        if change.sets_end:
            changed = self._ending(changed, change, devices)
        if changed != device and not await self._replaced(changed):
            raise _no_device(device_id)
        return self._known(changed)

    async def _revoke(self, device_id: str, last_admin: bool, asker: Device) -> None:
        _must_be_admin(asker)
        broken: Collection[str] = ()
        try:
            devices = await self._store.all()
        except BrokenDevices as problem:
            # Whoever has to go shall go.
            devices, broken = problem.devices, problem.broken
        except (ValueError, StorageUnavailable):
            raise no_storage() from None
        if device_id not in broken:
            self._leaves_an_admin(_one(device_id, devices), devices, last_admin)
        if not await self._removed(device_id):
            raise _no_device(device_id)

    def _ending(self, device: Device, change: Change, devices: Sequence[Device]) -> Device:
        now, end = self._now(), change.expires_at
        if device.is_over(now):
            raise invalid("data.expires_at", "This device's time is over, which stays so: pair it again.")
        if end is not None and not now < end <= LAST_MOMENT:
            raise invalid("data.expires_at", "That lies behind, or beyond all calendars: to end it now, revoke it.")
        if end is not None:
            self._leaves_an_admin(device, devices, change.last_admin)
        return evolve(device, expires_at=end)

    def _leaves_an_admin(self, device: Device, devices: Sequence[Device], last_admin: bool) -> None:
        if not last_admin and is_last_admin(device, devices, self._now()):
            raise Refusal(
                Code.FORBIDDEN,
                "This is the last device that may do everything: say `last_admin` if none need be left. "
                "`pocketagent token create` on the server's machine makes another.",
                needed="last_admin",
            )

    def _known(self, device: Device) -> Known:
        return Known(
            device,
            device.is_over(self._now()),
            self._sightings.of(device.id),
            self._sightings.connections(device.id),
        )

    async def _all(self) -> Sequence[Device]:
        try:
            return await self._store.all()
        except (ValueError, StorageUnavailable):
            raise no_storage() from None

    async def _replaced(self, device: Device) -> bool:
        try:
            return await self._store.change(device)
        except StorageUnavailable:
            raise no_storage() from None

    async def _removed(self, device_id: str) -> bool:
        try:
            return await self._store.remove(device_id)
        except StorageUnavailable:
            raise no_storage() from None


def _must_be_admin(asker: Device) -> None:
    if not asker.scope.covers(Scope.ADMIN):
        raise Refusal(
            Code.FORBIDDEN,
            f"This needs the scope `{Scope.ADMIN}`; this device has `{asker.scope}`.",
            needed=Scope.ADMIN,
        )


def _must_be_admin_or(device_id: str, asker: Device) -> None:
    """Another's record, there or not, is an admin's business only."""
    if asker.id != device_id:
        _must_be_admin(asker)


def _one(device_id: str, devices: Sequence[Device]) -> Device:
    for device in devices:
        if device.id == device_id:
            return device
    raise _no_device(device_id)


def _no_device(device_id: str) -> Refusal:
    return Refusal(Code.DEVICE_NOT_FOUND, "There is no such device: it may have been revoked.")


def _described(change: Change) -> Mapping[str, object]:
    """What was asked, for the audit log; a time that is none as what it is."""
    said: dict[str, object] = {} if change.name is None else {"name": change.name[:MAX_NAME]}
    if change.sets_end:
        end = change.expires_at
        said["expires_at"] = timestamp(end) if end is not None and 0 <= end <= LAST_MOMENT else end and repr(end)
    return said


def _name(text: str) -> str:
    try:
        return device_name(text)
    except ValueError as error:
        raise invalid("data.name", str(error)) from None
