"""Tests of `pocketagent.inbound.devices`: raw requests to a real port, over TLS, with services on memory behind it."""

import json
from collections.abc import Mapping, Sequence

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IReactorTime
from twisted.internet.ssl import CertificateOptions, optionsForClientTLS
from twisted.trial.unittest import TestCase

from pocketagent.domain.access import Device, Kind, Scope, cookie, hash_of, token
from pocketagent.domain.pairing import MAX_WRONG, Pairing, code
from pocketagent.inbound import devices as http
from pocketagent.inbound.gate import COOKIE_NAME
from pocketagent.outbound.memory import MemoryDevices, MemoryPairings
from tests.inbound.asking import Heard, written
from tests.inbound.certificate import private_certificate
from tests.inbound.house import House, Talk, connected, listening, number
from tests.services.workshop import Workshop

SECRET = "5" * 64
CODE = code("5e" * 16)


def made(digit: str, scope: Scope, kind: Kind = Kind.PROGRAM) -> Device:
    return Device(digit * 16, f"device {digit}", scope, hash_of(SECRET), 1_700_000_000.0, kind=kind)


ADMIN, READER, BROWSER = (
    made("a", Scope.ADMIN),
    made("b", Scope.READ),
    made("c", Scope.ADMIN, Kind.BROWSER),
)


class DevicesCase(TestCase):
    timeout = 30
    is_plain = False
    proxies: Sequence[str] = ()

    def setUp(self) -> Deferred[None]:  # type: ignore[override]
        certificate = private_certificate("localhost")
        self.trust: IOpenSSLClientConnectionCreator | None = None
        self.options: CertificateOptions | None = None
        self.shop = Workshop()
        if not self.is_plain:
            self.trust = optionsForClientTLS("localhost", trustRoot=certificate)
            private, public = certificate.privateKey.original, certificate.original
            self.options = CertificateOptions(privateKey=private, certificate=public)
        return Deferred.fromCoroutine(self.open())

    async def open(self) -> None:
        self.devices: MemoryDevices = self.shop.devices
        self.pairings: MemoryPairings = self.shop.pairings
        for device in (ADMIN, READER, BROWSER):
            await self.devices.save(device)
        await self.shop.services.access.start()
        self.addCleanup(self.shop.services.stop)
        house = self.house = House(
            IReactorTime(installed), tls=self.options, proxies=self.proxies, measures=self.shop.measures
        )
        house.access = self.shop.services.access  # type: ignore[assignment]
        house.more = http.routes(self.shop.services.pairing, self.shop.services.devices, self.shop.clock.seconds)
        self.front = house.door()
        self.port = await listening(self.front)
        self.addCleanup(self.close)

    async def close(self) -> None:
        await maybeDeferred(self.port.stopListening)
        await self.front.close_all(1001, "over", 0.1)

    async def ask(self, method: str, target: str, body: object = None, **headers: object) -> Heard:
        """A request on a connection of its own."""
        talk: Talk = await connected(self.port, self.trust)
        headers = {"token": None, "connection": "close"} | headers
        talk.say(written(method, f"/api/v1{target}", body, port=number(self.port), **headers))  # type: ignore[arg-type]
        await talk.over()
        return Heard.of(talk.heard)

    async def by(self, device: Device, method: str, target: str, body: object = None, **headers: object) -> Heard:
        """The same, by a device."""
        if device.kind is Kind.BROWSER:
            headers |= {"cookie": f"{COOKIE_NAME}={cookie(device.id, SECRET)}", "origin": self.origin}
            return await self.ask(method, target, body, **headers)
        return await self.ask(method, target, body, token=token(device.id, SECRET), **headers)

    @property
    def origin(self) -> str:
        return f"https://localhost:{number(self.port)}"

    async def open_pairing(
        self, scope: Scope = Scope.EXECUTE, lifetime: float | None = None, age: float = 0.0
    ) -> None:  # fmt: skip
        made_at = self.shop.clock.seconds() - age
        await self.pairings.save(Pairing("d" * 16, hash_of(CODE), scope, None, lifetime, made_at))

    async def wrong(self, body: Mapping[str, object], **headers: object) -> Heard:
        """A code that is refused, once the clock has gone on."""
        asking = Deferred.fromCoroutine(self.ask("POST", "/pair", body, **headers))
        while not asking.called:
            self.shop.clock.advance(0.25)
            pause: Deferred[None] = Deferred()
            IReactorTime(installed).callLater(0.01, pause.callback, None)
            await pause
        heard = await asking
        self.assertEqual((heard.status, heard.code), (401, "UNAUTHORIZED"), heard)
        return heard


