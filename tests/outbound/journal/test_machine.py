"""The journal on a disk that fails in any way at any time, against a plain list."""

from itertools import takewhile

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from hypothesis.strategies import DataObject, booleans, data, integers, none, one_of
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.message import Draft, Entry
from pocketagent.outbound.journal.journal import Rules
from pocketagent.ports import StorageUnavailable
from pocketagent.wire import records
from tests.contracts import PLENTY, numbers, said
from tests.outbound.faulty_disk import Crash
from tests.outbound.journal.house import House, now

SPOILT = b'"code":"INTERNAL_ERROR"'
ENVELOPE = 200
"""Bytes of a record around its message, at most."""


class FaultyDiskMachine(RuleBasedStateMachine):
    """Any appends and faults in any order, against a plain list of what was acknowledged."""

    def __init__(self) -> None:
        super().__init__()
        self.begin()

    def begin(self) -> None:
        self.house = House(Rules(segment_messages=5, segment_size=1000))
        self.disk = self.house.disk
        self.journal = self.house.opened()
        self.told: list[Entry] = []
        self.durable = 0
        self.is_settled = True
        self.is_deceived = False
        """A server stopped while its disk had failed to sync; the next one cannot know what a power loss takes."""
        self.boots = 0
        self.said = 0
        self.refused: list[list[Draft]] = []
        """A power loss may leave these there."""
        self.doubtful: list[list[Draft]] = []
        """Refused while not even cutting off worked: any crash may leave these there."""
        self.left_over = 0
        """Bytes at most of such batches, and of what a power loss has spoilt."""

    def batch(self, size: int, length: int) -> list[Draft]:
        self.said += size
        return [
            said(self.said + each)._replace(message=b'{"text":"%d %s"}' % (self.said + each, b"x" * length))
            for each in range(size)
        ]

    @rule(size=integers(1, 4), length=integers(0, 300), durable=booleans())
    def append(self, size: int, length: int, durable: bool) -> None:
        head = self.journal.head_seq
        batch = self.batch(size, length)
        try:
            entries = now(self.journal.append(batch, durable))
        except StorageUnavailable:
            self.refused.append(batch)
            if self.disk.fails_to_truncate:
                self.doubtful.append(batch)
                # What could not be cut off takes room on the disk, also once another segment goes on in its place.
                self.left_over += sum(len(draft.message) + ENVELOPE for draft in batch)
            assert self.journal.head_seq == head
            assert not self.is_settled, "a disk that is well takes everything"
            return
        assert numbers(entries) == list(range(head + 1, head + 1 + size))
        self.told += entries
        self.doubtful = []
        if durable:
            self.durable = len(self.told)

    @rule(room=integers(0, 2000))
    def fill(self, room: int) -> None:
        self.disk.room = room
        self.is_settled = False

    @rule(piece=integers(1, 200))
    def write_in_pieces(self, piece: int) -> None:
        self.disk.piece = piece

    @rule(sync=booleans(), truncate=booleans())
    def break_down(self, sync: bool, truncate: bool) -> None:
        self.disk.fails_to_sync, self.disk.fails_to_truncate = sync, truncate
        self.is_settled = False

    @rule()
    def heal(self) -> None:
        self.disk.heal()
        self.is_settled = True

    @rule(days=one_of(none(), integers(-1, 1)))
    def wait(self, days: int | None) -> None:
        self.house.clock.pump((1.0,) * 7)
        if self.disk.is_well:
            self.durable = len(self.told)
        if days:
            self.house.clock.rightNow += days * 86400

    @rule()
    def close(self) -> None:
        try:
            now(self.journal.close())
        except StorageUnavailable:
            assert not self.is_settled
            self.kill()
            return
        if self.disk.is_well:
            self.durable = len(self.told)
        before = self.journal.journal_id
        self.disk.kill()
        self.restart(before_id=before, in_flight=[])

    @rule()
    def kill(self) -> None:
        self.disk.kill()
        self.restart(before_id=self.journal.journal_id, in_flight=[])

    @rule(size=integers(1, 4), length=integers(0, 300), durable=booleans(), until=integers(0, 1500))
    def kill_while_appending(self, size: int, length: int, durable: bool, until: int) -> None:
        batch = self.batch(size, length)
        self.disk.until_crash = until
        try:
            self.told += now(self.journal.append(batch, durable))
            batch = []
            self.doubtful = []
        except (Crash, StorageUnavailable):
            self.refused.append(batch)
        before = self.journal.journal_id
        self.disk.kill()
        self.restart(before_id=before, in_flight=batch)

    @rule(draws=data())
    def lose_power(self, draws: DataObject) -> None:
        if self.is_deceived:
            self.begin()
            return
        self.disk.lose_power(lambda low, high: draws.draw(integers(low, high)))
        self.boots += 1
        before = self.journal.journal_id
        self.restart(before_id=None, in_flight=[])
        found = self.everything()
        same = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(found, self.told, strict=False))))
        if same < len(self.told):
            assert self.journal.journal_id != before
        assert same >= self.durable
        # What is lost in the middle is told as an error in its place, and a whole file at the beginning not at all.
        # What lies behind was told before, or is new.
        more = [entry for entry in found[same:] if SPOILT not in entry.message and entry not in self.told]
        self.check_more(more, self.refused)
        assert numbers(found) == list(range(self.journal.first_seq, self.journal.head_seq + 1))
        self.told = found
        self.durable = len(found)
        self.refused, self.doubtful = [], []
        if self.is_spoilt:
            self.left_over = sum(map(len, self.disk.files(".jsonl").values())) - self.readable

    def check_more(self, more: list[Entry], possible: list[list[Draft]]) -> None:
        """What is there beyond what was acknowledged is the beginning of one batch that was under way."""
        messages = [entry.message for entry in more]
        assert not more or any(messages == [draft.message for draft in batch[: len(more)]] for batch in possible)

    def restart(self, before_id: str | None, in_flight: list[Draft]) -> None:
        self.house.forget_timers()
        self.is_deceived |= self.disk.is_lying
        self.is_settled = True
        self.journal = self.house.opened(f"boot-{self.boots}")
        if before_id is None:
            return
        assert self.journal.journal_id == before_id
        found = self.everything()
        more = found[len(self.told) :]
        self.check_more(more, [*self.doubtful, in_flight])
        self.told += more
        if not self.is_deceived:
            self.durable = len(self.told)
        self.refused += self.doubtful
        self.doubtful = []

    def everything(self) -> list[Entry]:
        entries: list[Entry] = []
        while page := now(self.journal.since(entries[-1].seq if entries else 0, 3, PLENTY)):
            entries += page
        return entries

    @property
    def is_spoilt(self) -> bool:
        """Whether something is told as an error in the place of what was lost."""
        return any(SPOILT in entry.message for entry in self.told)

    @property
    def readable(self) -> int:
        """Bytes of what was told, but for what was lost."""
        return sum(len(records.record(entry)) for entry in self.told if SPOILT not in entry.message)

    @invariant()
    def all_is_there(self) -> None:
        assert self.everything() == self.told
        assert list(now(self.journal.before(self.journal.head_seq + 1, 4, PLENTY))) == self.told[:-5:-1]
        assert self.readable <= self.journal.size <= self.readable + self.left_over

    @invariant()
    def nothing_is_half_written(self) -> None:
        if not self.doubtful:
            texts = [text for _, text in sorted(self.disk.files(".jsonl").items())]
            # A file that a power loss has torn stays as it is once another goes on behind it.
            for text in texts[-1:] if self.is_spoilt else texts:
                assert text.endswith(b"\n") or not text


class MachineTests(SynchronousTestCase):
    """All of it at once."""

    def test_any_faults(self) -> None:
        """Whatever the disk does and whenever the process dies, what was acknowledged is there, in order, whole."""
        run_state_machine_as_test(
            FaultyDiskMachine,
            settings=settings(
                max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )
