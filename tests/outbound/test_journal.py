"""The journals on the disk."""

from itertools import count

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pocketagent.outbound.journal import FileJournals
from tests.contracts import JournalContract
from tests.fakes import NoThreads


class FileJournalTests(JournalContract, TestCase):
    """The contract, on real files."""

    def make_journals(self, clock: Clock) -> FileJournals:
        ids = count()
        return FileJournals(
            self.mktemp(),
            threads=NoThreads(),
            reactor=clock,
            now=clock.seconds,
            new_id=lambda: f"journal-{next(ids)}",
            boot_id="boot",
        )
