"""Tests of `pocketagent.inbound.channel`: requests on a connection that stays, and their bodies."""

import json
import re

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from pocketagent.domain.access import Scope
from pocketagent.domain.commands import Execute, Kill
from pocketagent.inbound.answer import Answer
from pocketagent.inbound.attachments import UPLOAD_TIME
from pocketagent.inbound.channel import KEEP_ALIVE, READ_AHEAD, REQUEST_TIME, STALLED
from pocketagent.inbound.door import LINGER
from pocketagent.inbound.limits import Bounds, LargeBodies, Limits
from pocketagent.inbound.routes import Body, Route, Visit
from tests.inbound.asking import Asking, Heard, written
from tests.inbound.house import DEVICE, TOKEN, House, connected, listening, number, request
from tests.inbound.test_door import Socket

EXECUTIONS = "/api/v1/projects/p/executions"
PROMPT = {"prompt": "x"}


async def echo(visit: Visit) -> Answer:
    return Answer(200, visit.body, content_type="text/plain")


ECHO = Route(
    method="POST", path="/echo", answer=echo, scope=Scope.READ, body=Body(100_000, ("text/plain", "image/png"), False)
)
UPLOAD = Route(
    method="POST",
    path="/upload",
    answer=echo,
    scope=Scope.READ,
    body=Body(100_000, ("image/png",), seconds=UPLOAD_TIME, is_large=True),
)


class ChannelCase(TestCase):
    timeout = 20

    def setUp(self) -> Deferred[None]:  # type: ignore[override]
        self.house = House(IReactorTime(installed), body_size=10_000, more=[ECHO])
        return Deferred.fromCoroutine(self.open())

    async def open(self) -> None:
        self.front = self.house.door()
        self.port = await listening(self.front)
        self.addCleanup(self.close)
        self.asking = await Asking.of(self.port)

    async def close(self) -> None:
        self.asking.leave()
        await maybeDeferred(self.port.stopListening)
        await self.front.close_all(1001, "over", 0.1)

    def written(self, method: str, target: str, body: object = None, **more: object) -> bytes:
        return written(method, target, body, port=number(self.port), **more)  # type: ignore[arg-type]

    async def alone(self, data: bytes) -> Heard:
        """What is answered on a connection of its own, which ends with that."""
        talk = await connected(self.port)
        talk.say(data)
        await talk.over()
        self.assertEqual(talk.heard.count(b"HTTP/1.1 "), 1, talk.heard)
        return Heard.of(talk.heard)

    async def turn(self, seconds: float = 0.02) -> None:
        waiting: Deferred[None] = Deferred()
        IReactorTime(installed).callLater(seconds, waiting.callback, None)
        await waiting

    async def until(self, condition: object) -> None:
        assert callable(condition)
        while not condition():
            await self.turn(0.005)


