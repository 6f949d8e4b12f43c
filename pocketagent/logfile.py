# -*- test-case-name: tests.test_logfile -*-
"""The file of the log: whoever renames it or cuts it off, it goes on; and it is rotated here where that is wanted."""

import io
import os
import threading
from contextlib import suppress
from pathlib import Path

PRIVATE = 0o600


class RotatedFile(io.RawIOBase):
    """Begins a new file once it has `size` bytes, and keeps `files` old ones: PATH.1 is the newest. A size of 0: never.

    Each line is written whole, at the end of the file as it is then. Whoever else rotates it, by renaming it or by
    copying and truncating it, needs no signal: the next line goes where the name leads. Raises OSError when the file
    cannot be opened at first; later a line that cannot be written is lost, and the next is tried again.
    """

    def __init__(self, path: str, size: int, files: int) -> None:
        super().__init__()
        self._path = path
        self._size = size
        self._files = files
        self._lock = threading.Lock()
        self._fd = self._open()

    def write(self, data: bytes) -> int:  # type: ignore[override]  # bytes are all that is ever written here
        with self._lock, suppress(OSError):
            self._look()
            os.write(self._fd, data)
        return len(data)

    def close(self) -> None:
        with self._lock:
            if not self.closed:
                os.close(self._fd)
            super().close()

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(self._path, flags, PRIVATE)

    def _look(self) -> None:
        ours = os.fstat(self._fd)
        if self._size and ours.st_size >= self._size:
            self._rotate(ours)
        try:
            there = os.lstat(self._path)
        except FileNotFoundError:
            there = None
        if there is None or (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino):
            fd = self._open()
            os.close(self._fd)
            self._fd = fd

    def _rotate(self, ours: os.stat_result) -> None:
        """Only what is still ours: another one may have rotated it a moment ago."""
        with suppress(FileNotFoundError):
            there = os.lstat(self._path)
            if (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino):
                return
            for number in range(self._files, 1, -1):
                with suppress(FileNotFoundError):
                    Path(f"{self._path}.{number - 1}").replace(f"{self._path}.{number}")
            if self._files:
                Path(self._path).replace(f"{self._path}.1")
            else:
                Path(self._path).unlink()
