"""A disk in memory that fails as real ones do: full, with a bad sector, killed in the middle, without power."""

import errno
import os
import stat
from collections.abc import Callable
from itertools import count

from attrs import define, field


class Crash(Exception):
    """The process died here; nothing that it does afterwards reaches the disk."""


@define(eq=False)
class _Node:
    """A file or a directory: what the page cache says, what would be there without power, and where they differ."""

    mode: int
    number: int
    data: bytearray = field(factory=bytearray)
    durable: bytearray = field(factory=bytearray)
    dirty: list[tuple[int, int]] = field(factory=list)
    dropped: list[tuple[int, int]] = field(factory=list)

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.mode)


class FaultyDisk:
    """Stands in for `os` in `outbound.disk`.

    `room`: bytes until it is full, None without end. `piece`: the most that one write takes. `fails_to_sync` and
    `fails_to_truncate`: the error of a broken device; as with Linux, what could not be synced counts as clean
    afterwards. `is_read_only`: nothing is changed any more. `until_crash`: bytes until the process dies. `bytes_read`
    counts.
    """

    def __init__(self) -> None:
        self.room: int | None = None
        self.piece: int | None = None
        self.until_crash: int | None = None
        self.fails_to_sync = False
        self.fails_to_truncate = False
        self.is_read_only = False
        self.bytes_read = 0
        self.is_dead = False
        self._numbers = count(3)
        self._open: dict[int, tuple[_Node, str]] = {}
        root = _Node(stat.S_IFDIR | 0o700, 1)
        self._names: dict[str, _Node] = {"/": root}
        self._durable_names: dict[str, _Node] = {"/": root}

    # -- steering ----------------------------------------------------------------------------------------------

    @property
    def is_well(self) -> bool:
        return self.room is None and not self.fails_to_sync and not self.fails_to_truncate

    @property
    def is_lying(self) -> bool:
        """Something that counts as clean is not on the device: a sync failed, and it was not written again."""
        return any(start < end for node in self._names.values() for start, end in node.dropped)

    def heal(self) -> None:
        self.room = self.piece = self.until_crash = None
        self.fails_to_sync = self.fails_to_truncate = self.is_read_only = self.is_dead = False

    def kill(self) -> None:
        """The process is gone, the machine runs on."""
        self._open.clear()
        self.heal()

    def lose_power(self, remains: Callable[[int, int], int]) -> None:
        """What was not synced is gone but for a part: `remains` chooses a number from the first to the second.

        That part may also be zeros, as where a file system had grown a file but not yet written it.
        """
        self.kill()
        names = dict(self._durable_names)
        for path, node in self._names.items():
            if path not in names and _parent(path) in names and remains(0, 1):
                names[path] = node
        self._names = names
        self._durable_names = dict(names)
        for node in dict.fromkeys(names.values()):
            size = remains(len(node.durable), max(len(node.durable), len(node.data)))
            rest = bytes(node.data[len(node.durable) : size])
            if remains(0, 1):
                rest = bytes(len(rest))
            node.data = node.durable + rest
            node.durable = bytearray(node.data)
            node.dirty, node.dropped = [], []

    def files(self, suffix: str) -> dict[str, bytes]:
        """All files with such a name."""
        return {path: bytes(node.data) for path, node in self._names.items() if path.endswith(suffix)}

    def damage(self, path: str, start: int, data: bytes) -> None:
        """Let something else stand there, as if it had always done so."""
        node = self._names[path]
        node.data[start : start + len(data)] = data
        node.durable = bytearray(node.data)

    # -- what `os` does ----------------------------------------------------------------------------------------

    def open(self, path: str, flags: int, mode: int = 0o777, /) -> int:
        self._alive()
        node = self._names.get(path)
        if node is not None and flags & os.O_EXCL:
            raise FileExistsError(errno.EEXIST, "File exists", path)
        if node is None:
            if not flags & os.O_CREAT:
                raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
            self._changes(1)
            node = self._names[path] = _Node(stat.S_IFREG | mode, next(self._numbers))
        fd = next(self._numbers)
        self._open[fd] = (node, path)
        return fd

    def close(self, fd: int, /) -> None:
        if not self.is_dead:
            del self._open[fd]

    def pread(self, fd: int, length: int, offset: int, /) -> bytes:
        data = bytes(self._node(fd).data[offset : offset + length])
        self.bytes_read += len(data)
        return data

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int, /) -> int:
        node = self._node(fd)
        data = bytes(data)[: self.piece]
        growth = offset + len(data) - len(node.data)
        if self.room is not None and growth > self.room:
            data = data[: max(0, len(data) - growth + self.room)]
            if not data:
                raise OSError(errno.ENOSPC, "No space left on device")
        if self.until_crash is not None and self.until_crash < len(data):
            self._put(node, data[: self.until_crash], offset)
            self.is_dead = True
        self._changes(len(data))
        self._put(node, data, offset)
        return len(data)

    def _put(self, node: _Node, data: bytes, offset: int) -> None:
        before = len(node.data)
        node.data.extend(bytes(max(0, offset - before)))
        node.data[offset : offset + len(data)] = data
        node.dirty.append((offset, offset + len(data)))
        node.dropped = [part for part in node.dropped if part[0] < offset or part[1] > offset + len(data)]
        if self.room is not None:
            self.room -= len(node.data) - before

    def ftruncate(self, fd: int, length: int, /) -> None:
        node = self._node(fd)
        if self.fails_to_truncate:
            raise OSError(errno.EIO, "Input/output error")
        self._changes(1)
        if self.room is not None:
            self.room += max(0, len(node.data) - length)
        del node.data[length:]
        node.dirty.append((length, length))
        node.dropped = [(start, min(end, length)) for start, end in node.dropped if start < length]

    def fdatasync(self, fd: int, /) -> None:
        node, path = self._node(fd), self._open[fd][1]
        if self.fails_to_sync:
            node.dropped += node.dirty
            node.dirty = []
            raise OSError(errno.EIO, "Input/output error")
        self._changes(1)  # of whoever dies in it everything is still to be synced
        dirty, node.dirty = node.dirty, []
        if node.is_directory:
            inside = {name: each for name, each in self._names.items() if _parent(name) == path}
            for name in [name for name in self._durable_names if _parent(name) == path]:
                del self._durable_names[name]
            self._durable_names |= inside
        if dirty:
            before = node.durable
            node.durable = (before + bytes(len(node.data)))[: len(node.data)]
            for start, end in dirty:
                node.durable[start:end] = node.data[start:end]

    fsync = fdatasync

    def fstat(self, fd: int, /) -> os.stat_result:
        return _status(self._node(fd))

    def lstat(self, path: str, /) -> os.stat_result:
        self._alive()
        return _status(self._named(path))

    def fchmod(self, fd: int, mode: int, /) -> None:
        node = self._node(fd)
        node.mode = stat.S_IFMT(node.mode) | mode

    def chmod(self, path: str, mode: int, /) -> None:
        node = self._named(path)
        node.mode = stat.S_IFMT(node.mode) | mode

    def mkdir(self, path: str, mode: int = 0o777, /) -> None:
        self._alive()
        if path in self._names:
            raise FileExistsError(errno.EEXIST, "File exists", path)
        self._changes(1)
        self._names[path] = _Node(stat.S_IFDIR | mode, next(self._numbers))

    def replace(self, old: str, new: str, /) -> None:
        node = self._named(old)
        self._changes(1)
        del self._names[old]
        self._names[new] = node

    def unlink(self, path: str, /) -> None:
        self._named(path)
        self._changes(1)
        del self._names[path]

    def listdir(self, path: str, /) -> list[str]:
        self._alive()
        return [name.rpartition("/")[2] for name in self._names if _parent(name) == path]

    def _alive(self) -> None:
        if self.is_dead:
            raise Crash

    def _changes(self, cost: int) -> None:
        self._alive()
        if self.is_read_only:
            raise OSError(errno.EROFS, "Read-only file system")
        if self.until_crash is not None:
            self.until_crash -= cost
            if self.until_crash < 0:
                self.is_dead = True
                raise Crash

    def _node(self, fd: int) -> _Node:
        self._alive()
        return self._open[fd][0]

    def _named(self, path: str) -> _Node:
        self._alive()
        if path not in self._names:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return self._names[path]


def _status(node: _Node) -> os.stat_result:
    return os.stat_result((node.mode, node.number, 1, 1, os.geteuid(), os.getegid(), len(node.data), 0, 0, 0))


def _parent(path: str) -> str:
    return "" if path == "/" else path.rpartition("/")[0] or "/"
