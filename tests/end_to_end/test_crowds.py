"""Many connections that say nothing: they cost little, and nobody is kept out."""

import contextlib
import resource
import ssl
import time

from tests.end_to_end.client import DEADLINE, Pinned, wait_until
from tests.end_to_end.house import House, HouseTestCase
from tests.end_to_end.test_reconnect import resident
from tests.end_to_end.test_turns import begin, data_of

CONNECTIONS = 2000
SILENT = 500
SPARE = 200
"""Descriptors that the tests need beside those of the connections."""

UPGRADE = (
    "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {token}\r\n\r\n"
)


class CrowdTestCase(HouseTestCase):
    def need_descriptors(self, number: int) -> None:
        """Let this process open so many; skips the test where it may not."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < number + SPARE:
            if hard < number + SPARE:
                self.skipTest(f"this machine allows {hard} descriptors (ulimit -Hn), and {number + SPARE} are needed")
            resource.setrlimit(resource.RLIMIT_NOFILE, (number + SPARE, hard))
            self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))

    def quiet(self, house: House, token: str, context: ssl.SSLContext) -> ssl.SSLSocket:
        """A WebSocket that says nothing after its handshake; it is closed with the test."""
        stream = context.wrap_socket(house.dial(), server_hostname="127.0.0.1")
        self.addCleanup(stream.close)
        stream.sendall(UPGRADE.format(port=house.port, token=token).encode())
        answer = b""
        while b"connection_established" not in answer:
            some = stream.recv(4096)
            self.assertTrue(some, answer)
            answer += some
        return stream


class IdleTests(CrowdTestCase):
    def test_two_thousand_that_say_nothing(self) -> None:
        """HS-18: 2,000 silent connections cost little memory each, and the work goes on beside them."""
        self.need_descriptors(CONNECTIONS)
        more = [f"--connections-per-{whose}=2001" for whose in ("address", "device")]
        # They do not answer either: on a machine that is busy the first would be dropped before the last has come.
        house = self.house("--connections=2001", "--ping-interval=600", *more)
        token = house.token()
        client = self.client(house, token)
        project_id = begin(client, house, "one")
        context = Pinned(house.fingerprint)
        for _ in range(20):
            self.quiet(house, token, context)  # what the first ones cost once and for all
        before = resident(house)
        rest = CONNECTIONS - 20
        crowd = [self.quiet(house, token, context) for _ in range(rest)]
        each = (resident(house) - before) / rest
        self.assertLess(each, 60_000)  # `benchmarks` holds it to 40 KB, on a machine that does nothing else
        self.assertEqual(data_of(client.request("server_stats"))["connections"], CONNECTIONS + 1)
        began = time.monotonic()
        client.request("execute", project_id=project_id, prompt="say: hello")
        client.wait_for_state(project_id, "EXECUTING")
        client.wait_for_state(project_id, "IDLE")
        self.assertLess(time.monotonic() - began, 10)
        with self.assertRaises(Exception) as refused:
            house.connect(token)
        self.assertIn("503", str(refused.exception))
        for one in crowd:
            one.close()
        wait_until(lambda: data_of(client.request("server_stats"))["connections"] == 21, "they are forgotten")

    def test_more_than_the_usual_number_of_descriptors(self) -> None:
        """The server lets itself open as many files as its settings need, where the system leaves it the choice."""
        self.need_descriptors(600)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        try:
            house = self.house()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        token = house.token()
        context = Pinned(house.fingerprint)
        for _ in range(300):
            self.quiet(house, token, context)
        client = self.client(house, token)
        project_id = begin(client, house, "one")
        client.request("execute", project_id=project_id, prompt="say: hello")
        client.wait_for_state(project_id, "EXECUTING")
        self.assertEqual(data_of(client.wait_for_state(project_id, "IDLE", "ERROR"))["state"], "IDLE")


class StrangerTests(CrowdTestCase):
    def test_five_hundred_who_do_not_say_who_they_are(self) -> None:
        """T-04, T-05: connections that never come to an end are dropped, and a good client gets in meanwhile."""
        self.need_descriptors(2 * SILENT)
        house = self.house("--handshake-timeout=3")
        token = house.token()
        strangers = [house.dial() for _ in range(SILENT)]
        for stream in strangers:
            self.addCleanup(stream.close)
        for stream in strangers[::2]:
            with contextlib.suppress(OSError):
                stream.sendall(b"\x16")  # the first byte of a ClientHello
        began = time.monotonic()
        client = self.client(house, token)
        self.assertLess(time.monotonic() - began, 5)  # five times the promise
        self.assertEqual(data_of(client.request("server_stats"))["connections"], 1)
        for stream in strangers:
            stream.settimeout(DEADLINE)
            with contextlib.suppress(ConnectionResetError):
                self.assertEqual(stream.recv(1), b"")
        self.assertLess(time.monotonic() - began, 15)

    def test_silence_after_the_handshake(self) -> None:
        """T-05: TLS alone shows no credential: the time runs on."""
        house = self.house("--handshake-timeout=2")
        stream = Pinned(house.fingerprint).wrap_socket(house.dial(), server_hostname="127.0.0.1")
        self.addCleanup(stream.close)
        began = time.monotonic()
        with contextlib.suppress(ConnectionResetError, ssl.SSLError):
            self.assertEqual(stream.recv(1), b"")
        self.assertLess(time.monotonic() - began, 10)

    def test_what_is_no_tls(self) -> None:
        """T-01: HTTP without TLS, and random bytes, get no answer in the clear and no traceback."""
        house = self.house()
        for words in (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"\x00\xff" * 500, b"PRI * HTTP/2.0\r\n\r\n"):
            with house.dial() as stream:
                stream.sendall(words)
                answer = b""
                with contextlib.suppress(ConnectionResetError):
                    while some := stream.recv(4096):
                        answer += some
                self.assertNotIn(b"HTTP", answer)
        self.assertEqual(house.get("/health")[0], 200)
