# -*- test-case-name: tests.outbound.journal.test_repair -*-
"""What the files of a journal hold when it is opened, after a clean stop or any other.

Only the end of the newest segment is read, backwards, as far as the last good record: what a crash has torn lies behind
it. That is set aside, never deleted. Everything here may block: call it in a thread.
"""

import os
import re
from collections.abc import Sequence
from itertools import pairwise

from attrs import field, frozen

from pocketagent.outbound.disk import Disk, create, read, reopen, sync_directory, write
from pocketagent.outbound.journal.segments import CHUNK, Segment, parse_name
from pocketagent.outbound.journal.shelf import sidecar
from pocketagent.wire import records

WINDOW = 1 << 16
"""How much is read of the end at first; most records are far smaller."""

MAX_TORN = 5
"""How many torn ends are kept of a project."""

MIN_RECORD = 90
"""No record is shorter than this: a number that leaves no room for those before it is not believed."""

_TORN = re.compile(r"messages_.*\.torn-([0-9]{1,9})", re.ASCII)


@frozen
class Torn:
    """What lies behind the last good record of a file; `start` 0: all of it."""

    path: str
    start: int
    end: int


@frozen
class Found:
    """`segments`: the oldest first. `lost`: records that had been whole are broken, so told events may be gone."""

    segments: Sequence[Segment]
    torn: Sequence[Torn]
    lost: bool
    strays: Sequence[str] = field(factory=tuple)

    @property
    def head_seq(self) -> int:
        return self.segments[-1].next_seq - 1 if self.segments else 0


def look(disk: Disk, logs: str) -> Found:
    """What is there; nothing is changed. Raises OSError."""
    names = disk.listdir(logs)
    files = sorted((*found, f"{logs}/{name}") for name in names if (found := parse_name(name)) is not None)
    lost = False
    torn: list[Torn] = []
    newest: list[Segment] = []
    while files and not newest:
        first_seq, began, path = files[-1]
        size, end, seq, broken = _end(disk, path, first_seq)
        lost = lost or broken
        if end < size or not end:
            torn.append(Torn(path, end, size))
        if end:
            newest = [Segment(path, first_seq, began, seq + 1 - first_seq, end)]
        else:
            files.pop()
    older = [
        Segment(path, first_seq, began, following - first_seq, disk.lstat(path).st_size)
        for (first_seq, began, path), (following, _, _) in pairwise(files)
        if following > first_seq
    ]
    indexes = {sidecar(path) for _, _, path in files}
    strays = [
        path
        for path in (f"{logs}/{name}" for name in names)
        if path.endswith(".tmp") or (path.endswith(".idx") and path not in indexes)
    ]
    return Found(older + newest, torn, lost, strays)


def _end(disk: Disk, path: str, first_seq: int) -> tuple[int, int, int, bool]:
    """Size, end of the last good record, its number (0 and 0: none), and whether whole lines behind it are broken."""
    fd = reopen(disk, path)
    try:
        size = disk.fstat(fd).st_size
        window = WINDOW
        while True:
            start = max(0, size - window)
            data = read(disk, fd, start, size)
            end = data.rfind(b"\n") + 1
            broken = False
            while end:
                begin = data.rfind(b"\n", 0, end - 1) + 1
                if not begin and start:
                    break  # it begins before what was read
                seq = _seq(data[begin:end])
                if first_seq <= seq < first_seq + (start + end) // MIN_RECORD:
                    return size, start + end, seq, broken
                broken = True
                end = begin
            if not start:
                return size, 0, 0, broken
            window *= 8
    finally:
        disk.close(fd)


def _seq(line: bytes) -> int:
    try:
        return records.entry(line).seq
    except ValueError:
        return 0


def set_aside(disk: Disk, logs: str, torn: Sequence[Torn]) -> None:
    """Copy torn ends to files of their own, and cut them off. Raises OSError; then it can be called again."""
    for end in torn:
        fd = reopen(disk, end.path, os.O_RDWR)
        try:
            if end.end > end.start:
                _copy(disk, fd, end, f"{end.path}.torn-{_next_number(disk, logs)}")
            disk.ftruncate(fd, end.start)
            disk.fsync(fd)
        finally:
            disk.close(fd)
        if not end.start:
            disk.unlink(end.path)
    sync_directory(disk, logs)


def _copy(disk: Disk, fd: int, torn: Torn, path: str) -> None:
    copy = create(disk, path)
    try:
        for start in range(torn.start, torn.end, CHUNK):
            data = read(disk, fd, start, min(start + CHUNK, torn.end))
            write(disk, copy, data, start - torn.start)
        disk.fsync(copy)
    except OSError:
        disk.unlink(path)
        raise
    finally:
        disk.close(copy)


def _next_number(disk: Disk, logs: str) -> int:
    """The number of the next torn end; the oldest ones make room for it."""
    numbered = sorted((int(found[1]), name) for name in disk.listdir(logs) if (found := _TORN.fullmatch(name)))
    for _, name in numbered[: max(0, len(numbered) + 1 - MAX_TORN)]:
        disk.unlink(f"{logs}/{name}")
    return numbered[-1][0] + 1 if numbered else 1
