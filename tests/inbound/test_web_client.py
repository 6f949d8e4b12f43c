"""Tests of `pocketagent.inbound.web_client`."""

import contextlib
import gzip
import socket
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.inbound.call import Call
from pocketagent.inbound.channel import STRANGER_ANSWERS, STRANGER_IDLE, STRANGER_TIME
from pocketagent.inbound.outbox import gauge
from pocketagent.inbound.web_client import POLICY, TYPES, routes, taken
from tests.inbound.asking import Heard, written
from tests.inbound.house import House
from tests.inbound.test_door import Socket

PORT = 8443
SCRIPT = b"const words = 'the same, the same, the same, the same, the same, the same, the same';" * 20
BROTLI = b"the same, packed by who built it"
FILES: Mapping[str, bytes] = {
    "index.html": b"<!doctype html>" + b"<p>Hello</p>" * 50,
    "sw.js": SCRIPT,
    "manifest.webmanifest": b'{"name": "x"}',
    "icons/icon.svg": b"<svg/>",
    "icons/icon.svg.br": b"longer than the icon",
    "icons/icon-192.png": b"\x89PNG" + bytes(500),
    "assets/main-1a_B-2.js": SCRIPT,
    "assets/main-1a_B-2.js.br": BROTLI,
    "assets/main-1a_B-2.js.map": b"{}",
    "assets/main.css": b"p{}",
    "assets/{id}.js": b"",
    "odd name.js": b"",
    ".vite/manifest.json": b"{}",
}


class Connected(Socket):
    """A connection whose bytes the kernel counts on a real socket."""

    def __init__(self, handle: socket.socket) -> None:
        super().__init__()
        self._handle = handle

    def getHandle(self) -> socket.socket:
        return self._handle


class WebClientCase(SynchronousTestCase):
    """A front on a clock of its own, with a socket in memory."""

    files = FILES

    def setUp(self) -> None:
        self.clock = Clock()
        self.door = House(self.clock, more=routes(self.files)).door()
        self.come()

    def come(self, socket: Socket | None = None) -> None:
        arrival = self.door.buildProtocol(None)
        assert arrival is not None
        self.arrival, self.socket = arrival, socket or Socket()
        arrival.makeConnection(self.socket)

    def say(self, method: str, target: str, **headers: str) -> Heard:
        """What is answered on the connection that there is."""
        self.socket.clear()
        asked = written(method, target, port=PORT, token=None, **headers)
        self.arrival.dataReceived(asked)
        return Heard.of(self.socket.value())

    def ask(self, method: str, target: str, **headers: str) -> Heard:
        """What is answered on a connection of its own."""
        self.come()
        return self.say(method, target, **headers)


