"""A project's process: started to fit, cut off at any moment of its start, kept warm, ended in time."""

from twisted.internet.defer import Deferred

from pocketagent.domain.agent import BackgroundTasks, Behavior, PermissionAsked, Spoken
from pocketagent.domain.commands import (
    AcknowledgeError,
    AnswerPermission,
    Configure,
    Execute,
    GetContext,
    Interrupt,
    Kill,
    NewSession,
)
from pocketagent.domain.events import Failure, ProcessKilled, State
from pocketagent.domain.message import Partial
from pocketagent.domain.options import Options
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.replies import AgentContext, AgentInterrupted, Reply
from pocketagent.outbound.memory import MemoryProjects
from pocketagent.services.runs import WarmProcesses
from tests.services.workshop import AT_REST, BUSY, INIT, OK, FakeConnection, WorkshopCase

ELSE = Options(effort="high")


class RunsCase(WorkshopCase):
    def setUp(self) -> None:
        super().setUp()
        self.project_id = self.project()
        self.listener = self.join(self.project_id)

    @property
    def state(self) -> State:
        return self.conversation(self.project_id).state

    @property
    def error(self) -> Failure | None:
        return self.conversation(self.project_id).machine.core.error

    def heard(self) -> list[str]:
        """What was told since this was asked last, without the agent's lines."""
        told = [type_ for type_ in self.listener.heard() if type_ != "agent_message"]
        self.listener.batches.clear()
        return told

    def warm(self) -> None:
        """A process waits for the next prompt."""
        self.execute(self.project_id)
        self.turn()
        self.heard()

    def interrupting(self, asker: FakeConnection | None = None) -> "Deferred[tuple[Reply, ...]]":
        return self.asking(Interrupt(project_id=self.project_id), asker)  # type: ignore[return-value]  # a sequence


class StartTests(RunsCase):
    def setUp(self) -> None:
        super().setUp()
        self.shop.agent.slow = True

    def test_interrupted(self) -> None:
        """A start that is interrupted ends at once, and the next prompt of the queue begins in its own."""
        self.execute(self.project_id, "one")
        self.execute(self.project_id, "two", queue=True)
        self.assertEqual(self.ask(Interrupt(project_id=self.project_id)), AgentInterrupted(True))
        self.assertEqual(
            self.heard(), ["client_message", "project_state", "client_message", "project_state", "project_state"]
        )
        self.assertEqual(self.ask(Interrupt(project_id=self.project_id)), AgentInterrupted(True))
        self.assertIs(self.state, State.IDLE)
        self.assertEqual(self.shop.agent.runs, [])

    def test_killed_with_queue(self) -> None:
        """A kill during the start drops the queue, and its reply comes after everybody was told."""
        self.execute(self.project_id, "one")
        accepted = self.execute(self.project_id, "two", queue=True)
        self.heard()
        self.shop.journals.writing.slow = True
        killing = self.asking(Kill(project_id=self.project_id))
        self.assertNoResult(killing)
        self.shop.journals.writing.open_all()
        self.successResultOf(killing)
        self.assertEqual(self.heard(), ["prompt_dropped", "process_killed", "project_state"])
        self.assertEqual((accepted.position, self.state), (1, State.IDLE))

    def test_interrupt_is_answered_after_the_events(self) -> None:
        """The reply to an interrupt of a start comes after the state that it caused was told."""
        self.execute(self.project_id)
        self.heard()
        self.shop.journals.writing.slow = True
        interrupting = self.interrupting()
        self.assertNoResult(interrupting)
        self.shop.journals.writing.open_all()
        self.assertEqual(self.successResultOf(interrupting), (AgentInterrupted(True),))
        self.assertEqual(self.heard(), ["project_state"])

    def test_timed_out(self) -> None:
        """A start that never ends is an EXECUTION_TIMEOUT."""
        self.execute(self.project_id, options=Options(timeout=10))
        self.shop.clock.advance(10)
        assert self.error is not None
        self.assertEqual(self.error.code, Code.EXECUTION_TIMEOUT)

    def test_configure(self) -> None:
        """A process that is still starting cannot be configured."""
        self.execute(self.project_id)
        refusal = self.refusal(Configure(project_id=self.project_id, model="opus"))
        self.assertIs(refusal.code, Code.PROCESS_NOT_FOUND)
        self.ask(Interrupt(project_id=self.project_id))

    def test_context(self) -> None:
        """Without a process nothing is known of the context."""
        self.assertEqual(self.ask(GetContext(project_id=self.project_id)), AgentContext(None, None, 0.0))

    def test_store_cannot_be_read(self) -> None:
        """A start that fails at the server's own disk is an error of the execution, and not stuck (AR-17)."""
        self.shop.projects.fails = True
        self.execute(self.project_id)
        assert self.error is not None
        self.assertIs(self.error.code, Code.STORAGE_UNAVAILABLE)

    def test_unexpected_failure(self) -> None:
        """Whatever goes wrong before the prompt is handed over, the project does not stay EXECUTING."""

        class Broken(MemoryProjects):
            async def get(self, project_id: str) -> None:
                raise ZeroDivisionError

        self.shop.services.projects._saving._store = Broken()
        self.execute(self.project_id)
        assert self.error is not None
        self.assertIs(self.error.code, Code.INTERNAL_ERROR)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_look_is_not_cut_off(self) -> None:
        """What is being kept when a start is interrupted is kept; the next execution goes on behind it."""
        path = self.shop.directories.make("/home/me/work", {".mcp.json": b"{}"})
        self.assertEqual(path, self.conversation(self.project_id).project.path)
        self.shop.journals.writing.slow = True
        executing = self.asking(Execute(project_id=self.project_id, prompt="x"))
        self.shop.journals.writing.open()
        self.successResultOf(executing)
        self.assertEqual(len(self.shop.journals.writing), 1)
        interrupting = self.interrupting()
        self.shop.journals.writing.open_all()
        self.assertEqual(self.successResultOf(interrupting), (AgentInterrupted(True),))
        self.assertEqual(self.heard(), ["client_message", "project_state", "project_state", "project_state"])
        self.assertEqual(self.shop.agent.starting, [])


