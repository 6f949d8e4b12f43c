"""Tests of `pocketagent.inbound.door`."""

import itertools
from collections.abc import Callable

from twisted.internet import reactor as installed
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IReactorTime, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import CertificateOptions, PrivateCertificate, optionsForClientTLS
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import LogLevel, capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import directlyProvides

from pocketagent.domain.measures import PREFIX
from pocketagent.domain.message import Entry
from pocketagent.inbound.door import LINGER, Arrival, Door
from tests.inbound.certificate import private_certificate
from tests.inbound.frames import texts
from tests.inbound.house import Batch, House, Talk, connected, listening, number, request


def entry(seq: int) -> Entry:
    return Entry(seq, "2026-01-01T12:00:00.000000Z", "claude", "agent_message", b'{"text":"%b"}' % (b"x" * 1000))


class Socket(StringTransport):
    """A TCP connection in memory."""

    def __init__(self) -> None:
        super().__init__(peerAddress=IPv4Address("TCP", "127.0.0.1", 9))
        directlyProvides(self, ITCPTransport)
        self.no_delay = self.half_closed = self.aborted = False

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.no_delay = enabled

    def loseWriteConnection(self) -> None:
        self.half_closed = True

    def abortConnection(self) -> None:
        self.aborted = True


class Inner(Protocol):
    """What is inside of an arrival."""

    def __init__(self) -> None:
        self.lost = False

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = True


class Guest:
    def __init__(self) -> None:
        self.closed: list[tuple[int, str]] = []

    def close(self, code: int, reason: str) -> None:
        self.closed.append((code, reason))


class DoorTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.chance = 0.0

    def door(self, handshakes: int = 64) -> Door:
        return Door(self.clock, lambda _: Inner(), None, handshakes, 10, lambda: self.chance)

    def come(self, door: Door) -> tuple[Arrival, Socket]:
        arrival = door.buildProtocol(None)
        assert arrival is not None
        socket = Socket()
        arrival.makeConnection(socket)
        return arrival, socket

    def test_no_delay(self) -> None:
        """Every connection sends what it has at once."""
        self.assertTrue(self.come(self.door())[1].no_delay)

    def test_deadline(self) -> None:
        """T-04, T-05: whoever has shown no credential after 10 s is dropped, whatever bytes it sent meanwhile."""
        door = self.door()
        arrival, socket = self.come(door)
        for _ in range(9):
            self.clock.advance(1)
            arrival.dataReceived(b"x")
        self.assertFalse(socket.aborted)
        self.clock.advance(1)
        self.assertTrue(socket.aborted)

    def test_welcomed(self) -> None:
        """Whoever was let in is not hurried, and takes no place of those who wait."""
        door = self.door(handshakes=1)
        arrival, socket = self.come(door)
        arrival.become(Inner(), Guest())
        self.come(door)
        self.clock.advance(100)
        self.assertFalse(socket.aborted)

    def test_lost(self) -> None:
        """A connection that ends leaves no timer behind."""
        arrival, _ = self.come(self.door())
        arrival.connectionLost()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_last_answer(self) -> None:
        """Who was answered has two seconds to read it; the connection is open that way as long."""
        arrival, socket = self.come(self.door())
        self.clock.advance(1)
        arrival.finish()
        self.assertTrue(socket.half_closed)
        self.clock.advance(LINGER - 0.1)
        self.assertFalse(socket.aborted)
        self.clock.advance(0.1)
        self.assertTrue(socket.aborted)

    def test_full(self) -> None:
        """T-04: with all places taken a newcomer gets one of them, so silence keeps nobody out."""
        self.chance = 0.999
        door = self.door()
        sockets = [self.come(door)[1] for _ in range(500)]
        self.assertEqual(sum(not socket.aborted for socket in sockets), 64)
        self.assertFalse(self.come(door)[1].aborted)
        self.assertEqual(door.dropped, 500 - 64 + 1)
        told = {one.name.removeprefix(PREFIX): one.values[()] for one in door.metrics()}
        self.assertEqual(told, {"connections_unknown": 64, "connections_dropped_total": 500 - 64 + 1})

    def test_early_drop(self) -> None:
        """From half of the places on somebody may have to go early, more and more likely."""
        self.chance = 0.5
        door = self.door()
        sockets = [self.come(door)[1] for _ in range(49)]
        self.assertFalse(any(socket.aborted for socket in sockets))
        self.come(door)
        self.assertEqual(sum(socket.aborted for socket in sockets), 1)

    def test_one_place(self) -> None:
        """A single place works, too."""
        door = self.door(handshakes=1)
        first, second = self.come(door)[1], self.come(door)[1]
        self.assertEqual((first.aborted, second.aborted), (True, False))

    def test_lost_after_drop(self) -> None:
        """One that had to go is counted once, also when its end is seen later."""
        door = self.door(handshakes=1)
        arrival, _ = self.come(door)
        self.come(door)
        arrival.connectionLost()
        self.assertEqual(door.dropped, 1)

    def test_close_all(self) -> None:
        """Guests are told goodbye, strangers are not, newcomers find nobody; when all are gone it is told."""
        door = self.door()
        guest = Guest()
        arrival, socket = self.come(door)
        arrival.become(Inner(), guest)
        stranger, strange = self.come(door)
        closed = door.close_all(1001, "shutdown", 5)
        self.assertIs(door.close_all(1001, "shutdown", 5), closed)
        self.assertEqual((guest.closed, socket.aborted, strange.aborted), ([(1001, "shutdown")], False, True))
        self.assertIsNone(door.buildProtocol(None))
        stranger.connectionLost()
        self.assertNoResult(closed)
        arrival.connectionLost()
        self.successResultOf(closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_close_all_in_time(self) -> None:
        """A guest that stays is dropped when the time is over."""
        door = self.door()
        arrival, socket = self.come(door)
        arrival.become(Inner(), Guest())
        closed = door.close_all(1001, "shutdown", 5)
        self.clock.advance(5)
        self.assertTrue(socket.aborted)
        arrival.connectionLost()
        self.successResultOf(closed)

    def test_close_all_of_nobody(self) -> None:
        """Nobody there: it is over at once."""
        self.successResultOf(self.door().close_all(1001, "shutdown", 5))


class TLSTests(TestCase):
    """The same with real TLS on loopback. A clock of its own moves the deadlines."""

    timeout = 30

    def setUp(self) -> Deferred[None]:  # type: ignore[override]
        certificate: PrivateCertificate = private_certificate("localhost")
        self.trust = optionsForClientTLS("localhost", trustRoot=certificate)
        self.clock = Clock()
        options = CertificateOptions(privateKey=certificate.privateKey.original, certificate=certificate.original)
        self.house = House(self.clock, tls=options)
        return Deferred.fromCoroutine(self.open())

    async def open(self) -> None:
        self.front = self.house.door()
        self.port = await listening(self.front)
        self.addCleanup(self.close)

    async def close(self) -> None:
        await maybeDeferred(self.port.stopListening)
        closed = self.front.close_all(1001, "over", 0)
        self.clock.advance(1)
        await closed

    async def until(self, condition: Callable[[], object]) -> None:
        while not condition():
            await self.turn()

    def turn(self) -> Deferred[None]:
        """Fires when the reactor has been round."""
        done: Deferred[None] = Deferred()
        IReactorTime(installed).callLater(0.001, done.callback, None)
        return done

    async def opened(self) -> Talk:
        talk = await connected(self.port, self.trust)
        talk.say(request(port=number(self.port)))
        await talk.until(lambda: b"connection_established" in talk.heard or talk.is_over)
        self.assertIn(b"connection_established", talk.heard)
        return talk

    async def test_websocket(self) -> None:
        """A WebSocket opens through TLS, and its socket sends without delay."""
        talk = await self.opened()
        (arrival,) = self.front._present
        self.assertTrue(arrival.transport.getTcpNoDelay())  # type: ignore[union-attr]
        talk.leave()
        await self.until(lambda: self.house.subscriptions.departed)

    async def test_refused(self) -> None:
        """A refusal comes through TLS, too, and then the connection ends."""
        talk = await connected(self.port, self.trust)
        talk.say(request(port=number(self.port), without=["authorization"]))
        await talk.over()
        self.assertTrue(talk.heard.startswith(b"HTTP/1.1 401 "))

    async def test_no_tls(self) -> None:
        """T-01: whoever speaks no TLS gets no word of plain text; it is counted, and no traceback is logged."""
        with capturedLogs() as log:
            for data in (request(port=number(self.port)), b"\x00\xff" * 5000, b"220 mail ESMTP\r\n"):
                talk = await connected(self.port)
                talk.say(data)
                await talk.over()
                self.assertNotIn(b"HTTP", talk.heard)
        self.assertEqual(self.front.dropped, 3)
        self.assertFalse([event for event in log if event["log_level"] >= LogLevel.warn])

    async def test_silence(self) -> None:
        """T-04: one that says nothing, and one whose handshake never ends, are dropped after 10 s."""
        silent, slow = await connected(self.port), await connected(self.port)
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
        await self.until(lambda: len(self.front._present) == 2)
        for byte in hello[:9]:
            slow.say(bytes([byte]))
            self.clock.advance(1)
        self.assertFalse(silent.is_over or slow.is_over)
        self.clock.advance(1.1)
        await DeferredList([silent.over(), slow.over()])

    async def test_silence_after_tls(self) -> None:
        """T-05: one that has done its handshake and says nothing, or half a request, is dropped after 10 s."""
        silent, half = await connected(self.port, self.trust), await connected(self.port, self.trust)
        half.say(b"GET /ws HTTP/1.1\r\n")
        await self.until(lambda: len(self.front._present) == 2)
        self.clock.advance(10)
        await DeferredList([silent.over(), half.over()])
        self.assertEqual(silent.heard + half.heard, b"")

    async def test_slow_store(self) -> None:
        """HS-12: when the store takes longer than the 10 s there is no connection, then or later."""
        self.house.access.slow = Deferred(lambda _: None)
        talk = await connected(self.port, self.trust)
        talk.say(request(port=number(self.port)))
        await self.until(lambda: self.house.access.asked)
        self.clock.advance(10)
        await talk.over()
        self.assertEqual(self.house.subscriptions.present + self.house.subscriptions.departed, [])

    async def test_good_client_in_a_crowd(self) -> None:
        """T-04: while 500 connections say nothing, a good client gets in."""
        numbers = itertools.cycle([0.1, 0.9, 0.5, 0.3])
        self.front._random = lambda: next(numbers)
        crowd = [await connected(self.port) for _ in range(500)]
        talk = await self.opened()
        self.assertLessEqual(len(self.front._waiting), 64)
        for each in [*crowd, talk]:
            each.leave()

    async def test_cut(self) -> None:
        """T-14: a connection cut in the middle of a frame, without a word of TLS: nothing of the frame is done."""
        talk = await self.opened()
        talk.say(b"\x81\xfe\x01\x00\0\0\0\0" + b'{"type": "health_check"}'.ljust(200))
        await self.until(lambda: self.house.subscriptions.present)
        talk.transport.transport.abortConnection()  # type: ignore[union-attr]
        await self.until(lambda: self.house.subscriptions.departed)
        self.assertEqual(self.house.dispatch.asked, [])

    async def test_slow_reader(self) -> None:
        """FL-01: one that does not read is behind after a bounded number of bytes; reading again, it gets all of them
        in order, and is said to have room."""
        talk = await self.opened()
        (connection,) = self.house.subscriptions.present
        talk.transport.pauseProducing()  # type: ignore[union-attr]
        talk.heard = b""
        seq = 0
        while not connection.is_behind:
            connection.hear(Batch("p", [entry(seq + n) for n in range(64)]))
            seq += 64
            await self.turn()
            self.assertLess(seq, 64 * 1024)
        self.house.subscriptions.emptied.clear()
        talk.transport.resumeProducing()  # type: ignore[union-attr]
        await self.until(lambda: self.house.subscriptions.emptied)
        self.assertFalse(connection.is_behind)
        connection.send(b'{"seq": "last"}')
        await talk.until(lambda: talk.heard.endswith(b'{"seq": "last"}'))
        self.assertEqual([message["seq"] for message in texts(talk.heard)], [*range(seq), "last"])
        talk.leave()

    async def test_close_all(self) -> None:
        """At the end everybody hears 1001, and those who do not answer are dropped a second later."""
        talk = await self.opened()
        closed = self.front.close_all(1001, "shutdown", 5)
        await talk.until(lambda: b"\x88\x0a\x03\xe9shutdown" in talk.heard)
        self.clock.advance(1)
        await closed
        await talk.over()
