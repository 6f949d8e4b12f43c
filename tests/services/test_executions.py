"""Prompts from the wish to the result: executed once, told to all, stopped when asked."""

from pocketagent.domain.access import Scope
from pocketagent.domain.agent import Behavior, Overlong, PermissionAsked, PermissionMode, Spoken
from pocketagent.domain.commands import (
    AcknowledgeError,
    AnswerPermission,
    Configure,
    Execute,
    GetContext,
    Interrupt,
    Kill,
    NewSession,
    TrustProject,
)
from pocketagent.domain.events import ProcessKilled, SessionReset, State
from pocketagent.domain.options import Options
from pocketagent.domain.permission_updates import Destination, PermissionUpdate, UpdateKind
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.replies import AgentContext, AgentInterrupted, ExecutionAccepted, Status
from tests.services.workshop import AT_REST, BUSY, INIT, OK, SESSION, WorkshopCase, bounds, done

PROMPT_ID = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"


class ExecuteTests(WorkshopCase):
    def test_whole_turn(self) -> None:
        """A prompt reaches the agent, and everyone who joined hears every event in order, once."""
        project_id = self.project()
        others = [self.join(project_id), self.join(project_id)]
        accepted = self.execute(project_id)
        self.assertEqual((accepted.position, accepted.status, accepted.duplicate), (0, Status.RUNNING, False))
        self.assertEqual(self.run_.prompts, [(accepted.execution_id, "do it", None, PermissionMode.DEFAULT)])
        self.turn(b'{"type":"assistant"}')
        for other in others:
            self.assertEqual(
                other.heard(),
                ["client_message", "project_state", *["agent_message"] * 5, "project_state"],
            )
            self.assertEqual(other.seqs(), list(range(1, 9)))
        self.assertIs(self.conversation(project_id).state, State.IDLE)

    def test_session_is_told(self) -> None:
        """Who joins right after the agent has named its session is told the name."""
        project_id = self.project()
        self.execute(project_id)
        self.run_.says(INIT)
        self.assertEqual(self.conversation(project_id).project_state().session_id, SESSION)

    def test_resumes(self) -> None:
        """The first process names a session, and one after it goes on with what `init` named."""
        project_id = self.project()
        self.execute(project_id)
        self.assertFalse(self.run_.launch.resume)
        self.turn()
        self.run_.dies()
        self.execute(project_id)
        self.assertEqual((self.run_.launch.session_id, self.run_.launch.resume), (SESSION, True))

    def test_warm(self) -> None:
        """The next prompt goes to the same process; other launch options end it and begin another."""
        project_id = self.project()
        self.execute(project_id)
        self.turn()
        self.execute(project_id, "more")
        self.assertEqual(len(self.shop.agent.runs), 1)
        self.turn()
        first = self.run_
        self.execute(project_id, "else", options=Options(effort="high"))
        self.assertTrue(first.stopped)
        first.dies()
        self.assertEqual(self.run_.launch.options.effort, "high")
        self.assertEqual([text for _, text, _, _ in self.run_.prompts], ["else"])

    def test_budget_is_cold(self) -> None:
        """A budget counts from the start of a process, so no warm one serves it."""
        project_id = self.project()
        options = Options(max_budget_usd=1.0)
        self.execute(project_id, options=options)
        self.turn()
        self.execute(project_id, options=options)
        self.assertTrue(self.run_.stopped)
        self.run_.dies()
        self.assertEqual(len(self.shop.agent.runs), 2)

    def test_warm_bound(self) -> None:
        """Beyond the bound the longest idle process goes; after its time each goes."""
        for number in range(3):
            self.execute(self.project(f"/p{number}"))
            self.turn()
        self.assertEqual([run.stopped for run in self.shop.agent.runs], [True, False, False])
        self.shop.clock.advance(600)
        self.assertEqual([run.stopped for run in self.shop.agent.runs], [True, True, True])

    def test_no_start(self) -> None:
        """When the CLI cannot be started the project is in ERROR with the reason, and not stuck (AR-17)."""
        project_id = self.project()
        self.shop.agent.refuses = Refusal(Code.CLAUDE_NOT_FOUND, "install it")
        self.execute(project_id)
        state = self.conversation(project_id).project_state()
        assert state.error is not None
        self.assertEqual((state.state, state.error.code), (State.ERROR, Code.CLAUDE_NOT_FOUND))
        self.ask(AcknowledgeError(project_id=project_id))
        self.assertIs(self.conversation(project_id).state, State.IDLE)

    def test_lost_session(self) -> None:
        """A conversation that is gone is not begun anew silently: the error names the way out."""
        project_id = self.project()
        self.shop.agent.refuses = Refusal(Code.EXECUTION_FAILED, "no", session_lost=True)
        self.execute(project_id)
        error = self.conversation(project_id).project_state().error
        assert error is not None
        self.assertIn("agent_new_session", error.message)

    def test_bounds(self) -> None:
        """A prompt at the bound is taken, one above it is not; a time above the bound is refused."""
        project_id = self.project()
        too_long = self.refusal(Execute(project_id=project_id, prompt="x" * 1001))
        self.assertEqual((too_long.code, too_long.details["limit"]), (Code.MESSAGE_TOO_LARGE, 1000))
        too_late = self.refusal(Execute(project_id=project_id, prompt="x", options=Options(timeout=3601)))
        self.assertEqual(too_late.code, Code.INVALID_MESSAGE)
        self.execute(project_id, "x" * 1000)

    def test_executions_bound(self) -> None:
        """No more projects are at work at once than the server's bound."""
        self.shop.services.executions._bounds = bounds(executions=1)
        first, second = self.project("/a"), self.project("/b")
        self.execute(first)
        self.assertEqual(self.refusal(Execute(project_id=second, prompt="x")).code, Code.RESOURCE_LIMIT)
        self.turn()
        self.execute(second)

    def test_bypass(self) -> None:
        """Bypassing permissions needs the setting, and then `admin` (AR-08)."""
        project_id = self.project()
        for options in (
            Options(dangerously_skip_permissions=True),
            Options(permission_mode=PermissionMode.BYPASS),
        ):
            command = Execute(project_id=project_id, prompt="x", options=options)
            self.assertEqual(self.refusal(command).code, Code.FORBIDDEN)
            self.shop.services.executions._bounds = bounds(allow_bypass=True)
            self.assertEqual(self.refusal(command, self.shop.connect(Scope.EXECUTE)).code, Code.FORBIDDEN)
            self.shop.services.executions._bounds = bounds()
        self.shop.services.executions._bounds = bounds(allow_bypass=True)
        self.execute(project_id, options=Options(dangerously_skip_permissions=True))
        self.assertTrue(self.run_.launch.options.bypass_permissions)

    def test_mcp_config(self) -> None:
        """A configuration is chosen by its name in the settings; an unknown name is refused."""
        project_id = self.project()
        unknown = Execute(project_id=project_id, prompt="x", options=Options(mcp_config="other"))
        self.assertEqual(self.refusal(unknown).details["field"], "data.options.mcp_config")
        self.execute(project_id, options=Options(mcp_config="tools"))
        self.assertEqual(self.run_.launch.options.mcp_config, '{"mcpServers":{}}')

    def test_warm_process_and_new_parts(self) -> None:
        """Parts that came while a trusted process was warm are seen before its next prompt: it gets none any more, and
        the next process leaves them out (PA-14: added during execution)."""
        project_id = self.project()
        self.execute(project_id)
        self.turn()
        warm = self.run_
        self.assertTrue(warm.launch.trusted)
        self.shop.directories.parts[self.conversation(project_id).project.path] = {".claude/settings.json": b"hook"}
        self.execute(project_id, "two")
        self.assertTrue(warm.stopped)
        warm.dies()
        self.assertFalse(self.run_.launch.trusted)
        self.assertEqual((len(warm.prompts), len(self.run_.prompts)), (1, 1))

    def test_trust(self) -> None:
        """A directory with unapproved parts runs without them; once approved, with them, also where it was warm."""
        path = self.shop.directories.make("/repo", {".mcp.json": b"{}"})
        project_id = self.project(path)
        self.execute(project_id)
        self.assertFalse(self.run_.launch.trusted)
        self.turn()
        untrusted = self.run_
        conversation = self.conversation(project_id)
        self.ask(TrustProject(project_id=project_id, fingerprint=conversation.trust.fingerprint))
        self.execute(project_id)
        self.assertTrue(untrusted.stopped)
        untrusted.dies()
        self.assertTrue(self.run_.launch.trusted)


