# -*- test-case-name: tests.outbound.journal.test_faults -*-
"""The newest segment of a journal: the only one that is written to."""

from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise

from attrs import define, field

from pocketagent.outbound.disk import Disk, write
from pocketagent.outbound.journal.segments import Index, Keys, Segment, each_line, whole_lines
from pocketagent.wire import records


class Altered(Exception):
    """What was written before is no longer what the disk says."""


@define(eq=False)
class Tail:
    """A segment, open for writing.

    Up to `size` everything counts; the file may reach to `end`; up to `synced` a power loss does it no harm.
    `inherited`: what was there when this server opened it; its index is made when a reader needs it, and `index`
    begins after it until then.
    """

    path: str
    first_seq: int
    began: float
    index: Index
    _disk: Disk
    _fd: int
    size: int = 0
    end: int = 0
    synced: int = 0
    inherited: Segment | None = None
    keys: dict[int, int] = field(factory=dict)
    failed: bool = False

    @classmethod
    def new(cls, disk: Disk, fd: int, path: str, first_seq: int, time: int) -> "Tail":
        """A file that was just made; time in microseconds."""
        return cls(path, first_seq, time // 1_000_000, Index.beginning(first_seq, 0), disk, fd)

    @classmethod
    def inheriting(cls, disk: Disk, fd: int, segment: Segment) -> "Tail":
        """The newest segment as it was found, with a torn end or without."""
        index = Index.beginning(segment.next_seq, segment.size)
        end = disk.fstat(fd).st_size
        return cls(
            segment.path, segment.first_seq, segment.began, index, disk, fd, segment.size, end, segment.size, segment
        )

    @property
    def day(self) -> int:
        """On which day it was begun, in UTC, counted from 1970."""
        return int(self.began // 86400)

    @property
    def count(self) -> int:
        return self.index.next_seq - self.first_seq

    def segment(self) -> Segment:
        """As it is now."""
        return Segment(self.path, self.first_seq, self.began, self.count, self.size)

    def write(self, data: bytes) -> None:
        """Put it behind what counts. Raises OSError; then nothing of it counts, and what of it is there is cut off.

        Called on the reactor thread: this goes to the page cache.
        """
        self.cut()
        self.end = self.size + len(data)
        try:
            write(self._disk, self._fd, data, self.size)
        except OSError:
            with suppress(OSError):  # else before the next one
                self.cut()
            raise

    def keep(self, ends: Sequence[int], time: int) -> None:
        """What was written counts from now on."""
        self.index.extend(ends, time)
        self.size = self.end

    def cut(self) -> None:
        """Remove what does not count, if anything is there. Raises OSError."""
        if self.end == self.size:
            return
        self._disk.ftruncate(self._fd, self.size)
        self.end = self.size
        self.synced = min(self.synced, self.size)

    def adopt(self, index: Index, keys: Keys) -> None:
        """Take over the index of what was inherited."""
        if self.inherited is not None:
            self.index = index.join(self.index)
            self.keys = dict(keys.items()) | self.keys
            self.inherited = None

    def sync(self, end: int) -> None:
        """Let what is written up to there survive a power loss. May block. Raises OSError, or Altered.

        `end` comes from the reactor thread: while this runs more may be written, which does not count yet.

        Once it failed, the kernel may have dropped what it could not write, and would say that all is well if it
        were only asked again: so it is read, checked, and written anew.
        """
        if self.synced == end and not self.failed:
            return
        is_intact = True
        try:
            if self.failed:
                is_intact = self._write_again(end)
            self._disk.fdatasync(self._fd)
        except OSError:
            self.failed = True
            raise
        self.failed = False
        self.synced = end
        if not is_intact:
            raise Altered(self.path)

    def _write_again(self, end: int) -> bool:
        """Whether it was all there, record after record."""
        seqs: list[int] = []
        done = self.synced
        for start, lines in whole_lines(self._disk, self._fd, self.synced, end):
            write(self._disk, self._fd, lines, start)
            done = start + len(lines)
            seqs += [_seq(line) for line in each_line(lines)]
        return done == end and all(after == before + 1 for before, after in pairwise(seqs))

    def close(self) -> None:
        """Write no more. Idempotent."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            self._disk.close(fd)


def _seq(line: bytes) -> int:
    """Its number; 0 for a broken record."""
    try:
        return records.entry(line).seq
    except ValueError:
        return 0
