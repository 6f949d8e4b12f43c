"""Whether processes live, asked without waiting in vain: a pidfd becomes readable when its process ends."""

import os
import select
from contextlib import suppress
from pathlib import Path

PATIENCE = 10.0
"""Seconds: five times the 2 s within which everything must be dead."""


def is_alive(pid: int) -> bool:
    """A zombie is not alive."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def dies(pid: int, seconds: float = PATIENCE) -> bool:
    """Wait for the end of any process; whether it came."""
    with suppress(ProcessLookupError):
        process = os.pidfd_open(pid)
        try:
            poll = select.poll()
            poll.register(process, select.POLLIN)
            return bool(poll.poll(int(seconds * 1000)))
        finally:
            os.close(process)
    return True
