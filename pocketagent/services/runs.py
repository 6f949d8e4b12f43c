# -*- test-case-name: tests.services.test_runs -*-
"""A project's process of the agent: started to fit the execution, kept warm for the next one, ended in time."""

from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from typing import TypeVar

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pocketagent.domain.agent import Context, Ending, Introduction, Launch, LaunchOptions, PermissionMode, Utterance
from pocketagent.domain.attachment import Attached, Enclosure
from pocketagent.domain.project import Standing, Trust
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.tracing import working
from pocketagent.domain.turn import Begin, Break, Destroy, Execution, PassOn, Retire, Wish
from pocketagent.ports import IAgent, IAgentListener, IRun
from pocketagent.services.conversation import Conversation

T = TypeVar("T")

_log = Logger()


@define(eq=False)
class WarmProcesses:
    """The idle processes that wait for the next prompt: at most `limit`, each for `seconds`.

    The least recently used goes first, one with background tasks last (protocol section 9). 0 of either: none waits.
    """

    _clock: IReactorTime
    _limit: int
    _seconds: float
    _resting: "OrderedDict[Runner, IDelayedCall]" = field(factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._resting)

    def rest(self, runner: "Runner") -> None:
        """The process has nothing to do now."""
        self.wake(runner)
        if not self._limit or not self._seconds:
            runner.retire()
            return
        self._resting[runner] = self._clock.callLater(self._seconds, self._evict, runner)
        if len(self._resting) > self._limit:
            self._evict(min(self._resting, key=lambda one: one.background_tasks > 0))

    def wake(self, runner: "Runner") -> None:
        """The process works, or is gone."""
        call = self._resting.pop(runner, None)
        if call is not None and call.active():
            call.cancel()

    def _evict(self, runner: "Runner") -> None:
        self.wake(runner)
        runner.retire()


@define(eq=False)
class Terms:
    """What the server's settings say of every prompt."""

    model: str | None
    permission_mode: PermissionMode


