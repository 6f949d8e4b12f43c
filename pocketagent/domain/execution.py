"""The machine of a project: what may happen next, and what follows from it (protocol section 6).

It decides and never acts. Every input either raises a Refusal and changes nothing, or appends to the `outbox`, in the
order in which it is to be kept, told and done: events, lines of the agent, and wishes to the agent. What it knows
is one frozen `Core`, so that the service can take a step back when an event could not be kept.
"""

from collections.abc import Callable, Sequence

from attrs import define, evolve, field

from pocketagent.domain import failed_turns
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
    AgentConfigured,
    ClientMessage,
    ExecutionError,
    Failure,
    PermissionRequest,
    PermissionResolved,
    ProcessKilled,
    PromptDropped,
    Reason,
    SessionReset,
    State,
)
from pocketagent.domain.failed_turns import FailedTurn
from pocketagent.domain.message import Partial, timestamp
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.text import in_a_line
from pocketagent.domain.turn import MAX_WORDS, Begin, Break, Core, Destroy, Execution, Item, PassOn, Retire, Stop

TRANSITIONS = {
    (State.IDLE, State.EXECUTING),
    (State.EXECUTING, State.IDLE),
    (State.EXECUTING, State.ERROR),
    (State.ERROR, State.IDLE),
}

_MERE_WORDS = frozenset({Spoken, Partial})
"""What nothing follows from."""

MAX_PENDING = 64
MAX_PENDING_BYTES = 7 * 1024 * 1024
"""Permission requests open at once in one project (subagents ask concurrently), and their size. What they are about
is told twice, as `input` and in `request`, and all of them in one answer to a join: it must fit into a message of
16 MiB. More are denied unasked."""


