"""Tests of `pocketagent.inbound.websocket`: frames in memory, then those of others on loopback."""

import itertools

from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.inbound.connection import Terms
from pocketagent.inbound.handshake import Upgrade
from pocketagent.inbound.websocket import PAUSE, WebSocket, WebSockets
from tests.inbound.frames import frame, texts
from tests.inbound.house import DEVICE, KEY, TERMS, Dispatch, Subscriptions
from tests.inbound.test_outbox import KiB, Pipe

HEALTH_CHECK = b'{"type":"health_check","request_id":"r"}'


class Socket(Pipe):
    """A transport that can be closed."""

    closed = False

    def loseConnection(self) -> None:
        self.closed = True


class Arrived:
    def __init__(self, transport: Socket) -> None:
        self.transport = transport
        self.address = "127.0.0.1"


class Channel:
    """What is left of HTTP when a WebSocket begins."""

    def __init__(self) -> None:
        self.socket = Socket()
        self.arrival = Arrived(self.socket)
        self.address = "127.0.0.1"
        self.websocket: WebSocket

    def hand_over(self, protocol: WebSocket, guest: WebSocket) -> None:
        self.websocket = protocol
        protocol.makeConnection(self.socket)


class Opened:
    """A WebSocket that is open, with nothing but memory around it."""

    def __init__(self, terms: Terms = TERMS, subprotocol: str | None = None) -> None:
        self.clock = Clock()
        self.clock.advance(1_000_000)
        self.dispatch = Dispatch()
        self.subscriptions = Subscriptions()
        self.gone = 0
        ids = itertools.count(1)
        websockets = WebSockets(self.clock, self.dispatch, self.subscriptions, terms, lambda: f"id-{next(ids)}")
        channel = Channel()
        websockets(channel, Upgrade(KEY, subprotocol), DEVICE, self.left)  # type: ignore[arg-type]
        self.socket = channel.socket
        self.websocket = channel.websocket
        self.handshake = self.socket.written.pop(0)
        self.greeting = self.heard()

    def left(self) -> None:
        self.gone += 1

    def say(self, *frames: bytes) -> None:
        self.websocket.dataReceived(b"".join(frames))

    def wait(self, seconds: float) -> None:
        """Let time pass as a reactor does."""
        self.clock.pump([PAUSE] * (round(seconds / PAUSE) + 1))

    def heard(self) -> bytes:
        data, self.socket.written = b"".join(self.socket.written), []
        return data

    def close_code(self) -> int | None:
        """With which the last frame that was heard closes; None where it does not."""
        frames = [data for data in self.socket.written if data[:1] == b"\x88"]
        if not frames:
            return None
        assert len(frames) == 1 and frames[0] is self.socket.written[-1], self.socket.written
        return int.from_bytes(frames[0][2:4], "big") if frames[0][1] else 1005

    def lose(self) -> None:
        self.websocket.connectionLost(connectionDone)


