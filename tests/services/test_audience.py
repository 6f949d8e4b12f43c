"""Who is behind, or came in the middle, hears every number once, in order, and nobody waits for anybody."""

from pocketagent.domain.message import Direction, Draft
from pocketagent.ports import StorageUnavailable
from pocketagent.services.audience import PAGE_ENTRIES, Batch
from tests.services.stage import StageCase, piece
from tests.services.workshop import done


class CatchUpTests(StageCase):
    def test_drained_before_its_replay(self) -> None:
        """Who has room again before its replay was due is replayed once, whatever is told in between."""
        self.stage.tell(3)
        listener = self.connect()
        self.subscriptions.join(listener, self.stage.audience, 0)
        self.drain(listener)
        self.stage.tell(1)
        self.clock.advance(0)
        self.assertEqual(listener.seqs(), [1, 2, 3, 4])

    def test_slow_reader(self) -> None:
        """Who is behind is told nothing, costs nothing, and once there is room hears what was missed (FL-01)."""
        listener = self.joined()
        self.stage.tell(2)
        listener.is_behind = True
        for _ in range(100):
            self.stage.tell(3)
        self.assertEqual(listener.seqs(), [1, 2])
        self.drain(listener)
        self.assertEqual(listener.seqs(), list(range(1, 303)))
        self.stage.tell(1)
        self.assertEqual(listener.seqs()[-1], 303)

    def test_step_by_step(self) -> None:
        """Who takes a little at a time catches up a little at a time, without a gap or a repeat."""
        listener = self.joined(capacity=1)
        for _ in range(10):
            self.stage.tell(2)
        steps = 0
        while listener.is_behind:
            self.drain(listener, capacity=1)
            steps += 1
            self.assertEqual(listener.seqs(), list(range(1, len(listener.seqs()) + 1)))
            self.assertLess(steps, 20)
            if listener.seqs()[-1] == 20:
                break
        self.assertEqual(listener.seqs(), list(range(1, 21)))

    def test_told_meanwhile(self) -> None:
        """What is told while somebody reads on in the journal comes in its turn."""
        self.stage.tell(5)
        self.stage.journals.reading.slow = True
        listener = self.joined(after_seq=0)
        self.stage.tell(5)
        self.assertEqual(listener.batches, [])
        self.stage.journals.reading.open()
        self.stage.tell(5)
        self.stage.journals.reading.open_all()
        self.stage.tell(5)
        self.assertEqual(listener.seqs(), list(range(1, 21)))

    def test_kept_but_not_told(self) -> None:
        """A replay ends at what was told: what is only kept yet comes when it is told."""
        self.stage.tell(3)
        drafts = [Draft(Direction.CLAUDE, "agent_message", b"{}")]
        kept = self.successResultOf(done(self.stage.journal.append(drafts)))
        listener = self.joined(after_seq=0)
        self.assertEqual(listener.seqs(), [1, 2, 3])
        self.stage.audience.tell(Batch("p", kept, ""))
        self.assertEqual(listener.seqs(), [1, 2, 3, 4])

    def test_in_chunks(self) -> None:
        """A long history comes in pages of bounded size, and reading stops as soon as the reader is behind."""
        head = 2 * PAGE_ENTRIES + 10
        self.stage.tell(head)
        listener = self.joined(after_seq=5, capacity=1)
        self.assertEqual((listener.seqs()[0], len(listener.batches)), (6, 1))
        self.assertLessEqual(len(listener.seqs()), PAGE_ENTRIES)
        self.drain(listener)
        self.assertEqual(listener.seqs(), list(range(6, head + 1)))
        self.assertGreater(len(listener.batches), 2)

    def test_one_reads_for_all(self) -> None:
        """Those who are behind at the same place are told the same page, read and framed once."""
        listeners = [self.joined() for _ in range(5)]
        for listener in listeners:
            listener.is_behind = True
        self.stage.tell(1)
        for _ in range(50):
            self.stage.tell(PAGE_ENTRIES)
        before = self.stage.journals.reading.passed
        for listener in listeners:
            self.drain(listener)
            self.assertEqual(listener.seqs(), list(range(1, 50 * PAGE_ENTRIES + 2)))
        self.assertLess(self.stage.journals.reading.passed - before, 60)
        self.assertIs(listeners[0].batches[-1], listeners[1].batches[-1])

    def test_forgotten_meanwhile(self) -> None:
        """Where retention has removed what somebody still had to hear there is no silent gap: it has to join again."""
        self.stage.tell(3)
        listener = self.joined()
        listener.is_behind = True
        self.stage.tell(5)
        journal = self.stage.journals._journals[self.stage.audience.project_id]
        journal.retained = 2
        self.successResultOf(done(journal.forget()))
        self.stage.audience._recent.clear()
        self.drain(listener)
        self.assertEqual((listener.seqs(), (listener.closed or (0,))[0]), ([], 1011))

    def test_unreadable(self) -> None:
        """Who cannot be told the truth is cut off; all others go on."""
        self.stage.tell(3)
        self.stage.journals.reading.fails_at = 1
        broken = self.joined(after_seq=0)
        other = self.joined()
        self.assertEqual((broken.closed or (0,))[0], 1011)
        self.stage.tell(1)
        self.assertEqual(other.seqs(), [4])
        self.flushLoggedErrors(StorageUnavailable)

    def test_rejoin_replaces(self) -> None:
        """Joining again replaces the subscription, also in the middle of a replay."""
        self.stage.tell(5)
        self.stage.journals.reading.slow = True
        listener = self.joined(after_seq=0)
        self.subscriptions.join(listener, self.stage.audience, 3)
        self.clock.advance(0)
        self.stage.journals.reading.open_all()
        self.assertEqual(listener.seqs(), [4, 5])
        self.subscriptions.join(listener, self.stage.audience, None)
        self.stage.tell(1)
        self.assertEqual(listener.seqs(), [4, 5, 6])
        self.assertEqual((len(self.stage.audience), len(self.subscriptions)), (1, 1))

    def test_never_behind_for_others(self) -> None:
        """One who does not read keeps nothing from the others (FL-04)."""
        stuck, other = self.joined(), self.joined()
        stuck.is_behind = True
        for _ in range(10):
            self.stage.tell(1)
        self.assertEqual(other.seqs(), list(range(1, 11)))


