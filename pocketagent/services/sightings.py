# -*- test-case-name: tests.services.test_sightings -*-
"""When each device was last seen, and as what; kept the first time that it is, and then at most once a minute."""

from collections.abc import Callable

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from pocketagent.domain.access import Device
from pocketagent.domain.sighting import UNKNOWN, Sighting
from pocketagent.ports import ISightings, StorageUnavailable
from pocketagent.services.subscriptions import Subscriptions

KEEP_EVERY = 60.0
"""Seconds."""

_log = Logger()


@define(eq=False)
class Sightings:
    """Who is connected is seen all the time. `is_known` says whether there (still) is a device of that id."""

    _store: ISightings
    _subscriptions: Subscriptions
    _clock: IReactorTime
    _now: Callable[[], float]
    _is_known: Callable[[str], bool]
    _seen: dict[str, Sighting] = field(factory=dict)
    _kept: dict[str, Sighting] = field(factory=dict)
    _loop: LoopingCall | None = None
    _writing: DeferredLock = field(factory=DeferredLock)

    async def start(self) -> None:
        self._seen = {**await self._store.all(), **self._seen}
        self._kept = dict(self._seen)
        self._loop = LoopingCall(self._keep_soon)
        self._loop.clock = self._clock
        self._loop.start(KEEP_EVERY, now=False)

    def stop(self) -> None:
        if self._loop is not None and self._loop.running:
            self._loop.stop()

    def note(self, device: Device, client: str) -> None:
        """It was let in."""
        is_new = device.id not in self._seen
        self._seen[device.id] = Sighting(self._now(), client)
        if is_new:
            self._keep_soon()

    def of(self, device_id: str) -> Sighting | None:
        return self._with_present().get(device_id)

    def connections(self, device_id: str) -> int:
        """How many the device has now."""
        return sum(connection.device.id == device_id for connection in self._subscriptions.connections)

    async def keep(self) -> None:
        """Write what is new, if anything is; what cannot be written now is, perhaps, a minute later."""
        await self._writing.acquire()
        try:
            self._seen = {each: seen for each, seen in self._with_present().items() if self._is_known(each)}
            if self._seen != self._kept:
                written = dict(self._seen)
                await self._store.save(written)
                self._kept = written
        except StorageUnavailable as problem:
            _log.warn("when devices were last seen could not be kept: {reason}", reason=str(problem))
        finally:
            self._writing.release()

    def _keep_soon(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.keep()).addErrback(self._surprised)

    def _with_present(self) -> dict[str, Sighting]:
        now = self._now()
        present = {connection.device.id for connection in self._subscriptions.connections}
        return self._seen | {
            each: Sighting(now, self._seen[each].client if each in self._seen else UNKNOWN) for each in present
        }

    def _surprised(self, failure: object) -> None:
        _log.error("when devices were last seen was not kept: {failure}", failure=str(failure))