class FileTests(WebClientCase):
    def test_each(self) -> None:
        """Every file of the build is there for everybody, as what it is; the page is at `/`."""
        for path, target in (
            ("index.html", "/"),
            ("sw.js", "/sw.js"),
            ("manifest.webmanifest", "/manifest.webmanifest"),
            ("icons/icon.svg", "/icons/icon.svg"),
            ("icons/icon-192.png", "/icons/icon-192.png"),
            ("assets/main-1a_B-2.js", "/assets/main-1a_B-2.js"),
        ):
            heard = self.ask("GET", target)
            self.assertEqual((heard.status, heard.body), (200, FILES[path]), target)
            self.assertEqual(heard.header("content-type"), TYPES["." + path.rpartition(".")[2]])
            self.assertEqual(heard.header("content-length"), str(len(FILES[path])))
            bare = self.ask("HEAD", target)
            self.assertEqual((bare.body, bare.headers), (b"", heard.headers))

    def test_nothing_else(self) -> None:
        """Paths are exact, and files of other kinds or with odd names are given to nobody."""
        for target in (
            *(
                "/index.html",
                "/assets",
                "/assets/",
                "//",
                "/sw.js/",
                "/SW.JS",
                "/./sw.js",
                "/assets/../sw.js",
                "/%73w.js",
            ),
            *(
                "/assets/main-1a_B-2.js.map",
                "/assets/main-1a_B-2.js.br",
                "/.vite/manifest.json",
                "/odd%20name.js",
                "/assets/x.js",
                "/projects",
            ),
            *("/static/index.html", "/assets/..%2f..%2fapp.py", "/icons/%2e%2e/sw.js", "/assets/{id}.js"),
        ):
            self.assertEqual(self.ask("GET", target).status, 404, target)
        self.assertEqual(self.ask("POST", "/").status, 405)
        self.assertEqual(self.ask("GET", "/?x=1").status, 400)
        self.assertEqual(self.ask("GET", "/", host="evil.example").status, 421)

    def test_how_long(self) -> None:
        """What has its content in its name is kept for good; all else is asked for again each time."""
        self.assertEqual(
            self.ask("GET", "/assets/main-1a_B-2.js").header("cache-control"), "public, max-age=31536000, immutable"
        )
        for target in ("/", "/sw.js", "/manifest.webmanifest", "/icons/icon.svg"):
            self.assertEqual(self.ask("GET", target).header("cache-control"), "no-cache")

    def test_headers(self) -> None:
        """Whatever is given, also a 304, says what a page may do: nothing that comes from elsewhere, in no frame."""
        tag = self.ask("GET", "/").header("etag") or ""
        for heard in self.ask("GET", "/"), self.ask("GET", "/sw.js"), self.ask("GET", "/", if_none_match=tag):
            found = dict(heard.headers)
            self.assertEqual(found["content-security-policy"], POLICY)
            self.assertEqual(found["x-content-type-options"], "nosniff")
            self.assertEqual(found["referrer-policy"], "no-referrer")
            self.assertEqual(found["cross-origin-opener-policy"], "same-origin")
            self.assertEqual(found["cross-origin-resource-policy"], "same-origin")
            self.assertIn("camera=(self), microphone=(self), ", found["permissions-policy"])
            self.assertIn("geolocation=()", found["permissions-policy"])
        self.assertNotIn("unsafe", POLICY)

    def test_packed(self) -> None:
        """Who takes gzip gets it where it is smaller, under a tag of its own; caches hear on what that depends."""
        plain = self.ask("GET", "/sw.js")
        packed = self.ask("GET", "/sw.js", accept_encoding="gzip, deflate, br, zstd")
        self.assertEqual((gzip.decompress(packed.body), packed.header("content-encoding")), (SCRIPT, "gzip"))
        self.assertLess(len(packed.body), len(SCRIPT))
        self.assertIsNone(plain.header("content-encoding"))
        self.assertNotEqual(packed.header("etag"), plain.header("etag"))
        for heard in plain, packed:
            self.assertEqual(heard.header("vary"), "Accept-Encoding")
        for target in "/icons/icon-192.png", "/assets/main.css":
            heard = self.ask("GET", target, accept_encoding="gzip")
            self.assertIsNone(heard.header("content-encoding") or heard.header("vary"))

    def test_packed_when_built(self) -> None:
        """What the build has packed with brotli is sent as it is to whoever takes that, where it is smaller."""
        packed = self.ask("GET", "/assets/main-1a_B-2.js", accept_encoding="gzip, deflate, br, zstd")
        self.assertEqual((packed.body, packed.header("content-encoding")), (BROTLI, "br"))
        self.assertEqual(packed.header("vary"), "Accept-Encoding")
        tag = packed.header("etag") or ""
        known = self.ask("GET", "/assets/main-1a_B-2.js", accept_encoding="br", if_none_match=tag)
        self.assertEqual((known.status, known.header("etag")), (304, tag))
        self.assertEqual(
            self.ask("GET", "/assets/main-1a_B-2.js", accept_encoding="gzip", if_none_match=tag).status, 200
        )
        self.assertIsNone(self.ask("GET", "/icons/icon.svg", accept_encoding="br").header("content-encoding"))

    def test_known_already(self) -> None:
        """Who has it already is told so, by the tag of the very form that would be sent."""
        for more in {}, {"accept_encoding": "gzip"}:
            tag = self.ask("GET", "/sw.js", **more).header("etag") or ""
            self.assertRegex(tag, r'^"[0-9a-f]{24}"$')
            for known in tag, f'"x", {tag}', f"W/{tag}", "*":
                heard = self.ask("GET", "/sw.js", if_none_match=known, **more)
                self.assertEqual((heard.status, heard.body, heard.header("etag")), (304, b"", tag))
            self.assertEqual(self.ask("GET", "/sw.js", if_none_match='"x"', **more).status, 200)
        self.assertEqual(self.ask("GET", "/sw.js", if_none_match=tag).status, 200)


class NotBuiltTests(WebClientCase):
    files = {}

    def test_not_built(self) -> None:
        """Where it was not built the page says so, without a script; and there is nothing else."""
        heard = self.ask("GET", "/")
        self.assertEqual((heard.status, heard.header("content-type")), (503, TYPES[".html"]))
        self.assertIn(b"make web", heard.body)
        self.assertNotIn(b"<script", heard.body)
        self.assertEqual(self.ask("GET", "/sw.js").status, 404)


