"""The journals on the disk: their files, and reading while they change."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from pocketagent.domain.message import timestamp
from pocketagent.outbound.journal.durability import MAX_RETIRING
from pocketagent.outbound.journal.journal import FileJournal, Rules
from pocketagent.outbound.journal.journals import FileJournals
from pocketagent.outbound.journal.retention import Retention
from pocketagent.outbound.journal.segments import hash_of
from pocketagent.ports import IThreads, StorageUnavailable
from tests.contracts import ODD, PLENTY, JournalContract, numbers, prompt, said, state
from tests.outbound.disks import in_small_file_system
from tests.outbound.journal.house import START, FileCase, make_journals, now

T = TypeVar("T")


@implementer(IThreads)
class HeldThreads:
    """Work waits until `go`; while not `holds`, it is done at once."""

    def __init__(self) -> None:
        self.holds = False
        self._held: list[Deferred[None]] = []

    async def run(self, work: Callable[[], T]) -> T:
        if self.holds:
            held: Deferred[None] = Deferred()
            self._held.append(held)
            await held
        return work()

    def go(self) -> None:
        self.holds = False
        held, self._held = self._held, []
        for each in held:
            each.callback(None)


class FileJournalContractTests(JournalContract, TestCase):
    """The contract, on real files."""

    def make_journals(self, clock: Clock) -> FileJournals:
        return make_journals(self.mktemp(), clock)


class SmallSegmentsContractTests(JournalContract, TestCase):
    """The contract, with a file for every two entries."""

    def make_journals(self, clock: Clock) -> FileJournals:
        return make_journals(self.mktemp(), clock, Rules(segment_messages=2))


class AfterCrashContractTests(JournalContract, TestCase):
    """The contract, where every reopening is one after a crash, without any index."""

    def make_journals(self, clock: Clock) -> FileJournals:
        self.root = Path(self.mktemp()).absolute()
        return make_journals(str(self.root), clock)

    async def reopened(self) -> FileJournal:
        for index in self.root.rglob("*.idx"):
            index.unlink()
        journal = await make_journals(str(self.root), self.clock).open("project")
        self.addCleanup(journal.close)
        return journal


class SegmentTests(FileCase):
    """When a journal goes on in a new file."""

    def test_no_empty_file(self) -> None:
        """The first entry makes the first file, named for its time and number."""
        self.start()
        self.assertEqual(self.names(), [])
        self.say(1)
        self.assertEqual(self.names(), ["messages_2026-01-01_12-00-00_000000000001.jsonl"])

    def test_number(self) -> None:
        """A file holds no more entries than it may."""
        self.start(Rules(segment_messages=3))
        self.append(said(1), said(2))
        self.append(said(3), said(4))
        self.say(2)
        self.assertEqual([name[-10:-6] for name in self.names()], ["0001", "0003", "0006"])
        self.assertEqual(self.seqs(), [1, 2, 3, 4, 5, 6])

    def test_size(self) -> None:
        """A file is no larger than it may be, unless one batch alone is."""
        self.start(Rules(segment_size=400))
        self.say(4)
        self.append(*(said(0) for _ in range(5)))
        self.say(1)
        self.assertEqual([name[-10:-6] for name in self.names()], ["0001", "0003", "0005", "0010"])
        sizes = [(self.logs / name).stat().st_size for name in self.names()]
        self.assertEqual([size <= 400 for size in sizes], [True, True, False, True])
        self.assertEqual(sum(sizes), self.journal.size)

    def test_midnight(self) -> None:
        """The first append of another day, in UTC, begins a new file; time alone makes none."""
        self.start()
        self.clock.rightNow = START + 12 * 3600 - 1
        self.say(1)
        self.clock.advance(1)
        self.assertEqual(len(self.names()), 1)
        self.say(1)
        self.clock.advance(3600)
        self.say(1)
        self.assertEqual(self.names()[1:], ["messages_2026-01-02_00-00-00_000000000002.jsonl"])

    def test_goes_on(self) -> None:
        """A restart, clean or not, goes on in the same file."""
        self.start()
        self.say(1)
        self.restart()
        self.say(1)
        now(self.journal.close())
        self.restart()
        self.say(1)
        self.assertEqual(len(self.names()), 1)
        self.assertEqual(self.seqs(), [1, 2, 3])

    def test_clock(self) -> None:
        """Entries are in the order of their numbers, whatever the clock does, and after a restart too (ST-12)."""
        self.start()
        for jump in (0, -3600, 10 * 365 * 86400, -10 * 365 * 86400, 7200, -86400):
            self.clock.rightNow += jump
            self.say(2)
        self.assertEqual(self.seqs(), list(range(1, 13)))
        self.restart()
        self.assertEqual(self.seqs(), list(range(1, 13)))
        self.say(1)
        self.assertEqual(self.journal.head_seq, 13)

    def test_record(self) -> None:
        """The file holds the records of the protocol, with the message as it was."""
        self.start()
        self.append(state("IDLE")._replace(message=ODD))
        self.assertEqual(
            self.segment().read_bytes(),
            b'{"seq":1,"timestamp":"2026-01-01T12:00:00.000000Z","direction":"server","type":"project_state",'
            b'"message":' + ODD + b"}\n",
        )

    def test_one_line(self) -> None:
        """A message of two lines would break the file, and is refused."""
        self.start()
        with self.assertRaises(ValueError):
            self.append(said(1), said(2)._replace(message=b'{"a":\n1}'))
        self.assertEqual(self.journal.head_seq, 0)

    def test_modes(self) -> None:
        """Whatever the umask: files 0600, directories 0700 (ST-17)."""
        for umask in (0, 0o777):
            before = os.umask(umask)
            try:
                self.start(Rules(segment_messages=1))
                self.say(2)
                self.clock.advance(1)
                now(self.journal.close())
            finally:
                os.umask(before)
            found = {stat.S_IMODE(path.lstat().st_mode) for path in self.root.rglob("*") if path.is_file()}
            self.assertEqual(found, {0o600})
            self.assertEqual({stat.S_IMODE(path.stat().st_mode) for path in (self.root, self.logs)}, {0o700})

    def test_real_disk_full(self) -> None:
        """On a real file system without room nothing is lost or half-written, and it goes on by itself (ST-03)."""
        said = in_small_file_system("""
            import pathlib
            from twisted.internet.task import Clock
            from tests.contracts import PLENTY
            from tests.outbound.journal.house import make_journals, now
            from pocketagent.domain.message import Draft, Direction
            from pocketagent.ports import StorageUnavailable
            journal = now(make_journals("/mnt/projects", Clock()).open("project"))
            filler = pathlib.Path("/mnt/filler")
            filler.write_bytes(bytes(8192))
            big = Draft(Direction.CLAUDE, "agent_message", b'{"text":"' + b"x" * 5000 + b'"}')
            refused = 0
            while refused < 3:
                try:
                    now(journal.append([big, big], refused == 1))
                except StorageUnavailable:
                    refused += 1
            (path,) = pathlib.Path("/mnt/projects/project/logs").glob("*.jsonl")
            lines = path.read_bytes().splitlines(keepends=True)
            assert len(lines) == journal.head_seq > 4 and journal.head_seq % 2 == 0
            assert all(line.endswith(b"}}\\n") for line in lines)
            filler.unlink()
            small = Draft(Direction.CLAUDE, "agent_message", b'{"text":"small"}')
            now(journal.append([small], True))
            print(len(now(journal.since(0, 1000, PLENTY))) == journal.head_seq)
        """)
        if said is None:
            self.skipTest("This user may not mount a file system in a namespace of its own.")
        self.assertEqual(said, "True\n")

    def test_closed(self) -> None:
        """A closed journal takes nothing more, closes once, and can be opened again by the same server."""
        self.start()
        journals = make_journals(str(self.root / "other"), self.clock)
        journal = now(journals.open("project"))
        now(journal.close())
        now(journal.close())
        with self.assertRaises(StorageUnavailable):
            now(journal.append([said(1)]))
        now(now(journals.open("project")).close())


class PlantedTests(FileCase):
    """What others may have put where the journal writes (ST-11)."""

    def test_link_in_place_of_a_file(self) -> None:
        """A link, of either kind, in place of the next file is not written through."""
        for make in (os.symlink, os.link):
            self.start()
            target = self.root / "victim"
            target.write_text("mine")
            make(target, self.logs / "messages_2026-01-01_12-00-00_000000000001.jsonl")
            with self.assertRaises(StorageUnavailable):
                self.say(1)
            self.assertEqual(target.read_text(), "mine")

    def test_link_to_the_newest_file(self) -> None:
        """A journal whose newest file is a link, or has a second name, is not opened."""
        for make in (os.symlink, os.link):
            self.start()
            self.say(1)
            segment = self.segment()
            moved = segment.rename(self.root / "moved")
            make(moved, segment)
            with self.assertRaises(StorageUnavailable):
                self.restart()

    def test_link_in_place_of_a_directory(self) -> None:
        """A link in place of the directory is not followed."""
        self.start()
        elsewhere = self.root / "elsewhere"
        elsewhere.mkdir()
        self.logs.rmdir()
        self.logs.symlink_to(elsewhere)
        with self.assertRaises(StorageUnavailable):
            self.restart()

    def test_fifo(self) -> None:
        """A FIFO in place of the newest file, or of the marks, stops nobody."""
        self.start()
        os.mkfifo(self.logs / "messages_2026-01-01_12-00-00_000000000001.jsonl")
        with self.assertRaises(StorageUnavailable):
            self.restart()

    def test_names(self) -> None:
        """An id that is no name of a directory opens nothing."""
        self.start()
        journals = make_journals(str(self.root), self.clock)
        for project_id in ("", ".", "..", "../elsewhere", ".hidden"):
            with self.assertRaises(ValueError):
                now(journals.open(project_id))

    def test_other_files(self) -> None:
        """Files that are none of the journal's are left alone."""
        self.start()
        for name in ("notes.txt", "messages_2026-13-01_12-00-00_000000000009.jsonl", "messages_x_000000000009.jsonl"):
            (self.logs / name).write_text("mine")
        self.restart()
        self.assertEqual(self.journal.head_seq, 0)
        self.assertEqual(len(self.names("*")), 3)


