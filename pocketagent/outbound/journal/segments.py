# -*- test-case-name: tests.outbound.journal.test_journal -*-
"""The files of a journal: their names, where in them each entry stands, and reading entries out of them.

Everything that takes a disk may block: call it in a thread.
"""

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b

from attrs import define, field, frozen

from pocketagent.domain.message import Entry, timestamp
from pocketagent.domain.refusals import Code
from pocketagent.domain.searching import OPEN, Sieve
from pocketagent.outbound.disk import Disk, read, reopen
from pocketagent.wire import records

_NAME = re.compile(r"messages_([0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9]{2}-[0-9]{2}-[0-9]{2})_([0-9]{12})\.jsonl", re.ASCII)
_BEGAN = "%Y-%m-%d_%H-%M-%S"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

CHUNK = 1 << 20
"""How much of a segment is read at once when all of it has to be."""


def segment_name(seconds: float, first_seq: int) -> str:
    return f"messages_{datetime.fromtimestamp(seconds, UTC).strftime(_BEGAN)}_{first_seq:012}.jsonl"


def parse_name(name: str) -> tuple[int, float] | None:
    """The first number of a segment, and when it was begun in seconds since 1970; None for another file."""
    found = _NAME.fullmatch(name)
    if found is None or not int(found[2]):
        return None
    try:
        began = datetime.strptime(found[1], _BEGAN).replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(found[2]), began.timestamp()


@lru_cache(maxsize=8)
def microseconds(moment: str) -> int:
    """Microseconds since 1970 of what `message.timestamp` writes. Raises ValueError."""
    return (datetime.fromisoformat(moment) - _EPOCH) // _MICROSECOND


def time_of(moment: str) -> int | None:
    """The same; None for what is no time."""
    try:
        return microseconds(moment)
    except ValueError:
        return None


