"""What a client says is what the server understands; what the server says is read back, whatever is new in it."""

import contextlib
import json
from collections.abc import Mapping, Sequence

import attrs
import msgspec
from attrs import define, evolve, field
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pocketagent.domain import commands, events, replies
from pocketagent.domain.access import Scope
from pocketagent.domain.agent import Behavior, PermissionMode
from pocketagent.domain.attachment import Attached, MediaType
from pocketagent.domain.commands import Command, Order
from pocketagent.domain.events import Actor, Failure, PermissionRequest, ProjectState, Queued, Reason, State
from pocketagent.domain.fields import MAX_SEQ
from pocketagent.domain.message import Direction, Entry, Partial
from pocketagent.domain.options import Options
from pocketagent.domain.permission_updates import Destination, PermissionUpdate, ToolRule, UpdateKind
from pocketagent.domain.project import Standing, Trust
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.replies import Condition, Finding, Greeting, MessagesFound, Replay, Status
from pocketagent.ports import IBatch
from pocketagent.wire import client, server
from pocketagent.wire import events as wire_events
from pocketagent.wire.client import Told
from pocketagent.wire.events import Journaled
from pocketagent.wire.server import Message, Page, Question, Unintelligible
from tests.wire.test_client_frames import received

NOW = "2026-01-01T12:00:00.123456Z"
UUID = "11111111-2222-4333-8444-555555555555"
ANN = Actor("a", "Ann")
REQUEST = (
    b'{"subtype":"can_use_tool","tool_name":"Bash","display_name":"Run","input":{"command":"ls"},'
    b'"description":"lists","permission_suggestions":[{"type":"setMode"}],"tool_use_id":"t"}'
)
QUESTION = Question(
    permission_id="q",
    tool_name="Bash",
    input={"command": "ls"},
    expires_at=NOW,
    display_name="Run",
    description="lists",
    suggestions=[{"type": "setMode"}],
    tool_use_id="t",
    request=json.loads(REQUEST),
)
STATE = ProjectState(
    id="p",
    name="n",
    path="/a",
    archived=True,
    state=State.ERROR,
    session_id="s",
    created_at=NOW,
    last_active=NOW,
    journal_id=UUID,
    head_seq=7,
    execution_id="e",
    queued=[Queued("e2", None, ANN), Queued("e3", UUID, None)],
    error=Failure(Code.EXECUTION_FAILED, "no\u2028 \U0001f600"),
    pending_permissions=2,
    trust=Trust(Standing.UNTRUSTED, "f", (".mcp.json",)),
    subscribers=3,
)
STATS = replies.ConnectionStats("c", "phone", "SUBSCRIBED", True, NOW, NOW, 1)
FAILED = events.ExecutionError(Code.EXECUTION_FAILED, "no", {"exit_code": 1, "deep": [{"x": None}]}, "e")

TOLD: Sequence[Told] = (
    replies.ConnectionEstablished("c", "0.1.0", 1, Greeting("d", "phone", [Scope.READ]), {"message_size": 5}),
    STATE,
    evolve(STATE, queued=[], error=None, session_id=None, execution_id=None, trust=Trust(Standing.TRUSTED, "", ())),
    replies.ProjectListed([STATE, STATE], 2),
    replies.ProjectDeleted("p"),
    replies.ProjectJoined("p", UUID, State.IDLE, None, 4, 1, 2, Replay.GAP),
    replies.ProjectLeft("p"),
    replies.ExecutionAccepted("e", 0, Status.RUNNING, True),
    events.AgentConfigured("opus", None),
    replies.AgentInterrupted(False),
    events.ProcessKilled("e"),
    events.SessionReset(None),
    events.PermissionResolved("q", Behavior.CANCELLED, None, Reason.RESTART),
    events.PermissionResolved("q", Behavior.ALLOW, ANN, Reason.ANSWERED),
    events.PromptDropped("e", Reason.REMOVED),
    replies.AgentInfo(True, "2.1", [{"value": "opus", "n": 1}], None, ["default"]),
    replies.AgentContext(1, None, 0.5),
    replies.HealthStatus(
        Condition.DEGRADED, {"disk": Finding(Condition.UNHEALTHY, "full"), "cli": Finding(Condition.HEALTHY)}
    ),
    replies.ServerStats(
        uptime=1.5, connections=1, subscriptions=2, projects={"idle": 1}, queued=0, warm_processes=1,
        journal_bytes=2**40, memory_bytes=7, reactor_delay_ms=0.25, connection_states=[STATS],
    ),
    FAILED,
)  # fmt: skip

