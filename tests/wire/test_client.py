"""What clients say is understood strictly or refused with a reason; what they hear is well-formed."""

import json
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain import commands
from pocketagent.domain.agent import Behavior, PermissionMode
from pocketagent.domain.commands import Command, Execute
from pocketagent.domain.fields import moment
from pocketagent.domain.message import Direction, timestamp
from pocketagent.domain.options import Options
from pocketagent.domain.permission_updates import Destination, PermissionUpdate, ToolRule, UpdateKind
from pocketagent.domain.refusals import Code
from pocketagent.wire import client
from pocketagent.wire.client import Request, Unreadable, decode

PROMPT_ID = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
JOURNAL_ID = "11111111-2222-4333-8444-555555555555"
NOW = "2026-01-01T12:00:00.123456Z"

HOSTILE = ["\n", "\r", "\0", "\x7f", " ", ";", "`", "$(id)", "'", '"', "|", "&", "-", "--", "\\"]

Fields = dict[str, object]

EVERY: Mapping[str, tuple[Fields, Command]] = {
    "project_create": (
        {"path": "/a", "name": "n", "trust": "f"},
        commands.CreateProject(path="/a", name="n", trust="f"),
    ),
    "project_update": (
        {"project_id": "p", "name": "n", "archived": True},
        commands.UpdateProject(project_id="p", name="n", archived=True),
    ),
    "project_trust": (
        {"project_id": "p", "fingerprint": "f"},
        commands.TrustProject(project_id="p", fingerprint="f"),
    ),
    "project_list": ({"subscribe": True}, commands.ListProjects(subscribe=True)),
    "project_get": ({"project_id": "p"}, commands.GetProject(project_id="p")),
    "project_delete": ({"project_id": "p"}, commands.DeleteProject(project_id="p")),
    "project_join": (
        {"project_id": "p", "after_seq": 7, "journal_id": JOURNAL_ID},
        commands.JoinProject(project_id="p", after_seq=7, journal_id=JOURNAL_ID),
    ),
    "project_leave": ({"project_id": "p"}, commands.LeaveProject(project_id="p")),
    "execute": (
        {
            "project_id": "p",
            "prompt": "do it",
            "queue": True,
            "prompt_id": PROMPT_ID,
            "options": {
                "model": "opus",
                "fallback_model": "claude-3-5-haiku@20241022",
                "permission_mode": "plan",
                "allowed_tools": ["Read", "Bash(git log:*)"],
                "disallowed_tools": ["mcp__x__*"],
                "append_system_prompt": "--be brief",
                "mcp_config": "tools",
                "strict_mcp_config": True,
                "add_dirs": ["/b"],
                "dangerously_skip_permissions": False,
                "effort": "high",
                "max_budget_usd": 1,
                "timeout": 2.5,
            },
        },
        Execute(
            project_id="p",
            prompt="do it",
            queue=True,
            prompt_id=PROMPT_ID,
            options=Options(
                model="opus",
                fallback_model="claude-3-5-haiku@20241022",
                permission_mode=PermissionMode.PLAN,
                allowed_tools=("Read", "Bash(git log:*)"),
                disallowed_tools=("mcp__x__*",),
                append_system_prompt="--be brief",
                mcp_config="tools",
                strict_mcp_config=True,
                add_dirs=("/b",),
                effort="high",
                max_budget_usd=1.0,
                timeout=2.5,
            ),
        ),
    ),
    "queue_remove": (
        {"project_id": "p", "execution_id": "e"},
        commands.RemoveFromQueue(project_id="p", execution_id="e"),
    ),
    "agent_configure": (
        {"project_id": "p", "model": "opus", "permission_mode": "default"},
        commands.Configure(project_id="p", model="opus", permission_mode=PermissionMode.DEFAULT),
    ),
    "agent_interrupt": ({"project_id": "p"}, commands.Interrupt(project_id="p")),
    "agent_kill": ({"project_id": "p"}, commands.Kill(project_id="p")),
    "agent_new_session": ({"project_id": "p"}, commands.NewSession(project_id="p")),
    "permission_response": (
        {
            "project_id": "p",
            "permission_id": "q",
            "behavior": "allow",
            "updated_input": {"command": "ls", "deep": [{"n": 1.5}]},
            "updated_permissions": [
                {
                    "type": "addRules",
                    "destination": "session",
                    "behavior": "allow",
                    "rules": [{"toolName": "Bash", "ruleContent": "ls"}],
                }
            ],
        },
        commands.AnswerPermission(
            project_id="p",
            permission_id="q",
            behavior=Behavior.ALLOW,
            updated_input={"command": "ls", "deep": [{"n": 1.5}]},
            updated_permissions=(
                PermissionUpdate(
                    type=UpdateKind.ADD_RULES,
                    destination=Destination.SESSION,
                    behavior="allow",
                    rules=(ToolRule(toolName="Bash", ruleContent="ls"),),
                ),
            ),
        ),
    ),
    "error_acknowledge": ({"project_id": "p"}, commands.AcknowledgeError(project_id="p")),
    "get_messages": (
        {
            "project_id": "p",
            "since": "2026-01-01T00:00:00Z",
            "until": "2026-01-02T00:00:00+01:00",
            "after_seq": 0,
            "before_seq": 9,
            "limit": 1000,
            "direction": "claude",
            "types": ["agent_message"],
            "order": "asc",
        },
        commands.GetMessages(
            project_id="p",
            since="2026-01-01T00:00:00Z",
            until="2026-01-02T00:00:00+01:00",
            after_seq=0,
            before_seq=9,
            limit=1000,
            direction=Direction.CLAUDE,
            types=("agent_message",),
            order=commands.Order.ASC,
        ),
    ),
    "message_ack": ({"project_id": "p", "seq": 3}, commands.AcknowledgeMessages(project_id="p", seq=3)),
    "agent_info": ({"project_id": "p"}, commands.GetAgentInfo(project_id="p")),
    "agent_context": ({"project_id": "p"}, commands.GetContext(project_id="p")),
    "health_check": ({}, commands.CheckHealth()),
    "server_stats": ({"subscribe": False}, commands.GetStats(subscribe=False)),
}


