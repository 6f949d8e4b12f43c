"""Tests of `pocketagent.wire.schema`: what the validators let pass fits the schema, and at the bounds both agree.

That whatever fits the schema is let pass is `tests.inbound.test_openapi`'s matter.
"""

import json
from collections.abc import Mapping
from typing import Any, get_args

import jsonschema_rs
from attrs import evolve
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain import commands
from pocketagent.domain.commands import Command
from pocketagent.domain.events import PermissionRequest
from pocketagent.domain.fields import MAX_LIST, MAX_SEQ, MAX_WORD
from pocketagent.domain.message import Entry
from pocketagent.domain.options import Options
from pocketagent.domain.project import MAX_NAME
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.replies import MessagesFound, Reply
from pocketagent.wire import client, events, schema, server
from pocketagent.wire.schema import Limits
from tests.wire.test_server import COMMANDS, NOW, STATE, TOLD, UUID

LIMITS = Limits(prompt_size=1000, timeout_max=3600, mcp_configs=("one", "two"))
CLASSES = get_args(Command)
SCHEMAS, COMPONENTS = schema.schemas([*CLASSES, *get_args(Reply), schema.Error], LIMITS)


def whole(kind: Any) -> dict[str, Any]:
    """A schema with all that it refers to."""
    return {**SCHEMAS[kind], "components": {"schemas": COMPONENTS}}


VALIDATORS = {kind: jsonschema_rs.Draft202012Validator(whole(kind)) for kind in SCHEMAS}


def is_taken(kind: type[Command], data: Mapping[str, object]) -> bool:
    try:
        client.command(kind, data)
    except Refusal:
        return False
    return True