class OnceTests(WorkshopCase):
    """A `prompt_id` makes a prompt run at most once."""

    def again(self, project_id: str, prompt: str = "do it") -> ExecutionAccepted:
        return self.execute(project_id, prompt, prompt_id=PROMPT_ID)

    def test_statuses(self) -> None:
        """Sent again it answers with the same execution and what became of it, and runs nothing."""
        project_id = self.project()
        first = self.again(project_id)
        second = self.again(project_id)
        self.assertEqual((second.execution_id, second.duplicate, second.status), (first.execution_id, True, "running"))
        self.turn()
        self.assertEqual(self.again(project_id).status, Status.DONE)
        self.assertEqual(len(self.run_.prompts), 1)
        self.assertEqual(self.run_.prompts[0][0], PROMPT_ID)

    def test_upper_case(self) -> None:
        """A UUID in capital letters is the same UUID."""
        project_id = self.project()
        first = self.again(project_id)
        again = self.execute(project_id, prompt_id=PROMPT_ID.upper())
        self.assertEqual(again.execution_id, first.execution_id)

    def test_failed(self) -> None:
        """A prompt that failed says so."""
        project_id = self.project()
        self.again(project_id)
        self.run_.dies()
        self.assertEqual(self.again(project_id).status, Status.FAILED)

    def test_queued_and_dropped(self) -> None:
        """A prompt in the queue tells its place; one that was dropped tells that."""
        project_id = self.project()
        self.execute(project_id)
        first = self.execute(project_id, "later", prompt_id=PROMPT_ID, queue=True)
        again = self.again(project_id, "later")
        self.assertEqual((first.position, again.position, again.status), (1, 1, Status.QUEUED))
        self.run_.dies()
        self.assertEqual(self.again(project_id, "later").status, Status.DROPPED)

    def test_other_prompt(self) -> None:
        """The same id with another prompt is a mistake."""
        project_id = self.project()
        self.again(project_id)
        refusal = self.refusal(Execute(project_id=project_id, prompt="other", prompt_id=PROMPT_ID))
        self.assertEqual((refusal.code, refusal.details["field"]), (Code.INVALID_MESSAGE, "data.prompt_id"))

    def test_double_tap(self) -> None:
        """Of two that come at once one runs, and both are answered with it; also where it fails at once."""
        for gate in (self.shop.journals.writing, self.shop.journals.finding):
            project_id = self.project(f"/{id(gate)}")
            self.shop.agent.refuses = Refusal(Code.CLAUDE_NOT_FOUND, "install it")
            gate.slow = True
            command = Execute(project_id=project_id, prompt="x", prompt_id=PROMPT_ID, options=Options(add_dirs=("/",)))
            both = [self.asking(command), self.asking(command, self.shop.connect())]
            gate.open_all()
            (first,), (second,) = (self.successResultOf(one) for one in both)
            assert isinstance(first, ExecutionAccepted) and isinstance(second, ExecutionAccepted)
            self.assertEqual((first.execution_id, first.duplicate), (second.execution_id, False))
            self.assertTrue(second.duplicate)
            kept = [entry.type for entry in self.shop.journals.entries(project_id)]
            self.assertEqual(kept.count("client_message"), 1)
        self.assertEqual(self.shop.services.executions._once, {})

    def test_overlong_line_is_no_failure(self) -> None:
        """A turn that left out a line that was too large has not failed for that."""
        project_id = self.project()
        self.again(project_id)
        self.run_.says(BUSY, INIT, Overlong(17_000_000), OK, AT_REST)
        self.assertEqual(self.again(project_id).status, Status.DONE)

    def test_refused_is_not_remembered(self) -> None:
        """A prompt that was refused may come again under its id."""
        project_id = self.project()
        self.execute(project_id)
        busy = self.refusal(Execute(project_id=project_id, prompt="later", prompt_id=PROMPT_ID))
        self.assertEqual(busy.code, Code.PROCESS_ACTIVE)
        self.turn()
        self.assertFalse(self.again(project_id, "later").duplicate)


