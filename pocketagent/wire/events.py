"""Events and replies -> the JSON of their `data`, which is also what the journal holds."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain, repeat

import msgspec
from attrs import evolve

from pocketagent.domain.agent import Spoken
from pocketagent.domain.events import (
    AgentConfigured,
    ClientMessage,
    ExecutionError,
    Failure,
    PermissionRequest,
    PermissionResolved,
    ProcessKilled,
    ProjectState,
    PromptDropped,
    Queued,
    SessionReset,
    State,
    StateChanged,
)
from pocketagent.domain.message import Direction, Draft
from pocketagent.domain.permission_updates import PermissionUpdate
from pocketagent.domain.replies import ConnectionEstablished, MessagesFound, Reply
from pocketagent.wire import records
from pocketagent.wire.permissions import permission

Journaled = (
    ClientMessage
    | AgentConfigured
    | PermissionRequest
    | PermissionResolved
    | PromptDropped
    | SessionReset
    | ProcessKilled
    | ExecutionError
    | ProjectState
)

TYPES: Mapping[type[Journaled], tuple[Direction, str]] = {
    ClientMessage: (Direction.CLIENT, "client_message"),
    AgentConfigured: (Direction.SERVER, "agent_configured"),
    PermissionRequest: (Direction.CLAUDE, "permission_request"),
    PermissionResolved: (Direction.SERVER, "permission_resolved"),
    PromptDropped: (Direction.SERVER, "prompt_dropped"),
    SessionReset: (Direction.SERVER, "session_reset"),
    ProcessKilled: (Direction.SERVER, "process_killed"),
    ExecutionError: (Direction.SERVER, "error"),
    ProjectState: (Direction.SERVER, "project_state"),
}

# What `Draft(*values)` does, without the Python function that a NamedTuple has in front of it.
_draft = partial(tuple.__new__, Draft)
_encode = msgspec.json.Encoder().encode


class Asked(msgspec.Struct):
    """The data of `permission_request`: the CLI's request, with its usual fields lifted out of it."""

    permission_id: str
    tool_name: str
    display_name: str | None
    input: msgspec.Raw
    description: str | None
    suggestions: msgspec.Raw
    tool_use_id: str | None
    expires_at: str
    request: msgspec.Raw


def spoken(said: Sequence[Spoken]) -> list[Draft]:
    """Lines of the agent, as they were said. The hot path: no Python of ours runs for a line."""
    return list(map(_draft, zip(repeat(Direction.CLAUDE), repeat("agent_message"), chain.from_iterable(said))))


def draft(event: Journaled) -> Draft:
    """An event as the journal is to keep it."""
    direction, name = TYPES[type(event)]
    if isinstance(event, PermissionResolved) and event.by is not None:
        direction = Direction.CLIENT
    return Draft(direction, name, data(event))


def data(value: Journaled | Reply | ConnectionEstablished) -> bytes:
    """The JSON object that stands in `data`."""
    match value:
        case PermissionRequest():
            return _encode(_permission(value))
        case ProjectState(pending_permissions=requests) if requests and not isinstance(requests, int):
            # Encoded in two steps: msgspec would write the bytes of a request as base64.
            whole = msgspec.to_builtins(evolve(value, pending_permissions=0))
            return _encode(whole | {"pending_permissions": [_permission(request) for request in requests]})
        case MessagesFound():
            found = b",".join(records.record(entry)[:-1] for entry in value.messages)
            rest = _encode(
                {
                    "journal_id": value.journal_id,
                    "head_seq": value.head_seq,
                    "first_seq": value.first_seq,
                    "has_more": value.has_more,
                }
            )
            return b'{"messages":[' + found + b"]," + rest[1:]
        case _:
            return _encode(value)


def _permission(event: PermissionRequest) -> Asked:
    asked = permission(event.request)
    return Asked(
        permission_id=event.permission_id,
        tool_name=asked.tool_name,
        display_name=asked.display_name,
        input=msgspec.Raw(asked.input),
        description=asked.description,
        suggestions=msgspec.Raw(asked.suggestions),
        tool_use_id=asked.tool_use_id,
        expires_at=event.expires_at,
        request=msgspec.Raw(event.request),
    )


def as_plain(update: PermissionUpdate) -> Mapping[str, object]:
    """A permission update as the CLI spells it: without what was not given."""
    plain: dict[str, object] = msgspec.to_builtins(update)
    if update.rules is not None:
        plain["rules"] = [
            {name: value for name, value in rule.items() if value is not None}
            for rule in msgspec.to_builtins(update.rules)
        ]
    return {name: value for name, value in plain.items() if value is not None}


# -- and back, for a server that starts ---------------------------------------------------------------------


_REQUEST = re.compile(rb'\{"permission_id":("(?:[^"\\]|\\.)*")')


class _State(msgspec.Struct):
    state: State
    session_id: str | None = None
    execution_id: str | None = None
    queued: tuple[Queued, ...] = ()
    error: Failure | None = None
    last_words: str | None = None


class _Named(msgspec.Struct):
    execution_id: str = ""
    queued: bool = False
    permission_id: str = ""
    code: str = ""
    previous: str | None = None
    prompt: str = ""


def read_state(message: bytes) -> StateChanged | None:
    """What a `project_state` of the journal told; None when it cannot be read."""
    try:
        told = msgspec.json.decode(message, type=_State)
    except msgspec.DecodeError:
        return None
    return StateChanged(told.state, told.session_id, told.execution_id, told.queued, told.error, (), told.last_words)


def read_client_message(message: bytes) -> tuple[str, bool]:
    """The execution_id of a `client_message`, and whether it had to wait."""
    named = msgspec.json.decode(message, type=_Named)
    return named.execution_id, named.queued


def read_words(message: bytes) -> str:
    """The prompt of a `client_message`; empty where it has none."""
    return msgspec.json.decode(message, type=_Named).prompt


def read_dropped(message: bytes) -> str:
    """The execution_id of a `prompt_dropped`."""
    return msgspec.json.decode(message, type=_Named).execution_id


def read_previous(message: bytes) -> str | None:
    """The conversation that a `session_reset` left; None where there was none."""
    return msgspec.json.decode(message, type=_Named).previous


def read_code(message: bytes) -> str:
    """The code of an `error`."""
    return msgspec.json.decode(message, type=_Named).code


def read_permission(message: bytes) -> str:
    """The permission_id of a `permission_request` or `permission_resolved`.

    In a request it stands first: the CLI's own words behind it may be JSON that a strict reader refuses.
    """
    found = _REQUEST.match(message)
    if found is not None:
        return msgspec.json.decode(found[1], type=str)
    return msgspec.json.decode(message, type=_Named).permission_id


class _WithId(msgspec.Struct):
    id: str


class _Prompted(msgspec.Struct):
    execution_id: str
    prompt: str
    attachments: tuple[_WithId, ...] = ()


def read_prompt(message: bytes) -> tuple[str, str, tuple[str, ...]]:
    """The execution_id, the prompt and the ids of the attachments of a `client_message`."""
    prompted = msgspec.json.decode(message, type=_Prompted)
    return prompted.execution_id, prompted.prompt, tuple(one.id for one in prompted.attachments)
