"""The audit log: every security event has its one record, and what cannot be written down is not done."""

import hashlib
import json
from collections.abc import Callable
from functools import partial
from typing import get_args

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure

from pocketagent.domain import commands
from pocketagent.domain.access import Scope
from pocketagent.domain.agent import Behavior, PermissionAsked, PermissionMode
from pocketagent.domain.commands import Command
from pocketagent.domain.deeds import OK, Deed, Origin, Record
from pocketagent.domain.options import Options
from pocketagent.domain.permission_updates import Destination, PermissionUpdate, ToolRule, UpdateKind
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.replies import Condition, HealthStatus
from pocketagent.services import audit
from pocketagent.services.audit import ACTIONS, changes
from pocketagent.wire import client
from tests.services.workshop import BUSY, INIT, WorkshopCase, done, new_id

INPUT = b'{"command":"rm -rf build",  "odd":1.0}'
ASKED = b'{"subtype":"can_use_tool","tool_name":"Bash","input":%b,"permission_suggestions":[]}' % INPUT


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class AuditCase(WorkshopCase):
    @property
    def records(self) -> list[Record]:
        return self.shop.audit.records

    def one(self) -> Deed:
        """The only deed that was written down since the last look."""
        (record,) = self.records
        self.records.clear()
        return record.deed

    def begun(self) -> str:
        """A project at work, with nothing written down yet."""
        project_id = self.project()
        self.execute(project_id)
        self.run_.says(BUSY, INIT)
        self.records.clear()
        return project_id