class HandOverTests(RunsCase):
    def test_refused_model(self) -> None:
        """A model that the agent refuses fails the execution; the process stays for the next one."""
        self.warm()
        self.run_.refuses = Refusal(Code.EXECUTION_FAILED, "no such model")
        self.execute(self.project_id)
        self.assertEqual(self.error, Failure(Code.EXECUTION_FAILED, "no such model"))
        self.run_.refuses = None
        self.execute(self.project_id, "again")
        self.assertEqual(len(self.shop.agent.runs), 1)
        self.assertEqual(self.run_.prompts[-1][1], "again")

    def test_dies_meanwhile(self) -> None:
        """A process that dies while it is handed the prompt fails this execution, once."""
        self.warm()
        self.run_.setting.slow = True
        self.execute(self.project_id)
        self.run_.is_ending = True
        self.run_.setting.open_all()
        self.run_.dies(1)
        self.assertEqual(self.heard(), ["client_message", "project_state", "error", "project_state"])
        self.execute(self.project_id)
        self.assertEqual(len(self.shop.agent.runs), 2)

    def test_dies_first(self) -> None:
        """The same where its death is heard of before the failure of the hand-over."""
        self.warm()
        self.run_.setting.slow = True
        self.execute(self.project_id)
        self.run_.dies(1)
        self.assertIs(self.state, State.EXECUTING)
        self.run_.setting.open_all()
        self.assertEqual(self.heard(), ["client_message", "project_state", "error", "project_state"])

    def test_interrupted(self) -> None:
        """A prompt that is interrupted on its way is not handed over, and that process serves no other."""
        self.warm()
        self.run_.setting.slow = True
        self.execute(self.project_id, "never")
        self.assertEqual(self.ask(Interrupt(project_id=self.project_id)), AgentInterrupted(True))
        self.assertIs(self.state, State.IDLE)
        self.assertTrue(self.run_.stopped)
        first = self.run_
        self.execute(self.project_id, "next")
        first.dies()
        self.assertIs(self.state, State.EXECUTING)
        self.assertEqual([text for _, text, _, _ in self.run_.prompts], ["next"])
        self.assertEqual([text for _, text, _, _ in first.prompts], ["do it"])

    def test_killed(self) -> None:
        """A kill while the prompt is on its way ends the process, and is answered when it is dead."""
        self.warm()
        self.run_.setting.slow = True
        self.execute(self.project_id, "never")
        killing = self.asking(Kill(project_id=self.project_id))
        self.assertTrue(self.run_.killed)
        self.assertNoResult(killing)
        self.run_.dies(None, 9)
        self.successResultOf(killing)
        self.assertEqual(self.heard(), ["client_message", "project_state", "process_killed", "project_state"])

    def test_speaks_of_something_else(self) -> None:
        """A process that ends a turn of its own before it has the prompt does not end the execution."""
        self.warm()
        self.run_.setting.slow = True
        self.execute(self.project_id)
        self.run_.says(BUSY, INIT, Partial(b"{}", None, True, False), Spoken(b'{"own":1}'), OK, AT_REST)
        self.assertIs(self.state, State.EXECUTING)
        self.assertIn(b'{"own":1}', [entry.message for entry in self.shop.journals.entries(self.project_id)])
        self.run_.setting.open_all()
        self.assertEqual(len(self.run_.prompts), 2)
        self.turn()
        self.assertIs(self.state, State.IDLE)

    def test_failure_is_not_the_next_ones(self) -> None:
        """A hand-over that fails late does not fail the prompt that came after it."""
        self.warm()
        self.run_.setting.slow = True
        self.execute(self.project_id, "one")
        self.execute(self.project_id, "two", queue=True)
        self.shop.journals.writing.slow = True
        interrupting = self.interrupting()
        self.run_.dies()
        self.shop.journals.writing.open_all()
        self.successResultOf(interrupting)
        self.assertIs(self.state, State.EXECUTING)
        self.assertEqual([text for _, text, _, _ in self.run_.prompts], ["two"])

    def test_end_comes_before_the_failure(self) -> None:
        """Nor where the end of the process has concluded the execution before that."""
        self.warm()
        self.run_.setting.slow = True
        self.execute(self.project_id, "one")
        self.execute(self.project_id, "two", queue=True)
        self.shop.journals.writing.slow = True
        changing = _touched(self, self.project_id)
        interrupting = self.interrupting()
        self.run_.dies()
        self.shop.journals.writing.open_all()
        self.successResultOf(changing)
        self.successResultOf(interrupting)
        self.assertIs(self.state, State.EXECUTING)
        self.assertEqual([text for _, text, _, _ in self.run_.prompts], ["two"])


