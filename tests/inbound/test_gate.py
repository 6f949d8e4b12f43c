"""Tests of `pocketagent.inbound.gate`: the rules, without a socket."""

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.access import Kind
from pocketagent.inbound import gate
from pocketagent.inbound.gate import Names
from pocketagent.inbound.turned_away import TurnedAway
from tests.inbound.asking import call
from tests.inbound.house import COOKIE, TOKEN

NAMES = Names.of(["localhost", "127.0.0.1", "::1", "good.example"], tls=True)


class HostTests(SynchronousTestCase):
    def judge(self, *hosts: str) -> int:
        try:
            NAMES.check_host(call(host=list(hosts)))
        except TurnedAway as refusal:
            return refusal.status
        return 0

    def test_our_names(self) -> None:
        """Each name that the server goes by is good, with the port, in any way to write it that means just that."""
        for host in ("localhost", "LocalHost", "127.0.0.1", "[::1]", "[0:0::1]", "good.example"):
            self.assertEqual(self.judge(f"{host}:8443"), 0, host)

    def test_ports(self) -> None:
        """The port that was asked may be another than ours: a router forwards it. Without one it is the scheme's."""
        for host, port in (("good.example", 443), ("good.example:443", 443), ("good.example:9999", 9999)):
            self.assertEqual(NAMES.check_host(call(host=host)), port)
        self.assertEqual(Names.of(["localhost"], tls=False).check_host(call(host="localhost")), 80)

    def test_malformed(self) -> None:
        """HS-03: what is no name with a port is 400, and so are two."""
        for host in (
            "",
            "a:b:c",
            "[::1",
            "h:99999",
            "h:",
            "h:0",
            "h:08443",
            "a@h:8443",
            "h/x",
            "h:8443/",
            "h h",
            "[g]",
        ):
            self.assertEqual(self.judge(host), 400, host)
        self.assertEqual(self.judge(), 400)
        self.assertEqual(self.judge("localhost:8443", "localhost:8443"), 400)

    def test_foreign(self) -> None:
        """OR-06: another name of the same address is not ours: DNS rebinding ends here."""
        for host in (
            "attacker.example:8443",
            "0.0.0.0:8443",
            "127.evil.com:8443",
            "2130706433:8443",
            "[::ffff:127.0.0.1]:8443",
            "localhost.:8443",
            "good.example.evil.com:8443",
            "[::2]:8443",
        ):
            self.assertEqual(self.judge(host), 421, host)


class OriginTests(SynchronousTestCase):
    def judge(self, *origins: str, port: int = 8443) -> int:
        try:
            NAMES.check_origin(call(origin=list(origins)) if origins else call(), port)
        except TurnedAway as refusal:
            return refusal.status
        return 0

    def test_ours(self) -> None:
        """A page of ours may ask, from each of our names; and so may whoever is no page."""
        for origin in ("https://localhost:8443", "https://[::1]:8443", "https://good.example:8443"):
            self.assertEqual(self.judge(origin), 0, origin)
        self.assertEqual(self.judge(), 0)
        self.assertEqual(self.judge("https://good.example", port=443), 0)

    def test_lookalikes(self) -> None:
        """OR-02: an origin is ours when it is equal, not when it resembles."""
        for origin in (
            "https://good.example.evil.com:8443",
            "https://good.examplex:8443",
            "https://evil.com/https://good.example:8443",
            "https://good.example:9999",
            "https://good.example",
            "http://good.example:8443",
        ):
            self.assertEqual(self.judge(origin), 403, origin)

    def test_no_pages(self) -> None:
        """OR-03: null, files, extensions and nothing at all are no origins of ours."""
        for origin in ("null", "file://", "chrome-extension://abcdef", ""):
            self.assertEqual(self.judge(origin), 403, origin)

    def test_one_form(self) -> None:
        """OR-05: there is one way to write an origin."""
        for origin in (
            "https://user@good.example:8443",
            "https://good.example:8443/",
            "https://Good.Example:8443",
            "HTTPS://good.example:8443",
            "https://good.example.:8443",
            "https://xn--good.example:8443",
            "https://good.example:8443\n",
            "https://good.example:08443",
        ):
            self.assertEqual(self.judge(origin), 403, origin)

    def test_two(self) -> None:
        """Two origins are none."""
        self.assertEqual(self.judge("https://localhost:8443", "https://localhost:8443"), 400)


class TokenTests(SynchronousTestCase):
    def reason(self, **headers: str | list[str]) -> object:
        refusal = self.assertRaises(TurnedAway, gate.token, call(**headers))
        self.assertEqual(refusal.status, 401)
        self.assertTrue(dict(refusal.headers)["WWW-Authenticate"].startswith('Bearer realm="pocketagent"'))
        return refusal.details["reason"]

    def test_bearer(self) -> None:
        """The token is what stands behind the word Bearer, however that is written."""
        for scheme in ("Bearer", "bearer", "BEARER"):
            self.assertEqual(gate.token(call(authorization=f"{scheme} pa_1_2")), "pa_1_2")

    def test_missing(self) -> None:
        """Without the header the answer says how to send one; a cookie is none."""
        self.assertEqual(self.reason(), "missing")
        self.assertEqual(self.reason(cookie="__Host-pocketagent=pa_1_2"), "missing")

    def test_malformed(self) -> None:
        """Whatever is not Bearer and one word is malformed."""
        for text in (
            "",
            "Bearer",
            "Bearer ",
            "Bearer  a",
            "Bearer a b",
            "Basic YTpi",
            "pa_1_2",
            "Bearer\ta",
            "Bearer ä",
        ):
            self.assertEqual(self.reason(authorization=text), "malformed", text)

    def test_two(self) -> None:
        """Two credentials are a bad request."""
        refusal = self.assertRaises(TurnedAway, gate.token, call(authorization=["Bearer a", "Bearer b"]))
        self.assertEqual(refusal.status, 400)


