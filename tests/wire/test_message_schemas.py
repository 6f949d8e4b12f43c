"""What is said over the WebSocket, as it is written, fits the schemas of its messages; nothing less does."""

import json
from typing import Any

import jsonschema_rs
from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.agent import PermissionMode
from pocketagent.domain.commands import Configure, Execute, ListProjects
from pocketagent.domain.events import PermissionRequest
from pocketagent.domain.message import Direction, Entry, Partial
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.replies import MessagesFound, ProjectListed
from pocketagent.wire import client, events, message_schemas, schema, server
from tests.wire.test_client_frames import received
from tests.wire.test_schema import LIMITS
from tests.wire.test_server import ANN, JOURNALED, NOW, REQUEST, STATE, TOLD, UUID, Batch

SCHEMAS, COMPONENTS = schema.schemas(message_schemas.kinds(), LIMITS)
MESSAGES = message_schemas.messages(SCHEMAS)


def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    components = {"components": {"schemas": {**COMPONENTS, **MESSAGES}}}
    return jsonschema_rs.Draft202012Validator({"$ref": schema.REF + name, **components})


TO_SERVER = validator("ClientRequest")
TO_CLIENT = validator("ServerMessage")


def told() -> list[dict[str, Any]]:
    """One of everything that a client may be told."""
    request = PermissionRequest("q", REQUEST, NOW)
    page = MessagesFound([Entry(1, NOW, "claude", "agent_message", b'{"type":"x"}')], UUID, 1, 1, False)
    replies = [client.reply(one, NOW, "p", "r") for one in (*TOLD, page, evolve(STATE, pending_permissions=(request,)))]
    kept = [Entry(seq, NOW, *events.draft(one)) for seq, one in enumerate((*JOURNALED, request), 1)]
    line = Entry(99, NOW, Direction.CLAUDE, "agent_message", b'{"type":"assistant","message":{}}')
    spoken = received(client.frames(Batch([*kept, line, Partial(b'{"type":"stream_event"}', None, True, False)])))
    errors = [
        client.error(Refusal(Code.FORBIDDEN, "No.", needed="admin"), NOW),
        client.error(Refusal(Code.INVALID_MESSAGE, "No."), NOW, "p", "r"),
    ]
    written: list[bytes | str] = [*replies, *spoken, *errors]
    return [json.loads(one) for one in written]


class ServerMessageTests(SynchronousTestCase):
    def test_what_is_told_fits(self) -> None:
        """Every reply, event, error and line of the agent is exactly one of the messages; each of them is told."""
        for message in told():
            TO_CLIENT.validate(message)
        types = {message["type"] for message in told()}
        self.assertEqual(types, set(MESSAGES["ServerMessage"]["discriminator"]["mapping"]))

    def test_all_of_it(self) -> None:
        """What is told is told whole: without any one field of its data it is no message of that type."""
        for message in told():
            if message["type"] in ("agent_message", "error"):
                continue
            for name in message["data"]:
                less = {key: value for key, value in message["data"].items() if key != name}
                self.assertFalse(TO_CLIENT.is_valid({**message, "data": less}), (message["type"], name))

    def test_envelope(self) -> None:
        """`type`, `timestamp`, `data` and the project of what is about one are always there."""
        state = json.loads(client.reply(STATE, NOW, None, None))
        listed = json.loads(client.reply(ProjectListed([], 0), NOW, None, "r"))
        for name in ("type", "timestamp", "data", "project_id"):
            for message in (state, listed):
                less = {key: value for key, value in message.items() if key != name}
                self.assertEqual(TO_CLIENT.is_valid(less), less == message)
        self.assertFalse(TO_CLIENT.is_valid({**state, "type": "new"}))
        self.assertFalse(TO_CLIENT.is_valid({**state, "seq": 0}))


class ClientRequestTests(SynchronousTestCase):
    def test_what_is_asked_fits(self) -> None:
        """A request as clients write it fits, and one with a field that is not of its type does not."""
        for command in (
            ListProjects(),
            Execute(project_id="p", prompt="x", prompt_id=UUID),
            Configure(project_id="p", permission_mode=PermissionMode.PLAN),
        ):
            TO_SERVER.validate(json.loads(server.request(command, "r")))
        asked = json.loads(server.request(Execute(project_id="p", prompt="x"), ANN.id))
        for data in ({}, {"project_id": "p"}, {**asked["data"], "queue": 1}, {**asked["data"], "options": {"x": 1}}):
            self.assertFalse(TO_SERVER.is_valid({**asked, "data": data}), data)
        self.assertFalse(TO_SERVER.is_valid({**asked, "request_id": "r" * (client.MAX_REQUEST_ID + 1)}))
        self.assertEqual(set(MESSAGES["ClientRequest"]["discriminator"]["mapping"]), set(client.COMMANDS))

    def test_names(self) -> None:
        """No message has the name of something else."""
        self.assertEqual(set(MESSAGES) & set(COMPONENTS), set())
