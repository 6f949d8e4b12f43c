"""The way to a server: the token goes to the right one only, and whatever is wrong is one sentence."""

import asyncio
import contextlib
import json
import logging
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from time import time

from attrs import define, field
from cryptography.x509 import load_pem_x509_certificate
from websockets.asyncio.server import Server as WebSockets
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from pocketagent.client import NotMyServer, Problem, Server, TurnedAway, Unreachable
from pocketagent.client.link import dial, fingerprint_of, look
from pocketagent.outbound import authority, certificates
from pocketagent.wire.server import SUBPROTOCOL
from tests.client.loops import LoopTestCase

TOKEN = f"pa_{'1' * 16}_{'2' * 64}"
SHORT = 0.3
"""Seconds within which nothing comes from whoever says nothing."""


@define(eq=False)
class Scripted:
    """A server that says one thing and records what it hears."""

    answer: bytes | None
    """None: nothing, for as long as the client stays."""
    heard: bytearray = field(factory=bytearray)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            if self.answer is None or self.answer.startswith(b"HTTP"):
                while b"\r\n\r\n" not in self.heard and (data := await reader.read(65536)):
                    self.heard += data
            if self.answer is None:
                await reader.read()
            else:
                writer.write(self.answer)
                await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    @contextlib.asynccontextmanager
    async def open(self, context: ssl.SSLContext | None = None) -> AsyncIterator["Scripted"]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await asyncio.sleep(0.01)  # until what was accepted is closed as well


def http(status: str, body: object = None, *headers: str) -> bytes:
    said = b"" if body is None else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(said)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + said


def error(status: str, code: str, message: str, **details: object) -> bytes:
    return http(status, {"type": "error", "data": {"code": code, "message": message, "details": details}})


class LinkCase(LoopTestCase):
    """Real sockets on this machine, and a certificate of the server's own kind."""

    loop = asyncio.SelectorEventLoop
    unimportant = ("Error on transport creation for incoming connection",)  # the server's side of a failed handshake

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        authority.keep(str(self.directory), ["localhost"], time())
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.directory / authority.CERTIFICATE, self.directory / authority.PRIVATE_KEY)
        certificate = load_pem_x509_certificate((self.directory / authority.CERTIFICATE).read_bytes())
        self.fingerprint = certificates.fingerprint(certificate)
        self.ca = str(self.directory / authority.AUTHORITY)

    def problem(
        self,
        kind: type[Problem],
        server: Scripted,
        where: Callable[[int], Server],
        *words: str,
        context: ssl.SSLContext | None = None,
        timeout: float = 10,
    ) -> Problem:
        """What is raised on the way to a scripted server: one sentence with these words, and no token."""

        async def story() -> Problem:
            async with server.open(context):
                with self.assertRaises(kind) as raised:
                    await dial(where(server.port), timeout)
            problem = raised.exception
            assert isinstance(problem, Problem)
            return problem

        problem = self.tell(story())
        self.check(problem, *words)
        self.assertIs(type(problem), kind)
        return problem

    def unreachable(self, attempt: Callable[[], Awaitable[object]]) -> Exception:
        """Why there is no way."""

        async def story() -> Exception:
            try:
                await attempt()
            except Unreachable as problem:
                return problem
            raise AssertionError("there is a way")

        return self.tell(story())

    def check(self, problem: Exception, *words: str) -> None:
        text = str(problem)
        for word in words:
            self.assertIn(word, text)
        self.assertRegex(text, r"^[A-Z0-9'\[/].*[.)?]$")
        for shown in (text, repr(problem)):
            self.assertNotIn(TOKEN[3:12], shown)
            self.assertNotIn("\n", shown)

    def plain(self, port: int) -> Server:
        return Server(f"ws://127.0.0.1:{port}", TOKEN)

    def pinned(self, port: int) -> Server:
        return Server(f"127.0.0.1:{port}", TOKEN, self.fingerprint)