def said(type_: object, data: object = None, **beside: object) -> bytes:
    """A message of a client."""
    message = {"type": type_, **beside} if data is None else {"type": type_, "data": data, **beside}
    return json.dumps(message).encode()


def execute(**options: object) -> bytes:
    return said("execute", {"project_id": "p", "prompt": "x", "options": options})


class ClientCase(SynchronousTestCase):
    """A test of what is refused."""

    def refused(self, payload: bytes, field: str | None = None) -> Unreadable:
        problem = self.assertRaises(Unreadable, decode, payload)
        assert isinstance(problem, Unreadable)
        self.assertIs(problem.code, Code.INVALID_MESSAGE)
        # Whatever was wrong, the asker can be told so, and shortly.
        told = client.error(problem, NOW, problem.project_id, problem.request_id)
        json.loads(told)
        self.assertLess(len(told), 4096)
        if field is not None:
            self.assertEqual(problem.details["field"], field)
        return problem


class CommandTests(ClientCase):
    def test_every_one(self) -> None:
        """Each request of the protocol becomes its command, with every field in its place."""
        self.assertEqual(set(EVERY), set(client.COMMANDS))
        for name, (fields, command) in EVERY.items():
            self.assertEqual(decode(said(name, fields)).command, command, name)

    def test_what_is_left_out(self) -> None:
        """`data` may be left out where it would be empty; what a command needs is asked for by name."""
        self.assertEqual(decode(b'{"type":"health_check"}'), Request(commands.CheckHealth(), None, None))
        self.assertEqual(decode(b'{"type":"health_check","data":null}').command, commands.CheckHealth())
        self.refused(said("execute", {"project_id": "p"}), "data.prompt")
        self.refused(said("execute", {"prompt": "x"}), "project_id")
        self.refused(said("execute", {"prompt": "x"}), "project_id")

    def test_project_id(self) -> None:
        """The project may be named beside the data, inside, or at both places alike; never differently."""
        for payload in (
            said("agent_kill", {"project_id": "p"}),
            said("agent_kill", {}, project_id="p"),
            said("agent_kill", None, project_id="p"),
            said("agent_kill", {"project_id": "p"}, project_id="p"),
            said("agent_kill", {"project_id": None}, project_id="p"),
        ):
            self.assertEqual(decode(payload), Request(commands.Kill(project_id="p"), None, "p"))
        for payload in (
            said("agent_kill", {"project_id": "p"}, project_id="q"),
            said("agent_kill", {"project_id": 1}, project_id=True),
            said("agent_kill", {}, project_id=["p"]),
            said("agent_kill", {}, project_id="p" * 129),
        ):
            self.refused(payload, "project_id")

    def test_request_id(self) -> None:
        """A correlation id is any text of up to 128 characters, and comes back with the error too (JS-11)."""
        for request_id in ("", "x" * 128, "\u2028 \x1b[2J", "7"):
            request = decode(said("health_check", request_id=request_id))
            self.assertEqual(request.request_id, request_id)
            self.assertEqual(self.refused(said("nonsense", request_id=request_id)).request_id, request_id)
        self.assertIsNone(decode(said("health_check", request_id=None)).request_id)
        for bad in ("x" * 129, "x" * 1_000_000, {"a": 1}, 7, True, ["x"]):
            self.assertIsNone(self.refused(said("health_check", request_id=bad), "request_id").request_id)

    def test_error_finds_its_project(self) -> None:
        """An error names the request and the project that it is about, as far as they could be read."""
        problem = self.refused(said("execute", {"prompt": 7}, project_id="p", request_id="r"), "data.prompt")
        self.assertEqual((problem.request_id, problem.project_id), ("r", "p"))


