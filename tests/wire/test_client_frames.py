"""What clients hear is well-formed: replies, errors, and batches as frames that another library reads."""

import json
from collections.abc import Sequence

from attrs import define, evolve, field
from twisted.trial.unittest import SynchronousTestCase
from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage
from zope.interface import implementer

from pocketagent.domain.events import PermissionRequest, ProjectState, State
from pocketagent.domain.message import Entry, Partial
from pocketagent.domain.project import Standing, Trust
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.replies import AgentInterrupted, ConnectionEstablished, Greeting, Replay
from pocketagent.ports import IBatch
from pocketagent.wire import client

JOURNAL_ID = "11111111-2222-4333-8444-555555555555"
NOW = "2026-01-01T12:00:00.123456Z"


@implementer(IBatch)
@define(eq=False)
class _Batch:
    project_id: str
    items: Sequence[Entry | Partial]
    timestamp: str = NOW
    blobs: dict[object, bytes] = field(factory=dict)


def received(blob: bytes) -> list[str]:
    """What a client of another library makes of the bytes."""
    connection = Connection(ConnectionType.CLIENT)
    connection.receive_data(blob)
    messages, text = [], ""
    for event in connection.events():
        assert isinstance(event, TextMessage), event
        text += event.data
        if event.message_finished:
            messages.append(text)
            text = ""
    return messages


class FrameTests(SynchronousTestCase):
    SIZES = (0, 1, 125, 126, 127, 65534, 65535, 65536, 70000)

    def test_single(self) -> None:
        """One message is one frame, whatever form of length its size needs."""
        for size in self.SIZES:
            blob = client.frame(b"x" * size)
            self.assertEqual(received(blob), ["x" * size] if size else [""])
            self.assertEqual(len(blob) - size, 2 if size < 126 else 4 if size < 65536 else 10)

    def test_batch(self) -> None:
        """A batch is a row of frames: entries with seq and their own time, partial output without seq, all in order."""
        empty = len(client.frames(_Batch("p", [Entry(5, NOW, "claude", "agent_message", b"{}")]))) - 2
        items: list[Entry | Partial] = [
            Entry(5, NOW, "claude", "agent_message", b"{" + b" " * (size - empty) + b"}")
            for size in self.SIZES
            if size >= empty
        ]
        items.insert(1, Partial(b'{"type":"stream_event"}', None, True, False))
        items.append(
            Entry(
                6, "2026-01-01T12:00:01.000000Z", "client", "client_message", b'{"text":"\xe2\x80\xa8\xf0\x9f\x98\x80"}'
            )
        )
        messages = received(client.frames(_Batch("p", items)))
        self.assertEqual(
            [len(message) for message in messages[:1] + messages[2:-1]], [size for size in self.SIZES if size >= empty]
        )
        self.assertEqual(
            json.loads(messages[1]),
            {"type": "agent_message", "project_id": "p", "timestamp": NOW, "data": {"type": "stream_event"}},
        )
        self.assertEqual(
            json.loads(messages[-1]),
            {
                "type": "client_message",
                "project_id": "p",
                "seq": 6,
                "timestamp": "2026-01-01T12:00:01.000000Z",
                "data": {"text": "\u2028\U0001f600"},
            },
        )

    def test_spliced(self) -> None:
        """What the agent said reaches the client byte for byte, odd spelling and half an emoji included."""
        line = rb'{ "b":1.0,"a":[ ],"text":"\ud83d \u00e9","a":2 }'
        (message,) = received(client.frames(_Batch("p", [Entry(1, NOW, "claude", "agent_message", line)])))
        self.assertTrue(message.encode().endswith(line + b"}"))


STATE = ProjectState(
    id="p",
    name="n",
    path="/a",
    archived=False,
    state=State.IDLE,
    session_id=None,
    created_at=NOW,
    last_active=NOW,
    journal_id=JOURNAL_ID,
    head_seq=0,
    execution_id=None,
    queued=(),
    error=None,
    pending_permissions=0,
    trust=Trust(Standing.TRUSTED, "", ()),
    subscribers=0,
)


class ReplyTests(SynchronousTestCase):
    def test_envelope(self) -> None:
        """A reply carries type, time and data, and the ids only where there are any; never a seq."""
        bare = json.loads(client.reply(AgentInterrupted(confirmed=True), NOW, None, None))
        self.assertEqual(set(bare), {"type", "timestamp", "data"})
        whole = json.loads(client.reply(STATE, NOW, "p", ""))
        self.assertEqual((whole["type"], whole["project_id"], whole["request_id"]), ("project_state", "p", ""))
        made = json.loads(client.reply(STATE, NOW, None, "1"))
        self.assertEqual(made["project_id"], STATE.id, "the reply to `project_create`, which names none")
        self.assertEqual(set(whole["data"]), {name for name in dir(STATE) if not name.startswith("_")})

    def test_greeting(self) -> None:
        """`connection_established` tells who the device is and the bounds that it must keep."""
        greeting = ConnectionEstablished("c", "1", 1, Greeting("d", "phone", ()), {"message_size": 1})
        told = json.loads(client.reply(greeting, NOW, None, None))
        self.assertEqual(told["type"], "connection_established")
        self.assertEqual(told["data"]["device"], {"id": "d", "name": "phone", "scopes": []})

    def test_error(self) -> None:
        """An error has code, message and details, and the ids of what it answers."""
        told = json.loads(client.error(Refusal(Code.RATE_LIMITED, "Wait.", retry_after=0.5), NOW, "p", "r"))
        self.assertEqual(
            told,
            {
                "type": "error",
                "timestamp": NOW,
                "project_id": "p",
                "request_id": "r",
                "data": {"code": "RATE_LIMITED", "message": "Wait.", "details": {"retry_after": 0.5}},
            },
        )

    def test_open_permissions(self) -> None:
        """The reply to a join holds the open requests themselves, with the CLI's own object untouched."""
        request = PermissionRequest("q", rb'{"tool_name":"Bash","input":{"command":"\ud83d"}}', NOW)
        told = client.reply(evolve(STATE, pending_permissions=(request,)), NOW, "p", None)
        self.assertIn(request.request, told)
        (shown,) = json.loads(told)["data"]["pending_permissions"]
        self.assertEqual((shown["permission_id"], shown["tool_name"]), ("q", "Bash"))

    def test_words(self) -> None:
        """Words of the protocol are told as they stand there."""
        self.assertEqual([word.value for word in Replay], ["complete", "gap"])
        self.assertEqual([word.value for word in State], ["IDLE", "EXECUTING", "ERROR"])