class StayTests(ChannelCase):
    async def test_one_connection(self) -> None:
        """Who has shown a credential asks again and again on one connection, each time with it."""
        for count in range(1, 6):
            self.assertEqual((await self.asking.ask("POST", EXECUTIONS, PROMPT)).status, 202)
            self.assertEqual(len(self.house.access.asked), count)
        (visitor,) = self.house.subscriptions.present
        self.assertEqual(visitor.device, DEVICE)

    async def test_several_people(self) -> None:
        """A proxy's connection is that of whoever asked last."""
        await self.asking.ask("GET", "/api/v1/agent")
        other = self.house.access.device = evolve(DEVICE, id="other")
        await self.asking.ask("GET", "/api/v1/agent")
        (visitor,) = self.house.subscriptions.present
        self.assertEqual(visitor.device, other)

    async def test_who_must_go(self) -> None:
        """The connection ends after the answer where the client says so, speaks HTTP/1.0, or has shown nothing good."""
        self.assertTrue((await self.alone(self.written("GET", "/api/v1/agent", connection="close"))).is_last)
        self.assertTrue((await self.alone(self.written("GET", "/api/v1/agent", connection="x, Close"))).is_last)
        old = self.written("GET", "/api/v1/agent", connection="keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0")
        self.assertEqual((await self.alone(old)).status, 200)
        for data, status in (
            (self.written("GET", "/health"), 200),
            (self.written("GET", "/nothing"), 404),
            (self.written("GET", "/api/v1/agent", token="nobody"), 401),
            (self.written("GET", "/api/v1/agent", token=None), 401),
        ):
            self.assertEqual((await self.alone(data)).status, status)

    async def test_known(self) -> None:
        """For who is known a refusal is no reason to go; a bad credential is one."""
        for target, status in (("/api/v1/agent", 200), ("/nothing", 404), ("/api/v1/agent?x", 400), ("/health", 200)):
            self.assertEqual((await self.asking.ask("GET", target)).status, status)
        self.assertEqual((await self.asking.ask("DELETE", "/api/v1/projects/p")).status, 403)
        heard = await self.asking.ask("GET", "/api/v1/agent", token="nobody")
        self.assertEqual((heard.status, heard.is_last), (401, True))
        await self.asking.talk.over()

    async def test_counts(self) -> None:
        """A connection that is known counts as one while it is there, and is none of those who wait to be known."""
        self.house.connections = 1
        self.house.handshakes = 1
        front = self.house.door()
        port = await listening(front)
        self.addCleanup(front.close_all, 1001, "over", 0.1)
        self.addCleanup(port.stopListening)
        one = await Asking.of(port)
        self.assertEqual((await one.ask("GET", "/api/v1/agent")).status, 200)
        two = await Asking.of(port)
        heard = await two.ask("GET", "/api/v1/agent", token="nobody")
        self.assertEqual((heard.status, heard.code), (503, "RESOURCE_LIMIT"))
        self.assertEqual((await one.ask("GET", "/api/v1/agent")).status, 200)
        one.leave()
        await self.until(lambda: self.house.subscriptions.departed)
        two = await Asking.of(port)
        self.assertEqual((await two.ask("GET", "/api/v1/agent", token="nobody")).status, 401)
        self.assertEqual((await (await Asking.of(port)).ask("GET", "/api/v1/agent")).status, 200)

    async def test_upgrade(self) -> None:
        """A connection that has asked may become a WebSocket."""
        await self.asking.ask("GET", "/api/v1/agent")
        self.asking.talk.say(request(port=number(self.port)))
        await self.asking.talk.until(lambda: b"connection_established" in self.asking.talk.heard)
        self.assertEqual((await self.asking.heard()).status, 101)
        self.assertEqual(len(self.house.subscriptions.present), 1)

    async def test_revoked(self) -> None:
        """Whose device was revoked is told so and closed at once, whatever is being done for it; that goes on, and what
        comes of it is not told."""
        slow = self.house.dispatch.slow["p"] = Deferred()
        await self.asking.ask("GET", "/api/v1/agent")
        self.asking.talk.say(self.written("POST", "/api/v1/projects/p/kill"))
        await self.until(lambda: Kill(project_id="p") in self.house.dispatch.asked)
        (visitor,) = self.house.subscriptions.present
        visitor.close(4401, "revoked")
        heard = await self.asking.heard()
        self.assertEqual((heard.status, heard.code, heard.is_last), (401, "UNAUTHORIZED", True))
        self.assertEqual(heard.error["message"], "revoked")
        self.assertEqual(self.house.subscriptions.present, [])
        slow.callback(None)
        await self.asking.talk.over()
        self.assertFalse(self.asking.has_more)

    async def test_revoked_between_requests(self) -> None:
        """Whose device was revoked while nothing was asked is closed without a word."""
        await self.asking.ask("GET", "/api/v1/agent")
        (visitor,) = self.house.subscriptions.present
        visitor.close(4401, "revoked")
        await self.asking.talk.over()
        self.assertFalse(self.asking.has_more)

    async def test_revoked_before_the_body(self) -> None:
        """Whose device was revoked while its body was on the way is told so, and nothing is done."""
        await self.asking.ask("GET", "/api/v1/agent")
        self.asking.talk.say(self.written("POST", EXECUTIONS, PROMPT)[:-1])
        await self.turn()
        (visitor,) = self.house.subscriptions.present
        visitor.close(4401, "revoked")
        self.assertEqual((await self.asking.heard()).status, 401)
        await self.asking.talk.over()
        self.assertNotIn(Execute(project_id="p", prompt="x"), self.house.dispatch.asked)

    async def test_shutdown(self) -> None:
        """When the server stops, an answer that is under way is given, and who is silent has to go."""
        idle = await Asking.of(self.port)
        await idle.ask("GET", "/api/v1/agent")
        await self.asking.ask("GET", "/api/v1/agent")
        slow = self.house.dispatch.slow["p"] = Deferred()
        self.asking.talk.say(self.written("POST", EXECUTIONS, PROMPT))
        await self.until(lambda: Execute(project_id="p", prompt="x") in self.house.dispatch.asked)
        gone = self.front.close_all(1001, "the server stops", 5)
        await idle.talk.over()
        slow.callback(None)
        heard = await self.asking.heard()
        self.assertEqual((heard.status, heard.is_last), (202, True))
        await gone


