# -*- test-case-name: tests.outbound.journal.test_journal -*-
"""Reading a journal: pages up and down, the first entry of a time, the newest one of a key.

It works on segments as they were at some moment, so that what is appended meanwhile does not matter; one that was
removed meanwhile reads as unreadable, and the journal drops that. Everything here may block: call it in a thread.
"""

from collections.abc import Sequence

from attrs import frozen

from pocketagent.domain.message import Entry
from pocketagent.domain.searching import Sieve
from pocketagent.outbound.disk import Disk
from pocketagent.outbound.journal.retention import Kept
from pocketagent.outbound.journal.segments import Index, Segment, hash_of, read_entries
from pocketagent.outbound.journal.shelf import Shelf
from pocketagent.wire import records


@frozen
class Live:
    """Some entries of the segment that is being written to, with their positions."""

    path: str
    index: Index


@frozen
class Pages:
    _disk: Disk
    _shelf: Shelf
    _kept: Kept

    def rising(self, segments: Sequence[Segment], live: Live | None, low: int, high: int, size: int) -> list[Entry]:
        """Entries from low to below high, as many as have so many bytes, and at least one."""
        entries: list[Entry] = []
        for source in (*segments, live):
            if source is None:
                continue
            index = self._index(source)
            start, end = max(low, index.first_seq), min(high, index.next_seq)
            stop = index.up(start, end, size, least=not entries)
            entries += read_entries(self._disk, source.path, index, start, stop)
            size -= index.bytes_of(start, stop)
            if stop < end:
                break
        return entries

    def falling(self, segments: Sequence[Segment], live: Live | None, low: int, high: int, size: int) -> list[Entry]:
        """The same entries, newest first."""
        entries: list[Entry] = []
        for source in (live, *reversed(segments)):
            if source is None:
                continue
            index = self._index(source)
            start, end = max(low, index.first_seq), min(high, index.next_seq)
            stop = index.down(start, end, size, least=not entries)
            entries += reversed(read_entries(self._disk, source.path, index, stop, end))
            size -= index.bytes_of(stop, end)
            if stop > start:
                break
        return entries

    def sifted(
        self, sieve: Sieve, segments: Sequence[Segment], live: Live | None, low: int, high: int, size: int
    ) -> tuple[list[Entry], int]:
        """Of the newest of these entries, in one segment, that have so many bytes, those that the sieve lets through;
        and down to which number they were looked at."""
        for source in (live, *reversed(segments)):
            if source is None:
                continue
            index = self._index(source)
            start, end = max(low, index.first_seq), min(high, index.next_seq)
            if start < end:
                stop = index.down(start, end, size, least=True)
                return read_entries(self._disk, source.path, index, stop, end, sieve)[::-1], stop
        return [], low

    def first_at(self, segments: Sequence[Segment], time: int, after: int) -> int | None:
        """The first entry behind a number that is late enough, if any."""
        for segment in segments:
            try:
                if segment.next_seq <= after + 1 or self._shelf.latest(segment) < time:
                    continue
                seq = self._shelf.index(segment).first_at(time, after)
            except OSError:
                continue  # nothing is known of it
            if seq < segment.next_seq:
                return seq
        return None

    def find(self, key: str, segments: Sequence[Segment], live: Live | None) -> Entry | None:
        """The newest entry that is filed under the key; `live` holds only one that seems to be. Raises OSError."""
        hashed = hash_of(key)
        if live is not None and (entry := self._filed(key, live.path, live.index, live.index.first_seq)) is not None:
            return entry
        for segment in reversed(segments):
            try:
                seq = self._shelf.keys(segment).find(hashed)
                if seq is None:
                    continue
                entry = self._filed(key, segment.path, self._shelf.index(segment), seq)
            except OSError:
                continue
            if entry is not None:
                return entry
        return self._kept.find(key)

    def _filed(self, key: str, path: str, index: Index, seq: int) -> Entry | None:
        """The entry, if it really has that key: two keys may have one hash."""
        entry = read_entries(self._disk, path, index, seq, seq + 1)[0]
        return entry if key in records.keys(entry.type, entry.message) else None

    def _index(self, source: Segment | Live) -> Index:
        if isinstance(source, Live):
            return source.index
        try:
            return self._shelf.index(source)
        except OSError:
            index = Index.beginning(source.first_seq, 0)
            index.fill(source.next_seq, 0)
            return index
