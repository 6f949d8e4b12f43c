"""Who hears what: only what was kept, in the order of its seq, once; who was away or slow hears what was missed."""

import json

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.agent import Spoken
from pocketagent.domain.commands import JoinProject, LeaveProject
from pocketagent.domain.message import Entry, Partial
from pocketagent.services.subscriptions import Subscriptions
from tests.services.stage import SlowConnection, StageCase, piece, stage
from tests.services.workshop import AT_REST, BUSY, OK, WorkshopCase, device


class InvariantTests(WorkshopCase):
    """The three sentences of the architecture."""

    def test_nothing_is_told_that_was_not_kept(self) -> None:
        """Whatever a subscriber hears with a number stands in the journal, byte for byte."""
        project_id = self.project()
        listener = self.join(project_id)
        self.execute(project_id)
        self.turn(b'{"a":1.0}')
        heard = [item for batch in listener.batches for item in batch.items]
        self.assertEqual(heard, list(self.shop.journals.entries(project_id)))
        self.shop.journals.writing.fails_at = self.shop.journals.writing.passed + 1
        self.run_.says(Spoken(b'{"never":"kept"}'))
        self.assertEqual([item for batch in listener.batches for item in batch.items], heard)

    def test_everyone_in_order_once(self) -> None:
        """Everyone hears the entries in the order of their seq, each once (FL-10)."""
        project_id = self.project()
        listeners = [self.join(project_id) for _ in range(5)]
        for _ in range(3):
            self.execute(project_id)
            self.turn(b"{}", b"{}")
        head = self.conversation(project_id).journal.head_seq
        for listener in listeners:
            self.assertEqual(listener.seqs(), list(range(1, head + 1)))

    def test_who_was_away_hears_what_was_missed(self) -> None:
        """Who comes back with its last number hears the rest from the journal, and goes on live (FL-02)."""
        project_id = self.project()
        self.execute(project_id)
        self.turn()
        listener = self.join(project_id, after_seq=3)
        self.execute(project_id)
        self.assertEqual(listener.seqs(), [4, 5, 6, 7, 8, 9])
        self.turn()
        self.shop.services.subscriptions.depart(listener)
        self.execute(project_id)
        again = self.join(project_id, after_seq=listener.seqs()[-1])
        self.assertEqual(
            listener.seqs() + again.seqs(), list(range(4, self.conversation(project_id).journal.head_seq + 1))
        )

    def test_replies_come_before_the_replay(self) -> None:
        """What is replayed follows the replies to the join."""
        project_id = self.project()
        self.execute(project_id)
        connection = self.shop.connect()
        self.ask_all(JoinProject(project_id=project_id, after_seq=0), connection)
        self.assertEqual(connection.batches, [])
        self.shop.clock.advance(0)
        self.assertEqual(connection.seqs(), [1, 2])

    def test_left(self) -> None:
        """Who has left hears nothing more; leaving twice is no mistake."""
        project_id = self.project()
        listener = self.join(project_id)
        for _ in range(2):
            self.ask(LeaveProject(project_id=project_id), listener)
        self.execute(project_id)
        self.assertEqual(listener.batches, [])

    def test_the_agent_goes_at_their_pace(self) -> None:
        """While most of the audience still takes what was told the agent waits, but not for ever."""
        project_id = self.project()
        listeners = [self.join(project_id) for _ in range(3)]
        self.execute(project_id)
        said = self.run_.says(BUSY)
        assert isinstance(said, Deferred)
        self.successResultOf(said)
        for listener in listeners[:2]:
            listener.has_unsent = True
        waiting = self.run_.says(Spoken(b"{}"))
        assert isinstance(waiting, Deferred)
        self.assertNoResult(waiting)
        listeners[0].has_unsent = False
        self.shop.services.subscriptions.drained(listeners[0])
        self.successResultOf(waiting)
        listeners[0].has_unsent = True
        waiting = self.run_.says(OK, AT_REST)
        assert isinstance(waiting, Deferred)
        self.assertNoResult(waiting)
        self.shop.clock.advance(0.05)
        self.successResultOf(waiting)


class ConnectionTests(StageCase):
    def test_gone_meanwhile(self) -> None:
        """Who leaves, or goes, in the middle of a replay hears nothing more of it."""
        self.stage.tell(5)
        self.stage.journals.reading.slow = True
        leaving, going = self.joined(after_seq=0), self.joined(after_seq=0)
        self.subscriptions.leave(leaving, self.stage.audience)
        self.subscriptions.depart(going)
        self.stage.journals.reading.open_all()
        self.stage.tell(1)
        self.assertEqual((leaving.batches, going.batches), ([], []))
        self.assertEqual((len(self.stage.audience), len(self.subscriptions)), (0, 0))

    def test_too_late(self) -> None:
        """A connection that is gone already cannot join any more."""
        connection = self.connect()
        self.subscriptions.depart(connection)
        self.subscriptions.join(connection, self.stage.audience, None)
        self.stage.tell(1)
        self.assertEqual((connection.batches, len(self.stage.audience)), ([], 0))

    def test_behind_in_all(self) -> None:
        """A connection that is behind is so in all its projects, and catches up in all of them."""
        other = stage(self.clock, self.subscriptions)
        listener = self.joined()
        self.subscriptions.join(listener, other.audience, None)
        listener.is_behind = True
        self.stage.tell(1)
        other.tell(2)
        self.assertEqual(listener.batches, [])
        self.drain(listener)
        self.assertCountEqual(listener.seqs(), [1, 1, 2])