class ReplacingTests(RunsCase):
    """Other launch options: the warm process makes way for another one."""

    def setUp(self) -> None:
        super().setUp()
        self.warm()
        self.first = self.run_
        self.execute(self.project_id, "else", options=ELSE)

    def test_goes_on(self) -> None:
        """The end of the old process is not the end of the execution, and its last words are not either."""
        self.assertTrue(self.first.stopped)
        self.first.says(BackgroundTasks(b"{}", 0), BUSY, OK, AT_REST, PermissionAsked("old", b"{}"))
        self.first.dies()
        self.assertEqual((self.state, self.heard()), (State.EXECUTING, ["client_message", "project_state"]))
        self.assertEqual([text for _, text, _, _ in self.run_.prompts], ["else"])
        self.turn()
        self.assertIs(self.state, State.IDLE)

    def test_killed(self) -> None:
        """A kill meanwhile: nothing is started any more, and the reply waits for the old process."""
        killing = self.asking(Kill(project_id=self.project_id))
        self.assertNoResult(killing)
        self.first.dies()
        (killed,) = self.successResultOf(killing)
        self.assertIsInstance(killed, ProcessKilled)
        self.assertEqual((self.shop.agent.runs, self.state), ([self.first], State.IDLE))

    def test_interrupted(self) -> None:
        """An interrupt meanwhile: nothing is started any more."""
        self.assertEqual(self.ask(Interrupt(project_id=self.project_id)), AgentInterrupted(True))
        self.first.dies()
        self.assertEqual((self.shop.agent.runs, self.state), ([self.first], State.IDLE))

    def test_timed_out(self) -> None:
        """Time counts while the old process makes way."""
        self.shop.clock.advance(300)
        self.first.dies()
        assert self.error is not None
        self.assertIs(self.error.code, Code.EXECUTION_TIMEOUT)
        self.assertEqual(self.shop.agent.runs, [self.first])


