"""What a journal forgets, and what is found all the same."""

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.message import Direction, Draft
from pocketagent.outbound.journal.journal import Rules
from pocketagent.outbound.journal.retention import FOUND_FOR, Retention
from pocketagent.outbound.journal.segments import Segment
from pocketagent.wire import records
from tests.contracts import prompt, said, state
from tests.outbound.journal.house import START, FileCase, now

DAY = 86400


class RetentionTests(SynchronousTestCase):
    """`Retention`."""

    def setUp(self) -> None:
        self.segments = [Segment(str(day), 1 + day, day * DAY, 1, 100) for day in range(5)]

    def test_off(self) -> None:
        """Without bounds nothing goes."""
        self.assertEqual(Retention().doomed(self.segments, 1000 * DAY), 0)

    def test_days(self) -> None:
        """A segment goes once all of it is old: when the next one was begun so long ago."""
        self.assertEqual(Retention(days=2).doomed(self.segments, 4 * DAY), 2)
        self.assertEqual(Retention(days=2).doomed(self.segments, 4 * DAY - 1), 1)
        self.assertEqual(Retention(days=2).doomed(self.segments, 1 * DAY), 0)

    def test_size(self) -> None:
        """The oldest go until the rest is within the size."""
        for size, doomed in ((500, 0), (499, 1), (300, 2), (100, 4)):
            self.assertEqual(Retention(size=size).doomed(self.segments, 0), doomed)

    def test_newest(self) -> None:
        """The newest one stays, however old and large."""
        self.assertEqual(Retention(days=1, size=1).doomed(self.segments, 1000 * DAY), 4)
        self.assertEqual(Retention(days=1, size=1).doomed(self.segments[:1], 1000 * DAY), 0)
        self.assertEqual(Retention(days=1, size=1).doomed([], 1000 * DAY), 0)


class ForgettingTests(FileCase):
    """`forget`, on the disk."""

    def start_forgetting(self, retention: Retention) -> None:
        self.start(Rules(segment_messages=2, retention=retention))

    def found(self, key: str) -> int | None:
        entry = now(self.journal.find(key))
        return entry and entry.seq

    def test_forget(self) -> None:
        """Whole segments go, with their indexes, and the journal begins later; for the next server too."""
        self.start_forgetting(Retention(size=500))
        self.say(9)
        self.clock.advance(1)
        now(self.journal.forget())
        self.assertEqual((self.journal.first_seq, self.seqs()), (7, [7, 8, 9]))
        self.assertEqual(len(self.names()), 2)
        self.assertEqual(len(self.names("*.idx")), 1)
        self.assertEqual(self.journal.size, sum((self.logs / name).stat().st_size for name in self.names()))
        self.restart()
        self.assertEqual((self.journal.first_seq, self.seqs()), (7, [7, 8, 9]))
        self.assertEqual(self.append(said(0)), [10])

    def test_found_for_seven_days(self) -> None:
        """What is gone is found by its keys for seven days after it was kept, by the next server too (section 5)."""
        self.start_forgetting(Retention(size=1))
        self.append(prompt("e1", "p1"), said(2))
        self.append(Draft(Direction.SERVER, "error", b'{"code":"X","execution_id":"e1"}'), state("IDLE"))
        self.clock.advance(DAY)
        self.append(prompt("e2", "p2"), said(6))
        self.append(said(7))
        now(self.journal.forget())
        self.assertEqual(self.journal.first_seq, 7)
        keys = ("prompt:p1", "accepted:e1", "failed:e1", "prompt:p2", records.STATE, "prompt:p3")
        for restarts in (False, True):
            if restarts:
                self.restart()
            self.assertEqual([self.found(key) for key in keys], [1, 1, 3, 5, 4, None])
        entry = now(self.journal.find("prompt:p2"))
        self.assertEqual(entry and entry.message, prompt("e2", "p2").message)

        self.clock.rightNow = START + FOUND_FOR + 1
        now(self.journal.forget())
        self.assertEqual([self.found(key) for key in keys], [None, None, None, 5, 4, None])

        self.clock.rightNow = START + DAY + FOUND_FOR + 1
        now(self.journal.forget())
        self.assertEqual([self.found(key) for key in keys], [None, None, None, None, 4, None])

    def test_newer_wins(self) -> None:
        """A newer entry under a key hides one that is gone."""
        self.start_forgetting(Retention(size=1))
        self.append(state("EXECUTING"), said(2))
        self.append(state("IDLE"), said(4))
        self.append(state("ERROR"))
        now(self.journal.forget())
        self.assertEqual(self.found(records.STATE), 5)
        self.append(said(6))
        self.append(said(7))
        now(self.journal.forget())
        self.assertEqual(self.found(records.STATE), 5)

    def test_crash_before_removal(self) -> None:
        """A crash when what is to be found is kept already, but nothing removed yet, does no harm."""
        self.start_forgetting(Retention(size=1))
        self.append(prompt("e1", "p1"), said(2))
        self.append(said(3))
        oldest = self.logs / self.names()[0]
        content = oldest.read_bytes()
        now(self.journal.forget())
        oldest.write_bytes(content)
        oldest.chmod(0o600)
        self.restart()
        self.assertEqual((self.seqs(), self.found("prompt:p1")), ([1, 2, 3], 1))
        now(self.journal.forget())
        self.assertEqual((self.seqs(), self.found("prompt:p1")), ([3], 1))

    def test_broken_file(self) -> None:
        """Broken lines of what is kept to be found are passed over."""
        self.start_forgetting(Retention(size=1))
        self.append(prompt("e1", "p1"), prompt("e2", "p2"))
        self.append(said(3))
        now(self.journal.forget())
        kept = self.root / "project" / "kept.jsonl"
        kept.write_bytes(b"broken\n" + kept.read_bytes().replace(b'"p1"', b'"p1', 1) + b"torn")
        self.restart()
        self.assertEqual([self.found(key) for key in ("prompt:p1", "prompt:p2")], [None, 2])
