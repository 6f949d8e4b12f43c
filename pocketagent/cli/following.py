# -*- test-case-name: tests.cli.test_following -*-
"""One execution, as the messages of its project tell it: what the agent says, each word once; what it asks; its end.

It reads and does nothing else, so that it is tested with values. The words come twice, as pieces while they are written
and then whole: what was not told as pieces is told from the whole, however the connection fared in between.
"""

from collections.abc import Iterator, Mapping, Sequence

from attrs import define, field, frozen

from pocketagent.cli.entries import brief
from pocketagent.domain.events import PermissionResolved, ProjectState
from pocketagent.domain.refusals import Code
from pocketagent.domain.replies import ProjectJoined, Replay
from pocketagent.wire.blocks import blocks
from pocketagent.wire.results import AT_BOUND, Ending, ending_of
from pocketagent.wire.server import Message, Question, value

DONE, FAILED, UNKNOWN, STOPPED, TIMED_OUT = 0, 1, 3, 5, 124
"""Exit codes (docs/operations.md, From scripts)."""

MAX_UNFINISHED = 16
"""Texts that were told in pieces and of which the whole may still come."""


@frozen
class Words:
    """What the agent says next, for stdout, as it is."""

    text: str


@frozen
class Noticed:
    """Something that happened besides: one line."""

    text: str


@frozen
class Ended:
    """How it ended: the exit code, and a sentence where it did not end well."""

    code: int
    sentence: str = ""


Heard = Words | Noticed | Question | PermissionResolved | Ended