class StrangerTests(WebClientCase):
    """HS-18, T-04: a page with its files comes over one connection, at a cost that is bounded."""

    def test_how_many(self) -> None:
        """One connection gives so many files to somebody unknown; the last says that it is the last."""
        for _ in range(STRANGER_ANSWERS - 1):
            heard = self.say("GET", "/sw.js")
            self.assertEqual((heard.status, heard.is_last, self.socket.half_closed), (200, False, False))
        heard = self.say("GET", "/sw.js")
        self.assertEqual((heard.status, heard.is_last, self.socket.half_closed), (200, True, True))

    def test_how_long(self) -> None:
        """It is dropped after so long, however busy it is."""
        for _ in range(int(STRANGER_TIME / 4)):
            self.say("GET", "/assets/main.css", if_none_match="*")
            self.assertFalse(self.socket.aborted)
            self.clock.advance(4)
        self.assertTrue(self.socket.aborted)

    def test_first(self) -> None:
        """Before the first file it has no more time than anybody."""
        self.clock.advance(9.9)
        self.say("GET", "/")
        self.clock.advance(4)
        self.say("GET", "/")
        self.assertFalse(self.socket.aborted)

    def test_idle(self) -> None:
        """Between two files it may be silent for so long, also within a request; then it ends without a word."""
        for begun in b"", b"GET / HT":
            self.come()
            self.say("GET", "/")
            self.clock.advance(STRANGER_IDLE - 0.1)
            self.say("GET", "/")
            self.socket.clear()
            self.arrival.dataReceived(begun)
            self.clock.advance(STRANGER_IDLE - 0.1)
            self.assertFalse(self.socket.half_closed)
            self.clock.advance(0.1)
            self.assertEqual((self.socket.half_closed, self.socket.value()), (True, b""))

    def test_still_reading(self) -> None:
        """Who has not yet all that was sent is not idle, however slowly it reads."""
        with socket.create_server(("127.0.0.1", 0)) as port:
            ours = socket.create_connection(port.getsockname())
            theirs, _ = port.accept()
        with ours, theirs:
            ours.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    ours.send(bytes(65536))
            self.come(Connected(ours))
            self.say("GET", "/")
            self.clock.advance(STRANGER_IDLE)
            self.clock.advance(STRANGER_IDLE)
            self.assertFalse(self.socket.half_closed)
            while gauge(ours)[1]:
                theirs.recv(65536)
            self.clock.advance(STRANGER_IDLE)
            self.assertTrue(self.socket.half_closed)

    def test_others(self) -> None:
        """Anything else ends it, as ever; 304 does not."""
        tag = self.say("GET", "/").header("etag") or ""
        self.assertEqual(self.say("GET", "/", if_none_match=tag).is_last, False)
        for target, status in ("/health", 200), ("/nothing", 404), ("/api/v1/agent", 401), ("/?x", 400):
            self.come()
            self.say("GET", "/")
            heard = self.say("GET", target)
            self.assertEqual((heard.status, heard.is_last), (status, True))

    def test_place(self) -> None:
        """It stays one of those who wait to be known, so that newcomers find a place whatever it reads."""
        self.door = House(self.clock, more=routes(FILES), handshakes=1).door()
        self.come()
        self.say("GET", "/")
        reader = self.socket
        self.come()
        self.assertTrue(reader.aborted)
        self.assertEqual(self.door.dropped, 0)

    def test_becomes_known(self) -> None:
        """Once it shows a credential it stays like any other."""
        self.say("GET", "/")
        self.arrival.dataReceived(written("GET", "/api/v1/agent", port=PORT))
        self.clock.advance(STRANGER_TIME)
        for _ in range(STRANGER_ANSWERS):
            self.assertFalse(self.say("GET", "/").is_last)

    def test_one_timer_each(self) -> None:
        """When it ends, no timer of it is left."""
        self.say("GET", "/")
        self.arrival.connectionLost()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class CodingTests(SynchronousTestCase):
    def taken(self, *values: str) -> str | None:
        return taken(Call("GET", "/", "HTTP/1.1", {"accept-encoding": values} if values else {}), ["br", "gzip"])

    def test_who(self) -> None:
        """A coding is sent where it is named, or anything is; not at a weight of 0, nor where the plain is liked more.
        Of two that are liked alike it is the one that packs better."""
        for coding, values in (
            ("gzip", ["gzip"]),
            ("gzip", ["GZIP"]),
            ("gzip", ["deflate, gzip"]),
            ("gzip", ["x-gzip"]),
            ("gzip", ["gzip ; q=1.000"]),
            ("gzip", ["gzip;q=0.5, identity;q=0.5"]),
            ("gzip", ["gzip;q=1, *;q=0"]),
            ("gzip", ["br;q=0.5", "gzip"]),
            ("gzip", ["br;q=0, *"]),
            ("br", ["gzip, deflate, br, zstd"]),
            ("br", ["br", "gzip;q=0.1"]),
            ("br", ["*"]),
            ("br", ["*;q=0.5"]),
            ("br", ["gzip;q=0.000, *"]),
            (None, []),
            (None, [""]),
            (None, ["zstd"]),
            (None, ["gzip;q=0"]),
            (None, ["*;q=0"]),
            (None, ["identity"]),
            (None, ["gzip;q=0.4, identity;q=0.5"]),
            (None, ["gzip;q=2"]),
            (None, ["gzip;q=x"]),
            (None, ["gzip;level=9"]),
            (None, ["gzipped"]),
        ):
            self.assertEqual(self.taken(*values), coding, values)
        self.assertIsNone(taken(Call("GET", "/", "HTTP/1.1", {"accept-encoding": ["br"]}), []))

    @given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40), max_size=4))
    def test_anything(self, values: list[str]) -> None:
        """Whatever stands there, there is an answer."""
        self.assertIn(self.taken(*values), ("br", "gzip", None))
