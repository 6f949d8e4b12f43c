"""Pairing as people do it: `pocketagent pair` beside a real server, and a device that comes by its link; a browser with
a cookie; devices that are seen, changed and revoked."""

import http.client
import json
import signal
from collections.abc import Mapping

from attrs import frozen
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from pocketagent.client.profiles import Profiles
from pocketagent.domain.pairing import MAX_WRONG, code
from pocketagent.wire.links import Link, read_link
from tests.cli.test_qr import seen
from tests.end_to_end.client import DEADLINE, Pinned, wait_until
from tests.end_to_end.desk import DeskTestCase, Running
from tests.end_to_end.house import House, files, holds
from tests.end_to_end.shared_house import SharedHouse


@frozen
class Answer:
    """What came back of a request."""

    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def json(self) -> dict[str, object]:
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found

    @property
    def device(self) -> dict[str, object]:
        found = self.json["device"]
        assert isinstance(found, dict)
        return found

    @property
    def devices(self) -> list[dict[str, object]]:
        found = self.json["devices"]
        assert isinstance(found, list)
        return found


def ask(house: House, method: str, path: str, body: object = None, **headers: str) -> Answer:
    """A request to a house, over TLS to its pinned key."""
    talk = http.client.HTTPSConnection("127.0.0.1", house.port, timeout=DEADLINE, context=Pinned(house.fingerprint))
    try:
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            said["Content-Type"] = "application/json"
        talk.request(method, path, None if body is None else json.dumps(body), said)
        answer = talk.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode())
    finally:
        talk.close()


class PairingCase(DeskTestCase):
    def setUp(self) -> None:
        self.inhabited = SharedHouse.lent(self).house
        self.owner = self.desk()
        self.laptop = self.desk()

    def pairing(self, *words: str, **more: object) -> tuple[Running, Link]:
        """`pair` on the server's machine, waiting; and its link."""
        running = self.owner.start(
            "pair", f"--data-dir={self.inhabited.data_dir}", "--host=127.0.0.1", *words, **more  # type: ignore[arg-type]
        )  # fmt: skip
        running.wait_for("Waiting")
        (line,) = [line for line in running.out.splitlines() or running.err.splitlines() if "#pair=" in line]
        return running, read_link(line)

    def exchange(self, link: Link, name: str = "Pixel", **more: object) -> Answer:
        return ask(self.inhabited, "POST", "/api/v1/pair", {"code": link.code, "name": name, **more})

    def devices(self) -> list[dict[str, object]]:
        """As the person sees them at the server's machine."""
        found = json.loads(self.inhabited.command("devices", "--json"))
        assert isinstance(found, list)
        return found

    @property
    def origin(self) -> str:
        return f"https://127.0.0.1:{self.inhabited.port}"

    def assert_nowhere(self, secret: str) -> None:
        """It stands in nothing that the server has written and kept, but for secrets of its own."""
        self.assertNotIn(secret, self.inhabited.log)
        kept = [path for path in files(self.inhabited.data_dir) if ".json" in path.name]
        self.assertTrue(kept)
        self.assertEqual([path for path in kept if holds(path, secret)], [])


