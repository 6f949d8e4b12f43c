"""Tests of `pocketagent.inbound.site` and `channel`: raw bytes to a real port on loopback."""

import json

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IReactorTime
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import TestCase

from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.replies import Condition
from pocketagent.inbound.limits import Bounds, Limits
from tests.inbound.asking import Heard
from tests.inbound.house import COOKIE, TOKEN, House, Talk, connected, listening, number, request


class SiteTests(TestCase):
    timeout = 20

    def setUp(self) -> Deferred[None]:  # type: ignore[override]
        self.house = House(IReactorTime(installed))
        return Deferred.fromCoroutine(self.open())

    async def open(self) -> None:
        self.front = self.house.door()
        self.port: IListeningPort = await listening(self.front)
        self.addCleanup(self.close)

    async def close(self) -> None:
        await maybeDeferred(self.port.stopListening)
        await self.front.close_all(1001, "over", 0.1)

    def good(self, *arguments: str, **changed: object) -> bytes:
        return request(*arguments, port=number(self.port), **changed)  # type: ignore[arg-type]

    async def ask(self, data: bytes) -> Heard:
        """What is answered, up to the end of the connection."""
        talk = await connected(self.port)
        talk.say(data)
        await talk.over()
        self.assertEqual(talk.heard.count(b"HTTP/1.1 "), 1, talk.heard)
        return Heard.of(talk.heard)

    async def assert_refused(self, status: int, data: bytes) -> Heard:
        """Refused with the status, as JSON, with no secret and no permission for pages, and nobody was admitted."""
        heard = await self.ask(data)
        self.assertEqual(heard.status, status, (data[:200], heard))
        self.assertIn("code", heard.error)
        headers = dict(heard.headers)
        self.assertEqual(headers["content-type"], "application/json")
        self.assertEqual(int(headers["content-length"]), len(heard.body))
        self.assertNotIn(TOKEN.encode(), heard.body)
        for name in headers:
            self.assertFalse(name.startswith("access-control-") or name in ("server", "x-powered-by"), name)
        self.assertEqual(self.house.subscriptions.present, [])
        return heard

    async def opened(self, data: bytes | None = None) -> Talk:
        talk = await connected(self.port)
        talk.say(self.good() if data is None else data)
        await talk.until(lambda: b"connection_established" in talk.heard or talk.is_over)
        self.assertTrue(talk.heard.startswith(b"HTTP/1.1 101 "), talk.heard)
        return talk

    # -- the upgrade ----------------------------------------------------------------------------------------

    async def test_upgrade(self) -> None:
        """A good request becomes a WebSocket, with the subprotocol that was offered and no more said than that."""
        talk = await self.opened(self.good(sec_websocket_protocol="x, pocketagent.v1", origin=self.origin()))
        head = talk.heard.partition(b"\r\n\r\n")[0].lower()
        self.assertIn(b"sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=", head)
        self.assertIn(b"sec-websocket-protocol: pocketagent.v1", head)
        self.assertNotIn(b"server", head)
        self.assertNotIn(b"extensions", head)
        self.assertEqual(self.house.access.asked, [TOKEN])
        talk.leave()

    def origin(self) -> str:
        return f"http://localhost:{number(self.port)}"

    async def test_bytes_in_single_file(self) -> None:
        """A request that comes byte by byte is the same request."""
        talk = await connected(self.port)
        talk.transport.setTcpNoDelay(True)  # type: ignore[union-attr]
        for byte in self.good():
            talk.say(bytes([byte]))
        await talk.until(lambda: b"connection_established" in talk.heard)
        talk.leave()

    async def test_no_compression(self) -> None:
        """FR-15, first half: compression is not negotiated, whoever offers it."""
        talk = await self.opened(self.good(sec_websocket_extensions="permessage-deflate"))
        self.assertNotIn(b"deflate", talk.heard)
        talk.leave()

    # -- HS: the request ------------------------------------------------------------------------------------

    async def test_endless_head(self) -> None:
        """HS-01: what never ends is refused at 16 KiB, with lines or without."""
        line = b"X-A: " + b"a" * 1000 + b"\r\n"
        await self.assert_refused(431, b"GET /ws HTTP/1.1\r\n" + line * 2000)
        await self.assert_refused(431, b"GET /" + b"a" * 2_000_000)

    async def test_many_headers(self) -> None:
        """HS-02: 101 headers, 10,000 headers and one of 64 KiB are too much."""
        await self.assert_refused(431, self.good(extra=["A: b"] * 101))
        await self.assert_refused(431, self.good(extra=["A: b"] * 10_000))
        await self.assert_refused(431, self.good(x_long="a" * 65536))

    async def test_host(self) -> None:
        """HS-03: a Host that is none, missing, or there twice is a bad request on every path."""
        for target in ("/ws", "/health", "/ready", "/nothing"):
            await self.assert_refused(400, self.good(target, without=["host"]))
            await self.assert_refused(400, self.good(target, extra=["Host: localhost"]))
            await self.assert_refused(400, self.good(target, host="a:b:c"))

    async def test_header_injection(self) -> None:
        """HS-05: bytes that some take for the end of a line are refused."""
        for byte in ("\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"):
            await self.assert_refused(400, self.good(extra=[f"X-A: 1{byte}X-Auth-User: admin"]))

    async def test_sloppy_lines(self) -> None:
        """HS-06: folded lines, a bare LF, NUL, a space before the colon, no name: all refused, as is a blank start."""
        for line in (" folded", "X-A: b\nX-B: c", "X-A: \0", "X-A : b", ": b", "X-A"):
            await self.assert_refused(400, self.good(extra=[line]))
        await self.assert_refused(400, b"\r\n" + self.good())
        await self.assert_refused(400, self.good().replace(b"\r\n", b"\n") + b"\r\n\r\n")

    async def test_body(self) -> None:
        """HS-07: a request with a body is refused, and its body never read as frames."""
        frame = b"\x81\x80\0\0\0\0"
        await self.assert_refused(400, self.good(content_length="6") + frame)
        await self.assert_refused(400, self.good(transfer_encoding="chunked") + b"6\r\n" + frame + b"\r\n0\r\n\r\n")
        for extra in (
            ["Content-Length: +5"],
            ["Content-Length: 5", "Transfer-Encoding: chunked"],
            ["Expect: 100-continue"],
        ):
            await self.assert_refused(400, self.good(extra=extra))
        await self.assert_refused(400, self.good(transfer_encoding="xchunked"))

    async def test_other_versions(self) -> None:
        """HS-08: only version 13, also of a page that would hide its origin behind version 8."""
        for version in ("0", "7", "8", "99", "13, 8"):
            heard = await self.assert_refused(426, self.good(sec_websocket_version=version))
            self.assertIn(("sec-websocket-version", "13"), heard.headers)
            self.assertIn(("upgrade", "websocket"), heard.headers)
            self.assertIn(("connection", "close, Upgrade"), heard.headers)
        await self.assert_refused(426, self.good(extra=["Sec-WebSocket-Version: 13"]))
        await self.assert_refused(
            403, self.good(sec_websocket_version="8", sec_websocket_origin="http://evil", origin="http://evil")
        )

    async def test_second_request(self) -> None:
        """HS-10: nothing may follow a request: one answer, and the end, whether it comes at once or while we think."""
        await self.assert_refused(400, self.good() * 2)
        self.assertEqual(self.house.access.asked, [])
        self.house.access.slow = Deferred()
        talk = await connected(self.port)
        talk.say(self.good())
        await self.until(lambda: self.house.access.asked)
        talk.say(self.good())
        await talk.over()
        self.assertEqual((talk.heard.count(b"HTTP/1.1"), Heard.of(talk.heard).status), (1, 400))
        self.assertEqual(self.house.access.asked, [TOKEN])

    async def test_gone_while_admitted(self) -> None:
        """HS-11: who leaves while the credential is looked up gets no connection, and no place stays taken."""
        given_up: list[object] = []
        for count in range(1, self.house.connections + 2):
            self.house.access.slow = Deferred(given_up.append)
            talk = await connected(self.port)
            talk.say(self.good())
            await self.until(lambda count=count: len(self.house.access.asked) == count)
            talk.leave()
            await self.until(lambda count=count: len(given_up) == count)
        self.house.access.slow = None
        self.assertEqual(self.house.subscriptions.present + self.house.subscriptions.departed, [])
        (await self.opened()).leave()

    async def test_store_fails(self) -> None:
        """HS-13: when a credential cannot be looked up the answer has a fixed text, and the log the reason."""
        self.house.access.failure = RuntimeError("the secret reason")
        heard = await self.assert_refused(503, self.good())
        self.assertNotIn(b"secret", heard.body)
        self.assertEqual(heard.error["details"], {"reference": "id-1"})
        (logged,) = self.flushLoggedErrors(RuntimeError)
        self.assertEqual(str(logged.value), "the secret reason")

    async def test_store_is_away(self) -> None:
        """A refusal that is not about the credential is 503, and says when to come again."""
        self.house.access.failure = Refusal(Code.STORAGE_UNAVAILABLE, "The disk is full.")
        heard = await self.assert_refused(503, self.good())
        self.assertEqual(heard.error["code"], "STORAGE_UNAVAILABLE")
        self.assertIn("retry-after", dict(heard.headers))

    async def test_subprotocols(self) -> None:
        """HS-15: a wrong list of subprotocols is refused; one that is not ours is not echoed."""
        await self.assert_refused(400, self.good(sec_websocket_protocol=", ".join(f"p{n}" for n in range(2000))))
        await self.assert_refused(400, self.good(sec_websocket_protocol="a, a"))
        talk = await self.opened(self.good(sec_websocket_protocol=f"other, {TOKEN}"))
        self.assertNotIn(TOKEN.encode(), talk.heard)
        self.assertNotIn(b"sec-websocket-protocol", talk.heard.lower())
        talk.leave()

    async def test_exact_paths(self) -> None:
        """HS-17: a path is what it is, letter by letter."""
        for target in (
            "//ws",
            "/ws/",
            "/ws/../api",
            "/%77s",
            "/%2e%2e/",
            "/healthz/../api",
            "/",
            "/health/",
            "/WS",
            "*",
            "http://localhost/ws",
            "/ws;a",
            "/ws#a",
        ):
            await self.assert_refused(404, self.good(target))
        self.assertEqual(self.house.access.asked, [])

    async def test_methods(self) -> None:
        """A WebSocket begins with GET; other methods are told so, a CORS preflight too (OR-09)."""
        for method in ("POST", "OPTIONS", "DELETE", "FOO"):
            heard = await self.assert_refused(405, self.good(method=method, origin=self.origin()))
            self.assertIn(("allow", "GET"), heard.headers)
        heard = await self.ask(self.good(method="HEAD"))
        self.assertEqual((heard.status, heard.body), (405, b""))

    async def test_other_protocols(self) -> None:
        """T-15: HTTP/2, a PROXY header and a mail server's greeting are at the wrong door."""
        for data in (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"PROXY TCP4 1.1.1.1 1.1.1.1 1 2\r\n", b"220 mail ESMTP\r\n"):
            await self.assert_refused(400, data)

    # -- OR: hosts and origins ------------------------------------------------------------------------------

    async def test_foreign_hosts(self) -> None:
        """OR-06: another name than ours is turned away before the credential is looked at, whatever the path."""
        for host in ("attacker.example", "0.0.0.0", "127.evil.com", "2130706433", "[::ffff:127.0.0.1]", "localhost."):
            for target in ("/ws", "/nothing"):
                await self.assert_refused(421, self.good(target, host=f"{host}:{number(self.port)}"))
        self.assertEqual(self.house.access.asked, [])

    async def test_foreign_origins(self) -> None:
        """OR-02, OR-03, OR-05: another page's request is turned away before the credential is looked at."""
        port = number(self.port)
        for origin in (
            "https://good.example:1",
            f"http://good.example.evil.com:{port}",
            "null",
            "",
            self.origin() + "/",
        ):
            await self.assert_refused(403, self.good(origin=origin))
        self.assertEqual(self.house.access.asked, [])

    async def test_forwarded(self) -> None:
        """OR-07, AU-31: what a proxy might say counts for nothing."""
        port = number(self.port)
        claims = [
            f"X-Forwarded-Host: localhost:{port}",
            f"Forwarded: host=localhost:{port};for=127.0.0.1",
            "X-Forwarded-For: 127.0.0.1",
            "X-Forwarded-User: admin",
            "X-Real-IP: 127.0.0.1",
        ]
        await self.assert_refused(421, self.good(host=f"evil.example:{port}", extra=claims))
        await self.assert_refused(401, self.good(without=["authorization"], extra=claims))

    # -- AU: credentials ------------------------------------------------------------------------------------

    async def test_no_credential(self) -> None:
        """AU-01: without a credential the answer is 401, and names the way to show one. A cookie is none yet."""
        heard = await self.assert_refused(401, self.good(without=["authorization"]))
        self.assertEqual(dict(heard.headers)["www-authenticate"], 'Bearer realm="pocketagent"')
        self.assertEqual((heard.error["code"], heard.error["details"]), ("UNAUTHORIZED", {"reason": "missing"}))
        await self.assert_refused(403, self.good(without=["authorization"], cookie=f"__Host-pocketagent={COOKIE}"))

    async def test_bad_credentials(self) -> None:
        """AU-02: whatever is wrong with a token, the answer is the same."""
        bad = [TOKEN[:-1] + "6", TOKEN[:-1], TOKEN + "0", TOKEN.upper(), "null", "[]", "0", "x" * 10_000]
        bodies = set()
        for token in bad:
            heard = await self.assert_refused(401, self.good(authorization=f"Bearer {token}"))
            bodies.add(json.dumps(heard.error))
        (body,) = bodies
        self.assertNotIn("pa_", body)
        self.assertEqual(self.house.access.asked, bad)
        await self.assert_refused(401, self.good(authorization="Bearer "))
        await self.assert_refused(400, self.good(authorization=f"Bearer {TOKEN}\0"))
        await self.assert_refused(400, self.good(authorization=f"Bearer {TOKEN}ä"))
        await self.assert_refused(431, self.good(authorization="Bearer " + "5" * 1_000_000))

    async def test_expired(self) -> None:
        """AU-04: a token whose time is over is told so."""
        self.house.access.failure = Refusal(Code.UNAUTHORIZED, "This token has expired.", reason="expired")
        heard = await self.assert_refused(401, self.good())
        self.assertEqual(heard.error["details"], {"reason": "expired"})
        self.assertIn('error="invalid_token"', dict(heard.headers)["www-authenticate"])

    async def test_token_in_url(self) -> None:
        """AU-21: a token in the URL is refused, also where no token is needed, and nowhere repeated."""
        with capturedLogs() as log:
            for target in (f"/ws?token={TOKEN}", "/ws?", f"/health?t={TOKEN}"):
                await self.assert_refused(400, self.good(target))
        self.assertEqual(self.house.access.asked, [])
        self.assertNotIn(TOKEN, repr(log))

    async def test_no_secret_is_logged(self) -> None:
        """AD-02: at no level does a log hold what a client sent, whatever goes wrong."""
        self.house.access.failure = RuntimeError()
        with capturedLogs() as log:
            await self.ask(self.good(user_agent="canary\x1b[31m", cookie="canary", sec_websocket_protocol="canary"))
            await self.ask(self.good("/canary?canary", origin="http://canary"))
            await self.ask(self.good(user_agent="canary"))
            self.house.access.failure = None
            (
                await self.opened(self.good(user_agent="canary", cookie="canary", sec_websocket_protocol="canary"))
            ).leave()
            await self.until(lambda: self.house.subscriptions.departed)
        self.flushLoggedErrors(RuntimeError)
        self.assertNotIn("canary", repr(log))
        self.assertNotIn(TOKEN, repr(log))
        self.assertFalse([event for event in log if event["log_level"] > LogLevel.info and "reference" not in event])

    # -- what strangers may know ----------------------------------------------------------------------------

    async def test_health(self) -> None:
        """AU-32: whoever asks under whatever name learns one word, and 503 when it is a bad one."""
        for condition, status, ready in (
            (Condition.HEALTHY, 200, "ready"),
            (Condition.DEGRADED, 200, "ready"),
            (Condition.UNHEALTHY, 503, "not ready"),
        ):
            self.house.health.condition = condition
            for target, word in (("/health", condition.value), ("/ready", ready)):
                heard = await self.ask(request(target, host="whatever.example", without=["authorization"]))
                self.assertEqual((heard.status, json.loads(heard.body)), (status, {"status": word}))
                head = await self.ask(request(target, method="HEAD", host="whatever.example"))
                self.assertEqual((head.status, head.body), (status, b""))
        await self.assert_refused(405, self.good("/health", method="POST"))

    async def test_metrics(self) -> None:
        """AU-32: there are no metrics for strangers."""
        await self.assert_refused(404, self.good("/metrics", without=["authorization"]))

    # -- how many -------------------------------------------------------------------------------------------

    async def test_too_many(self) -> None:
        """HS-18: with as many connections as there may be, the next is refused before its credential costs anything."""
        talks = [await self.opened() for _ in range(self.house.connections)]
        self.house.access.asked.clear()
        talk = await connected(self.port)
        talk.say(self.good(authorization="Bearer nobody"))
        await talk.over()
        heard = Heard.of(talk.heard)
        self.assertEqual((heard.status, heard.error["code"]), (503, "RESOURCE_LIMIT"))
        self.assertEqual(heard.error["details"], {"limit": self.house.connections})
        self.assertEqual(self.house.access.asked, [])
        talks.pop().leave()
        await self.until(lambda: self.house.subscriptions.departed)
        talks.append(await self.opened())
        for each in talks:
            each.leave()

    async def again(self, **house: object) -> None:
        """Another front, of a house that is like this."""
        await self.close()
        for name, value in house.items():
            setattr(self.house, name, value)
        await self.open()

    async def test_wrong_credentials(self) -> None:
        """AU-18, AU-20: who guesses is soon not listened to, from loopback as well; the owner comes in all the same;
        and every wrong one that was judged is written down once. A wrong secret costs no look at the disk any more,
        as an unknown id costs none (AU-03)."""
        await self.again(limits=Limits(IReactorTime(installed).seconds, Bounds(wrong_credentials_per_address=3)))
        wrong = TOKEN.replace("0123456789abcdef", "fedcba9876543210")
        for shown in (wrong, wrong, "nonsense"):
            self.assertEqual((await self.ask(self.good(authorization=f"Bearer {shown}"))).status, 401)
        self.house.access.asked.clear()
        for shown in (wrong, "nonsense"):
            heard = await self.ask(self.good(authorization=f"Bearer {shown}"))
            self.assertEqual((heard.status, heard.error["code"]), (429, "RATE_LIMITED"))
            self.assertGreaterEqual(int(dict(heard.headers)["retry-after"]), 1)
        self.assertEqual(self.house.access.asked, [])
        heard = await self.ask(self.good(authorization=f"Bearer {TOKEN[:-1]}6"))
        self.assertEqual((heard.status, heard.error["code"]), (429, "RATE_LIMITED"))
        self.assertEqual(self.house.access.looked, [True] * 3 + [False])
        claimed = ("fedcba9876543210", "127.0.0.1", "unknown")
        self.assertEqual(self.house.witness.seen, [claimed, claimed, (None, "127.0.0.1", "unknown")])
        (await self.opened()).leave()

    async def test_guesses_at_once(self) -> None:
        """AU-19: of many that guess at once no more are looked at than of those that come one by one."""
        await self.again(limits=Limits(IReactorTime(installed).seconds, Bounds(wrong_credentials_per_address=3)))
        slow: Deferred[None] = Deferred()
        self.house.access.slow = slow
        wrong = self.good(authorization=f"Bearer {TOKEN.replace('0123456789abcdef', 'fedcba9876543210')}")
        answers = [Deferred.fromCoroutine(self.ask(wrong)) for _ in range(10)]
        refused = [(await answer).status for answer in answers[3:]]
        self.assertEqual(refused, [429] * 7)
        slow.callback(None)
        self.assertEqual([(await answer).status for answer in answers[:3]], [401] * 3)
        self.assertEqual(len(self.house.access.asked), 3)

    async def test_good_and_new(self) -> None:
        """A device that was not known before it came does not count as one that guesses."""
        await self.again(limits=Limits(IReactorTime(installed).seconds, Bounds(wrong_credentials_per_address=1)))
        self.house.access.known = ()
        for _ in range(3):
            (await self.opened()).leave()

    async def test_trusted_proxy(self) -> None:
        """AU-18, AU-31: X-Forwarded-For counts from a trusted proxy only, and never what its client wrote."""
        extra = ["X-Forwarded-For: 6.6.6.6, 203.0.113.5", "X-Forwarded-User: admin", "X-Real-IP: 7.7.7.7"]
        for proxies, expected in ((), "127.0.0.1"), (("127.0.0.1/32",), "203.0.113.5"):
            await self.again(proxies=proxies)
            await self.ask(self.good(authorization="Bearer nobody", extra=extra))
            self.assertEqual(self.house.witness.seen.pop()[1], expected)
            talk = await self.opened(self.good(extra=extra))
            self.assertEqual(self.house.subscriptions.present[-1].address, expected)
            talk.leave()

    async def test_requests_of_an_address(self) -> None:
        """Who asks too often is told how long to wait, before anything else is judged."""
        limits = Limits(
            IReactorTime(installed).seconds, Bounds(address_requests_per_second=0.1, address_request_burst=2)
        )
        await self.again(limits=limits)
        for _ in range(2):
            await self.ask(self.good("/health"))
        heard = await self.ask(self.good("/health"))
        self.assertEqual((heard.status, heard.error["code"]), (429, "RATE_LIMITED"))
        self.assertEqual(dict(heard.headers)["retry-after"], "10")

    async def test_places_of_a_device(self) -> None:
        """A device has only so many connections, and gets a place back with each that ends."""
        await self.again(limits=Limits(IReactorTime(installed).seconds, Bounds(connections_per_device=1)))
        talk = await self.opened()
        heard = await self.ask(self.good())
        self.assertEqual((heard.status, heard.error["code"]), (429, "RATE_LIMITED"))
        talk.leave()
        await self.until(lambda: self.house.subscriptions.departed)
        (await self.opened()).leave()

    async def until(self, condition: object) -> None:
        """Turn the reactor until the condition holds."""
        assert callable(condition)
        while not condition():
            turn: Deferred[None] = Deferred()
            IReactorTime(installed).callLater(0.005, turn.callback, None)
            await turn
