"""One POST: what each status means, TLS that is verified, no redirect, and an end to all waiting."""

from functools import partial
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReactorPluggableNameResolver
from twisted.internet.protocol import Protocol
from twisted.internet.ssl import Certificate, optionsForClientTLS
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.internet.threads import deferToThread
from twisted.logger import LogLevel, capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from pocketagent.outbound.posting import DEADLINE, LONGEST_WAIT, MAX_HEAD, Post, Whither, judged, waited
from pocketagent.outbound.public_addresses import IPublicReactor
from pocketagent.ports import Tried, Verdict
from tests.outbound.test_public_addresses import Names
from tests.receiver import Receiver


def real_post(receiver: Receiver | None) -> Post:
    """A real one, which trusts that receiver."""
    trusted = partial(optionsForClientTLS, trustRoot=Certificate.loadPEM(receiver.pem)) if receiver else None
    resolver = IReactorPluggableNameResolver(installed).nameResolver
    return Post(IPublicReactor(installed, installed), resolver, trusted or optionsForClientTLS)


class VerdictTests(SynchronousTestCase):
    def test_statuses(self) -> None:
        """2xx is taken; 404 and 410 are gone; 429 and 5xx are worth another try; everything else, redirects among it,
        is refused."""
        for verdict, statuses in (
            (Verdict.TAKEN, (200, 201, 202, 204)),
            (Verdict.GONE, (404, 410)),
            (Verdict.LATER, (408, 425, 429, 500, 502, 503, 504)),
            (Verdict.REFUSED, (301, 302, 307, 308, 400, 401, 403, 413)),
        ):
            self.assertEqual({judged(status) for status in statuses}, {verdict})

    def test_waits(self) -> None:
        """Retry-After is seconds or a date, and bounded; what is neither, or lies behind, asks for nothing."""
        now = 784111777.0
        for text, seconds in (
            ("0", 0.0), ("120", 120.0), ("9" * 18, LONGEST_WAIT), ("9" * 1000, 0.0), ("-5", 0.0), ("1.5", 0.0),
            ("", 0.0),
            ("Sun, 06 Nov 1994 08:50:37 GMT", 60.0), ("Sun, 06 Nov 1994 08:49:00 GMT", 0.0), ("soon", 0.0),
            ("Sun, 06 Nov 2094 08:49:37 GMT", LONGEST_WAIT), ("Sun, 99 Nov 1994 08:49:37 GMT", 0.0), ("٣", 0.0),
        ):  # fmt: skip
            self.assertEqual(waited(text, now), seconds, text)