class OrderTests(ChannelCase):
    async def test_pipelined(self) -> None:
        """RE-08: twenty requests sent at once, the first of them slow: answered in order, each its own."""
        slow = self.house.dispatch.slow["p0"] = Deferred()
        targets = [f"/api/v1/projects/p{number}/interrupt" for number in range(20)]
        self.asking.talk.say(b"".join(self.written("POST", target) for target in targets))
        await self.until(lambda: self.house.dispatch.asked)
        await self.turn()
        self.assertEqual(len(self.house.dispatch.asked), 1)
        slow.callback(None)
        for count in range(20):
            heard = await self.asking.heard()
            self.assertEqual((heard.status, heard.json), (200, {"project_id": f"p{count}"}))

    async def test_pipelined_bodies(self) -> None:
        """A body ends where its length says, and the next request begins there; byte by byte, too."""
        data = b"".join(self.written("POST", "/echo", b"body %d" % n, content_type="text/plain") for n in range(5))
        self.asking.talk.say(data)
        for count in range(5):
            self.assertEqual((await self.asking.heard()).body, b"body %d" % count)
        self.asking.talk.transport.setTcpNoDelay(True)  # type: ignore[union-attr]
        for byte in data:
            self.asking.talk.say(bytes([byte]))
        for count in range(5):
            self.assertEqual((await self.asking.heard()).body, b"body %d" % count)

    async def test_a_body_that_nobody_read(self) -> None:
        """Behind a refused request the next one is found where its body is there already; else the connection ends."""
        await self.asking.ask("GET", "/api/v1/agent")
        heard = await self.asking.ask("POST", EXECUTIONS, b"GET /x HTTP/1.1\r\n\r\n", content_type="text/plain")
        self.assertEqual((heard.status, heard.is_last), (415, False))
        self.assertEqual((await self.asking.ask("GET", "/api/v1/agent")).status, 200)
        self.asking.talk.say(self.written("POST", EXECUTIONS, content_type="text/plain", content_length="9") + b"GET /")
        heard = await self.asking.heard()
        self.assertEqual((heard.status, heard.is_last), (415, True))
        await self.asking.talk.over()
        self.assertFalse(self.asking.has_more)

    async def test_gone_meanwhile(self) -> None:
        """What was begun is carried out, also when its client goes."""
        slow = self.house.dispatch.slow["p"] = Deferred()
        self.asking.talk.say(self.written("POST", EXECUTIONS, PROMPT))
        await self.until(lambda: self.house.dispatch.asked)
        self.asking.leave()
        await self.until(lambda: self.house.subscriptions.departed)
        self.assertFalse(slow.called)
        slow.callback(None)