class DamageTests(FileCase):
    """Lines that are broken (ST-08)."""

    def damage(self, number: int, change: Callable[[bytes], bytes]) -> None:
        """Change one line of the newest file, as long as no server has it."""
        lines = self.segment().read_bytes().splitlines(keepends=True)
        lines[number - 1] = change(lines[number - 1])
        self.segment().write_bytes(b"".join(lines))

    def test_bad_line(self) -> None:
        """A broken line inside reads as an error with its number and a word in the log; all others are as they were."""
        for change in (
            lambda line: line.replace(b"assistant", b'assist"nt'),
            lambda line: line.replace(b"assistant", b"assist\xff\xffnt"),
            lambda line: b"\0" * (len(line) - 1) + b"\n",
            lambda line: b"\n",
            lambda line: b"x" * 11_000_000 + b"\n",
            lambda line: line.replace(b'"seq":3', b'"seq":9'),
            lambda line: line.replace(b'"seq":3', b'"seq":2'),
            lambda line: line[:120] + b"\n" + line[120:],
            lambda line: line[:-1],
            lambda line: b"",
        ):
            self.start()
            self.say(6)
            self.damage(3, change)
            self.restart()
            entries = list(now(self.journal.since(0, 10, PLENTY)))
            self.assertEqual(numbers(entries), [1, 2, 3, 4, 5, 6])
            broken = [entry.seq for entry in entries if entry.type == "error"]
            self.assertIn(broken, ([3], [3, 4]))
            error = entries[2]
            self.assertEqual(error.direction, "server")
            self.assertIn(b'"INTERNAL_ERROR"', error.message)
            self.assertEqual(now(self.journal.before(7, 10, PLENTY)), entries[::-1])
            self.assertEqual(list(now(self.journal.since(2, 1, PLENTY))), [error])
            self.say(1)
            self.assertEqual(self.journal.head_seq, 7)

    def test_line_too_many(self) -> None:
        """A line that does not belong there takes no number from the others."""
        self.start()
        self.say(4)
        self.damage(2, lambda line: line + b"what is this?\n")
        self.restart()
        self.assertEqual(self.types(), ["agent_message"] * 4)

    def test_missing_file(self) -> None:
        """A file that is gone reads as errors, and nothing else is lost."""
        self.start(Rules(segment_messages=2))
        self.say(6)
        now(self.journal.close())
        (self.logs / self.names()[1]).unlink()
        self.restart()
        self.assertEqual(self.seqs(), [1, 2, 3, 4, 5, 6])
        self.assertEqual([kind == "error" for kind in self.types()], [False, False, True, True, False, False])
        self.assertEqual(now(self.journal.at(timestamp(START))), 1)
        self.assertIsNone(now(self.journal.find("prompt:none")))

    def test_index(self) -> None:
        """An index that is missing, cut, altered or of another segment is made anew."""
        for change in (
            lambda path: path.unlink(),
            lambda path: path.write_bytes(path.read_bytes()[:-3]),
            lambda path: path.write_bytes(path.read_bytes()[:20]),
            lambda path: path.write_bytes(path.read_bytes()[:-20] + bytes(20)),
            lambda path: path.write_bytes(path.read_bytes().replace(b"PAINDX", b"PAINDY")),
            lambda path: path.write_bytes((path.parent / self.names("*.idx")[1]).read_bytes()),
        ):
            self.start(Rules(segment_messages=3))
            self.append(prompt("e", "p"), said(2), said(3))
            self.say(5)
            now(self.journal.close())
            expected = (self.logs / self.names("*.idx")[0]).read_bytes()
            change(self.logs / self.names("*.idx")[0])
            self.restart()
            found = now(self.journal.find("prompt:p"))
            self.assertEqual(found and found.seq, 1)
            self.assertEqual(self.seqs(), list(range(1, 9)))
            self.assertEqual(now(self.journal.at(timestamp(START))), 1)
            self.assertEqual((self.logs / self.names("*.idx")[0]).read_bytes(), expected)

    def test_same_hash(self) -> None:
        """An entry is given only for its own key, whatever an index says."""
        self.start()
        self.append(prompt("e", "p"))
        tail = self.journal._tail
        assert tail is not None
        tail.keys[hash_of("prompt:q")] = 1
        self.assertIsNone(now(self.journal.find("prompt:q")))


