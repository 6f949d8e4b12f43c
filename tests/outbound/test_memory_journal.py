"""The journals in memory."""

from itertools import count

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pocketagent.outbound.memory_journal import MemoryJournals
from pocketagent.ports import StorageUnavailable
from tests.contracts import PLENTY, JournalContract, numbers, prompt, said


class MemoryJournalTests(JournalContract, TestCase):
    """The contract, and what tests of others steer."""

    def make_journals(self, clock: Clock) -> MemoryJournals:
        ids = count()
        self.memory = MemoryJournals(clock.seconds, lambda: f"journal-{next(ids)}")
        return self.memory

    async def test_fails(self) -> None:
        """While it is set to fail nothing is kept, and afterwards it goes on with the next number."""
        journal = await self.filled(2)
        self.memory.fails = True
        with self.assertRaises(StorageUnavailable):
            await journal.append([said(3)])
        self.memory.fails = False
        self.assertEqual(numbers(await journal.append([said(3)])), [3])

    async def test_closed(self) -> None:
        """A closed journal takes nothing."""
        journal = await self.filled(1)
        await journal.close()
        with self.assertRaises(StorageUnavailable):
            await journal.append([said(2)])

    async def test_forget(self) -> None:
        """It forgets what it is told to, never the newest, and what has a key is still found."""
        journal = await (await self.opened_memory()).open("other")
        await journal.append([prompt("e1", "p1"), said(2), said(3), said(4)])
        journal.retained = 2
        await journal.forget()
        self.assertEqual((journal.first_seq, numbers(await journal.since(0, 9, PLENTY))), (3, [3, 4]))
        self.assertEqual(numbers(await journal.before(4, 9, PLENTY)), [3])
        self.assertIsNotNone(await journal.find("prompt:p1"))
        journal.retained = 0
        await journal.forget()
        self.assertEqual((journal.first_seq, journal.head_seq), (4, 4))

    async def opened_memory(self) -> MemoryJournals:
        await self.opened()
        return self.memory