class TlsTests(LinkCase):
    async def _greet(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        await connection.send(str(connection.request.headers["Authorization"]))
        await connection.wait_closed()

    def serving(self, logger: logging.Logger | None = None) -> Awaitable[WebSockets]:
        protocols = [Subprotocol(SUBPROTOCOL)]
        return serve(self._greet, "127.0.0.1", 0, ssl=self.context, subprotocols=protocols, logger=logger)

    def test_the_right_one(self) -> None:
        """A server with the pinned key, or with a certificate that the CA vouches for, gets the token."""

        async def story() -> None:
            async with await self.serving() as server:
                port = server.sockets[0].getsockname()[1]
                self.assertEqual(await look(f"127.0.0.1:{port}"), self.fingerprint)
                for known in (self.pinned(port), Server(f"localhost:{port}", TOKEN, ca=self.ca)):
                    connection = await dial(known)
                    self.assertEqual(await connection.recv(), f"Bearer {TOKEN}")
                    self.assertEqual(connection.subprotocol, SUBPROTOCOL)
                    await connection.close()

        self.tell(story())

    def test_no_log_has_the_token(self) -> None:
        """At the most talkative, no logger of this process gets the token, and none of what is said."""
        records: list[str] = []
        root = logging.getLogger()
        handler = logging.Handler()
        handler.emit = lambda record: records.append(record.getMessage())  # type: ignore[method-assign]
        before = root.level
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        self.addCleanup(root.setLevel, before)
        self.addCleanup(root.removeHandler, handler)

        async def story() -> None:
            async with await self.serving(logging.Logger("theirs")) as server:
                connection = await dial(self.pinned(server.sockets[0].getsockname()[1]))
                self.assertIn(TOKEN, str(await connection.recv()))
                await connection.close()

        self.tell(story())
        self.assertEqual([record for record in records if TOKEN in record], [])

    def test_another_key(self) -> None:
        """A server with another key hears not one byte from us, and the person is told both fingerprints."""
        server = Scripted(None)
        wrong = "A" * 43 + "="
        self.problem(
            NotMyServer,
            server,
            lambda port: Server(f"127.0.0.1:{port}", TOKEN, wrong),
            *(wrong, self.fingerprint, "pocketagent connect"),
            context=self.context,
        )
        self.assertEqual(server.heard, b"")

    def test_nobody_vouches_for_it(self) -> None:
        """Without a fingerprint the certificate must be good: for the system, for the CA, for the name."""
        for where in (
            lambda port: Server(f"localhost:{port}", TOKEN),
            lambda port: Server(f"127.0.0.1:{port}", TOKEN, ca=self.ca),
        ):
            server = Scripted(None)
            self.problem(NotMyServer, server, where, "certificate", "fingerprint", context=self.context)
            self.assertEqual(server.heard, b"")

    def test_no_ca(self) -> None:
        """A file without certificates is told as that."""
        empty = self.directory / "empty.pem"
        empty.write_text("nothing")
        for ca in (str(empty), str(self.directory / "missing.pem"), str(self.directory)):
            server = Scripted(None)
            self.problem(Problem, server, lambda port, ca=ca: Server(f"localhost:{port}", TOKEN, ca=ca), ca)  # type: ignore[misc]

    def test_a_look_says_nothing(self) -> None:
        """Whoever is only looked at hears nothing."""

        async def story() -> None:
            async with Scripted(None).open(self.context) as server:
                self.assertEqual(await look(f"wss://127.0.0.1:{server.port}/ws"), self.fingerprint)
            self.assertEqual(server.heard, b"")
            with self.assertRaises(Problem):
                await look("ws://localhost:1")

        self.tell(story())

    def test_a_certificate_that_cannot_be_read(self) -> None:
        """What is no certificate of X.509 is not our server."""
        self.assertRaises(NotMyServer, fingerprint_of, b"\x30\x00")


class UnreachableTests(LinkCase):
    def test_what_is_no_server(self) -> None:
        """Something that speaks, but not as a server does."""
        for answer, where, word in (
            (b"SSH-2.0-OpenSSH_9.6\r\n", self.plain, "is not a Pocket Agent Server"),
            (b"\x00\xff" * 100, self.plain, "is not a Pocket Agent Server"),
            (b"", self.plain, "is not a Pocket Agent Server"),
            (b"HTTP/1.1 200 OK\r\n", self.plain, "is not a Pocket Agent Server"),
            (http("200 OK", {"hello": 1}), self.plain, "HTTP status 200"),
            (http("404 Not Found"), self.plain, "HTTP status 404"),
            (http("101 Switching Protocols", None, "Upgrade: websocket", "Connection: upgrade"), self.plain, ""),
            (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000 + b"\r\n", self.plain, "is not a Pocket Agent Server"),
            (b"SSH-2.0-OpenSSH_9.6\r\n", self.pinned, "does not speak TLS"),
        ):  # fmt: skip
            self.problem(Unreachable, Scripted(answer), where, word)
        self.problem(Unreachable, Scripted(b"\x15\x03\x03\x00\x02\x02\x46"), self.pinned)

    def test_one_that_hangs_up(self) -> None:
        """Something that closes before TLS has begun."""
        self.problem(Unreachable, Scripted(b""), self.pinned)

    def test_one_that_says_nothing(self) -> None:
        """Something that takes the connection and is silent: before TLS, or before the upgrade."""
        for where in (self.plain, self.pinned):
            self.problem(Unreachable, Scripted(None), where, "does not answer", timeout=SHORT)
        self.problem(Unreachable, Scripted(None), self.pinned, "does not answer", context=self.context, timeout=SHORT)

    def test_without_tls_to_tls(self) -> None:
        """Who speaks to a TLS port without TLS is told that this is no server."""
        self.problem(Unreachable, Scripted(None), self.plain, "is not a Pocket", context=self.context)

    def test_nobody(self) -> None:
        """Where nothing listens, and where there is no such host."""
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            for url, word in (
                (f"127.0.0.1:{port}", f"Nothing listens at 127.0.0.1:{port}"),
                (f"localhost:{port}", f"Nothing listens at localhost:{port}"),
                ("no-such-host.invalid", "There is no host no-such-host.invalid"),
            ):
                for attempt in (partial(dial, Server(url, TOKEN, "f")), partial(look, url)):
                    self.check(self.unreachable(attempt), word)


class AnswerTests(LinkCase):
    """What the server answers instead of a WebSocket."""

    def test_401(self) -> None:
        """Every reason is told in words, and is kept for programs."""
        for reason, word in {
            "missing": "There is no token",
            "malformed": "is none",
            "unknown": "does not know this token",
            "expired": "has expired",
            "": "does not know this token",
        }.items():
            answer = error("401 Unauthorized", "UNAUTHORIZED", "x", reason=reason)
            problem = self.problem(TurnedAway, Scripted(answer), self.plain, word, "pocketagent token create")
            assert isinstance(problem, TurnedAway)
            self.assertEqual(problem.reason, reason)

    def test_others(self) -> None:
        """A name that the server does not go by; no room, in the server's words or as a proxy's number; others."""
        for answer, kind, word in (
            (error("421 Misdirected Request", "FORBIDDEN", "Another name."), TurnedAway, "--name 127.0.0.1"),
            (error("503 Service Unavailable", "RESOURCE_LIMIT", "It is full."), Unreachable, "It is full."),
            (http("502 Bad Gateway"), Unreachable, "HTTP status 502"),
            (http("503 Service Unavailable", [1]), Unreachable, "HTTP status 503"),
            (error("403 Forbidden", "FORBIDDEN", "Pages may not come here."), TurnedAway, "Pages may not come here."),
        ):
            self.problem(kind, Scripted(answer), self.plain, word)

    def test_a_redirect_leads_nowhere(self) -> None:
        """Wherever a server sends us: nobody else is asked, and nobody else gets the token."""
        other = Scripted(None)
        sockets: list[socket.socket] = [socket.create_server(("127.0.0.1", 0))]
        self.addCleanup(sockets[0].close)
        port = sockets[0].getsockname()[1]
        sockets[0].setblocking(False)
        for status in ("301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"):
            for target in (f"ws://127.0.0.1:{port}/ws", f"http://127.0.0.1:{port}/ws", "/elsewhere"):
                answer = http(status, None, f"Location: {target}")
                self.problem(Unreachable, Scripted(answer), self.plain, f"HTTP status {status[:3]}")
        self.assertRaises(BlockingIOError, sockets[0].accept)
        self.assertEqual(other.heard, b"")


class ProxyTests(LinkCase):
    """The proxy that the environment names."""

    VARIABLES: Sequence[str] = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")

    def name(self, proxy: str, variables: Sequence[str] = VARIABLES) -> None:
        for variable in (*self.VARIABLES, "NO_PROXY", "no_proxy"):
            before = os.environ.pop(variable, None)
            if before is not None:
                self.addCleanup(os.environ.__setitem__, variable, before)
            self.addCleanup(os.environ.pop, variable, None)
        os.environ.update(dict.fromkeys(variables, proxy))

    def test_not_for_this_machine(self) -> None:
        """No proxy is asked for a server on this machine."""
        self.name("http://127.0.0.1:1")
        answer = error("401 Unauthorized", "UNAUTHORIZED", "x", reason="unknown")
        for host in ("127.0.0.1", "localhost"):
            self.problem(TurnedAway, Scripted(answer), lambda port, host=host: Server(f"ws://{host}:{port}", TOKEN))  # type: ignore[misc]

    def test_for_others(self) -> None:
        """It is asked for all others, and gets no token. What it answers is told."""
        for answer, words in (
            (http("407 Proxy Authentication Required"), ("proxy", "407")),
            (b"nonsense\r\n\r\n", ("proxy",)),
            (b"", ("proxy",)),
            (b"HTTP/1.1 200 OK\r\n\r\nSSH-2.0\r\n", ("somewhere.invalid",)),
        ):
            proxy = Scripted(answer)

            def where(port: int) -> Server:
                self.name(f"http://127.0.0.1:{port}", ("https_proxy",))
                return Server("wss://somewhere.invalid", TOKEN, "f")

            self.problem(Unreachable, proxy, where, *words)
            if answer.startswith(b"HTTP"):
                self.assertTrue(proxy.heard.startswith(b"CONNECT somewhere.invalid:443 HTTP/1.1\r\n"))
            self.assertNotIn(TOKEN.encode(), proxy.heard)

    def test_it_is_not_there(self) -> None:
        """A proxy that cannot be reached, or cannot be used, is named as what is wrong."""
        for proxy, word in (
            ("http://127.0.0.1:1", "Connection refused"),
            ("http://me:secret@nowhere.invalid:1", "The proxy that the environment names"),
            ("ftp://127.0.0.1:1", "The proxy that the environment names"),
            ("socks5://127.0.0.1:1", "python-socks"),
        ):
            self.name(proxy, ("https_proxy",))
            problem = self.unreachable(partial(dial, Server("wss://somewhere.invalid", TOKEN, "f")))
            self.check(problem, word)
            self.assertNotIn("secret", str(problem))