@implementer(IAgentListener)
@define(eq=False)
class Runner:
    """Does what one project's machine wishes, with one process at a time.

    `look` takes anew what the project's directory would run by itself, before a process is started; `fetch` gives the
    bytes of attachments.
    """

    _conversation: Conversation
    _agent: IAgent
    _warm: WarmProcesses
    _terms: Terms
    _look: Callable[[Conversation], Coroutine[Deferred[object], object, Trust]]
    _new_id: Callable[[], str]
    _fetch: Callable[[str, Sequence[Attached]], Coroutine[Deferred[object], object, Sequence[Enclosure]]]
    introduction: Introduction | None = None
    _run: IRun | None = None
    # The execution that was begun last, and the one whose prompt the agent does not have yet.
    _latest: Execution | None = None
    _begins: Execution | None = None
    _handing_over: Deferred[None] | None = None
    _interruption: Deferred[bool] | None = None
    # How much of what has happened here the conversation has not taken up yet.
    _telling: int = 0
    _waiting: list[Deferred[None]] = field(factory=list)

    @property
    def background_tasks(self) -> int:
        return self._conversation.machine.core.background_tasks

    @property
    def is_alive(self) -> bool:
        """Whether there is a process, or its end is not told yet."""
        return self._run is not None or self._begins is not None or self._telling > 0

    # -- what the machine wishes ----------------------------------------------------------------------------

    def do(self, wish: Wish) -> None:
        """Begin to do it; what comes of it comes back as a step of the machine."""
        match wish:
            case Begin(execution):
                self._begin(execution)
            case PassOn(request, answer):
                if self._run is not None:
                    self._run.answer(request.permission_id, request.request, answer)
            case Break():
                self._interruption = Deferred.fromCoroutine(self._break())
            case Destroy():
                self._cancel()
                if self._run is not None:
                    self._watch(self._run.kill(), "killing a process")
            case Retire():
                self.retire()

    def retire(self) -> None:
        """End the process, which has nothing to do."""
        self._warm.wake(self)
        if self._run is not None:
            self._watch(self._run.stop(), "stopping a process")

    async def gone(self) -> None:
        """Wait until no process is alive and its end is told; or until another execution was begun meanwhile."""
        latest = self._latest
        await self._until(lambda: not self.is_alive or self._latest is not latest)

    async def interrupted(self) -> bool:
        """Whether the agent confirms what `Break` asked for last. However many ask, each is answered."""
        if self._interruption is None:
            return False
        waiting: Deferred[bool] = Deferred()

        def tell(confirmed: bool) -> bool:
            waiting.callback(confirmed)
            return confirmed

        self._interruption.addCallbacks(tell, waiting.errback)
        return await waiting

    def rested(self) -> None:
        """The project has come to rest: a process that is still there waits for the next prompt."""
        if self._run is not None and self._begins is None and not self._run.is_ending:
            self._warm.rest(self)

    async def configure(self, model: str | None, mode: PermissionMode | None) -> None:
        """Raises Refusal(PROCESS_NOT_FOUND, EXECUTION_FAILED)."""
        if self._run is None:
            raise Refusal(Code.PROCESS_NOT_FOUND, "The agent is still starting: try again in a moment.")
        await self._run.configure(model, mode)

    async def context(self) -> Context | None:
        return None if self._run is None else await self._run.context()

    # -- beginning ------------------------------------------------------------------------------------------

    def _begin(self, execution: Execution) -> None:
        self._warm.wake(self)
        self._latest = self._begins = execution
        with working(project_id=self._conversation.project.id, execution_id=execution.id):
            self._handing_over = Deferred.fromCoroutine(self._hand_over(execution))
        self._handing_over.addBoth(self._begun, execution)

    def _begun(self, outcome: object, execution: Execution) -> None:
        """The agent has the prompt, or it is clear that it will not get it."""
        self._begins = self._handing_over = None
        if isinstance(outcome, Failure):
            self._tell(self._conversation.failed(self._refusal(outcome), execution), "before an execution")

    def _refusal(self, failure: Failure) -> Refusal:
        if isinstance(failure.value, Refusal):
            return failure.value
        if failure.check(CancelledError):
            return Refusal(Code.EXECUTION_INTERRUPTED, "The execution was stopped before it began.")
        reference = self._new_id()
        _log.failure("An execution could not be begun, reference {reference}", failure, reference=reference)
        return Refusal(
            Code.INTERNAL_ERROR,
            "The server failed at handing the prompt to the agent; its log tells why under the reference.",
            reference=reference,
        )

    async def _hand_over(self, execution: Execution) -> None:
        run = await self._fitting(execution.launch)
        options = execution.options
        enclosures: Sequence[Enclosure] = ()
        if execution.attachments:
            enclosures = await _sheltered(self._fetch(self._conversation.project.id, execution.attachments))
        try:
            await run.prompt(
                execution.prompt_id or execution.id,
                execution.prompt,
                options.model or self._terms.model,
                self._mode(execution),
                enclosures,
            )
        except CancelledError:
            # Cut off in the middle, nobody knows which model it has now.
            self.retire()
            raise

    def _mode(self, execution: Execution) -> PermissionMode:
        if execution.options.dangerously_skip_permissions:
            return PermissionMode.BYPASS
        return execution.options.permission_mode or self._terms.permission_mode

    async def _fitting(self, options: LaunchOptions) -> IRun:
        """A process that was started with exactly these options and this trust: the warm one, or a new one."""
        conversation = self._conversation
        if self._run is not None and self._run.launch.trusted:
            # A process takes up hooks that come to its settings while it is warm (seen with CLI 2.1.330).
            await _sheltered(self._look(conversation))
        run = self._run
        if run is not None:
            trusted = conversation.trust.state is Standing.TRUSTED
            fits = run.launch.options == options and run.launch.trusted == trusted
            if fits and options.max_budget_usd is None and not run.is_ending:
                return run
            self.retire()
            await self._until(lambda: self._run is None)
        trust = await _sheltered(self._look(conversation))
        session_id = conversation.machine.core.session_id
        launch = Launch(
            run_id=self._new_id(),
            project_id=conversation.project.id,
            path=conversation.project.path,
            identity=conversation.project.identity,
            session_id=session_id or self._new_id(),
            resume=session_id is not None,
            trusted=trust.state is Standing.TRUSTED,
            options=options,
        )
        try:
            self._run = await self._agent.start(launch, self)
        except Refusal as refusal:
            raise _explained(refusal) from None
        self.introduction = self._run.introduction
        return self._run

    async def _break(self) -> bool:
        begins = self._begins
        if begins is not None:
            self._cancel()
            await self._until(lambda: self._begins is not begins and not self._telling)
            return True
        return False if self._run is None else await self._run.interrupt()

    def _cancel(self) -> None:
        handing_over, self._handing_over = self._handing_over, None
        if handing_over is not None:
            handing_over.cancel()

    # -- what the agent says --------------------------------------------------------------------------------

    def said(self, utterances: Sequence[Utterance]) -> Deferred[None]:
        return Deferred.fromCoroutine(self._conversation.hear(utterances, self._has_prompt))

    def ended(self, ending: Ending) -> None:
        self._warm.wake(self)
        self._run = None
        latest = self._latest
        self._tell(
            self._conversation.ended(ending, lambda: self._has_prompt() and self._latest is latest),
            "after the end of a process",
        )

    def _has_prompt(self) -> bool:
        """Whether the process was handed the prompt of the execution.

        One that was not makes way for another, or is about to be handed it: what it says is about something else,
        and whether its end ends the execution is for the hand-over to see.
        """
        return self._begins is None

    def _tell(self, telling: Coroutine[Deferred[object], object, None], what: str) -> None:
        """Have the conversation take it up, and then look whether somebody waited for it."""
        self._telling += 1

        def told(_: None) -> None:
            self._telling -= 1
            self._wake()

        self._watch(telling, what).addCallback(told)

    async def _until(self, has_come: Callable[[], bool]) -> None:
        while not has_come():
            waiting: Deferred[None] = Deferred()
            self._waiting.append(waiting)
            await waiting

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(None)

    def _watch(self, work: Coroutine[Deferred[object], object, None], what: str) -> Deferred[None]:
        return Deferred.fromCoroutine(work).addErrback(
            lambda failure: _log.failure(
                "{what} in project {project}", failure, what=what, project=self._conversation.project.id
            )
        )


async def _sheltered(work: Coroutine[Deferred[object], object, T]) -> T:
    """Await what must not be cut off: who waits may be cancelled, the work goes on."""
    done: Deferred[T] = Deferred()
    Deferred.fromCoroutine(work).addCallbacks(done.callback, done.errback)
    return await done


def _explained(refusal: Refusal) -> Refusal:
    """A conversation that is lost is never begun anew silently."""
    if not refusal.details.get("session_lost"):
        return refusal
    return Refusal(
        refusal.code,
        "The agent no longer has this conversation. Send `agent_new_session` to begin another one.",
        **refusal.details,
    )
