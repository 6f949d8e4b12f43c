# -*- test-case-name: tests.outbound.test_files -*-
"""A directory that is held while something in it is looked at, changed or removed. Everything here blocks."""

import fcntl
import os
import shutil
import time

from twisted.logger import Logger

PATIENCE, PAUSE = 2.0, 0.01
"""Seconds: how long somebody waits for another process that has it for itself, and between looks."""

_log = Logger()


class HeldDirectory:
    """A directory by its descriptor, so that nothing between a look and a removal can be swapped."""

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)

    def lock(self) -> None:
        """Have it for ourselves until it is closed. Raises OSError where another process keeps it too long."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    raise
                time.sleep(PAUSE)
            else:
                return

    def look(self, name: str) -> os.stat_result | None:
        try:
            return os.stat(name, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def clear(self, name: str) -> None:
        """Remove a directory with all that is in it, as far as that goes: the rest is for the next start."""
        if self.look(name) is None:
            return
        try:
            shutil.rmtree(name, dir_fd=self.fd)  # follows no link, not even one put there meanwhile
        except OSError as error:
            _log.warn("what is left of a removed project stays: {reason}", reason=error.strerror)

    def close(self) -> None:
        os.close(self.fd)
