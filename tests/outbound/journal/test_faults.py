"""The journal on a disk that fails: nothing acknowledged is lost, nothing is half-written, no number is missing."""

from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.message import Entry, timestamp
from pocketagent.outbound.journal.durability import Sync
from pocketagent.outbound.journal.journal import Rules
from pocketagent.ports import StorageUnavailable
from tests.contracts import PLENTY, numbers, said
from tests.outbound.faulty_disk import Crash
from tests.outbound.journal.house import START, House, now


def nothing_more(low: int, high: int) -> int:
    """After a power loss only what was synced remains."""
    return low


class FaultTests(SynchronousTestCase):
    """One fault at a time."""

    def start(self, rules: Rules | None = None) -> None:
        self.house = House(rules or Rules())
        self.disk, self.clock = self.house.disk, self.house.clock
        self.journal = self.house.opened()

    def append(self, *numbers: int, durable: bool = False) -> Sequence[Entry]:
        return now(self.journal.append([said(number) for number in numbers], durable))

    def refused(self, *numbers: int, durable: bool = False) -> str:
        with self.assertRaises(StorageUnavailable) as raised:
            self.append(*numbers, durable=durable)
        return str(raised.exception)

    def restart(self, boot_id: str = "boot-0") -> None:
        self.house.forget_timers()
        self.journal = self.house.opened(boot_id)

    def lose_power(self) -> None:
        self.disk.lose_power(nothing_more)
        self.restart("boot-1")

    def kept(self) -> list[bytes]:
        return [entry.message for entry in now(self.journal.since(0, 1000, PLENTY))]

    def check(self, *numbers: int) -> None:
        """The journal holds just these, now and for the next server, and its file too."""
        expected = [said(number).message for number in numbers]
        self.assertEqual(self.kept(), expected)
        lines = b"".join(text for _, text in sorted(self.disk.files(".jsonl").items()))
        self.assertEqual(lines.count(b"\n"), len(expected))
        self.assertTrue(not lines or lines.endswith(b"\n"))

    def test_disk_full(self) -> None:
        """On a full disk appends are refused and nothing of them stays; then it works again by itself (ST-03)."""
        self.start()
        self.append(1)
        for room in (0, 1, 50, 150):
            self.disk.room = room
            self.assertIn("No space left", self.refused(2, 3))
            self.assertIn("No space left", self.refused(4, 5, durable=True))
            self.assertEqual(self.journal.head_seq, 1)
            self.check(1)
        self.disk.heal()
        self.assertEqual(numbers(self.append(6)), [2])
        self.check(1, 6)

    def test_read_only(self) -> None:
        """ST-06: on a disk that has become read-only nothing is acknowledged, and what is there can be read; then it
        works again by itself."""
        self.start()
        self.append(1)
        self.disk.is_read_only = True
        for durable in (False, True):
            self.assertIn("Read-only", self.refused(2, durable=durable))
            self.check(1)
        self.disk.heal()
        self.assertEqual(numbers(self.append(3, durable=True)), [2])
        self.lose_power()
        self.check(1, 3)

    def test_full_for_a_new_file(self) -> None:
        """A segment whose first record found no room is empty until there is some; closing leaves no empty file."""
        self.start()
        self.disk.room = 10
        self.refused(1)
        self.check()
        self.disk.heal()
        self.append(2)
        self.check(2)
        self.start()
        self.disk.room = 10
        self.refused(1)
        self.disk.heal()
        now(self.journal.close())
        self.assertEqual(self.disk.files(".jsonl"), {})

    def test_no_cutting_off(self) -> None:
        """What could not be cut off is cut off before the next record, however short that is; until then nothing is."""
        self.start()
        self.append(1)
        self.disk.room, self.disk.fails_to_truncate = 250, True
        self.refused(2, 3, 4)
        self.disk.room = None
        self.refused(5)
        self.disk.heal()
        self.append(6)
        self.check(1, 6)

    def test_no_cutting_off_before_a_new_file(self) -> None:
        """That holds where the next record begins a new segment, too: the one that is left ends with a whole record."""
        self.start(Rules(segment_messages=2))
        self.append(1)
        self.disk.room, self.disk.fails_to_truncate = 10, True
        self.refused(2)
        self.disk.room = None
        self.refused(3, 4)
        self.disk.heal()
        self.append(5, 6)
        self.check(1, 5, 6)
        self.assertEqual([text[-1:] for text in self.disk.files(".jsonl").values()], [b"\n", b"\n"])

    def test_short_writes(self) -> None:
        """A write that takes only a part is gone on with."""
        self.start()
        self.disk.piece = 7
        self.append(1, 2)
        self.check(1, 2)

    def test_failed_sync(self) -> None:
        """After a failed sync the kernel takes for written what it dropped: it is written again (ST-05)."""
        self.start()
        self.append(1)
        self.disk.fails_to_sync = True
        self.refused(2, durable=True)
        self.refused(3)
        self.check(1)
        self.disk.heal()
        self.append(4, durable=True)
        self.check(1, 4)
        self.lose_power()
        self.check(1, 4)

    def test_failed_sync_by_and_by(self) -> None:
        """When the sync fails that follows within a second, appending waits until one works; it is tried by itself."""
        self.start()
        self.append(1)
        self.disk.fails_to_sync = True
        self.clock.advance(1)
        self.refused(2)
        self.disk.heal()
        self.clock.advance(5)
        self.lose_power()
        self.check(1)

    def test_failed_sync_of_a_name(self) -> None:
        """A new file counts only once its name is durable as well."""
        self.start()
        self.disk.fails_to_sync = True
        self.refused(1, durable=True)
        self.disk.heal()
        self.append(2, durable=True)
        self.lose_power()
        self.check(2)

    def test_altered_by_a_failed_sync(self) -> None:
        """When the disk no longer has what was told, the journal says that it is another one; the rest is readable."""
        self.start()
        self.append(1, 2)
        self.disk.fails_to_sync = True
        self.clock.advance(1)
        self.disk.heal()
        (path,) = self.disk.files(".jsonl")
        self.disk.damage(path, 20, b"\0\0\0")
        before = self.journal.journal_id
        self.append(3)
        self.assertNotEqual(self.journal.journal_id, before)
        entries = now(self.journal.since(0, 9, PLENTY))
        self.assertEqual([entry.type for entry in entries], ["error", "agent_message", "agent_message"])
        after = self.journal.journal_id
        self.disk.kill()
        self.restart()
        self.assertEqual(self.journal.journal_id, after)

    def test_refused_stays_away(self) -> None:
        """What was refused does not come back with a power loss after the journal was closed."""
        self.start()
        self.append(1, durable=True)
        self.disk.fails_to_sync = self.disk.fails_to_truncate = True
        self.refused(2, 3, durable=True)
        self.disk.heal()
        now(self.journal.close())
        self.lose_power()
        self.check(1)

    def test_durable(self) -> None:
        """What was appended as durable survives a power loss, with all before it (ST-20); the journal is another."""
        self.start(Rules(segment_messages=2))
        before = self.journal.journal_id
        for number in range(1, 8):
            self.append(number)
        self.append(8, durable=True)
        self.append(9)
        self.lose_power()
        self.check(1, 2, 3, 4, 5, 6, 7, 8)
        self.assertNotEqual(self.journal.journal_id, before)

    def test_within_a_second(self) -> None:
        """What was appended otherwise survives a power loss one second later."""
        self.start()
        self.append(1)
        self.clock.advance(1)
        self.append(2)
        self.lose_power()
        self.check(1)

    def test_always(self) -> None:
        """Where it is set so, every append survives."""
        self.start(Rules(sync=Sync.ALWAYS))
        self.append(1)
        self.lose_power()
        self.check(1)

    def test_never(self) -> None:
        """Where it is set so, nothing waits for the device, and full segments are sealed all the same."""
        self.start(Rules(sync=Sync.NEVER, segment_messages=1))
        self.disk.fails_to_sync = True
        self.append(1, durable=True)
        self.append(2, durable=True)
        self.clock.advance(1)
        self.check(1, 2)

    def test_killed(self) -> None:
        """A server that is killed loses nothing, and the journal stays the same one."""
        self.start()
        before = self.journal.journal_id
        self.append(1, durable=True)
        self.append(2)
        self.disk.kill()
        self.restart()
        self.check(1, 2)
        self.assertEqual(self.journal.journal_id, before)

    def test_killed_then_without_power(self) -> None:
        """What a killed server had left to the kernel is durable once the next one has opened the journal."""
        self.start(Rules(segment_messages=2))
        self.append(1, 2)
        self.append(3)
        self.disk.kill()
        self.restart()
        self.lose_power()
        self.check(1, 2, 3)

    def test_closed_in_order(self) -> None:
        """After a clean stop the journal is the same one under another boot id, and nothing is written to open it."""
        self.start()
        before = self.journal.journal_id
        self.append(1)
        now(self.journal.close())
        self.disk.until_crash = 0
        self.restart("boot-1")
        self.assertEqual(self.journal.journal_id, before)
        self.check(1)

    def test_closed_then_without_power(self) -> None:
        """Once closing has returned, a power loss takes nothing, the clean mark included (ST-14)."""
        self.start()
        before = self.journal.journal_id
        self.append(1)
        now(self.journal.close())
        self.lose_power()
        self.check(1)
        self.assertEqual(self.journal.journal_id, before)

    def start_torn_and_full(self) -> None:
        """A server after one that died in the middle of its second record, on a disk without room."""
        self.start()
        self.append(1)
        self.disk.until_crash = 20
        with self.assertRaises(Crash):
            self.append(2)
        self.disk.kill()
        self.disk.room = 0
        self.restart()

    def test_full_at_start(self) -> None:
        """On a full disk a torn journal can be read; appending waits for room, and the repair comes first (ST-04)."""
        self.start_torn_and_full()
        self.assertEqual(self.kept(), [said(1).message])
        self.refused(3)
        self.disk.heal()
        self.append(4)
        self.check(1, 4)
        self.assertEqual([len(text) for text in self.disk.files(".torn-1").values()], [20])

    def test_closed_while_torn(self) -> None:
        """A torn end that found no room to be set aside is still there for the next server."""
        self.start_torn_and_full()
        now(self.journal.close())
        self.disk.heal()
        self.restart()
        self.check(1)
        self.assertEqual([len(text) for text in self.disk.files(".torn-1").values()], [20])

    def test_closed_while_failing(self) -> None:
        """A journal that could not be made durable when it was closed leaves nothing that is tried again."""
        self.start()
        self.append(1)
        self.disk.fails_to_sync = True
        self.clock.advance(1)
        with self.assertRaises(StorageUnavailable):
            now(self.journal.close())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_opening_reads_little(self) -> None:
        """However much a journal holds, opening it after a crash reads the end of one file."""
        self.start(Rules(segment_messages=300))
        for _ in range(40):
            self.append(*range(100))
        self.disk.kill()
        self.disk.bytes_read = 0
        self.restart()
        self.assertEqual(self.journal.head_seq, 4000)
        self.assertLess(self.disk.bytes_read, 70_000)

    def test_reading_reads_little(self) -> None:
        """The last 100 of many, the first of a time and one by its key are found without reading through them."""
        self.start(Rules(segment_messages=500))
        for _ in range(60):
            self.append(*range(100))
            self.clock.advance(2)
        now(self.journal.close())
        self.restart()
        self.disk.bytes_read = 0
        self.assertEqual(len(now(self.journal.before(6001, 100, PLENTY))), 100)
        self.assertEqual(now(self.journal.at(timestamp(START + 20))), 1001)
        self.assertIsNone(now(self.journal.find("prompt:none")))
        self.assertLess(self.disk.bytes_read, self.journal.size // 10)
