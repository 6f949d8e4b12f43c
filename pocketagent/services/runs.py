# -*- test-case-name: tests.services.test_runs -*-
"""A project's process of the agent: started to fit the execution, kept warm for the next one, ended in time."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from pocketagent.domain.agent import Context, Ending, Introduction, Launch, LaunchOptions, PermissionMode, Utterance
from pocketagent.domain.project import Standing, Trust
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.turn import Begin, Break, Destroy, Execution, PassOn, Retire, Wish
from pocketagent.ports import IAgent, IAgentListener, IRun
from pocketagent.services.conversation import Conversation

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

    `look` takes anew what the project's directory would run by itself, before a process is started.
    """

    _conversation: Conversation
    _agent: IAgent
    _warm: WarmProcesses
    _terms: Terms
    _look: Callable[[Conversation], Awaitable[Trust]]
    _new_id: Callable[[], str]
    introduction: Introduction | None = None
    interruption: Deferred[bool] | None = None
    _run: IRun | None = None
    _beginning: Deferred[None] | None = None
    _gone: list[Deferred[None]] = field(factory=list)

    @property
    def background_tasks(self) -> int:
        return self._conversation.machine.core.background_tasks

    @property
    def is_alive(self) -> bool:
        return self._run is not None or self._beginning is not None

    # -- what the machine wishes ----------------------------------------------------------------------------

    def do(self, wish: Wish) -> None:
        """Begin to do it; what comes of it comes back as a step of the machine."""
        match wish:
            case Begin(execution):
                self._warm.wake(self)
                beginning = Deferred.fromCoroutine(self._begin(execution))
                beginning.addErrback(self._stumble, "beginning an execution")
                # A warm process may have taken the prompt already.
                self._beginning = None if beginning.called else beginning
            case PassOn(request, answer):
                if self._run is not None:
                    self._run.answer(request.permission_id, request.request, answer)
            case Break():
                self.interruption = Deferred.fromCoroutine(self._break())
            case Destroy():
                if self._run is not None:
                    self._watch(self._run.kill(), "killing a process")
                else:
                    self._cancel_beginning()
            case Retire():
                self.retire()

    def retire(self) -> None:
        """End the process, which has nothing to do."""
        self._warm.wake(self)
        if self._run is not None:
            self._watch(self._run.stop(), "stopping a process")

    async def gone(self) -> None:
        """Wait until no process is alive."""
        while self.is_alive:
            waiting: Deferred[None] = Deferred()
            self._gone.append(waiting)
            await waiting

    def rested(self) -> None:
        """The project has come to rest: a process that is still there waits for the next prompt."""
        if self._run is not None and self._beginning is None:
            self._warm.rest(self)

    async def configure(self, model: str | None, mode: PermissionMode | None) -> None:
        """Raises Refusal(PROCESS_NOT_FOUND, EXECUTION_FAILED)."""
        if self._run is None:
            raise Refusal(Code.PROCESS_NOT_FOUND, "The agent is still starting: try again in a moment.")
        await self._run.configure(model, mode)

    async def context(self) -> Context | None:
        return None if self._run is None else await self._run.context()

    # -- beginning ------------------------------------------------------------------------------------------

    async def _begin(self, execution: Execution) -> None:
        try:
            run = await self._fitting(execution.launch)
            options = execution.options
            await run.prompt(
                execution.prompt_id or execution.id,
                execution.prompt,
                options.model or self._terms.model,
                self._mode(execution),
            )
        except Refusal as refusal:
            self._beginning = None
            await self._conversation.failed(refusal)
        except CancelledError:
            self._beginning = None
            await self._conversation.failed(
                Refusal(Code.EXECUTION_INTERRUPTED, "The execution was stopped before it began.")
            )
        finally:
            self._beginning = None
            self._tell_gone()

    def _mode(self, execution: Execution) -> PermissionMode:
        if execution.options.dangerously_skip_permissions:
            return PermissionMode.BYPASS
        return execution.options.permission_mode or self._terms.permission_mode

    async def _fitting(self, options: LaunchOptions) -> IRun:
        """A process that was started with exactly these options: the warm one, or a new one."""
        conversation = self._conversation
        run = self._run
        if run is not None:
            if run.launch.options == options and options.max_budget_usd is None and not run.is_ending:
                return run
            await run.stop()
            await self._dead()
        trust = await self._look(conversation)
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

    async def _dead(self) -> None:
        while self._run is not None:
            waiting: Deferred[None] = Deferred()
            self._gone.append(waiting)
            await waiting

    async def _break(self) -> bool:
        if self._beginning is not None:
            self._cancel_beginning()
            return True
        return False if self._run is None else await self._run.interrupt()

    def _cancel_beginning(self) -> None:
        if self._beginning is not None:
            self._beginning.cancel()

    # -- what the agent says --------------------------------------------------------------------------------

    def said(self, utterances: Sequence[Utterance]) -> Deferred[None]:
        return Deferred.fromCoroutine(self._conversation.hear(utterances))

    def ended(self, ending: Ending) -> None:
        self._warm.wake(self)
        self._run = None
        self._watch(self._after(ending), "after the end of a process")

    async def _after(self, ending: Ending) -> None:
        await self._conversation.ended(ending)
        self._tell_gone()

    def _tell_gone(self) -> None:
        gone, self._gone = self._gone, []
        for waiting in gone:
            waiting.callback(None)

    def _watch(self, work: Awaitable[None], what: str) -> None:
        async def done() -> None:
            await work

        Deferred.fromCoroutine(done()).addErrback(self._stumble, what)

    def _stumble(self, failure: object, what: str) -> None:
        _log.error(
            "{what} in project {project}: {failure}", what=what, project=self._conversation.project.id, failure=failure
        )


def _explained(refusal: Refusal) -> Refusal:
    """A conversation that is lost is never begun anew silently."""
    if not refusal.details.get("session_lost"):
        return refusal
    return Refusal(
        refusal.code,
        "The agent no longer has this conversation. Send `agent_new_session` to begin another one.",
        **refusal.details,
    )
