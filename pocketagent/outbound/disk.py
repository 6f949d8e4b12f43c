# -*- test-case-name: tests.outbound.test_files,tests.outbound.journal.test_journal -*-
"""Files that are the server's alone, written whole or not at all. Everything here may block: call it in a thread."""

import errno
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol

PRIVATE_FILE = 0o600
PRIVATE_DIRECTORY = 0o700
_NOT_FOLLOWED = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # not waiting for the other end of a planted FIFO


class Disk(Protocol):
    """What is used of `os`: the server hands in `os` itself, tests a disk that fails."""

    def open(self, path: str, flags: int, mode: int = 0o777, /) -> int: ...
    def close(self, fd: int, /) -> None: ...
    def pread(self, fd: int, length: int, offset: int, /) -> bytes: ...
    def pwrite(self, fd: int, data: bytes | memoryview, offset: int, /) -> int: ...
    def ftruncate(self, fd: int, length: int, /) -> None: ...
    def fdatasync(self, fd: int, /) -> None: ...
    def fsync(self, fd: int, /) -> None: ...
    def fstat(self, fd: int, /) -> os.stat_result: ...
    def lstat(self, path: str, /) -> os.stat_result: ...
    def fchmod(self, fd: int, mode: int, /) -> None: ...
    def mkdir(self, path: str, mode: int = 0o777, /) -> None: ...
    def chmod(self, path: str, mode: int, /) -> None: ...
    def replace(self, old: str, new: str, /) -> None: ...
    def unlink(self, path: str, /) -> None: ...
    def listdir(self, path: str, /) -> list[str]: ...


def make_directory(disk: Disk, path: str) -> None:
    """A directory of mode 0700, whatever the umask; the parent is there. Raises OSError, also for a planted one."""
    try:
        disk.mkdir(path, PRIVATE_DIRECTORY)
    except FileExistsError:
        if check_directory(disk, path) != PRIVATE_DIRECTORY:
            disk.chmod(path, PRIVATE_DIRECTORY)
    else:
        disk.chmod(path, PRIVATE_DIRECTORY)
        sync_directory(disk, os.path.dirname(path))  # noqa: PTH120


def check_directory(disk: Disk, path: str) -> int:
    """The mode of a directory that is ours. Raises OSError for what is none, and for a planted one."""
    found = disk.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise _planted(path)
    return stat.S_IMODE(found.st_mode)


def create(disk: Disk, path: str) -> int:
    """A new file of mode 0600, open for reading and writing. Raises OSError when anything is there already."""
    fd = disk.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _NOT_FOLLOWED, PRIVATE_FILE)
    try:
        disk.fchmod(fd, PRIVATE_FILE)
    except OSError:
        disk.close(fd)
        raise
    return fd


def reopen(disk: Disk, path: str, flags: int = os.O_RDONLY) -> int:
    """A file that is ours alone: no link of any kind. Raises OSError."""
    fd = disk.open(path, flags | _NOT_FOLLOWED)
    try:
        found = disk.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or found.st_uid != os.geteuid():
            raise _planted(path)
    except OSError:
        disk.close(fd)
        raise
    return fd


def read(disk: Disk, fd: int, start: int, end: int) -> bytes:
    """The bytes from start to end, or as far as the file goes."""
    data = disk.pread(fd, end - start, start)
    if len(data) == end - start or not data:
        return data
    pieces = [data]
    start += len(data)
    while start < end and (data := disk.pread(fd, end - start, start)):
        pieces.append(data)
        start += len(data)
    return b"".join(pieces)


def write(disk: Disk, fd: int, data: bytes | memoryview, offset: int) -> None:
    """All of the data, there. Raises OSError; then a part of it may stand there."""
    written = disk.pwrite(fd, data, offset)
    while written < len(data):
        more = disk.pwrite(fd, memoryview(data)[written:], offset + written)
        if not more:
            raise OSError(errno.EIO, "nothing was written")
        written += more


def load(disk: Disk, path: str, limit: int) -> bytes:
    """The content of a file of ours. Raises OSError, also when it is larger than the limit."""
    fd = reopen(disk, path)
    try:
        size = disk.fstat(fd).st_size
        if size > limit:
            raise OSError(errno.EFBIG, "too large for what it should be", path)
        return read(disk, fd, 0, size)
    finally:
        disk.close(fd)


def save(disk: Disk, path: str, pieces: Iterable[bytes | memoryview]) -> None:
    """Let the file have this content, or, on an OSError or a power loss, still the one before."""
    new = path + ".tmp"
    with suppress(FileNotFoundError):
        disk.unlink(new)
    fd = create(disk, new)
    try:
        try:
            size = 0
            for piece in pieces:
                write(disk, fd, piece, size)
                size += len(piece)
            disk.fsync(fd)
        finally:
            disk.close(fd)
        disk.replace(new, path)
    except OSError:
        with suppress(OSError):
            disk.unlink(new)
        raise
    sync_directory(disk, os.path.dirname(path))  # noqa: PTH120


def sync_file(disk: Disk, path: str) -> None:
    """Make what stands in a file durable, whoever wrote it."""
    fd = reopen(disk, path)
    try:
        disk.fdatasync(fd)
    finally:
        disk.close(fd)


def sync_directory(disk: Disk, path: str) -> None:
    """Make the names in a directory durable."""
    fd = disk.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        disk.fsync(fd)
    finally:
        disk.close(fd)


def _planted(path: str) -> OSError:
    return OSError(errno.EPERM, "not a file or directory of this user alone", path)
