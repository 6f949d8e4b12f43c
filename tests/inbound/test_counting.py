"""What a connection is sent is counted, whatever it is; and what it asked too fast."""

from attrs import evolve
from twisted.internet import reactor as installed
from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.trial.unittest import TestCase

from pocketagent.domain.measures import Measures
from pocketagent.domain.message import Entry
from pocketagent.inbound.limits import Bounds, Limits
from pocketagent.inbound.rest import BASE
from tests.inbound.asking import Asking
from tests.inbound.house import TERMS, TOKEN, Batch, House, listening
from tests.inbound.test_connection import A, ConnectionCase


def entry(seq: int) -> Entry:
    return Entry(seq, "2026-01-01T12:00:00.000000Z", "claude", "agent_message", b'{"n":%d}' % seq)


class CountingTests(ConnectionCase):
    def setUp(self) -> None:
        self.measures = Measures()
        self.terms = evolve(TERMS, measures=self.measures, request_burst=1)
        super().setUp()
        self.measures.sent_bytes = self.measures.sent_frames = 0

    def test_every_byte(self) -> None:
        """Frames and bytes are those that go out: of a batch, of a reply, and of an error."""
        self.connection.hear(Batch(A, [entry(1), entry(2), entry(3)]))
        self.assertEqual(self.measures.sent_frames, 3)
        self.connection.send(b'{"type":"server_stats"}')
        self.ask("project_list")
        self.assertEqual(self.measures.sent_bytes, sum(map(len, self.pipe.written)))
        self.assertEqual(self.measures.sent_frames, len(self.heard()))

    def test_too_fast(self) -> None:
        """Each request that came too fast counts, and no other."""
        for _ in range(3):
            self.ask("project_list")
        self.assertEqual(self.measures.rate_limited, 2)


class HttpTests(TestCase):
    timeout = 20

    async def test_not_let_in(self) -> None:
        """Who shows nothing, what is no token, or what is nobody's, counts under that word; who is let in does not."""
        house = House(IReactorTime(installed))
        door = house.door()
        port = await listening(door)
        try:
            for shown in ({}, {"authorization": "Basic x"}, {"token": f"{TOKEN[:-1]}6"}, {"token": TOKEN}):
                asking = await Asking.of(port)
                await asking.ask("GET", f"{BASE}/agent", **({"token": None} | shown))
                asking.leave()
        finally:
            await maybeDeferred(port.stopListening)
            await door.close_all(1001, "over", 0.1)
        counted = {word: count for word, count in house.measures.refused.items() if count}
        self.assertEqual(counted, {"missing": 1, "malformed": 1, "unknown": 1})

    async def test_too_fast(self) -> None:
        """A request of HTTP that came too fast counts, too."""
        clock = IReactorTime(installed)
        bounds = Bounds(address_requests_per_second=0.001, address_request_burst=2)
        house = House(clock, limits=Limits(clock.seconds, bounds))
        door = house.door()
        port = await listening(door)
        statuses = []
        try:
            for _ in range(3):
                asking = await Asking.of(port)
                statuses.append((await asking.ask("GET", "/health")).status)
                asking.leave()
        finally:
            await maybeDeferred(port.stopListening)
            await door.close_all(1001, "over", 0.1)
        self.assertEqual((statuses, house.measures.rate_limited), ([200, 200, 429], 1))
