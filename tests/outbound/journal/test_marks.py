"""`journal.json`: it says which journal this is, and is another one once told events may be gone."""

from pocketagent.outbound.journal.journal import Rules
from pocketagent.ports import StorageUnavailable
from pocketagent.wire import records
from tests.outbound.journal.house import FileCase, now


class MarksTests(FileCase):
    def marks(self) -> records.Marks:
        return records.marks((self.root / "project" / "journal.json").read_bytes())

    def test_clean(self) -> None:
        """It says whether the journal was closed in order."""
        self.start()
        self.say(2)
        self.assertFalse(self.marks().clean)
        now(self.journal.close())
        self.assertTrue(self.marks().clean)
        self.restart()
        self.say(1)
        self.assertFalse(self.marks().clean)

    def test_same_id(self) -> None:
        """The id stays after a clean stop, and after a crash under the same boot id, also of an empty journal."""
        self.start()
        journal_id = self.journal.journal_id
        self.restart()
        self.assertEqual(self.journal.journal_id, journal_id)
        self.say(1)
        self.restart()
        self.assertEqual(self.journal.journal_id, journal_id)
        now(self.journal.close())
        self.restart("another")
        self.assertEqual(self.journal.journal_id, journal_id)

    def test_new_id(self) -> None:
        """It is another journal after a crash under another boot id, and that is remembered."""
        self.start()
        self.say(1)
        journal_id = self.journal.journal_id
        self.clock.advance(1)
        self.restart("another")
        renewed = self.journal.journal_id
        self.assertNotEqual(renewed, journal_id)
        self.restart("another")
        self.assertEqual(self.journal.journal_id, renewed)

    def test_broken(self) -> None:
        """Marks that are missing or broken make it another journal, and nothing is lost."""
        for content in (b"", b"\xff\0", None):
            self.start()
            self.say(3)
            journal_id = self.journal.journal_id
            now(self.journal.close())
            path = self.root / "project" / "journal.json"
            path.unlink()
            if content is not None:
                path.write_bytes(content)
                path.chmod(0o600)
            self.clock.advance(1)
            self.restart()
            self.assertNotEqual(self.journal.journal_id, journal_id)
            self.assertEqual(self.seqs(), [1, 2, 3])

    def test_files_gone(self) -> None:
        """When newer entries than those that are there had been told, it is another journal."""
        self.start(Rules(segment_messages=2))
        self.say(4)
        journal_id = self.journal.journal_id
        now(self.journal.close())
        self.segment().unlink()
        self.clock.advance(1)
        self.restart()
        self.assertNotEqual(self.journal.journal_id, journal_id)
        self.assertEqual(self.seqs(), [1, 2])

    def test_newer(self) -> None:
        """A journal of a newer server is refused with a sentence and left as it is (LI-09)."""
        self.start()
        self.say(1)
        now(self.journal.close())
        path = self.root / "project" / "journal.json"
        path.write_bytes(b'{"version":2}')
        with self.assertRaises(StorageUnavailable) as raised:
            self.restart()
        self.assertIn("newer server", str(raised.exception))
        self.assertEqual(path.read_bytes(), b'{"version":2}')

    def test_no_path_in_what_clients_are_told(self) -> None:
        """A journal that cannot be opened is refused with the system's reason, without the path of the file."""
        self.start()
        self.say(1)
        now(self.journal.close())
        path = self.root / "project" / "journal.json"
        path.unlink()
        path.mkdir()
        with self.assertRaises(StorageUnavailable) as raised:
            self.restart()
        self.assertRegex(str(raised.exception), r"cannot be opened: [^/]+$")
