"""What happens is written as the protocol says, and read back by a server that starts."""

import json

import attrs
import msgspec
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.agent import Behavior, PermissionMode, Spoken
from pocketagent.domain.attachment import Attached, MediaType
from pocketagent.domain.events import (
    Actor,
    AgentConfigured,
    ClientMessage,
    ExecutionError,
    Failure,
    PermissionRequest,
    PermissionResolved,
    ProcessKilled,
    ProjectState,
    PromptDropped,
    Queued,
    Reason,
    SessionReset,
    State,
    StateChanged,
)
from pocketagent.domain.message import Direction, Entry
from pocketagent.domain.options import Options
from pocketagent.domain.permission_updates import Destination, PermissionUpdate, ToolRule, UpdateKind
from pocketagent.domain.project import Standing, Trust
from pocketagent.domain.refusals import Code
from pocketagent.domain.replies import MessagesFound
from pocketagent.wire import events
from pocketagent.wire.events import Journaled

NOW = "2026-01-01T12:00:00.123456Z"
ANN = Actor("a", "Ann")
REQUEST = (
    b'{"subtype":"can_use_tool","tool_name":"Bash","display_name":"Run","input":{"command":"ls",  "n":1.0},'
    b'"description":"lists","permission_suggestions":[{"type":"setMode"}],"tool_use_id":"t","odd":[1]}'
)
STATE = ProjectState(
    id="p",
    name="n",
    path="/a",
    archived=False,
    state=State.ERROR,
    session_id="s",
    created_at=NOW,
    last_active=NOW,
    journal_id="j",
    head_seq=7,
    execution_id="e",
    queued=(Queued("e2", None, ANN), Queued("e3", "pid", None)),
    error=Failure(Code.EXECUTION_FAILED, "no\u2028 \U0001f600"),
    pending_permissions=2,
    trust=Trust(Standing.UNTRUSTED, "f", (".mcp.json",)),
    subscribers=3,
)


def asked(request: bytes = REQUEST, permission_id: str = "q") -> PermissionRequest:
    return PermissionRequest(permission_id, request, NOW)