class RecordTests(AuditCase):
    def test_who_and_what(self) -> None:
        """AD-06: a record says who, from where, did what to what, and how it ended."""
        asker = self.shop.connect(name="tablet")
        self.shop.directories.make("/home/me/work")
        self.ask(commands.CreateProject(path="/home/me/work", name="Garden"), asker)
        deed = self.one()
        (project,) = self.shop.services.projects.conversations
        self.assertEqual(
            deed,
            Deed(
                action="project_create",
                origin=Origin.DEVICE,
                outcome=OK,
                actor_id=asker.device.id,
                actor_name="tablet",
                address="192.0.2.7",
                project_id=project.project.id,
                details={"path": "/home/me/work", "name": "Garden", "trust": None},
            ),
        )

    def test_each_command_once(self) -> None:
        """AD-06: every command that changes something has exactly one record, done or refused; no other has one."""
        for kind in get_args(Command):
            command = sample(kind)
            self.records.clear()
            outcomes: list[str] = []
            asking = self.asking(command, self.shop.connect())
            asking.addCallbacks(partial(_done, outcomes), outcomes_of(outcomes))
            expected = outcomes if changes(command) else []
            self.assertEqual([record.deed.outcome for record in self.records], expected, kind)
            self.assertEqual([record.deed.action for record in self.records], [ACTIONS[kind]] * len(expected))

    def test_which_change(self) -> None:
        """Those that only look are these: whoever adds a command decides."""
        reading = {name for name, kind in client.COMMANDS.items() if not changes(sample(kind))}
        looking = {"project_list", "project_join", "project_leave", "get_messages", "message_ack", "agent_info"}
        self.assertEqual(reading, looking | {"project_get", "agent_context", "health_check", "server_stats"})

    def test_forbidden(self) -> None:
        """What the scope does not cover is written down as that."""
        project_id = self.begun()
        reader = self.shop.connect(Scope.READ)
        self.refusal(commands.Kill(project_id=project_id), reader)
        self.assertEqual((deed := self.one()).outcome, "FORBIDDEN")
        self.assertEqual(deed.actor_id, reader.device.id)

    def test_prompt(self) -> None:
        """Of a prompt its hash is written down, with the execution that it became and what it was run with."""
        project_id = self.project()
        self.records.clear()
        accepted = self.execute(
            project_id,
            prompt="my secret plan",
            options=Options(model="opus", append_system_prompt="hush", allowed_tools=("Read",)),
        )
        deed = self.one()
        self.assertEqual((deed.project_id, deed.execution_id), (project_id, accepted.execution_id))
        self.assertEqual(
            deed.details,
            {
                "prompt_sha256": sha256(b"my secret plan"),
                "prompt_id": None,
                "queue": False,
                "options": {
                    "model": "opus",
                    "allowed_tools": ["Read"],
                    "append_system_prompt_sha256": sha256(b"hush"),
                },
            },
        )

    def test_bypass(self) -> None:
        """AR-08: bypassing permissions is written down, allowed or not."""
        project_id = self.project()
        self.records.clear()
        options = Options(permission_mode=PermissionMode.BYPASS)
        self.refusal(commands.Execute(project_id=project_id, prompt="x", options=options))
        deed = self.one()
        self.assertEqual(deed.outcome, "FORBIDDEN")
        self.assertEqual(deed.details["options"], {"permission_mode": "bypassPermissions"})

    def test_running_execution(self) -> None:
        """What is about the running execution names it."""
        project_id = self.begun()
        (conversation,) = self.shop.services.projects.conversations
        running = conversation.machine.core.execution
        assert running is not None
        self.ask(commands.Interrupt(project_id=project_id))
        self.assertEqual(self.one().execution_id, running.id)

    def test_answer(self) -> None:
        """A permission that was given has the hash of exactly the input that the agent was let do."""
        project_id = self.begun()
        self.run_.says(PermissionAsked("q1", ASKED))
        self.ask(commands.AnswerPermission(project_id=project_id, permission_id="q1", behavior=Behavior.ALLOW))
        deed = self.one()
        self.assertEqual((deed.action, deed.permission_id), ("permission_response", "q1"))
        expected = {"behavior": "allow", "input_sha256": sha256(INPUT), "input_was_changed": False}
        self.assertEqual(deed.details, expected)

    def test_changed_answer(self) -> None:
        """Where a person changed the input, that is what was allowed; so are rules that it was given with."""
        project_id = self.begun()
        self.run_.says(PermissionAsked("q1", ASKED))
        update = PermissionUpdate(
            type=UpdateKind.ADD_RULES,
            destination=Destination.SESSION,
            rules=(ToolRule(toolName="Bash", ruleContent="secret thing"),),
            behavior="allow",
        )
        self.ask(
            commands.AnswerPermission(
                project_id=project_id,
                permission_id="q1",
                behavior=Behavior.ALLOW,
                updated_input={"command": "ls"},
                updated_permissions=(update,),
            )
        )
        details = self.one().details
        self.assertEqual(details["input_sha256"], sha256(b'{"command":"ls"}'))
        self.assertEqual((details["input_was_changed"], details["permissions"]), (True, ["addRules session"]))
        self.assertNotIn("secret thing", json.dumps(dict(details)))

    def test_denial(self) -> None:
        """Of what a person writes to the agent its hash is written down."""
        project_id = self.begun()
        self.run_.says(PermissionAsked("q1", ASKED))
        self.ask(
            commands.AnswerPermission(
                project_id=project_id, permission_id="q1", behavior=Behavior.DENY, message="never", interrupt=True
            )
        )
        expected = {"behavior": "deny", "message_sha256": sha256(b"never"), "interrupt": True}
        self.assertEqual(self.one().details, expected)

    def test_strangers(self) -> None:
        """Each credential that was turned away has its record; the log names the first, and then tells how many."""
        audit_log = self.shop.services.audit
        with capturedLogs() as log:
            for _ in range(5):
                audit_log.turned_away("0123456789abcdef", "192.0.2.9", "unknown")
            self.shop.clock.advance(audit.QUIET)
            audit_log.turned_away(None, "192.0.2.9", "malformed")
        self.assertEqual(len(self.records), 6)
        deed = self.records[0].deed
        self.assertEqual(
            (deed.origin, deed.outcome, deed.actor_id), (Origin.STRANGER, "UNAUTHORIZED", "0123456789abcdef")
        )
        self.assertEqual((deed.address, deed.details), ("192.0.2.9", {"reason": "unknown"}))
        lines = [formatEvent(event) for event in log if event["log_namespace"] == audit.__name__]
        self.assertEqual(len(lines), 3)
        self.assertIn("4 more", lines[1])
        self.assertEqual({event["log_level"].name for event in log}, {"warn"})

    def test_failure(self) -> None:
        """What fails in a way that nobody foresaw has its record, too; and so has what was given up."""
        for error, outcome in ((ZeroDivisionError(), "INTERNAL_ERROR"), (CancelledError(), "UNKNOWN")):

            async def fail(error: Exception = error) -> tuple[()]:
                raise error

            witnessing = self.shop.services.audit.witness(commands.Kill(project_id="p"), self.asker, fail)
            self.failureResultOf(done(witnessing), type(error))
            self.assertEqual(self.one().outcome, outcome)


