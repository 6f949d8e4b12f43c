# -*- test-case-name: tests.wire.test_server -*-
"""Our own protocol, as its clients use it: commands -> requests; what the server says -> messages and their values.

    -> {"type": "execute", "request_id": "…", "data": {"project_id": "…", "prompt": "…"}}
    <- {"type": "agent_message", "project_id": "…", "seq": 42, "timestamp": "…", "data": {…}}

The other side of the same contract is `wire.client`. What a newer server adds within version 1 is passed on, and has no
value here: types, fields, words.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import attrs
import msgspec
from attrs import frozen

from pocketagent.domain import events, replies
from pocketagent.domain.commands import Command
from pocketagent.domain.refusals import Code, Refusal, invalid
from pocketagent.wire import foreign
from pocketagent.wire.client import COMMANDS, REPLIES
from pocketagent.wire.events import TYPES, Journaled

SUBPROTOCOL = "pocketagent.v1"
MAX_MESSAGE = 16 * 1024 * 1024 + 8 * 1024
"""Bytes of a server's message that every client accepts (protocol section 1)."""

T = TypeVar("T")

_NAMES = {command: name for name, command in COMMANDS.items()}
_DEEP = 500
"""Brackets: with fewer of them nothing is too deep to be read."""
_encode = msgspec.json.Encoder().encode


class Unintelligible(Exception):
    """What the server said is not what the protocol says it says there."""


@frozen
class Message:
    """One message of the server.

    `seq` is the number of an event of the journal, None for everything else; `request_id` that of the request that
    it answers. `payload` is the message as it came.
    """

    type: str
    data: Mapping[str, object]
    timestamp: str = ""
    project_id: str | None = None
    request_id: str | None = None
    seq: int | None = None
    payload: bytes = attrs.field(default=b"", repr=False, eq=False)


@frozen
class Question:
    """A `permission_request`, as its clients are told it: `request` is the CLI's own object, untouched."""

    permission_id: str
    tool_name: str
    input: Mapping[str, object]
    expires_at: str
    display_name: str | None = None
    description: str | None = None
    suggestions: Sequence[Mapping[str, object]] = ()
    tool_use_id: str | None = None
    request: Mapping[str, object] = attrs.field(factory=dict)


@frozen
class Page:
    """A `messages_response`: a page of the journal, as messages with a `seq`."""

    messages: Sequence[Message]
    journal_id: str
    head_seq: int
    first_seq: int
    has_more: bool


Value = replies.Reply | replies.ConnectionEstablished | Journaled | Question | Page
"""What `value` returns."""

_ODD = (*foreign.ODD, Refusal, Unintelligible)
"""What is raised for data that does not fit: Refusal by the commands' own checks."""

_VALUES: Mapping[str, type[Value]] = {
    **{name: kind for kind, name in REPLIES.items()},
    **{name: kind for kind, (_, name) in TYPES.items()},
    "permission_request": Question,
    "messages_response": Page,
}


# -- what a client says -------------------------------------------------------------------------------------


def request(command: Command, request_id: str) -> bytes:
    """A command as one message; what has its default is left out. Raises Refusal (`INVALID_MESSAGE`)."""
    try:
        return _encode({"type": _NAMES[type(command)], "request_id": request_id, "data": _given(command)})
    except UnicodeEncodeError:
        raise invalid("", "The message has half of a surrogate pair: it is not valid text.") from None


def _given(value: object) -> object:
    if isinstance(value, tuple | list):
        return [_given(one) for one in value]
    kind = type(value)
    if not attrs.has(kind):
        return value
    fields = ((one, getattr(value, one.name)) for one in attrs.fields(kind))
    return {one.name: _given(found) for one, found in fields if found != one.default}


# -- what it hears ------------------------------------------------------------------------------------------


def decode(payload: bytes) -> Message:
    """Read a message of the server. Raises Unintelligible for what is no object with a `type`.

    The CLI's own words may be nested deeper than can be read here: such a message comes without its data.
    """
    said = foreign.load(payload) or _without_data(payload)
    kind, data, seq = said.get("type"), said.get("data"), said.get("seq")
    if not isinstance(kind, str):
        raise Unintelligible("The server sent what is no message of this protocol.")
    return Message(
        type=kind,
        data=data if isinstance(data, dict) else {},
        timestamp=_text(said.get("timestamp")) or "",
        project_id=_text(said.get("project_id")),
        request_id=_text(said.get("request_id")),
        seq=seq if type(seq) is int else None,
        payload=payload,
    )


def _without_data(payload: bytes) -> Mapping[str, object]:
    """The rest of a message of which the data cannot be read for its depth."""
    head, _, data = payload.partition(b',"data":')
    is_deep = data.count(b"{") + data.count(b"[") > _DEEP
    return foreign.load(head + b"}") if is_deep else {}


def value(message: Message) -> Value | None:
    """What a message says, typed; None for an `agent_message`, whose data is the CLI's own, and for what this version
    does not know."""
    kind = _VALUES.get(message.type)
    try:
        return None if kind is None else _value(message, kind)
    except _ODD:
        return None


def value_of(message: Message, kind: type[T]) -> T:
    """What a message says, as this type. Raises Unintelligible."""
    found = value(message)
    if not isinstance(found, kind):
        raise Unintelligible(f"The server answered with a {message.type!r} that this version does not understand.")
    return found


def questions(message: Message) -> Sequence[Question]:
    """The permission requests that are open, from the `project_state` that answers a join. Raises Unintelligible."""
    pending = message.data.get("pending_permissions")
    try:
        return msgspec.convert(pending, tuple[Question, ...]) if isinstance(pending, list) else ()
    except _ODD:
        raise Unintelligible("The server asks what this version does not understand.") from None


def refusal(message: Message) -> Refusal:
    """The error that a message tells; INTERNAL_ERROR for a code that this version does not know."""
    code, said, details = (message.data.get(name) for name in ("code", "message", "details"))
    known = Code(code) if isinstance(code, str) and code in list(Code) else Code.INTERNAL_ERROR
    told = Refusal(known, _text(said) or f"The server says {code}.")
    told.details = details if isinstance(details, dict) else {}
    return told


def retry_after(refusal: Refusal) -> float | None:
    """Seconds that a `RATE_LIMITED` asks to wait; None where it does not say."""
    return foreign.finite(refusal.details.get("retry_after"))


def _value(message: Message, kind: type[Value]) -> Value:
    if kind is Page:
        return _page(message)
    data = message.data
    if kind is events.ProjectState and not isinstance(pending := data.get("pending_permissions"), int):
        # The requests themselves are `questions`.
        data = {**data, "pending_permissions": len(pending) if isinstance(pending, list) else 0}
    found: Value = msgspec.convert(data, kind)
    return found


def _page(message: Message) -> Page:
    records = message.data.get("messages")
    if not isinstance(records, list):
        raise Unintelligible("A page of the journal has no `messages`.")
    found = [_record(record, message.project_id) for record in records]
    head = msgspec.convert(message.data, _Head)
    return Page(found, head.journal_id, head.head_seq, head.first_seq, head.has_more)


class _Head(msgspec.Struct):
    journal_id: str
    head_seq: int
    first_seq: int
    has_more: bool


class _Record(msgspec.Struct):
    seq: int
    timestamp: str
    type: str
    message: dict[str, object]


def _record(record: object, project_id: str | None) -> Message:
    kept = msgspec.convert(record, _Record)
    return Message(kept.type, kept.message, kept.timestamp, project_id, None, kept.seq)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