class DraftTests(SynchronousTestCase):
    def test_who_says_what(self) -> None:
        """Each event has its type and its direction; a permission that a person resolved is the client's."""
        prompt = ClientMessage("e", None, "x", Options(), ANN, False)
        for event, direction, type_ in (
            (prompt, Direction.CLIENT, "client_message"),
            (AgentConfigured("opus", None), Direction.SERVER, "agent_configured"),
            (asked(), Direction.CLAUDE, "permission_request"),
            (PermissionResolved("q", Behavior.ALLOW, ANN, Reason.ANSWERED), Direction.CLIENT, "permission_resolved"),
            (PermissionResolved("q", Behavior.DENY, None, Reason.EXPIRED), Direction.SERVER, "permission_resolved"),
            (PromptDropped("e", Reason.REMOVED), Direction.SERVER, "prompt_dropped"),
            (SessionReset(None), Direction.SERVER, "session_reset"),
            (ProcessKilled("e"), Direction.SERVER, "process_killed"),
            (ExecutionError(Code.EXECUTION_FAILED, "no", {}, "e"), Direction.SERVER, "error"),
            (STATE, Direction.SERVER, "project_state"),
        ):
            made = events.draft(event)
            self.assertEqual((made.direction, made.type), (direction, type_))
            self.assertNotIn(b"\n", made.message)
            self.assertIsInstance(json.loads(made.message), dict)

    def test_spoken(self) -> None:
        """A line of the agent is kept as it was said."""
        line = rb'{"b":1.0, "text":"\ud83d"}'
        self.assertEqual(events.spoken([Spoken(line)]), [(Direction.CLAUDE, "agent_message", line)])

    def test_fields(self) -> None:
        """The names of the fields are those of the protocol, also where there is nothing in them."""
        self.assertEqual(
            json.loads(events.data(ClientMessage("e", None, "a\r\nb", Options(timeout=5), ANN, True))),
            {
                "execution_id": "e",
                "prompt_id": None,
                "prompt": "a\r\nb",
                "options": json.loads(msgspec.json.encode(Options(timeout=5))),
                "by": {"id": "a", "name": "Ann"},
                "queued": True,
                "attachments": [],
            },
        )
        self.assertEqual(
            json.loads(events.data(AgentConfigured(None, PermissionMode.ACCEPT_EDITS))),
            {"model": None, "permission_mode": "acceptEdits"},
        )
        self.assertEqual(
            json.loads(events.data(PermissionResolved("q", Behavior.CANCELLED, None, Reason.RESTART))),
            {"permission_id": "q", "behavior": "cancelled", "by": None, "reason": "restart"},
        )
        self.assertEqual(
            json.loads(events.data(ExecutionError(Code.LINE_TOO_LARGE, "m", {"size": 2**40}, None))),
            {"code": "LINE_TOO_LARGE", "message": "m", "details": {"size": 2**40}, "execution_id": None},
        )
        self.assertEqual(json.loads(events.data(SessionReset("s"))), {"previous": "s"})

    def test_permission_request(self) -> None:
        """A permission request has exactly the protocol's fields; the CLI's own words in it are untouched."""
        message = events.data(asked())
        self.assertEqual(
            json.loads(message),
            {
                "permission_id": "q",
                "tool_name": "Bash",
                "display_name": "Run",
                "input": {"command": "ls", "n": 1.0},
                "description": "lists",
                "suggestions": [{"type": "setMode"}],
                "tool_use_id": "t",
                "expires_at": NOW,
                "request": json.loads(REQUEST),
            },
        )
        self.assertIn(b'"request":' + REQUEST, message)
        self.assertIn(b'"input":{"command":"ls",  "n":1.0}', message)

    def test_bare_permission_request(self) -> None:
        """What the CLI left out is null or empty, never missing."""
        self.assertEqual(
            json.loads(events.data(asked(b"{}"))),
            {
                "permission_id": "q",
                "tool_name": "",
                "display_name": None,
                "input": {},
                "description": None,
                "suggestions": [],
                "tool_use_id": None,
                "expires_at": NOW,
                "request": {},
            },
        )


class StateTests(SynchronousTestCase):
    def test_counted(self) -> None:
        """In an event and a list the open permissions are a number; every field of the protocol is there."""
        told = json.loads(events.data(STATE))
        self.assertEqual(set(told), set(attrs.fields_dict(ProjectState)))
        self.assertEqual(told["pending_permissions"], 2)
        self.assertEqual(told["queued"][0], {"execution_id": "e2", "prompt_id": None, "by": {"id": "a", "name": "Ann"}})
        self.assertEqual(told["trust"], {"state": "untrusted", "fingerprint": "f", "files": [".mcp.json"]})
        self.assertEqual(told["error"], {"code": "EXECUTION_FAILED", "message": "no\u2028 \U0001f600"})

    def test_whole(self) -> None:
        """In a reply to join they are the requests themselves, each as its event was; the rest is the same."""
        requests = (asked(), asked(rb'{"input":{"x":"\ud83d"}}', "r"))
        told = json.loads(events.data(evolve(STATE, pending_permissions=requests)))
        self.assertEqual(told["pending_permissions"], [json.loads(events.data(request)) for request in requests])
        self.assertEqual(json.loads(events.data(evolve(STATE, pending_permissions=()))) | told, told)

    def test_read_back(self) -> None:
        """A server that starts reads what the last one told, but for the open requests, which stand by themselves."""
        self.assertEqual(
            events.read_state(events.data(STATE)),
            StateChanged(State.ERROR, "s", "e", STATE.queued, STATE.error, ()),
        )

    def test_unreadable(self) -> None:
        """A state that cannot be read is None, whatever is wrong with it."""
        for message in (b"{}", b'{"state":"SLEEPING"}', b'{"state":"IDLE"', b"[]", b'{"state":"IDLE","queued":7}'):
            self.assertIsNone(events.read_state(message))