class BodyTests(ChannelCase):
    async def refused(self, status: int, data: bytes, code: str = "INVALID_MESSAGE") -> Heard:
        """On a connection of its own: refused, as JSON, and nothing was done."""
        heard = await self.alone(data)
        self.assertEqual((heard.status, heard.code), (status, code), (data[:200], heard))
        self.assertEqual(heard.header("content-type"), "application/json")
        self.assertEqual(self.house.dispatch.asked, [])
        return heard

    async def test_too_large(self) -> None:
        """RE-01: a length over the bound is refused at once, before a byte of the body has come; at the bound not."""
        for length in ("10001", str(10**12), "9" * 18):
            await self.refused(413, self.written("POST", EXECUTIONS, b"", content_length=length), "MESSAGE_TOO_LARGE")
        body = json.dumps({"prompt": "x" * (10_000 - len('{"prompt": ""}'))}).encode()
        self.assertEqual(len(body), 10_000)
        self.assertEqual((await self.asking.ask("POST", EXECUTIONS, body)).status, 202)

    async def test_lengths(self) -> None:
        """RE-07: a body whose end two readers could see in two places is a bad request, and the last one."""
        for headers in (
            ["Content-Length: 2", "Transfer-Encoding: chunked"],
            ["Content-Length: 2", "Content-Length: 2"],
            ["Content-Length: 2", "Content-Length: 3"],
            ["Content-Length: +5"],
            ["Content-Length: 0x5"],
            ["Content-Length: 2, 2"],
            ["Content-Length: -1"],
            ["Content-Length: 1_0"],
            ["Content-Length: " + "9" * 19],
            ["Content-Length:"],
            ["Transfer-Encoding: chunked"],
            ["Transfer-Encoding: xchunked"],
            ["Transfer-Encoding: identity"],
            ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
        ):
            data = self.written("POST", EXECUTIONS, b"{}", without=["content_length"], extra=headers)
            heard = await self.refused(400, data + b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertTrue(heard.is_last)
        self.assertEqual(self.house.access.asked, [])

    async def test_types(self) -> None:
        """RE-04, RE-12: nothing but JSON as it is; a page cannot send that elsewhere without being asked first."""
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "json"):
            await self.refused(415, self.written("POST", EXECUTIONS, PROMPT, content_type=kind, connection="close"))
        await self.refused(415, self.written("POST", EXECUTIONS, PROMPT, without=["content_type"], connection="close"))
        await self.refused(415, self.written("POST", EXECUTIONS, connection="close"))
        latin = "application/json; charset=latin-1"
        await self.refused(415, self.written("POST", EXECUTIONS, PROMPT, content_type=latin, connection="close"))
        await self.refused(415, self.written("POST", EXECUTIONS, PROMPT, content_encoding="gzip", connection="close"))
        for kind in ("application/json", "Application/JSON", "application/json; charset=UTF-8"):
            self.assertEqual((await self.asking.ask("POST", EXECUTIONS, PROMPT, content_type=kind)).status, 202)

    async def test_other_types(self) -> None:
        """A route says what it takes, and whether it must be there."""
        for kind in ("text/plain", "image/png"):
            heard = await self.asking.ask("POST", "/echo", b"\x89", content_type=kind)
            self.assertEqual((heard.status, heard.body), (200, b"\x89"))
        self.assertEqual((await self.asking.ask("POST", "/echo")).body, b"")
        self.assertEqual((await self.asking.ask("POST", "/echo", b"x", content_type="image/gif")).status, 415)

    async def test_none_wanted(self) -> None:
        """Where no body belongs, none may be."""
        for method, target in (("GET", "/api/v1/agent"), ("POST", "/api/v1/projects/p/kill"), ("GET", "/health")):
            await self.refused(400, self.written(method, target, {}, connection="close"))

    async def test_credential_first(self) -> None:
        """No byte of a body is read before the credential was found good, and what comes meanwhile is bounded."""
        await self.refused(401, self.written("POST", EXECUTIONS, b"{", token="nobody"), "UNAUTHORIZED")
        await self.refused(
            401, self.written("POST", EXECUTIONS, b"", token=None, content_length="99999"), "UNAUTHORIZED"
        )
        self.house.access.slow = Deferred()
        talk = self.asking.talk
        talk.say(self.written("POST", "/echo", b"x" * 100_000, content_type="text/plain"))
        await self.until(lambda: self.house.access.asked[1:])
        await self.turn(0.1)
        (arrival,) = self.front._present
        self.assertLess(len(arrival.inner._unread), READ_AHEAD + 70_000)  # type: ignore[attr-defined]
        self.house.access.slow.callback(None)
        self.house.access.slow = None
        self.assertEqual(len((await self.asking.heard()).body), 100_000)

    async def test_expect(self) -> None:
        """RE-15: who asks before it sends is told to go on when all else is good, and refused when it is not."""
        for method, body in (("POST", PROMPT), ("GET", None)):
            target = EXECUTIONS if body else "/api/v1/agent"
            heard = await self.alone(self.written(method, target, body, expect="200-ok", connection="close"))
            self.assertEqual(heard.status, 417)
        head, body_ = self.written("POST", EXECUTIONS, PROMPT, expect="100-continue").split(b"\r\n\r\n")
        talk = self.asking.talk
        talk.say(head + b"\r\n\r\n")
        await talk.until(lambda: talk.heard == b"HTTP/1.1 100 Continue\r\n\r\n")
        self.assertEqual((await self.asking.heard()).status, 100)
        talk.say(body_)
        self.assertEqual((await self.asking.heard()).status, 202)
        heard = await self.asking.ask("POST", EXECUTIONS, PROMPT, expect="100-continue")
        while heard.status == 100:
            heard = await self.asking.heard()
        self.assertEqual(heard.status, 202)
        data = self.written("POST", EXECUTIONS, b"", content_length="10001", expect="100-continue")
        self.house.dispatch.asked.clear()
        await self.refused(413, data, "MESSAGE_TOO_LARGE")

    async def test_methods(self) -> None:
        """RE-10: another method is told which there are, without a body to a HEAD; no header changes the method."""
        for method in ("OPTIONS", "TRACE", "FOO", "PUT", "HEAD"):
            heard = await self.alone(self.written(method, EXECUTIONS, token=None))
            self.assertEqual((heard.status, heard.header("allow")), (405, "POST"), method)
            self.assertEqual(heard.body == b"", method == "HEAD")
        heard = await self.alone(self.written("PUT", "/api/v1/projects/p", x_http_method_override="DELETE"))
        self.assertEqual((heard.status, heard.header("allow")), (405, "GET, HEAD, PATCH, DELETE"))

    async def test_paths(self) -> None:
        """RE-09: what is no id is nowhere: encoded, with dots, too long."""
        for segment in ("..%2f..", "%2e%2e", "..", ".", "", "a%20b", "a;b", "a" * 129, "a" * 10_240, "ä"):
            target = f"/api/v1/projects/{segment}"
            if segment == "ä":
                await self.refused(400, self.written("GET", target))
            else:
                await self.refused(404, self.written("GET", target))
        for target in ("/api/v1/projects/a/b/c", "/api/v1", "/api/v1/", "/api/v2/projects", "//api/v1/projects"):
            await self.refused(404, self.written("GET", target))
        self.assertEqual(self.house.access.asked, [])