class ReadingTests(FileCase):
    """Reading while the journal changes (ST-09)."""

    def test_while_rotating(self) -> None:
        """Pages that are read while entries are appended and files are begun have no gap and nothing twice."""
        threads = HeldThreads()
        self.start(Rules(segment_messages=3), threads)
        self.say(4)
        seen: list[int] = []
        while not seen or seen[-1] < 20:
            threads.holds = True
            page = Deferred.fromCoroutine(self.journal.since(len(seen), 5, PLENTY))
            threads.holds = False
            if self.journal.head_seq < 20:
                self.say(4)
            threads.go()
            seen += numbers(self.successResultOf(page))
        self.assertEqual(seen, list(range(1, 21)))

    def test_while_forgetting(self) -> None:
        """A page that is read while its beginning is forgotten is as if it had been asked for afterwards."""
        threads = HeldThreads()
        self.start(Rules(segment_messages=2, retention=Retention(size=1)), threads)
        self.append(prompt("e", "p"), said(2))
        self.say(5)
        threads.holds = True
        since = Deferred.fromCoroutine(self.journal.since(0, 10, PLENTY))
        before = Deferred.fromCoroutine(self.journal.before(4, 10, PLENTY))
        moment = Deferred.fromCoroutine(self.journal.at(timestamp(START)))
        found = Deferred.fromCoroutine(self.journal.find("prompt:p"))
        threads.holds = False
        now(self.journal.forget())
        self.assertEqual(self.journal.first_seq, 7)
        threads.go()
        self.assertEqual(numbers(self.successResultOf(since)), [7])
        self.assertEqual(self.successResultOf(before), [])
        self.assertEqual(self.successResultOf(moment), 7)
        entry = self.successResultOf(found)
        self.assertEqual(entry and entry.seq, 1)

    def test_while_becoming_complete(self) -> None:
        """What is appended while the index of an inherited file is made is found as well."""
        threads = HeldThreads()
        self.start(threads=threads)
        self.append(prompt("e", "p"))
        self.say(4)
        self.restart()
        threads.holds = True
        page = Deferred.fromCoroutine(self.journal.since(2, 10, PLENTY))
        threads.holds = False
        self.append(prompt("e", "q"))
        threads.go()
        self.assertEqual(numbers(self.successResultOf(page)), [3, 4, 5])
        self.assertEqual(self.seqs(), [1, 2, 3, 4, 5, 6])
        for key, seq in (("prompt:p", 1), ("prompt:q", 6), ("accepted:e", 6)):
            entry = now(self.journal.find(key))
            self.assertEqual(entry and entry.seq, seq)

    def test_nothing_waits_to_append(self) -> None:
        """An append that need not be durable waits for no thread, also where a file is full."""
        threads = HeldThreads()
        self.start(Rules(segment_messages=2), threads)
        self.say(1)
        threads.holds = True
        self.say(9)
        self.assertEqual(self.journal.head_seq, 10)
        threads.go()
        self.clock.advance(1)
        self.assertEqual(self.seqs(), list(range(1, 11)))

    def test_slow_disk(self) -> None:
        """When too many full files wait for a slow disk, appending waits for it too."""
        threads = HeldThreads()
        self.start(Rules(segment_messages=1), threads)
        self.say(1)
        threads.holds = True
        self.say(MAX_RETIRING + 1)
        appended = Deferred.fromCoroutine(self.journal.append([said(0)]))
        self.assertNoResult(appended)
        threads.go()
        self.assertEqual(numbers(self.successResultOf(appended)), [MAX_RETIRING + 3])

    def test_durable_waits(self) -> None:
        """A durable append returns only once a thread has done its work, and is not read before."""
        threads = HeldThreads()
        self.start(threads=threads)
        self.say(1)
        threads.holds = True
        appended = Deferred.fromCoroutine(self.journal.append([said(2)], durable=True))
        self.assertNoResult(appended)
        self.assertEqual(self.journal.head_seq, 1)
        threads.go()
        self.assertEqual(numbers(self.successResultOf(appended)), [2])