class ReadBackTests(SynchronousTestCase):
    @given(st.text(min_size=1), st.booleans(), st.text())
    def test_prompts(self, execution_id: str, queued: bool, prompt: str) -> None:
        """A prompt is read back with its execution, and whether it had to wait."""
        attached = Attached("a", "a.png", MediaType.PNG, 7)
        message = events.data(ClientMessage(execution_id, None, prompt, Options(), ANN, queued, (attached,)))
        self.assertEqual(events.read_client_message(message), (execution_id, queued))
        self.assertEqual(events.read_prompt(message), (execution_id, prompt, ("a",)))
        self.assertEqual(events.read_dropped(events.data(PromptDropped(execution_id, Reason.KILLED))), execution_id)

    def test_prompts_of_old(self) -> None:
        """A prompt that was kept before there were attachments has none."""
        self.assertEqual(events.read_prompt(b'{"execution_id":"e","prompt":"x"}'), ("e", "x", ()))

    @given(st.text(max_size=200))
    def test_permissions(self, permission_id: str) -> None:
        """Which request an event is about is read back, from the question and from its end."""
        for event in (
            asked(permission_id=permission_id),
            PermissionResolved(permission_id, Behavior.DENY, ANN, Reason.ANSWERED),
        ):
            self.assertEqual(events.read_permission(events.data(event)), permission_id)

    def test_odd_permissions(self) -> None:
        """Half an emoji, or an abyss of brackets, in the CLI's words does not keep a server from starting."""
        for odd in (rb'"\ud83d"', b"[" * 20_000 + b"]" * 20_000, b"1e999", b"1" * 5000):
            message = b'{"permission_id":"q\\"\\u00e9","input":%b,"request":{"input":%b}}' % (odd, odd)
            self.assertEqual(events.read_permission(message), 'q"é')
        self.assertEqual(events.read_permission(b"{}"), "")


class HistoryTests(SynchronousTestCase):
    def test_spliced(self) -> None:
        """Records of history are the stored bytes."""
        line = rb'{"b":1.0, "text":"\ud83d"}'
        entries = [Entry(3, NOW, "claude", "agent_message", line), Entry(2, NOW, "server", "error", b"{}")]
        told = events.data(MessagesFound(entries, "j", 9, 1, True))
        self.assertIn(line, told)
        found = json.loads(told)
        self.assertEqual([one["seq"] for one in found["messages"]], [3, 2])
        self.assertEqual(set(found["messages"][0]), {"seq", "timestamp", "direction", "type", "message"})
        self.assertEqual(
            (found["journal_id"], found["head_seq"], found["first_seq"], found["has_more"]), ("j", 9, 1, True)
        )
        self.assertEqual(json.loads(events.data(MessagesFound([], "j", 0, 1, False)))["messages"], [])


class UpdateTests(SynchronousTestCase):
    def test_as_the_cli_spells_it(self) -> None:
        """A permission update goes to the CLI without what was not given."""
        update = PermissionUpdate(
            type=UpdateKind.ADD_RULES,
            destination=Destination.LOCAL,
            behavior="allow",
            rules=(ToolRule(toolName="Bash", ruleContent="ls"), ToolRule(toolName="Read")),
        )
        self.assertEqual(
            events.as_plain(update),
            {
                "type": "addRules",
                "destination": "localSettings",
                "behavior": "allow",
                "rules": [{"toolName": "Bash", "ruleContent": "ls"}, {"toolName": "Read"}],
            },
        )
        directories = PermissionUpdate(
            type=UpdateKind.REMOVE_DIRECTORIES, destination=Destination.SESSION, directories=("/a",)
        )
        self.assertEqual(
            json.loads(msgspec.json.encode(events.as_plain(directories))),
            {"type": "removeDirectories", "destination": "session", "directories": ["/a"]},
        )

    def test_every_event_has_a_type(self) -> None:
        """Every kind of event that is kept has its name on the wire."""
        self.assertEqual(set(events.TYPES), set(Journaled.__args__))
