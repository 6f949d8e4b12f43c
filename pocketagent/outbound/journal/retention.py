# -*- test-case-name: tests.outbound.journal.test_retention -*-
"""What of a journal is no longer kept, and what of that is still found by its key.

Everything that takes a disk may block: call it in a thread.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from threading import Lock

from attrs import frozen

from pocketagent.domain.message import Entry
from pocketagent.outbound.disk import Disk, read, reopen, save, sync_directory
from pocketagent.outbound.journal.segments import Segment, each_line, hash_of, hashes_of, time_of, whole_lines
from pocketagent.outbound.journal.shelf import Shelf, sidecar
from pocketagent.wire import records

FOUND_FOR = 7 * 86400
"""Seconds: a prompt's id holds at least so long (protocol section 5)."""

_DAY = 86400


@frozen
class Retention:
    """What is kept: so many days, so many bytes; 0 means without end."""

    days: int = 0
    size: int = 0

    def doomed(self, segments: Sequence[Segment], now: float) -> int:
        """How many of the oldest segments go; never the newest."""
        kept = sum(segment.size for segment in segments)
        for number, (segment, following) in enumerate(pairwise(segments)):
            # All of a segment is older than the beginning of the next one.
            is_old = self.days and following.began <= now - self.days * _DAY
            is_over = self.size and kept > self.size
            if not (is_old or is_over):
                return number
            kept -= segment.size
        return max(0, len(segments) - 1)


def remove(disk: Disk, logs: str, segments: Sequence[Segment]) -> None:
    """Delete segments, the oldest first, so that a crash leaves no hole. Raises OSError."""
    for segment in segments:
        with suppress(FileNotFoundError):
            disk.unlink(segment.path)
        with suppress(FileNotFoundError):
            disk.unlink(sidecar(segment.path))
    sync_directory(disk, logs)


@frozen
class _Place:
    """Where a stored line stands, and when it was said at the latest, in microseconds."""

    path: str
    start: int
    end: int
    seq: int
    time: int


class Kept:
    """A file of entries that are still found by their keys, although their segments are gone."""

    def __init__(self, disk: Disk, path: str) -> None:
        self._disk = disk
        self._path = path
        self._places: dict[int, _Place] | None = None
        self._lock = Lock()

    def find(self, key: str) -> Entry | None:
        """The entry that is filed there. Raises OSError."""
        with self._lock:
            place = self._known().get(hash_of(key))
            if place is None:
                return None
            line = self._line(place)
        try:
            entry = records.entry(line)
        except ValueError:
            return None
        return entry if key in records.keys(entry.type, entry.message) else None

    def renew(self, segments: Sequence[Segment], shelf: Shelf, now: float) -> None:
        """Take over what is filed in these segments, and let go of what is old. Raises OSError."""
        with self._lock:
            places = dict(self._known())
            had = len(places)
            for segment in segments:
                index = shelf.index(segment)
                for hashed, seq in shelf.keys(segment).items():
                    at = seq - segment.first_seq
                    places[hashed] = _Place(
                        segment.path, index.offsets[at], index.offsets[at + 1], seq, index.times[at]
                    )
            oldest = (now - FOUND_FOR) * 1e6
            newest_state = hash_of(records.STATE)  # one entry, which tells what the project was doing: never too old
            kept = {place for hashed, place in places.items() if place.time > oldest or hashed == newest_state}
            if kept or had:
                lines = (self._line(place) for place in sorted(kept, key=lambda place: place.seq))
                save(self._disk, self._path, lines)
                self._places = None

    def _line(self, place: _Place) -> bytes:
        fd = reopen(self._disk, place.path)
        try:
            return read(self._disk, fd, place.start, place.end)
        finally:
            self._disk.close(fd)

    def _known(self) -> dict[int, _Place]:
        if self._places is None:
            try:
                fd = reopen(self._disk, self._path)
            except FileNotFoundError:
                self._places = {}
                return self._places
            try:
                size = self._disk.fstat(fd).st_size
                self._places = {
                    hashed: place
                    for start, lines in whole_lines(self._disk, fd, 0, size)
                    for hashed, place in self._filed(start, lines)
                }
            finally:
                self._disk.close(fd)
        return self._places

    def _filed(self, start: int, lines: bytes) -> Iterator[tuple[int, _Place]]:
        for line in each_line(lines):
            end = start + len(line)
            begins = records.beginning(line)
            time = begins and time_of(begins.timestamp)
            if begins is not None and time is not None:
                place = _Place(self._path, start, end, begins.seq, time)
                for hashed in hashes_of(line, begins.seq):
                    yield hashed, place
            start = end