class RaceTests(WorkshopCase):
    def test_two_at_once(self) -> None:
        """Of two prompts at once one runs, a thousand times (CH-23); the other is refused and changes nothing."""
        project_id = self.project()
        listener = self.join(project_id)
        other = self.shop.connect()
        for _ in range(1000):
            self.shop.journals.writing.slow = True
            command = Execute(project_id=project_id, prompt="x")
            winner, loser = self.asking(command), self.asking(command, other)
            self.shop.journals.writing.open_all()
            (accepted,) = self.successResultOf(winner)
            refused = self.failureResultOf(loser, Refusal).value
            assert isinstance(accepted, ExecutionAccepted) and isinstance(refused, Refusal)
            self.assertIs(refused.code, Code.PROCESS_ACTIVE)
            core = self.conversation(project_id).machine.core
            assert core.execution is not None
            self.assertEqual((core.state, core.execution.id), (State.EXECUTING, accepted.execution_id))
            self.run_.says(OK)
            self.assertEqual(listener.heard(), ["client_message", "project_state", "agent_message", "project_state"])
            listener.batches.clear()
        self.assertEqual(len(self.run_.prompts), 1000)


class StopTests(WorkshopCase):
    def test_interrupt(self) -> None:
        """An interrupt is passed on, and the answer says whether the agent confirmed it."""
        project_id = self.project()
        self.execute(project_id)
        self.assertEqual(self.ask(Interrupt(project_id=project_id)), AgentInterrupted(True))
        self.run_.confirms = False
        self.assertEqual(self.ask(Interrupt(project_id=project_id)), AgentInterrupted(False))
        self.assertFalse(self.run_.killed)

    def test_interrupt_while_starting(self) -> None:
        """A prompt that was not handed over yet is not handed over any more."""
        project_id = self.project()
        self.shop.agent.slow = True
        self.execute(project_id)
        self.assertEqual(self.ask(Interrupt(project_id=project_id)), AgentInterrupted(True))
        self.assertIs(self.conversation(project_id).state, State.IDLE)
        self.assertEqual(self.shop.agent.runs, [])

    def test_bad_directory(self) -> None:
        """A directory that the agent may not be given is refused with the field where it stands."""
        project_id = self.project()
        refusal = self.refusal(Execute(project_id=project_id, prompt="x", options=Options(add_dirs=("/nowhere",))))
        self.assertIs(refusal.code, Code.INVALID_PATH)
        self.assertEqual(refusal.details, {"field": "data.options.add_dirs", "path": "/nowhere"})

    def test_kill(self) -> None:
        """The answer to a kill comes when the tree is dead, and so does the state."""
        project_id = self.project()
        accepted = self.execute(project_id)
        killing = self.asking(Kill(project_id=project_id))
        self.assertNoResult(killing)
        self.assertTrue(self.run_.killed)
        self.assertIs(self.conversation(project_id).state, State.EXECUTING)
        self.run_.dies(None, 9)
        self.assertEqual(self.successResultOf(killing), (ProcessKilled(accepted.execution_id),))
        self.assertIs(self.conversation(project_id).state, State.IDLE)

    def test_kill_while_starting(self) -> None:
        """A process that is still starting is killed as well (CH-22)."""
        project_id = self.project()
        self.shop.agent.slow = True
        self.execute(project_id)
        self.successResultOf(self.asking(Kill(project_id=project_id)))
        self.assertIs(self.conversation(project_id).state, State.IDLE)

    def test_timeout(self) -> None:
        """The wait for a person does not count against the time of an execution (CH-16)."""
        project_id = self.project()
        self.execute(project_id)
        self.run_.says(BUSY, INIT)
        self.shop.clock.advance(299)
        self.run_.says(PermissionAsked("q", b"{}"))
        self.shop.clock.advance(50)
        self.ask(AnswerPermission(project_id=project_id, permission_id="q", behavior=Behavior.ALLOW))
        self.assertFalse(self.run_.killed)
        self.shop.clock.advance(1)
        self.assertTrue(self.run_.killed)
        self.run_.dies(None, 9)
        error = self.conversation(project_id).project_state().error
        assert error is not None
        self.assertEqual(error.code, Code.EXECUTION_TIMEOUT)

    def test_permission_expires(self) -> None:
        """A question that nobody answers is denied after its time, and the turn goes on."""
        project_id = self.project()
        self.execute(project_id)
        self.run_.says(BUSY, PermissionAsked("q", b"{}"))
        self.shop.clock.advance(60)
        ((permission_id, answer),) = self.run_.answers
        self.assertEqual((permission_id, answer.behavior), ("q", Behavior.DENY))

    def test_new_session(self) -> None:
        """Another conversation ends the warm process and begins under a new name."""
        project_id = self.project()
        self.execute(project_id)
        self.turn()
        first = self.run_
        self.assertEqual(self.ask(NewSession(project_id=project_id)), SessionReset(SESSION))
        self.assertTrue(first.stopped)
        first.dies()
        self.execute(project_id)
        self.assertFalse(self.run_.launch.resume)
        self.assertNotEqual(self.run_.launch.session_id, SESSION)

    def test_shutdown(self) -> None:
        """At shutdown what runs is told as interrupted, also when its process does not die in time."""
        project_id = self.project()
        listener = self.join(project_id)
        self.execute(project_id)

        stopping = done(self.shop.services.executions.shut_down(11))
        self.assertTrue(self.run_.killed)
        refused = self.refusal(Execute(project_id=self.project("/else"), prompt="x"))
        self.assertEqual(refused.code, Code.EXECUTION_INTERRUPTED)
        self.shop.clock.advance(11)
        self.successResultOf(stopping)
        self.assertEqual(listener.heard()[-2:], ["error", "project_state"])


