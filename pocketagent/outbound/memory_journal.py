# -*- test-case-name: tests.outbound.test_memory_journal -*-
"""The journals in memory: for tests."""

from collections.abc import Callable, Sequence

from zope.interface import implementer

from pocketagent.domain.message import Draft, Entry, timestamp
from pocketagent.domain.searching import Sieve
from pocketagent.ports import IJournal, IJournals, StorageUnavailable
from pocketagent.wire import records


@implementer(IJournals)
class MemoryJournals:
    """The journals of all projects, as long as the process lives. While `fails` nothing can be kept."""

    def __init__(self, now: Callable[[], float], new_id: Callable[[], str]) -> None:
        self.fails = False
        self._now = now
        self._new_id = new_id
        self._journals: dict[str, MemoryJournal] = {}

    async def open(self, project_id: str) -> "MemoryJournal":
        self.check()
        journal = self._journals.get(project_id)
        if journal is None:
            journal = self._journals[project_id] = MemoryJournal(self, self._now, self._new_id())
        journal.begin()
        return journal

    def check(self) -> None:
        if self.fails:
            raise StorageUnavailable("The memory is set to fail.")


@implementer(IJournal)
class MemoryJournal:
    """One project's journal. `forget` keeps the newest `retained` entries (None: all)."""

    def __init__(self, journals: MemoryJournals, now: Callable[[], float], journal_id: str) -> None:
        self.journal_id = journal_id
        self.head_seq = 0
        self.first_seq = 1
        self.size = 0
        self.retained: int | None = None
        self._journals = journals
        self._now = now
        self._entries: list[Entry] = []
        self._found: dict[str, Entry] = {}
        self._is_open = False

    def begin(self) -> None:
        if self._is_open:
            raise ValueError("This journal is open already.")
        self._is_open = True

    async def append(self, drafts: Sequence[Draft], durable: bool = False) -> Sequence[Entry]:
        if not self._is_open:
            raise StorageUnavailable("This journal is closed.")
        self._journals.check()
        stamp = timestamp(self._now())
        entries = [Entry(seq, stamp, *draft) for seq, draft in enumerate(drafts, self.head_seq + 1)]
        self._entries += entries
        self.head_seq += len(entries)
        for entry in entries:
            self.size += len(records.record(entry))
            for key in records.keys(entry.type, entry.message):
                self._found[key] = entry
        return entries

    async def since(self, seq: int, limit: int, size: int) -> Sequence[Entry]:
        return _within(self._entries[max(0, seq + 1 - self.first_seq) :], limit, size)

    async def before(self, seq: int, limit: int, size: int) -> Sequence[Entry]:
        return _within(self._entries[: max(0, seq - self.first_seq)][::-1], limit, size)

    async def sifted(self, sieve: Sieve, before: int, size: int) -> tuple[Sequence[Entry], int]:
        looked = await self.before(before, len(self._entries), size)
        found = [entry for entry in looked if sieve.lets_through(entry.message)]
        return found, looked[-1].seq if looked else self.first_seq

    async def at(self, moment: str, after: int = 0) -> int:
        late = (entry.seq for entry in self._entries if entry.seq > after and entry.timestamp >= moment)
        return next(late, self.head_seq + 1)

    async def find(self, key: str) -> Entry | None:
        return self._found.get(key)

    async def forget(self) -> None:
        if self.retained is not None:
            gone = self._entries[: -max(1, self.retained)]
            del self._entries[: len(gone)]
            self.first_seq += len(gone)
            self.size -= sum(len(records.record(entry)) for entry in gone)

    async def close(self) -> None:
        self._is_open = False


def _within(entries: Sequence[Entry], limit: int, size: int) -> Sequence[Entry]:
    """As many of the first as both bounds allow, and at least one."""
    taken: list[Entry] = []
    for entry in entries[:limit]:
        size -= len(records.record(entry))
        if taken and size < 0:
            break
        taken.append(entry)
    return taken
