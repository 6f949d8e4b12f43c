"""Attachments, whole: uploaded over HTTP, named by prompts on WebSocket and REST, seen by the model, removed."""

import base64
import http.client
import json
import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import define

from tests.end_to_end.client import DEADLINE, Client, Pinned, Refused
from tests.end_to_end.house import House, HouseTestCase, Model
from tests.end_to_end.shared_house import SharedHouse
from tests.end_to_end.test_full_disk import DiskTestCase
from tests.end_to_end.test_turns import begin, data_of

MiB = 1024 * 1024
PROMPT_ID = "e4b2a1c0-6d3f-4e8a-b7c5-0f9d8e7a6b54"
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def png(width: int, height: int, noise: bool = False) -> bytes:
    """A picture, as a file."""
    rows = (b"\0" + (os.urandom(3 * width) if noise else b"\xff\0\0" * width) for _ in range(height))
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0),
        b"IDAT": zlib.compress(b"".join(rows), 1),
        b"IEND": b"",
    }
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts.items()
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@define
class Web:
    """Requests of HTTP with a token."""

    house: House
    token: str

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, Mapping[str, str], bytes]:
        talk = http.client.HTTPSConnection(
            "127.0.0.1", self.house.port, timeout=DEADLINE, context=Pinned(self.house.fingerprint)
        )
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            talk.request(method, f"/api/v1{path}", body, {"Authorization": f"Bearer {self.token}", **given})
            answer = talk.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            talk.close()

    def upload(self, project_id: str, content: bytes, media_type: str, name: str = "") -> dict[str, Any]:
        headers = {"Content_Type": media_type} | ({"Attachment_Name": name} if name else {})
        status, _, body = self.ask("POST", f"/projects/{project_id}/attachments", content, **headers)
        assert status == 201, body
        found: dict[str, Any] = json.loads(body)
        return found


class AttachmentCase(HouseTestCase):
    def live(self, house: House) -> None:
        """A client on a WebSocket and one of HTTP, of one device."""
        self.inhabited = house
        token = house.token()
        self.web = Web(house, token)
        self.person: Client = self.client(house, token)

    def place(self, project_id: str) -> Path:
        return self.inhabited.data_dir / "projects" / project_id / "attachments"

    def run_(self, project_id: str, prompt: str, **more: object) -> None:
        self.person.request("execute", project_id=project_id, prompt=prompt, **more)
        self.person.wait_for_state(project_id, "EXECUTING")
        self.person.wait_for_state(project_id, "IDLE")


