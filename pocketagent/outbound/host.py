"""The machine that the server runs on."""

import ctypes
import gc
import os
from pathlib import Path

from attrs import frozen
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from pocketagent.ports import IHost, IThreads

DEADLINE = 5.0
"""Seconds that a disk may take to answer."""

MALLOC_KEPT = 32 * 1024 * 1024
"""Bytes: the most that glibc takes for M_MMAP_THRESHOLD, and twice the longest line."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


@implementer(IHost)
@frozen
class LinuxHost:
    """Linux, with the data directory at `data_dir`."""

    data_dir: str
    _threads: IThreads
    _clock: IReactorTime

    def memory_bytes(self) -> int:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    async def free_bytes(self) -> int | None:
        answer = Deferred.fromCoroutine(self._threads.run(self._free)).addTimeout(DEADLINE, self._clock)
        try:
            free: int = await answer
        except (OSError, TimeoutError):
            return None
        return free

    def _free(self) -> int:
        disk = os.statvfs(self.data_dir)
        return disk.f_bavail * disk.f_frsize


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
