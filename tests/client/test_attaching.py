"""The upload of a file, against answers that are not what they should be; against a real server: tests.end_to_end."""

import json
import socket
import threading

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.client.attaching import attach, media_type_of
from pocketagent.client.exchange import MAX_ANSWER
from pocketagent.client.problems import Problem, TurnedAway, Unreachable
from pocketagent.client.server import Server
from pocketagent.domain.attachment import MediaType
from pocketagent.domain.refusals import Code, Refusal
from tests.domain.test_attachment import GOOD

ID = "0b5c0a5e-8a3f-4f0e-9d5c-2f3f7c1f6a10"
CONTENT = "Grüße, das Ende".encode()


class AttachTests(SynchronousTestCase):
    def answering(self, status: int, body: object) -> Server:
        """A server on this machine, without TLS, that gives one answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        self.heard = b""

        def serve() -> None:
            talk, _ = listener.accept()
            with talk:
                talk.settimeout(10)
                while not self.heard.endswith(CONTENT) and (piece := talk.recv(65536)):
                    self.heard += piece
                talk.sendall(f"HTTP/1.1 {status} X\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)

        threading.Thread(target=serve, daemon=True).start()
        return Server(f"ws://127.0.0.1:{listener.getsockname()[1]}", "pa_secret")

    def test_good(self) -> None:
        """The file goes with its type, its name without a path, and the token; its id comes back."""
        server = self.answering(201, {"id": ID, "more": 1})
        self.assertEqual(attach(server, ID, CONTENT, "/home/me/Grüße.txt"), ID)
        head, _, body = self.heard.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(f"POST /api/v1/projects/{ID}/attachments HTTP/1.1\r\n".encode()), head)
        self.assertEqual(body, CONTENT)
        for line in (
            "Authorization: Bearer pa_secret",
            "Content-Type: text/plain",
            "Attachment-Name: Gr%C3%BC%C3%9Fe.txt",
        ):
            self.assertIn(line.encode(), head.split(b"\r\n"))

    def test_refused(self) -> None:
        """What the server says no to is its own sentence, with its code; a bad credential is no refusal."""
        data = {"code": "RESOURCE_LIMIT", "message": "Too many.", "details": {"limit": 3}}
        with self.assertRaises(Refusal) as refused:
            attach(self.answering(503, {"type": "error", "data": data}), ID, CONTENT)
        self.assertEqual((refused.exception.code, refused.exception.details["limit"]), (Code.RESOURCE_LIMIT, 3))
        data = {"code": "UNAUTHORIZED", "message": "Unknown.", "details": {"reason": "unknown"}}
        with self.assertRaises(TurnedAway):
            attach(self.answering(401, {"type": "error", "data": data}), ID, CONTENT)
        data = {"code": "NEW_CODE", "message": "Who knows.", "details": {}}
        with self.assertRaises(Problem):
            attach(self.answering(400, {"type": "error", "data": data}), ID, CONTENT)

    def test_strange(self) -> None:
        """What is no answer of our server is told as that."""
        objects: tuple[object, ...] = ({"id": 7}, {"id": "x"}, {"data": {}}, [])
        for body in (b"", b"<html>", b"[" * 9999, b"x" * (MAX_ANSWER + 2), *objects):
            with self.assertRaises(Unreachable):
                attach(self.answering(201, body), ID, CONTENT)

    def test_nowhere(self) -> None:
        """What is no id of a project becomes no part of a path; where nobody listens, that is told."""
        with self.assertRaises(Problem):
            attach(Server("ws://127.0.0.1:1", "t"), "../x", CONTENT)
        with self.assertRaises(Unreachable):
            attach(Server("ws://127.0.0.1:1", "t"), ID, CONTENT)

    def test_types(self) -> None:
        """A file is what stands in it, whatever it is called; what can be none is refused before anything is sent."""
        for media_type, contents in GOOD.items():
            if media_type is not MediaType.TEXT:
                self.assertEqual([media_type_of(one) for one in contents], [media_type] * len(contents))
        self.assertEqual(media_type_of(b"<svg/>"), MediaType.TEXT)
        for content in (b"\x7fELF\0", b"\xff\xfe"):
            self.assertRaises(Refusal, media_type_of, content)