class PairTests(PairingCase):
    def test_whole_way(self) -> None:
        """A device comes by the printed link, works with its token, and is out within a second when it is revoked."""
        running, link = self.pairing("--scope=execute")
        self.assertEqual(link.fingerprint, self.inhabited.fingerprint)
        said = self.laptop.run("connect", str(link), "--profile=home")
        self.done(said)
        for part in ("may: execute", "profile 'home'", "pocketagent chat"):
            self.assertIn(part, said.err)
        self.assertIn("has come; it may: execute", running.ended().err)
        profile = Profiles(self.laptop.config).get("home")
        self.laptop.secrets.append(profile.token)
        self.assertEqual(profile.fingerprint, self.inhabited.fingerprint)
        self.done(self.laptop.run("projects"))
        client = self.client(self.inhabited, profile.token)
        (device,) = self.devices()
        self.assertEqual((device["scope"], device["kind"]), ("execute", "program"))
        self.inhabited.command("devices", "revoke", str(device["id"]))
        self.assertEqual(client.closed(), 4401)
        self.assertIn("revoked", self.failed(self.laptop.run("projects"), 3))
        for secret in (link.code, profile.token[-64:]):
            self.assert_nowhere(secret)

    def test_picture(self) -> None:
        """On a terminal the picture that is shown is that link."""
        running, link = self.pairing(terminal=True, more={"TERM": "xterm", "COLUMNS": "80", "LINES": "50"})
        drawn = [line for line in running.err.replace("\r", "").splitlines() if line.startswith("\x1b[38;5;16")]
        self.assertEqual(seen(drawn), str(link))
        running.process.send_signal(signal.SIGINT)
        running.ended()

    def test_once(self) -> None:
        """The link is good once; by another one of the same server the same device comes as a new one."""
        running, link = self.pairing()
        self.done(self.laptop.run("connect", str(link)))
        running.ended()
        self.assertIn("no longer", self.failed(self.laptop.run("connect", str(link), "--profile=again"), 3))
        self.assertEqual(Profiles(self.laptop.config).names(), ["127.0.0.1"])

    def test_another_server(self) -> None:
        """Where another key answers, the code is not sent, and stays good for the right one (AU-15)."""
        running, link = self.pairing()
        other = self.house()
        lured = str(Link(f"https://127.0.0.1:{other.port}", link.code, link.fingerprint))
        self.assertIn("Nothing was sent", self.failed(self.laptop.run("connect", lured), 3))
        self.assertNotIn("/api/v1/pair", other.log)
        self.assertEqual(Profiles(self.laptop.config).names(), ())
        self.done(self.laptop.run("connect", str(link)))
        self.done(running.ended())

    def test_withdrawn(self) -> None:
        """Ctrl-C at the server withdraws it: the link is worth nothing then."""
        running, link = self.pairing()
        running.press_ctrl_c()
        self.assertEqual(running.ended().code, 1)
        self.failed(self.laptop.run("connect", str(link)), 3)
        self.assertEqual(self.devices(), [])

    def test_guessing_across_a_restart(self) -> None:
        """Five wrong codes in total end it, also when the server was started anew between them (AU-12)."""
        running, link = self.pairing()
        for number in range(MAX_WRONG):
            if number == 3:
                self.inhabited.stop()
                self.inhabited.start()
            answer = ask(self.inhabited, "POST", "/api/v1/pair", {"code": code(f"{number:032x}")})
            self.assertEqual(answer.status, 401)
        self.assertEqual(self.exchange(link).status, 401)
        self.assertIn("guessing", self.failed(running.ended(), 1))
        self.assertEqual(self.devices(), [])

    def test_link_from_stdin(self) -> None:
        """A link need not stand among the arguments, which other users of the machine see."""
        running, link = self.pairing()
        self.done(self.laptop.run("connect", "-", given=f"{link}\n"))
        self.done(running.ended())

    def test_not_a_link(self) -> None:
        """A link that was cut, or that options contradict, is told and not tried."""
        _, link = self.pairing()
        self.failed(self.laptop.run("connect", str(link)[:-3]), 2)
        self.failed(self.laptop.run("connect", str(link), "--yes"), 2)

    def test_no_server(self) -> None:
        """Without a server there is no pairing."""
        self.inhabited.stop()
        self.assertIn("no server", self.failed(self.owner.run("pair", f"--data-dir={self.inhabited.data_dir}"), 1))


