# -*- test-case-name: tests.services.test_deliveries -*-
"""What is on its way to others on the network: tried again for a while, bounded, and nobody waits for it."""

from collections.abc import Callable, Coroutine
from typing import Generic, TypeVar

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from pocketagent.ports import Tried, Verdict

WAITING = 256
"""What may wait to be sent; then the oldest is dropped, and counted."""
AT_ONCE = 8
"""Sent at a time."""
TRIES = 8
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 300.0
"""Seconds before the second try; twice as long before each one after, but never longer than that; and as long as the
other side asks for, which is bounded where it is heard."""

T = TypeVar("T")

_log = Logger()


@define(eq=False)
class Parcel(Generic[T]):
    """`call`: it waits for its next try."""

    content: T
    tries: int = 0
    call: IDelayedCall | None = None


@define(eq=False)
class Deliveries(Generic[T]):
    """Everything that is on its way to one kind of receiver. Order is kept only as long as nothing must be tried again.

    `send` tries once and never takes for ever; `gone` is called with what its receiver will never take. `what` says
    in the log what it is.
    """

    _clock: IReactorTime
    _send: Callable[[T], Coroutine[Deferred[object], object, Tried]]
    _what: str
    _gone: Callable[[T], None] = lambda content: None
    delivered: int = 0
    dropped: int = 0
    """Of which nothing more will be heard: too old, tried too often, or refused."""
    _waiting: list[Parcel[T]] = field(factory=list)
    _under_way: dict[Parcel[T], Deferred[None]] = field(factory=dict)
    _drained: list[Deferred[None]] = field(factory=list)
    _is_over: bool = False

    def put(self, content: T) -> None:
        """Send it soon."""
        if not self._is_over:
            self._wait(Parcel(content))
            self._work()

    async def stop(self, seconds: float) -> None:
        """Take nothing more; wait for what can be sent at once, but not longer than that, and drop the rest."""
        self._is_over = True
        for parcel in tuple(self._waiting):
            if parcel.call is not None:
                self._drop(parcel)
        if self._under_way or self._waiting:
            drained: Deferred[None] = Deferred()
            self._drained.append(drained)
            call = self._clock.callLater(seconds, self._give_up)
            await drained
            if call.active():
                call.cancel()

    def _give_up(self) -> None:
        for parcel in tuple(self._waiting):
            self._drop(parcel)
        for sending in tuple(self._under_way.values()):
            sending.cancel()

    def _wait(self, parcel: Parcel[T]) -> None:
        self._waiting.append(parcel)
        if len(self._waiting) > WAITING:
            self._drop(self._waiting[0])

    def _drop(self, parcel: Parcel[T]) -> None:
        self._waiting.remove(parcel)
        if parcel.call is not None and parcel.call.active():
            parcel.call.cancel()
        self.dropped += 1

    def _work(self) -> None:
        while len(self._under_way) < AT_ONCE:
            parcel = next((one for one in self._waiting if one.call is None), None)
            if parcel is None:
                return
            self._waiting.remove(parcel)
            self._try(parcel)

    def _try(self, parcel: Parcel[T]) -> None:
        parcel.tries += 1
        sending = Deferred.fromCoroutine(self._send(parcel.content))
        done: Deferred[None] = sending.addCallbacks(self._judge, self._fail, (parcel,), errbackArgs=(parcel,))
        self._under_way[parcel] = done
        done.addBoth(self._tried, parcel)

    def _judge(self, tried: Tried, parcel: Parcel[T]) -> None:
        verdict = tried.verdict
        if verdict is Verdict.TAKEN:
            self.delivered += 1
        elif verdict is Verdict.LATER and parcel.tries < TRIES and not self._is_over:
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (parcel.tries - 1))
            parcel.call = self._clock.callLater(max(pause, tried.wait), self._due, parcel)
            self._wait(parcel)
        else:
            self.dropped += 1
            _log.warn("{what} was given up after {tries} tries", what=self._what, tries=parcel.tries)
            if verdict is Verdict.GONE:
                self._gone(parcel.content)

    def _fail(self, failure: Failure, parcel: Parcel[T]) -> None:
        self.dropped += 1
        if not failure.check(CancelledError):
            _log.failure("while sending {what}", failure, what=self._what)

    def _tried(self, outcome: object, parcel: Parcel[T]) -> None:
        self._under_way.pop(parcel, None)
        if isinstance(outcome, Failure):
            _log.failure("after sending {what}", outcome, what=self._what)
        self._work()
        if not self._under_way and not self._waiting:
            drained, self._drained = self._drained, []
            for one in drained:
                one.callback(None)

    def _due(self, parcel: Parcel[T]) -> None:
        parcel.call = None
        self._work()