class AnswerTests(WorkshopCase):
    def setUp(self) -> None:
        super().setUp()
        self.project_id = self.project()
        self.execute(self.project_id)
        self.run_.says(BUSY, INIT, PermissionAsked("q", b'{"tool_name":"Bash","input":{"command":"ls"}}'))

    def test_edited(self) -> None:
        """What a person edited is what is passed on, with the rules that they chose."""
        update = PermissionUpdate(type=UpdateKind.SET_MODE, destination=Destination.SESSION, mode=PermissionMode.PLAN)
        self.ask(
            AnswerPermission(
                project_id=self.project_id,
                permission_id="q",
                behavior=Behavior.ALLOW,
                updated_input={"command": "ls -l"},
                updated_permissions=(update,),
            )
        )
        ((_, answer),) = self.run_.answers
        self.assertEqual(answer.updated_input, {"command": "ls -l"})
        self.assertEqual(answer.updated_permissions, [{"type": "setMode", "destination": "session", "mode": "plan"}])

    def test_directories_as_checked(self) -> None:
        """Of a directory that is added the agent is told where it led when it was checked, not the client's words."""
        self.shop.directories.make("/home/me/more")
        update = PermissionUpdate(
            type=UpdateKind.ADD_DIRECTORIES, destination=Destination.SESSION, directories=("/home//me/./more/",)
        )
        self.ask(
            AnswerPermission(
                project_id=self.project_id, permission_id="q", behavior=Behavior.ALLOW, updated_permissions=(update,)
            )
        )
        ((_, answer),) = self.run_.answers
        self.assertEqual(answer.updated_permissions[0]["directories"], ("/home/me/more",))

    def test_forbidden_stays_open(self) -> None:
        """An answer that goes too far is FORBIDDEN, and the question stays open."""
        updates = (
            PermissionUpdate(type=UpdateKind.SET_MODE, destination=Destination.SESSION, mode=PermissionMode.BYPASS),
            PermissionUpdate(type=UpdateKind.ADD_DIRECTORIES, destination=Destination.SESSION, directories=("/etc",)),
            PermissionUpdate(type=UpdateKind.ADD_RULES, destination=Destination.USER, rules=(), behavior="allow"),
        )
        execute_only = self.shop.connect(Scope.EXECUTE)
        for update in updates:
            command = AnswerPermission(
                project_id=self.project_id,
                permission_id="q",
                behavior=Behavior.ALLOW,
                updated_permissions=(update,),
            )
            refusal = self.refusal(command, execute_only)
            self.assertEqual(refusal.code, Code.FORBIDDEN)
            self.assertIn(refusal.details.get("field"), (None, "data.updated_permissions"))
        self.assertEqual(len(self.conversation(self.project_id).machine.core.permissions), 1)

    def test_configure(self) -> None:
        """Another mode reaches the running agent and is told; a mode that it refuses is told to nobody else."""
        self.ask(Configure(project_id=self.project_id, permission_mode=PermissionMode.PLAN))
        self.assertEqual(self.run_.configured, [(None, PermissionMode.PLAN)])
        self.run_.refuses = Refusal(Code.EXECUTION_FAILED, "no")
        head = self.conversation(self.project_id).journal.head_seq
        self.refusal(Configure(project_id=self.project_id, model="opus"))
        self.assertEqual(self.conversation(self.project_id).journal.head_seq, head)

    def test_context(self) -> None:
        """How full the conversation is comes from the process, the cost from its last result."""
        self.run_.says(OK, AT_REST)
        reply = self.ask(GetContext(project_id=self.project_id))
        self.assertEqual(reply, AgentContext(1000, 200_000, 0.5))