class PageTests(ChannelCase):
    """Pages of other origins: CORS."""

    ALLOWED = "https://app.example"

    def preflight(self, origin: str, target: str = EXECUTIONS) -> bytes:
        return self.written("OPTIONS", target, token=None, origin=origin, access_control_request_method="POST")

    async def test_none(self) -> None:
        """No page of another origin may ask, and none is told that it might."""
        for data, status in (
            (self.preflight(self.ALLOWED), 405),
            (self.written("GET", "/api/v1/agent", origin=self.ALLOWED), 403),
        ):
            heard = await self.alone(data)
            self.assertEqual(heard.status, status)
            self.assertFalse([name for name, _ in heard.headers if name.startswith("access-control") or name == "vary"])

    async def test_ours(self) -> None:
        """A page of ours asks as everybody does."""
        heard = await self.asking.ask("GET", "/api/v1/agent", origin=f"http://localhost:{number(self.port)}")
        self.assertEqual(heard.status, 200)

    async def test_allowed(self) -> None:
        """An origin of the settings, letter by letter, may ask, is told so, and reads errors, too."""
        self.house.origins = [self.ALLOWED]
        front = self.house.door()
        await maybeDeferred(self.port.stopListening)
        self.port = await listening(front)
        self.addCleanup(front.close_all, 1001, "over", 0.1)
        heard = await self.alone(self.preflight(self.ALLOWED))
        self.assertEqual((heard.status, heard.header("access-control-allow-origin")), (204, self.ALLOWED))
        self.assertEqual(heard.header("access-control-allow-methods"), "POST")
        self.assertIn("Authorization", heard.header("access-control-allow-headers") or "")
        self.assertIsNone(heard.header("access-control-allow-credentials"))
        for target, status in (("/api/v1/agent", 200), ("/api/v1/agent?x", 400)):
            heard = await self.alone(self.written("GET", target, origin=self.ALLOWED, connection="close"))
            self.assertEqual((heard.status, heard.header("vary")), (status, "Origin"))
            self.assertEqual(heard.header("access-control-allow-origin"), self.ALLOWED)
        heard = await self.alone(self.written("GET", "/api/v1/agent", origin=self.ALLOWED, token="nobody"))
        self.assertEqual((heard.status, heard.header("access-control-allow-origin")), (401, self.ALLOWED))
        for origin in ("https://app.example/", "https://App.example", "http://app.example", "https://app.example.org"):
            for data in (self.preflight(origin), self.written("GET", "/api/v1/agent", origin=origin)):
                heard = await self.alone(data)
                self.assertEqual((heard.status, heard.header("access-control-allow-origin")), (403, None))
        heard = await self.alone(self.written("GET", "/api/v1/agent", connection="close"))
        self.assertEqual((heard.header("vary"), heard.header("access-control-allow-origin")), ("Origin", None))


