"""The machine of a project: what it decides, and that nothing makes it stumble."""

from collections.abc import Callable

from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.agent import (
    Activity,
    Answer,
    BackgroundTasks,
    Behavior,
    Ending,
    Overlong,
    PermissionAsked,
    PermissionMode,
    PermissionWithdrawn,
    SessionNamed,
    Spoken,
    TurnResult,
    Utterance,
    Words,
)
from pocketagent.domain.events import (
    Actor,
    ClientMessage,
    ExecutionError,
    PermissionRequest,
    PermissionResolved,
    ProcessKilled,
    PromptDropped,
    Reason,
    SessionReset,
    State,
    StateChanged,
)
from pocketagent.domain.execution import MAX_PENDING, MAX_PENDING_BYTES, TRANSITIONS, Machine
from pocketagent.domain.message import Partial
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.turn import Begin, Break, Core, Destroy, Execution, Item, PassOn, Retire, Stop
from pocketagent.domain.usage import Spending

ANN = Actor("a", "Ann")
SESSION = "11111111-2222-4333-8444-555555555555"
OK = TurnResult(b"{}", SESSION, False, False, 0, 0.25, ())
BAD = evolve(OK, is_error=True, errors=("it broke",))
BUSY, AT_REST = Activity(b"{}", True), Activity(b"{}", False)
DEAD = Ending(1, None, "boom")


def machine(core: Core | None = None, queue_limit: int = 2) -> Machine:
    ids = iter(range(1000))
    return Machine(core or Core(), queue_limit, 60.0, lambda: f"own-{next(ids)}")


def execution(name: str = "one") -> Execution:
    return Execution(name, f"prompt-{name}", "do it", by=ANN)


class Case(SynchronousTestCase):
    """A machine, and what came of the last step."""

    def setUp(self) -> None:
        self.machine = machine()

    def came(self) -> list[Item]:
        """What the outbox holds; it is empty afterwards."""
        items, self.machine.outbox = self.machine.outbox, []
        return items

    def states(self) -> list[State]:
        return [item.state for item in self.came() if isinstance(item, StateChanged)]

    def running(self) -> None:
        self.machine.execute(execution(), ANN, queue=False)
        self.came()

    def hear(self, *utterances: Utterance) -> None:
        self.machine.heard(utterances, 1000.0)