class CookieTests(SynchronousTestCase):
    """The cookie of a browser is a credential where one of our own pages asks, and nowhere else (protocol 3.1)."""

    SHOWN = f"{gate.COOKIE_NAME}={COOKIE}"

    def judged(self, method: str = "GET", names: Names = NAMES, **headers: str | list[str]) -> gate.Credential | int:
        """What was shown, or the status with which it is refused."""
        said = {"host": "good.example:8443", "cookie": self.SHOWN} | headers
        try:
            return gate.credential(evolve(call(**said), method=method), names)
        except TurnedAway as refusal:
            self.assertNotIn(COOKIE[-32:], refusal.message)
            return refusal.status

    def assert_good(self, found: gate.Credential | int) -> None:
        self.assertEqual(found, gate.Credential(Kind.BROWSER, COOKIE))

    def test_origin(self) -> None:
        """With our origin, letter by letter, it is good for everything."""
        for method in ("GET", "HEAD", "POST", "PATCH", "DELETE"):
            self.assert_good(self.judged(method, origin="https://good.example:8443"))
        self.assert_good(self.judged(origin="https://good.example:8443", upgrade="websocket"))

    def test_other_origins(self) -> None:
        """Another origin is never good, whatever else is said: lookalikes, another port or scheme, `null` (OR-02,
        OR-03)."""
        for origin in (
            "https://good.example",
            "https://good.example:9999",
            "http://good.example:8443",
            "https://good.example.evil.com:8443",
            "https://evil.com/https://good.example:8443",
            "https://user@good.example:8443",
            "null",
            "",
        ):
            for method in ("GET", "POST"):
                self.assertEqual(self.judged(method, origin=origin, sec_fetch_site="same-origin"), 403, origin)

    def test_no_origin(self) -> None:
        """Without an origin it is good for looking only, and only where the browser says that our own page asks
        (OR-04)."""
        for method in ("GET", "HEAD"):
            self.assert_good(self.judged(method, sec_fetch_site="same-origin"))
            for site in ("same-site", "cross-site", "none", "Same-Origin", ""):
                self.assertEqual(self.judged(method, sec_fetch_site=site), 403, site)
            self.assertEqual(self.judged(method), 403)
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            self.assertEqual(self.judged(method, sec_fetch_site="same-origin"), 403, method)
        self.assertEqual(self.judged(sec_fetch_site="same-origin", upgrade="websocket"), 403)

    def test_twice(self) -> None:
        """Two cookies of the name are refused, in one header or in two, as is one beside a token (OR-11)."""
        same: dict[str, str | list[str]] = {"sec_fetch_site": "same-origin"}
        self.assertEqual(self.judged("GET", NAMES, **same, cookie=f"{self.SHOWN}; a=b; {gate.COOKIE_NAME}=x"), 400)
        self.assertEqual(self.judged("GET", NAMES, **same, cookie=[self.SHOWN, self.SHOWN]), 400)
        self.assertEqual(self.judged("GET", NAMES, **same, authorization=f"Bearer {TOKEN}"), 400)
        self.assertEqual(self.judged(sec_fetch_site=["same-origin", "same-origin"]), 400)

    def test_others_beside_it(self) -> None:
        """Other cookies are none of our business; without ours a token is what counts."""
        self.assert_good(self.judged(sec_fetch_site="same-origin", cookie=f"a=b; {self.SHOWN};c={gate.COOKIE_NAME}"))
        for cookie in ("", "a=b", f"x{self.SHOWN}", gate.COOKIE_NAME, f"__Secure-pocketagent={COOKIE}"):
            self.assertEqual(self.judged(cookie=cookie), 401, cookie)
            shown = self.judged(cookie=cookie, authorization=f"Bearer {TOKEN}")
            self.assertEqual(shown, gate.Credential(Kind.PROGRAM, TOKEN))

    def test_without_tls(self) -> None:
        """Without TLS it is refused, whatever a header says of another scheme."""
        plain = Names.of(["good.example"], tls=False)
        for more in ({}, {"x_forwarded_proto": "https"}, {"forwarded": "proto=https"}):
            headers: dict[str, str | list[str]] = {"origin": "http://good.example:8443", **more}
            self.assertEqual(self.judged("GET", plain, **headers), 403)

    def test_who_says_that_it_is_somebody(self) -> None:
        """What a request says of who asks, besides its credential, has no effect (AU-31)."""
        for name in ("x_forwarded_user", "x_remote_user", "x_auth_user", "remote_user", "x_forwarded_for"):
            self.assertEqual(self.judged("GET", NAMES, cookie="a=b", **{name: "admin"}), 401, name)

    def test_not_shown(self) -> None:
        """What is printed of a credential holds no secret."""
        self.assertNotIn(COOKIE, repr(gate.Credential(Kind.BROWSER, COOKIE)))