class OptionTests(ClientCase):
    def test_no_flags(self) -> None:
        """Nothing that stands in argv begins with `-` (AR-02)."""
        for bad in ("-p", "--model", "-", "", " opus", "o pus", "opus\n", "ópus", "a" * 257, "$(x)", "a;b"):
            for name in ("model", "fallback_model"):
                self.refused(execute(**{name: bad}), f"data.options.{name}")
            self.refused(said("agent_configure", {"project_id": "p", "model": bad}), "data.model")
        for bad in ("-x", "../x", "/etc/passwd", '{"mcpServers":{}}', "", "a b"):
            self.refused(execute(mcp_config=bad), "data.options.mcp_config")
        for bad in ("--high", "High", "", "9"):
            self.refused(execute(effort=bad), "data.options.effort")
        for bad in ("not-a-uuid", "--resume", PROMPT_ID + "x", PROMPT_ID.replace("-", "")):
            self.refused(said("execute", {"project_id": "p", "prompt": "x", "prompt_id": bad}), "data.prompt_id")

    @given(
        st.sampled_from(["model", "fallback_model", "effort", "mcp_config", "allowed_tools", "disallowed_tools"]),
        st.lists(st.sampled_from([*HOSTILE, "opus", "high", "Read", "Bash(", "a", ")"]), min_size=1, max_size=4),
    )
    def test_nothing_for_a_shell(self, name: str, pieces: list[str]) -> None:
        """AR-04: what is taken of an option ends no line and no C string, and has nothing that a shell would take apart
        but between the parentheses of a tool, where it is a pattern of the CLI's."""
        text, is_tool = "".join(pieces), name.endswith("tools")
        try:
            decode(execute(**{name: [text] if is_tool else text}))
        except Unreadable:
            return
        self.assertRegex(text.partition("(")[0] if is_tool else text, r"\A[A-Za-z0-9_][A-Za-z0-9_-]*\Z")
        self.assertNotRegex(text, r"[\x00-\x1f\x7f]")

    def test_models(self) -> None:
        """The names that models have are taken."""
        for good in (
            "opus",
            "claude-opus-4-5-20251101",
            "us.anthropic.claude-3-5-sonnet-20241022-v2:0",
            "arn:aws:bedrock:us-east-1:123:inference-profile/x",
            "claude-3@2024",
            "opus[1m]",
        ):
            decode(execute(model=good, fallback_model=good))

    def test_tools(self) -> None:
        """Each item names one tool, with what it may be used for in parentheses (AR-05)."""
        good = [
            "Read",
            "Bash",
            "Bash(git log:*)",
            "Bash(git add a,b)",
            "Edit(src/**)",
            "mcp__server__*",
            "mcp__my-server__tool",
            "WebFetch(domain:example.com)",
            "Bash(npm run test:*)",
        ]
        for name in ("allowed_tools", "disallowed_tools"):
            decode(execute(**{name: good}))
            for bad in (
                "Read,Bash(*)",
                "Read Bash",
                "Bash(",
                "Bash)",
                "Bash()",
                "Bash(a)(b)",
                "Bash(a(b))",
                "Bash(a) Read",
                "(a)",
                "*",
                "",
                " Read",
                "--settings",
                "-Read",
                "Bash(--settings={})",
                "Bash(a\nb)",
                "Bash(a\x7fb)",
                "Réad",
                "x" * 257,
            ):
                self.refused(execute(**{name: [*good, bad]}), f"data.options.{name}")
            self.refused(execute(**{name: ["Read"] * 257}), f"data.options.{name}")
            self.refused(execute(**{name: "Read"}), f"data.options.{name}")
            self.refused(execute(**{name: ["Read"] * 10_000}), f"data.options.{name}")

    def test_lists(self) -> None:
        """Every list has its bound."""
        self.refused(execute(add_dirs=["/a"] * 257), "data.options.add_dirs")
        self.refused(said("get_messages", {"project_id": "p", "types": ["a"] * 257}), "data.types")