class StorageTests(WorkshopCase):
    """Disk full: nothing told is lost, and it recovers by itself."""

    def test_refused_whole(self) -> None:
        """A prompt that cannot be kept is refused, and the project is as it was."""
        project_id = self.project()
        listener = self.join(project_id)
        self.shop.journals.fails = True
        self.assertEqual(self.refusal(Execute(project_id=project_id, prompt="x")).code, Code.STORAGE_UNAVAILABLE)
        self.assertEqual((self.conversation(project_id).state, listener.heard()), (State.IDLE, []))
        self.shop.journals.fails = False
        self.execute(project_id)

    def test_stopped_and_paid(self) -> None:
        """The execution is stopped and told without a seq; once storage works the events are kept and told."""
        project_id = self.project()
        listener = self.join(project_id)
        self.execute(project_id)
        self.run_.says(BUSY, INIT)
        kept = listener.seqs()
        self.shop.journals.fails = True
        self.run_.says(Spoken(b'{"lost":1}'))
        self.assertEqual([message["type"] for message in listener.sent], ["error", "project_state"])
        self.assertNotIn("seq", listener.sent[0])
        self.assertTrue(self.run_.killed)
        self.run_.says(Spoken(b'{"late":1}'))
        self.run_.dies(None, 9)
        self.assertEqual(listener.seqs(), kept)
        self.assertEqual(self.refusal(Execute(project_id=project_id, prompt="x")).code, Code.STORAGE_UNAVAILABLE)
        self.shop.clock.advance(1)
        self.shop.journals.fails = False
        self.shop.clock.advance(1)
        self.assertEqual(listener.heard()[-2:], ["error", "project_state"])
        self.assertEqual(listener.seqs(), list(range(1, len(kept) + 3)))
        self.execute(project_id)