class UnwritableTests(AuditCase):
    def test_refused(self) -> None:
        """AD-03: while nothing can be written down nothing is changed, and whoever only looks may look."""
        project_id = self.project()
        self.shop.audit.fails = True
        for command in (
            commands.Execute(project_id=project_id, prompt="x"),
            commands.CreateProject(path="/home/me/work"),
            commands.DeleteProject(project_id=project_id),
        ):
            self.assertIs(self.refusal(command).code, Code.STORAGE_UNAVAILABLE)
        self.assertEqual((self.shop.agent.runs, len(self.shop.services.projects.conversations)), ([], 1))
        self.ask_all(commands.JoinProject(project_id=project_id))
        self.ask(commands.GetMessages(project_id=project_id))
        status = self.ask(commands.CheckHealth())
        assert isinstance(status, HealthStatus)
        self.assertNotEqual(status.checks["audit"].status, Condition.HEALTHY)
        self.shop.audit.fails = False
        self.execute(project_id)
        status = self.ask(commands.CheckHealth())
        assert isinstance(status, HealthStatus)
        self.assertEqual(status.checks["audit"].status, Condition.HEALTHY)

    def test_stopping(self) -> None:
        """What only stops something is done all the same, and its record is owed until it can be written."""
        project_id = self.begun()
        self.shop.audit.fails = True
        self.ask(commands.Interrupt(project_id=project_id))
        self.assertEqual((self.run_.interrupts, self.records), (1, []))
        self.shop.clock.advance(audit.RETRY)
        self.assertEqual(self.records, [])
        self.shop.audit.fails = False
        self.assertIs(self.refusal(commands.Execute(project_id=project_id, prompt="x")).code, Code.STORAGE_UNAVAILABLE)
        self.shop.clock.advance(audit.RETRY)
        self.assertEqual(self.one().action, "agent_interrupt")
        self.execute(project_id, queue=True)

    def test_the_server_stops(self) -> None:
        """What is owed when the server stops is written then; where that fails, it is said in the log."""
        project_id = self.begun()
        self.shop.audit.fails = True
        self.ask(commands.Interrupt(project_id=project_id))
        with capturedLogs() as log:
            self.successResultOf(done(self.shop.services.audit.finish()))
        self.assertIn("agent_interrupt", " ".join(formatEvent(event) for event in log))
        self.shop.audit.fails = False
        self.successResultOf(done(self.shop.services.audit.finish()))
        self.assertEqual(self.one().action, "agent_interrupt")

    def test_owed_is_bounded(self) -> None:
        """What is owed is bounded: beyond that not even stopping is begun."""
        self.patch(audit, "MAX_OWED", 2)
        project_id = self.begun()
        self.shop.audit.fails = True
        for _ in range(2):
            self.ask(commands.Interrupt(project_id=project_id))
        refusal = self.refusal(commands.Interrupt(project_id=project_id))
        self.assertIs(refusal.code, Code.STORAGE_UNAVAILABLE)
        self.assertEqual(self.run_.interrupts, 2)

    def test_strangers_owe_little(self) -> None:
        """Strangers, however many there are while nothing can be written, keep nobody from stopping an agent."""
        self.patch(audit, "MAX_OWED", 3)
        self.patch(audit, "STRANGERS_OWED", 2)
        project_id = self.begun()
        self.shop.audit.fails = True
        for _ in range(9):
            self.shop.services.audit.turned_away(None, "192.0.2.9", "malformed")
        self.ask(commands.Interrupt(project_id=project_id))
        self.assertEqual(self.run_.interrupts, 1)
        self.records.clear()
        self.shop.audit.fails = False
        self.shop.clock.advance(audit.RETRY)
        self.assertEqual([record.deed.action for record in self.records], ["admission", "admission", "agent_interrupt"])

    def test_fails_in_between(self) -> None:
        """Where writing fails only when all is done, the asker is told what is true, and the record is owed."""
        project_id = self.project()
        self.records.clear()
        working: Deferred[None] = Deferred()

        async def work() -> tuple[()]:
            await working
            return ()

        command = commands.NewSession(project_id=project_id)
        witnessing = done(self.shop.services.audit.witness(command, self.asker, work))
        self.shop.audit.fails = True
        working.callback(None)
        self.assertEqual(self.successResultOf(witnessing), ())
        self.shop.audit.fails = False
        self.shop.clock.advance(audit.RETRY)
        self.assertEqual(self.one().action, "agent_new_session")


def _done(found: list[str], replies: object) -> None:
    found.append(OK)


def outcomes_of(found: list[str]) -> Callable[[Failure], None]:
    """Notes what something was refused with."""

    def refused(failure: Failure) -> None:
        assert isinstance(failure.value, Refusal)
        found.append(failure.value.code)

    return refused


def sample(kind: type[Command]) -> Command:
    """One of each kind, about what is not there."""
    more: dict[str, object] = {}
    match kind:
        case commands.CreateProject:
            more = {"path": "/nowhere"}
        case commands.TrustProject:
            more = {"fingerprint": "f"}
        case commands.Execute:
            more = {"prompt": "x"}
        case commands.RemoveFromQueue:
            more = {"execution_id": "e"}
        case commands.Configure:
            more = {"model": "opus"}
        case commands.AnswerPermission:
            more = {"permission_id": "q", "behavior": Behavior.ALLOW}
        case commands.AcknowledgeMessages:
            more = {"seq": 1}
        case _:
            pass
    names = {each.name for each in kind.__attrs_attrs__}
    if "project_id" in names:
        more["project_id"] = new_id()
    return kind(**more)  # type: ignore[arg-type]  # names and types are those of the class
