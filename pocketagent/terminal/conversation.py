# -*- test-case-name: tests.terminal.test_conversation -*-
"""A project's messages -> what a person reads, and how things stand. Pure: the same messages, the same screen.

Two things are told in two ways. How the project *stands* is what the newest reply or event says: `state`,
`execution_id`, `name`. What has *happened* is what the events tell, one after another: they may be history, and then
the project stands further on already than what is being told.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from attrs import define, field

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
from pocketagent.terminal.calls import Calls
from pocketagent.terminal.shown import (
    Answered,
    Call,
    Failed,
    Notice,
    Prompted,
    Said,
    Shown,
    Thought,
)
from pocketagent.terminal.turn import Turn
from pocketagent.terminal.writing import Writing
from pocketagent.wire import foreign, server
from pocketagent.wire.blocks import blocks, output
from pocketagent.wire.server import Message, Question

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
    calls: Calls = field(factory=Calls)
    writing: Writing = field(factory=Writing)
    is_thinking: bool = False
    seq: int = 0
    head_seq: int = 0
    # How the project stood when it was joined.
    _open: Mapping[str, Question] = field(factory=dict)
    _joined_at: float = 0.0
    _turn: Turn = field(factory=Turn)
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
        is_told = self._turn.execution_id is not None and self._turn.execution_id == self.execution_id
        return self._turn.began if is_told else self._joined_at

    def hear(self, message: Message) -> Sequence[Shown]:
        """Take in one message; what is to be written for it."""
        if message.seq is not None:
            self.seq = message.seq
            if message.seq == 1:
                self._turn.begin_conversation()
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
                self._turn.ask(found.permission_id, now)
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
                self._turn.begin_conversation()
                yield Notice("A new conversation begins with the next prompt.")
            case ProcessKilled():
                self._turn.kill()
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
        self._turn.forget()
        self.calls.clear()
        self._drop()
        self.waiting.clear()
        self.questions.clear()
        self._unkept = None

    def _turned(self, state: ProjectState, now: float) -> Iterator[Shown]:
        """The turn that is told has ended where the state tells of another one, or of none."""
        if state.execution_id == self._turn.execution_id:
            return
        if self._turn.execution_id is not None:
            yield from self._ended(state.state, now)
        self._turn.begin(state.execution_id, now)
        begun = self.waiting.pop(state.execution_id or "", None)
        if begun is not None:
            yield Prompted.of(begun)

    def _ended(self, state: State, now: float) -> Iterator[Shown]:
        yield from self.calls.cut_off(now)
        ended = self._turn.end(now)
        self._drop()
        if state is not State.ERROR:
            yield ended

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
        yield from self.calls.cut_off(now)
        stderr = error.details.get("stderr")
        yield Failed(error.code, error.message, stderr if isinstance(stderr, str) else "")

    def _resolved(self, told: PermissionResolved, now: float) -> Iterator[Shown]:
        question = self.questions.pop(told.permission_id, None)
        waited = self._turn.answer(told.permission_id, now)
        if question is None:
            return
        if waited is not None:
            self.calls.take_out(question.tool_use_id or "", now, waited)
        answered = Answered(question, told.behavior, told.by.name if told.by else None, told.reason)
        if not self.calls.answer(answered):
            yield answered

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
                self._turn.settle(data)
                self._drop()
            case "rate_limit_event":
                told, self._limit = self._limit, limit(foreign.mapping(data.get("rate_limit_info")))
                if self._limit and self._limit != told:
                    yield Notice(self._limit)
            case "conversation_reset":
                self._turn.begin_conversation()
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
            said = command_output("\n".join(_text(block.get("text")) for block in blocks(data)))
            if said is not None:
                yield said
            return
        for block in blocks(data):
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
                    self.calls.begin(Call(_text(block.get("id")), _text(block.get("name")), given, now, inside))
                case _:
                    pass

    def _finished(self, whole: str) -> Iterator[Said]:
        has_begun = self.writing.has_begun
        rest = self.writing.finish(whole)
        if rest.strip():
            yield Said(rest, not has_begun or rest == whole)

    def _returned(self, data: Json, now: float) -> Iterator[Shown]:
        for block in blocks(data):
            if block.get("type") == "tool_result":
                is_error, details = block.get("is_error") is True, foreign.mapping(data.get("tool_use_result"))
                returned = output(block.get("content"))
                yield from self.calls.end(_text(block.get("tool_use_id")), returned, is_error, details, now)
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

    def _pause(self) -> None:
        """What was going on is not known to go on."""
        self.is_thinking = False
        self.doing = ""

    def _drop(self) -> None:
        """Pieces of messages that were not finished are void."""
        self.writing.drop()
        self._pause()


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
