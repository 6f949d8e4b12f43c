"""Looking back: where a client left off, pages of history by every filter, and how far each device has read."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.commands import AcknowledgeMessages, Command, GetMessages, JoinProject, Order
from pocketagent.domain.events import ProjectState
from pocketagent.domain.message import Direction, Entry, timestamp
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.replies import MessagesFound, ProjectJoined, Replay
from pocketagent.services.history import PAGE_BYTES
from tests.services.workshop import FakeConnection, WorkshopCase, done

BEGINNING = 1_700_000_000.0


def entry(
    seq: int, seconds: float = 0.0, direction: str = "claude", type_: str = "agent_message", size: int = 2
) -> Entry:
    message = b"{" + b" " * (size - 2) + b"}"
    return Entry(seq, timestamp(BEGINNING + seconds), direction, type_, message)


class HistoryCase(WorkshopCase):
    def setUp(self) -> None:
        super().setUp()
        self.project_id = self.project()

    def fill(self, entries: Sequence[Entry]) -> None:
        """The project has this history."""
        self.shop.journals.fill(self.project_id, entries)
        self.successResultOf(done(self.shop.restart()))
        self.asker = self.shop.connect()

    def found(self, **filters: object) -> MessagesFound:
        reply = self.ask(GetMessages(project_id=self.project_id, **filters))  # type: ignore[arg-type]  # a test's own
        assert isinstance(reply, MessagesFound)
        return reply

    def seqs(self, **filters: object) -> list[int]:
        return [one.seq for one in self.found(**filters).messages]


class JoinTests(HistoryCase):
    def joined(self, asker: FakeConnection | None = None, **where: object) -> tuple[ProjectState, ProjectJoined]:
        command = JoinProject(project_id=self.project_id, **where)  # type: ignore[arg-type]  # a test's own
        state, joined = self.ask_all(command, asker)
        assert isinstance(state, ProjectState) and isinstance(joined, ProjectJoined)
        self.shop.clock.advance(0)
        return state, joined

    def test_verdicts(self) -> None:
        """Whether a client can go on where it left off depends on its number, and on the journal that it is of."""
        self.fill([entry(seq) for seq in range(4, 10)])
        journal_id = self.conversation(self.project_id).journal.journal_id
        other = "11111111-2222-4333-8444-555555555555"
        for after, named, replay, heard in (
            (None, None, Replay.COMPLETE, []),
            (9, None, Replay.COMPLETE, []),
            (8, journal_id, Replay.COMPLETE, [9]),
            (8, journal_id.upper(), Replay.COMPLETE, [9]),
            (3, None, Replay.COMPLETE, [4, 5, 6, 7, 8, 9]),
            (2, None, Replay.GAP, [4, 5, 6, 7, 8, 9]),
            (0, None, Replay.GAP, [4, 5, 6, 7, 8, 9]),
            (10, None, Replay.GAP, [4, 5, 6, 7, 8, 9]),
            (2**63 - 1, None, Replay.GAP, [4, 5, 6, 7, 8, 9]),
            (8, other, Replay.GAP, [4, 5, 6, 7, 8, 9]),
            (9, other, Replay.GAP, [4, 5, 6, 7, 8, 9]),
            (None, other, Replay.COMPLETE, []),
        ):
            asker = self.shop.connect()
            state, joined = self.joined(asker, after_seq=after, journal_id=named)
            self.assertEqual((joined.replay, asker.seqs()), (replay, heard), (after, named))
            self.assertEqual((joined.head_seq, joined.first_seq, state.head_seq), (9, 4, 9))
            self.assertEqual((joined.journal_id, state.journal_id), (journal_id, journal_id))

    def test_empty(self) -> None:
        """With nothing kept the oldest number is the one behind the newest."""
        _, joined = self.joined(after_seq=0)
        self.assertEqual((joined.head_seq, joined.first_seq, joined.replay), (0, 1, Replay.COMPLETE))
        _, joined = self.joined(after_seq=1)
        self.assertIs(joined.replay, Replay.GAP)

    def test_counted(self) -> None:
        """Whoever joins stands in the state that is told."""
        self.joined()
        self.joined()
        state, _ = self.joined(self.shop.connect())
        self.assertEqual(state.subscribers, 2)

    def test_no_project(self) -> None:
        """There is no joining, and no looking back, where there is no project."""
        commands: tuple[Command, ...] = (
            JoinProject(project_id="x"),
            GetMessages(project_id="x"),
            AcknowledgeMessages(project_id="x", seq=1),
        )
        for command in commands:
            self.assertIs(self.refusal(command).code, Code.PROJECT_NOT_FOUND)


class AcknowledgeTests(HistoryCase):
    def acked(self, asker: FakeConnection) -> int:
        _, joined = self.ask_all(JoinProject(project_id=self.project_id), asker)
        assert isinstance(joined, ProjectJoined)
        return joined.acked_seq

    def acknowledge(self, seq: int, asker: FakeConnection) -> None:
        self.assertEqual(self.ask_all(AcknowledgeMessages(project_id=self.project_id, seq=seq), asker), ())

    def test_highest(self) -> None:
        """The highest number that a device has shown counts, never more than there is; each device has its own."""
        self.fill([entry(seq) for seq in range(1, 10)])
        phone, browser = self.shop.connect(), self.shop.connect(name="browser")
        self.assertEqual(self.acked(phone), 0)
        for seq, known in ((3, 3), (2, 3), (0, 3), (7, 7), (100, 9), (2**63 - 1, 9)):
            self.acknowledge(seq, phone)
            self.assertEqual(self.acked(phone), known)
        self.assertEqual(self.acked(browser), 0)
        again = self.shop.connect()
        again.device = phone.device
        self.assertEqual(self.acked(again), 9)

    def test_survives(self) -> None:
        """It is saved soon after, and is there after a restart."""
        self.fill([entry(seq) for seq in range(1, 10)])
        phone = self.shop.connect()
        self.acknowledge(3, phone)
        self.shop.clock.advance(2)
        self.successResultOf(done(self.shop.restart()))
        again = self.shop.connect()
        again.device = phone.device
        self.assertEqual(self.acked(again), 3)

    def test_bound(self) -> None:
        """A project remembers so many devices, and forgets the oldest."""
        self.fill([entry(1)])
        devices = [self.shop.connect() for _ in range(257)]
        for one in devices:
            self.acknowledge(1, one)
        self.assertEqual(len(self.conversation(self.project_id).project.acked), 256)
        self.assertEqual([self.acked(one) for one in (devices[0], devices[1], devices[-1])], [0, 1, 1])


class GetMessagesTests(HistoryCase):
    def test_order_and_bounds(self) -> None:
        """Newest first, or oldest first; a page ends at its limit and says whether there is more that way."""
        self.fill([entry(seq) for seq in range(3, 13)])
        page = self.found()
        self.assertEqual([one.seq for one in page.messages], list(range(12, 2, -1)))
        self.assertEqual((page.has_more, page.head_seq, page.first_seq), (False, 12, 3))
        self.assertEqual(page.journal_id, self.conversation(self.project_id).journal.journal_id)
        for limit, more in ((1, True), (9, True), (10, False), (1000, False)):
            for order in Order:
                page = self.found(limit=limit, order=order)
                self.assertEqual((len(page.messages), page.has_more), (min(limit, 10), more))
        self.assertEqual(self.seqs(order=Order.ASC, limit=2), [3, 4])

    def test_by_number(self) -> None:
        """`after_seq` and `before_seq` are exclusive, and hold both."""
        self.fill([entry(seq) for seq in range(1, 11)])
        self.assertEqual(self.seqs(after_seq=7), [10, 9, 8])
        self.assertEqual(self.seqs(before_seq=4, order=Order.ASC), [1, 2, 3])
        self.assertEqual(self.seqs(after_seq=3, before_seq=6), [5, 4])
        for nothing in ({"after_seq": 10}, {"before_seq": 1}, {"before_seq": 0}, {"after_seq": 5, "before_seq": 6}):
            page = self.found(**nothing)
            self.assertEqual((page.messages, page.has_more), ([], False))
        self.assertEqual(len(self.seqs(after_seq=0, before_seq=2**63 - 1)), 10)
        page = self.found(after_seq=3, before_seq=6, limit=1)
        self.assertEqual(([one.seq for one in page.messages], page.has_more), ([5], True))

    def test_paging(self) -> None:
        """Page after page, each from the last number of the one before, gives everything once in both directions."""
        self.fill([entry(seq) for seq in range(1, 2501)])
        for order in Order:
            seqs: list[int] = []
            more = True
            while more:
                where = {} if not seqs else {("after_seq" if order is Order.ASC else "before_seq"): seqs[-1]}
                page = self.found(limit=999, order=order, **where)
                seqs += [one.seq for one in page.messages]
                more = page.has_more
            self.assertEqual(sorted(seqs), list(range(1, 2501)))
            self.assertEqual(seqs, sorted(seqs, reverse=order is Order.DESC))

    def test_kinds(self) -> None:
        """By direction and by types, however far apart they stand; whether there is more counts only what fits."""
        self.fill([entry(seq) if seq % 1000 else entry(seq, 0, "client", "client_message") for seq in range(1, 4500)])
        self.assertEqual(self.seqs(direction=Direction.CLIENT), [4000, 3000, 2000, 1000])
        page = self.found(types=("client_message",), limit=3)
        self.assertEqual(([one.seq for one in page.messages], page.has_more), ([4000, 3000, 2000], True))
        page = self.found(types=("client_message",), limit=4, order=Order.ASC)
        self.assertEqual(([one.seq for one in page.messages], page.has_more), ([1000, 2000, 3000, 4000], False))
        self.assertEqual(self.seqs(types=("client_message", "agent_message"), limit=2), [4499, 4498])
        self.assertEqual(self.seqs(types=("client_message",), direction=Direction.SERVER), [])
        self.assertEqual(self.seqs(types=()), [])
        self.assertEqual(self.seqs(types=("nonsense",)), [])

    def test_size(self) -> None:
        """A page ends at 4 MiB, and has one record at least."""
        big = PAGE_BYTES // 4
        self.fill([entry(1, size=big), entry(2, size=2 * PAGE_BYTES), *(entry(seq, size=big) for seq in range(3, 9))])
        for order, pages in (
            (Order.ASC, [[1], [2], [3, 4, 5, 6], [7, 8]]),
            (Order.DESC, [[8, 7, 6, 5], [4, 3], [2], [1]]),
        ):
            where: dict[str, object] = {}
            for number, expected in enumerate(pages):
                page = self.found(order=order, **where)
                self.assertEqual([one.seq for one in page.messages], expected)
                self.assertEqual(page.has_more, number + 1 < len(pages))
                where = {("after_seq" if order is Order.ASC else "before_seq"): expected[-1]}

    def test_by_time(self) -> None:
        """`since` is inclusive, `until` exclusive, in whatever zone they are written."""
        self.fill([entry(seq, seconds=seq) for seq in range(1, 11)])
        at = timestamp
        self.assertEqual(self.seqs(since=at(BEGINNING + 8)), [10, 9, 8])
        self.assertEqual(self.seqs(until=at(BEGINNING + 3), order=Order.ASC), [1, 2])
        self.assertEqual(self.seqs(since=at(BEGINNING + 3), until=at(BEGINNING + 5)), [4, 3])
        self.assertEqual(self.seqs(since=at(BEGINNING + 2.5), until=at(BEGINNING + 3.5)), [3])
        self.assertEqual(self.seqs(since=at(BEGINNING + 5), until=at(BEGINNING + 5)), [])
        self.assertEqual(self.seqs(since=at(BEGINNING + 5), until=at(BEGINNING + 2)), [])
        self.assertEqual(self.seqs(since=at(BEGINNING + 11)), [])
        self.assertEqual(self.seqs(since="2023-11-14T23:13:29+01:00", after_seq=9), [10])
        self.assertEqual(len(self.seqs(since="0999-01-01T00:00:00Z", until="9999-01-01T00:00:00Z")), 10)
        page = self.found(since=at(BEGINNING + 3), until=at(BEGINNING + 9), limit=2)
        self.assertEqual(([one.seq for one in page.messages], page.has_more), ([8, 7], True))

    def test_clock_that_goes_back(self) -> None:
        """Times choose a range of numbers: from the first at `since` to before the next at `until` (ST-12)."""
        self.fill([entry(seq, seconds) for seq, seconds in enumerate((0, 100, 200, 50, 150, 250), 1)])
        self.assertEqual(self.seqs(since=timestamp(BEGINNING + 150), order=Order.ASC), [3, 4, 5, 6])
        self.assertEqual(self.seqs(until=timestamp(BEGINNING + 150), order=Order.ASC), [1, 2])
        self.assertEqual(
            self.seqs(since=timestamp(BEGINNING + 100), until=timestamp(BEGINNING + 150), order=Order.ASC), [2]
        )
        self.assertEqual(self.seqs(since=timestamp(BEGINNING + 210), until=timestamp(BEGINNING + 220)), [])
        self.assertEqual([one.seq for one in self.found(order=Order.ASC).messages], [1, 2, 3, 4, 5, 6])

    def test_only_what_was_told(self) -> None:
        """What is being kept is not shown before it is told."""
        self.execute(self.project_id)
        self.assertEqual(self.seqs(), [2, 1])
        journal = self.conversation(self.project_id).journal
        journal._entries.append(entry(3))  # type: ignore[attr-defined]  # as an append does that is not over
        self.assertEqual((self.seqs(), self.found().head_seq), ([2, 1], 2))
        journal._entries.pop()  # type: ignore[attr-defined]  # as above
        self.run_.dies()


FILTERS = st.fixed_dictionaries(
    {"limit": st.integers(1, 8), "order": st.sampled_from(Order)},
    optional={
        "after_seq": st.integers(0, 20),
        "before_seq": st.integers(0, 20),
        "direction": st.sampled_from(Direction),
        "types": st.lists(st.sampled_from(["agent_message", "error", "client_message"]), max_size=2).map(tuple),
        "since": st.integers(-1, 6).map(lambda seconds: timestamp(BEGINNING + seconds)),
        "until": st.integers(-1, 6).map(lambda seconds: timestamp(BEGINNING + seconds)),
    },
)
ENTRIES = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from([direction.value for direction in Direction]),
        st.sampled_from(["agent_message", "error"]),
    ),
    max_size=15,
)


class AnyFilterTests(SynchronousTestCase):
    @given(ENTRIES, st.integers(1, 4), FILTERS)
    def test_any(self, made: list[tuple[int, str, str]], first: int, filters: dict[str, object]) -> None:
        """Whatever is asked of whatever history, the page is what a plain reading of the rules gives."""
        case = HistoryCase()
        case.setUp()
        entries = [entry(seq, seconds, direction, type_) for seq, (seconds, direction, type_) in enumerate(made, first)]
        case.fill(entries)
        page = case.found(**filters)
        expected, has_more = plainly(entries, filters)
        self.assertEqual(([one.seq for one in page.messages], page.has_more), (expected, has_more))


def plainly(entries: Sequence[Entry], filters: dict[str, object]) -> tuple[list[int], bool]:
    """The rules of `get_messages`, read aloud."""
    get = filters.get
    fits = list(entries)
    since, until = get("since"), get("until")
    start = next((number for number, one in enumerate(fits) if since is None or one.timestamp >= str(since)), len(fits))
    fits = fits[start:]
    if until is not None:
        fits = fits[: next((number for number, one in enumerate(fits) if one.timestamp >= str(until)), len(fits))]
    fits = [one for one in fits if one.seq > int(str(get("after_seq", 0)))]
    fits = [one for one in fits if "before_seq" not in filters or one.seq < int(str(filters["before_seq"]))]
    fits = [one for one in fits if "direction" not in filters or one.direction == filters["direction"]]
    types = get("types")
    if isinstance(types, tuple):
        fits = [one for one in fits if one.type in types]
    if filters["order"] is Order.DESC:
        fits.reverse()
    limit = int(str(filters["limit"]))
    return [one.seq for one in fits[:limit]], len(fits) > limit


class BoundTests(SynchronousTestCase):
    def test_limit(self) -> None:
        """A page has from 1 to 1000 records."""
        for bad in (0, -1, 1001):
            self.assertRaises(Refusal, GetMessages, project_id="p", limit=bad)