class PromptTests(Case):
    """How a prompt is accepted, and how its turn ends."""

    def test_begins(self) -> None:
        """A prompt is told, then the state, then the agent is to begin."""
        position = self.machine.execute(execution(), ANN, queue=False)
        message, state, begin = self.came()
        self.assertEqual(position, 0)
        assert isinstance(message, ClientMessage) and isinstance(state, StateChanged) and isinstance(begin, Begin)
        self.assertEqual((message.execution_id, message.queued, state.state), ("one", False, State.EXECUTING))

    def test_busy(self) -> None:
        """A second prompt is refused, and the first goes on (CH-23)."""
        self.running()
        before = self.machine.core
        refusal = self.assertRaises(Refusal, self.machine.execute, execution("two"), ANN, False)
        self.assertEqual(refusal.code, Code.PROCESS_ACTIVE)
        self.assertEqual((self.machine.core, self.came()), (before, []))

    def test_queue_bound(self) -> None:
        """Prompts wait in order, up to the bound of the queue."""
        self.running()
        positions = [self.machine.execute(execution(name), ANN, True) for name in ("two", "three")]
        self.assertEqual(positions, [1, 2])
        refusal = self.assertRaises(Refusal, self.machine.execute, execution("four"), ANN, True)
        self.assertEqual((refusal.code, refusal.details["limit"]), (Code.RESOURCE_LIMIT, 2))

    def test_complete_by_activity(self) -> None:
        """Where the agent says when it rests, a result alone does not end the turn."""
        self.running()
        self.hear(BUSY, OK)
        self.assertEqual(self.states(), [])
        self.hear(AT_REST)
        self.assertEqual(self.states(), [State.IDLE])
        self.assertEqual(self.machine.core.session_id, SESSION)

    def test_complete_by_result(self) -> None:
        """Where it does not, the result ends the turn, unless prompts wait inside the agent."""
        self.running()
        self.hear(evolve(OK, queued_turns=1))
        self.assertEqual(self.states(), [])
        self.hear(OK)
        self.assertEqual(self.states(), [State.IDLE])

    def test_failed_result(self) -> None:
        """A result that is an error leads to ERROR, with the agent's words."""
        self.running()
        self.hear(BAD)
        error, state = self.came()[-2:]
        assert isinstance(error, ExecutionError) and isinstance(state, StateChanged)
        self.assertEqual((error.code, error.execution_id), (Code.EXECUTION_FAILED, "one"))
        self.assertIn("it broke", error.message)
        self.assertEqual(state.state, State.ERROR)

    def test_failure_is_one_sentence(self) -> None:
        """The agent's words end with one full stop, whether they had one or not."""
        for said, told in (
            ("It broke.", "It broke."),
            ("it broke", "it broke."),
            ("why? ", "why?"),
            ("", "it said no more."),
        ):
            self.setUp()
            self.running()
            self.hear(evolve(BAD, errors=(said,)))
            error = self.came()[-2]
            assert isinstance(error, ExecutionError)
            self.assertEqual(error.message, f"The agent ended its turn with an error: {told}")

    def test_bound_is_no_failure(self) -> None:
        """A turn that ended at its bound of turns or money is IDLE."""
        self.running()
        self.hear(evolve(BAD, ended_at_bound=True))
        self.assertEqual(self.states(), [State.IDLE])

    def test_next_of_queue(self) -> None:
        """When a turn ends the next prompt begins, and both states are told."""
        self.running()
        self.machine.execute(execution("two"), ANN, True)
        self.came()
        self.hear(OK)
        came = self.came()
        self.assertEqual([item.state for item in came if isinstance(item, StateChanged)], [State.IDLE, State.EXECUTING])
        self.assertEqual([item.execution.id for item in came if isinstance(item, Begin)], ["two"])

    def test_error_drops_queue(self) -> None:
        """ERROR drops what waits, each prompt told."""
        self.running()
        self.machine.execute(execution("two"), ANN, True)
        self.came()
        self.machine.failed(Refusal(Code.CLAUDE_NOT_FOUND, "no CLI"))
        dropped = [item for item in self.came() if isinstance(item, PromptDropped)]
        self.assertEqual(dropped, [PromptDropped("two", Reason.ERROR)])
        self.assertEqual(self.machine.core.error and self.machine.core.error.code, Code.CLAUDE_NOT_FOUND)

    def test_execute_in_error(self) -> None:
        """A prompt in ERROR acknowledges first: both transitions are told."""
        self.running()
        self.hear(BAD)
        self.came()
        self.machine.execute(execution("two"), ANN, False)
        self.assertEqual(self.states(), [State.IDLE, State.EXECUTING])

    def test_death(self) -> None:
        """A process that ends without a result is a failure, whatever its code (CH-08)."""
        self.running()
        self.machine.ended(evolve(DEAD, exit_code=0))
        error = next(item for item in self.came() if isinstance(item, ExecutionError))
        self.assertEqual(error.details, {"stderr": "boom", "exit_code": 0})
        self.assertIs(self.machine.core.state, State.ERROR)

    def test_death_after_result(self) -> None:
        """A process that ends between its result and its rest has done its turn."""
        self.running()
        self.hear(BUSY, OK)
        self.machine.ended(evolve(DEAD, exit_code=0))
        self.assertEqual(self.states(), [State.IDLE])

    def test_death_at_rest(self) -> None:
        """The end of an idle process changes nothing."""
        self.machine.ended(DEAD)
        self.assertEqual(self.came(), [])

    def test_remove(self) -> None:
        """A waiting prompt can be taken back; one that does not wait cannot."""
        self.running()
        self.machine.execute(execution("two"), ANN, True)
        self.assertEqual(self.machine.remove("two"), PromptDropped("two", Reason.REMOVED))
        refusal = self.assertRaises(Refusal, self.machine.remove, "one")
        self.assertEqual(refusal.code, Code.PROCESS_NOT_FOUND)

    def test_by_itself(self) -> None:
        """A warm agent that begins a turn by itself makes an execution that is nobody's."""
        self.hear(BUSY)
        state = next(item for item in self.came() if isinstance(item, StateChanged))
        self.assertEqual((state.state, state.execution_id), (State.EXECUTING, "own-0"))
        self.hear(OK, AT_REST)
        self.assertEqual(self.states(), [State.IDLE])

    def test_overlong(self) -> None:
        """A line over the bound is told as an error, and the execution goes on."""
        self.running()
        self.hear(Overlong(99))
        (error,) = self.came()
        assert isinstance(error, ExecutionError)
        self.assertEqual((error.code, error.details), (Code.LINE_TOO_LARGE, {"size": 99}))
        self.assertIs(self.machine.core.state, State.EXECUTING)

    def test_order_of_lines(self) -> None:
        """Lines and partial output keep their order among the events."""
        self.running()
        partial = Partial(b"{}", None, True, False)
        self.hear(Spoken(b"1"), partial, SessionNamed(b"2", SESSION), Spoken(b"3"))
        self.assertEqual(self.came(), [Spoken(b"1"), partial, Spoken(b"2"), Spoken(b"3")])

    def test_cost(self) -> None:
        """The cost is what the agent said last of its conversation, and nothing for a new one."""
        self.running()
        self.hear(OK, evolve(OK, cost_usd=0.75))
        self.machine.ended(DEAD)
        usage = self.machine.core.usage
        self.assertEqual((usage.total_usd, usage.cost_usd), (0.75, 0.75))
        self.machine.new_session()
        usage = self.machine.core.usage
        self.assertEqual((usage.total_usd, usage.cost_usd), (0.0, 0.75))

    def test_cost_of_another(self) -> None:
        """What a process used that does not have the prompt is counted, too; but what it says of its conversation only
        where that is still the project's. Nothing else follows from it."""
        self.running()
        self.hear(SessionNamed(b"1", SESSION))
        used = Spending(output_tokens=5)
        for session_id in (SESSION, "another"):
            result = evolve(OK, session_id=session_id, cost_usd=0.75, tokens=used)
            self.machine.overheard([result], 1000.0)
            used = Spending(output_tokens=7)
        usage = self.machine.core.usage
        self.assertEqual((usage.total_usd, usage.cost_usd), (0.75, 0.75))
        (day,) = usage.days.values()
        self.assertEqual((day.turns, day.output_tokens), (2, 12))
        self.assertEqual((self.machine.core.state, self.machine.core.result), (State.EXECUTING, None))

    def test_last_words(self) -> None:
        """What was said last is the prompt until the agent has said something to it; states tell it."""
        self.running()
        self.assertEqual(self.machine.core.last_words, "do it")
        self.hear(Spoken(b"1"), Words("Well."))
        self.assertEqual(self.came(), [Spoken(b"1")])
        self.hear(Words("Early."), Spoken(b"2"))
        self.assertEqual(self.machine.core.snapshot().last_words, "Early.")
        self.machine.overheard([Words("Elsewhere.")], 1000.0)
        self.hear(OK, Words("Done."))
        told = [one.last_words for one in self.came() if isinstance(one, StateChanged)]
        self.assertEqual(told, ["Done."])


