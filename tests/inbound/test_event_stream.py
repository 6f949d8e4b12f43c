"""Tests of `pocketagent.inbound.event_stream`: the services on memory, a real port, and a stream read by its rules."""

import json
from collections.abc import Sequence

from attrs import evolve
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from pocketagent.domain.access import Scope
from pocketagent.domain.commands import Command, JoinProject
from pocketagent.domain.measures import Measures
from pocketagent.domain.message import Entry
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.replies import ProjectDeleted, ProjectJoined, Replay, Reply
from pocketagent.inbound import event_stream
from pocketagent.inbound.event_stream import HEARTBEAT, MAX_SAID, PATIENCE, EventStream
from pocketagent.inbound.visitor import Visitor
from pocketagent.ports import IConnection
from pocketagent.wire import client
from tests.inbound.asking import Asking, written
from tests.inbound.house import DEVICE, Batch, House, Subscriptions, Talk, connected, listening, number
from tests.inbound.test_door import Socket
from tests.wire.test_event_stream import Event, read
from tests.wire.test_server import STATE, UUID

P = STATE.id
NOW = "2026-01-01T12:00:00.000000Z"
JOINED = ProjectJoined(P, UUID, STATE.state, None, 9, 1, 0, Replay.GAP)


def entry(seq: int) -> Entry:
    return Entry(seq, NOW, "claude", "agent_message", b'{"text":"x"}')


class Dispatch:
    """Answers joins."""

    def __init__(self) -> None:
        self.asked: list[Command] = []
        self.askers: list[IConnection] = []
        self.failure: Exception | None = None

    async def do(self, command: Command, asker: IConnection) -> Sequence[Reply]:
        self.asked.append(command)
        self.askers.append(asker)
        if self.failure is not None:
            raise self.failure
        return [STATE, JOINED] if isinstance(command, JoinProject) else [ProjectDeleted(P)]