class RealModelTests(AttachmentCase):
    """With the real CLI against the stand-in of the Messages API."""

    def setUp(self) -> None:
        shared = SharedHouse.lent(self, real=True)
        self.model_: Model = shared.model
        self.live(shared.house)

    def blocks(self) -> list[dict[str, Any]]:
        """The content blocks of the person in the last request."""
        (*_, request) = self.model_.requests()
        messages: Any = request["messages"]
        return [
            block
            for message in messages
            if message["role"] == "user" and not isinstance(message["content"], str)
            for block in message["content"]
        ]

    def test_seen_by_the_model(self) -> None:
        """The model is given pictures, PDF and texts as what they are, byte by byte, beside the prompt."""
        project_id = begin(self.person, self.inhabited, "seen")
        picture, text = png(8, 8), "Grüße\n".encode()
        given = [
            self.web.upload(project_id, picture, "image/png", "red%20square.png"),
            self.web.upload(project_id, PDF, "application/pdf", "paper.pdf"),
            self.web.upload(project_id, text, "text/plain; charset=utf-8", "notes.txt"),
        ]
        self.run_(project_id, "say: I see", attachments=[one["id"] for one in given])
        blocks = self.blocks()
        (image,) = [block for block in blocks if block["type"] == "image"]
        self.assertEqual(image["source"]["media_type"], "image/png")
        self.assertEqual(base64.b64decode(image["source"]["data"]), picture)
        pdf, notes = [block for block in blocks if block["type"] == "document"]
        self.assertEqual(base64.b64decode(pdf["source"]["data"]), PDF)
        self.assertEqual((notes["source"]["data"], notes["title"]), ("Grüße\n", "notes.txt"))
        self.assertIn("say: I see", [str(block.get("text")).strip() for block in blocks])
        (told,) = [data_of(one) for one in self.person.events(project_id) if one["type"] == "client_message"]
        self.assertEqual(
            told["attachments"],
            [{name: one[name] for name in ("id", "name", "media_type", "size")} for one in given],
        )
        self.assertEqual(given[0]["name"], "red square.png")

    def test_large(self) -> None:
        """A picture at the bound of 5 MiB arrives as one line; one byte more is refused."""
        project_id = begin(self.person, self.inhabited, "large")
        picture = png(1300, 1300, noise=True)
        picture += b"\0" * (5 * MiB - len(picture))
        self.assertEqual(len(picture), 5 * MiB)
        kept = self.web.upload(project_id, picture, "image/png")
        self.run_(project_id, "say: large", attachments=[kept["id"]])
        (image,) = [block for block in self.blocks() if block["type"] == "image"]
        self.assertGreater(len(image["source"]["data"]), 1000)
        text = self.web.upload(project_id, b"x" * (5 * MiB), "text/plain")
        self.run_(project_id, "say: long", attachments=[text["id"]])
        (document,) = [block for block in self.blocks() if block["type"] == "document"]
        self.assertEqual(len(document["source"]["data"]), 5 * MiB)
        kept_of_it = sum(len(json.dumps(one)) for one in self.person.history(project_id))
        self.assertLess(kept_of_it, MiB, "the bytes stand in no event")
        status, _, body = self.web.ask(
            "POST", f"/projects/{project_id}/attachments", picture + b"\0", Content_Type="image/png"
        )
        self.assertEqual((status, json.loads(body)["data"]["code"]), (413, "MESSAGE_TOO_LARGE"))
        self.assertEqual(len(list(self.place(project_id).iterdir())), 2)