class Anything(RuleBasedStateMachine):
    """Any order of tellings, joins, leavings, slow reads and slow readers, in two projects."""

    PEOPLE = st.integers(0, 2)
    STAGES = st.integers(0, 1)

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.subscriptions = Subscriptions()
        self.stages = [stage(self.clock, self.subscriptions) for _ in range(2)]
        self.people = [self.connected() for _ in range(3)]
        # By (person, project): the number after which it joined, and how many batches it had heard then.
        self.joined: dict[tuple[int, int], tuple[int, int]] = {}
        self.writing: dict[tuple[int, str | None], tuple[int, int]] = {}
        self.messages = 0

    def connected(self) -> SlowConnection:
        connection = SlowConnection(device())
        self.subscriptions.arrive(connection)
        return connection

    @rule(
        which=STAGES,
        items=st.lists(
            st.integers(1, 3) | st.tuples(st.sampled_from([None, "task"]), st.booleans()), min_size=1, max_size=5
        ),
    )
    def tell(self, which: int, items: list[int | tuple[str | None, bool]]) -> None:
        told: list[int | Partial] = []
        for item in items:
            if isinstance(item, int):
                told.append(item)
                continue
            parent, ends = item
            message, number = self.writing.pop((which, parent), (0, 0))
            if not number:
                self.messages += 1
                message = self.messages
            ends = ends and number > 0
            told.append(piece(str(message), number, parent, ends))
            if not ends:
                self.writing[which, parent] = (message, number + 1)
        self.stages[which].tell(*told)

    @rule(which=STAGES)
    def end_turn(self, which: int) -> None:
        self.stages[which].audience.turn_ended()
        self.writing = {key: value for key, value in self.writing.items() if key[0] != which}

    @rule(who=PEOPLE, which=STAGES, after=st.none() | st.integers(0, 10))
    def join(self, who: int, which: int, after: int | None) -> None:
        told = self.stages[which].audience.told_seq
        start = told if after is None else min(after, told)
        self.joined[who, which] = (start, len(self.people[who].batches))
        self.subscriptions.join(self.people[who], self.stages[which].audience, start if after is not None else None)

    @rule(who=PEOPLE, which=STAGES)
    def leave(self, who: int, which: int) -> None:
        self.check()
        self.subscriptions.leave(self.people[who], self.stages[which].audience)
        self.joined.pop((who, which), None)

    @rule(who=PEOPLE)
    def depart(self, who: int) -> None:
        self.check()
        self.subscriptions.depart(self.people[who])
        self.people[who] = self.connected()
        self.joined = {key: value for key, value in self.joined.items() if key[0] != who}

    @rule(who=PEOPLE, capacity=st.integers(0, 2))
    def slow_down(self, who: int, capacity: int) -> None:
        self.people[who].capacity = capacity
        self.people[who].is_behind = capacity == 0

    @rule(who=PEOPLE, capacity=st.none() | st.integers(1, 2))
    def drain(self, who: int, capacity: int | None) -> None:
        self.people[who].capacity = capacity
        self.people[who].is_behind = False
        self.subscriptions.drained(self.people[who])

    @rule()
    def turn_of_the_reactor(self) -> None:
        self.clock.advance(0)

    @rule(which=STAGES, slow=st.booleans())
    def slow_reads(self, which: int, slow: bool) -> None:
        self.stages[which].journals.reading.slow = slow

    @precondition(lambda self: any(len(one.journals.reading) for one in self.stages))
    @rule()
    def read(self) -> None:
        for one in self.stages:
            one.journals.reading.open(min(1, len(one.journals.reading)))

    def check(self) -> None:
        """Contiguous from where each joined; pieces only of messages that were heard from their beginning."""
        for (who, which), (start, skipped) in self.joined.items():
            project_id = self.stages[which].audience.project_id
            batches = [one for one in self.people[who].batches[skipped:] if one.project_id == project_id]
            items = [item for batch in batches for item in batch.items]
            seqs = [item.seq for item in items if isinstance(item, Entry)]
            assert seqs == list(range(start + 1, start + 1 + len(seqs))), (start, seqs)
            pieces: dict[str, int] = {}
            for item in items:
                if isinstance(item, Partial):
                    said = json.loads(item.message)
                    assert said["piece"] == pieces.get(said["message"], 0), said
                    pieces[said["message"]] = said["piece"] + 1

    def teardown(self) -> None:
        self.check()
        for one in self.stages:
            one.journals.reading.open_all()
        for person in self.people:
            person.capacity, person.is_behind = None, False
            self.subscriptions.drained(person)
        self.clock.advance(0)
        self.check()
        for (who, which), (start, skipped) in self.joined.items():
            audience = self.stages[which].audience
            batches = [one for one in self.people[who].batches[skipped:] if one.project_id == audience.project_id]
            seqs = [item.seq for batch in batches for item in batch.items if isinstance(item, Entry)]
            assert [start, *seqs][-1] == audience.told_seq, (start, seqs, audience.told_seq)


class AnythingTests(SynchronousTestCase):
    def test_anything(self) -> None:
        """Whatever happens in whatever order, each subscriber hears every number once, from its start to the head."""
        run_state_machine_as_test(Anything, settings=settings(max_examples=80, stateful_step_count=40, deadline=None))
