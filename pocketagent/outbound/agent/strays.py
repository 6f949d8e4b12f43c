# -*- test-case-name: tests.outbound.agent.test_strays -*-
"""What a dead supervisor has left behind: found by the mark in its environment, and killed."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

PATIENCE = 10.0
PAUSE = 0.02


def kill_marked(mark: bytes, patience: float = PATIENCE) -> int:
    """SIGKILL to every process whose environment has this `NAME=value`, until none is left; how many are left.

    Blocks, up to `patience` seconds. A process that has written over its own environment is not found.
    """
    end = time.monotonic() + patience
    while True:
        left = sum(1 for _ in _strike(mark))
        if not left or time.monotonic() > end:
            return left
        time.sleep(PAUSE)


def _strike(mark: bytes) -> Iterator[int]:
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and _has(entry.name, mark):
            pid = int(entry.name)
            try:
                process = os.pidfd_open(pid)
            except OSError:
                continue
            try:
                # Asked again with the process in hand: the number may have been another's.
                if _has(entry.name, mark):
                    signal.pidfd_send_signal(process, signal.SIGKILL)
                    yield pid
            except OSError:
                yield pid
            finally:
                os.close(process)


def _has(pid: str, mark: bytes) -> bool:
    try:
        return mark in Path("/proc", pid, "environ").read_bytes().split(b"\0")
    except OSError:
        return False
