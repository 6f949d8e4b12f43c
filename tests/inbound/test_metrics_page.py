"""Who may read `/metrics`: a device of that scope and nobody else; and on the port of this machine whoever comes."""

import itertools

from attrs import evolve
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.trial.unittest import TestCase

from pocketagent.domain.access import Scope
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.inbound import site
from pocketagent.inbound.door import Door
from pocketagent.inbound.limits import Bounds, Limits
from pocketagent.inbound.metrics_page import LOOPBACK, route
from pocketagent.inbound.routes import Routes
from tests.inbound.asking import Asking
from tests.inbound.house import DEVICE, House, Witness, listening, request

TYPE = "text/plain; version=0.0.4; charset=utf-8"


class PageCase(TestCase):
    timeout = 20

    def setUp(self) -> Deferred[None]:  # type: ignore[override]
        self.accepted: list[str] = []
        self.house = House(IReactorTime(installed), more=[route(self.read)])
        self.be(Scope.METRICS)
        return Deferred.fromCoroutine(self.open())

    def be(self, scope: Scope) -> None:
        """The device that the token is of."""
        self.house.access.device = evolve(DEVICE, scope=scope)

    async def read(self, accept: str) -> tuple[str, bytes]:
        self.accepted.append(accept)
        return TYPE, b"up 1\n"

    def door(self) -> Door:
        return self.house.door()

    async def open(self) -> None:
        self.front = self.door()
        self.port = await listening(self.front)
        self.addCleanup(self.close)
        self.asking = await Asking.of(self.port)

    async def close(self) -> None:
        self.asking.leave()
        await maybeDeferred(self.port.stopListening)
        await self.front.close_all(1001, "over", 0.1)


class PageTests(PageCase):
    async def test_read(self) -> None:
        """A device of that scope reads it, again and again on one connection, and may ask for its head alone."""
        for method, body in (("GET", b"up 1\n"), ("HEAD", b""), ("GET", b"up 1\n")):
            heard = await self.asking.ask(method, "/metrics")
            self.assertEqual((heard.status, heard.body), (200, body))
            self.assertEqual((heard.header("content-type"), heard.header("content-length")), (TYPE, "5"))
            self.assertEqual(heard.header("cache-control"), "no-store")

    async def test_format(self) -> None:
        """The format is for the reader to choose, in one Accept header or in several; without one nothing is said."""
        await self.asking.ask("GET", "/metrics", accept="a/b;q=1, c/d")
        await self.asking.ask("GET", "/metrics", extra=["Accept: a/b", "Accept: c/d"])
        await self.asking.ask("GET", "/metrics")
        self.assertEqual(self.accepted, ["a/b;q=1, c/d", "a/b,c/d", ""])

    async def test_strangers(self) -> None:
        """AU-32: without a token, and with one that is no good, nothing is read."""
        heard = await self.asking.ask("GET", "/metrics", token=None)
        self.assertEqual((heard.status, heard.code), (401, Code.UNAUTHORIZED))
        self.house.access.failure = Refusal(Code.UNAUTHORIZED, "This token is unknown.", reason="unknown")
        heard = await (await Asking.of(self.port)).ask("GET", "/metrics")
        self.assertEqual((heard.status, heard.code), (401, Code.UNAUTHORIZED))
        self.assertEqual(self.accepted, [])

    async def test_other_devices(self) -> None:
        """AU-33: what reads, executes and administers does not read metrics: that is another credential."""
        for scope in (Scope.READ, Scope.EXECUTE, Scope.ADMIN):
            self.be(scope)
            heard = await (await Asking.of(self.port)).ask("GET", "/metrics")
            self.assertEqual(
                (heard.status, heard.code, heard.error["details"]), (403, "FORBIDDEN", {"needed": "metrics"})
            )
        self.assertEqual(self.accepted, [])

    async def test_nothing_else(self) -> None:
        """AU-33: a token for metrics opens no WebSocket, and is good for nothing below /api."""
        self.asking.talk.say(request(port=self.asking.port))
        heard = await self.asking.heard()
        self.assertEqual((heard.status, heard.code), (403, Code.FORBIDDEN))
        for one in self.house.routes(lambda: "id"):
            if one.scope is not None and one.path != "/ws":
                path = one.path.replace("{", "").replace("}", "")
                body: object = {} if one.body is not None and one.body.needed else None
                heard = await (await Asking.of(self.port)).ask(one.method, path, body)
                self.assertEqual((heard.status, heard.code), (403, Code.FORBIDDEN), one.path)
        self.assertEqual(self.house.dispatch.asked, [])

    async def test_names_and_pages(self) -> None:
        """OR-06: under another name, and from another page, nobody gets so far as to show a token."""
        heard = await self.asking.ask("GET", "/metrics", host="evil.example")
        self.assertEqual(heard.status, 421)
        heard = await (await Asking.of(self.port)).ask("GET", "/metrics", origin="https://evil.example")
        self.assertEqual(heard.status, 403)
        self.assertEqual(self.house.access.asked, [])

    async def test_only_read(self) -> None:
        """There is nothing to be written, and nothing to be asked for."""
        self.assertEqual((await self.asking.ask("POST", "/metrics")).status, 405)
        for target in ("/metrics?name=x", "/metrics/", "/metrics/x"):
            self.assertIn((await (await Asking.of(self.port)).ask("GET", target)).status, (400, 404))
        self.assertEqual(self.accepted, [])


class AloneTests(PageCase):
    """The port of this machine alone."""

    def door(self) -> Door:
        ids = itertools.count()
        return site.factory(
            clock=IReactorTime(installed),
            names=LOOPBACK,
            tls=None,
            access=self.house.access,
            subscriptions=self.house.subscriptions,
            routes=Routes.of([route(self.read, scope=None)]),
            new_id=lambda: f"id-{next(ids)}",
            random=lambda: 0.0,
            limits=Limits(IReactorTime(installed).seconds, Bounds(connections=10)),
            witness=Witness(),
            handshakes=10,
            handshake_timeout=10,
        )

    async def test_read(self) -> None:
        """Whoever comes reads it, without a token."""
        heard = await self.asking.ask("GET", "/metrics", token=None)
        self.assertEqual((heard.status, heard.body), (200, b"up 1\n"))

    async def test_nothing_else(self) -> None:
        """Nothing else is there: no WebSocket, no API, no health."""
        for target in ("/ws", "/health", "/ready", "/", "/api/v1/projects"):
            self.assertEqual((await (await Asking.of(self.port)).ask("GET", target)).status, 404)

    async def test_names_and_pages(self) -> None:
        """OR-06: a web page that has its own name lead here reads nothing, and none of another origin does."""
        for host in ("evil.example", "good.example", "0.0.0.0", "127.0.0.2", "127.0.0.1.evil.example"):
            self.assertEqual((await (await Asking.of(self.port)).ask("GET", "/metrics", host=host)).status, 421, host)
        heard = await self.asking.ask("GET", "/metrics", origin="http://evil.example")
        self.assertEqual(heard.status, 403)
        self.assertEqual(self.accepted, [])