JOURNALED: Sequence[Journaled] = (
    events.ClientMessage("e", UUID, "a\r\nb", Options(allowed_tools=("Read",), timeout=2.5), ANN, True),
    events.ClientMessage("e", None, "x", Options(), ANN, False, (Attached(UUID, "ü.png", MediaType.PNG, 7),)),
    events.AgentConfigured(None, PermissionMode.ACCEPT_EDITS),
    events.PermissionResolved("q", Behavior.DENY, ANN, Reason.ANSWERED),
    events.PromptDropped("e", Reason.RESTART),
    events.SessionReset("s"),
    events.ProcessKilled("e"),
    FAILED,
    STATE,
)


@implementer(IBatch)
@define(eq=False)
class Batch:
    items: Sequence[Entry | Partial]
    project_id: str = "p"
    timestamp: str = NOW
    blobs: dict[object, bytes] = field(factory=dict)


def heard(*items: Entry | Partial) -> Sequence[Message]:
    """What a client makes of a batch."""
    return [server.decode(payload.encode()) for payload in received(client.frames(Batch(items)))]


def said(type_: str, data: object = None, **beside: object) -> Message:
    return server.decode(json.dumps({"type": type_, "timestamp": NOW, "data": data, **beside}).encode())


# -- any command --------------------------------------------------------------------------------------------

text = st.text(max_size=20)
ids = st.text(min_size=1, max_size=12)
uuids = st.uuids().map(str)
seqs = st.integers(0, MAX_SEQ)
words = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,9}", fullmatch=True)
tools = st.lists(st.sampled_from(("Read", "Bash(git log:*)", "Edit(src/**)", "mcp__x__*")), max_size=3).map(tuple)
positive = st.floats(min_value=0.001, allow_infinity=False)
moments = st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()).filter(
    lambda text: len(text) <= 32 and text > "1800"
)  # fmt: skip
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**90), 10**90)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=10,
)


