# -*- test-case-name: tests.outbound.journal.test_faults -*-
"""When what was written to a journal survives a power loss: soon, or before an append returns."""

from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from pocketagent.domain.measures import Spread
from pocketagent.outbound.disk import Disk, sync_directory
from pocketagent.outbound.journal.segments import Keys, Segment
from pocketagent.outbound.journal.shelf import Shelf
from pocketagent.outbound.journal.tail import Altered, Tail
from pocketagent.ports import IThreads, StorageUnavailable

SYNC_DELAY = 0.75
"""Seconds until what was appended is made durable; the disk has the rest of the second that may be lost."""

SYNC_RETRY = 5.0
"""Seconds until that is tried again after it failed."""

MAX_RETIRING = 8
"""How many full segments may wait to be made durable before appending waits for them."""

_log = Logger()


class Sync(StrEnum):
    """What survives a power loss: durable appends and all but the last second; every append; or chance."""

    TURN = "turn"
    ALWAYS = "always"
    NEVER = "never"


@define(eq=False)
class Durability:
    """Of one journal. `altered` is called, in a thread, when told entries are found to be gone from the disk.

    `took`: how long that takes, each time.
    """

    _disk: Disk
    _shelf: Shelf
    _threads: IThreads
    _reactor: IReactorTime
    _sync: Sync
    _logs: str
    _altered: Callable[[], None]
    _took: Spread
    _retiring: list[Tail] = field(factory=list, init=False)
    _has_new_names: bool = field(default=False, init=False)
    _has_failed: bool = field(default=False, init=False)
    _is_altered: bool = field(default=False, init=False)
    _is_closed: bool = field(default=False, init=False)
    _timer: IDelayedCall | None = field(default=None, init=False)
    _lock: DeferredLock = field(factory=DeferredLock, init=False)
    _tail: Tail | None = field(default=None, init=False)

    @property
    def is_troubled(self) -> bool:
        """Nothing is to be written before `make` has worked."""
        return self._has_failed or len(self._retiring) > MAX_RETIRING

    def follow(self, tail: Tail, is_new: bool) -> None:
        """This is the segment that is written to from now on."""
        self._tail = tail
        self._has_new_names |= is_new

    def retire(self, tail: Tail) -> None:
        """This segment is full: it is sealed once it is durable."""
        self._retiring.append(tail)
        self._schedule(SYNC_DELAY)

    def soon(self) -> None:
        """Something was written that need not be durable at once."""
        if self._timer is None and self._sync is not Sync.NEVER:
            self._schedule(SYNC_DELAY)

    async def make(self) -> None:
        """Make all durable that is written, and seal the segments that are full. Raises StorageUnavailable."""
        await self._lock.acquire()
        try:
            # What is taken here was written whole: the reactor thread is the one that writes.
            sealed = [(tail, tail.segment()) for tail in self._retiring]
            written = [(tail, tail.end) for tail in (*self._retiring, self._tail) if tail is not None]
            has_new_names, self._has_new_names = self._has_new_names, False
            try:
                self._took.add(await self._threads.run(lambda: self._work(written, has_new_names, sealed)))
            except OSError as problem:
                self._has_failed = True
                self._has_new_names |= has_new_names
                raise StorageUnavailable(f"The journal could not be made durable: {problem.strerror}.") from problem
            self._has_failed = False
            del self._retiring[: len(sealed)]
        finally:
            self._lock.release()

    def _work(self, written: list[tuple[Tail, int]], has_new_names: bool, sealed: list[tuple[Tail, Segment]]) -> float:
        """How long the disk took for it, in seconds."""
        began = self._reactor.seconds()
        if self._sync is not Sync.NEVER:
            for tail, end in written:
                try:
                    tail.sync(end)
                except Altered:
                    self._is_altered = True
            if has_new_names:
                sync_directory(self._disk, self._logs)
            if self._is_altered:
                self._altered()
                self._is_altered = False
        for tail, segment in sealed:
            tail.close()
            if tail.inherited is None:
                with suppress(OSError):  # it is made again when it is needed
                    self._shelf.store(segment, tail.index, Keys.of(tail.keys))
        return self._reactor.seconds() - began

    def _schedule(self, delay: float) -> None:
        if self._timer is None and not self._is_closed:
            self._timer = self._reactor.callLater(delay, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        Deferred.fromCoroutine(self.make()).addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        """It is tried again; an append that must be durable tries at once."""
        if failure.check(StorageUnavailable):
            _log.error("{logs}: {why}", logs=self._logs, why=failure.value)
        else:
            _log.failure("while making {logs} durable", failure, logs=self._logs)
        self._schedule(SYNC_RETRY)

    async def close(self) -> None:
        """Make everything durable for the last time. Raises StorageUnavailable; the files are closed all the same."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        try:
            await self.make()
        finally:
            for tail in (*self._retiring, self._tail):
                if tail is not None:
                    tail.close()
