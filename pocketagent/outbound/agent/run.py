# -*- test-case-name: tests.outbound.agent.test_run -*-
"""A conversation with one process of the CLI: its lines to the listener, what it is told to its stdin."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Protocol

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pocketagent.domain.agent import (
    Activity,
    Answer,
    Context,
    Ending,
    Introduction,
    Launch,
    PermissionMode,
    TurnResult,
    Utterance,
)
from pocketagent.domain.attachment import Enclosure
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.tracing import about, working
from pocketagent.outbound.agent.child import MAX_UNWRITTEN, Over
from pocketagent.outbound.agent.launching import not_started
from pocketagent.outbound.agent.masking import masked, tail
from pocketagent.outbound.agent.steps import STEPS, Moment, Stairs, Step, Way
from pocketagent.ports import IAgentListener, IRun, IThreads
from pocketagent.wire import claude, orders
from pocketagent.wire.lines import MAX_LINE, Lines

MAX_EARLY = 16 * 1024 * 1024
"""Bytes that may be said before the introduction is over; then nothing more is read, and the wait for it ends it."""
MAX_REASON = 500
"""Characters of the CLI's own words in a refusal."""
LOST = "No conversation found with session ID"


class IChild(Protocol):
    """The process, as far as a conversation needs it (`outbound.agent.child.Child`)."""

    dead: Moment

    @property
    def stderr(self) -> bytes: ...
    def write(self, data: bytes) -> bool: ...
    def close_input(self) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...
    def abandon(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


@frozen(kw_only=True)
class Waits:
    """How long the CLI is waited for, in seconds."""

    introduction: float = 60.0
    setting: float = 10.0
    interrupt: float = 2.0
    context: float = 5.0


@implementer(IRun)
@define(eq=False)
class Run:
    """Serves one prompt after the other. `hidden`: what must not be shown of the child's complaints.

    `threads`: where lines with attachments are made; None: here.
    """

    launch: Launch
    _listener: IAgentListener
    _clock: IReactorTime
    _hidden: Sequence[str] = field(default=(), repr=False)
    _waits: Waits = field(factory=Waits)
    _steps: Sequence[Step] = STEPS
    _line_size: int = MAX_LINE
    _threads: IThreads | None = None

    introduction: Introduction = field(default=Introduction(None, None, None), init=False)
    is_ending: bool = field(default=False, init=False)
    _child: IChild = field(init=False)
    _stairs: Stairs = field(init=False)
    _lines: Lines = field(init=False)
    _early: list[Utterance] | None = field(factory=list, init=False)
    _early_size: int = field(default=0, init=False)
    _introduced: bool = field(default=False, init=False)
    _is_deaf: bool = field(default=False, init=False)
    _over: Over | None = field(default=None, init=False)
    _errors: tuple[str, ...] = field(default=(), init=False)
    _asked: dict[str, "Deferred[claude.Answered | None]"] = field(factory=dict, init=False)
    _count: int = field(default=0, init=False)
    _turn: Moment | None = field(default=None, init=False)
    _model: str | None = field(default=None, init=False)
    _model_is_known: bool = field(default=True, init=False)
    _mode: str | None = field(default=None, init=False)
    # For whom it works, as its last prompt came; what it says comes from the reactor, which knows nothing of that.
    _about: Mapping[str, str] = field(factory=about, init=False)
    _log = Logger()

    def attach(self, child: IChild) -> None:
        """The process that it talks with, whose reader it is."""
        self._child = child
        self._lines = Lines(self._line_size)
        self._stairs = Stairs(self._clock, self._steps, self._take, child.dead)
        child.dead.then(self._end)

    def _end(self) -> None:
        self.is_ending = True

    # -- the beginning --------------------------------------------------------------------------------------

    async def introduce(self) -> None:
        """Wait for what it says of itself. Raises Refusal; then the process may still be alive.

        Returns with the child paused; what it has said until then is told on the reactor's next round.
        """
        prompt = self.launch.options.append_system_prompt
        answered = await self._ask(lambda request_id: orders.initialize(request_id, prompt), self._waits.introduction)
        if answered is None or answered.error is not None:
            raise self._failed_to_start(answered)
        said = answered.response
        version = said.get("claude_code_version")
        self.introduction = Introduction(
            version if isinstance(version, str) else None,
            _mappings(said.get("models")),
            _mappings(said.get("commands")),
        )
        mode = said.get("current_permission_mode")
        self._mode = mode if isinstance(mode, str) else self._mode
        self._introduced = True
        self._child.pause()
        self._clock.callLater(0, self._tell_early)

    def _failed_to_start(self, answered: claude.Answered | None) -> Refusal:
        stderr, over = tail(self._child.stderr, self._hidden), self._over
        if over is not None and over.failure is not None:
            return not_started(*over.failure)
        if LOST in stderr or any(LOST in error for error in self._errors):
            message = (
                "The conversation cannot be resumed: the Claude CLI does not find it. Begin a new one "
                "(agent_new_session)."
            )
            return Refusal(Code.EXECUTION_FAILED, message, **_how(over), stderr=stderr, session_lost=True)
        if over is not None:
            message = "The Claude CLI ended before it was ready: `pocketagent doctor` on its machine looks for why."
        elif answered is not None:
            message = f"The Claude CLI refused to begin: {self._reason(answered.error)}"
        else:
            message = f"The Claude CLI was not ready within {self._waits.introduction:g} s. Try again."
        return Refusal(Code.EXECUTION_FAILED, message, **_how(over), stderr=stderr)

    def _tell_early(self) -> None:
        early, self._early = self._early, None
        if not early or self._tell(early):
            self._child.resume()

    # -- what it is told ------------------------------------------------------------------------------------

    async def prompt(
        self, uuid: str, text: str, model: str | None, mode: PermissionMode, enclosures: Sequence[Enclosure] = ()
    ) -> None:
        line = await self._prompt_line(uuid, text, enclosures)
        if self.is_ending:
            raise Refusal(Code.EXECUTION_FAILED, "The Claude CLI was told to end. Send the prompt again.")
        if model != self._model or not self._model_is_known:
            await self._set_model(model)
        if mode != self._mode:
            await self._set_mode(mode)
        if not self._write(line):
            raise Refusal(Code.EXECUTION_FAILED, "The Claude CLI has ended, or reads nothing any more. Try again.")
        self._turn = Moment()
        self._about = about()
        if text.lstrip().startswith("/model"):
            self._model_is_known = False

    async def _prompt_line(self, uuid: str, text: str, enclosures: Sequence[Enclosure]) -> bytes:
        make = partial(orders.prompt, uuid, text, enclosures)
        line = make() if self._threads is None or not enclosures else await self._threads.run(make)
        if len(line) > MAX_UNWRITTEN:
            message = f"The prompt with its attachments is a line of over {MAX_UNWRITTEN} bytes: send fewer at once."
            raise Refusal(Code.EXECUTION_FAILED, message, size=len(line), limit=MAX_UNWRITTEN)
        return line

    async def configure(self, model: str | None, mode: PermissionMode | None) -> None:
        if model is not None:
            await self._set_model(model)
        if mode is not None:
            await self._set_mode(mode)

    def answer(self, permission_id: str, request: bytes, answer: Answer) -> None:
        if not self._write(orders.permission_answer(permission_id, request, answer)):
            self._log.warn("A permission was answered too late: the process is gone, or reads nothing.")

    async def interrupt(self) -> bool:
        answered = await self._ask(orders.interrupt, self._waits.interrupt)
        return answered is not None and answered.error is None

    async def context(self) -> Context | None:
        answered = await self._ask(orders.get_context_usage, self._waits.context)
        if answered is None:
            return None
        total, bound = answered.response.get("totalTokens"), answered.response.get("maxTokens")
        return Context(total, bound) if isinstance(total, int) and isinstance(bound, int) else None

    async def stop(self) -> None:
        self.is_ending = True
        await self._stairs.descend(Way.CLOSE)

    async def kill(self) -> None:
        self.is_ending = True
        await self._stairs.descend(Way.INTERRUPT)

    async def kill_at_once(self) -> None:
        """For one that has not introduced itself: the listener hears nothing of it."""
        self.is_ending = True
        await self._stairs.descend(Way.KILL)
        self._is_deaf = True
        self._child.resume()

    def _take(self, way: Way) -> Moment | None:
        match way:
            case Way.INTERRUPT:
                return self._interrupt_turn()
            case Way.CLOSE:
                self._child.close_input()
            case Way.TERMINATE:
                self._child.terminate()
            case Way.KILL:
                self._child.kill()
            case Way.ABANDON:
                self._child.abandon()
        return None

    def _interrupt_turn(self) -> Moment:
        """Its end is waited for: a stdin that is closed before the result was read costs the rest of the output."""
        turn = self._turn
        if turn is None:
            turn = Moment()
            turn.happen()
        else:
            Deferred.fromCoroutine(self.interrupt()).addErrback(
                lambda failure: self._log.failure("interrupting before the end", failure)
            )
        return turn

    async def _set_model(self, model: str | None) -> None:
        answered = await self._ask(lambda request_id: orders.set_model(request_id, model), self._waits.setting)
        self._model, self._model_is_known = model, answered is not None and answered.error is None
        self._check(answered, "model", model or "default")

    async def _set_mode(self, mode: PermissionMode) -> None:
        answered = await self._ask(lambda request_id: orders.set_permission_mode(request_id, mode), self._waits.setting)
        self._check(answered, "permission_mode", mode)
        self._mode = mode

    def _check(self, answered: claude.Answered | None, what: str, value: str) -> None:
        if answered is None:
            raise Refusal(Code.EXECUTION_FAILED, f"The Claude CLI did not answer to a new {what}.", **{what: value})
        if answered.error is not None:
            raise Refusal(
                Code.EXECUTION_FAILED,
                f"The Claude CLI refused this {what}: {self._reason(answered.error)}",
                **{what: value},
            )

    def _reason(self, error: str | None) -> str:
        return masked(error or "", self._hidden)[:MAX_REASON].encode("utf-8", "replace").decode()

    async def _ask(self, request: Callable[[str], bytes], seconds: float) -> claude.Answered | None:
        """Send a control request; None when there is no answer in time, or the process is gone."""
        self._count += 1
        request_id = f"pocketagent-{self._count}"
        answered: Deferred[claude.Answered | None] = Deferred()
        self._asked[request_id] = answered
        timer = self._clock.callLater(seconds, self._settle, request_id, None)
        try:
            return await answered if self._write(request(request_id)) else None
        finally:
            self._asked.pop(request_id, None)
            if timer.active():
                timer.cancel()

    def _settle(self, request_id: str, answered: claude.Answered | None) -> None:
        waiting = self._asked.pop(request_id, None)
        if waiting is not None:
            waiting.callback(answered)

    def _write(self, line: bytes) -> bool:
        return not self._child.dead.happened and self._child.write(line)

    # -- what it says (`ChildReader`) -----------------------------------------------------------------------

    def heard(self, data: bytes) -> None:
        if self._early is not None:
            self._early_size += len(data)
            if self._early_size > MAX_EARLY:
                self._child.pause()
        lines = self._lines.feed(data)
        if lines:
            with working(self._about):
                self._hear(claude.hear(lines))

    def closed(self) -> None:
        rest = self._lines.rest()
        if rest is not None:
            with working(self._about):
                self._hear(claude.hear_rest(rest))

    def over(self, over: Over) -> None:
        self._over = over
        self.is_ending = True
        for request_id in list(self._asked):
            self._settle(request_id, None)
        if self._introduced:
            stderr = tail(self._child.stderr, self._hidden)
            with working(self._about):
                self._listener.ended(Ending(over.exit_code, over.signal, stderr))

    def _hear(self, heard: claude.Heard) -> None:
        for aside in heard.asides:
            self._notice(aside)
        if not heard.utterances or self._is_deaf:
            return
        if self._early is None:
            self._tell(heard.utterances)
        else:
            self._early += heard.utterances

    def _tell(self, utterances: Sequence[Utterance]) -> bool:
        """Nothing more is read until the listener is ready; whether it is at once, which costs next to nothing."""
        said = self._listener.said(utterances)
        ready = said if isinstance(said, Deferred) else Deferred.fromCoroutine(_waiting(said))
        if ready.called and not ready.paused and not isinstance(ready.result, Failure):
            return True
        self._child.pause()
        ready.addErrback(lambda failure: self._log.failure("telling what the agent said", failure))
        ready.addCallback(lambda _: self._child.resume())
        return False

    def _notice(self, aside: claude.Aside) -> None:
        match aside:
            case claude.Answered(request_id):
                self._settle(request_id, aside)
            case claude.Unsupported(request_id, subtype):
                self._write(orders.unsupported(request_id, subtype))
            case claude.ModeTold(mode):
                self._mode = mode
            case claude.Misnamed():
                self._log.warn("The CLI named a session with an id that is no UUID; it is not used.")
            case TurnResult():
                self._errors = aside.errors
                self._end_turn()
            case Activity(busy=True):
                self._turn = self._turn or Moment()
            case Activity():
                self._end_turn()

    def _end_turn(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.happen()


def _how(over: Over | None) -> dict[str, int]:
    """The fields of a refusal that say how it ended."""
    found = {} if over is None else {"exit_code": over.exit_code, "signal": over.signal}
    return {name: value for name, value in found.items() if value is not None}


def _mappings(value: object) -> Sequence[Mapping[str, object]] | None:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else None


def _waiting(said: Awaitable[None]) -> Coroutine["Deferred[None]", None, None]:
    async def wait() -> None:
        await said

    return said if isinstance(said, Coroutine) else wait()