@define(eq=False)
class Machine:
    """One project's machine. `queue_limit` in prompts, `permission_timeout` in seconds."""

    core: Core
    queue_limit: int
    permission_timeout: float
    _new_id: Callable[[], str]
    outbox: list[Item] = field(factory=list)

    # -- what clients ask -----------------------------------------------------------------------------------

    def execute(self, execution: Execution, actor: Actor, queue: bool) -> int:
        """Accept a prompt; its position in the queue, 0 when it begins now.

        Raises Refusal: PROCESS_ACTIVE when one runs and `queue` is not wanted, RESOURCE_LIMIT.
        """
        waits = self.core.state is State.EXECUTING
        if waits and not queue:
            raise Refusal(
                Code.PROCESS_ACTIVE,
                "An execution runs in this project: wait for its end, or let the prompt wait with `queue`.",
            )
        if waits and len(self.core.queue) >= self.queue_limit:
            raise Refusal(
                Code.RESOURCE_LIMIT,
                f"The queue is full: {self.queue_limit} prompts wait already.",
                limit=self.queue_limit,
            )
        if self.core.state is State.ERROR:
            self.acknowledge()
        message = ClientMessage(
            execution.id,
            execution.prompt_id,
            execution.prompt,
            execution.options,
            actor,
            queued=waits,
            attachments=execution.attachments,
        )
        self.outbox.append(message)
        if waits:
            self.core = evolve(self.core, queue=(*self.core.queue, execution))
            return len(self.core.queue)
        self._begin(execution)
        return 0

    def remove(self, execution_id: str) -> PromptDropped:
        """Take a prompt out of the queue. Raises Refusal(PROCESS_NOT_FOUND)."""
        rest = tuple(waiting for waiting in self.core.queue if waiting.id != execution_id)
        if len(rest) == len(self.core.queue):
            raise Refusal(
                Code.PROCESS_NOT_FOUND,
                "No prompt with this execution_id waits in the queue.",
                execution_id=execution_id[:64],
            )
        self.core = evolve(self.core, queue=rest)
        dropped = PromptDropped(execution_id, Reason.REMOVED)
        self.outbox.append(dropped)
        return dropped

    def check_running(self) -> None:
        """Raises Refusal(PROCESS_NOT_FOUND) when nothing runs."""
        if self.core.state is not State.EXECUTING:
            raise Refusal(Code.PROCESS_NOT_FOUND, "No execution runs in this project.")

    def configured(self, model: str | None, mode: PermissionMode | None) -> AgentConfigured:
        """The agent has taken another model or mode for the running execution."""
        event = AgentConfigured(model, mode)
        self.outbox.append(event)
        return event

    def interrupt(self) -> None:
        """End the running turn; the next prompt of the queue follows. Raises Refusal(PROCESS_NOT_FOUND)."""
        self.check_running()
        if self.core.stop is None:
            self.core = evolve(self.core, stop=Stop.INTERRUPT)
        self.outbox.append(Break())

    def kill(self) -> ProcessKilled:
        """End the running turn with its process. Raises Refusal(PROCESS_NOT_FOUND)."""
        self.check_running()
        self._stop(Stop.KILL)
        return ProcessKilled(self._running().id)

    def answer(self, permission_id: str, answer: Answer, actor: Actor | None, reason: Reason) -> PermissionResolved:
        """Answer an open request: the first answer wins. Raises Refusal(PERMISSION_NOT_FOUND)."""
        for request in self.core.permissions:
            if request.permission_id == permission_id:
                break
        else:
            raise Refusal(
                Code.PERMISSION_NOT_FOUND,
                "This permission request is not open: it was answered already, or its turn has ended.",
                permission_id=permission_id[:64],
            )
        resolved = PermissionResolved(permission_id, answer.behavior, actor, reason)
        self._close(request, resolved)
        if answer.interrupt and self.core.stop is None:
            self.core = evolve(self.core, stop=Stop.INTERRUPT)
        self.outbox.append(PassOn(request, answer))
        return resolved

    def acknowledge(self) -> None:
        """Leave ERROR. Raises Refusal(INVALID_MESSAGE) when there is no error."""
        if self.core.state is not State.ERROR:
            raise Refusal(Code.INVALID_MESSAGE, "This project is not in ERROR: there is nothing to acknowledge.")
        self._become(evolve(self.core, state=State.IDLE, error=None))

    def new_session(self) -> SessionReset:
        """Forget the conversation; the next prompt begins another. Raises Refusal(PROCESS_ACTIVE)."""
        self.check_at_rest()
        reset = SessionReset(self.core.session_id)
        self.core = evolve(self.core, session_id=None, usage=self.core.usage.anew())
        self.outbox.append(reset)
        self._announce()
        self.outbox.append(Retire())
        return reset

    def check_at_rest(self) -> None:
        """Raises Refusal(PROCESS_ACTIVE) while an execution runs."""
        if self.core.state is State.EXECUTING:
            raise Refusal(Code.PROCESS_ACTIVE, "An execution runs in this project: interrupt or kill it first.")

    def touch(self) -> None:
        """Something beside the machine has changed: tell the state anew."""
        self._announce()

    # -- what the clock says --------------------------------------------------------------------------------

    @property
    def works(self) -> bool:
        """Whether time counts against the execution: not while a person is asked, nor once its process is being ended.

        It goes on counting after an interrupt, which the agent may never confirm (CH-16).
        """
        ends = self.core.stop not in (None, Stop.INTERRUPT)
        return self.core.state is State.EXECUTING and not self.core.permissions and not ends

    def timed_out(self) -> None:
        if self.core.state is State.EXECUTING:
            self._stop(Stop.TIMEOUT)

    def shut_down(self) -> None:
        if self.core.state is State.EXECUTING:
            self._stop(Stop.SHUTDOWN)

    def expire(self, now: str) -> None:
        """Deny what nobody answered in time."""
        for request in self.core.permissions:
            if request.expires_at <= now:
                answer = Answer(Behavior.DENY, message="Nobody answered in time.")
                self.answer(request.permission_id, answer, None, Reason.EXPIRED)

    # -- what the agent says --------------------------------------------------------------------------------

    def heard(self, utterances: Sequence[Utterance], now: float) -> None:
        """What the agent said in one go; `now` in seconds since 1970. The hot path."""
        if utterances and isinstance(utterances[-1], Words):
            self.core = evolve(self.core, last_words=utterances[-1].text)
            utterances = utterances[:-1]
        if _MERE_WORDS.issuperset(map(type, utterances)):
            self.outbox += utterances  # type: ignore[arg-type]  # mypy does not see what the line before has found
            return
        for utterance in utterances:
            if isinstance(utterance, (Spoken, Partial)):
                self.outbox.append(utterance)
            else:
                self._notice(utterance, now)

    def overheard(self, utterances: Sequence[Utterance], now: float) -> None:
        """What was said by a process that does not have the prompt: kept for people, and what it used is counted;
        nothing else follows from it. `now` as in `heard`."""
        for utterance in utterances:
            if isinstance(utterance, TurnResult):
                is_ours = utterance.session_id in (None, self.core.session_id)
                self._count(utterance if is_ours else evolve(utterance, cost_usd=None), now)
            if isinstance(utterance, (Spoken, SessionNamed, TurnResult, Activity, BackgroundTasks)):
                self.outbox.append(Spoken(utterance.line))

    def _notice(self, utterance: Utterance, now: float) -> None:
        match utterance:
            case SessionNamed(line, session_id):
                self.core = evolve(self.core, session_id=session_id)
                self.outbox.append(Spoken(line))
            case TurnResult(line, session_id):
                self._count(utterance, now)
                self.core = evolve(self.core, result=utterance, session_id=session_id or self.core.session_id)
                self.outbox.append(Spoken(line))
                if not self.core.announces and utterance.queued_turns == 0:
                    self._complete()
            case Words(text):
                self.core = evolve(self.core, last_words=text)
            case Activity(line, busy):
                if busy and self.core.state is not State.EXECUTING:
                    self._begin_by_itself()
                self.core = evolve(self.core, announces=True)
                self.outbox.append(Spoken(line))
                if not busy and self.core.result is not None:
                    self._complete()
            case BackgroundTasks(line, count):
                self.core = evolve(self.core, background_tasks=count)
                self.outbox.append(Spoken(line))
            case PermissionAsked(permission_id, request):
                self._ask(PermissionRequest(permission_id, request, timestamp(now + self.permission_timeout)))
            case PermissionWithdrawn(permission_id):
                self._withdraw(permission_id)
            case Overlong(size):
                self.outbox.append(
                    ExecutionError(
                        Code.LINE_TOO_LARGE,
                        "The agent said a line that is too large to keep: it is left out, and the execution goes on.",
                        {"size": size},
                        self.core.execution.id if self.core.execution else None,
                    )
                )

    def _count(self, result: TurnResult, now: float) -> None:
        usage = self.core.usage.counted(timestamp(now)[:10], result.cost_usd, result.tokens)
        self.core = evolve(self.core, usage=usage)

    def _ask(self, request: PermissionRequest) -> None:
        if self.core.state is not State.EXECUTING:
            self._begin_by_itself()
        if any(request.permission_id == known.permission_id for known in self.core.permissions):
            return
        size = sum(len(known.request) for known in (*self.core.permissions, request))
        if len(self.core.permissions) >= MAX_PENDING or size > MAX_PENDING_BYTES:
            denial = Answer(
                Behavior.DENY, message="Too much is asked at once for a person to see: do it in smaller steps."
            )
            self.outbox.append(PassOn(request, denial))
            return
        self.core = evolve(self.core, permissions=(*self.core.permissions, request))
        self.outbox.append(request)

    def _withdraw(self, permission_id: str) -> None:
        reason = {Stop.INTERRUPT: Reason.INTERRUPTED, Stop.KILL: Reason.KILLED}.get(
            self.core.stop or Stop.SHUTDOWN, Reason.ENDED
        )
        for request in self.core.permissions:
            if request.permission_id == permission_id:
                self._close(request, PermissionResolved(permission_id, Behavior.CANCELLED, None, reason))

    # -- how a turn ends ------------------------------------------------------------------------------------

    def ended(self, ending: Ending) -> None:
        """The process is dead, and everything it started."""
        self.forget_process()
        if self.core.state is not State.EXECUTING:
            return
        if self.core.result is not None and self.core.stop is not Stop.KILL:
            self._complete()
            return
        self._conclude(failed_turns.died(ending))

    def forget_process(self) -> None:
        """What was known of the process holds no more."""
        self.core = evolve(self.core, announces=False, background_tasks=0)

    def failed(self, refusal: Refusal) -> None:
        """The prompt could not be handed to the agent."""
        if self.core.state is State.EXECUTING:
            self._conclude(failed_turns.not_begun(refusal))

    def restarted(self) -> None:
        """The server died while this project was EXECUTING; nothing is run again by itself."""
        if self.core.state is State.EXECUTING:
            self._fail(failed_turns.RESTARTED)
        elif self.core.queue:
            # Half of a batch was kept: the end of a turn without the beginning of the next.
            self._drop_queue(Reason.RESTART)
            self._announce()

    def storage_failed(self) -> None:
        """What the agent said could not be kept: the execution is stopped, and the process in any case."""
        if self.core.state is State.EXECUTING:
            self._fail(failed_turns.UNKEPT)
        self.outbox.append(Destroy())

    def _complete(self) -> None:
        """The agent has said that its turn is over."""
        result = self.core.result
        if self.core.state is not State.EXECUTING:
            self.core = evolve(self.core, result=None)
        elif result is not None and result.is_error and not result.ended_at_bound:
            self._conclude(failed_turns.told(result))
        else:
            self._conclude(None)

    def _conclude(self, failure: FailedTurn | None) -> None:
        """End the turn in the way that its `stop` asks for, else with the failure, else well."""
        match self.core.stop:
            case Stop.KILL:
                execution = self._running()
                self._settle_permissions(Reason.KILLED)
                self._drop_queue(Reason.KILLED)
                self.outbox.append(ProcessKilled(execution.id))
                self._rest()
            case Stop.INTERRUPT:
                self._settle_permissions(Reason.INTERRUPTED)
                self._rest()
            case Stop.TIMEOUT:
                self._fail(failed_turns.TIMED_OUT)
            case Stop.SHUTDOWN:
                self._fail(failed_turns.SHUT_DOWN)
            case None if failure is not None:
                self._fail(failure)
            case None:
                self._settle_permissions(Reason.ENDED)
                self._rest()

    def _fail(self, failed: FailedTurn) -> None:
        execution = self._running()
        self._settle_permissions(failed.questions)
        self._drop_queue(failed.queue)
        self.outbox.append(ExecutionError(failed.code, failed.message, failed.details, execution.id))
        error = Failure(failed.code, failed.message)
        self._become(evolve(self.core, state=State.ERROR, execution=None, stop=None, result=None, error=error))

    def _rest(self) -> None:
        self._become(evolve(self.core, state=State.IDLE, execution=None, stop=None, result=None))
        if self.core.queue:
            following, *rest = self.core.queue
            self.core = evolve(self.core, queue=tuple(rest))
            self._begin(following)

    def _settle_permissions(self, reason: Reason) -> None:
        for request in self.core.permissions:
            self.outbox.append(PermissionResolved(request.permission_id, Behavior.CANCELLED, None, reason))
        self.core = evolve(self.core, permissions=())

    def _drop_queue(self, reason: Reason) -> None:
        for waiting in self.core.queue:
            self.outbox.append(PromptDropped(waiting.id, reason))
        self.core = evolve(self.core, queue=())

    # -- small steps ----------------------------------------------------------------------------------------

    def _begin(self, execution: Execution) -> None:
        words = in_a_line(execution.prompt, MAX_WORDS)
        self._become(evolve(self.core, state=State.EXECUTING, execution=execution, result=None, last_words=words))
        self.outbox.append(Begin(execution))

    def _begin_by_itself(self) -> None:
        if self.core.state is State.ERROR:
            self.acknowledge()
        self._become(evolve(self.core, state=State.EXECUTING, execution=Execution(self._new_id())))

    def _stop(self, stop: Stop) -> None:
        """A kill may overrule an interrupt; nothing overrules what already ends the process."""
        if self.core.stop in (None, Stop.INTERRUPT):
            self.core = evolve(self.core, stop=stop)
        self.outbox.append(Destroy())

    def _close(self, request: PermissionRequest, resolved: PermissionResolved) -> None:
        self.core = evolve(
            self.core, permissions=tuple(open_ for open_ in self.core.permissions if open_ is not request)
        )
        self.outbox.append(resolved)

    def _running(self) -> Execution:
        if self.core.execution is None:
            raise AssertionError("EXECUTING without an execution")
        return self.core.execution

    def _become(self, core: Core) -> None:
        if (self.core.state, core.state) not in TRANSITIONS:
            raise AssertionError(f"no way from {self.core.state} to {core.state}")
        self.core = core
        self._announce()

    def _announce(self) -> None:
        self.outbox.append(self.core.snapshot())
