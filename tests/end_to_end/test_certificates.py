"""Certificates change while clients stay; devices go while they are connected."""

import base64
import hashlib
import json
import os
import signal
import ssl
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.end_to_end.client import wait_until
from tests.end_to_end.house import House, HouseTestCase
from tests.end_to_end.shared_house import SharedHouse
from tests.end_to_end.test_turns import begin, data_of
from tests.outbound.pems import DAY, NOW, Pair, write


def pair(begins: float = -DAY, ends: float = 90 * DAY) -> Pair:
    """A certificate for this machine; the times count from now."""
    return Pair("localhost", time.time() - NOW + begins, time.time() - NOW + ends)


def fingerprint(certificate: x509.Certificate) -> str:
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


def shown(house: House) -> str:
    """The fingerprint of the key that the server shows to newcomers now."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(house.dial(), server_hostname="localhost") as stream:
        return fingerprint(x509.load_der_x509_certificate(stream.getpeercert(True) or b""))


class ReloadTests(HouseTestCase):
    def setUp(self) -> None:
        self.inhabited = self.house("--certificate=cert.pem", "--private-key=key.pem", start=False)
        self.certificate: Path = self.inhabited.directory / "cert.pem"
        self.key: Path = self.inhabited.directory / "key.pem"
        self.first = pair()
        self.place(self.first.pem, self.first.key_pem)
        self.inhabited.start()
        self.one = self.client(self.inhabited)

    def place(self, certificate: bytes, key: bytes) -> None:
        write(self.key, key)
        write(self.certificate, certificate)

    def reload(self) -> None:
        os.kill(self.inhabited.pid, signal.SIGHUP)

    def condition(self) -> object:
        checks = data_of(self.one.request("health_check"))["checks"]
        assert isinstance(checks, dict)
        return checks["certificate"]["status"]

    def test_another_one_while_clients_stay(self) -> None:
        """T-08: newcomers are shown the new one, whoever is there stays and misses nothing."""
        self.assertEqual(shown(self.inhabited), fingerprint(self.first.certificate))
        project_id = begin(self.one, self.inhabited, "one")
        self.one.request("execute", project_id=project_id, prompt="lines: 3000 300 1000\nsay: end")
        self.one.wait_for(lambda message: message["type"] == "agent_message")
        second = pair()
        self.place(second.pem, second.key_pem)
        self.reload()
        wait_until(lambda: shown(self.inhabited) == fingerprint(second.certificate), "the new one is shown")
        self.assertIn(fingerprint(second.certificate), self.inhabited.log)
        self.client(self.inhabited).join(project_id)
        self.one.wait_for_state(project_id, "IDLE")
        numbers = [int(str(event["seq"])) for event in self.one.events(project_id)]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))

        # Somebody else's authority is not ours to give.
        self.assertEqual(self.inhabited.get("/ca.crt")[0], 404)

    def test_bad_ones(self) -> None:
        """T-09, LI-04: whatever is wrong with the new one, the old one serves on, the health and the log say why."""
        other = pair()
        for what, certificate, key in (
            ("half a PEM", other.pem[: len(other.pem) // 2], other.key_pem),
            ("another key", other.pem, self.first.key_pem),
            ("expired", (late := pair(-2 * DAY, -DAY)).pem, late.key_pem),
            ("not yet valid", (early := pair(DAY, 2 * DAY)).pem, early.key_pem),
            ("empty", b"", b""),
            ("no PEM", b"\x00" * 100, b"\xff" * 100),
        ):
            self.place(certificate, key)
            before = len(self.inhabited.log)
            self.reload()
            wait_until(lambda b=before: "certificate" in self.inhabited.log[b:], f"{what}: the log tells")  # type: ignore[misc]
            self.assertEqual(self.condition(), "degraded", what)
            self.assertEqual(shown(self.inhabited), fingerprint(self.first.certificate), what)
            self.client(self.inhabited).request("project_list")
        self.key.unlink()
        self.reload()
        self.assertEqual(shown(self.inhabited), fingerprint(self.first.certificate))
        self.place(other.pem, other.key_pem)
        self.reload()
        wait_until(lambda: shown(self.inhabited) == fingerprint(other.certificate), "the good one is shown")
        self.assertEqual(self.condition(), "healthy")


class DeviceTests(HouseTestCase):
    def test_revoked_while_it_is_connected(self) -> None:
        """AU-07: its connections are closed with 4401 within a second; the others and the work go on."""
        house = SharedHouse.lent(self).house
        steady, token = self.client(house), house.token("thief", "execute")
        thieves = [self.client(house, token) for _ in range(3)]
        project_id = begin(steady, house, "one")
        for thief in thieves:
            thief.join(project_id)
        # Little enough for the buffers on the way: a goodbye behind more than they hold comes too late.
        thieves[0].request("execute", project_id=project_id, prompt="lines: 200 300 100\nhold: closed\nsay: end")
        steady.wait_for_state(project_id, "EXECUTING")
        house.command("token", "revoke", device_id(house, "thief"))
        began = time.monotonic()
        for thief in thieves:
            self.assertEqual(thief.closed(), 4401)
        self.assertLess(time.monotonic() - began, 5)  # five times the promise
        with self.assertRaises(InvalidStatus) as refused:
            house.connect(token)
        self.assertEqual(refused.exception.response.status_code, 401)
        house.release("one", "closed")
        steady.wait_for_state(project_id, "IDLE")
        last = max(int(str(event["seq"])) for event in thieves[0].events(project_id))
        self.assertLess(last, int(str(steady.events(project_id)[-1]["seq"])))

    def test_expired_while_it_is_connected(self) -> None:
        """AU-04: a token has its end, also for who is connected already."""
        house = SharedHouse.lent(self).house
        token = house.token("guest", "read", "--expires=1m")
        for path in (house.data_dir / "devices").iterdir():
            if '"guest"' in path.read_text():
                device = json.loads(path.read_text())
                write(path, json.dumps(device | {"expires_at": time.time() + 3}).encode())
        guest = self.client(house, token)
        guest.request("project_list")
        self.assertEqual(guest.closed(), 4401)
        with self.assertRaises(InvalidStatus):
            house.connect(token)

    def test_what_a_stranger_sees(self) -> None:
        """P1: without a credential there is no WebSocket, in whatever way it is asked for."""
        house = SharedHouse.lent(self).house
        for token in ("", "pa_x_y", house.token()[:-1], house.token() + "x", "null"):
            with self.assertRaises((InvalidStatus, ConnectionClosed)) as refused:
                house.connect(token)
            self.assertIn("401", str(refused.exception), token)
        self.assertEqual(house.get("/health"), (200, '{"status": "healthy"}'))

    def test_trust(self) -> None:
        """Who installs what `/ca.crt` gives needs no fingerprint: the certificate of the server is good."""
        house = SharedHouse.lent(self).house
        context = ssl.create_default_context(cadata=house.get("/ca.crt")[1])
        with context.wrap_socket(house.dial(), server_hostname="localhost"):
            self.assertEqual(house.get("/ca.mobileconfig")[0], 200)


def device_id(house: House, name: str) -> str:
    (line,) = [line for line in house.command("token", "list").splitlines() if name in line.split()]
    return str(line.split()[0])