class PairTests(DevicesCase):
    async def test_program(self) -> None:
        """A code, without any credential, becomes the token of a new device; no cookie is set."""
        await self.open_pairing()
        heard = await self.ask("POST", "/pair", {"code": CODE, "name": "Pixel"})
        self.assertEqual(heard.status, 201, heard)
        self.assertEqual(heard.header("location"), f"/api/v1/devices/{'d' * 16}")
        self.assertIsNone(heard.header("set-cookie"))
        device = heard.json["device"]
        assert isinstance(device, dict)
        self.assertEqual((device["name"], device["scope"], device["kind"]), ("Pixel", "execute", "program"))
        seen = await self.ask("GET", f"/devices/{device['id']}", token=heard.json["token"])
        self.assertEqual(seen.status, 200, seen)

    async def test_browser(self) -> None:
        """A browser gets the cookie and no token in the body; it lives as long as the device, 400 days at most."""
        for lifetime, age in ((None, 400 * 86400), (3600.0, 3600)):
            await self.open_pairing(lifetime=lifetime)
            heard = await self.ask("POST", "/pair", {"code": CODE, "cookie": True}, origin=self.origin)
            self.assertEqual(heard.status, 201, heard)
            self.assertNotIn("token", heard.json)
            value, *attributes = (heard.header("set-cookie") or "").split("; ")
            self.assertEqual(attributes, [f"Max-Age={age}", "Path=/", "Secure", "HttpOnly", "SameSite=Strict"])
            self.assertTrue(value.startswith("__Host-pocketagent=pac_"), value)
            self.assertNotIn(value[-64:], heard.body.decode())
            self.shop.clock.advance(1)
            seen = await self.ask("GET", f"/devices/{'d' * 16}", cookie=value, sec_fetch_site="same-origin")
            self.assertEqual(seen.status, 200, seen)

    async def test_browser_elsewhere(self) -> None:
        """A cookie is given to a page of ours only, and asking for one elsewhere costs no code."""
        await self.open_pairing()
        for more in ({}, {"origin": "https://evil.example"}, {"sec_fetch_site": "same-origin"}):
            heard = await self.ask("POST", "/pair", {"code": CODE, "cookie": True}, **more)
            self.assertEqual(heard.status, 403, heard)
        self.assertEqual([pairing.wrong for pairing in await self.pairings.all()], [0])

    async def test_wrong(self) -> None:
        """Whatever is no good code gets the same answer, with no pairing open, over, or used up (AU-11, AU-13, AU-33);
        from this machine, too (AU-16)."""
        answers = []
        for text in (CODE, "", token(ADMIN.id, SECRET), cookie(BROWSER.id, SECRET)):
            heard = await self.wrong({"code": text})
            answers.append((heard.error["message"], heard.error["details"], heard.header("www-authenticate")))
        await self.open_pairing(age=300.0)
        heard = await self.wrong({"code": CODE})
        answers.append((heard.error["message"], heard.error["details"], heard.header("www-authenticate")))
        self.assertEqual(answers, [answers[0]] * 5)
        self.assertEqual(len(await self.devices.all()), 3)

    async def test_six_connections(self) -> None:
        """After five wrong codes on as many connections the right one is refused on the sixth (AU-12)."""
        await self.open_pairing()
        for count in range(MAX_WRONG):
            await self.wrong({"code": code(f"{count:032x}")})
        await self.wrong({"code": CODE})
        self.assertEqual(self.shop.measures.refused["pairing"], MAX_WRONG + 1)

    async def test_two_at_once(self) -> None:
        """Of two devices that send the right code at once exactly one is let in (AU-14)."""
        await self.open_pairing()

        def send() -> Deferred[Heard]:
            return Deferred.fromCoroutine(self.ask("POST", "/pair", {"code": CODE}))

        both = gatherResults([send(), send()])
        while not both.called:
            self.shop.clock.advance(0.25)
            pause: Deferred[None] = Deferred()
            IReactorTime(installed).callLater(0.01, pause.callback, None)
            await pause
        self.assertEqual(sorted(heard.status for heard in await both), [201, 401])

    async def test_claims(self) -> None:
        """What a device claims of itself, wherever, changes nothing of what it may do (AU-17)."""
        await self.open_pairing(Scope.READ)
        body = {"code": CODE, "scope": "admin", "scopes": ["admin"], "id": ADMIN.id}
        heard = await self.ask("POST", "/pair", body, x_scope="admin", cookie="scope=admin")
        device = heard.json["device"]
        assert isinstance(device, dict)
        self.assertEqual((device["scope"], device["id"]), ("read", "d" * 16))
        query = await self.ask("POST", "/pair?scope=admin", {"code": CODE})
        self.assertEqual(query.status, 400)

    async def test_malformed(self) -> None:
        """A body that is none is told as that, and is no try; the code is never taken from the URL."""
        await self.open_pairing()
        for body in ({}, {"code": 5}, {"code": CODE, "name": "a\nb"}, {"code": CODE, "cookie": "yes"}, b"{", [CODE]):
            heard = await self.ask("POST", "/pair", body)
            self.assertEqual((heard.status, heard.code), (400, "INVALID_MESSAGE"), heard)
        self.assertEqual((await self.ask("POST", f"/pair?code={CODE}", {})).status, 400)
        self.assertEqual((await self.ask("GET", "/pair")).status, 405)
        large = await self.ask("POST", "/pair", {"code": "x" * http.MAX_BODY})
        self.assertEqual(large.status, 413)
        self.assertEqual([pairing.wrong for pairing in await self.pairings.all()], [0])


