# -*- test-case-name: tests.terminal.test_conversation -*-
"""A project's messages -> what a person reads, and how things stand. Pure: the same messages, the same screen."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from attrs import define, evolve, field

from pocketagent.domain.events import (
    AgentConfigured,
    ClientMessage,
    ExecutionError,
    PermissionResolved,
    ProcessKilled,
    ProjectState,
    PromptDropped,
    Queued,
    SessionReset,
    State,
)
from pocketagent.domain.replies import ProjectJoined, Replay
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
from pocketagent.wire import server
from pocketagent.wire.server import Message, Question

MAX_CALLS = 256
"""Calls that may be under way at once; of more, the oldest are no longer shown."""

_STDOUT = "<local-command-stdout>", "</local-command-stdout>"

Json = Mapping[str, object]


@define(eq=False)
class Conversation:
    """What is known of a conversation after the messages so far.

    `waiting`: the prompts in the queue, by execution. `questions`: the permission requests that are open. `calls`: the
    tools at work. `writing`: the text that the agent is writing; `thinking`, what it thinks meanwhile. `doing`: what
    else it is busy with, in words. `since`: when the execution began, in seconds since 1970.
    """

    state: State = State.IDLE
    name: str = ""
    path: str = ""
    execution_id: str | None = None
    since: float = 0.0
    model: str = ""
    mode: str = ""
    doing: str = ""
    is_trusted: bool = True
    waiting: dict[str, ClientMessage] = field(factory=dict)
    questions: dict[str, Question] = field(factory=dict)
    calls: dict[str, Call] = field(factory=dict)
    writing: Writing = field(factory=Writing)
    thinking: str = ""
    seq: int = 0
    head_seq: int = 0
    _inner: dict[str, int] = field(factory=dict)
    _result: Json = field(factory=dict)
    _killed: bool = False

    @property
    def is_replaying(self) -> bool:
        """Whether what comes is history: later messages that are known to be there may take it back."""
        return self.seq < self.head_seq

    def hear(self, message: Message) -> Sequence[Shown]:
        """Take in one message; what is to be written for it."""
        if message.seq is not None:
            self.seq = message.seq
        if message.type == "agent_message":
            return list(self._said(message.data, _seconds(message.timestamp)))
        found = server.value(message)
        return list(self._happened(message, found))

    # -- what happens in the project ----------------------------------------------------------------------------

    def _happened(self, message: Message, found: object) -> Iterator[Shown]:
        match found:
            case ClientMessage():
                if found.queued:
                    self.waiting[found.execution_id] = found
                else:
                    yield Prompted(found.by.name, found.prompt)
            case ProjectState() if message.request_id is not None:
                self._stand(found)
                self.execution_id = found.execution_id
                self.questions = {question.permission_id: question for question in server.questions(message)}
            case ProjectState() if message.seq is not None or found.state is State.ERROR:
                yield from self._changed(found, _seconds(message.timestamp))
            case ProjectJoined():
                self.head_seq = found.head_seq
                self._drop()
                if found.replay is Replay.GAP:
                    self.calls.clear()
                    yield Notice("The server no longer has everything of what came before: here is what is left.")
            case Question():
                self.questions[found.permission_id] = found
            case PermissionResolved():
                yield from self._resolved(found, _seconds(message.timestamp))
            case AgentConfigured():
                self.model = found.model or self.model
                self.mode = found.permission_mode or self.mode
            case PromptDropped():
                dropped = self.waiting.pop(found.execution_id, None)
                if dropped is not None:
                    yield Notice(f"A prompt in the queue was dropped ({found.reason}):", dropped.prompt.splitlines())
            case SessionReset():
                yield Notice("A new conversation begins with the next prompt.")
            case ProcessKilled():
                self._killed = True
            case ExecutionError():
                stderr = found.details.get("stderr")
                yield Failed(found.code, found.message, stderr if isinstance(stderr, str) else "")
            case _:
                pass

    def _stand(self, state: ProjectState) -> None:
        self.name, self.path, self.state = state.name, state.path, state.state
        self.is_trusted = state.trust.state == "trusted"
        self._queue(state.queued)

    def _queue(self, queued: Sequence[Queued]) -> None:
        """What waits, in the server's order; but for prompts whose `client_message` lies too far back."""
        known = self.waiting
        self.waiting = {one.execution_id: known[one.execution_id] for one in queued if one.execution_id in known}

    def _changed(self, state: ProjectState, now: float) -> Iterator[Shown]:
        running = self.execution_id
        begun = self.waiting.pop(state.execution_id or "", None)
        if running is not None and state.execution_id != running:
            yield from self._ended(state.state, now)
        self._stand(state)
        self.execution_id = state.execution_id
        if state.execution_id is not None and state.execution_id != running:
            self.since = now
            if begun is not None:
                yield Prompted(begun.by.name, begun.prompt)

    def _ended(self, state: State, now: float) -> Iterator[Shown]:
        self._drop()
        self.calls.clear()
        self._inner.clear()
        result, self._result = self._result, {}
        killed, self._killed = self._killed, False
        if state is State.ERROR:
            return
        cost = result.get("total_cost_usd")
        outcome = "killed" if killed else _outcome(result)
        yield Ended(max(0.0, now - self.since), float(cost) if isinstance(cost, int | float) else None, outcome)

    def _resolved(self, told: PermissionResolved, now: float) -> Iterator[Shown]:
        question = self.questions.pop(told.permission_id, None)
        if question is None:
            return
        call = self.calls.get(question.tool_use_id or "")
        if call is not None:
            self.calls[call.id] = evolve(call, began=now)  # the wait for a person is not the tool's
        yield Answered(question, told.behavior, told.by.name if told.by else None, told.reason)

    # -- what the agent says ------------------------------------------------------------------------------------

    def _said(self, data: Json, now: float) -> Iterator[Shown]:
        parent = data.get("parent_tool_use_id")
        inside = parent if isinstance(parent, str) else None
        match data.get("type"):
            case "stream_event":
                if inside is None:
                    yield from self._streamed(_object(data.get("event")))
            case "assistant":
                for block in _blocks(data):
                    yield from self._block(block, inside, now)
            case "user":
                yield from self._returned(data, now)
            case "system":
                yield from self._system(data)
            case "result":
                self._result = data
                self._drop()
            case "rate_limit_event":
                info = _object(data.get("rate_limit_info"))
                if info.get("status") not in (None, "allowed"):
                    yield Notice(
                        f"The account's limit: {_text(info.get('status'))} ({_text(info.get('rateLimitType'))})."
                    )
            case "raw":
                yield Notice("The agent said what is no JSON:", _text(data.get("text")).splitlines())
            case _:
                pass

    def _streamed(self, event: Json) -> Iterator[Shown]:
        match event.get("type"):
            case "message_start":
                self._drop()
            case "content_block_start":
                block = _object(event.get("content_block"))
                self.doing = _text(block.get("name")) if block.get("type") == "tool_use" else ""
            case "content_block_delta":
                delta = _object(event.get("delta"))
                if delta.get("type") == "text_delta":
                    has_begun = self.writing.has_begun
                    if part := self.writing.add(_text(delta.get("text"))):
                        yield Said(part, not has_begun)
                elif delta.get("type") == "thinking_delta":
                    self.thinking += _text(delta.get("thinking"))
            case _:
                pass

    def _block(self, block: Json, inside: str | None, now: float) -> Iterator[Shown]:
        match block.get("type"):
            case "text" if inside is None:
                has_begun = self.writing.has_begun
                whole = _text(block.get("text"))
                rest = self.writing.finish(whole)
                if rest.strip():
                    yield Said(rest, not has_begun or rest == whole)
            case "thinking" if inside is None:
                self.thinking = ""
                if thought := _text(block.get("thinking")).strip():
                    yield Thought(thought)
            case "tool_use":
                self.doing = ""
                self._call(
                    Call(_text(block.get("id")), _text(block.get("name")), _object(block.get("input")), now, inside)
                )
            case _:
                pass

    def _call(self, call: Call) -> None:
        self.calls[call.id] = call
        if call.parent is not None:
            self._inner[call.parent] = self._inner.get(call.parent, 0) + 1
        if len(self.calls) > MAX_CALLS:
            del self.calls[next(iter(self.calls))]

    def _returned(self, data: Json, now: float) -> Iterator[Shown]:
        for block in _blocks(data):
            if block.get("type") == "tool_result":
                call = self.calls.pop(_text(block.get("tool_use_id")), None)
                if call is not None:
                    is_error = block.get("is_error") is True
                    details = _object(data.get("tool_use_result"))
                    inner = self._inner.pop(call.id, 0)
                    seconds = max(0.0, now - call.began)
                    yield Called(call, _output(block.get("content")), is_error, seconds, details, inner)
            elif block.get("type") == "text" and _text(block.get("text")).startswith(_STDOUT[0]):
                said = _text(block.get("text")).removeprefix(_STDOUT[0]).removesuffix(_STDOUT[1]).strip()
                if said:
                    yield Notice(said.splitlines()[0], said.splitlines()[1:])

    def _system(self, data: Json) -> Iterator[Shown]:
        match data.get("subtype"):
            case "init":
                self.model = _text(data.get("model")) or self.model
                self.mode = _text(data.get("permissionMode")) or self.mode
            case "status":
                self.mode = _text(data.get("permissionMode")) or self.mode
                self.doing = "compacting the conversation" if data.get("status") == "compacting" else ""
            case "api_retry":
                self.doing = f"waiting for the API (try {data.get('attempt', '?')} of {data.get('max_retries', '?')})"
            case "compact_boundary":
                yield Notice("The conversation was compacted: the agent goes on with a summary of it.")
            case "local_command_output":
                if said := _text(data.get("content")).strip():
                    yield Said(said)
            case "task_notification":
                yield Notice(_text(data.get("summary")) or "A background task has ended.")
            case "informational" | "notification":
                if said := _text(data.get("content") or data.get("message")).strip():
                    yield Notice(said.splitlines()[0], said.splitlines()[1:])
            case _:
                pass

    def _drop(self) -> None:
        """Pieces of messages that were not finished are void."""
        self.writing.drop()
        self.thinking = ""
        self.doing = ""


def _outcome(result: Json) -> str:
    """What a person should know of how a turn ended, beside what the agent said."""
    match result.get("subtype"):
        case "error_max_turns":
            return "stopped at the limit of turns"
        case "error_max_budget_usd":
            return "stopped at the limit of cost"
        case _:
            reason = _text(result.get("terminal_reason"))
            return "interrupted" if reason.startswith("aborted") else ""


def _blocks(data: Json) -> Sequence[Json]:
    content = _object(data.get("message")).get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


def _output(content: object) -> str:
    """What a tool returned: its texts, and that there is an image where there is one."""
    if isinstance(content, str):
        return content
    blocks = [_object(block) for block in content] if isinstance(content, list) else []
    return "\n".join(_text(block.get("text")) or f"[{_text(block.get('type'))}]" for block in blocks)


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _seconds(timestamp: str) -> float:
    """RFC 3339 -> seconds since 1970; 0 for what is none."""
    try:
        return datetime.fromisoformat(timestamp).timestamp()
    except ValueError:
        return 0.0