class EndTests(RunsCase):
    def test_two_interrupts(self) -> None:
        """However many interrupt at once, each hears what the agent said to it."""
        self.execute(self.project_id)
        self.run_.says(BUSY, INIT)
        self.run_.confirming.slow = True
        both = [self.interrupting(), self.interrupting(self.shop.connect())]
        self.run_.confirming.open_all()
        for interrupting in both:
            self.assertEqual(self.successResultOf(interrupting), (AgentInterrupted(True),))

    def test_kill_at_its_death(self) -> None:
        """A process that dies as it is killed: the reply comes after everybody was told."""
        self.execute(self.project_id)
        self.heard()
        self.shop.journals.writing.slow = True
        self.run_.says(Spoken(b"{}"))
        killing = self.asking(Kill(project_id=self.project_id))
        self.run_.dies(1)
        self.shop.journals.writing.open()
        self.assertNoResult(killing)
        self.shop.journals.writing.open_all()
        self.successResultOf(killing)
        self.assertEqual(self.heard(), ["process_killed", "project_state"])

    def test_kill_waits_for_its_own(self) -> None:
        """Who kills does not wait for the process of the next execution."""
        self.execute(self.project_id)
        killing = self.asking(Kill(project_id=self.project_id))
        self.shop.journals.writing.slow = True
        self.run_.dies(None, 9)
        executing = self.asking(Execute(project_id=self.project_id, prompt="next"))
        self.shop.journals.writing.open_all()
        self.successResultOf(executing)
        self.successResultOf(killing)
        self.assertEqual(self.run_.prompts[-1][1], "next")

    def test_dies_in_its_turn(self) -> None:
        """A process that ends without a result fails the execution, whatever its exit code (CH-05)."""
        self.execute(self.project_id)
        self.run_.says(BUSY, INIT, PermissionAsked("q", b"{}"))
        self.run_.dies(0)
        self.assertEqual(self.heard()[2:], ["permission_request", "permission_resolved", "error", "project_state"])
        self.ask(AcknowledgeError(project_id=self.project_id))
        late = AnswerPermission(project_id=self.project_id, permission_id="q", behavior=Behavior.ALLOW)
        self.assertIs(self.refusal(late).code, Code.PERMISSION_NOT_FOUND)

    def test_begins_by_itself(self) -> None:
        """A warm agent that begins a turn by itself is told as an execution of nobody's, and is not evicted."""
        self.warm()
        self.run_.says(BUSY)
        state = self.conversation(self.project_id).project_state()
        self.assertEqual((state.state, self.heard()), (State.EXECUTING, ["project_state"]))
        self.assertIsNotNone(state.execution_id)
        self.shop.clock.advance(299)
        self.shop.clock.advance(1)
        self.assertFalse(self.run_.stopped)
        self.assertTrue(self.run_.killed)
        self.run_.dies(None, 9)
        assert self.error is not None
        self.assertIs(self.error.code, Code.EXECUTION_TIMEOUT)

    def test_by_itself_and_well(self) -> None:
        """Such a turn ends as any other, and then the process is kept warm for its whole time."""
        self.warm()
        self.shop.clock.advance(599)
        self.turn()
        self.shop.clock.advance(599)
        self.assertFalse(self.run_.stopped)
        self.shop.clock.advance(1)
        self.assertTrue(self.run_.stopped)

    def test_new_session_retires(self) -> None:
        """Another conversation begins in another process, also where the old one takes its time to end."""
        self.warm()
        first = self.run_
        self.ask(NewSession(project_id=self.project_id))
        self.assertTrue(first.stopped)
        self.execute(self.project_id)
        self.assertIs(self.run_, first)
        first.dies()
        self.assertIsNot(self.run_, first)
        self.assertFalse(self.run_.launch.resume)


class WarmTests(WorkshopCase):
    def worked(self, path: str, tasks: int = 0) -> str:
        project_id = self.project(path)
        self.execute(project_id)
        self.run_.says(BUSY, INIT, BackgroundTasks(b"{}", tasks), OK, AT_REST)
        return project_id

    def stopped(self) -> list[bool]:
        return [run.stopped for run in self.shop.agent.runs]

    def test_background_tasks_last(self) -> None:
        """Over the bound goes the least recently used, one with running background tasks last."""
        self.worked("/a", tasks=1)
        self.worked("/b")
        self.worked("/c")
        self.assertEqual(self.stopped(), [False, True, False])
        self.worked("/d", tasks=2)
        self.assertEqual(self.stopped(), [False, True, True, False])

    def test_all_have_tasks(self) -> None:
        """Where all have background tasks, the least recently used goes all the same."""
        for path in ("/a", "/b", "/c"):
            self.worked(path, tasks=1)
        self.assertEqual(self.stopped(), [True, False, False])

    def test_least_recently_used(self) -> None:
        """Being used makes it the newest."""
        first = self.worked("/a")
        self.worked("/b")
        self.execute(first)
        self.shop.agent.runs[0].says(BUSY, INIT, OK, AT_REST)
        self.worked("/c")
        self.assertEqual(self.stopped(), [False, True, False])

    def test_one_that_ends_takes_no_room(self) -> None:
        """A process that was told to end does not count as warm, whatever happens to its project meanwhile."""
        first = self.worked("/a")
        self.shop.clock.advance(600)
        self.assertEqual(self.stopped(), [True])
        self.successResultOf(_touched(self, first))
        self.assertEqual(len(self.shop.services.executions._warm), 0)

    def test_none(self) -> None:
        """With a bound of 0, in number or in time, every process ends with its turn."""
        for limit, seconds in ((0, 600.0), (2, 0.0)):
            self.shop.services.executions._warm._limit = limit
            self.shop.services.executions._warm._seconds = seconds
            self.worked(f"/p{limit}")
            self.assertTrue(self.run_.stopped)
        self.assertIsInstance(self.shop.services.executions._warm, WarmProcesses)


def _touched(case: WorkshopCase, project_id: str) -> "Deferred[None]":
    return Deferred.fromCoroutine(case.conversation(project_id).update({}))