class StopTests(Case):
    """Interrupt, kill, timeout, shutdown, restart."""

    def test_nothing_runs(self) -> None:
        """Interrupt and kill are refused where nothing runs."""
        for ask in (self.machine.interrupt, self.machine.kill):
            self.assertEqual(self.assertRaises(Refusal, ask).code, Code.PROCESS_NOT_FOUND)

    def test_interrupt(self) -> None:
        """An interrupted turn is IDLE though its result is an error; the next prompt starts."""
        self.running()
        self.machine.execute(execution("two"), ANN, True)
        self.came()
        self.machine.interrupt()
        self.assertEqual(self.came(), [Break()])
        self.hear(BAD)
        self.assertEqual(self.states(), [State.IDLE, State.EXECUTING])

    def test_kill(self) -> None:
        """A kill drops the queue, and is told once the tree is dead."""
        self.running()
        self.machine.execute(execution("two"), ANN, True)
        self.came()
        self.machine.kill()
        self.assertEqual(self.came(), [Destroy()])
        self.machine.ended(evolve(DEAD, exit_code=None, signal=9))
        dropped, killed, state = self.came()
        self.assertEqual((dropped, killed), (PromptDropped("two", Reason.KILLED), ProcessKilled("one")))
        assert isinstance(state, StateChanged)
        self.assertIs(state.state, State.IDLE)

    def test_result_while_killed(self) -> None:
        """What the CLI still says while it is killed does not hide the kill."""
        self.running()
        self.machine.kill()
        self.hear(BUSY, BAD)
        self.machine.ended(DEAD)
        self.assertIn(ProcessKilled("one"), self.came())

    def test_timeout(self) -> None:
        """At its time bound the process is ended, and the state is ERROR."""
        self.running()
        self.machine.timed_out()
        self.machine.timed_out()
        self.machine.ended(DEAD)
        error = next(item for item in self.came() if isinstance(item, ExecutionError))
        self.assertEqual(error.code, Code.EXECUTION_TIMEOUT)

    def test_shutdown(self) -> None:
        """At shutdown the execution is told as interrupted."""
        self.running()
        self.machine.shut_down()
        self.machine.ended(DEAD)
        error = next(item for item in self.came() if isinstance(item, ExecutionError))
        self.assertEqual(error.code, Code.EXECUTION_INTERRUPTED)

    def test_restart(self) -> None:
        """After a crash questions are resolved, the queue is dropped, then the error and ERROR are told; no Begin."""
        question = PermissionRequest("q", b"{}", "2026")
        core = Core(State.EXECUTING, SESSION, execution(), (execution("two"),), (question,))
        self.machine = machine(core)
        self.machine.restarted()
        resolved, dropped, error, state = self.came()
        assert isinstance(error, ExecutionError) and isinstance(state, StateChanged)
        self.assertEqual(resolved, PermissionResolved("q", Behavior.CANCELLED, None, Reason.RESTART))
        self.assertEqual(dropped, PromptDropped("two", Reason.RESTART))
        self.assertEqual((error.code, state.state), (Code.EXECUTION_INTERRUPTED, State.ERROR))

    def test_storage(self) -> None:
        """When nothing can be kept the execution fails and its process is destroyed."""
        self.running()
        self.machine.storage_failed()
        error, _state, destroy = self.came()
        assert isinstance(error, ExecutionError)
        self.assertEqual((error.code, destroy), (Code.STORAGE_UNAVAILABLE, Destroy()))

    def test_new_session(self) -> None:
        """Another conversation needs a project at rest; the process of the old one is retired."""
        self.running()
        self.assertEqual(self.assertRaises(Refusal, self.machine.new_session).code, Code.PROCESS_ACTIVE)
        self.hear(OK)
        self.came()
        self.assertEqual(self.machine.new_session(), SessionReset(SESSION))
        self.assertIsNone(self.machine.core.session_id)
        self.assertIn(Retire(), self.came())


