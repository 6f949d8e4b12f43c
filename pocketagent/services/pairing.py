# -*- test-case-name: tests.services.test_pairing -*-
"""A code of a pairing -> the credential of a new device: once, and for nobody who guesses (threats AU-11 to AU-17)."""

from collections.abc import Callable, Sequence

from attrs import define, evolve, field, frozen
from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from pocketagent.domain.access import MAX_DEVICES, TOKEN_BYTES, Device, Kind, cookie, hash_of, token
from pocketagent.domain.pairing import Pairing, fitting, name_of, said_name
from pocketagent.domain.refusals import Code, Refusal, invalid
from pocketagent.ports import IDevices, IPairings, StorageUnavailable
from pocketagent.services.projects import no_storage

ANSWER_AFTER = 1.0
"""Seconds after which a wrong code is answered, whatever was done meanwhile: how long it took says nothing (AU-13)."""

_log = Logger()


@frozen
class Granted:
    """A new device, and what it shows from now on to be let in: its token or its cookie."""

    device: Device
    credential: str = field(repr=False)


@define(eq=False)
class PairingDesk:
    """Judges codes, one after the other, whoever sends them. `random_hex` returns so many random bytes."""

    _pairings: IPairings
    _devices: IDevices
    _clock: IReactorTime
    _now: Callable[[], float]
    _random_hex: Callable[[int], str]
    _turn: DeferredLock = field(factory=DeferredLock)
    _wrong: dict[str, int] = field(factory=dict)
    """What was counted, also where it could not be kept."""

    async def exchange(self, code: str, name: object, kind: Kind) -> Granted:
        """The new device of whoever knows the code; what it may do was said by who made the pairing.

        Raises Refusal: UNAUTHORIZED for whatever is no code of an open pairing, always the same one; INVALID_MESSAGE
        for a bad name, which is no try; RESOURCE_LIMIT, STORAGE_UNAVAILABLE.
        """
        try:
            said = said_name(name)
        except ValueError as error:
            raise invalid("data.name", str(error)) from None
        began = self._clock.seconds()
        await self._turn.acquire()
        try:
            granted = await self._judge(code, said, kind)
        except StorageUnavailable:
            raise no_storage() from None
        finally:
            self._turn.release()
        if granted is None:
            await deferLater(self._clock, max(0.0, began + ANSWER_AFTER - self._clock.seconds()))
            raise Refusal(
                Code.UNAUTHORIZED,
                "This code is not, or no longer, good: `pocketagent pair` on the server's machine makes a new one.",
                reason="pairing",
            )
        return granted

    async def _judge(self, code: str, said: str | None, kind: Kind) -> Granted | None:
        open_pairings = await self._open()
        found = fitting(open_pairings, code)
        if found is None:
            for pairing in open_pairings:
                self._wrong[pairing.id] = pairing.wrong + 1
                await self._pairings.count_wrong(pairing.id)
            return None
        if len(await self._all_devices()) >= MAX_DEVICES:
            raise Refusal(
                Code.RESOURCE_LIMIT, f"There are {MAX_DEVICES} devices: revoke one first.", limit=MAX_DEVICES
            )  # fmt: skip
        # Gone for everybody before anything is given for it; who has withdrawn it meanwhile was first.
        if not await self._pairings.take(found.id):
            return None
        return await self._grant(found, name_of(found, said), kind)

    async def _open(self) -> Sequence[Pairing]:
        """Those that are open now. Those whose time is over are removed."""
        now = self._now()
        there = await self._pairings.all()
        for pairing in there:
            if pairing.is_over(now):
                await self._pairings.take(pairing.id)
        self._wrong = {each.id: self._wrong[each.id] for each in there if each.id in self._wrong}
        counted = [evolve(each, wrong=max(each.wrong, self._wrong.get(each.id, 0))) for each in there]
        return [pairing for pairing in counted if pairing.is_open(now)]

    async def _all_devices(self) -> Sequence[Device]:
        try:
            return await self._devices.all()
        except ValueError:
            raise StorageUnavailable("the devices cannot be read") from None

    async def _grant(self, pairing: Pairing, name: str, kind: Kind) -> Granted:
        now, secret = self._now(), self._random_hex(TOKEN_BYTES)
        device = Device(
            id=pairing.id,
            name=name,
            scope=pairing.scope,
            secret_hash=hash_of(secret),
            created_at=now,
            expires_at=None if pairing.device_lifetime is None else now + pairing.device_lifetime,
            kind=kind,
        )
        await self._devices.save(device)
        _log.info("Paired: {name} ({id}), which may: {scope}", name=device.name, id=device.id, scope=device.scope.value)
        return Granted(device, (cookie if kind is Kind.BROWSER else token)(device.id, secret))