@define(eq=False)
class Execution:
    """An execution that was accepted, by its id. Give it every message of the project, from before it was asked for."""

    id: str
    is_running: bool = False
    is_over: bool = False
    _written: list[str] = field(factory=lambda: [""], init=False)
    """What was told of the texts of which the whole has not come yet; the last one is being written."""
    _half: str = field(default="", init=False)
    """Half of a character, which the next piece completes."""
    _has_spoken: bool = field(default=False, init=False)
    _result: Mapping[str, object] = field(factory=dict, init=False)
    _failure: Ended | None = field(default=None, init=False)
    _was_killed: bool = field(default=False, init=False)
    _journal_id: str = field(default="", init=False)
    _state: ProjectState | None = field(default=None, init=False)
    _known: set[str] = field(factory=set, init=False)
    """The ids of the agent's messages that were read."""
    _lost_at: int | None = field(default=None, init=False)
    """The end of a journal that is another one now: if this execution has not ended there, it never will."""

    def hear(self, message: Message) -> Sequence[Heard]:
        """What follows from the next message, in order."""
        return list(self._hear(message)) if not self.is_over else ()

    def concerns(self, message: Message) -> bool:
        """Whether a message, heard just before, is about this execution."""
        if message.request_id is not None:
            return False
        named = message.data.get("execution_id")
        return self.is_running or named == self.id or (self.is_over and message.type == "project_state")

    def _hear(self, message: Message) -> Iterator[Heard]:
        if message.request_id is not None:
            yield from self._joined(message)
            return
        named = message.data.get("execution_id") == self.id
        match message.type:
            case "project_state":
                if named:
                    self.is_running = True
                elif self.is_running:
                    yield from self._end(self._how())
            case "prompt_dropped" if named:
                reason = message.data.get("reason")
                yield from self._end(Ended(STOPPED, f"The prompt was dropped from the queue ({reason})."))
            case "process_killed" if named:
                self._was_killed = True
            case "error" if named:
                yield from self._failed(message)
            case "agent_message" if self.is_running:
                yield from self._spoken(message)
            case "permission_request" | "permission_resolved" if self.is_running:
                found = value(message)
                if isinstance(found, (Question, PermissionResolved)):
                    yield found
        if not self.is_over and self._lost_at is not None and (message.seq or 0) >= self._lost_at:
            yield from self._lost()

    def _joined(self, message: Message) -> Iterator[Heard]:
        """The two replies to a join: after the first one, the connection was lost in between, or we were slow."""
        found = value(message)
        if isinstance(found, ProjectState):
            self._state = found
        elif isinstance(found, ProjectJoined):
            is_another = self._journal_id not in ("", found.journal_id)
            self._journal_id = found.journal_id
            if found.replay is Replay.GAP and is_another:
                self.is_running = False  # which its beginning in the new journal tells again
                if self._state is not None and not _is_of(self._state, self.id):
                    self._lost_at = found.head_seq
                    if found.head_seq < found.first_seq:
                        yield from self._lost()

    # -- the words --------------------------------------------------------------------------------------------

    def _spoken(self, message: Message) -> Iterator[Heard]:
        data = message.data
        if data.get("type") == "stream_event":
            if data.get("parent_tool_use_id") is None and isinstance(event := data.get("event"), dict):
                yield from self._piece(event)
            return
        if isinstance(known := data.get("uuid"), str):
            if known in self._known:
                return  # a journal that is another one now is told from its beginning
            self._known.add(known)
        if data.get("type") == "result":
            self._result = data
        elif data.get("type") == "assistant" and data.get("parent_tool_use_id") is None:
            for block in blocks(data):
                if block.get("type") == "text":
                    yield from self._whole(str(block.get("text", "")))
        if (line := brief(data)) is not None:
            yield Noticed(line)

    def _piece(self, event: Mapping[str, object]) -> Iterator[Heard]:
        """A part of a message that is still being written."""
        if event.get("type") in ("message_start", "content_block_start"):
            yield from self._end_of_text()
        delta = event.get("delta")
        if event.get("type") == "content_block_delta" and isinstance(delta, dict) and delta.get("type") == "text_delta":
            text, self._half = _cut(self._half + str(delta.get("text", "")))
            if text:
                self._written[-1] += text
                yield Words(text)

    def _whole(self, text: str) -> Iterator[Heard]:
        """A text as it is: what was told of it in pieces is not told again."""
        text = _characters(text)
        if not text:
            return
        # The same one, or the one that was told as far as the connection lasted.
        at = next((at for at, told in enumerate(self._written) if told == text), None)
        if at is None:
            at = next((at for at, told in enumerate(self._written) if told and text.startswith(told)), None)
        if at is None:
            yield from self._end_of_text()  # What came in pieces was given up by the agent.
            told, is_last = "", True
        else:
            told, is_last = self._written[at], at == len(self._written) - 1
        self._written = self._written[at + 1 :] if at is not None and not is_last else [""]
        self._half = ""
        self._has_spoken = True
        rest = text[len(told) :]
        if is_last or rest:
            yield Words(rest if text.endswith("\n") else f"{rest}\n")

    def _end_of_text(self) -> Iterator[Heard]:
        """Another one begins, or none."""
        if told := self._written[-1]:
            self._has_spoken = True
            self._written = [*self._written[-MAX_UNFINISHED:], ""]
            if not told.endswith("\n"):
                yield Words("\n")
        self._half = ""

    # -- the end ----------------------------------------------------------------------------------------------

    def _failed(self, message: Message) -> Iterator[Heard]:
        said = str(message.data.get("message", ""))
        code = message.data.get("code")
        if code == Code.LINE_TOO_LARGE:
            yield Noticed(said)
            return
        details = message.data.get("details")
        stderr = str(details.get("stderr") or "").strip() if isinstance(details, dict) else ""
        codes: Mapping[object, int] = {Code.EXECUTION_TIMEOUT: TIMED_OUT, Code.EXECUTION_INTERRUPTED: STOPPED}
        sentence = f"{said} Its last words: {stderr}" if stderr else said
        self._failure = Ended(codes.get(code, FAILED), sentence)

    def _how(self) -> Ended:
        """How it ended, once the project says that it is over."""
        if self._was_killed:
            return Ended(STOPPED, "The turn was killed.")
        if self._failure is not None:
            return self._failure
        ending = ending_of(self._result)
        if ending is Ending.DONE:
            return Ended(DONE)
        if ending in AT_BOUND:
            return Ended(FAILED, f"The agent {ending}.")
        return Ended(STOPPED, "The turn was interrupted.")

    def _end(self, how: Ended) -> Iterator[Heard]:
        yield from self._end_of_text()
        said = self._result.get("result")
        if how.code == DONE and not self._has_spoken and isinstance(said, str) and said:
            yield from self._whole(said)  # as of a command of the CLI, for which no model speaks
        self.is_running = False
        self.is_over = True
        yield how

    def _lost(self) -> Iterator[Heard]:
        yield from self._end(
            Ended(UNKNOWN, "The journal of the project is another one now: what became of the turn is not known.")
        )


def _is_of(state: ProjectState, execution_id: str) -> bool:
    """Whether it runs or waits there."""
    return execution_id in (state.execution_id, *(one.execution_id for one in state.queued))


def _cut(text: str) -> tuple[str, str]:
    """The whole characters of a text, and half a one at its end: programs that count in UTF-16 cut there, too."""
    end = len(text) - 1 if text and "\ud800" <= text[-1] <= "\udbff" else len(text)
    return _characters(text[:end]), text[end:]


def _characters(text: str) -> str:
    """Two halves are a character, and one half is none."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