class OpenTests(SynchronousTestCase):
    def test_handshake(self) -> None:
        """The handshake ends with 101 and nothing else said, then the greeting follows, each in one write."""
        opened = Opened()
        self.assertEqual(
            opened.handshake,
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        )
        (greeting,) = texts(opened.greeting)
        self.assertEqual(greeting["type"], "connection_established")

    def test_subprotocol(self) -> None:
        """The subprotocol that was offered is accepted."""
        self.assertIn(b"\r\nSec-WebSocket-Protocol: pocketagent.v1\r\n", Opened(TERMS, "pocketagent.v1").handshake)

    def test_request(self) -> None:
        """A message is a request, however it is cut: into frames, and those into pieces."""
        whole = [
            frame(HEALTH_CHECK[:10], fin=False),
            frame(HEALTH_CHECK[10:20], 0, fin=False),
            frame(HEALTH_CHECK[20:], 0),
        ]
        for data in (frame(HEALTH_CHECK), frame(HEALTH_CHECK, mask=b"abcd"), b"".join(whole)):
            opened = Opened()
            for place in range(len(data)):
                opened.say(data[place : place + 1])
            (reply,) = texts(opened.heard())
            self.assertEqual((reply["type"], reply["request_id"]), ("project_left", "r"))

    def test_many_requests(self) -> None:
        """Many requests that come at once are carried out one by one, each once, in their order."""
        opened = Opened()
        data = b"".join(frame(b'{"type":"health_check","request_id":"%d"}' % n) for n in range(90))
        opened.say(data[:-20])
        opened.say(data[-20:])
        self.assertEqual([reply["request_id"] for reply in texts(opened.heard())], [str(n) for n in range(90)])

    def test_large_request(self) -> None:
        """A message of just the allowed size is one."""
        opened = Opened()
        message = HEALTH_CHECK.ljust(TERMS.message_size)
        for place in range(0, len(message), 65536):
            piece = message[place : place + 65536]
            opened.say(frame(piece, 0 if place else 1, fin=place + 65536 >= len(message)))
        self.assertEqual(len(opened.dispatch.asked), 1)

    def test_lost(self) -> None:
        """When the connection is gone everybody learns it once, and no timer is left."""
        opened = Opened()
        opened.say(frame(HEALTH_CHECK[:5], fin=False))
        opened.lose()
        self.assertEqual((opened.gone, len(opened.subscriptions.departed)), (1, 1))
        self.assertEqual(opened.clock.getDelayedCalls(), [])

    def test_silent_library(self) -> None:
        """AD-02: at no level does Autobahn log what passes."""
        with capturedLogs() as log:
            opened = Opened()
            opened.say(frame(b'{"type": "canary"}'), frame(b"canary", 9), frame(b"\xff\xff canary"))
            opened.lose()
        self.assertNotIn("canary", repr(log))
        self.assertFalse([event for event in log if event["log_level"] > LogLevel.info])


