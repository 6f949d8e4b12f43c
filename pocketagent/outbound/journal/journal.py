# -*- test-case-name: tests.outbound.journal.test_journal,tests.outbound.journal.test_faults -*-
"""One journal on the disk: appended to in one write a batch, read by number, time or key."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import accumulate
from typing import TypeVar

from attrs import evolve, field, frozen
from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from pocketagent.domain.measures import Measures
from pocketagent.domain.message import Draft, Entry, timestamp
from pocketagent.domain.searching import Sieve
from pocketagent.outbound.disk import Disk, create, sync_directory, sync_file
from pocketagent.outbound.journal.durability import MAX_RETIRING, Durability, Sync
from pocketagent.outbound.journal.marks import NAME, Marks
from pocketagent.outbound.journal.pages import Live, Pages
from pocketagent.outbound.journal.repair import Found, set_aside
from pocketagent.outbound.journal.retention import Kept, Retention, remove
from pocketagent.outbound.journal.segments import Keys, Segment, hash_of, is_unreadable, microseconds, segment_name
from pocketagent.outbound.journal.shelf import Shelf
from pocketagent.outbound.journal.tail import Tail
from pocketagent.ports import IJournal, IThreads, StorageUnavailable
from pocketagent.wire import records

_DAY = 86_400_000_000
_log = Logger()
_Read = Callable[[Sequence[Segment], Live | None, int, int, int], list[Entry]]

T = TypeVar("T")


@frozen(kw_only=True)
class Rules:
    """The settings of all journals: bytes and entries of a segment, and how long and how safely they are kept."""

    segment_size: int = 100_000_000
    segment_messages: int = 10_000
    sync: Sync = Sync.TURN
    retention: Retention = field(factory=Retention)


@frozen(kw_only=True)
class Shared:
    """What all journals of a server have in common."""

    disk: Disk
    shelf: Shelf
    threads: IThreads
    reactor: IReactorTime
    now: Callable[[], float]
    new_id: Callable[[], str]
    boot_id: str
    rules: Rules
    measures: Measures


@implementer(IJournal)
class FileJournal:
    """One project's journal. Nothing is awaited while a batch is appended that need not be durable."""

    def __init__(
        self,
        shared: Shared,
        directory: str,
        found: Found,
        kept: records.Marks | None,
        tail: Tail | None,
        closed: Callable[[], None],
    ) -> None:
        self.head_seq = found.head_seq
        self.first_seq = found.segments[0].first_seq if found.segments else 1
        self.size = sum(segment.size for segment in found.segments)
        self._shared = shared
        self._directory = directory
        self._logs = f"{directory}/logs"
        self._found = found
        self._marks = Marks(shared.disk, f"{directory}/{NAME}", shared.boot_id, shared.new_id, kept, found)
        self._closed = closed
        self._tail = tail
        self._sealed = list(found.segments[:-1])
        self._kept = Kept(shared.disk, f"{directory}/kept.jsonl")
        self._pages = Pages(shared.disk, shared.shelf, self._kept)
        self._durability = Durability(
            shared.disk,
            shared.shelf,
            shared.threads,
            shared.reactor,
            shared.rules.sync,
            self._logs,
            self._marks.renew,
            shared.measures.syncs,
        )
        if tail is not None:
            self._durability.follow(tail, is_new=False)
        self._has_begun = False
        self._is_closed = False
        self._forgetting = DeferredLock()

    @property
    def journal_id(self) -> str:
        return self._marks.journal_id

    # -- writing -----------------------------------------------------------------------------------------------

    async def append(self, drafts: Sequence[Draft], durable: bool = False) -> Sequence[Entry]:
        if not self._has_begun or self._is_closed or self._durability.is_troubled:
            await self._get_ready()
        if not drafts:
            return []
        began = self._shared.reactor.seconds()
        time = round(self._shared.now() * 1e6)
        stamp = timestamp(time / 1e6)
        if b"\n" in b"".join([draft.message for draft in drafts]):  # found faster so than counted, or one by one
            raise ValueError("A message is one line.")
        entries = records.numbered(drafts, self.head_seq + 1, stamp)
        lines = records.lines(entries)
        data = b"".join(lines)
        try:
            tail = self._tail_for(len(lines), len(data), time)
            tail.write(data)
        except OSError as problem:
            raise _unavailable(problem) from problem
        sync = self._shared.rules.sync
        if sync is Sync.ALWAYS or (durable and sync is Sync.TURN):
            try:
                await self._durability.make()
            except StorageUnavailable:
                with suppress(OSError):  # else before the next write
                    tail.cut()
                raise
        else:
            self._durability.soon()
        ends = list(accumulate(map(len, lines), initial=tail.size))
        tail.keep(ends[1:], time)
        if not records.KEYED.isdisjoint(entry.type for entry in entries):
            for entry in entries:
                tail.keys.update((hash_of(key), entry.seq) for key in records.keys(entry.type, entry.message))
        self.head_seq += len(entries)
        self.size += len(data)
        self._shared.measures.appends.add(self._shared.reactor.seconds() - began)
        return entries

    def _tail_for(self, count: int, size: int, time: int) -> Tail:
        """The segment for a batch: a new one where this one has no room for it, or is of another day."""
        tail, rules = self._tail, self._shared.rules
        if tail is not None and (
            not tail.count
            or (
                tail.count + count <= rules.segment_messages
                and tail.size + size <= rules.segment_size
                and time // _DAY == tail.day
            )
        ):
            return tail
        if tail is not None:
            tail.cut()  # as before any other write: it is not looked after any more
        seq = self.head_seq + 1
        path = f"{self._logs}/{segment_name(time / 1e6, seq)}"
        self._tail = Tail.new(self._shared.disk, create(self._shared.disk, path), path, seq, time)
        self._durability.follow(self._tail, is_new=True)
        if tail is not None:
            segment = tail.segment()
            self._sealed.append(segment)
            if tail.inherited is None:
                self._shared.shelf.put(segment, tail.index, Keys.of(tail.keys))
            self._durability.retire(tail)
        return self._tail

    async def _get_ready(self) -> None:
        if self._is_closed:
            raise StorageUnavailable("This journal is closed.")
        if not self._has_begun:
            await self._begin()
        if self._durability.is_troubled:
            await self._durability.make()

    async def settle(self) -> None:
        """After opening: put in order at once what the last stop left. Where nothing can be written, this waits for
        the first append, and reading works all the same."""
        if not self._marks.are_settled:
            try:
                await self._begin()
            except StorageUnavailable as problem:
                _log.error("The journal in {directory}: {problem}", directory=self._directory, problem=problem)

    async def _begin(self) -> None:
        """Repair what a crash has torn, and mark the journal as open. Raises StorageUnavailable."""
        disk, found = self._shared.disk, self._found

        def work() -> None:
            for path in found.strays:
                with suppress(FileNotFoundError):
                    disk.unlink(path)
            if found.torn:
                set_aside(disk, self._logs, found.torn)
            if self._shared.rules.sync is not Sync.NEVER and not self._marks.are_clean:
                for segment in found.segments[-1 - MAX_RETIRING :]:  # written, perhaps, but not made durable
                    sync_file(disk, segment.path)
                sync_directory(disk, self._logs)
            self._marks.opened()

        await self._run(work)
        self._found = evolve(found, torn=(), strays=())
        self._has_begun = True

    async def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        await self._forgetting.acquire()
        try:
            tail = self._tail
            if self._has_begun and tail is not None:
                await self._run(tail.cut)
            await self._durability.close()
            if self._has_begun:
                await self._run(self._finish)
        finally:
            self._closed()
            self._forgetting.release()

    def _finish(self) -> None:
        tail = self._tail
        if tail is not None and not tail.count:
            self._shared.disk.unlink(tail.path)
            sync_directory(self._shared.disk, self._logs)
        elif tail is not None and tail.inherited is None:
            with suppress(OSError):  # it is made again when it is needed
                self._shared.shelf.store(tail.segment(), tail.index, Keys.of(tail.keys))
        self._marks.closed(self.head_seq)

    # -- reading -----------------------------------------------------------------------------------------------

    async def since(self, seq: int, limit: int, size: int) -> Sequence[Entry]:
        while True:
            low = max(seq + 1, self.first_seq)
            high = min(self.head_seq + 1, low + limit)
            if low >= high:
                return []
            if entries := await self._page(self._pages.rising, low, high, size):
                return entries

    async def before(self, seq: int, limit: int, size: int) -> Sequence[Entry]:
        high = min(seq, self.head_seq + 1)
        low = max(self.first_seq, high - limit)
        return await self._page(self._pages.falling, low, high, size) if low < high else []

    async def sifted(self, sieve: Sieve, before: int, size: int) -> tuple[Sequence[Entry], int]:
        low, high = self.first_seq, min(before, self.head_seq + 1)
        if low >= high:
            return [], low
        segments, live = await self._sources(low, high)
        pages = self._pages
        entries, looked = await self._shared.threads.run(lambda: pages.sifted(sieve, segments, live, low, high, size))
        return [entry for entry in entries if entry.seq >= self.first_seq], looked

    async def _page(self, read: _Read, low: int, high: int, size: int) -> list[Entry]:
        """Entries from low to below high, but for those that were forgotten meanwhile."""
        segments, live = await self._sources(low, high)
        entries = await self._shared.threads.run(lambda: read(segments, live, low, high, size))
        entries = [entry for entry in entries if entry.seq >= self.first_seq]
        for entry in entries:
            if entry.type == "error" and is_unreadable(entry):
                _log.error("record {seq} in {logs} cannot be read", seq=entry.seq, logs=self._logs)
        return entries

    async def _sources(self, low: int, high: int) -> tuple[list[Segment], Live | None]:
        """Where the entries from low to below high stand now."""
        tail = self._tail
        first = max(0, bisect_right(self._sealed, low, key=_first_seq) - 1)
        last = bisect_left(self._sealed, high, key=_first_seq)
        segments = [segment for segment in self._sealed[first:last] if segment.next_seq > low]
        live = None
        if tail is not None and tail.first_seq < high:
            start = max(low, tail.first_seq)
            if start < tail.index.first_seq:
                await self._complete(tail)
            live = Live(tail.path, tail.index.cut(start, high))
        return segments, live

    async def _complete(self, tail: Tail) -> None:
        """Learn where the entries stand that the tail had when it was opened."""
        inherited = tail.inherited
        if inherited is not None:
            shelf = self._shared.shelf
            tail.adopt(*await self._run(lambda: (shelf.index(inherited), shelf.keys(inherited))))

    async def at(self, moment: str, after: int = 0) -> int:
        time = microseconds(moment)
        while True:
            seq = await self._first_at(time, after)
            if seq >= self.first_seq:  # else it was forgotten meanwhile
                return seq

    async def _first_at(self, time: int, after: int) -> int:
        sealed, tail, beyond = tuple(self._sealed), self._tail, self.head_seq + 1
        if sealed:
            seq = await self._shared.threads.run(lambda: self._pages.first_at(sealed, time, after))
            if seq is not None:
                return seq
        if tail is None:
            return beyond
        await self._complete(tail)
        return tail.index.first_at(time, after)

    async def find(self, key: str) -> Entry | None:
        sealed, tail, live = tuple(self._sealed), self._tail, None
        if tail is not None:
            await self._complete(tail)
            seq = tail.keys.get(hash_of(key))
            if seq is not None:
                live = Live(tail.path, tail.index.cut(seq, seq + 1))
        return await self._run(lambda: self._pages.find(key, sealed, live))

    # -- forgetting --------------------------------------------------------------------------------------------

    async def forget(self) -> None:
        retention, shared = self._shared.rules.retention, self._shared
        if not (retention.days or retention.size) or self._is_closed:
            return
        await self._forgetting.acquire()
        try:
            await self._durability.make()  # so that none of them still has to be sealed
            sealed = tuple(self._sealed)
            newest = (self._tail.segment(),) if self._tail is not None and self._tail.count else ()
            now = shared.now()
            doomed = sealed[: retention.doomed((*sealed, *newest), now)]
            await self._run(lambda: self._kept.renew(doomed, shared.shelf, now))
            if doomed:
                del self._sealed[: len(doomed)]
                self.first_seq = doomed[-1].next_seq
                self.size -= sum(segment.size for segment in doomed)
                await self._run(lambda: remove(shared.disk, self._logs, doomed))
        finally:
            self._forgetting.release()

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await self._shared.threads.run(work)
        except OSError as problem:
            raise _unavailable(problem) from problem


def _first_seq(segment: Segment) -> int:
    return segment.first_seq


def _unavailable(problem: OSError) -> StorageUnavailable:
    return StorageUnavailable(f"The journal cannot be written: {problem.strerror}.")
