"""Tests of `pocketagent.wire.event_stream`, read back by the rules of the EventSource."""

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.message import Entry, Partial
from pocketagent.wire import client, event_stream
from tests.inbound.frames import texts
from tests.inbound.house import Batch

P = "0b5c0a5e-8a3f-4f0e-9d5c-2f3f7c1f6a10"
NOW = "2026-01-01T12:00:00.000000Z"

Event = tuple[str | None, str, str]


def read(stream: bytes) -> list[Event]:
    """What an EventSource makes of a stream: (id, event, data) of each event."""
    events: list[Event] = []
    last = None
    kind = "message"
    data: list[str] = []
    for line in stream.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line == "":
            if data:
                events.append((last, kind, "\n".join(data)))
            last, kind, data = None, "message", []
        elif name == "id":
            last = value
        elif name == "event":
            kind = value
        elif name == "data":
            data.append(value)
    return events


class EventStreamTests(SynchronousTestCase):
    @given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3), max_size=5))
    def test_entries(self, messages: list[dict[str, str]]) -> None:
        """Every message comes as the WebSocket has it, on one line, with its number as id and its type as event."""
        entries = [
            Entry(seq, NOW, "claude", "agent_message", json.dumps(one, ensure_ascii=False).encode())
            for seq, one in enumerate(messages, 1)
        ]
        batch = Batch(P, entries)
        found = read(event_stream.events(batch))
        self.assertEqual([(key, name) for key, name, _ in found], [(str(e.seq), "agent_message") for e in entries])
        self.assertEqual([json.loads(data) for _, _, data in found], texts(client.frames(batch)))

    def test_partial(self) -> None:
        """Partial output has no id."""
        batch = Batch(P, [Partial(b'{"type":"stream_event"}', None, True, False)])
        ((key, name, data),) = read(event_stream.events(batch))
        self.assertEqual((key, name, [json.loads(data)]), (None, "agent_message", texts(client.frames(batch))))

    def test_carriage_return(self) -> None:
        """A carriage return between the tokens of a message ends no line."""
        batch = Batch(P, [Entry(1, NOW, "claude", "agent_message", b'{"a":\r1}\r')])
        ((_, _, data),) = read(event_stream.events(batch))
        self.assertEqual(json.loads(data)["data"], {"a": 1})

    def test_others(self) -> None:
        """What has no number: replies, the end, the wait before a new try, and a sign of life, which is no event."""
        stream = (
            event_stream.retry(1000)
            + event_stream.COMMENT
            + event_stream.event("x", b'{"type":"x"}')
            + event_stream.closed(1001, "over")
        )
        self.assertEqual(read(stream), [(None, "x", '{"type":"x"}'), (None, "closed", '{"code":1001,"reason":"over"}')])

    def test_about(self) -> None:
        """A message says which project it is about, where it is about one."""
        self.assertEqual(event_stream.about(b'{"type":"a","project_id":"p","data":{}}'), ("a", "p"))
        self.assertEqual(event_stream.about(b'{"type":"a"}'), ("a", None))