class EndTests(SynchronousTestCase):
    def assert_closed(self, opened: Opened, code: int) -> None:
        """Closed with the code, and dropped a second later when nobody answers."""
        self.assertEqual(opened.close_code(), code)
        self.assertFalse(opened.socket.aborted)
        opened.wait(1)
        self.assertTrue(opened.socket.aborted)

    def test_close(self) -> None:
        """Told to close it sends the code and the reason, takes the answer, and is gone."""
        opened = Opened()
        opened.websocket.close(4401, "revoked")
        self.assertEqual(opened.heard(), b"\x88\x09\x11\x31revoked")
        opened.say(frame(b"\x11\x31", 8))
        self.assertTrue(opened.socket.aborted)
        opened.lose()
        self.assertEqual(opened.clock.getDelayedCalls(), [])

    def test_unanswered(self) -> None:
        """FR-14: without an answer to our Close the connection is dropped a second later."""
        opened = Opened()
        opened.websocket.close(1001, "shutdown")
        self.assert_closed(opened, 1001)

    def test_closed_by_client(self) -> None:
        """A client's Close is answered, what follows it is ignored, and no later message is sent."""
        opened = Opened()
        opened.say(frame(b"\x03\xe8", 8), frame(HEALTH_CHECK))
        self.assertEqual(opened.close_code(), 1000)
        self.assertTrue(opened.socket.closed)
        opened.subscriptions.present[0].send(b"{}")
        self.assertEqual((opened.close_code(), opened.dispatch.asked), (1000, []))
        opened.wait(1)
        self.assertTrue(opened.socket.aborted)

    def test_huge_frame(self) -> None:
        """FR-07: a header that announces 1 GiB is enough: 1009, nothing allocated."""
        opened = Opened()
        opened.say(frame(b"x" * 100, size=1 << 30))
        self.assertEqual(len(opened.websocket._message or b""), 0)
        self.assert_closed(opened, 1009)

    def test_huge_message(self) -> None:
        """FR-08: a message that grows too large over several frames is 1009, and the client sees that."""
        opened = Opened()
        piece = b"x" * (TERMS.message_size // 4)
        for place in range(4):
            opened.say(frame(piece, 0 if place else 1, fin=False))
            self.assertIsNone(opened.close_code())
        opened.say(frame(b"x", 0))
        self.assert_closed(opened, 1009)

    def test_never_whole(self) -> None:
        """FR-09: a message that is not whole after 30 s is 1008, whatever bytes of it still come."""
        opened = Opened()
        opened.say(frame(size=1000))
        for _ in range(29):
            opened.clock.advance(1)
            opened.say(b"x")
        self.assertIsNone(opened.close_code())
        opened.clock.advance(1)
        self.assert_closed(opened, 1008)

    def test_whole_in_time(self) -> None:
        """Each message has its own 30 s."""
        opened = Opened()
        for _ in range(3):
            opened.say(frame(HEALTH_CHECK[:9], fin=False))
            opened.clock.advance(20)
            opened.say(frame(HEALTH_CHECK[9:], 0), frame(HEALTH_CHECK[:9], fin=False))
            opened.clock.advance(20)
            opened.say(frame(HEALTH_CHECK[9:], 0))
        self.assertIsNone(opened.close_code())
        self.assertEqual(len(opened.dispatch.asked), 6)

    def test_endless_frames(self) -> None:
        """FR-10: a message has 64 frames at most, empty ones included: then 1008."""
        opened = Opened()
        opened.say(frame(b"x", fin=False), *[frame(b"", 0, fin=False)] * 63)
        self.assertIsNone(opened.close_code())
        opened.say(frame(b"", 0, fin=False))
        self.assert_closed(opened, 1008)

    def test_binary(self) -> None:
        """FR-11: a binary message is 1003."""
        opened = Opened()
        opened.say(frame(HEALTH_CHECK, 2))
        self.assert_closed(opened, 1003)
        self.assertEqual(opened.dispatch.asked, [])

    def test_compressed(self) -> None:
        """FR-15: a compressed frame, which nobody agreed on, is 1002."""
        opened = Opened()
        opened.say(frame(HEALTH_CHECK, rsv=4))
        self.assert_closed(opened, 1002)

    def test_violations(self) -> None:
        """FR-01 to FR-05: what RFC 6455 forbids is 1002."""
        for data in (
            frame(HEALTH_CHECK, masked=False),
            frame(HEALTH_CHECK, rsv=1),
            *[frame(HEALTH_CHECK, opcode) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)],
            frame(b"", 9, fin=False),
            frame(b"x" * 126, 9),
            frame(HEALTH_CHECK, 0),
            frame(b"", fin=False) + frame(HEALTH_CHECK),
            b"\x81\xfe\x00\x01\0\0\0\0x",
            b"\x81\xff\x80\0\0\0\0\0\0\0\0\0\0\0",
            frame(b"x", 8),
            *[frame(code.to_bytes(2, "big"), 8) for code in (0, 999, 1004, 1005, 1006, 1016, 5000)],
        ):
            opened = Opened()
            opened.say(data)
            self.assertEqual(opened.close_code(), 1002, data)
            self.assertEqual(opened.dispatch.asked, [], data)

    def test_no_text(self) -> None:
        """FR-06: what is no UTF-8 is 1007 as soon as that is plain, and no request."""
        for text in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"):
            opened = Opened()
            opened.say(frame(b'{"type":"' + text))
            self.assertEqual((opened.close_code(), opened.dispatch.asked), (1007, []), text)
        opened = Opened()
        opened.say(frame(b"\xe2\x82", fin=False), frame(b"\xac", 0))
        self.assertIsNone(opened.close_code())


