# -*- test-case-name: tests.outbound.journal.test_journal -*-
"""The indexes of segments that are complete: kept in a file beside each, a bounded number of bytes in memory.

An index that is missing or does not fit its segment is made anew by reading the segment. Everything here but `put`
may block: call it in a thread.
"""

import struct
import sys
from array import array
from collections import OrderedDict
from contextlib import suppress
from threading import Lock
from typing import Generic, TypeVar
from zlib import crc32

from pocketagent.outbound.disk import Disk, read, reopen, save
from pocketagent.outbound.journal.segments import Index, Keys, Segment, scan

_MAGIC = b"PAINDX1" + sys.byteorder[:1].encode()  # an index of a machine with the other byte order does not fit
_HEADER = struct.Struct("=8sQQQqQII")
_SUM = struct.Struct("=I")
_KEYS_AT = _HEADER.size + _SUM.size

MAX_TIMES = 100_000
"""Of how many segments the newest timestamp is remembered."""

T = TypeVar("T")


class Shelf:
    """Shared by all journals. `capacity`: bytes of memory for positions, and as many for keys."""

    def __init__(self, disk: Disk, capacity: int) -> None:
        self._disk = disk
        self._indexes: _Remembered[Index] = _Remembered(capacity)
        self._keys: _Remembered[Keys] = _Remembered(capacity)
        self._latest: _Remembered[int] = _Remembered(MAX_TIMES)
        self._making = Lock()

    def index(self, segment: Segment) -> Index:
        """Where its entries stand. Raises OSError when the segment cannot be read."""
        index = self._indexes.get(segment)
        if index is None:
            try:
                index = _load_index(self._disk, segment)
            except (OSError, ValueError):
                return self._make(segment)[0]
            self._indexes.put(segment, index, _size(index))
        return index

    def keys(self, segment: Segment) -> Keys:
        """What is filed in it. Raises OSError when the segment cannot be read."""
        keys = self._keys.get(segment)
        if keys is None:
            try:
                keys = _load_keys(self._disk, segment)
            except (OSError, ValueError):
                return self._make(segment)[1]
            self._keys.put(segment, keys, _size(keys))
        return keys

    def latest(self, segment: Segment) -> int:
        """Its latest timestamp, in microseconds. Raises OSError when the segment cannot be read."""
        latest = self._latest.get(segment)
        if latest is None:
            try:
                latest = _load_latest(self._disk, segment)
            except (OSError, ValueError):
                latest = max(self._make(segment)[0].times)
            self._latest.put(segment, latest, 1)
        return latest

    def put(self, segment: Segment, index: Index, keys: Keys) -> None:
        """Remember what is known already."""
        self._indexes.put(segment, index, _size(index))
        self._keys.put(segment, keys, _size(keys))

    def store(self, segment: Segment, index: Index, keys: Keys) -> None:
        """Keep it beside the segment. Raises OSError."""
        save(self._disk, sidecar(segment.path), (_pack(segment, index, keys),))

    def _make(self, segment: Segment) -> tuple[Index, Keys]:
        with self._making:  # one at a time: it reads up to a whole segment
            index, keys = self._indexes.get(segment), self._keys.get(segment)
            if index is None or keys is None:
                index, keys = scan(self._disk, segment)
                self.put(segment, index, keys)
                with suppress(OSError):  # on a full disk it is made again another time
                    self.store(segment, index, keys)
        return index, keys


class _Remembered(Generic[T]):
    """What was used last, up to a sum of costs."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._used = 0
        self._items: OrderedDict[Segment, tuple[T, int]] = OrderedDict()
        self._lock = Lock()  # never held around the disk

    def get(self, segment: Segment) -> T | None:
        with self._lock:
            item = self._items.get(segment)
            if item is None:
                return None
            self._items.move_to_end(segment)
            return item[0]

    def put(self, segment: Segment, value: T, cost: int) -> None:
        with self._lock:
            _, before = self._items.pop(segment, (None, 0))
            self._items[segment] = (value, cost)
            self._used += cost - before
            while self._used > self._capacity:
                self._used -= self._items.popitem(last=False)[1][1]


def sidecar(path: str) -> str:
    """Where the index of a segment lies."""
    return path.removesuffix(".jsonl") + ".idx"


def _size(part: Index | Keys) -> int:
    return 16 * (len(part.times) if isinstance(part, Index) else len(part.hashes)) + 512


def _pack(segment: Segment, index: Index, keys: Keys) -> bytes:
    filed = keys.hashes.tobytes() + keys.seqs.tobytes()
    placed = index.offsets.tobytes() + index.times.tobytes()
    latest = max(index.times)
    header = _HEADER.pack(
        _MAGIC, segment.first_seq, segment.count, segment.size, latest, len(keys.hashes), crc32(filed), crc32(placed)
    )
    return header + _SUM.pack(crc32(header)) + filed + placed


class _Stored:
    """A sidecar, opened. Raises ValueError when it does not fit its segment."""

    def __init__(self, disk: Disk, segment: Segment) -> None:
        self._disk = disk
        self.fd = reopen(disk, sidecar(segment.path))
        try:
            begins = read(disk, self.fd, 0, _KEYS_AT)
            if len(begins) < _KEYS_AT or _SUM.unpack(begins[_HEADER.size :])[0] != crc32(begins[: _HEADER.size]):
                raise ValueError("This is no index.")
            magic, first_seq, self.count, size, self.latest, self.keys, self.keys_sum, self.index_sum = _HEADER.unpack(
                begins[: _HEADER.size]
            )
            if (magic, first_seq, self.count, size) != (_MAGIC, segment.first_seq, segment.count, segment.size):
                raise ValueError("This index does not fit its segment.")
        except (OSError, ValueError):
            disk.close(self.fd)
            raise

    def __enter__(self) -> "_Stored":
        return self

    def __exit__(self, *_: object) -> None:
        self._disk.close(self.fd)

    def checked(self, start: int, end: int, expected: int) -> bytes:
        data = read(self._disk, self.fd, start, end)
        if len(data) != end - start or crc32(data) != expected:
            raise ValueError("This index is broken.")
        return data


def _load_latest(disk: Disk, segment: Segment) -> int:
    with _Stored(disk, segment) as stored:
        latest: int = stored.latest
        return latest


def _load_keys(disk: Disk, segment: Segment) -> Keys:
    with _Stored(disk, segment) as stored:
        data = stored.checked(_KEYS_AT, _KEYS_AT + 16 * stored.keys, stored.keys_sum)
    return Keys(array("Q", data[: len(data) // 2]), array("Q", data[len(data) // 2 :]))


def _load_index(disk: Disk, segment: Segment) -> Index:
    with _Stored(disk, segment) as stored:
        start, middle = _KEYS_AT + 16 * stored.keys, 8 * (stored.count + 1)
        data = stored.checked(start, start + middle + 8 * stored.count, stored.index_sum)
    return Index(segment.first_seq, array("Q", data[:middle]), array("q", data[middle:]))