class PermissionTests(Case):
    """Questions to a person."""

    def setUp(self) -> None:
        super().setUp()
        self.running()
        self.hear(PermissionAsked("q", b'{"tool_name":"Bash"}'))

    def test_asked(self) -> None:
        """A question is told with its end, the state stays, and the clock of the execution rests."""
        (request,) = self.came()
        self.assertEqual(request, PermissionRequest("q", b'{"tool_name":"Bash"}', "1970-01-01T00:17:40.000000Z"))
        self.assertFalse(self.machine.works)

    def test_first_answer_wins(self) -> None:
        """The second answer is refused, and what the first allowed is passed on."""
        answer = Answer(Behavior.ALLOW)
        self.came()
        self.machine.answer("q", answer, ANN, Reason.ANSWERED)
        resolved, passed = self.came()
        self.assertEqual(resolved, PermissionResolved("q", Behavior.ALLOW, ANN, Reason.ANSWERED))
        assert isinstance(passed, PassOn)
        self.assertIs(passed.answer, answer)
        refusal = self.assertRaises(Refusal, self.machine.answer, "q", answer, ANN, Reason.ANSWERED)
        self.assertEqual(refusal.code, Code.PERMISSION_NOT_FOUND)
        self.assertTrue(self.machine.works)

    def test_expiry(self) -> None:
        """A question that nobody answered is denied at its end, not before, and the turn goes on."""
        self.came()
        self.machine.expire("1970-01-01T00:17:39.999999Z")
        self.assertEqual(self.came(), [])
        self.machine.expire("1970-01-01T00:17:40.000000Z")
        resolved, passed = self.came()
        self.assertEqual(resolved, PermissionResolved("q", Behavior.DENY, None, Reason.EXPIRED))
        assert isinstance(passed, PassOn)
        self.assertIs(self.machine.core.state, State.EXECUTING)

    def test_withdrawn(self) -> None:
        """A question that the agent takes back is cancelled; taken back twice it is told once."""
        self.came()
        self.machine.interrupt()
        self.hear(PermissionWithdrawn("q"), PermissionWithdrawn("q"))
        resolved = [item for item in self.came() if isinstance(item, PermissionResolved)]
        self.assertEqual(resolved, [PermissionResolved("q", Behavior.CANCELLED, None, Reason.INTERRUPTED)])

    def test_denied_with_interrupt(self) -> None:
        """A denial that ends the turn leads to IDLE, as an interrupt does."""
        self.machine.answer("q", Answer(Behavior.DENY, interrupt=True), ANN, Reason.ANSWERED)
        self.came()
        self.hear(BAD)
        self.assertEqual(self.states(), [State.IDLE])

    def test_settled_before_the_end(self) -> None:
        """Every open question is resolved before the state that ends the turn."""
        self.came()
        self.hear(OK)
        _spoken, resolved, state = self.came()
        self.assertEqual(resolved, PermissionResolved("q", Behavior.CANCELLED, None, Reason.ENDED))
        assert isinstance(state, StateChanged)

    def test_bound(self) -> None:
        """Questions beyond the bound are denied unasked."""
        self.hear(*(PermissionAsked(f"q{n}", b"{}") for n in range(MAX_PENDING)))
        self.assertEqual(len(self.machine.core.permissions), MAX_PENDING)
        denied = [item for item in self.came() if isinstance(item, PassOn)]
        self.assertEqual([item.answer.behavior for item in denied], [Behavior.DENY])

    def test_bound_of_bytes(self) -> None:
        """Open questions fit into one message together, though each is told twice; what does not fit is denied."""
        rest = MAX_PENDING_BYTES - len(b'{"tool_name":"Bash"}')
        self.hear(PermissionAsked("large", b"x" * rest))
        self.assertEqual(len(self.machine.core.permissions), 2)
        self.came()
        self.hear(PermissionAsked("one more", b"x"))
        (denied,) = self.came()
        assert isinstance(denied, PassOn)
        self.assertIs(denied.answer.behavior, Behavior.DENY)