def asked(method: str, target: str, body: object = None, **more: object) -> bytes:
    return written(method, target, body, port=80, **more)  # type: ignore[arg-type]


class Quiet(Socket):
    """A TCP connection in memory whose reader can be slow, and which knows whether it is read from."""

    is_read = True

    def pauseProducing(self) -> None:
        self.is_read = False

    def resumeProducing(self) -> None:
        self.is_read = True


class TimeTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.limits = Limits(self.clock.seconds, Bounds())
        self.given = LargeBodies()
        self.slow: Deferred[None] = succeed(None)
        give = Route(method="GET", path="/given", answer=self.give, scope=Scope.READ)
        go = Route(method="DELETE", path="/gone", answer=self.go, scope=Scope.READ)
        self.house = House(self.clock, limits=self.limits, more=[UPLOAD, give, go])
        arrival = self.house.door().buildProtocol(None)
        assert arrival is not None
        self.arrival = arrival
        self.socket = Quiet()
        arrival.makeConnection(self.socket)

    async def give(self, visit: Visit) -> Answer:
        await self.slow
        visit.channel.hold(self.given.holding(1000))
        return Answer(200, b"x" * 1000)

    async def go(self, visit: Visit) -> Answer:
        visit.channel.take_leave()
        await self.slow
        return Answer(204)

    def say(self, data: bytes) -> None:
        self.arrival.dataReceived(data)

    def answer(self) -> Heard:
        heard = Heard.of(self.socket.value())
        self.socket.clear()
        return heard

    def get(self) -> None:
        self.say(asked("GET", "/api/v1/agent"))
        self.assertEqual(self.answer().status, 200)

    def test_strangers(self) -> None:
        """Who has shown nothing yet is on the door's clock alone, whatever it sends."""
        self.say(b"GET /api/v1/agent HTTP/1.1\r\n")
        self.clock.advance(9.9)
        self.assertFalse(self.socket.aborted)
        self.clock.advance(0.1)
        self.assertTrue(self.socket.aborted)

    def test_idle(self) -> None:
        """Between two requests a connection may be silent for so long, and then ends without a word."""
        self.get()
        self.clock.advance(KEEP_ALIVE - 1)
        self.get()
        self.clock.advance(KEEP_ALIVE - 0.1)
        self.assertFalse(self.socket.half_closed)
        self.clock.advance(0.1)
        self.assertEqual((self.socket.half_closed, self.socket.value()), (True, b""))
        self.clock.advance(LINGER)
        self.assertTrue(self.socket.aborted)

    def test_slow_head(self) -> None:
        """RE-03: a head that is not whole in time is answered with 408, however its bytes come."""
        self.get()
        data = asked("GET", "/api/v1/agent")
        for at in range(int(REQUEST_TIME / 5)):
            self.assertEqual(self.socket.value(), b"")
            self.say(data[at : at + 1])
            self.clock.advance(5)
        self.assertEqual((self.answer().status, self.socket.half_closed), (408, True))

    def test_slow_body(self) -> None:
        """RE-03: so is a body, a byte every five seconds."""
        self.get()
        self.say(asked("POST", EXECUTIONS, b"", content_length="100"))
        for _ in range(int(REQUEST_TIME / 5)):
            self.assertEqual(self.socket.value(), b"")
            self.say(b"x")
            self.clock.advance(5)
        self.assertEqual((self.answer().status, self.socket.half_closed), (408, True))
        self.say(b"x" * 100)
        self.assertEqual((self.socket.value(), self.house.dispatch.asked[1:]), (b"", []))

    def test_slow_upload(self) -> None:
        """RE-03: an upload has more time; one that is not whole by then is answered with 408, and makes room again."""
        self.get()
        self.say(asked("POST", "/upload", b"", content_type="image/png", content_length="1000"))
        for _ in range(int(UPLOAD_TIME / 5)):
            self.assertEqual((self.socket.value(), self.limits.uploads.held), (b"", 1000))
            self.say(b"x")
            self.clock.advance(5)
        self.assertEqual((self.answer().status, self.socket.half_closed), (408, True))
        self.assertEqual(self.limits.uploads.held, 0)

    def test_slow_server(self) -> None:
        """While we are at work nobody is hurried."""
        self.get()
        slow = self.house.dispatch.slow["p"] = Deferred()
        self.say(asked("POST", EXECUTIONS, PROMPT))
        self.clock.advance(1000)
        slow.callback(None)
        self.assertEqual((self.answer().status, self.socket.half_closed), (202, False))

    def test_one_timer(self) -> None:
        """A connection has one timer, however many requests it brings, and leaves none behind."""
        for _ in range(10):
            self.get()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.arrival.connectionLost()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_answer_not_taken(self) -> None:
        """The next request is not looked at before the answer was taken; who takes nothing of it is dropped."""
        producer = self.socket.producer
        assert producer is not None
        self.get()
        producer.pauseProducing()
        self.say(asked("GET", "/api/v1/agent") * 3)
        self.assertEqual(len(self.house.dispatch.asked), 1)
        producer.resumeProducing()
        self.assertEqual(len(self.house.dispatch.asked), 4)
        producer.pauseProducing()
        self.say(asked("GET", "/api/v1/agent"))
        self.clock.advance(KEEP_ALIVE)
        self.clock.advance(STALLED)
        self.assertTrue(self.socket.aborted)

    def test_last_answer_not_taken(self) -> None:
        """Who ends its own credential may wait for its answer, and is dropped when it takes nothing of that."""
        producer = self.socket.producer
        assert producer is not None
        slow = self.slow = Deferred()
        self.say(asked("DELETE", "/gone"))
        self.clock.advance(1000)
        self.assertFalse(self.socket.aborted)
        producer.pauseProducing()
        slow.callback(None)
        self.assertEqual(self.answer().status, 204)
        self.clock.advance(STALLED)
        self.assertTrue(self.socket.aborted)

    def test_held(self) -> None:
        """What is held for an answer is held until that was taken, or its client is gone."""
        producer = self.socket.producer
        assert producer is not None
        self.say(asked("GET", "/given"))
        self.assertEqual((self.answer().status, self.given.held), (200, 0))
        for is_taken in (True, False):
            slow = self.slow = Deferred()
            self.say(asked("GET", "/given"))
            self.assertEqual(self.given.held, 0)
            producer.pauseProducing()
            slow.callback(None)
            self.assertEqual((self.answer().status, self.given.held), (200, 1000))
            if is_taken:
                producer.resumeProducing()
            else:
                self.arrival.connectionLost()
            self.assertEqual(self.given.held, 0)

    def test_held_for_nobody(self) -> None:
        """For a client that is gone already nothing is held."""
        slow = self.slow = Deferred()
        self.say(asked("GET", "/given"))
        self.arrival.connectionLost()
        slow.callback(None)
        self.assertEqual((self.socket.value(), self.given.held), (b"", 0))

    @given(st.lists(st.integers(1, 400), max_size=40))
    def test_any_cut(self, cuts: list[int]) -> None:
        """However the bytes of some requests are cut into pieces, the answers are the same."""
        self.setUp()
        requests = [
            asked("GET", "/api/v1/agent"),
            asked("POST", EXECUTIONS, PROMPT),
            asked("POST", EXECUTIONS, b"[]"),
            asked("GET", "/api/v1/nothing"),
            asked("POST", EXECUTIONS, {"prompt": "y" * 300}, connection="close"),
            b"what follows is not looked at",
        ]
        data = b"".join(requests)
        for cut in cuts:
            self.say(data[:cut])
            data = data[cut:]
        self.say(data)
        self.assertEqual(
            [int(one) for one in re.findall(rb"HTTP/1.1 (\d+)", self.socket.value())], [200, 202, 400, 404, 202]
        )
        prompts = [one.prompt for one in self.house.dispatch.asked if isinstance(one, Execute)]
        self.assertEqual((prompts, self.socket.half_closed), (["x", "y" * 300], True))

    def test_read_ahead(self) -> None:
        """What a client sends while it waits is kept up to a bound; then it is not read from until there is room."""
        slow = self.house.dispatch.slow["p"] = Deferred()
        self.say(asked("POST", EXECUTIONS, PROMPT))
        more = asked("GET", "/api/v1/agent")
        self.say(more)
        self.assertTrue(self.socket.is_read)
        count = READ_AHEAD // len(more)
        self.say(more * count)
        self.assertFalse(self.socket.is_read)
        slow.callback(None)
        self.assertEqual((self.socket.is_read, len(self.house.dispatch.asked)), (True, count + 2))

    def test_lost(self) -> None:
        """A connection that ends while its credential is looked up leaves no place taken."""
        self.house.access.slow = Deferred()
        self.say(asked("GET", "/api/v1/agent", token=TOKEN))
        self.arrival.connectionLost()
        self.assertEqual((self.house.subscriptions.present, self.clock.getDelayedCalls()), ([], []))