class ManageTests(DevicesCase):
    async def test_list(self) -> None:
        """An admin, whether program or browser, sees all devices and no secret; a reader does not."""
        for admin in (ADMIN, BROWSER):
            heard = await self.by(admin, "GET", "/devices", user_agent="Mozilla/5.0")
            self.assertEqual((heard.status, heard.json["total"]), (200, 3), heard)
            self.assertNotIn(hash_of(SECRET), heard.body.decode())
            self.assertNotIn(SECRET, heard.body.decode())
        found = {one["id"]: one for one in json.loads(heard.body)["devices"]}
        self.assertEqual(found[BROWSER.id]["client"], "browser")
        self.assertIsNone(found[READER.id]["last_seen"])
        self.assertEqual((await self.by(READER, "GET", "/devices")).status, 403)
        self.assertEqual((await self.ask("GET", "/devices")).status, 401)

    async def test_itself(self) -> None:
        """A reader sees and renames itself, and nobody else."""
        heard = await self.by(READER, "PATCH", f"/devices/{READER.id}", {"name": "Tablet"})
        self.assertEqual((heard.status, heard.json["name"]), (200, "Tablet"), heard)
        self.assertEqual((await self.by(READER, "GET", f"/devices/{READER.id}")).json["name"], "Tablet")
        for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
            self.assertEqual((await self.by(READER, method, f"/devices/{ADMIN.id}", body)).status, 403)
        end = {"expires_at": "2100-01-01T00:00:00Z"}
        self.assertEqual((await self.by(READER, "PATCH", f"/devices/{READER.id}", end)).status, 403)
        self.assertEqual((await self.by(READER, "DELETE", f"/devices/{READER.id}")).status, 403)

    async def test_end(self) -> None:
        """An admin gives a device an end and takes it away; what is no time, or lies behind, is refused."""
        path = f"/devices/{READER.id}"
        heard = await self.by(ADMIN, "PATCH", path, {"expires_at": "2100-01-01T02:00:00+02:00"})
        self.assertEqual(heard.json["expires_at"], "2100-01-01T00:00:00.000000Z")
        heard = await self.by(ADMIN, "PATCH", path, {"expires_at": None})
        self.assertIsNone(heard.json["expires_at"])
        for end in ("2001-01-01T00:00:00Z", "soon", 5, "2100-01-01", "NaN"):
            heard = await self.by(ADMIN, "PATCH", path, {"expires_at": end})
            self.assertEqual((heard.status, heard.code), (400, "INVALID_MESSAGE"), heard)

    async def test_no_more_than_that(self) -> None:
        """Nothing else of a device can be changed, its scope least of all (AU-17)."""
        for body in (
            {"scope": "admin"},
            {"name": "x", "kind": "browser"},
            {"secret_hash": "0" * 64},
            {"expired": False},
        ):
            heard = await self.by(ADMIN, "PATCH", f"/devices/{READER.id}", body)
            self.assertEqual(heard.status, 400, heard)
        self.assertEqual((await self.by(ADMIN, "GET", f"/devices/{READER.id}")).json["scope"], "read")

    async def test_revoke(self) -> None:
        """A revoked device is refused at once; the last admin goes only where that is said."""
        self.assertEqual((await self.by(ADMIN, "DELETE", f"/devices/{READER.id}")).status, 204)
        self.assertEqual((await self.by(ADMIN, "DELETE", f"/devices/{READER.id}")).status, 404)
        self.assertEqual((await self.by(ADMIN, "DELETE", f"/devices/{BROWSER.id}")).status, 204)
        last = f"/devices/{ADMIN.id}"
        heard = await self.by(ADMIN, "DELETE", last)
        self.assertEqual((heard.status, heard.error["details"]), (403, {"needed": "last_admin"}))
        for words in ("last_admin=1", "last_admin=true&last_admin=true", "force=true"):
            self.assertEqual((await self.by(ADMIN, "DELETE", f"{last}?{words}")).status, 400, words)
        self.assertEqual((await self.by(ADMIN, "DELETE", f"{last}?last_admin=true")).status, 204)
        self.assertEqual(list(await self.devices.all()), [])
        self.shop.clock.advance(1)
        self.assertEqual((await self.by(ADMIN, "GET", last)).status, 401)

    async def test_log_out(self) -> None:
        """A browser that logs out loses its cookie and its device; a program's token stays good."""
        heard = await self.by(BROWSER, "DELETE", "/session")
        self.assertEqual(heard.status, 204, heard)
        self.assertTrue((heard.header("set-cookie") or "").startswith("__Host-pocketagent=; Max-Age=0; Path=/; Secure"))
        self.shop.clock.advance(1)
        self.assertEqual((await self.by(BROWSER, "GET", f"/devices/{BROWSER.id}")).status, 401)
        self.assertEqual((await self.by(READER, "DELETE", "/session")).status, 204)
        self.assertEqual((await self.by(READER, "GET", f"/devices/{READER.id}")).status, 200)

    async def test_own_end(self) -> None:
        """Who ends its own credential hears that it is done, also when the connections of that device are closed in the
        same moment."""
        remove = self.devices.remove

        async def removed(device_id: str) -> bool:
            done = await remove(device_id)
            for visitor in tuple(self.house.subscriptions.present):
                visitor.close(4401, "revoked")
            return done

        self.patch(self.devices, "remove", removed)
        self.assertEqual((await self.by(BROWSER, "DELETE", "/session")).status, 204)
        self.assertEqual((await self.by(ADMIN, "DELETE", f"/devices/{ADMIN.id}?last_admin=true")).status, 204)
        self.assertEqual(self.house.subscriptions.present, [])

    async def test_cookie_of_another_page(self) -> None:
        """What a page of another origin asks, the browser's cookie with it, is refused and changes nothing."""
        shown = {"cookie": f"{COOKIE_NAME}={cookie(BROWSER.id, SECRET)}"}
        for more in ({"origin": "https://evil.example"}, {"sec_fetch_site": "cross-site"}, {}):
            heard = await self.ask("DELETE", f"/devices/{READER.id}", **shown, **more)
            self.assertEqual(heard.status, 403, heard)
        self.assertEqual(len(await self.devices.all()), 3)