class AnyOrder(RuleBasedStateMachine):
    """Every input in every state, against what must always hold."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = machine()
        self.told: State = State.IDLE
        self.counter = 0
        self.accepted: dict[str, str] = {}

    def _try(self, step: Callable[[], object]) -> None:
        before = self.machine.core
        try:
            step()
        except Refusal:
            assert self.machine.core == before, "a refusal changes nothing"
            self.machine.outbox.clear()

    @rule(queue=st.booleans())
    def execute(self, queue: bool) -> None:
        self.counter += 1
        name = f"e{self.counter}"
        self._try(lambda: self.machine.execute(execution(name), ANN, queue))

    @rule(which=st.integers(1, 8))
    def remove(self, which: int) -> None:
        self._try(lambda: self.machine.remove(f"e{which}"))

    @rule(
        step=st.sampled_from(
            ["interrupt", "kill", "new_session", "acknowledge", "timed_out", "shut_down", "storage_failed", "touch"]
        )
    )
    def ask(self, step: str) -> None:
        self._try(getattr(self.machine, step))

    @rule(ending=st.sampled_from([DEAD, Ending(None, 9, "")]))
    def end(self, ending: Ending) -> None:
        self.machine.ended(ending)

    @rule()
    def fail(self) -> None:
        self.machine.failed(Refusal(Code.EXECUTION_FAILED, "no"))

    @rule(
        said=st.lists(
            st.sampled_from(
                [
                    *(OK, BAD, BUSY, AT_REST, Spoken(b"{}"), Overlong(1), SessionNamed(b"{}", SESSION)),
                    *(evolve(OK, queued_turns=1), BackgroundTasks(b"{}", 2), Partial(b"{}", None, True, False)),
                    *(PermissionAsked("p", b"{}"), PermissionAsked("q", b"{}"), PermissionWithdrawn("p")),
                ]
            )
        )
    )
    def hear(self, said: list[Utterance]) -> None:
        self.machine.heard(said, 1000.0)

    @rule(permission=st.sampled_from("pq"), behavior=st.sampled_from([Behavior.ALLOW, Behavior.DENY]))
    def answer(self, permission: str, behavior: Behavior) -> None:
        self._try(lambda: self.machine.answer(permission, Answer(behavior), ANN, Reason.ANSWERED))

    @rule(now=st.sampled_from(["1970-01-01", "1971"]))
    def expire(self, now: str) -> None:
        self.machine.expire(now)

    @rule(mode=st.sampled_from(PermissionMode))
    def configured(self, mode: PermissionMode) -> None:
        self.machine.configured(None, mode)

    @invariant()
    def holds(self) -> None:
        core = self.machine.core
        assert (core.execution is not None) == (core.state is State.EXECUTING)
        assert (core.error is not None) == (core.state is State.ERROR)
        if core.state is not State.EXECUTING:
            assert not core.queue and not core.permissions and core.stop is None
        assert len(core.queue) <= self.machine.queue_limit
        items, self.machine.outbox = self.machine.outbox, []
        for item in items:
            if isinstance(item, StateChanged):
                assert item.state is self.told or (self.told, item.state) in TRANSITIONS
                self.told = item.state
            elif isinstance(item, ClientMessage):
                assert item.execution_id not in self.accepted, "accepted once"
                self.accepted[item.execution_id] = "waiting"
            elif isinstance(item, Begin):
                assert self.accepted[item.execution.id] == "waiting", "no prompt runs twice, or after it was dropped"
                self.accepted[item.execution.id] = "begun"
            elif isinstance(item, PromptDropped):
                assert self.accepted[item.execution_id] == "waiting"
                self.accepted[item.execution_id] = "dropped"
        assert self.told is core.state, "what was told last is what is"


class AnyOrderTests(SynchronousTestCase):
    def test_any_order(self) -> None:
        """Every state answers every input, what is told is a way through the states, and no prompt runs twice."""
        run_state_machine_as_test(AnyOrder, settings=settings(max_examples=200, stateful_step_count=40, deadline=None))

    def test_stop_is_known(self) -> None:
        """Every way to stop a turn leads out of EXECUTING."""
        for stop in Stop:
            one = machine(Core(State.EXECUTING, execution=execution(), stop=stop))
            one.ended(DEAD)
            self.assertIsNot(one.core.state, State.EXECUTING)
