# -*- test-case-name: tests.terminal.test_conversation -*-
"""A project's messages -> what a person reads, and how things stand. Pure: the same messages, the same screen.

Two things are told in two ways. How the project *stands* is what the newest reply or event says: `state`,
`execution_id`, `name`. What has *happened* is what the events tell, one after another: they may be history, and then
the project stands further on already than what is being told.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from attrs import define, evolve, field

from pocketagent.domain.agent import Behavior
from pocketagent.domain.events import (
    AgentConfigured,
    ClientMessage,
    ExecutionError,
    PermissionResolved,
    ProcessKilled,
    ProjectState,
    PromptDropped,
    SessionReset,
    State,
)
from pocketagent.domain.refusals import Code
from pocketagent.domain.replies import ProjectJoined, Replay
from pocketagent.terminal.asides import asides, command_output, limit, printed
from pocketagent.terminal.shown import (
    Answered,
    Call,
    Called,
    Ended,
    Failed,
    Notice,
    Prompted,
    Said,
    Shown,
    Thought,
)
from pocketagent.terminal.writing import Writing
from pocketagent.wire import foreign, server
from pocketagent.wire.results import Ending, ending_of
from pocketagent.wire.server import Message, Question

MAX_CALLS = 256
"""Calls that may be under way at once; of more, the oldest are no longer shown."""
UNFINISHED = "It did not finish."
"""The output of a call that was under way when its turn ended."""

Json = Mapping[str, object]


@define(eq=False)
class Conversation:
    """What is known of a conversation after the messages so far.

    `waiting`: the prompts in the queue, by execution. `questions`: the permission requests that are open. `calls`: the
    tools at work. `writing`: the text that the agent is writing; `is_thinking`, whether it thinks meanwhile. `doing`:
    what else it is busy with, in words. `seq` is the newest event, `head_seq` the last one that is history.
    """

    state: State = State.IDLE
    name: str = ""
    path: str = ""
    execution_id: str | None = None
    model: str = ""
    mode: str = ""
    doing: str = ""
    is_trusted: bool = True
    waiting: dict[str, ClientMessage] = field(factory=dict)
    questions: dict[str, Question] = field(factory=dict)
    calls: dict[str, Call] = field(factory=dict)
    writing: Writing = field(factory=Writing)
    is_thinking: bool = False
    seq: int = 0
    head_seq: int = 0
    # How the project stood when it was joined.
    _open: Mapping[str, Question] = field(factory=dict)
    _joined_at: float = 0.0
    # The turn that is being told: its execution, when it began, when each question was asked, what it has cost.
    _turn: str | None = None
    _began: float = 0.0
    _asked: dict[str, float] = field(factory=dict)
    _asking_since: float = 0.0
    _inner: dict[str, int] = field(factory=dict)
    _result: Json = field(factory=dict)
    _killed: bool = False
    _spent: float | None = None
    # What the turns before it leave behind.
    _total: float | None = None
    _limit: str = ""
    _unkept: tuple[str, str | None] | None = None

    @property
    def is_replaying(self) -> bool:
        """Whether what comes is history: later messages that are known to be there may take it back."""
        return self.seq < self.head_seq

    @property
    def since(self) -> float:
        """When the execution began, in seconds since 1970, later by the time for which a person was waited for. Where
        its beginning was not told: when the project was joined."""
        return self._began if self._turn is not None and self._turn == self.execution_id else self._joined_at

    def hear(self, message: Message) -> Sequence[Shown]:
        """Take in one message; what is to be written for it."""
        if message.seq is not None:
            self.seq = message.seq
            if message.seq == 1:
                self._total = 0.0
        now = _seconds(message.timestamp)
        if message.type == "agent_message":
            return list(self._said(message.data, now))
        return list(self._happened(message, server.value(message), now))

    # -- what happens in the project ----------------------------------------------------------------------------

    def _happened(self, message: Message, found: object, now: float) -> Iterator[Shown]:
        match found:
            case ClientMessage():
                if found.queued:
                    self.waiting[found.execution_id] = found
                else:
                    yield Prompted.of(found)
            case ProjectState() if message.request_id is not None:
                self._stand(found)
                self._joined_at = now
                self._open = {question.permission_id: question for question in _questions(message)}
            case ProjectState() if message.seq is not None or found.state is State.ERROR:
                yield from self._turned(found, now)
                if message.seq is None or message.seq > self.head_seq:
                    self._stand(found)
            case ProjectJoined():
                yield from self._joined(found)
            case Question():
                if not self._asked:
                    self._asking_since = now
                self._asked[found.permission_id] = now
                self.questions[found.permission_id] = found
            case PermissionResolved():
                yield from self._resolved(found, now)
            case AgentConfigured():
                self.model = found.model or self.model
                self.mode = found.permission_mode or self.mode
            case PromptDropped():
                dropped = self.waiting.pop(found.execution_id, None)
                if dropped is not None:
                    yield Notice(f"A prompt in the queue was dropped ({found.reason}):", dropped.prompt.splitlines())
            case SessionReset():
                self._total = 0.0
                yield Notice("A new conversation begins with the next prompt.")
            case ProcessKilled():
                self._killed = True
            case ExecutionError():
                yield from self._failed(found, message.seq is not None, now)
            case _:
                pass

    def _stand(self, state: ProjectState) -> None:
        self.name, self.path, self.state = state.name, state.path, state.state
        self.execution_id = state.execution_id
        self.is_trusted = state.trust.state == "trusted"

    def _joined(self, joined: ProjectJoined) -> Iterator[Shown]:
        """Events behind the last one follow, or, after a gap, all that are kept."""
        self.head_seq = joined.head_seq
        self.writing.lose()
        self._pause()
        if joined.replay is Replay.GAP:
            self.seq = joined.first_seq - 1
            self._forget()
            yield Notice("The server no longer has everything of what came before: here is what is left.")
        # Those of events too far back; what was resolved meanwhile is told in its turn.
        self.questions = {**self._open, **self.questions}

    def _forget(self) -> None:
        """What happened so far is void."""
        self._rest()
        self.waiting.clear()
        self.questions.clear()
        self._asked.clear()
        self._total = None
        self._unkept = None

    def _rest(self) -> None:
        """No turn is being told."""
        self._turn, self._result, self._killed, self._spent = None, {}, False, None
        self.calls.clear()
        self._inner.clear()
        self._drop()

    def _turned(self, state: ProjectState, now: float) -> Iterator[Shown]:
        """The turn that is told has ended where the state tells of another one, or of none."""
        if state.execution_id == self._turn:
            return
        if self._turn is not None:
            yield from self._ended(state.state, now)
        self._turn, self._began = state.execution_id, now
        begun = self.waiting.pop(state.execution_id or "", None)
        if begun is not None:
            yield Prompted.of(begun)

    def _ended(self, state: State, now: float) -> Iterator[Shown]:
        yield from self._unfinished(now)
        outcome = "killed" if self._killed else _outcome(ending_of(self._result))
        ended = Ended(max(0.0, now - self._began), self._spent, outcome)
        self._rest()
        if state is not State.ERROR:
            yield ended

    def _unfinished(self, now: float) -> Iterator[Shown]:
        """The calls that nothing more is heard of."""
        for call in self.calls.values():
            if call.denied is not None:
                yield call.denied
                continue
            inner = self._inner.get(call.id, 0)
            yield Called(call, UNFINISHED, True, max(0.0, now - call.began), inner=inner)
        self.calls.clear()

    def _failed(self, error: ExecutionError, is_kept: bool, now: float) -> Iterator[Shown]:
        if error.code == Code.LINE_TOO_LARGE:
            yield Notice(error.message)
            return
        key = error.code, error.execution_id
        if is_kept and key == self._unkept:
            self._unkept = None  # it was told before it could be kept
            return
        if not is_kept:
            self._unkept = key
        yield from self._unfinished(now)
        stderr = error.details.get("stderr")
        yield Failed(error.code, error.message, stderr if isinstance(stderr, str) else "")

    def _resolved(self, told: PermissionResolved, now: float) -> Iterator[Shown]:
        question = self.questions.pop(told.permission_id, None)
        asked = self._asked.pop(told.permission_id, None)
        if question is None:
            return
        if asked is not None:
            self._take_out(question, now, now - asked)
        answered = Answered(question, told.behavior, told.by.name if told.by else None, told.reason)
        call = self.calls.get(question.tool_use_id or "")
        if call is not None and answered.behavior is not Behavior.ALLOW:
            self.calls[call.id] = evolve(call, denied=answered)  # told with what the call returns
        else:
            yield answered

    def _take_out(self, question: Question, now: float, waited: float) -> None:
        """The time for which a person was waited for is neither the tool's nor its subagent's, nor the turn's."""
        call = self.calls.get(question.tool_use_id or "")
        if call is not None:
            self.calls[call.id] = evolve(call, began=now)
            parent = self.calls.get(call.parent or "")
            if parent is not None:
                self.calls[parent.id] = evolve(parent, began=parent.began + waited)
        if not self._asked:
            self._began += max(0.0, now - self._asking_since)

    # -- what the agent says ------------------------------------------------------------------------------------

    def _said(self, data: Json, now: float) -> Iterator[Shown]:
        parent = data.get("parent_tool_use_id")
        inside = parent if isinstance(parent, str) else None
        match data.get("type"):
            case "stream_event":
                if inside is None:
                    yield from self._streamed(foreign.mapping(data.get("event")))
            case "assistant":
                yield from self._spoken(data, inside, now)
            case "user":
                yield from self._returned(data, now)
            case "system":
                yield from self._system(data)
            case "result":
                self._settle(data)
            case "rate_limit_event":
                told, self._limit = self._limit, limit(foreign.mapping(data.get("rate_limit_info")))
                if self._limit and self._limit != told:
                    yield Notice(self._limit)
            case "conversation_reset":
                self._total = 0.0
                yield from asides(data)
            case _:
                yield from asides(data)

    def _streamed(self, event: Json) -> Iterator[Shown]:
        match event.get("type"):
            case "message_start":
                self._drop()
            case "content_block_start":
                block = foreign.mapping(event.get("content_block"))
                self.doing = _text(block.get("name")) if block.get("type") == "tool_use" else ""
            case "content_block_delta":
                delta = foreign.mapping(event.get("delta"))
                if delta.get("type") == "text_delta":
                    has_begun = self.writing.has_begun
                    if part := self.writing.add(_text(delta.get("text"))):
                        yield Said(part, not has_begun)
                elif delta.get("type") == "thinking_delta":
                    self.is_thinking = True
            case _:
                pass

    def _spoken(self, data: Json, inside: str | None, now: float) -> Iterator[Shown]:
        """What the agent has said, a block of it in each message; or what a command of the CLI's own has printed."""
        if isinstance(data.get("local_command_source"), str):
            said = command_output("\n".join(_text(block.get("text")) for block in _blocks(data)))
            if said is not None:
                yield said
            return
        for block in _blocks(data):
            match block.get("type"):
                case "text" if inside is None:
                    yield from self._finished(_text(block.get("text")))
                case "thinking" if inside is None:
                    self.is_thinking = False
                    if thought := _text(block.get("thinking")).strip():
                        yield Thought(thought)
                case "tool_use":
                    self.doing = ""
                    given = foreign.mapping(block.get("input"))
                    self._call(Call(_text(block.get("id")), _text(block.get("name")), given, now, inside))
                case _:
                    pass

    def _finished(self, whole: str) -> Iterator[Said]:
        has_begun = self.writing.has_begun
        rest = self.writing.finish(whole)
        if rest.strip():
            yield Said(rest, not has_begun or rest == whole)

    def _call(self, call: Call) -> None:
        self.calls[call.id] = call
        if call.parent in self.calls:
            self._inner[call.parent] = self._inner.get(call.parent, 0) + 1
        if len(self.calls) > MAX_CALLS:
            oldest = next(iter(self.calls))
            del self.calls[oldest]
            self._inner.pop(oldest, None)

    def _returned(self, data: Json, now: float) -> Iterator[Shown]:
        for block in _blocks(data):
            if block.get("type") == "tool_result":
                call = self.calls.pop(_text(block.get("tool_use_id")), None)
                if call is not None:
                    if call.denied is not None and call.denied.behavior is Behavior.CANCELLED:
                        call = evolve(call, denied=None)  # what it returns tells that it was cut off
                    is_error = block.get("is_error") is True
                    details = foreign.mapping(data.get("tool_use_result"))
                    inner = self._inner.pop(call.id, 0)
                    seconds = max(0.0, now - call.began)
                    yield Called(call, _output(block.get("content")), is_error, seconds, details, inner)
            elif block.get("type") == "text":
                yield from printed(_text(block.get("text")))

    def _system(self, data: Json) -> Iterator[Shown]:
        match data.get("subtype"):
            case "init":
                self.model = _text(data.get("model")) or self.model
                self.mode = _text(data.get("permissionMode")) or self.mode
            case "status":
                self.mode = _text(data.get("permissionMode")) or self.mode
                self.doing = "compacting the conversation" if data.get("status") == "compacting" else ""
            case "api_retry":
                tries = (foreign.finite(data.get(name)) for name in ("attempt", "max_retries"))
                self.doing = "waiting for the API (try {} of {})".format(
                    *("?" if n is None else f"{n:.0f}" for n in tries)
                )
            case "task_notification" if _text(data.get("tool_use_id")) in self.calls:
                return  # what the call returns tells the same
            case _:
                pass
        yield from asides(data)

    def _settle(self, result: Json) -> None:
        """The agent has done what it was asked for; it may go on by itself. The CLI counts the cost from the beginning
        of the conversation."""
        self._result = result
        self._drop()
        total = foreign.finite(result.get("total_cost_usd"))
        if total is None:
            return
        if self._total is not None:
            self._spent = (self._spent or 0.0) + (total - self._total if total >= self._total else total)
        self._total = total

    def _pause(self) -> None:
        """What was going on is not known to go on."""
        self.is_thinking = False
        self.doing = ""

    def _drop(self) -> None:
        """Pieces of messages that were not finished are void."""
        self.writing.drop()
        self._pause()


def _outcome(ending: Ending) -> str:
    """What a person should know of how a turn ended that did not fail, beside what the agent said."""
    match ending:
        case Ending.DONE:
            return ""
        case Ending.FAILED:
            return Ending.INTERRUPTED
        case _:
            return ending


def _blocks(data: Json) -> Sequence[Json]:
    content = foreign.mapping(data.get("message")).get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


def _output(content: object) -> str:
    """What a tool returned: its texts, and that there is an image where there is one."""
    if isinstance(content, str):
        return content
    blocks = [foreign.mapping(block) for block in content] if isinstance(content, list) else []
    return "\n".join(_text(block.get("text")) or f"[{_text(block.get('type'))}]" for block in blocks)


def _questions(message: Message) -> Sequence[Question]:
    try:
        return server.questions(message)
    except server.Unintelligible:
        return ()


def _text(value: object) -> str:
    """A text as it is: halves of characters and all, so that pieces can be held against their whole."""
    return value if isinstance(value, str) else ""


def _seconds(timestamp: str) -> float:
    """RFC 3339 -> seconds since 1970; 0 for what is none."""
    try:
        return datetime.fromisoformat(timestamp).timestamp()
    except (ValueError, OverflowError):
        return 0.0
