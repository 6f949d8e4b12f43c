"""The exchange of a code, against answers that are not what they should be: each is a sentence, and none a token."""

import json
import socket
import threading
from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.client.exchange import MAX_ANSWER
from pocketagent.client.pairing import Paired, pair
from pocketagent.client.problems import Problem, TurnedAway, Unreachable
from pocketagent.domain.access import token
from pocketagent.domain.pairing import code
from pocketagent.wire.links import Link

CODE = code("5e" * 16)
TOKEN = token("0" * 16, "5" * 64)
GOOD: Mapping[str, object] = {"token": TOKEN, "device": {"name": "Pixel", "scope": "read", "more": 1}}


def refusal(message: str, **details: object) -> Mapping[str, object]:
    return {"type": "error", "data": {"code": "UNAUTHORIZED", "message": message, "details": details}}


class PairTests(SynchronousTestCase):
    def answering(self, answer: bytes) -> Link:
        """A server on this machine, without TLS, that gives one answer; the link to it."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        self.heard = b""

        def serve() -> None:
            talk, _ = listener.accept()
            with talk:
                talk.settimeout(10)
                while CODE.encode() not in self.heard and (data := talk.recv(65536)):
                    self.heard += data
                talk.sendall(answer)

        self.serving = threading.Thread(target=serve, daemon=True)
        self.serving.start()
        return Link(f"http://127.0.0.1:{listener.getsockname()[1]}", CODE, None)

    def http(self, status: int, body: object) -> Link:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.answering(f"HTTP/1.1 {status} X\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)

    def test_good(self) -> None:
        """The token comes with the name and the scope; what is not known in an answer is ignored."""
        self.assertEqual(pair(self.http(201, GOOD), "my laptop"), Paired(TOKEN, "Pixel", "read"))
        head, _, body = self.heard.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"POST /api/v1/pair HTTP/1.1\r\n"), head)
        self.assertNotIn(CODE.encode(), head)
        self.assertEqual(json.loads(body), {"code": CODE, "name": "my laptop"})

    def test_refused(self) -> None:
        """What the server says no to is its own sentence, by what can be done about it."""
        for status, kind in (
            (401, TurnedAway),
            (403, TurnedAway),
            (421, TurnedAway),
            (503, Unreachable),
            (400, Problem),
        ):
            link = self.http(status, refusal("This code is not good.", reason="pairing"))
            problem = self.assertRaises(kind, pair, link, "x")
            self.assertEqual(str(problem), "This code is not good.")

    def test_not_our_server(self) -> None:
        """Whatever else answers is told as what it is."""
        for status, body in (
            (200, GOOD),
            (201, {}),
            (201, {**GOOD, "token": "pa_1_2"}),
            (201, [1]),
            (404, b"<html>"),
            (201, json.dumps({**GOOD, "more": "x" * MAX_ANSWER}).encode()),
        ):
            self.assertRaises(Unreachable, pair, self.http(status, body), "x")
        self.assertRaises(Unreachable, pair, self.answering(b"SSH-2.0\r\n"), "x")
        self.assertRaises(Unreachable, pair, self.answering(b""), "x")

    def test_silence(self) -> None:
        """A server that says nothing is waited for no longer than that."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        link = Link(f"http://127.0.0.1:{listener.getsockname()[1]}", CODE, None)
        self.assertIn("0.2 seconds", str(self.assertRaises(Unreachable, pair, link, "x", None, 0.2)))

    def test_nobody(self) -> None:
        """So is a port at which nobody listens, and a link that leads over the network without TLS."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        self.assertRaises(Unreachable, pair, Link(f"https://127.0.0.1:{port}", CODE, None), "x")
        self.assertRaises(Problem, pair, Link("http://192.0.2.1:80", CODE, None), "x")

    def test_no_tls(self) -> None:
        """What does not speak TLS is told as that, and hears nothing of the code."""
        link = self.answering(b"HTTP/1.1 400 X\r\n\r\n")
        secure = Link(link.origin.replace("http:", "https:"), CODE, "a" * 43 + "=")
        self.assertRaises(Unreachable, pair, secure, "x", None, 1.0)
        self.assertNotIn(CODE.encode(), self.heard)
