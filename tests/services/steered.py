"""Stores in memory that a test slows down, lets fail at a certain step, or cuts off as a crash would."""

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred

from pocketagent.domain.message import Draft, Entry
from pocketagent.domain.project import Project
from pocketagent.outbound.memory import MemoryProjects
from pocketagent.outbound.memory_journal import MemoryJournal, MemoryJournals
from pocketagent.ports import StorageUnavailable
from pocketagent.wire import records


class Gate:
    """While `slow`, whoever passes waits until `open` lets them through, in order. At `fails_at` (1, 2 …) it raises."""

    def __init__(self) -> None:
        self.slow = False
        self.fails_at = 0
        self.passed = 0
        self._waiting: list[Deferred[None]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    async def through(self) -> None:
        if self.slow:
            self._waiting.append(Deferred())
            await self._waiting[-1]
        self.passed += 1
        if self.passed == self.fails_at:
            raise StorageUnavailable("It is set to fail here.")

    def open(self, count: int = 1) -> None:
        """Let as many through."""
        for _ in range(count):
            self._waiting.pop(0).callback(None)

    def open_all(self) -> None:
        self.slow = False
        while self._waiting:
            self.open()


class SteeredJournals(MemoryJournals):
    """Every append passes `writing`, every `since` passes `reading`, and so with `finding` and `closing`."""

    def __init__(self, now: Callable[[], float], new_id: Callable[[], str]) -> None:
        super().__init__(now, new_id)
        self.writing = Gate()
        self.reading = Gate()
        self.finding = Gate()
        self.closing = Gate()

    async def open(self, project_id: str) -> MemoryJournal:
        if project_id not in self._journals:
            self.check()
            self._journals[project_id] = _SteeredJournal(self, self._now, self._new_id())
        return await super().open(project_id)

    def entries(self, project_id: str) -> Sequence[Entry]:
        """What is kept of a project."""
        return tuple(self._journals[project_id]._entries)

    def crash(self) -> None:
        """The server is gone: nothing is open any more, and whoever waited hears nothing."""
        for journal in self._journals.values():
            journal._is_open = False
        self.writing, self.reading, self.finding, self.closing = Gate(), Gate(), Gate(), Gate()

    def fill(self, project_id: str, entries: Sequence[Entry]) -> None:
        """A journal that holds just these."""
        journal = self._journals[project_id] = _SteeredJournal(self, self._now, self._new_id())
        journal._entries = list(entries)
        journal.first_seq = entries[0].seq if entries else 1
        journal.head_seq = entries[-1].seq if entries else 0
        for entry in entries:
            for key in records.keys(entry.type, entry.message):
                journal._found[key] = entry


class _SteeredJournal(MemoryJournal):
    def __init__(self, journals: SteeredJournals, now: Callable[[], float], journal_id: str) -> None:
        super().__init__(journals, now, journal_id)
        self._steered = journals

    async def append(self, drafts: Sequence[Draft], durable: bool = False) -> Sequence[Entry]:
        await self._steered.writing.through()
        return await super().append(drafts, durable)

    async def since(self, seq: int, limit: int, size: int) -> Sequence[Entry]:
        await self._steered.reading.through()
        return await super().since(seq, limit, size)

    async def find(self, key: str) -> Entry | None:
        found = await super().find(key)
        await self._steered.finding.through()
        return found

    async def close(self) -> None:
        await self._steered.closing.through()
        await super().close()


class SteeredProjects(MemoryProjects):
    """Every save passes `saving`, every removal `removing`."""

    def __init__(self) -> None:
        super().__init__()
        self.saving = Gate()
        self.removing = Gate()

    async def save(self, project: Project) -> None:
        await self.saving.through()
        await super().save(project)

    async def remove(self, project_id: str) -> None:
        await self.removing.through()
        await super().remove(project_id)