class ScriptedTests(AttachmentCase):
    """With the scripted CLI."""

    def setUp(self) -> None:
        self.live(SharedHouse.lent(self, "--attachments=3").house)

    def test_rest(self) -> None:
        """REST names attachments as the WebSocket does; sent again with other ones, the prompt is another."""
        project_id = begin(self.person, self.inhabited, "rest")
        kept = self.web.upload(project_id, PDF, "application/pdf")
        path = f"/projects/{project_id}/executions"
        headers = {"Content_Type": "application/json", "Idempotency_Key": PROMPT_ID}
        body = json.dumps({"prompt": "say: yes", "attachments": [kept["id"]]}).encode()
        self.assertEqual(self.web.ask("POST", path, body, **headers)[0], 202)
        self.person.wait_for_state(project_id, "IDLE")
        status, _, again = self.web.ask("POST", path, body, **headers)
        self.assertEqual((status, json.loads(again)["duplicate"]), (202, True))
        for other in ([], [PROMPT_ID]):
            body = json.dumps({"prompt": "say: yes", "attachments": other}).encode()
            status, _, refused = self.web.ask("POST", path, body, **headers)
            self.assertEqual((status, json.loads(refused)["data"]["details"]["field"]), (400, "data.prompt_id"))

    def test_kept_and_removed(self) -> None:
        """It lies with the project, the owner's alone, is given back as it was, and is removed; so are all with the
        project."""
        project_id = begin(self.person, self.inhabited, "kept")
        one, two = (self.web.upload(project_id, text, "text/plain") for text in (b"one", b"two"))
        for path in self.place(project_id).iterdir():
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        where = f"/projects/{project_id}/attachments"
        status, headers, body = self.web.ask("GET", f"{where}/{one['id']}")
        self.assertEqual((status, body, headers["x-content-type-options"]), (200, b"one", "nosniff"))
        self.assertTrue(headers["content-disposition"].startswith("attachment;"))
        self.inhabited.stop()
        (self.place(project_id) / "00112233-4455-4677-8899-aabbccddeeff.attachment.tmp").write_bytes(b"half")
        self.inhabited.start()
        self.live(self.inhabited)
        self.assertEqual(self.web.ask("DELETE", f"{where}/{one['id']}")[0], 204)
        listed = json.loads(self.web.ask("GET", where)[2])
        self.assertEqual(listed, {"attachments": [two], "total": 1})
        self.assertEqual([path.name for path in self.place(project_id).iterdir()], [f"{two['id']}.attachment"])
        self.person.request("project_delete", project_id=project_id)
        self.assertEqual(list((self.inhabited.data_dir / "projects").iterdir()), [])
        actions = self.inhabited.command("audit", "show")
        self.assertIn("attachment_add", actions)
        self.assertIn("attachment_remove", actions)

    def test_in_use(self) -> None:
        """What a running prompt names cannot be removed; afterwards it can."""
        project_id = begin(self.person, self.inhabited, "used")
        kept = self.web.upload(project_id, b"text", "text/plain")
        self.person.request("execute", project_id=project_id, prompt="say: x\nforever:", attachments=[kept["id"]])
        where = f"/projects/{project_id}/attachments/{kept['id']}"
        status, _, body = self.web.ask("DELETE", where)
        self.assertEqual((status, json.loads(body)["data"]["code"]), (409, "PROCESS_ACTIVE"))
        self.person.request("agent_kill", project_id=project_id)
        self.assertEqual(self.web.ask("DELETE", where)[0], 204)

    def test_refused(self) -> None:
        """Wrong content, an unknown id, and more than the settings allow are refused; nothing of them is kept."""
        project_id = begin(self.person, self.inhabited, "refused")
        where = f"/projects/{project_id}/attachments"
        for content, type_, status in (
            (PDF, "image/png", 400),
            (b"<html>", "text/html", 415),
            (b"\xff\xfe", "text/plain", 400),
            (b"", "text/plain", 400),
        ):
            self.assertEqual(self.web.ask("POST", where, content, Content_Type=type_)[0], status)
        self.assertEqual(json.loads(self.web.ask("GET", where)[2])["total"], 0)
        with self.assertRaises(Refused) as caught:
            self.person.request("execute", project_id=project_id, prompt="x", attachments=[PROMPT_ID])
        self.assertEqual(caught.exception.code, "INVALID_MESSAGE")
        self.assertEqual(caught.exception.details, {"field": "data.attachments", "attachment_id": PROMPT_ID})
        for _ in range(3):
            self.web.upload(project_id, b"text", "text/plain")
        status, _, body = self.web.ask("POST", where, b"text", Content_Type="text/plain")
        self.assertEqual((status, json.loads(body)["data"]["code"]), (503, "RESOURCE_LIMIT"))


class FullDiskTests(DiskTestCase):
    def test_full_disk(self) -> None:
        """On a full disk nothing half-written stays, and it goes on when there is room again."""
        project_id = begin(self.one, self.inhabited, "full")
        web = Web(self.inhabited, self.inhabited.token("web"))
        web.upload(project_id, b"first", "text/plain")
        place = self.disk.path / "projects" / project_id / "attachments"
        where = f"/projects/{project_id}/attachments"
        self.disk.fill()
        status, _, body = web.ask("POST", where, b"x" * MiB, Content_Type="text/plain")
        self.assertEqual((status, json.loads(body)["data"]["code"]), (503, "STORAGE_UNAVAILABLE"))
        self.assertEqual(len(list(place.iterdir())), 1)
        self.disk.free()
        web.upload(project_id, b"x" * MiB, "text/plain")
        self.assertEqual(len(list(place.iterdir())), 2)
