# -*- test-case-name: tests.outbound.test_audit -*-
"""The audit log on the disk: JSON lines in `audit/`, each chained to the one before, each kept before it is told.

    audit/lock                        who writes takes it: the server, and the commands beside it
    audit/head                        number and hash of the newest record
    audit/room                        held free for the records of what is under way when the disk becomes full
    audit/audit_000000000001.jsonl    named for its first record; a new file is begun when this one is large

`AuditFiles` are plain functions that block, for the `pocketagent` command; the server goes through `FileAudit`.
"""

import errno
import fcntl
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial

from attrs import define, field, frozen
from twisted.logger import Logger
from zope.interface import implementer

from pocketagent.domain.deeds import FIRST, Deed, Origin, Record
from pocketagent.domain.message import timestamp
from pocketagent.outbound.disk import Disk, create, load, make_directory, read, reopen, save, sync_directory, write
from pocketagent.outbound.rounds import Rounds
from pocketagent.ports import IAudit, IThreads, StorageUnavailable
from pocketagent.wire.audit import MAX_LINE, Broken, decode, decode_head, encode, encode_head

FILE_SIZE = 10_000_000
"""Bytes of a file; then the log goes on in a new one. None is ever removed."""
ROOM = 64 * 1024
LOCK_TIME = 5.0
"""Seconds that the lock is waited for: whoever has it writes a few lines."""
LOCK_POLL = 0.005
MAX_READ = 1024 * 1024
"""Bytes that are read at once to show or verify the log."""

_NAME = re.compile(r"audit_(?P<first>[0-9]{12})\.jsonl")

_log = Logger()


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold the lock of the audit log. Raises OSError, also when somebody else does not let go of it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    try:
        end = time.monotonic() + LOCK_TIME
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise OSError(errno.EBUSY, "another process does not let go of it", path) from None
                time.sleep(LOCK_POLL)
        yield
    finally:
        os.close(fd)


@frozen
class _End:
    """Where the log goes on: after the record `seq` with this hash, in this file at this byte.

    No `name`: in a file that is yet to be made. `repairs`: what had to be mended to get there.
    """

    seq: int
    digest: str
    name: str | None
    size: int
    repairs: Sequence[Deed] = ()