class WithoutTLSTests(DevicesCase):
    """A server without TLS, and nobody whose word it takes."""

    is_plain = True

    async def test_no_cookie(self) -> None:
        """No cookie is given or taken, whatever a header says of TLS elsewhere, and it is said why."""
        await self.open_pairing()
        plain = self.origin.replace("https:", "http:")
        for more in ({}, {"x_forwarded_proto": "https"}):
            for heard in (
                await self.ask("POST", "/pair", {"code": CODE, "cookie": True}, origin=plain, **more),
                await self.ask("GET", "/devices", cookie=f"{COOKIE_NAME}={cookie(BROWSER.id, SECRET)}", **more),
            ):
                self.assertEqual(heard.status, 403, heard)
                self.assertIn("TLS only", str(heard.error["message"]))
        self.assertEqual((await self.ask("POST", "/pair", {"code": CODE})).status, 201)


class BehindProxyTests(DevicesCase):
    """A server without TLS behind a proxy with it, which it trusts."""

    is_plain = True
    proxies = ("127.0.0.1",)

    async def test_https(self) -> None:
        """What came to the proxy by https is as good as over TLS: cookies are given and taken, and pages of https are
        the server's own."""
        await self.open_pairing(Scope.ADMIN)
        secure = {"x_forwarded_proto": "https"}
        heard = await self.ask("POST", "/pair", {"code": CODE, "cookie": True}, origin=self.origin, **secure)
        self.assertEqual(heard.status, 201, heard)
        shown = (heard.header("set-cookie") or "").partition(";")[0]
        heard = await self.ask("GET", "/devices", cookie=shown, sec_fetch_site="same-origin", **secure)
        self.assertEqual(heard.status, 200, heard)
        heard = await self.ask("DELETE", "/session", cookie=shown, origin=self.origin, **secure)
        self.assertEqual(heard.status, 204, heard)

    async def test_http(self) -> None:
        """What came to it without is not, and says so, or says nothing."""
        for more in ({}, {"x_forwarded_proto": "http"}, {"x_forwarded_proto": "https, http"}):
            heard = await self.by(BROWSER, "GET", "/devices", **more)
            self.assertEqual(heard.status, 403, heard)
