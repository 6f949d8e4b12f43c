# -*- test-case-name: tests.cli.doctor.test_port -*-
"""The port, with anybody on it."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.cli.doctor import port
from pocketagent.cli.doctor.finding import Finding, Verdict
from pocketagent.cli.doctor.running import Running
from pocketagent.outbound.certificates import fingerprint
from tests.outbound.disks import child_of_ours
from tests.outbound.pems import Pair, write

LOOPBACK = ("127.0.0.1",)

ORDINARY = """
from pocketagent.cli.doctor import port
found = port.examine(["127.0.0.1"], 1, True, None, None)
print(found.verdict, found.words, found.advice)
"""


def answer(word: str, status: str = "200 OK") -> bytes:
    return f'HTTP/1.1 {status}\r\nContent-Type: application/json\r\n\r\n{{"status": "{word}"}}'.encode()


class PortTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.socket.close)
        self.number = self.socket.getsockname()[1]

    def serve(self, said: bytes | None, pair: Pair | None = None) -> None:
        """Answer one caller with this, with TLS where there is a pair; None: with nothing, ever."""
        context = None
        if pair is not None:
            place = Path(self.mktemp()).absolute()
            place.mkdir()
            write(place / "certificate", pair.pem)
            write(place / "key", pair.key_pem)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(place / "certificate", place / "key")
        thread = threading.Thread(target=self._serve, args=(said, context))
        thread.start()
        self.addCleanup(self._leave, thread)

    def _leave(self, thread: threading.Thread) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # which wakes whoever waits for a caller
        thread.join()

    def _serve(self, said: bytes | None, context: ssl.SSLContext | None) -> None:
        with contextlib.suppress(OSError):
            stream, _ = self.socket.accept()
            with context.wrap_socket(stream, server_side=True) if context else stream as talk:
                talk.recv(1000)
                if said is None:
                    talk.recv(1000)
                else:
                    talk.sendall(said)

    def looked(
        self,
        running: Running | None = None,
        expected: str | None = None,
        plaintext: bool = True,
        hosts: Sequence[str] = LOOPBACK,
        number: int | None = None,
    ) -> Finding:
        found = port.examine(hosts, self.number if number is None else number, plaintext, running, expected)
        self.assertEqual(bool(found.advice), found.verdict is not Verdict.OK, found)
        return found

    def test_free(self) -> None:
        """A free port is well, and stays free."""
        self.socket.close()
        for hosts in LOOPBACK, ():
            self.assertEqual(self.looked(hosts=hosts), Finding("port", Verdict.OK, f"{self.number} is free"))

    def test_any(self) -> None:
        """Port 0 is always free."""
        self.assertEqual(self.looked(number=0).verdict, Verdict.OK)

    def test_server_elsewhere(self) -> None:
        """A free port while a server runs is a warning: it listens elsewhere, so it has other settings."""
        self.socket.close()
        found = self.looked(Running(812))
        self.assertEqual(found.verdict, Verdict.WARNING)
        self.assertIn("(process 812)", found.words)

    def test_another_program(self) -> None:
        """A port on which somebody else answers, or nobody does, is a problem; how it is found is told."""
        for said in b"SSH-2.0-OpenSSH_9.2\r\n", answer("splendid"), b"HTTP/1.1 200 OK\r\n\r\n[", b"":
            self.serve(said)
            found = self.looked()
            self.assertEqual(found.verdict, Verdict.PROBLEM)
            self.assertIn("by another program", found.words)
            self.assertIn(f"ss -ltnp 'sport = :{self.number}'", found.advice)

    def test_silent(self) -> None:
        """Who accepts and says nothing costs a few seconds, with TLS and without."""
        self.patch(port, "DEADLINE", 0.3)
        self.serve(None)
        self.assertEqual(self.looked(Running(0)).verdict, Verdict.PROBLEM)
        self.assertEqual(self.looked(plaintext=False).verdict, Verdict.PROBLEM)

    def test_endless(self) -> None:
        """Of an answer without an end as much is read as one of ours could have."""
        self.serve(answer("healthy") + b" " * 10_000_000)
        self.assertEqual(self.looked().verdict, Verdict.PROBLEM)

    def test_ours(self) -> None:
        """Our own server is as well as it says it is."""
        for word, status, verdict in (
            ("healthy", "200 OK", Verdict.OK),
            ("degraded", "200 OK", Verdict.WARNING),
            ("unhealthy", "503 Service Unavailable", Verdict.PROBLEM),
        ):
            self.serve(answer(word, status))
            found = self.looked(Running(0))
            self.assertEqual((found.verdict, found.words), (verdict, f"{self.number}: our server answers, {word}"))

    def test_of_another_directory(self) -> None:
        """A server where none runs on our data directory is somebody else's."""
        self.serve(answer("healthy"))
        found = self.looked()
        self.assertEqual(found.verdict, Verdict.PROBLEM)
        self.assertIn("another data directory", found.words)

    def test_fingerprint(self) -> None:
        """Over TLS our server is known by the key of its certificate; another one is a warning."""
        pair = Pair()
        for shown, verdict in (pair, Verdict.OK), (Pair(), Verdict.WARNING):
            self.serve(answer("healthy"), shown)
            found = self.looked(Running(0), fingerprint(pair.certificate), plaintext=False)
            self.assertEqual(found.verdict, verdict)

    def test_not_for_us(self) -> None:
        """An address that the machine does not have is a problem, and so is a port for root alone."""
        found = self.looked(hosts=("192.0.2.7",))
        self.assertEqual(found.verdict, Verdict.PROBLEM)
        self.assertIn("192.0.2.7", found.advice)

    def test_low(self) -> None:
        """A port that is for root alone is a problem for everybody else."""
        child = child_of_ours([ORDINARY], before=("unshare", "--user", "--net", "--"))
        said = child.communicate()[0]
        if not said:
            self.skipTest("unshare is not allowed here")
        self.assertTrue(said.startswith("problem the port 1 is not for ordinary users"), said)
        self.assertIn("--port 8443", said)
