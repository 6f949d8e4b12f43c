"""Journals to be tried: on a disk that fails and on a real one, with their coroutines run to the end."""

import os
from collections.abc import Coroutine
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.message import Draft
from pocketagent.outbound.journal.journal import FileJournal, Rules
from pocketagent.outbound.journal.journals import FileJournals
from pocketagent.ports import IThreads
from tests.contracts import PLENTY, numbers, said
from tests.fakes import NoThreads
from tests.outbound.faulty_disk import FaultyDisk

T = TypeVar("T")
START = 1767268800.0


def now(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine that waits for nothing gives or raises."""
    results: list[T | Failure] = []
    Deferred.fromCoroutine(work).addBoth(results.append)
    result = results[0]
    if isinstance(result, Failure):
        result.raiseException()
    return result


class House:
    """A server's journals on a faulty disk."""

    def __init__(self, rules: Rules) -> None:
        self.disk = FaultyDisk()
        self.clock = Clock()
        self.clock.rightNow = START
        self._rules = rules
        self._ids = count()

    def opened(self, boot_id: str = "boot-0") -> FileJournal:
        """The project's journal, as a server that has just started has it."""
        journals = FileJournals(
            "/data",
            threads=NoThreads(),
            reactor=self.clock,
            now=self.clock.seconds,
            new_id=lambda: f"journal-{next(self._ids)}",
            boot_id=boot_id,
            rules=self._rules,
            disk=self.disk,
        )
        return now(journals.open("project"))

    def forget_timers(self) -> None:
        """What the dead server had wanted to do."""
        for call in self.clock.getDelayedCalls():
            call.cancel()


def make_journals(
    root: str, clock: Clock, rules: Rules | None = None, threads: IThreads | None = None, boot_id: str = "boot"
) -> FileJournals:
    ids = count()
    return FileJournals(
        root,
        threads=threads or NoThreads(),
        reactor=clock,
        now=clock.seconds,
        new_id=lambda: f"{os.path.basename(root)}-{clock.seconds()}-{next(ids)}",  # noqa: PTH119
        boot_id=boot_id,
        rules=rules,
    )


class FileCase(SynchronousTestCase):
    """A journal on real files, taken by its coroutines to the end."""

    def start(self, rules: Rules | None = None, threads: IThreads | None = None) -> None:
        self.root = Path(self.mktemp()).absolute()
        self.logs = self.root / "project" / "logs"
        self.clock = Clock()
        self.clock.rightNow = START
        self.rules, self.threads = rules, threads
        self.restart()

    def restart(self, boot_id: str = "boot") -> None:
        """A new server, whatever became of the last one."""
        journals = make_journals(str(self.root), self.clock, self.rules, self.threads, boot_id)
        self.journal = now(journals.open("project"))
        self.addCleanup(lambda journal: now(journal.close()), self.journal)

    def append(self, *drafts: Draft, durable: bool = False) -> list[int]:
        return numbers(now(self.journal.append(drafts, durable)))

    def say(self, number: int) -> None:
        """So many entries, in one batch each."""
        for _ in range(number):
            self.append(said(0))

    def names(self, pattern: str = "*.jsonl") -> list[str]:
        return sorted((path.name for path in self.logs.glob(pattern)), key=lambda name: name.split("_")[-1])

    def segment(self) -> Path:
        return self.logs / self.names()[-1]

    def types(self) -> list[str]:
        return [entry.type for entry in now(self.journal.since(0, 1000, PLENTY))]

    def seqs(self) -> list[int]:
        return numbers(now(self.journal.since(0, 1000, PLENTY)))