class AnswerTests(ClientCase):
    def answer(self, **more: object) -> bytes:
        return said("permission_response", {"project_id": "p", "permission_id": "q", **more})

    def test_which_field_goes_with_which_behavior(self) -> None:
        """An allowance edits, a denial explains; one with the other's fields is refused."""
        decode(self.answer(behavior="deny", message="no", interrupt=True))
        decode(self.answer(behavior="allow", updated_input={}))
        for bad in (
            {"behavior": "cancelled"},
            {"behavior": "ask"},
            {},
            {"behavior": "deny", "updated_input": {}},
            {"behavior": "allow", "message": "why"},
            {"behavior": "allow", "interrupt": True},
            {"behavior": "allow", "updated_input": []},
            {"behavior": "allow", "updated_input": "ls"},
        ):
            self.refused(self.answer(**bad))

    def test_updates(self) -> None:
        """A permission update has the fields of its kind, and no others."""
        rules = [{"toolName": "Bash"}]
        for good in (
            {"type": "removeRules", "destination": "localSettings", "behavior": "ask", "rules": rules},
            {"type": "setMode", "destination": "session", "mode": "acceptEdits"},
            {"type": "addDirectories", "destination": "cliArg", "directories": ["/a"]},
        ):
            decode(self.answer(behavior="allow", updated_permissions=[good]))
        for bad in (
            {"type": "addRules", "destination": "session", "rules": rules},
            {"type": "addRules", "destination": "session", "behavior": "maybe", "rules": rules},
            {"type": "addRules", "destination": "session", "behavior": "allow"},
            {"type": "addRules", "destination": "session", "behavior": "allow", "rules": rules, "mode": "plan"},
            {"type": "addRules", "destination": "session", "behavior": "allow", "rules": rules * 257},
            {"type": "setMode", "destination": "session"},
            {"type": "setMode", "destination": "session", "mode": "plan", "directories": []},
            {"type": "addDirectories", "destination": "session"},
            {"type": "addDirectories", "destination": "session", "directories": ["/a"], "mode": "plan"},
            {"type": "becomeRoot", "destination": "session"},
            {"type": "setMode", "destination": "everywhere", "mode": "plan"},
        ):
            self.refused(self.answer(behavior="allow", updated_permissions=[bad]))


class PromptTests(ClientCase):
    def test_byte_for_byte(self) -> None:
        """A prompt is taken as it is, whatever ends its lines and whichever way it was escaped (JS-14)."""
        for prompt in (
            "a\r\nb\n",
            "a\u2028b\u2029",
            " x ",
            "\ttab",
            "\x1b[31m\x7f",
            "\U0001f600é\ufffd",
            "x" * 100_001,
        ):
            for ascii_ in (True, False):
                payload = json.dumps(
                    {"type": "execute", "project_id": "p", "data": {"prompt": prompt}}, ensure_ascii=ascii_
                )
                command = decode(payload.encode()).command
                assert isinstance(command, Execute)
                self.assertEqual(command.prompt, prompt)

    def test_blank(self) -> None:
        """A prompt has a character that is not blank (JS-14)."""
        for blank in ("", " ", "\r\n\t", "\u2003\u3000"):
            self.refused(said("execute", {"project_id": "p", "prompt": blank}), "data.prompt")
        for bad in (["x"], {"text": "x"}, 7, None):
            self.refused(said("execute", {"project_id": "p", "prompt": bad}), "data.prompt")


class MomentTests(ClientCase):
    def test_good(self) -> None:
        """A time with a zone becomes the same moment as the journal writes it (JS-13)."""
        for text, same in (
            ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000000Z"),
            ("2026-01-31t12:00:00z", "2026-01-31T12:00:00.000000Z"),
            ("2026-01-31T12:00:00.123456+02:00", "2026-01-31T10:00:00.123456Z"),
            ("2026-01-31T12:00:00.5-00:30", "2026-01-31T12:30:00.500000Z"),
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z"),
            ("0999-01-01T00:00:00Z", "0999-01-01T00:00:00.000000Z"),
        ):
            self.assertEqual(moment(text), same)

    def test_bad(self) -> None:
        """What is no time, or has no zone, is refused, and the field at fault is named (JS-13)."""
        for bad in (
            "9999999-01-01T00:00:00Z",
            "2026-01-01T24:00:01Z",
            "2026-01-01T23:59:60Z",
            "2026-01-01T00:00:00",
            "2026-01-01",
            "2026-02-30T00:00:00Z",
            "1767268800",
            "now",
            "",
            "9999-12-31T23:59:59-23:00",
            "2026-01-01T00:00:00Z" * 1000,
        ):
            for name in ("since", "until"):
                self.refused(said("get_messages", {"project_id": "p", name: bad}), f"data.{name}")

    @given(st.integers(0, 4 * 10**15))
    def test_own_timestamps(self, microseconds: int) -> None:
        """Every timestamp that the server writes comes back as itself, so that `since` includes its message."""
        own = timestamp(microseconds / 1e6)
        self.assertEqual(moment(own), own)