class TalkTests(SynchronousTestCase):
    """Over a connection in memory, without TLS."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        post = Post(IPublicReactor(self.reactor, self.reactor), Names(["1.1.1.1"]), optionsForClientTLS)
        work = post.send("http://good.example:81/a?b=c", {"X-One": "1"}, b"body", Whither.PUBLIC)
        self.sending: Deferred[Tried] = Deferred.fromCoroutine(work)

    def connect(self) -> StringTransport:
        factory = self.reactor.tcpClients[0][2]
        self.protocol = cast(Protocol, factory.buildProtocol(None))
        transport = StringTransport()
        self.protocol.makeConnection(transport)
        return transport

    def test_request(self) -> None:
        """A request is whole, and asks for no more than its answer."""
        transport = self.connect()
        head, _, body = transport.value().partition(b"\r\n\r\n")
        self.assertEqual(
            head.split(b"\r\n"),
            [
                b"POST /a?b=c HTTP/1.1",
                b"Host: good.example:81",
                b"Connection: close",
                b"X-One: 1",
                b"Content-Length: 4",
            ],
        )
        self.assertEqual(body, b"body")

    def test_status(self) -> None:
        """The status is heard however it is chopped, behind what comes before it; nothing more is waited for."""
        transport = self.connect()
        for byte in b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\n":
            self.protocol.dataReceived(bytes([byte]))
        self.assertEqual(self.successResultOf(self.sending), Tried(Verdict.TAKEN))
        self.assertTrue(transport.disconnected)

    def test_retry_after(self) -> None:
        """Who is busy is heard to the end of its head: it may say when to come again."""
        transport = self.connect()
        self.protocol.dataReceived(b"HTTP/1.1 429 Slow down\r\nX: y\r\nRetry-")
        self.assertNoResult(self.sending)
        self.protocol.dataReceived(b"After:  30 \r\nX: y\r\n\r\nRetry-After: 5\r\n")
        self.assertEqual(self.successResultOf(self.sending), Tried(Verdict.LATER, 30.0))
        self.assertTrue(transport.disconnected)

    def test_blanks(self) -> None:
        """A header of nearly nothing but blanks is read in one go, not once from each of them: that took 8 s."""
        self.connect()
        blanks = b" " * (MAX_HEAD - 100)
        self.protocol.dataReceived(b"HTTP/1.1 503 Away\r\nRetry-After: 3" + blanks + b"0\r\n\r\n")
        self.assertEqual(self.successResultOf(self.sending), Tried(Verdict.LATER))

    def test_no_end_of_head(self) -> None:
        """A head that has no end is worth what was heard of it."""
        self.connect()
        self.protocol.dataReceived(b"HTTP/1.1 503 Away\r\nRetry-After: 30\r\nX: y")
        self.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.successResultOf(self.sending), Tried(Verdict.LATER, 30.0))

    def test_endless_head(self) -> None:
        """So is one that is too long."""
        transport = self.connect()
        self.protocol.dataReceived(b"HTTP/1.1 503 Away\r\nRetry-After: 30\r\nX: " + b"x" * MAX_HEAD)
        self.assertEqual(self.successResultOf(self.sending), Tried(Verdict.LATER, 30.0))
        self.assertTrue(transport.disconnected)

    def test_too_much(self) -> None:
        """Who says too much before the status is not listened to."""
        transport = self.connect()
        self.protocol.dataReceived(b"x" * (MAX_HEAD + 1))
        self.assertEqual(self.successResultOf(self.sending), Tried(Verdict.LATER))
        self.assertTrue(transport.disconnected)

    def test_silence(self) -> None:
        """Who never answers is waited for so long, and then hung up on."""
        transport = self.connect()
        self.reactor.advance(DEADLINE - 0.1)
        self.assertNoResult(self.sending)
        self.reactor.advance(0.1)
        self.assertEqual(self.successResultOf(self.sending), Tried(Verdict.LATER))
        self.assertTrue(transport.disconnected)

    def test_nobody(self) -> None:
        """So is an address that never takes the connection."""
        self.reactor.advance(DEADLINE)
        self.assertEqual(self.successResultOf(self.sending), Tried(Verdict.LATER))


class RealTests(TestCase):
    """Against a server on this machine, with TLS."""

    timeout = 60

    def receiver(self, *statuses: int, **more: str) -> Receiver:
        receiver = Receiver.start(Path(self.mktemp()), *statuses, **more)  # type: ignore[arg-type]  # `name` alone
        self.addCleanup(deferToThread, receiver.stop)
        return receiver

    async def send(
        self, receiver: Receiver, trusted: Receiver | None, host: str = "localhost", whither: Whither = Whither.ANYWHERE
    ) -> Tried:
        url = f"https://{host}:{receiver.port}/send"
        assert urlsplit(url).port
        return await real_post(trusted).send(url, {"X-One": "1"}, b"body", whither)

    async def test_taken(self) -> None:
        """What is sent arrives, and leaves no line in the log."""
        receiver = self.receiver(201)
        with capturedLogs() as log:
            self.assertEqual(await self.send(receiver, receiver), Tried(Verdict.TAKEN))
        self.assertEqual([event for event in log if event["log_level"] >= LogLevel.info], [])
        came = receiver.next()
        self.assertEqual((came.path, came.body, came.headers["x-one"]), ("/send", b"body", "1"))

    async def test_redirect(self) -> None:
        """A redirect is not followed."""
        receiver = self.receiver(307)
        self.assertEqual(await self.send(receiver, receiver), Tried(Verdict.REFUSED))
        self.assertEqual(receiver.count, 1)

    async def test_tls(self) -> None:
        """A certificate that nobody trusts, or of another name, is not talked to."""
        receiver, other = self.receiver(), self.receiver(name="other.example")
        self.assertEqual(await self.send(receiver, None), Tried(Verdict.LATER))
        self.assertEqual(await self.send(other, other), Tried(Verdict.LATER))
        self.assertEqual((receiver.count, other.count), (0, 0))

    async def test_private(self) -> None:
        """SSRF: loopback is not connected to, as an address or behind a name."""
        receiver = self.receiver()
        for host in ("localhost", "127.0.0.1", "[::1]", "127.1", "2130706433"):
            tried = await self.send(receiver, receiver, host, Whither.PUBLIC)
            self.assertIn(tried.verdict, (Verdict.REFUSED, Verdict.LATER), host)
        self.assertEqual(receiver.count, 0)