def hash_of(key: str) -> int:
    return int.from_bytes(blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


@frozen
class Segment:
    """One file of a journal, or what of it there was at some moment. It should hold `count` entries."""

    path: str
    first_seq: int
    began: float
    count: int
    size: int

    @property
    def next_seq(self) -> int:
        return self.first_seq + self.count


@define(eq=False)
class Index:
    """Where the entries of a segment stand, and when they were kept.

    Entry number `first_seq + i` lies at `offsets[i]` to `offsets[i + 1]` and is of `times[i]`, in microseconds (of
    the time of the one before, where it is broken).
    """

    first_seq: int
    offsets: "array[int]"
    times: "array[int]" = field(factory=lambda: array("q"))

    @classmethod
    def beginning(cls, first_seq: int, offset: int) -> "Index":
        return cls(first_seq, array("Q", (offset,)))

    @property
    def next_seq(self) -> int:
        return self.first_seq + len(self.times)

    def extend(self, ends: Sequence[int], time: int) -> None:
        """Entries of one moment follow, that end there."""
        self.offsets.extend(ends)
        self.times.extend((time,) * len(ends))

    def guess(self, end: int) -> None:
        """Something broken ends there, which should have been the next entry."""
        self.offsets.append(end)
        self.times.append(self._last_time)

    def place(self, seq: int, start: int, end: int, time: int) -> None:
        """This entry stands there; what was taken for entries since the last such one makes room for it."""
        at = seq - self.first_seq
        before = self._last_time
        del self.offsets[at + 1 :], self.times[at:]
        self.offsets.extend((start,) * (at + 1 - len(self.offsets)))
        self.offsets[at] = start
        self.offsets.append(end)
        self.times.extend((before,) * (at - len(self.times)))
        self.times.append(time)

    def fill(self, next_seq: int, end: int) -> None:
        """Let it have entries up to a number, no more and no less; nothing is there for those that it lacked."""
        count = next_seq - self.first_seq
        before = self._last_time
        del self.offsets[count + 1 :], self.times[count:]
        self.offsets.extend((end,) * (count + 1 - len(self.offsets)))
        self.times.extend((before,) * (count - len(self.times)))

    @property
    def _last_time(self) -> int:
        return self.times[-1] if self.times else 0

    def join(self, later: "Index") -> "Index":
        """This one and one that begins where it ends."""
        return Index(self.first_seq, self.offsets[:-1] + later.offsets, self.times + later.times)

    def cut(self, low: int, high: int) -> "Index":
        """A copy for the numbers from low to below high."""
        a, b = low - self.first_seq, high - self.first_seq
        return Index(low, self.offsets[a : b + 1], self.times[a:b])

    def up(self, low: int, high: int, size: int, least: int) -> int:
        """Up to below which number entries from low on have so many bytes: at least `least` of them, below high."""
        at = low - self.first_seq
        fitting = bisect_right(self.offsets, self.offsets[at] + size) - 1
        return min(high, self.first_seq + max(fitting, at + least))

    def down(self, low: int, high: int, size: int, least: int) -> int:
        """From which number entries up to below high have so many bytes: at least `least` of them, from low on."""
        at = high - self.first_seq
        fitting = bisect_left(self.offsets, self.offsets[at] - size)
        return max(low, self.first_seq + min(fitting, at - least))

    def bytes_of(self, low: int, high: int) -> int:
        return self.offsets[high - self.first_seq] - self.offsets[low - self.first_seq]

    def first_at(self, time: int, after: int) -> int:
        """The first entry behind a number that is late enough; the number behind all when none is.

        Looked at one by one, for times rise only as long as nobody sets the clock.
        """
        start = max(0, after + 1 - self.first_seq)
        for at in range(start, len(self.times)):
            if self.times[at] >= time:
                return self.first_seq + at
        return self.next_seq


@frozen
class Keys:
    """The newest numbers that are filed under hashes of keys, sorted by hash, 16 bytes each."""

    hashes: "array[int]"
    seqs: "array[int]"

    @classmethod
    def of(cls, found: Mapping[int, int]) -> "Keys":
        hashes = sorted(found)
        return cls(array("Q", hashes), array("Q", [found[each] for each in hashes]))

    def find(self, hashed: int) -> int | None:
        at = bisect_left(self.hashes, hashed)
        return self.seqs[at] if at < len(self.hashes) and self.hashes[at] == hashed else None

    def items(self) -> Iterator[tuple[int, int]]:
        return zip(self.hashes, self.seqs, strict=True)


def scan(disk: Disk, segment: Segment) -> tuple[Index, Keys]:
    """Find every entry of a segment by reading all of it. Raises OSError.

    A line that is no record takes the next number, until a good one says better.
    """
    index = Index.beginning(segment.first_seq, 0)
    found: dict[int, int] = {}
    good_seq = segment.first_seq - 1
    fd = reopen(disk, segment.path)
    try:
        for offset, lines in whole_lines(disk, fd, 0, segment.size):
            start = 0
            while start < len(lines):
                end = lines.index(b"\n", start) + 1
                begins = records.beginning(lines, start)
                time = begins and time_of(begins.timestamp)
                if begins is None or time is None or not good_seq < begins.seq < segment.next_seq:
                    index.guess(offset + end)
                else:
                    good_seq = begins.seq
                    index.place(good_seq, offset + start, offset + end, time)
                    if begins.type in records.KEYED:
                        found.update(hashes_of(lines[start:end], good_seq))
                start = end
    finally:
        disk.close(fd)
    index.fill(segment.next_seq, segment.size)
    return index, Keys.of(found)


def hashes_of(line: bytes, seq: int) -> dict[int, int]:
    """What a stored line is filed under; nothing for a broken one."""
    entry = _parsed(line)
    if entry is None:
        return {}
    return {hash_of(key): seq for key in records.keys(entry.type, entry.message)}


def whole_lines(disk: Disk, fd: int, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """All whole lines in a range, many at a time, each time with the offset of the first."""
    size = CHUNK
    while start < end:
        data = read(disk, fd, start, min(end, start + size))
        cut = data.rfind(b"\n") + 1
        if cut:
            yield start, data[:cut]
            start += cut
            size = CHUNK
        elif start + size >= end or len(data) < size:
            return
        else:
            size *= 2  # one line is longer than this


def each_line(lines: bytes) -> Iterator[bytes]:
    """The lines, newlines included. Not `splitlines`: a carriage return is a blank in JSON."""
    start = 0
    while start < len(lines):
        end = lines.index(b"\n", start) + 1
        yield lines[start:end]
        start = end


def read_entries(disk: Disk, path: str, index: Index, low: int, high: int, sieve: Sieve = OPEN) -> list[Entry]:
    """The entries from low to below high whose lines the sieve lets through. One that cannot be read comes as an
    `error` with its number."""
    first, last = low - index.first_seq, high - index.first_seq
    base = index.offsets[first]
    try:
        fd = reopen(disk, path)
        try:
            data = read(disk, fd, base, index.offsets[last])
        finally:
            disk.close(fd)
    except OSError:
        data = b""
    entries = []
    for at in range(first, last) if sieve.is_open else _let_through(sieve, data, index, first, last):
        line = data[index.offsets[at] - base : index.offsets[at + 1] - base]
        entries.append(_entry(line, index.first_seq + at, index.times[at]))
    return entries


def _let_through(sieve: Sieve, data: bytes, index: Index, first: int, last: int) -> Sequence[int]:
    """Of the lines first to below last, which are this data, those that have one of the parts in them, in order. No
    Python runs for the others."""
    base, found = index.offsets[first], set()
    folded = data.translate(sieve.fold)
    for part in sieve.parts:
        at = folded.find(part)
        while at >= 0:
            line = bisect_right(index.offsets, base + at, first, last) - 1
            found.add(line)
            at = folded.find(part, index.offsets[line + 1] - base)
    return sorted(found)


def _entry(line: bytes, seq: int, time: int) -> Entry:
    entry = _parsed(line)
    if entry is None:
        entry = _parsed(line[: line.find(b"\n") + 1])  # what follows it took no number
    return entry if entry is not None and entry.seq == seq else unreadable(seq, time)


def _parsed(line: bytes) -> Entry | None:
    try:
        return records.entry(line)
    except ValueError:
        return None


def unreadable(seq: int, time: int) -> Entry:
    """What stands for an entry that cannot be read any more."""
    message = (
        f'{{"code":"{Code.INTERNAL_ERROR}","message":"This event cannot be read back from the disk.",'
        f'"details":{{"reference":"record {seq}"}},"execution_id":null}}'
    )
    return Entry(seq, timestamp(time / 1e6), "server", "error", message.encode())


def is_unreadable(entry: Entry) -> bool:
    return entry.type == "error" and entry == unreadable(entry.seq, microseconds(entry.timestamp))
