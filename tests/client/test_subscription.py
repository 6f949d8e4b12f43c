"""Events come once, in order, without a gap, whatever happens to connections, and however slow their reader is."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any

from attrs import define, evolve, field
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketagent.client import Client, Code, ConnectionLost, Problem, Refusal, Subscription, Unreachable
from pocketagent.client.client import PATIENCE
from pocketagent.client.standing import FIRST_WAIT, Phase
from pocketagent.client.subscription import MAX_BYTES, MAX_MESSAGES
from pocketagent.domain import replies
from pocketagent.domain.events import ProcessKilled
from pocketagent.wire import client as wire
from pocketagent.wire import server
from pocketagent.wire.server import Message
from tests.client.door import JOURNAL_ID, NOW, Door, FakeLink, Request, event
from tests.client.loops import LoopTestCase, begin, outcomes, settle
from tests.wire.test_server import STATE

OTHER_JOURNAL = "22222222-2222-4333-8444-555555555555"


def joined(head: int = 0, first: int = 1, gap: bool = False, journal_id: str = JOURNAL_ID) -> replies.ProjectJoined:
    replay = replies.Replay.GAP if gap else replies.Replay.COMPLETE
    return replies.ProjectJoined("p", journal_id, STATE.state, None, head, first, 0, replay)


async def let_in(link: FakeLink, told: replies.ProjectJoined) -> Request:
    """Answer the join that comes; what it asked."""
    request = await link.asked("project_join")
    link.answer(request, STATE)
    link.answer(request, told)
    data = request["data"]
    assert isinstance(data, dict)
    return data


async def enter(door: Door, events: Subscription, told: replies.ProjectJoined) -> Request:
    entering = begin(events.__aenter__())
    data = await let_in(door.link, told)
    await entering
    self_told = [(await anext(events)).type for _ in range(2)]
    assert self_told == ["project_state", "project_joined"]
    return data


async def take(events: Subscription, number: int) -> list[int | None]:
    return [(await anext(events)).seq for _ in range(number)]


Story = Callable[[Door, Client], Awaitable[None]]


class SubscriptionCase(LoopTestCase):
    def with_client(self, story: Story, **more: object) -> None:
        async def whole() -> None:
            door = Door()
            async with door.client(**more) as client:
                await story(door, client)

        self.tell(whole())


class JoiningTests(SubscriptionCase):
    def test_from_here_on(self) -> None:
        """Without a number it begins at the present; `seq` and `journal_id` are what to go on with another time."""

        async def story(door: Door, client: Client) -> None:
            events = client.events("p")
            self.assertEqual(await enter(door, events, joined(head=40)), {"project_id": "p"})
            self.assertEqual((events.seq, events.journal_id), (40, JOURNAL_ID))
            for seq in (41, None, 42, 43):
                door.link.event(seq)
            self.assertEqual(await take(events, 3), [41, None, 42])
            self.assertEqual(events.seq, 42, "what was taken counts, not what came")

        self.with_client(story)

    def test_behind_a_number(self) -> None:
        """With a number, and the journal that it belongs to, everything behind it comes."""

        async def story(door: Door, client: Client) -> None:
            events = client.events("p", 7, JOURNAL_ID)
            data = await enter(door, events, joined(head=9))
            self.assertEqual(data, {"project_id": "p", "after_seq": 7, "journal_id": JOURNAL_ID})
            self.assertEqual(events.seq, 7)
            for seq in (8, 9, 10):
                door.link.event(seq)
            self.assertEqual(await take(events, 3), [8, 9, 10])

        self.with_client(story)

    def test_refused(self) -> None:
        """A join that the server refuses raises that, and leaves no subscription."""

        async def story(door: Door, client: Client) -> None:
            entering = begin(client.events("p").__aenter__())
            door.link.refuse(await door.link.asked("project_join"), "PROJECT_NOT_FOUND")
            with self.assertRaises(Refusal) as refused:
                await entering
            self.assertEqual(refused.exception.code, Code.PROJECT_NOT_FOUND)
            await enter(door, client.events("p"), joined())

        self.with_client(story)

    def test_not_understood(self) -> None:
        """So does an answer that this version does not understand."""

        async def story(door: Door, client: Client) -> None:
            entering = begin(client.events("p").__aenter__())
            request = await door.link.asked("project_join")
            door.link.answer(request, STATE)
            odd = {"type": "project_joined", "request_id": request["request_id"], "data": {"replay": "PERHAPS"}}
            door.link.say(json.dumps(odd).encode())
            self.assertEqual(await outcomes(entering), [Problem])
            self.assertIs(client.standing.phase, Phase.CONNECTED)

        self.with_client(story)

    def test_patience(self) -> None:
        """A join without an answer ends after `patience`, and leaves no subscription."""

        async def story(door: Door, client: Client) -> None:
            self.assertEqual(await outcomes(begin(client.events("p").__aenter__())), [Unreachable])
            self.assertEqual(asyncio.get_running_loop().time() // 1, PATIENCE)
            self.assertEqual((await door.link.asked("project_leave"))["data"], {"project_id": "p"})
            door.link.sent.clear()
            door.link._looked_at = 0
            await enter(door, client.events("p"), joined())

        self.with_client(story)

    def test_one_at_a_time(self) -> None:
        """A second one of the same project is refused, and the first goes on; one that is not entered hears nothing."""

        async def story(door: Door, client: Client) -> None:
            events = client.events("p")
            await enter(door, events, joined())
            self.assertEqual(await outcomes(begin(client.events("p").__aenter__())), [Problem])
            self.assertEqual(await outcomes(begin(take(client.events("q"), 1))), [RuntimeError])
            door.link.event(1)
            self.assertEqual(await take(events, 1), [1])

        self.with_client(story)

    def test_left(self) -> None:
        """Leaving tells the server; what was not taken can still be taken, then it is over."""

        async def story(door: Door, client: Client) -> None:
            events = client.events("p")
            await enter(door, events, joined())
            door.link.event(1)
            await settle()
            await events.__aexit__(None, None, None)
            await door.link.asked("project_leave")
            door.link.event(2)
            self.assertEqual([message.seq async for message in events], [1])

        self.with_client(story)

    def test_what_an_earlier_one_still_hears(self) -> None:
        """Events that were on their way for a subscription that was left move the next one nowhere."""

        async def story(door: Door, client: Client) -> None:
            async def first() -> None:
                events = client.events("p")
                await enter(door, events, joined(head=3))
                await events.__aexit__(None, None, None)

            await first()
            for events in (client.events("p", 0), client.events("q")):
                entering = begin(events.__aenter__())
                request = await door.link.asked("project_join")
                door.link.event(4, events.project_id)  # told before the server read the join
                door.link.answer(request, STATE)
                door.link.answer(request, joined(head=4))
                await entering
                await take(events, 2)
                for seq in (1, 2, 3, 4, 5):
                    door.link.event(seq, events.project_id)
                self.assertEqual(await take(events, 1), [1 if events.project_id == "p" else 5])

        self.with_client(story)


class LostTests(SubscriptionCase):
    def test_it_goes_on(self) -> None:
        """On the next connection it joins where it was, and what comes twice is heard once."""

        async def story(door: Door, client: Client) -> None:
            events = client.events("p")
            await enter(door, events, joined(head=3))
            door.link.event(4)
            await take(events, 1)
            door.link.cut()
            await asyncio.sleep(FIRST_WAIT)
            data = await let_in(door.link, joined(head=5))
            self.assertEqual(data, {"project_id": "p", "after_seq": 4, "journal_id": JOURNAL_ID})
            for seq in (4, 5, 6):
                door.link.event(seq)
            self.assertEqual(await take(events, 4), [None, None, 5, 6])

        self.with_client(story)

    def test_it_takes_first_what_it_has(self) -> None:
        """A reader who is slow is joined again when all that it has is taken: however often the connection is lost,
        nothing piles up."""

        async def story(door: Door, client: Client) -> None:
            events = client.events("p")
            await enter(door, events, joined())
            door.link.event(1)
            door.link.event(2)
            for _ in range(5):
                await settle()
                door.link.cut()
                await asyncio.sleep(60)
                self.assertEqual(door.link.sent, [])
            self.assertEqual(await take(events, 2), [1, 2])
            going_on = begin(take(events, 3))
            self.assertEqual((await let_in(door.link, joined(head=3)))["after_seq"], 2)
            door.link.event(3)
            self.assertEqual(await going_on, [None, None, 3])

        self.with_client(story)

    def test_emptied_while_there_is_no_connection(self) -> None:
        """One that is emptied meanwhile joins once, on the next connection; so does one that is new."""

        async def story(door: Door, client: Client) -> None:
            events = client.events("p")
            await enter(door, events, joined())
            door.link.event(1)
            await settle()
            door.link.cut()
            await settle()
            self.assertEqual(await take(events, 1), [1])
            going_on = begin(take(events, 2))
            new = begin(client.events("q").__aenter__())
            await asyncio.sleep(FIRST_WAIT)
            self.assertEqual(door.link.types, ["project_join", "project_join"])
            for _ in range(2):
                await let_in(door.link, joined(head=1))
            await outcomes(going_on, new)

        self.with_client(story)

    def test_lost_between_the_two_replies(self) -> None:
        """Half of an answer to a join is none."""

        async def story(door: Door, client: Client) -> None:
            events = client.events("p", 5)
            entering = begin(events.__aenter__())
            door.link.answer(await door.link.asked("project_join"), STATE)
            await settle()
            door.link.cut()
            await asyncio.sleep(FIRST_WAIT)
            self.assertEqual((await let_in(door.link, joined(head=5)))["after_seq"], 5)
            await entering
            self.assertEqual(door.link.types, ["project_join"], "once")

        self.with_client(story)

    def test_a_gap(self) -> None:
        """After a `gap` everything that is kept comes from its beginning, in the journal that there is now."""

        async def story(door: Door, client: Client) -> None:
            events = client.events("p")
            await enter(door, events, joined(head=30))
            door.link.cut()
            await asyncio.sleep(1)
            await let_in(door.link, joined(head=12, first=11, gap=True, journal_id=OTHER_JOURNAL))
            for seq in (11, 12):
                door.link.event(seq)
            self.assertEqual(await take(events, 4), [None, None, 11, 12])
            door.link.cut()
            await asyncio.sleep(1)
            data = await let_in(door.link, joined(head=12, first=11))
            self.assertEqual((data["after_seq"], data["journal_id"]), (12, OTHER_JOURNAL))

        self.with_client(story)


class EndTests(SubscriptionCase):
    def test_deleted(self) -> None:
        """`project_deleted` is the last message, then the iteration ends; also where it had let go meanwhile."""

        async def story(door: Door, client: Client) -> None:
            for behind in (False, True):
                events = client.events("p")
                await enter(door, events, joined())
                door.link.event(1)
                door.link.event(2)
                if behind:
                    door.link.event(3)
                door.link.tell(replies.ProjectDeleted("p"), "p")
                door.link.tell(replies.ProjectDeleted("p"), "p")
                types = [message.type async for message in events]
                self.assertEqual(types, ["agent_message", "agent_message", "project_deleted"])
                await events.__aexit__(None, None, None)

        self.with_client(story, max_messages=2)

    def test_deleted_while_it_was_away(self) -> None:
        """A project that is gone on the next connection ends the iteration as well; another refusal is raised."""

        async def story(door: Door, client: Client) -> None:
            for code, outcome in (("PROJECT_NOT_FOUND", StopAsyncIteration), ("INTERNAL_ERROR", Refusal)):
                events = client.events("p")
                await enter(door, events, joined())
                waiting = begin(take(events, 1))
                door.link.cut()
                await asyncio.sleep(1)
                door.link.refuse(await door.link.asked("project_join"), code)
                self.assertEqual(await outcomes(waiting), [outcome])
                await events.__aexit__(None, None, None)
                await settle()

        self.with_client(story)

    def test_what_came_is_taken_first(self) -> None:
        """What a client has heard before its end can be taken; then comes the reason."""

        async def story(door: Door, client: Client) -> None:
            events = client.events("p")
            await enter(door, events, joined())
            door.link.event(1)
            await settle()
            await client.close()
            self.assertEqual(await take(events, 1), [1])
            for _ in range(2):
                with self.assertRaises(ConnectionLost):
                    await anext(events)

        self.with_client(story)

    def test_requests_in_the_loop(self) -> None:
        """A reader that asks for something at each message waits for the answer only, however much comes meanwhile."""

        async def story(door: Door, client: Client) -> None:
            events = client.events("p")
            await enter(door, events, joined())

            async def read() -> list[int | None]:
                found = []
                async for message in events:
                    found.append(message.seq)
                    await client.kill("p")
                    if message.seq == 3:
                        return found
                raise AssertionError

            reading = begin(read())
            for seq in range(1, 100):
                door.link.event(seq)
            for _ in range(3):
                door.link.answer(await door.link.asked("agent_kill"), ProcessKilled("e"))
            self.assertEqual(await reading, [1, 2, 3])

        self.with_client(story)


class BoundTests(SubscriptionCase):
    def test_messages(self) -> None:
        """With so many messages waiting it lets go; emptied, it joins again behind the last that it had."""

        async def story(door: Door, client: Client) -> None:
            events = client.events("p")
            await enter(door, events, joined())
            for seq in range(1, MAX_MESSAGES + 1):
                door.link.event(seq)
            await settle()
            self.assertFalse(events.is_behind)
            door.link.event(MAX_MESSAGES + 1)
            door.link.event(MAX_MESSAGES + 2)
            await door.link.asked("project_leave")
            self.assertTrue(events.is_behind)
            self.assertEqual(await take(events, MAX_MESSAGES), list(range(1, MAX_MESSAGES + 1)))
            going_on = begin(take(events, 4))
            await settle()
            door.link.event(MAX_MESSAGES + 3)  # on its way before the server read that it was left
            data = await let_in(door.link, joined(head=MAX_MESSAGES + 3))
            self.assertEqual(data["after_seq"], MAX_MESSAGES)
            for seq in range(MAX_MESSAGES + 1, MAX_MESSAGES + 4):
                door.link.event(seq)
            self.assertEqual(await going_on, [None, None, MAX_MESSAGES + 1, MAX_MESSAGES + 2])
            self.assertEqual(door.link.types, ["project_join", "project_leave", "project_join"])

        self.with_client(story)

    def test_bytes(self) -> None:
        """With so many bytes waiting it lets go; a message that is larger than the bound comes alone."""

        async def story(door: Door, client: Client) -> None:
            size = len(event("p", 1, b'{"type": "assistant", "text": ""}'))
            for bound, leaves in ((2 * size + 20, False), (2 * size + 19, True), (1, True)):
                client.max_bytes = bound
                events = client.events("p")
                await enter(door, events, joined())
                door.link.event(1, size=10)
                door.link.event(2, size=10)
                await settle()
                self.assertEqual(events.is_behind, leaves)
                self.assertEqual(await take(events, 1 if leaves else 2), [1] if leaves else [1, 2])
                await events.__aexit__(None, None, None)

        self.with_client(story)
        self.assertEqual(Door().client().max_bytes, MAX_BYTES)

    def test_partial_output(self) -> None:
        """Pieces for which there is no room are left out, and nothing else changes: the whole message will come."""

        async def story(door: Door, client: Client) -> None:
            events = client.events("p")
            await enter(door, events, joined())
            for seq in (1, None, None, None):
                door.link.event(seq)
            await settle()
            self.assertFalse(events.is_behind)
            self.assertEqual(await take(events, 2), [1, None])
            door.link.event(2)
            self.assertEqual(await take(events, 1), [2])
            self.assertEqual(door.link.types, ["project_join"])

        self.with_client(story, max_messages=2)


# -- any story ----------------------------------------------------------------------------------------------


@define(eq=False)
class Journal:
    """A project's journal, and the server that serves it over links that are slow. Requests are read, and messages
    arrive, in their order, each `delay` later than it could."""

    delay: Callable[[], float]
    journal_id: str = JOURNAL_ID
    first: int = 1
    head: int = 0
    listeners: dict[FakeLink, int] = field(factory=dict)
    """The last seq that each was told."""
    _busy: dict[object, float] = field(factory=dict)

    def hear(self, link: FakeLink, request: Request) -> None:
        self._later(("read", link), lambda: self._obey(link, request))

    def append(self, number: int) -> None:
        self.head += number
        for link in self.listeners:
            self._tell(link)

    def forget(self, number: int) -> None:
        """Retention: no longer kept. A listener that was not told of them loses its connection, as in the server."""
        self.first = min(self.head + 1, self.first + number)
        for link, told in [*self.listeners.items()]:
            if told < self.first - 1:
                self.cut(link)

    def renew(self) -> None:
        """A power loss: the last events are gone, and the journal has another id."""
        self.journal_id = OTHER_JOURNAL if self.journal_id == JOURNAL_ID else JOURNAL_ID
        self.head = max(self.first - 1, self.head - 2)
        for link in [*self.listeners]:
            self.cut(link)

    def cut(self, link: FakeLink) -> None:
        self.listeners.pop(link, None)
        link.cut()

    def _obey(self, link: FakeLink, request: Request) -> None:
        data: Any = request["data"]
        if link._end is not None:
            return
        if request["type"] == "project_leave":
            self.listeners.pop(link, None)
            self._send(link, wire.reply(replies.ProjectLeft("p"), NOW, "p", str(request["request_id"])))
            return
        after, gap = data.get("after_seq"), False
        if after is None:
            after = self.head
        elif data.get("journal_id", self.journal_id) != self.journal_id or not self.first - 1 <= after <= self.head:
            after, gap = self.first - 1, True
        told = joined(self.head, self.first, gap, self.journal_id)
        for reply in (evolve(STATE, head_seq=self.head), told):
            self._send(link, wire.reply(reply, NOW, "p", str(request["request_id"])))
        self.listeners[link] = after
        self._tell(link)

    def _tell(self, link: FakeLink) -> None:
        for seq in range(self.listeners[link] + 1, self.head + 1):
            self._send(link, event("p", seq, b'{"type":"assistant"}'))
            self._send(link, event("p", None, b'{"type":"stream_event"}'))
        self.listeners[link] = self.head

    def _send(self, link: FakeLink, payload: bytes) -> None:
        self._later(("sent", link), lambda: link.say(payload) if link._end is None else None)

    def _later(self, order: object, do: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        # What is due at the same time has no order in a loop.
        at = self._busy[order] = max(self._busy.get(order, 0.0) + 1e-6, loop.time() + self.delay())
        loop.call_at(at, do)


@define(eq=False)
class Reader:
    """Somebody who takes what comes, and would see a gap or a repeat. `expected`: the next seq."""

    expected: int
    seqs: list[int] = field(factory=list)

    def see(self, message: Message) -> None:
        if message.type == "project_joined":
            told = server.value_of(message, replies.ProjectJoined)
            if told.replay is replies.Replay.GAP:
                self.expected = told.first_seq
        elif message.seq is not None:
            if message.seq != self.expected:
                raise AssertionError(f"{message.seq} came, not {self.expected}, after {self.seqs}")
            self.seqs.append(message.seq)
            self.expected += 1


STEPS = st.one_of(
    st.tuples(st.just("append"), st.integers(1, 8)),
    st.tuples(st.just("wait"), st.sampled_from((0.001, 0.2, 1.0, 20.0))),
    st.tuples(st.sampled_from(("cut", "forget", "renew")), st.just(0)),
)


class AnyStoryTests(LoopTestCase):
    @settings(max_examples=60, deadline=None)
    @given(
        steps=st.lists(STEPS, max_size=15),
        before=st.integers(0, 5),
        bound=st.integers(1, 6),
        seed=st.integers(0, 2**32),
        slowness=st.sampled_from((0.0, 0.2, 2.0)),
    )
    def test_each_once_in_order(
        self, steps: Sequence[tuple[str, float]], before: int, bound: int, seed: int, slowness: float
    ) -> None:
        """Whenever connections are cut, however slow reader and network are, and whatever is no longer kept: the reader
        sees each event once, in order, and nothing is missing that is kept."""
        chance = Random(seed)

        def delay() -> float:
            return chance.choice((0.0, 0.001, 0.1, 1.0)) * slowness

        async def story() -> None:
            journal = Journal(delay)
            journal.append(before)
            after = chance.randint(0, before)
            reader = Reader(after + 1)
            door = Door(hear=journal.hear)
            async with (
                door.client(max_messages=bound, patience=1000) as client,
                client.events("p", after, JOURNAL_ID) as events,
            ):
                reading = begin(self._read(events, reader, delay))
                for step, amount in steps:
                    match step:
                        case "append":
                            journal.append(int(amount))
                        case "cut":
                            journal.cut(door.link)
                        case "forget":
                            journal.forget(3)
                        case "renew":
                            journal.renew()
                        case _:
                            await asyncio.sleep(amount)
                await asyncio.sleep(1000)
                journal.append(1)
                await asyncio.sleep(1000)
                if reading.done():
                    await reading
                self.assertEqual(reader.expected, journal.head + 1, "something is missing")
                reading.cancel()
                await outcomes(reading)

        self.tell(story(), tidies=False)

    async def _read(self, events: Subscription, reader: Reader, delay: Callable[[], float]) -> None:
        async for message in events:
            reader.see(message)
            if pause := delay():
                await asyncio.sleep(pause)
