"""Tests of `pocketagent.inbound.handshake`: the rules, without a socket."""

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.inbound.call import Call
from pocketagent.inbound.handshake import Upgrade, upgrade
from pocketagent.inbound.turned_away import TurnedAway
from tests.inbound.asking import call
from tests.inbound.house import KEY


def websocket(**changed: str | list[str]) -> Call:
    headers: dict[str, str | list[str]] = {
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec_websocket_version": "13",
        "sec_websocket_key": KEY,
    }
    return call(**{**headers, **changed})


class UpgradeTests(SynchronousTestCase):
    def judge(self, asked: Call) -> TurnedAway:
        refusal: TurnedAway = self.assertRaises(TurnedAway, upgrade, asked)
        return refusal

    def test_good(self) -> None:
        """The key is what Autobahn needs; a subprotocol is spoken where it is offered."""
        self.assertEqual(upgrade(websocket()), Upgrade(KEY, None))
        offered = upgrade(websocket(sec_websocket_protocol="other, pocketagent.v1"))
        self.assertEqual(offered.subprotocol, "pocketagent.v1")
        self.assertIsNone(upgrade(websocket(sec_websocket_protocol=["other", "another"])).subprotocol)
        upgrade(websocket(connection="keep-alive, upgrade", upgrade="WebSocket"))

    def test_versions(self) -> None:
        """HS-08: version 13, once; the answer to others names it."""
        for version in ("0", "7", "8", "99", "13, 8", "", ["13", "13"], []):
            refusal = self.judge(websocket(sec_websocket_version=version))
            self.assertEqual(refusal.status, 426, version)
            self.assertEqual(dict(refusal.headers)["Sec-WebSocket-Version"], "13")
            self.assertEqual(dict(refusal.headers)["Upgrade"], "websocket")

    def test_no_upgrade(self) -> None:
        """A plain GET is told what begins here."""
        self.assertEqual(self.judge(call()).status, 426)
        self.assertEqual(self.judge(websocket(upgrade="h2c")).status, 426)
        self.assertEqual(self.judge(websocket(connection="close")).status, 426)
        self.assertEqual(self.judge(evolve(websocket(), version="HTTP/1.0")).status, 400)

    def test_keys(self) -> None:
        """The key is 16 bytes in base64, once."""
        for key in ("", "x", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ==x", "d" * 24, [KEY, KEY], []):
            self.assertEqual(self.judge(websocket(sec_websocket_key=key)).status, 400, key)

    def test_subprotocols(self) -> None:
        """HS-15: a bounded list of different words; what is wrong with it is never echoed."""
        for offered in (
            ", ".join(f"p{n}" for n in range(17)),
            "pocketagent.v1, pocketagent.v1",
            "",
            "a,,b",
            "a b",
            "pa_0123456789abcdef_secret, ä",
        ):
            refusal = self.judge(websocket(sec_websocket_protocol=offered))
            self.assertEqual(refusal.status, 400, offered)
            self.assertNotIn("secret", refusal.message)