class EventStreamTests(TestCase):
    timeout = 20

    def setUp(self) -> Deferred[None]:  # type: ignore[override]
        self.dispatch = Dispatch()
        self.house = House(IReactorTime(installed), dispatch=self.dispatch, connections=2)  # type: ignore[arg-type]
        return Deferred.fromCoroutine(self.open())

    async def open(self) -> None:
        self.front = self.house.door()
        self.port = await listening(self.front)
        self.addCleanup(self.close)

    async def close(self) -> None:
        await maybeDeferred(self.port.stopListening)
        await self.front.close_all(1001, "over", 0.1)

    async def stream(self, query: str = "", **headers: str) -> Talk:
        talk = await connected(self.port)
        talk.say(written("GET", f"/api/v1/projects/{P}/events{query}", port=number(self.port), **headers))
        await talk.until(lambda: b"project_joined" in talk.heard or talk.is_over)
        self.assertTrue(talk.heard.startswith(b"HTTP/1.1 200 "), talk.heard)
        return talk

    def events(self, talk: Talk) -> list[Event]:
        return read(talk.heard.partition(b"\r\n\r\n")[2])

    @property
    def there(self) -> EventStream:
        (found,) = self.house.subscriptions.present
        assert isinstance(found, EventStream)
        return found

    async def test_begin(self) -> None:
        """First come the answers to the join, a gap among them; then what is told, with its numbers."""
        talk = await self.stream("?after_seq=3&journal_id=" + UUID)
        self.assertEqual(self.dispatch.asked, [JoinProject(project_id=P, after_seq=3, journal_id=UUID)])
        head = talk.heard.partition(b"\r\n\r\n")[0].lower()
        self.assertIn(b"content-type: text/event-stream", head)
        self.assertIn(b"cache-control: no-store", head)
        state, joined = self.events(talk)
        self.assertEqual((state[:2], joined[:2]), ((None, "project_state"), (None, "project_joined")))
        self.assertEqual(json.loads(joined[2])["data"]["replay"], "gap")
        self.there.hear(Batch(P, [entry(4)]))
        await talk.until(lambda: b"id: 4\n" in talk.heard)
        self.assertEqual(self.events(talk)[-1][:2], ("4", "agent_message"))
        talk.leave()
        await talk.over()

    async def test_last_event_id(self) -> None:
        """The id of the last event comes before the query, which a browser repeats as it was."""
        (await self.stream("?after_seq=3", last_event_id="7")).leave()
        self.assertEqual(self.dispatch.asked, [JoinProject(project_id=P, after_seq=7)])

    async def test_refused(self) -> None:
        """What cannot be subscribed is refused as everywhere, and nobody stays."""
        asking = await Asking.of(self.port)
        self.dispatch.failure = Refusal(Code.PROJECT_NOT_FOUND, "There is no such project.")
        heard = await asking.ask("GET", f"/api/v1/projects/{P}/events")
        self.assertEqual((heard.status, heard.code), (404, "PROJECT_NOT_FOUND"))
        for query, header in (
            ("?after_seq=x", ""),
            ("?after_seq=1&after_seq=2", ""),
            ("?journal_id=x", ""),
            ("", "-1"),
        ):
            asking = await Asking.of(self.port)
            heard = await asking.ask("GET", f"/api/v1/projects/{P}/events{query}", last_event_id=header)
            self.assertEqual((heard.status, heard.code), (400, "INVALID_MESSAGE"), (query, header))
        self.assertEqual(self.house.subscriptions.present, [])
        heard = await (await Asking.of(self.port)).ask("HEAD", f"/api/v1/projects/{P}/events")
        self.assertEqual((heard.status, heard.header("allow")), (405, "GET"))

    async def test_ends(self) -> None:
        """The last event tells why it ends: the device was revoked, the server stops, the project is gone."""
        talk = await self.stream()
        self.there.close(4401, "revoked")
        await talk.over()
        self.assertEqual(self.events(talk)[-1], (None, "closed", '{"code":4401,"reason":"revoked"}'))
        talk = await self.stream()
        self.there.send(client.reply(ProjectDeleted("other"), NOW, "other", None))
        self.there.send(client.reply(ProjectDeleted(P), NOW, P, None))
        await talk.over()
        self.assertEqual([name for _, name, _ in self.events(talk)[2:]], ["project_deleted", "closed"])
        talk = await self.stream()
        self.front.close_all(1001, "the server stops", 1)
        await talk.over()
        self.assertEqual(self.events(talk)[-1], (None, "closed", '{"code":1001,"reason":"the server stops"}'))
        self.assertEqual(self.house.subscriptions.present, [])

    async def test_bound(self) -> None:
        """A stream is one of the connections that there may be, as long as it lasts."""
        talks = [await self.stream(), await self.stream()]
        asking = await Asking.of(self.port)
        heard = await asking.ask("GET", "/api/v1/agent")
        self.assertEqual((heard.status, heard.code), (503, "RESOURCE_LIMIT"))
        for talk in talks:
            talk.leave()
        while len(self.house.subscriptions.departed) < 2:
            await turn()
        (await self.stream()).leave()

    async def test_behind_a_request(self) -> None:
        """A connection that has asked other things before may become a stream, and counts once."""
        asking = await Asking.of(self.port)
        self.house.access.device = evolve(DEVICE, scope=Scope.READ)
        self.assertEqual((await asking.ask("GET", "/api/v1/projects/x/context")).status, 200)
        asking.talk.say(written("GET", f"/api/v1/projects/{P}/events", port=number(self.port)))
        await asking.talk.until(lambda: b"project_joined" in asking.talk.heard)
        self.assertIsInstance(self.there, EventStream)
        (await self.stream()).leave()
        asking.leave()

    async def test_talkative(self) -> None:
        """What a client says behind its request is not read, and bounded."""
        talk = await self.stream()
        talk.say(b"x" * MAX_SAID)
        await turn()
        self.assertFalse(talk.is_over)
        talk.say(b"x")
        await talk.over()


class LifeTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.house = House(self.clock)
        self.arrival = self.house.door().buildProtocol(None)
        assert self.arrival is not None
        self.socket = Socket()
        self.arrival.makeConnection(self.socket)
        self.subscriptions = Subscriptions()
        visitor = Visitor("id", DEVICE, "127.0.0.1", NOW, NOW, self.subscriptions, lambda code, reason: None)
        self.measures = Measures()
        self.stream = EventStream(visitor, self.arrival, P, self.subscriptions, self.clock, 1000, self.measures)
        self.stream.arrive()
        self.stream.hear(Batch(P, [entry(1)]))
        self.socket.unregisterProducer()
        self.arrival.become(self.stream, self.stream)
        self.stream.makeConnection(self.socket)

    def test_interface(self) -> None:
        """It is a connection, to the services."""
        verifyObject(IConnection, self.stream)

    def test_early(self) -> None:
        """What is told before the connection is taken over comes first."""
        self.assertIn(b"id: 1\n", self.socket.value())

    def test_heartbeat(self) -> None:
        """When nothing is told a sign of life goes out every 15 seconds."""
        self.socket.clear()
        self.clock.advance(HEARTBEAT - 0.1)
        self.assertEqual(self.socket.value(), b"")
        self.clock.advance(0.1)
        self.assertEqual(self.socket.value(), b":\n\n")

    def test_framed_once(self) -> None:
        """A batch is written once for all who hear it so."""
        batch = Batch(P, [entry(2)])
        batch.blobs[event_stream.EVENTS] = b"as it was"
        self.stream.hear(batch)
        self.assertTrue(self.socket.value().endswith(b"as it was"))

    def test_counted(self) -> None:
        """What is told counts as messages and as bytes; signs of life count as neither."""
        self.socket.clear()
        before, bytes_before = self.measures.sent_frames, self.measures.sent_bytes
        self.stream.hear(Batch(P, [entry(2), entry(3)]))
        self.stream.send(client.reply(ProjectDeleted("other"), NOW, "other", None))
        self.assertEqual(self.measures.sent_frames - before, 2)
        self.assertEqual(self.measures.sent_bytes - bytes_before, len(self.socket.value()))
        self.clock.advance(HEARTBEAT)
        self.assertEqual(self.measures.sent_frames - before, 2)

    def test_slow(self) -> None:
        """A reader that is behind is told so to the services, and again when it has room; at the bound, not before."""
        assert self.socket.producer is not None
        self.socket.producer.pauseProducing()
        self.stream.send(client.reply(ProjectDeleted("other"), NOW, "other", None))
        while not self.stream.is_behind:
            self.stream.hear(Batch(P, [entry(2)]))
        self.socket.producer.resumeProducing()
        self.assertEqual((self.stream.is_behind, self.subscriptions.emptied), (False, [self.stream]))

    def test_dead(self) -> None:
        """Who takes nothing for two signs of life is dropped."""
        assert self.socket.producer is not None
        self.socket.producer.pauseProducing()
        for _ in range(PATIENCE - 1):
            self.clock.advance(HEARTBEAT)
        self.assertFalse(self.socket.aborted)
        self.clock.advance(HEARTBEAT)
        self.assertTrue(self.socket.aborted)

    def test_last_word_waits(self) -> None:
        """A slow reader is given its last event before the connection ends."""
        assert self.socket.producer is not None
        self.socket.producer.pauseProducing()
        self.stream.close(1001, "over")
        self.stream.hear(Batch(P, [entry(9)]))
        self.assertFalse(self.socket.half_closed)
        self.socket.producer.resumeProducing()
        self.assertTrue(self.socket.half_closed)
        self.assertTrue(self.socket.value().endswith(b'"reason":"over"}\n\n'))

    def test_lost(self) -> None:
        """A stream that is lost leaves nothing behind."""
        self.arrival.connectionLost()  # type: ignore[union-attr]
        self.assertEqual((self.clock.getDelayedCalls(), self.subscriptions.present), ([], []))


async def turn() -> None:
    waiting: Deferred[None] = Deferred()
    IReactorTime(installed).callLater(0.02, waiting.callback, None)
    await waiting