class PartialTests(StageCase):
    def test_joined_in_the_middle(self) -> None:
        """Who joined in mid-message hears its pieces only from the next message on."""
        self.stage.tell(piece("a", 0), piece("a", 1))
        listener = self.joined()
        self.stage.tell(piece("a", 2), piece("a", 3, ends=True), 1, piece("b", 0), piece("b", 1))
        self.assertEqual(listener.partials(), [piece("b", 0).message, piece("b", 1).message])
        self.assertEqual(listener.seqs(), [1])

    def test_each_speaker(self) -> None:
        """Which message is in the middle is judged for each `parent_tool_use_id` by itself."""
        self.stage.tell(piece("a", 0))
        listener = self.joined()
        self.stage.tell(piece("s", 0, "task"), piece("a", 1), piece("s", 1, "task"))
        self.assertEqual(listener.partials(), [piece("s", 0).message, piece("s", 1).message])
        self.stage.tell(piece("b", 0))
        self.assertEqual(len(listener.partials()), 3)

    def test_behind(self) -> None:
        """Who was behind in mid-message does not hear the rest of it."""
        listener = self.joined()
        self.stage.tell(piece("a", 0))
        listener.is_behind = True
        self.stage.tell(piece("a", 1))
        self.drain(listener)
        self.stage.tell(piece("a", 2), piece("a", 3, ends=True), piece("b", 0))
        self.assertEqual(listener.partials(), [piece("a", 0).message, piece("b", 0).message])

    def test_none_in_a_replay(self) -> None:
        """During a replay there is no partial output, and after it only from the next message on."""
        self.stage.tell(5)
        self.stage.journals.reading.slow = True
        listener = self.joined(after_seq=0)
        self.stage.tell(piece("a", 0), piece("a", 1))
        self.stage.journals.reading.open_all()
        self.stage.tell(piece("a", 2), 1, piece("a", 3, ends=True))
        self.assertEqual((listener.partials(), listener.seqs()), ([], [1, 2, 3, 4, 5, 6]))
        self.stage.tell(piece("b", 0))
        self.assertEqual(listener.partials(), [piece("b", 0).message])

    def test_after_the_turn(self) -> None:
        """A message that was cut off by the end of its turn is in nobody's way."""
        self.stage.tell(piece("a", 0))
        self.stage.audience.turn_ended()
        listener = self.joined()
        self.stage.tell(piece("b", 0), piece("b", 1))
        self.assertEqual(len(listener.partials()), 2)

    def test_place(self) -> None:
        """Partial output keeps its place between the numbered events."""
        listener = self.joined()
        self.stage.tell(1, piece("a", 0), 1, piece("a", 1))
        self.assertEqual(listener.heard(), ["agent_message", "…", "agent_message", "…"])
