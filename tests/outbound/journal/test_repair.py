"""Opening a journal after a crash: what was whole is there, what was torn is set aside."""

from pathlib import Path

from pocketagent.outbound.journal.repair import MAX_TORN, WINDOW
from pocketagent.ports import StorageUnavailable
from tests.contracts import PLENTY, numbers, said
from tests.outbound.journal.house import FileCase, now


class RepairTests(FileCase):
    """The end of the newest file."""

    def torn(self) -> list[bytes]:
        return [(self.logs / name).read_bytes() for name in sorted(path.name for path in self.logs.glob("*.torn-*"))]

    def tear(self, rest: bytes) -> None:
        """Put what a crash has left behind the newest file."""
        with self.segment().open("ab") as file:
            file.write(rest)

    def test_cut_anywhere(self) -> None:
        """A record that was cut anywhere, also inside a character, is set aside, and the next one is whole (ST-02)."""
        self.start()
        self.append(said(1))
        record = self.segment().read_bytes().replace(b'"seq":1', b'"seq":2').replace(b"assistant", "äß😀".encode())
        for end in (1, 7, 60, 118, 119, 120, 121, 122, 123, 124, 125, len(record) - 1):
            self.start()
            self.append(said(1))
            journal_id = self.journal.journal_id
            self.tear(record[:end])
            self.clock.advance(1)
            self.restart()
            self.assertEqual((self.seqs(), self.torn()), ([1], [record[:end]]))
            self.assertEqual(self.journal.journal_id, journal_id)
            self.assertEqual(self.append(said(2)), [2])
            self.assertEqual(self.types(), ["agent_message"] * 2)
            self.restart()
            self.assertEqual(self.seqs(), [1, 2])

    def test_broken_lines(self) -> None:
        """When whole lines at the end are broken, told events may be gone: it is another journal."""
        for rest in (b"\0" * 200 + b"\n", b"{}\n", b"\xff\xfe\n" * 3, b'{"seq":2,"timestamp"\n'):
            self.start()
            self.append(said(1))
            journal_id = self.journal.journal_id
            self.tear(rest)
            self.clock.advance(1)
            self.restart()
            self.assertEqual((self.seqs(), self.torn()), ([1], [rest]))
            self.assertNotEqual(self.journal.journal_id, journal_id)

    def test_zeros(self) -> None:
        """Zeros, as a file system leaves them, are no record, however many."""
        self.start()
        self.append(said(1))
        self.tear(bytes(3 * WINDOW))
        self.restart()
        self.assertEqual(self.seqs(), [1])
        self.assertEqual(len(self.torn()[0]), 3 * WINDOW)

    def test_large_record(self) -> None:
        """A last record larger than what is read at first is found."""
        self.start()
        self.append(said(1), said(2)._replace(message=b'{"text":"' + b"x" * 20 * WINDOW + b'"}'))
        self.tear(b'{"seq":3')
        self.restart()
        self.assertEqual(self.journal.head_seq, 2)

    def test_first_record(self) -> None:
        """When not even the first record of the newest file is whole, the one before is the newest."""
        self.start()
        self.append(said(1), said(2))
        rest = b'{"seq":3,"timestamp":"2026'
        newest = self.logs / "messages_2026-01-02_00-00-00_000000000003.jsonl"
        newest.write_bytes(rest)
        newest.chmod(0o600)
        self.restart()
        self.assertEqual((self.seqs(), self.torn()), ([1, 2], [rest]))
        self.assertEqual(len(self.names()), 1)
        self.assertEqual(self.append(said(3)), [3])

    def test_empty_file(self) -> None:
        """A file that a crash left empty goes, without a copy."""
        self.start()
        self.append(said(1))
        (self.logs / "messages_2026-01-02_00-00-00_000000000002.jsonl").touch(0o600)
        self.restart()
        self.assertEqual((self.seqs(), self.torn(), len(self.names())), ([1], [], 1))

    def test_implausible_number(self) -> None:
        """A last record whose number leaves no room for those before it is not believed."""
        self.start()
        self.append(said(1), said(2))
        self.segment().write_bytes(self.segment().read_bytes().replace(b'"seq":2', b'"seq":200'))
        self.restart()
        self.assertEqual(self.journal.head_seq, 1)

    def test_few_are_kept(self) -> None:
        """Of torn ends only the newest few are kept."""
        self.start()
        self.append(said(1))
        for number in range(MAX_TORN + 3):
            self.tear(b"torn %d" % number)
            self.restart()
        self.assertEqual(sorted(self.torn()), [b"torn %d" % number for number in range(3, MAX_TORN + 3)])

    def test_leftovers(self) -> None:
        """What a crash left half-made is removed: temporary files, and indexes of segments that are gone."""
        self.start()
        self.append(said(1))
        for name in ("x.idx.tmp", "messages_2026-01-01_00-00-00_000000000001.idx"):
            (self.logs / name).touch(0o600)
        self.restart()
        self.assertEqual(self.names("*.tmp") + self.names("*.idx"), [])

    def test_unreadable_directory(self) -> None:
        """A journal that cannot even be looked at is not opened, and can be later."""
        self.start()
        self.append(said(1))
        moved = Path(str(self.logs) + "-moved")
        self.logs.rename(moved)
        self.logs.touch()
        with self.assertRaises(StorageUnavailable):
            self.restart()
        self.logs.unlink()
        moved.rename(self.logs)
        self.restart()
        self.assertEqual(numbers(now(self.journal.since(0, 9, PLENTY))), [1])
