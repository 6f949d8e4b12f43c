# -*- test-case-name: tests.outbound.test_usage -*-
"""What the processes that we started use of the machine, as the kernel counts it.

All of them stay below us: each supervisor is the parent of what its tree leaves behind. So the time of those that
are alive and of those that we have reaped is the time of all there ever were.
"""

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from attrs import define, field

from pocketagent.ports import Usage

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@define
class Descendants:
    """Of a process; ours unless told otherwise."""

    _pid: int = field(factory=os.getpid)
    _most: float = 0.0

    def usage(self) -> Usage:
        """Reads some files of /proc for each process."""
        gone = resource.getrusage(resource.RUSAGE_CHILDREN)
        memory, seconds = 0, gone.ru_utime + gone.ru_stime
        for pid in descendants(self._pid):
            # One that ends meanwhile is counted by its parent the next time.
            with suppress(OSError):
                words = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
                seconds += sum(map(int, words[11:15])) / _TICKS
                memory += int(words[21]) * _PAGE
        self._most = max(self._most, seconds)
        return Usage(memory, self._most)


def descendants(pid: int) -> Iterator[int]:
    """All that live, found by the kernel's lists of children."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in task.read_text().split():
                yield int(child)
                yield from descendants(int(child))
