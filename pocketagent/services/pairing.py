# -*- test-case-name: tests.services.test_pairing -*-
"""A code of a pairing -> the credential of a new device: once, and for nobody who guesses (threats AU-11 to AU-17)."""

from collections.abc import Callable, Sequence

from attrs import define, evolve, field, frozen
from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from pocketagent.domain.access import MAX_DEVICES, TOKEN_BYTES, Device, Kind, cookie, hash_of, token
from pocketagent.domain.deeds import Deed, Origin
from pocketagent.domain.message import timestamp
from pocketagent.domain.pairing import Pairing, fitting, name_of, said_name
from pocketagent.domain.refusals import Code, Refusal, invalid, no_storage
from pocketagent.ports import IDevices, IPairings, StorageUnavailable
from pocketagent.services.audit import Audit

ANSWER_AFTER = 1.0
"""Seconds after which a wrong code is answered, whatever was done meanwhile: how long it took says nothing (AU-13)."""


@frozen
class Granted:
    """A new device, and what it shows from now on to be let in: its token or its cookie."""

    device: Device
    credential: str = field(repr=False)


class _NotGood(Refusal):
    """The one answer to every code that opens nothing."""

    def __init__(self) -> None:
        super().__init__(
            Code.UNAUTHORIZED,
            "This code is not, or no longer, good: `pocketagent pair` on the server's machine makes a new one.",
            reason="pairing",
        )


def _described(deed: Deed, granted: Granted) -> Deed:
    device = granted.device
    end = None if device.expires_at is None else timestamp(device.expires_at)
    details = {"name": device.name, "scope": device.scope.value, "kind": device.kind.value, "expires_at": end}
    return evolve(deed, details=details)


@define(eq=False)
class PairingDesk:
    """Judges codes, one after the other, whoever sends them. `random_hex` returns so many random bytes."""

    _pairings: IPairings
    _devices: IDevices
    _clock: IReactorTime
    _now: Callable[[], float]
    _random_hex: Callable[[int], str]
    _audit: Audit
    _turn: DeferredLock = field(factory=DeferredLock)
    _wrong: dict[str, int] = field(factory=dict)
    """What was counted, also where it could not be kept."""

    async def exchange(self, code: str, name: object, kind: Kind, address: str) -> Granted:
        """The new device of whoever knows the code; what it may do was said by who made the pairing.

        `address` is where they come from. Raises Refusal: UNAUTHORIZED for whatever is no code of an open pairing,
        always the same one; INVALID_MESSAGE for a bad name, which is no try; RESOURCE_LIMIT, STORAGE_UNAVAILABLE.
        """
        try:
            said = said_name(name)
        except ValueError as error:
            raise invalid("data.name", str(error)) from None
        began = self._clock.seconds()
        await self._turn.acquire()
        try:
            return await self._judge(code, said, kind, address)
        except StorageUnavailable:
            raise no_storage() from None
        except _NotGood:
            pass
        finally:
            self._turn.release()
        await deferLater(self._clock, max(0.0, began + ANSWER_AFTER - self._clock.seconds()))
        raise _NotGood()

    async def _judge(self, code: str, said: str | None, kind: Kind, address: str) -> Granted:
        open_pairings = await self._open()
        found = fitting(open_pairings, code)
        deed = Deed(action="device_pair", origin=Origin.STRANGER, address=address)
        if found is None:
            for pairing in open_pairings:
                self._wrong[pairing.id] = pairing.wrong + 1
                await self._pairings.count_wrong(pairing.id)
            if open_pairings:
                # Bounded: after a few there is none open any more.
                await self._audit.keep(evolve(deed, outcome=Code.UNAUTHORIZED.value))
            raise _NotGood()
        if len(await self._all_devices()) >= MAX_DEVICES:
            message = f"There are {MAX_DEVICES} devices: revoke one first."
            raise Refusal(Code.RESOURCE_LIMIT, message, limit=MAX_DEVICES)
        return await self._audit.record(
            evolve(deed, device_id=found.id), lambda: self._grant(found, name_of(found, said), kind), _described
        )

    async def _open(self) -> Sequence[Pairing]:
        """Those that are open now. Those whose time is over are removed."""
        now = self._now()
        there = await self._pairings.all()
        self._wrong = {each.id: self._wrong[each.id] for each in there if each.id in self._wrong}
        counted = [evolve(each, wrong=max(each.wrong, self._wrong.get(each.id, 0))) for each in there]
        for pairing in counted:
            if pairing.is_over(now) and await self._pairings.take(pairing.id):
                await self._audit.keep(
                    Deed(
                        action="pairing_end",
                        origin=Origin.SERVER,
                        device_id=pairing.id,
                        details={"reason": pairing.end.value},
                    )
                )
        return [pairing for pairing in counted if pairing.is_open(now)]

    async def _all_devices(self) -> Sequence[Device]:
        try:
            return await self._devices.all()
        except ValueError:
            raise StorageUnavailable("the devices cannot be read") from None

    async def _grant(self, pairing: Pairing, name: str, kind: Kind) -> Granted:
        # Gone for everybody before anything is given for it; who has withdrawn it meanwhile was first.
        if not await self._pairings.take(pairing.id):
            raise _NotGood()
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
        return Granted(device, (cookie if kind is Kind.BROWSER else token)(device.id, secret))
