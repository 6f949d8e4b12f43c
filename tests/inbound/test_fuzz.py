"""FR-16: random bytes and spoilt sessions, for FUZZ_SECONDS (20). No error of ours comes of them, and no hang."""

import os
import time
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.inbound.frames import frame
from tests.inbound.house import House, request
from tests.inbound.test_door import Socket
from tests.inbound.test_websocket import HEALTH_CHECK, Opened

SECONDS = float(os.environ.get("FUZZ_SECONDS", "20"))
ROUND = settings(
    max_examples=100, deadline=10_000, database=None, suppress_health_check=list(HealthCheck), print_blob=False
)
"""Examples until the time is looked at again."""


def frames() -> st.SearchStrategy[bytes]:
    """Frames of a client, most of them wrong in some way."""
    payloads = st.one_of(
        st.binary(max_size=300),
        st.just(HEALTH_CHECK),
        st.text(max_size=50).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.just(b"x" * 70_000),
        st.integers(0, 65535).map(lambda code: code.to_bytes(2, "big")),
    )
    return st.builds(
        frame,
        payloads,
        st.integers(0, 15),
        fin=st.booleans(),
        rsv=st.sampled_from([0, 0, 0, 0, 0, 0, 4, 7]),
        masked=st.sampled_from([True] * 9 + [False]),
        size=st.sampled_from([None] * 9 + [0, 125, 126, 65535, 65536, 1 << 30, (1 << 63) - 1]),
        mask=st.binary(min_size=4, max_size=4),
    )


def lines() -> st.SearchStrategy[bytes]:
    """Lines of a request, most of them wrong in some way."""
    good = st.sampled_from(request(extra=["Content-Length: 3", "Transfer-Encoding: chunked", " fold"]).split(b"\r\n"))
    return st.one_of(good, st.binary(max_size=200), st.binary(max_size=30).map(lambda value: b"X: " + value))


@st.composite
def cut(draw: st.DrawFn, pieces: st.SearchStrategy[bytes], glue: bytes) -> list[bytes]:
    """A session, spoilt in places, in the pieces in which it comes."""
    data = bytearray(glue.join(draw(st.lists(pieces, max_size=30))))
    for _ in range(draw(st.integers(0, 3)) if data else 0):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=5)))
    return [bytes(data[start:end]) for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


class FuzzTests(SynchronousTestCase):
    timeout = SECONDS + 60

    def for_a_while(self, examples: Callable[[], None]) -> None:
        over = time.monotonic() + SECONDS / 2
        while time.monotonic() < over:
            examples()

    def test_frames(self) -> None:
        """Whatever frames come, an open WebSocket answers in frames, closes at most once, and leaves nothing behind."""

        @ROUND
        @given(cut(st.one_of(frames(), st.binary(max_size=50)), b""), st.booleans())
        def session(pieces: list[bytes], leaves: bool) -> None:
            opened = Opened()
            for piece in pieces:
                opened.say(piece)
                opened.clock.advance(0.01)
            opened.close_code()
            if not leaves:
                opened.clock.pump([0.5] * 200)
            opened.lose()
            self.assertEqual((opened.clock.getDelayedCalls(), opened.gone), ([], 1))
            self.assertEqual(self.flushLoggedErrors(), [])

        self.for_a_while(session)

    def test_requests(self) -> None:
        """Whatever bytes come first, they are answered at most once, and the connection ends in time."""

        @ROUND
        @given(cut(lines(), b"\r\n"), st.binary(max_size=20))
        def visit(pieces: list[bytes], rest: bytes) -> None:
            clock = Clock()
            arrival = House(clock).door().buildProtocol(None)
            assert arrival is not None
            socket = Socket()
            arrival.makeConnection(socket)
            for piece in [*pieces, rest]:
                arrival.dataReceived(piece)
            self.assertLessEqual(socket.value().count(b"HTTP/1.1 "), 1)
            clock.advance(10)
            self.assertTrue(socket.aborted or arrival.guest)
            arrival.connectionLost()
            self.assertEqual(clock.getDelayedCalls(), [])
            self.assertEqual(self.flushLoggedErrors(), [])

        self.for_a_while(visit)
