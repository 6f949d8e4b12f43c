"""The machine that the server runs on."""

import os
from pathlib import Path

from attrs import frozen
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from pocketagent.ports import IHost, IThreads

DEADLINE = 5.0
"""Seconds that a disk may take to answer."""


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