@define(eq=False)
class AuditFiles:
    """`root` is made with the first record; the directory around it is there. Everything here blocks."""

    _root: str
    _now: Callable[[], float]
    _disk: Disk = os
    _locked: Callable[[str], AbstractContextManager[None]] = locked
    _file_size: int = FILE_SIZE

    def check(self) -> None:
        """That a record can be kept now, and also when the disk becomes full meanwhile. Raises StorageUnavailable."""
        with self._writing():
            self._hold_room()
            names = self._names()
            if names:
                self._disk.close(reopen(self._disk, self._path(names[-1]), os.O_RDWR))

    def append(self, deeds: Sequence[Deed]) -> Sequence[Record]:
        """As `IAudit.append`, for several that belong together on the disk only."""
        with self._writing():
            end = self._mended()
            lines, records = self._encoded(end, (*end.repairs, *deeds))
            try:
                self._put(end, records[0].seq, lines)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                with suppress(FileNotFoundError):
                    self._disk.unlink(self._path("room"))
                self._put(end, records[0].seq, lines)
            # The record is kept already, and the head is found again from it.
            with suppress(OSError):
                self._remember(records[-1])
        return records[len(end.repairs) :]

    def head(self) -> tuple[int, str] | None:
        """What is remembered of the newest record; None when nothing is. Raises StorageUnavailable."""
        try:
            return decode_head(load(self._disk, self._path("head"), MAX_READ))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unavailable(error) from error

    def lines(self) -> Iterator[tuple[str, int, bytes]]:
        """Every line that is there now: its file, its number there, and it itself, with its end where it has one.

        Raises StorageUnavailable.
        """
        try:
            sizes = self._sizes()
        except OSError as error:
            raise _unavailable(error) from error
        for name, size in sizes.items():
            number, rest = 0, b""
            for piece in self._pieces(name, size):
                *whole, rest = (rest + piece).split(b"\n")
                for line in whole:
                    number += 1
                    yield name, number, line + b"\n"
            if rest:
                yield name, number + 1, rest

    def _sizes(self) -> Mapping[str, int]:
        """While nobody writes: what is written later is not half seen."""
        try:
            self._disk.lstat(self._root)
        except FileNotFoundError:
            return {}
        with self._locked(self._path("lock")):
            return {name: self._disk.lstat(self._path(name)).st_size for name in self._names()}

    def _pieces(self, name: str, size: int) -> Iterator[bytes]:
        try:
            fd = reopen(self._disk, self._path(name))
            try:
                for start in range(0, size, MAX_READ):
                    yield read(self._disk, fd, start, min(size, start + MAX_READ))
            finally:
                self._disk.close(fd)
        except OSError as error:
            raise _unavailable(error) from error

    # -- writing --------------------------------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            make_directory(self._disk, self._root)
            with self._locked(self._path("lock")):
                yield
        except OSError as error:
            raise _unavailable(error) from error

    def _encoded(self, end: _End, deeds: Sequence[Deed]) -> tuple[bytes, Sequence[Record]]:
        now, seq, previous = timestamp(self._now()), end.seq, end.digest
        lines, records = [], []
        for deed in deeds:
            seq += 1
            line, record = encode(seq, now, deed, previous)
            previous = record.hash
            lines.append(line)
            records.append(record)
        return b"".join(lines), records

    def _put(self, end: _End, first: int, lines: bytes) -> None:
        """All of them and durable, or none. Raises OSError."""
        begins = end.name is None or end.size >= self._file_size
        path = self._path(_name(first) if begins else str(end.name))
        fd = create(self._disk, path) if begins else reopen(self._disk, path, os.O_RDWR)
        start = 0 if begins else end.size
        try:
            try:
                write(self._disk, fd, lines, start)
                self._disk.fdatasync(fd)
                if begins:
                    sync_directory(self._disk, self._root)
            except OSError:
                with suppress(OSError):
                    self._disk.ftruncate(fd, start)
                    if begins:
                        self._disk.unlink(path)
                raise
        finally:
            self._disk.close(fd)

    def _remember(self, newest: Record) -> None:
        """Not durable: after a power loss it may be behind the records, never before them."""
        data, path = encode_head(newest.seq, newest.hash), self._path("head")
        try:
            fd = reopen(self._disk, path, os.O_RDWR)
        except FileNotFoundError:
            fd = create(self._disk, path)
        try:
            write(self._disk, fd, data, 0)
        finally:
            self._disk.close(fd)

    def _hold_room(self) -> None:
        try:
            if self._disk.lstat(self._path("room")).st_size >= ROOM:
                return
        except FileNotFoundError:
            pass
        save(self._disk, self._path("room"), [bytes(ROOM)])

    # -- the end of the log ---------------------------------------------------------------------------------

    def _mended(self) -> _End:
        """Where to go on. What a crash has torn is cut off and set aside; what somebody has taken away stays a gap."""
        head = self.head() or (0, FIRST)
        repairs: list[Deed] = []
        while names := self._names():
            name, path = names[-1], self._path(names[-1])
            size, last = self._whole_end(name, repairs)
            if not size:
                # A crash, before anything of its first record was whole.
                self._disk.unlink(path)
                continue
            try:
                newest = decode(last.rstrip(b"\n").rpartition(b"\n")[2])
            except Broken as fault:
                repairs.append(_repair(f"its last line {fault}", file=name, expected_seq=head[0]))
                if name > _name(head[0]):
                    self._disk.replace(path, f"{path}.damaged")
                return _End(*head, None, 0, repairs)
            found = (newest.seq, newest.hash)
            if head[0] > newest.seq or (head[0] == newest.seq and head != found):
                gap = _repair("its last records are gone", file=name, found_seq=newest.seq, expected_seq=head[0])
                return _End(*head, name, size, [*repairs, gap])
            return _End(*found, name, size, repairs)
        if head[0]:
            repairs.append(_repair("none of its records is left", expected_seq=head[0]))
        return _End(*head, None, 0, repairs)

    def _whole_end(self, name: str, repairs: list[Deed]) -> tuple[int, bytes]:
        """How many bytes of a file are whole lines, and the last of these bytes; what is torn is cut off."""
        fd = reopen(self._disk, self._path(name), os.O_RDWR)
        try:
            size = self._disk.fstat(fd).st_size
            last = read(self._disk, fd, max(0, size - 2 * MAX_LINE), size)
            torn = last[last.rfind(b"\n") + 1 :]
            if torn:
                repairs.append(self._cut(fd, name, size, torn))
            return size - len(torn), last[: len(last) - len(torn)]
        finally:
            self._disk.close(fd)

    def _cut(self, fd: int, name: str, size: int, torn: bytes) -> Deed:
        save(self._disk, self._path(f"{name}.torn"), [torn])
        self._disk.ftruncate(fd, size - len(torn))
        return _repair("a crash had torn its last line", file=name, bytes=len(torn), sha256=_sha256(torn))

    def _names(self) -> Sequence[str]:
        return sorted(filter(_NAME.fullmatch, self._disk.listdir(self._root)))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


@implementer(IAudit)
@define(eq=False)
class FileAudit:
    """The audit log in files, by way of the threads. Who comes while the disk is busy shares the next look at it, and
    the next write."""

    _threads: IThreads
    _files: AuditFiles
    _checks: Rounds[None, None] = field(init=False)
    _appends: Rounds[Deed, Record] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._checks, self._appends = Rounds(self._check), Rounds(self._append)

    async def check(self) -> None:
        await self._checks.join(None)

    async def append(self, deed: Deed) -> Record:
        return await self._appends.join(deed)

    async def head(self) -> tuple[int, str] | None:
        return await self._threads.run(self._files.head)

    async def _check(self, askers: Sequence[None]) -> Sequence[None]:
        await self._threads.run(self._files.check)
        return askers

    async def _append(self, deeds: Sequence[Deed]) -> Sequence[Record]:
        return await self._threads.run(partial(self._files.append, deeds))


def _repair(what: str, **details: object) -> Deed:
    _log.warn("The audit log was repaired: {what}", what=what, **details)
    return Deed(action="audit_repaired", origin=Origin.SERVER, details={"what": what, **details})


def _name(first: int) -> str:
    return f"audit_{first:012}.jsonl"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _unavailable(error: OSError) -> StorageUnavailable:
    return StorageUnavailable(f"The audit log: {error.strerror or type(error).__name__}")