class BrowserTests(PairingCase):
    def paired(self) -> tuple[str, str]:
        """A browser that has come: its cookie, and the id of its device."""
        running, link = self.pairing("--scope=admin", "--name=my browser")
        answer = self.exchange(link, cookie=True)
        self.assertEqual(answer.status, 403, "without a page of ours")
        answer = ask(self.inhabited, "POST", "/api/v1/pair", {"code": link.code, "cookie": True}, Origin=self.origin)
        self.assertEqual(answer.status, 201, answer.body)
        self.done(running.ended())
        self.assertNotIn("token", answer.json)
        pair, *attributes = answer.headers["set-cookie"].split("; ")
        self.assertEqual(attributes[1:], ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"])
        self.assertNotIn(pair.partition("=")[2], answer.body)
        return pair, str(answer.device["id"])

    def test_session(self) -> None:
        """A browser comes in by its cookie, from pages of this server only, and by no other way; when it logs out, its
        device is gone."""
        cookie, device_id = self.paired()
        same = {"Cookie": cookie, "Sec_Fetch_Site": "same-origin"}
        shown = ask(self.inhabited, "GET", "/api/v1/devices", **same)
        self.assertEqual(shown.status, 200, shown.body)
        (device,) = shown.devices
        self.assertEqual((device["id"], device["name"], device["kind"]), (device_id, "my browser", "browser"))
        for status, headers in (
            (403, {"Cookie": cookie}),
            (403, {"Cookie": cookie, "Sec_Fetch_Site": "cross-site"}),
            (403, {"Cookie": cookie, "Origin": "https://evil.example"}),
            (400, {**same, "Authorization": f"Bearer {'x' * 10}"}),
            (401, {"Authorization": f"Bearer {cookie.partition('=')[2]}"}),
            (401, {"Sec_Fetch_Site": "same-origin", "Cookie": cookie[:-1]}),
        ):
            self.assertEqual(ask(self.inhabited, "GET", "/api/v1/devices", **headers).status, status, headers)
        out = ask(self.inhabited, "DELETE", "/api/v1/session", **same)
        self.assertEqual(out.status, 403)
        out = ask(self.inhabited, "DELETE", "/api/v1/session", Cookie=cookie, Origin=self.origin)
        self.assertEqual(out.status, 204, out.body)
        self.assertIn("Max-Age=0", out.headers["set-cookie"])
        wait_until(
            lambda: ask(self.inhabited, "GET", "/api/v1/devices", **same).status == 401, "the end of the session"
        )
        self.assert_nowhere(cookie.partition("=")[2])

    def test_websocket(self) -> None:
        """Its pages open a WebSocket with the cookie, and those of others do not; it is closed within a second when the
        browser logs out."""
        cookie, _ = self.paired()
        for origin in (None, "https://evil.example", "null"):
            self.assertRaises(InvalidStatus, self.opened, cookie, origin)
        socket = self.opened(cookie, self.origin)
        self.assertIn("my browser", str(socket.recv(DEADLINE)))
        ask(self.inhabited, "DELETE", "/api/v1/session", Cookie=cookie, Origin=self.origin)
        self.assertRaises(ConnectionClosed, socket.recv, DEADLINE)
        self.assertEqual(socket.close_code, 4401)

    def opened(self, cookie: str, origin: str | None) -> ClientConnection:
        made = connect(
            f"wss://127.0.0.1:{self.inhabited.port}/ws",
            ssl=Pinned(self.inhabited.fingerprint),
            sock=self.inhabited.dial(),
            server_hostname="127.0.0.1",
            additional_headers={"Cookie": cookie},
            origin=None if origin is None else Origin(origin),
            compression=None,
        )
        self.addCleanup(made.close)
        return made

    def test_devices(self) -> None:
        """Over HTTP devices are listed with when they were last seen, renamed, given an end, and revoked; the last
        admin only where that is said."""
        token = self.inhabited.token("laptop")
        bearer = {"Authorization": f"Bearer {token}", "User_Agent": "curl/8.5.0"}
        _, browser = self.paired()
        (laptop, _) = ask(self.inhabited, "GET", "/api/v1/devices", **bearer).devices
        self.assertEqual((laptop["name"], laptop["client"], laptop["over"]), ("laptop", "curl", False))
        path = f"/api/v1/devices/{browser}"
        renamed = ask(self.inhabited, "PATCH", path, {"name": "old"}, **bearer)
        self.assertEqual((renamed.status, renamed.json["name"]), (200, "old"))
        ended = ask(self.inhabited, "PATCH", path, {"expires_at": "2100-01-01T00:00:00Z"}, **bearer)
        self.assertEqual(ended.json["expires_at"], "2100-01-01T00:00:00.000000Z")
        self.assertEqual(ask(self.inhabited, "PATCH", path, {"scope": "admin"}, **bearer).status, 400)
        self.assertEqual(ask(self.inhabited, "DELETE", path, **bearer).status, 204)
        self.assertEqual(ask(self.inhabited, "DELETE", path, **bearer).status, 404)
        mine = f"/api/v1/devices/{laptop['id']}"
        self.assertEqual(ask(self.inhabited, "DELETE", mine, **bearer).status, 403)
        self.assertEqual(ask(self.inhabited, "DELETE", f"{mine}?last_admin=true", **bearer).status, 204)
        self.inhabited.stop()
        self.assertEqual(self.devices(), [])

    def test_seen_after_the_end(self) -> None:
        """When a device was last seen is still known when the server has stopped."""
        client = self.client(self.inhabited, self.inhabited.token("laptop"))
        client.close()
        self.inhabited.stop()
        (device,) = self.devices()
        self.assertIsNotNone(device["last_seen"])
