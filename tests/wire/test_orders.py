"""What the CLI is told is one valid line each."""

import json
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.agent import Answer, Behavior, PermissionMode
from pocketagent.domain.attachment import Enclosure, MediaType
from pocketagent.wire import orders

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def read(line: bytes) -> dict[str, object]:
    """The one object on the one line."""
    assert line.endswith(b"\n") and line.count(b"\n") == 1, line
    value = json.loads(line)
    assert isinstance(value, dict)
    return value


class OrdersTests(SynchronousTestCase):
    @settings(deadline=None)
    @given(TEXT)
    def test_prompt(self, text: str) -> None:
        """A prompt is one line whatever is in it, flags and newlines too (AR-01, AR-04), and carries its uuid."""
        uuid = str(uuid4())
        said = read(orders.prompt(uuid, text))
        self.assertEqual(said["message"], {"role": "user", "content": text})
        self.assertEqual((said["type"], said["uuid"]), ("user", uuid))

    def test_enclosures(self) -> None:
        """What is enclosed stands as blocks before the text, in one line; documents and texts with their names."""
        enclosures = [
            Enclosure("a.png", MediaType.PNG, b"\x89PNG\n"),
            Enclosure("b.pdf", MediaType.PDF, b"%PDF-\xff"),
            Enclosure("c.txt", MediaType.TEXT, "Grüße\n\x1b".encode()),
        ]
        said = read(orders.prompt("id", "look", enclosures))
        pdf = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi3/"}
        text = {"type": "text", "media_type": "text/plain", "data": "Grüße\n\x1b"}
        self.assertEqual(
            said["message"],
            {
                "role": "user",
                "content": [
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORwo="}},
                    {"type": "document", "source": pdf, "title": "b.pdf"},
                    {"type": "document", "source": text, "title": "c.txt"},
                    {"type": "text", "text": "look"},
                ],
            },
        )

    def test_lone_surrogate(self) -> None:
        """A text that is no text is refused before a byte is written."""
        self.assertRaises(UnicodeEncodeError, orders.prompt, "id", "cut \ud83d")

    def test_control_requests(self) -> None:
        """Each control request carries its id and its own words."""
        for line, request in (
            (orders.initialize("1", None), {"subtype": "initialize", "hooks": None}),
            (
                orders.initialize("1", "--settings=x"),
                {"subtype": "initialize", "hooks": None, "appendSystemPrompt": "--settings=x"},
            ),
            (orders.interrupt("1"), {"subtype": "interrupt"}),
            (orders.set_model("1", "opus"), {"subtype": "set_model", "model": "opus"}),
            (orders.set_model("1", None), {"subtype": "set_model", "model": None}),
            (
                orders.set_permission_mode("1", PermissionMode.ACCEPT_EDITS),
                {"subtype": "set_permission_mode", "mode": "acceptEdits"},
            ),
            (orders.get_context_usage("1"), {"subtype": "get_context_usage", "detail": "summary"}),
        ):
            self.assertEqual(read(line), {"type": "control_request", "request_id": "1", "request": request})

    def _answer(self, answer: Answer, request: bytes = b'{"input": {"a": 1}}') -> object:
        said = read(orders.permission_answer("7", request, answer))
        response = said["response"]
        assert isinstance(response, dict)
        self.assertEqual(said["type"], "control_response")
        self.assertEqual((response["subtype"], response["request_id"]), ("success", "7"))
        return response["response"]

    def test_allow(self) -> None:
        """An allow sends the input back, as the CLI gave it where nobody edited it."""
        self.assertEqual(self._answer(Answer(Behavior.ALLOW)), {"behavior": "allow", "updatedInput": {"a": 1}})
        self.assertEqual(
            self._answer(Answer(Behavior.ALLOW, {"b": 2}, [{"type": "setMode", "mode": "plan"}])),
            {
                "behavior": "allow",
                "updatedInput": {"b": 2},
                "updatedPermissions": [{"type": "setMode", "mode": "plan"}],
            },
        )
        self.assertEqual(self._answer(Answer(Behavior.ALLOW, {})), {"behavior": "allow", "updatedInput": {}})

    def test_allow_untouched(self) -> None:
        """An input that was not edited goes back byte by byte; beside half an emoji with the same values."""
        given = b'{"input":{"text":"x","n":12345678901234567890123,"f":1.10, "g":1e400}}'
        line = orders.permission_answer("7", given, Answer(Behavior.ALLOW))
        self.assertIn(b'{"text":"x","n":12345678901234567890123,"f":1.10, "g":1e400}', line)
        said = self._answer(Answer(Behavior.ALLOW), b'{"input":{"text":"cut \\ud83d","f":1.10}}')
        self.assertEqual(said, {"behavior": "allow", "updatedInput": {"text": "cut \ud83d", "f": 1.1}})

    def test_deny(self) -> None:
        """A denial says why, and ends the turn only when asked to."""
        self.assertEqual(
            self._answer(Answer(Behavior.DENY, message="no", interrupt=True)),
            {"behavior": "deny", "message": "no", "interrupt": True},
        )
        for behavior in (Behavior.DENY, Behavior.CANCELLED):
            said = self._answer(Answer(behavior))
            assert isinstance(said, dict)
            self.assertEqual((said["behavior"], sorted(said)), ("deny", ["behavior", "message"]))
            self.assertTrue(said["message"])

    def test_unsupported(self) -> None:
        """What the server does not know gets an answer all the same: an error."""
        said = read(orders.unsupported("9", "hook_callback"))["response"]
        assert isinstance(said, dict)
        self.assertEqual((said["subtype"], said["request_id"]), ("error", "9"))
        self.assertIn("hook_callback", str(said["error"]))
