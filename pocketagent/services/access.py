# -*- test-case-name: tests.services.test_access -*-
"""Who comes in: a token -> its device; and who has to go, within a second."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol as Shape

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from pocketagent.domain.access import COOKIE, TOKEN, Device, Kind, Scope, hash_of
from pocketagent.domain.measures import Credential
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.sighting import UNKNOWN
from pocketagent.ports import BrokenDevices, IConnection, IDevices, StorageUnavailable
from pocketagent.services.subscriptions import Subscriptions

POLL = 0.4
"""Seconds between looks at the devices: revoked ones are out within 1 s (protocol section 3.5)."""
CREDENTIAL_GONE = 4401

_NOBODY = Device(id="", name="", scope=Scope.READ, secret_hash=hash_of(""), created_at=0.0)

_FORMS = {Kind.PROGRAM: TOKEN, Kind.BROWSER: COOKIE}

_log = Logger()


class Witness(Shape):
    """Who writes down that somebody had to go."""

    def expired(self, device: Device) -> None:
        """Its time is over, which was seen now."""

    def shut_out(self, connection: IConnection, reason: str) -> None:
        """It was closed from our side, since its device is `revoked`, `expired` or `changed`."""


@define(eq=False)
class Access:
    """Knows the devices, and closes the connections of those that are revoked or over. `changed` hears of devices that
    have come, gone, changed or ended, by whatever way: all as they were before, and as they are."""

    _store: IDevices
    _subscriptions: Subscriptions
    _clock: IReactorTime
    _now: Callable[[], float]
    _witness: Witness
    _seen: Callable[[Device, str], None] = lambda device, client: None
    _changed: Callable[[Mapping[str, Device], Mapping[str, Device]], None] = lambda before, after: None
    _devices: Mapping[str, Device] = field(factory=dict)
    _version: object = None
    _fault: str = ""
    _loop: LoopingCall | None = None
    _looking: list[Deferred[None]] | None = None
    # Ids of connections that were told to go, and are still there.
    _going: frozenset[str] = frozenset()

    @property
    def fault(self) -> str:
        """Why nobody new is let in; empty when all is well."""
        return self._fault

    async def start(self) -> None:
        """Read the devices. Raises ValueError when they cannot be trusted."""
        await self._read()
        # One look that fails must not be the last: nobody would ever be revoked again.
        self._loop = LoopingCall(lambda: Deferred.fromCoroutine(self._look()).addErrback(self._surprised))
        self._loop.clock = self._clock
        self._loop.start(POLL, now=False).addErrback(lambda why: _log.failure("the devices are not watched", why))

    def stop(self) -> None:
        if self._loop is not None and self._loop.running:
            self._loop.stop()

    def knows(self, device_id: str) -> bool:
        """Whether there is a device of that id, by the last look."""
        return device_id in self._devices

    def lets_in(self, device_id: str) -> bool:
        """Whether there is a device of that id, by the last look, and its time is not over."""
        device = self._devices.get(device_id)
        return device is not None and not device.is_over(self._now())

    async def admit(
        self, credential: str, kind: Kind = Kind.PROGRAM, client: str = UNKNOWN, looks: bool = True
    ) -> Device:
        """The device whose token (or, of a browser, cookie) this is. `client` is what kind of client shows it, for
        those who look at the devices; `looks`: whether the disk may be looked at for it. Raises Refusal(UNAUTHORIZED);
        `details.reason` says why.

        An unknown id and a wrong secret take the same work: time does not tell which devices there are (AU-03).
        """
        if self._fault:
            raise _refused("The devices cannot be read: ask the owner of the server.", Credential.UNAVAILABLE)
        parts = _FORMS[kind].fullmatch(credential)
        if parts is None:
            raise _refused("This is not a token: `pocketagent token create` makes one.", Credential.MALFORMED)
        known = self._proven(parts["id"], parts["secret"])
        if known is None and looks:
            # Perhaps it was made a moment ago.
            await self._look()
            known = self._proven(parts["id"], parts["secret"])
        if known is None or known.kind is not kind:
            raise _refused("This token is unknown, or was revoked.", Credential.UNKNOWN)
        if known.is_over(self._now()):
            if not known.expired:
                await self._end(known)
            raise _refused(
                "This token has expired: make a new one with `pocketagent token create`.", Credential.EXPIRED
            )
        self._seen(known, client)
        return known

    def _proven(self, device_id: str, secret: str) -> Device | None:
        """The device of that id, if this is its secret: one hash and one comparison, whatever is wrong."""
        known = self._devices.get(device_id)
        is_proven = (known or _NOBODY).proves(secret)
        return known if is_proven else None

    async def _look(self) -> None:
        """See what another process has changed, and whose time is over.

        However many ask, one look at a time; who asks during one waits for the next, which sees what is there now.
        """
        if self._looking is not None:
            waiting: Deferred[None] = Deferred()
            self._looking.append(waiting)
            await waiting
            return
        self._looking = []
        try:
            await self._look_now()
        finally:
            waiting_for_next, self._looking = self._looking, None
            if waiting_for_next:
                Deferred.fromCoroutine(self._look()).addBoth(_tell, waiting_for_next)

    async def _look_now(self) -> None:
        try:
            if await self._store.version() != self._version:
                await self._read_again()
            self._fault = ""
        except (ValueError, StorageUnavailable) as problem:
            if not self._fault:
                _log.error("the devices cannot be read: {problem}", problem=str(problem))
            self._fault = str(problem) or "unreadable"
        now = self._now()
        for device in tuple(self._devices.values()):
            if not device.expired and device.is_over(now):
                await self._end(device)
        self._shut_out(now)

    def _shut_out(self, now: float) -> None:
        going: set[str] = set()
        for connection in self._subscriptions.connections:
            reason = _why_to_go(self._devices.get(connection.device.id), connection.device, now)
            if reason:
                going.add(connection.id)
                if connection.id not in self._going:
                    self._witness.shut_out(connection, reason)
                connection.close(CREDENTIAL_GONE, "This credential was revoked, or has expired.")
        self._going = frozenset(going)

    def _surprised(self, failure: Failure) -> None:
        if not self._fault:
            _log.failure("while looking at the devices", failure)
        self._fault = "The devices cannot be watched."

    async def _read_again(self) -> None:
        """Raises as the store does; where single devices are broken, the others are taken all the same: who was revoked
        has to go."""
        before = self._devices
        try:
            await self._read()
        except BrokenDevices as problem:
            as_before = {each: before[each] for each in problem.broken if each in before}
            self._devices = as_before | {device.id: device for device in problem.devices}
            raise
        finally:
            if before != self._devices:
                self._changed(before, self._devices)

    async def _read(self) -> None:
        version = await self._store.version()
        self._devices = {device.id: device for device in await self._store.all()}
        self._version = version

    async def _end(self, device: Device) -> None:
        """An end that was seen stays one, also when the clock is set back (AU-06)."""
        ended, before = device.ended(), self._devices
        self._devices = {**before, device.id: ended}
        self._witness.expired(ended)
        self._changed(before, self._devices)
        try:
            await self._store.change(ended)
        except StorageUnavailable:
            _log.warn("that the token of {name} has expired could not be kept", name=device.name)


def _refused(message: str, reason: Credential) -> Refusal:
    return Refusal(Code.UNAUTHORIZED, message, reason=reason)


def _why_to_go(known: Device | None, came_as: Device, now: float) -> str:
    """Why who came in with the one may not stay, by what the record says now; empty where nothing is the matter."""
    if known is None:
        return "revoked"
    if known.is_over(now):
        return "expired"
    is_same = (known.scope, known.kind, known.secret_hash) == (came_as.scope, came_as.kind, came_as.secret_hash)
    return "" if is_same else "changed"


def _tell(outcome: object, waiting: Sequence[Deferred[None]]) -> None:
    if isinstance(outcome, Failure):
        _log.failure("while looking at the devices", outcome)
    for one in waiting:
        one.callback(None)
