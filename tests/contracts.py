"""What every adapter of a port must do. A test case of an adapter inherits the contract and says how to make one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from pocketagent.domain.message import Direction, Draft, Entry, timestamp
from pocketagent.ports import IJournal, IJournals
from pocketagent.wire import records

if TYPE_CHECKING:
    from twisted.trial.unittest import TestCase as Mixin
else:
    Mixin = object

PLENTY = 1 << 30


class JournalContract(Mixin):
    """For `IJournals` and `IJournal`."""

    def make_journals(self, clock: Clock) -> IJournals:
        """New journals with nothing in them, that take the time from the clock."""
        raise NotImplementedError

    async def opened(self) -> IJournal:
        self.clock = Clock()
        self.clock.rightNow = 1767268800.0
        self.journals = self.make_journals(self.clock)
        self.journal = await self.journals.open("project")
        self.addCleanup(self.closed)
        return self.journal

    async def reopened(self) -> IJournal:
        await self.journal.close()
        self.journal = await self.journals.open("project")
        return self.journal

    async def closed(self) -> None:
        await self.journal.close()

    async def test_provides(self) -> None:
        """Both objects provide what they claim."""
        journal = await self.opened()
        verifyObject(IJournals, self.journals)
        verifyObject(IJournal, journal)

    async def test_begins_empty(self) -> None:
        """A new journal has nothing, and the number of the oldest entry is one after the newest."""
        journal = await self.opened()
        self.assertEqual((journal.head_seq, journal.first_seq, journal.size), (0, 1, 0))
        self.assertEqual(await journal.since(0, 10, PLENTY), [])
        self.assertEqual(await journal.before(1, 10, PLENTY), [])
        self.assertEqual(await journal.at(timestamp(0)), 1)
        self.assertIsNone(await journal.find(records.STATE))

    async def test_append_numbers(self) -> None:
        """Entries are numbered 1, 2, 3 … over all batches, and each batch has one timestamp."""
        journal = await self.opened()
        first = await journal.append([said(1), said(2)])
        self.clock.advance(1.5)
        second = await journal.append([said(3)], durable=True)
        self.assertEqual([entry.seq for entry in (*first, *second)], [1, 2, 3])
        self.assertEqual({entry.timestamp for entry in first}, {"2026-01-01T12:00:00.000000Z"})
        self.assertEqual(second[0].timestamp, "2026-01-01T12:00:01.500000Z")
        self.assertEqual((journal.head_seq, journal.first_seq), (3, 1))
        self.assertEqual(journal.size, sum(len(records.record(entry)) for entry in (*first, *second)))

    async def test_append_nothing(self) -> None:
        """An empty batch changes nothing."""
        journal = await self.opened()
        self.assertEqual(list(await journal.append([])), [])
        self.assertEqual(list(await journal.append([], durable=True)), [])
        self.assertEqual((journal.head_seq, journal.size), (0, 0))

    async def test_read_back(self) -> None:
        """What is read is what `append` returned, byte by byte."""
        journal = await self.opened()
        told = [*await journal.append([said(1), Draft(Direction.SERVER, "session_reset", ODD)])]
        told += await journal.append([said(3)], durable=True)
        self.assertEqual(list(await journal.since(0, 10, PLENTY)), told)
        self.assertEqual(list(await journal.before(4, 10, PLENTY)), told[::-1])

    async def test_since(self) -> None:
        """`since` gives what comes after a number, in rising order, up to the limit."""
        journal = await self.filled(9)
        self.assertEqual(numbers(await journal.since(4, 3, PLENTY)), [5, 6, 7])
        self.assertEqual(numbers(await journal.since(7, 3, PLENTY)), [8, 9])
        self.assertEqual(numbers(await journal.since(9, 3, PLENTY)), [])
        self.assertEqual(numbers(await journal.since(99, 3, PLENTY)), [])

    async def test_before(self) -> None:
        """`before` gives what comes below a number, newest first, up to the limit."""
        journal = await self.filled(9)
        self.assertEqual(numbers(await journal.before(5, 3, PLENTY)), [4, 3, 2])
        self.assertEqual(numbers(await journal.before(3, 3, PLENTY)), [2, 1])
        self.assertEqual(numbers(await journal.before(1, 3, PLENTY)), [])
        self.assertEqual(numbers(await journal.before(99, 3, PLENTY)), [9, 8, 7])

    async def test_size_bounds_a_page(self) -> None:
        """A page ends before it is larger than its size, and has one entry even when that is larger."""
        journal = await self.filled(9)
        each = journal.size // 9
        self.assertEqual(numbers(await journal.since(0, 9, 3 * each)), [1, 2, 3])
        self.assertEqual(numbers(await journal.before(10, 9, 3 * each)), [9, 8, 7])
        self.assertEqual(numbers(await journal.since(0, 9, 1)), [1])
        self.assertEqual(numbers(await journal.before(10, 9, 1)), [9])

    async def test_at(self) -> None:
        """`at` finds the first entry at or after a moment."""
        journal = await self.filled(9)
        start = 1767268800.0
        self.assertEqual(await journal.at(timestamp(start - 1)), 1)
        self.assertEqual(await journal.at(timestamp(start + 4)), 5)
        self.assertEqual(await journal.at(timestamp(start + 4.000001)), 6)
        self.assertEqual(await journal.at(timestamp(start + 99)), 10)

    async def test_at_with_a_clock_set_back(self) -> None:
        """With a clock that was set back, `at` still means the first entry by number whose time is late enough."""
        journal = await self.opened()
        start = self.clock.rightNow
        for second in (0, 3600, 1, 2, 7200):
            self.clock.rightNow = start + second
            await journal.append([said(second)])
        self.assertEqual(await journal.at(timestamp(start + 2)), 2)
        self.assertEqual(await journal.at(timestamp(start + 3601)), 5)

    async def test_find(self) -> None:
        """The newest entry is found under each of its keys, and none under others."""
        journal = await self.opened()
        await journal.append([prompt("e1", "p1"), state("EXECUTING"), said(3), prompt("e2", "p2"), state("IDLE")])
        await journal.append([Draft(Direction.SERVER, "prompt_dropped", b'{"execution_id":"e2","reason":"killed"}')])
        await journal.append([Draft(Direction.SERVER, "error", b'{"code":"EXECUTION_FAILED","execution_id":"e1"}')])
        found = {key: await journal.find(key) for key in KEYS}
        self.assertEqual(
            {key: entry and entry.seq for key, entry in found.items()},
            dict(zip(KEYS, (1, 1, 4, 4, 5, 6, 7, None, None), strict=True)),
        )
        newest = found[records.STATE]
        self.assertEqual(newest and newest.message, b'{"state":"IDLE"}')

    async def test_lives_on(self) -> None:
        """A journal that is opened again has everything, and goes on where it was."""
        journal = await self.filled(3)
        await journal.append([prompt("e1", "p1")])
        before = (journal.journal_id, journal.head_seq, journal.first_seq, journal.size)
        everything = list(await journal.since(0, 10, PLENTY))
        journal = await self.reopened()
        self.assertEqual((journal.journal_id, journal.head_seq, journal.first_seq, journal.size), before)
        self.assertEqual(list(await journal.since(0, 10, PLENTY)), everything)
        found = await journal.find("prompt:p1")
        self.assertEqual(found and found.seq, 4)
        self.assertEqual(numbers(await journal.append([said(5)])), [5])
        self.assertEqual(numbers(await journal.before(6, 10, PLENTY)), [5, 4, 3, 2, 1])
        self.assertEqual(await journal.at(timestamp(1767268802.0)), 3)

    async def test_one_at_a_time(self) -> None:
        """A journal that is open is not opened a second time; projects do not share one."""
        journal = await self.filled(2)
        with self.assertRaises(ValueError):
            await self.journals.open("project")
        other = await self.journals.open("other")
        self.assertEqual(other.head_seq, 0)
        self.assertNotEqual(other.journal_id, journal.journal_id)
        await other.close()

    async def test_forget_without_retention(self) -> None:
        """Where retention is off, nothing is forgotten."""
        journal = await self.filled(5)
        self.clock.advance(400 * 86400)
        await journal.forget()
        self.assertEqual((journal.first_seq, len(await journal.since(0, 10, PLENTY))), (1, 5))

    async def filled(self, count: int) -> IJournal:
        """A journal with so many entries of one size, a second apart."""
        journal = await self.opened()
        for number in range(count):
            await journal.append([said(number)])
            self.clock.advance(1)
        return journal


ODD = r'{"prompt":"one\ntwo\u0000\u2028 four","cut":"\ud83d","x":"Grüße 😀"}'.encode()
KEYS = (
    "prompt:p1",
    "accepted:e1",
    "prompt:p2",
    "accepted:e2",
    records.STATE,
    "dropped:e2",
    "failed:e1",
    "failed:e2",
    "prompt:e1",
)


def said(number: int) -> Draft:
    return Draft(Direction.CLAUDE, "agent_message", b'{"type":"assistant","number":"%08d"}' % number)


def prompt(execution_id: str, prompt_id: str) -> Draft:
    text = f'{{"execution_id":"{execution_id}","prompt_id":"{prompt_id}","prompt":"go"}}'
    return Draft(Direction.CLIENT, "client_message", text.encode())


def state(name: str) -> Draft:
    return Draft(Direction.SERVER, "project_state", f'{{"state":"{name}"}}'.encode())


def numbers(entries: Sequence[Entry]) -> list[int]:
    return [entry.seq for entry in entries]