class CommandTests(SynchronousTestCase):
    def test_what_is_taken_fits(self) -> None:
        """Every command that can be made fits the schema, as a client writes it."""
        for kind, made in COMMANDS.items():
            self.check_taken(kind, made)

    def check_taken(self, kind: type[Command], made: st.SearchStrategy[Command]) -> None:
        @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
        @given(made)
        def fits(command: Command) -> None:
            data = as_given(command)
            options = data.get("options", {})
            # What the services ask, or the settings.
            assume(kind is not commands.UpdateProject or {"name", "archived"} & set(data))
            name = data.get("name")
            assume(name is None or (name.isprintable() and 0 < len(name.strip()) <= len(name) <= MAX_NAME))
            assume(options.get("mcp_config") in (None, *LIMITS.mcp_configs))
            assume((options.get("timeout") or 1) <= LIMITS.timeout_max)
            assume(len(data.get("prompt", "")) <= LIMITS.prompt_size)
            assume(len(options.get("append_system_prompt") or "") <= LIMITS.prompt_size)
            VALIDATORS[kind].validate(data)

        fits()

    def test_bounds(self) -> None:
        """At each bound, and one beyond it, schema and validators say the same."""
        cases: list[tuple[type[Command], str, object, object]] = [
            (commands.GetMessages, "limit", 1, 0),
            (commands.GetMessages, "limit", commands.MAX_PAGE, commands.MAX_PAGE + 1),
            (commands.GetMessages, "types", ["x"] * MAX_LIST, ["x"] * (MAX_LIST + 1)),
            (commands.GetMessages, "after_seq", MAX_SEQ, MAX_SEQ + 1),
            (commands.JoinProject, "after_seq", 0, -1),
            (commands.JoinProject, "journal_id", UUID.upper(), UUID + "0"),
            (commands.AcknowledgeMessages, "seq", MAX_SEQ, MAX_SEQ + 1),
            (commands.Execute, "prompt", " x\n", " \n\t"),
            (commands.Execute, "prompt", "x", "x\0"),
            (commands.Execute, "prompt_id", None, "x"),
            (commands.Execute, "attachments", [UUID], ["x"]),
            (commands.Execute, "attachments", [UUID], [UUID, UUID]),
            (commands.Configure, "model", "m" * MAX_WORD, "m" * (MAX_WORD + 1)),
            (commands.Configure, "model", "opus[1m]", "-opus"),
            *(
                (commands.Execute, "options", {name: good}, {name: bad})
                for name, good, bad in (
                    ("model", "opus", ""),
                    ("fallback_model", "a/b", "a b"),
                    ("permission_mode", "plan", "cancelled"),
                    ("allowed_tools", ["Bash(git log:*)"], ["--flag"]),
                    ("allowed_tools", ["Read"] * MAX_LIST, ["Read"] * (MAX_LIST + 1)),
                    ("disallowed_tools", ["mcp__*"], ["Read(--settings=x)"]),
                    ("append_system_prompt", "x\n", "\0"),
                    ("mcp_config", "one", "-one"),
                    ("add_dirs", ["/a"], "/a"),
                    ("effort", "high", "High"),
                    ("max_budget_usd", 0.01, 0),
                    ("timeout", 1, -1),
                    ("strict_mcp_config", True, None),
                )
            ),
            (commands.Execute, "options", {}, {"modle": "opus"}),
        ]
        needed: Mapping[type, Mapping[str, object]] = {commands.Execute: {"prompt": "x"}}
        for kind, name, good, bad in cases:
            for value, fits in ((good, True), (bad, False)):
                data = {"project_id": "p", **needed.get(kind, {}), name: value}
                self.assertEqual(is_taken(kind, data), fits, (kind, data))
                self.assertEqual(VALIDATORS[kind].is_valid(data), fits, (kind, data))

    def test_together(self) -> None:
        """Fields that go together, or do not: both say the same."""
        allow: dict[str, object] = {"project_id": "p", "permission_id": "q", "behavior": "allow"}
        deny = {**allow, "behavior": "deny"}
        rules: dict[str, object] = {"type": "addRules", "destination": "session", "behavior": "ask"}
        rules |= {"rules": [{"toolName": "Bash"}]}
        mode: dict[str, object] = {"type": "setMode", "destination": "session", "mode": "plan"}
        places: dict[str, object] = {"type": "addDirectories", "destination": "session", "directories": ["/a"]}
        answers: list[tuple[dict[str, object], bool]] = [
            ({**allow, "updated_input": {"a": 1}, "message": ""}, True),
            ({**allow, "message": "x"}, False),
            ({**allow, "interrupt": True}, False),
            ({**deny, "message": "x", "interrupt": True, "updated_permissions": []}, True),
            ({**deny, "updated_input": {}}, False),
            ({**deny, "updated_permissions": [mode]}, False),
            ({**allow, "behavior": "cancelled"}, False),
            ({**allow, "unknown": 1}, False),
            *(
                ({**allow, "updated_permissions": [update]}, fits)
                for update, fits in (
                    (rules, True),
                    (mode, True),
                    (places, True),
                    ({**rules, "behavior": "yes"}, False),
                    ({**rules, "rules": None}, False),
                    ({**rules, "mode": "plan"}, False),
                    ({**rules, "rules": [{"toolName": "Bash", "x": 1}]}, False),
                    ({**rules, "rules": [{"toolName": "Bash"}] * (MAX_LIST + 1)}, False),
                    ({**mode, "mode": None}, False),
                    ({**mode, "behavior": "allow"}, False),
                    ({**places, "directories": None}, False),
                    ({**places, "rules": []}, False),
                    ({**places, "unknown": 1}, False),
                )
            ),
        ]
        for data, fits in answers:
            self.assertEqual(is_taken(commands.AnswerPermission, data), fits, data)
            self.assertEqual(VALIDATORS[commands.AnswerPermission].is_valid(data), fits, data)
        for change, fits in (({}, False), ({"model": None}, False), ({"model": "opus"}, True)):
            data = {"project_id": "p", **change}
            self.assertEqual(is_taken(commands.Configure, data), fits)
            self.assertEqual(VALIDATORS[commands.Configure].is_valid(data), fits)

    def test_settings(self) -> None:
        """What the settings bound stands in the schema, too."""
        check = VALIDATORS[commands.Execute].is_valid
        for options, fits in (
            ({"mcp_config": "one"}, True),
            ({"mcp_config": "three"}, False),
            ({"timeout": 3600}, True),
            ({"timeout": 3601}, False),
            ({"append_system_prompt": "x" * 1000}, True),
            ({"append_system_prompt": "x" * 1001}, False),
        ):
            self.assertEqual(check({"project_id": "p", "prompt": "x", "options": options}), fits, options)
        self.assertTrue(check({"project_id": "p", "prompt": "x" * 1000}))
        self.assertFalse(check({"project_id": "p", "prompt": "x" * 1001}))
        none = schema.schemas([Options], evolve(LIMITS, mcp_configs=()))[1]["Options"]
        self.assertEqual(none["properties"]["mcp_config"]["type"], "null")


class ReplyTests(SynchronousTestCase):
    def test_what_is_told_fits(self) -> None:
        """Every reply, as it is written, fits its schema; so do open requests, records and errors."""
        request = PermissionRequest("q", b'{"tool_name":"Bash","input":{"a":1}}', NOW)
        page = MessagesFound([Entry(1, NOW, "claude", "agent_message", b'{"type":"x"}')], UUID, 1, 1, False)
        for reply in (*TOLD, page, evolve(STATE, pending_permissions=(request,))):
            if type(reply) in VALIDATORS:
                VALIDATORS[type(reply)].validate(json.loads(events.data(reply)))
        problem = client.error(Refusal(Code.FORBIDDEN, "No.", needed="admin"), NOW)
        VALIDATORS[schema.Error].validate(json.loads(problem))
        self.assertFalse(VALIDATORS[MessagesFound].is_valid({"messages": [[1]]}))

    def test_no_bytes(self) -> None:
        """Nothing is described as bytes: what is kept as JSON is told as JSON."""
        self.assertNotIn("base64", json.dumps(COMPONENTS))

    def test_no_docstrings_of_ours(self) -> None:
        """Descriptions are one line."""
        self.assertNotIn("\\n", json.dumps([one.get("description", "") for one in COMPONENTS.values()]))


def as_given(command: Command) -> Any:
    """A command as `wire.server` writes it, without what has its default."""
    return json.loads(server.request(command, "r"))["data"]