class FlowTests(SynchronousTestCase):
    def test_pings(self) -> None:
        """A ping is answered with what it holds."""
        opened = Opened()
        opened.say(frame(b"here?", 9))
        self.assertEqual(opened.heard(), b"\x8a\x05here?")

    def test_flood_of_pings(self) -> None:
        """FR-12: ten pings are answered; the others are read slowly, a while, and then it is 4429."""
        opened = Opened()
        opened.say(*[frame(b"", 9)] * 10_000)
        self.assertLess(len(opened.heard()), 11 * 2)
        self.assertFalse(opened.socket.is_reading)
        for _ in range(230):
            opened.clock.advance(PAUSE)
            if len(opened.websocket._unread) < 10_000:
                opened.say(*[frame(b"", 9)] * 1000)
        answered = b"".join(opened.socket.written)
        self.assertLess(answered.count(b"\x8a\x00"), 130)
        self.assertEqual(opened.close_code(), 4429)

    def test_requests(self) -> None:
        """FL-07: who goes on asking though it is told to wait, is told so each time, and after 10 s it is 4429."""
        opened = Opened()
        heard, seconds = b"", 0
        while opened.close_code() is None:
            heard += opened.heard()
            opened.say(*[frame(HEALTH_CHECK)] * 200)
            opened.wait(1)
            seconds += 1
        self.assertEqual(seconds, 11)
        self.assertEqual({str(one["type"]) for one in texts(heard)}, {"project_left", "error"})

    def test_flood_of_messages(self) -> None:
        """FR-13: of 100,000 tiny messages in one read few are looked at in one turn; then others have theirs."""
        opened = Opened()
        opened.say(*[frame(b"x")] * 100_000)
        self.assertLess(opened.heard().count(b'"type":"error"'), 300)
        self.assertFalse(opened.socket.is_reading)
        opened.clock.advance(PAUSE)
        self.assertLess(opened.heard().count(b'"type":"error"'), 300)

    def test_flood_while_closing(self) -> None:
        """Who goes on flooding while we close is read slowly, too."""
        opened = Opened()
        opened.websocket.close(1001, "shutdown")
        data = frame(b"x") * 10_000
        opened.say(data)
        self.assertGreater(len(opened.websocket._unread), len(data) - 3 * KiB)

    def test_behind(self) -> None:
        """A client that does not read is not read from; once it has read all, its requests are looked at."""
        opened = Opened()
        (connection,) = opened.subscriptions.present
        connection.send(b"x" * 1100 * KiB)
        self.assertFalse(opened.socket.is_reading)
        opened.say(frame(HEALTH_CHECK))
        self.assertEqual(opened.dispatch.asked, [])
        opened.socket.drain()
        self.assertTrue(opened.socket.is_reading)
        self.assertEqual((len(opened.dispatch.asked), opened.subscriptions.emptied), (1, [connection]))

    def test_behind_for_long(self) -> None:
        """A message that we do not read is not blamed for not being whole."""
        opened = Opened()
        (connection,) = opened.subscriptions.present
        opened.say(frame(HEALTH_CHECK[:9], fin=False))
        connection.send(b"x" * 1100 * KiB)
        opened.clock.advance(31)
        self.assertIsNone(opened.close_code())
        opened.socket.drain()
        opened.say(frame(HEALTH_CHECK[9:], 0))
        self.assertEqual(len(opened.dispatch.asked), 1)

    def test_outstanding(self) -> None:
        """With 64 requests under way no more is read, and with the first one done it is."""
        opened = Opened()
        slow: Deferred[None] = Deferred()
        opened.dispatch.slow["a"] = slow
        for _ in range(70):
            opened.say(frame(b'{"type":"project_leave","data":{"project_id":"a"}}'))
        self.assertFalse(opened.socket.is_reading)
        del opened.dispatch.slow["a"]
        slow.callback(None)
        self.assertTrue(opened.socket.is_reading)
        self.assertEqual(len(opened.dispatch.asked), 70)

    def test_ping_of_ours(self) -> None:
        """A silent client is sent a ping, and dropped without a Close frame when nothing comes of it."""
        opened = Opened()
        opened.clock.advance(30)
        self.assertEqual(opened.heard(), b"\x89\x00")
        opened.clock.advance(30)
        self.assertTrue(opened.socket.aborted)
        self.assertIsNone(opened.close_code())

    def test_answered_ping(self) -> None:
        """One that answers stays."""
        opened = Opened()
        for _ in range(10):
            opened.clock.advance(30)
            opened.say(frame(b"", 10))
        self.assertFalse(opened.socket.aborted)
