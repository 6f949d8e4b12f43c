# -*- test-case-name: tests.outbound.test_host -*-
"""The machine that the server runs on."""

import ctypes
import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pocketagent.outbound.usage import Descendants
from pocketagent.ports import IHost, IThreads, Usage

DEADLINE = 0.8
"""Seconds that a disk may take to answer: so the health is told within one, whatever hangs (AD-08)."""

MALLOC_KEPT = 32 * 1024 * 1024
"""Bytes: the most that glibc takes for M_MMAP_THRESHOLD, and twice the longest line."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3

T = TypeVar("T")

_log = Logger()


@define(eq=False)
class Question(Generic[T]):
    """Something that could block: asked by one thread at a time, however many want to know and however long it takes.

    So a disk that hangs costs one thread of the pool, and everybody hears in time that it does not answer.
    """

    _threads: IThreads
    _clock: IReactorTime
    _ask: Callable[[], T]
    _waiting: "list[Deferred[T | None]] | None" = None

    async def answer(self) -> T | None:
        """None when it fails, or not within DEADLINE."""
        waiting: Deferred[T | None] = Deferred()
        if self._waiting is None:
            self._waiting = [waiting]
            Deferred.fromCoroutine(self._threads.run(self._ask)).addCallbacks(self._tell, self._fail)
        else:
            self._waiting.append(waiting)
        try:
            return await waiting.addTimeout(DEADLINE, self._clock)
        except TimeoutError:
            return None

    def _fail(self, failure: Failure) -> None:
        if not failure.check(OSError):
            _log.failure("while looking at the machine", failure)
        self._tell(None)

    def _tell(self, answer: T | None) -> None:
        waiting, self._waiting = self._waiting or (), None
        for one in waiting:
            # Whoever has given up has been told.
            if not one.called:
                one.callback(answer)


@implementer(IHost)
@define(eq=False)
class LinuxHost:
    """Linux, with the data directory at `data_dir`."""

    data_dir: str
    _threads: IThreads
    _clock: IReactorTime
    _free: Question[int] = field(init=False)
    _data: Question[str] = field(init=False)
    _usage: Question[Usage] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._free = Question(self._threads, self._clock, self._free_bytes)
        self._data = Question(self._threads, self._clock, self._data_fault)
        self._usage = Question(self._threads, self._clock, Descendants().usage)

    def memory_bytes(self) -> int:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    async def free_bytes(self) -> int | None:
        return await self._free.answer()

    async def data_fault(self) -> str | None:
        return await self._data.answer()

    async def usage(self) -> Usage | None:
        return await self._usage.answer()

    def _free_bytes(self) -> int:
        disk = os.statvfs(self.data_dir)
        return disk.f_bavail * disk.f_frsize

    def _data_fault(self) -> str:
        if not Path(self.data_dir).is_dir():
            return "The data directory is gone."
        if not os.access(self.data_dir, os.R_OK | os.W_OK | os.X_OK):
            return "The data directory cannot be written."
        return ""


def tune_memory() -> None:
    """Fit the process's memory to values that live for a moment, thousands a millisecond, and to lines of many MB.

    The default collector would run all the time, over everything (18 % of a fan-out): what is there now stays, the
    rest is looked through seldom. And glibc would give the memory of every large line back and take it anew, page by
    page (a third of the time of 10 MB lines): it keeps up to MALLOC_KEPT bytes of it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, MALLOC_KEPT)
        libc.mallopt(_M_TRIM_THRESHOLD, MALLOC_KEPT)