def maybe(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | strategy


options = st.builds(
    Options,
    model=maybe(words),
    fallback_model=maybe(words),
    permission_mode=maybe(st.sampled_from(PermissionMode)),
    allowed_tools=tools,
    disallowed_tools=tools,
    append_system_prompt=maybe(text.filter(lambda text: "\0" not in text)),
    mcp_config=maybe(words),
    strict_mcp_config=st.booleans(),
    add_dirs=st.lists(text, max_size=2).map(tuple),
    dangerously_skip_permissions=st.booleans(),
    effort=maybe(st.sampled_from(("low", "high"))),
    max_budget_usd=maybe(positive),
    timeout=maybe(positive),
)
rules = st.lists(st.builds(ToolRule, toolName=text, ruleContent=maybe(text)), max_size=3).map(tuple)
updates = st.one_of(
    st.builds(
        PermissionUpdate,
        type=st.sampled_from((UpdateKind.ADD_RULES, UpdateKind.REPLACE_RULES, UpdateKind.REMOVE_RULES)),
        destination=st.sampled_from(Destination),
        rules=rules,
        behavior=st.sampled_from(("allow", "deny", "ask")),
    ),
    st.builds(
        PermissionUpdate,
        type=st.just(UpdateKind.SET_MODE),
        destination=st.sampled_from(Destination),
        mode=st.sampled_from(PermissionMode),
    ),
    st.builds(
        PermissionUpdate,
        type=st.sampled_from((UpdateKind.ADD_DIRECTORIES, UpdateKind.REMOVE_DIRECTORIES)),
        destination=st.sampled_from(Destination),
        directories=st.lists(text, max_size=2).map(tuple),
    ),
)
prompts = text.filter(lambda text: text.strip() and "\0" not in text)

COMMANDS: Mapping[type[Command], st.SearchStrategy[Command]] = {
    commands.CreateProject: st.builds(commands.CreateProject, path=text, name=maybe(text), trust=maybe(text)),
    commands.UpdateProject: st.builds(
        commands.UpdateProject, project_id=ids, name=maybe(text), archived=maybe(st.booleans())
    ),
    commands.TrustProject: st.builds(commands.TrustProject, project_id=ids, fingerprint=text),
    commands.ListProjects: st.builds(commands.ListProjects, subscribe=maybe(st.booleans())),
    commands.GetProject: st.builds(commands.GetProject, project_id=ids),
    commands.DeleteProject: st.builds(commands.DeleteProject, project_id=ids),
    commands.JoinProject: st.builds(
        commands.JoinProject, project_id=ids, after_seq=maybe(seqs), journal_id=maybe(uuids)
    ),
    commands.LeaveProject: st.builds(commands.LeaveProject, project_id=ids),
    commands.Execute: st.builds(
        commands.Execute,
        project_id=ids,
        prompt=prompts,
        options=options,
        queue=st.booleans(),
        prompt_id=maybe(uuids),
        attachments=st.lists(uuids, max_size=16, unique_by=str.lower).map(tuple),
    ),
    commands.RemoveFromQueue: st.builds(commands.RemoveFromQueue, project_id=ids, execution_id=text),
    commands.Configure: st.builds(
        commands.Configure, project_id=ids, model=words, permission_mode=maybe(st.sampled_from(PermissionMode))
    ),
    commands.Interrupt: st.builds(commands.Interrupt, project_id=ids),
    commands.Kill: st.builds(commands.Kill, project_id=ids),
    commands.NewSession: st.builds(commands.NewSession, project_id=ids),
    commands.AnswerPermission: st.one_of(
        st.builds(
            commands.AnswerPermission,
            project_id=ids,
            permission_id=text,
            behavior=st.just(Behavior.ALLOW),
            updated_input=maybe(st.dictionaries(text, values, max_size=3)),
            updated_permissions=st.lists(updates, max_size=3).map(tuple),
        ),
        st.builds(
            commands.AnswerPermission,
            project_id=ids,
            permission_id=text,
            behavior=st.just(Behavior.DENY),
            message=text,
            interrupt=st.booleans(),
        ),
    ),
    commands.AcknowledgeError: st.builds(commands.AcknowledgeError, project_id=ids),
    commands.GetMessages: st.builds(
        commands.GetMessages,
        project_id=ids,
        since=maybe(moments),
        until=maybe(moments),
        after_seq=maybe(seqs),
        before_seq=maybe(seqs),
        limit=st.integers(1, commands.MAX_PAGE),
        direction=maybe(st.sampled_from(Direction)),
        types=maybe(st.lists(text, max_size=3).map(tuple)),
        order=st.sampled_from(Order),
    ),
    commands.AcknowledgeMessages: st.builds(commands.AcknowledgeMessages, project_id=ids, seq=seqs),
    commands.GetAgentInfo: st.builds(commands.GetAgentInfo, project_id=maybe(ids)),
    commands.GetContext: st.builds(commands.GetContext, project_id=ids),
    commands.CheckHealth: st.builds(commands.CheckHealth),
    commands.GetStats: st.builds(commands.GetStats, subscribe=maybe(st.booleans())),
}


class RequestTests(SynchronousTestCase):
    def test_every_command_has_a_strategy(self) -> None:
        """The test below is about all commands that there are."""
        self.assertEqual(set(COMMANDS), set(client.COMMANDS.values()))

    @given(st.one_of(*COMMANDS.values()), st.text(max_size=client.MAX_REQUEST_ID))
    def test_every_command_arrives(self, command: Command, request_id: str) -> None:
        """Whatever a command says, the server understands exactly that."""
        asked = client.decode(server.request(command, request_id))
        self.assertEqual((asked.command, asked.request_id), (command, request_id))
        self.assertEqual(asked.project_id, getattr(command, "project_id", None))

    def test_what_has_its_default_is_left_out(self) -> None:
        """A request says only what was said."""
        self.assertEqual(
            json.loads(server.request(commands.Execute(project_id="p", prompt="x", options=Options(model="m")), "r")),
            {
                "type": "execute",
                "request_id": "r",
                "data": {"project_id": "p", "prompt": "x", "options": {"model": "m"}},
            },
        )

    def test_half_of_a_pair(self) -> None:
        """Text that cannot be sent is refused before it is, as the server would refuse it."""
        for command in (
            commands.Execute(project_id="p", prompt="cut \ud83d"),
            commands.AnswerPermission(
                project_id="p", permission_id="q", behavior=Behavior.ALLOW, updated_input={"\udc80": [1]}
            ),
        ):
            problem = self.assertRaises(Refusal, server.request, command, "r")
            self.assertIs(problem.code, Code.INVALID_MESSAGE)


class ReplyTests(SynchronousTestCase):
    def test_every_one(self) -> None:
        """Every reply that the server can write is read back as the value that it was."""
        self.assertEqual({type(one) for one in TOLD} | {MessagesFound}, set(client.REPLIES))
        for told in TOLD:
            message = server.decode(client.reply(told, NOW, "p", "r"))
            self.assertEqual(server.value(message), told)
            self.assertEqual(server.value_of(message, type(told)), told)
            self.assertEqual(
                attrs.astuple(message, recurse=False)[2:6], (NOW, "p", "r", None), "the envelope of a reply"
            )

    def test_a_state_with_its_questions(self) -> None:
        """The answer to a join holds the questions themselves; as a value it has their number, as any other state."""
        request = PermissionRequest("q", REQUEST, NOW)
        message = server.decode(client.reply(evolve(STATE, pending_permissions=(request,)), NOW, "p", "r"))
        self.assertEqual(server.value(message), evolve(STATE, pending_permissions=1))
        self.assertEqual(server.questions(message), (QUESTION,))
        self.assertEqual(server.questions(server.decode(client.reply(STATE, NOW, "p", None))), ())

    def test_a_page(self) -> None:
        """A page of the journal comes as messages, each as it came live."""
        entries = [
            Entry(number, NOW, *wire_events.draft(event)) for number, event in enumerate(JOURNALED, 3)
        ]  # fmt: skip
        message = server.decode(client.reply(MessagesFound(entries, UUID, 99, 3, True), NOW, "p", "r"))
        live = heard(*entries)
        self.assertEqual(server.value_of(message, Page), Page(live, UUID, 99, 3, True))
        self.assertEqual([server.value(one) for one in live], list(JOURNALED))

    def test_every_refusal(self) -> None:
        """An error is the refusal that it was."""
        for code in Code:
            refusal = Refusal(code, "A sentence.", retry_after=1.5, field="x")
            told = server.refusal(server.decode(client.error(refusal, NOW, "p", "r")))
            self.assertEqual((told.code, told.message, told.details), (code, refusal.message, refusal.details))
            self.assertEqual(server.retry_after(told), 1.5)

    def test_an_odd_refusal(self) -> None:
        """An unknown code is an internal error with its own words; details may have any name, and be missing."""
        for data, code, sentence, details in (
            ({"code": "TEAPOT", "message": "Short."}, Code.INTERNAL_ERROR, "Short.", {}),
            ({"code": "TEAPOT"}, Code.INTERNAL_ERROR, "The server says TEAPOT.", {}),
            ({"code": ["FORBIDDEN"], "message": {}}, Code.INTERNAL_ERROR, "The server says ['FORBIDDEN'].", {}),
            (
                {"code": "FORBIDDEN", "message": "No.", "details": {"code": 1, "message": 2, "self": 3}},
                *(Code.FORBIDDEN, "No.", {"code": 1, "message": 2, "self": 3}),
            ),
            ({"code": "FORBIDDEN", "message": "No.", "details": [1]}, Code.FORBIDDEN, "No.", {}),
            ({}, Code.INTERNAL_ERROR, "The server says None.", {}),
        ):
            told = server.refusal(said("error", data))
            self.assertEqual((told.code, told.message, told.details), (code, sentence, details))
        for odd in (None, "1", True, [1], float("inf")):
            self.assertIsNone(server.retry_after(Refusal(Code.RATE_LIMITED, "", retry_after=odd)))


class EventTests(SynchronousTestCase):
    def test_every_one(self) -> None:
        """Every event of the journal is read back as the value that it was."""
        self.assertEqual({type(one) for one in JOURNALED} | {PermissionRequest}, set(wire_events.TYPES))
        for event in JOURNALED:
            (message,) = heard(Entry(42, NOW, *wire_events.draft(event)))
            self.assertEqual(server.value(message), event)
            self.assertEqual((message.seq, message.request_id, message.project_id), (42, None, "p"))

    def test_a_question(self) -> None:
        """A permission request is read with its usual fields lifted out, and the CLI's own object beside them."""
        (message,) = heard(Entry(1, NOW, *wire_events.draft(PermissionRequest("q", REQUEST, NOW))))
        self.assertEqual(server.value_of(message, Question), QUESTION)

    def test_the_agent(self) -> None:
        """What the agent says is passed on: kept or not, with halves of pairs, which it writes for a cut emoji."""
        line = rb'{"type":"assistant","n":1e400,"text":"cut \ud83d","big":123456789012345678901234567890}'
        kept, partial = heard(
            Entry(1, NOW, "claude", "agent_message", line), Partial(b'{"type":"stream_event"}', None, True, False)
        )
        self.assertEqual((kept.seq, partial.seq), (1, None))
        self.assertEqual(kept.data["text"], "cut \ud83d")
        self.assertEqual(kept.data["big"], 123456789012345678901234567890)
        self.assertEqual(partial.data, {"type": "stream_event"})
        self.assertIsNone(server.value(kept))

    def test_deeper_than_can_be_read(self) -> None:
        """An event that the agent has nested too deeply comes without its data, and not again and again."""
        for depth in (100, 1_000_000):
            line = b'{"x":' + b"[" * depth + b"]" * depth + b"}"
            payload = b'{"type":"agent_message","project_id":"p","seq":7,"timestamp":"","data":' + line + b"}"
            message = server.decode(payload)
            self.assertEqual((message.type, message.seq, message.project_id), ("agent_message", 7, "p"))
            self.assertEqual(bool(message.data), depth == 100)


class NewerServerTests(SynchronousTestCase):
    """What may be added within version 1 never hurts."""

    def test_unknown_types_and_fields(self) -> None:
        """A type that is not known has no value, and a field that is not known is left out of it."""
        self.assertIsNone(server.value(said("project_painted", {"colour": "red"})))
        self.assertEqual(
            server.value(said("project_left", {"project_id": "p", "why": 1}, priority=9)), replies.ProjectLeft("p")
        )

    def test_unknown_words_and_missing_fields(self) -> None:
        """What does not fit has no value; who needs it is told, in a sentence."""
        whole = json.loads(client.reply(STATE, NOW, "p", "r"))["data"]
        for message in (
            said("project_state", {**whole, "state": "DREAMING"}),
            said("project_state", {name: each for name, each in whole.items() if name != "trust"}),
            said("project_state", {**whole, "pending_permissions": "2", "head_seq": "7"}),
            said("client_message", {**json.loads(wire_events.data(JOURNALED[0])), "options": {"effort": "VERY HIGH"}}),
            said("messages_response", {"messages": {}}),
            said("messages_response", {"messages": [{"seq": "1"}]}),
            said("project_joined"),
        ):
            self.assertIsNone(server.value(message))
            problem = self.assertRaises(Unintelligible, server.value_of, message, ProjectState)
            self.assertIn(message.type, str(problem))
        self.assertRaises(Unintelligible, server.questions, said("project_state", {"pending_permissions": [{}]}))

    def test_what_is_no_message(self) -> None:
        """What is no JSON object with a type is told as that."""
        for payload in (
            *(b"", b"null", b"[]", b"{}", b"1", b'{"type":5}', b'{"type":"x"', b'{"type":"x","data":NaN}'),
            *(b'{"type":"x","data":"\xff"}', b"\xef\xbb\xbf{}", b"[" * 100_000, b'{"a":' * 100_000, b"\x00"),
        ):
            self.assertRaises(Unintelligible, server.decode, payload)

    def test_odd_envelopes(self) -> None:
        """What surrounds the data is there only in its own type."""
        odd: object
        for odd in (True, 1.5, "x", [], {}, None):
            message = said("x", odd, seq=odd, request_id=[odd], project_id={}, timestamp=7)
            self.assertEqual(
                attrs.astuple(message, recurse=False)[:6], ("x", odd if odd == {} else {}, "", None, None, None)
            )

    @given(st.binary(max_size=50) | st.text(max_size=50).map(str.encode))
    def test_anything(self, payload: bytes) -> None:
        """Whatever bytes come, they are a message or Unintelligible."""
        with contextlib.suppress(Unintelligible):
            server.value(server.decode(payload))

    @given(
        st.sampled_from([*client.REPLIES.values(), *(name for _, name in wire_events.TYPES.values()), "x"]),
        st.dictionaries(st.sampled_from(sorted({*msgspec.to_builtins(STATE), "code", "details", "messages"})), values),
    )
    def test_any_data(self, type_: str, data: Mapping[str, object]) -> None:
        """Whatever the data of a message is, nothing raises but what says so."""
        message = Message(type_, data)
        server.value(message)
        server.refusal(message)
        with contextlib.suppress(Unintelligible):
            server.questions(message)
