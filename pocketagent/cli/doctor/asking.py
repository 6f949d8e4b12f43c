# -*- test-case-name: tests.cli.doctor.test_asking -*-
"""Another program is asked something: it has so long and may say so much, and nothing of it stays."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from attrs import frozen

MOST = 64 * 1024
"""Bytes that are kept of what it says; the rest is read and forgotten."""


@frozen
class Said:
    """What it wrote, and its exit code; None where it did not end in time."""

    text: bytes
    code: int | None


def ask(argv: Sequence[str], environment: Mapping[str, str], wait: float, errors: int = subprocess.DEVNULL) -> Said:
    """Run it in `/` for at most `wait` seconds. `errors`: where its stderr goes, as in `subprocess`. Raises OSError."""
    end = time.monotonic() + wait
    child = subprocess.Popen(
        argv,
        cwd="/", env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
        start_new_session=True, umask=0o077,
    )  # fmt: skip
    assert child.stdout is not None
    exited = os.pidfd_open(child.pid)
    try:
        text, is_over = _heard(child.stdout.fileno(), exited, end)
    finally:
        # Before its exit is collected: until then its number, which is its group's, is nobody else's.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        code = child.wait()
        child.stdout.close()
        os.close(exited)
    return Said(text, code if is_over else None)


def _heard(output: int, exited: int, end: float) -> tuple[bytes, bool]:
    """What it wrote until it ended, whoever else still holds its output; and whether it did end in time."""
    text, poller = b"", select.poll()
    poller.register(output, select.POLLIN)
    poller.register(exited, select.POLLIN)
    while (left := end - time.monotonic()) > 0:
        ready = dict(poller.poll(left * 1000))
        if output in ready:
            piece = os.read(output, MOST)
            text = (text + piece)[:MOST]
            if not piece:
                poller.unregister(output)
        elif exited in ready:
            return text, True
    return text, False
