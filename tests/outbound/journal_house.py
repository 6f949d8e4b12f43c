"""A server's journals on a disk that fails, and running their coroutines to the end."""

from collections.abc import Coroutine
from itertools import count
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from pocketagent.outbound.journal import FileJournal, FileJournals, Rules
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
