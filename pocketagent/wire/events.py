"""Events and replies -> the JSON of their `data`, which is also what the journal holds."""

from collections.abc import Mapping

import msgspec
from attrs import evolve

from pocketagent.domain.agent import Spoken
from pocketagent.domain.events import (
    AgentConfigured,
    ClientMessage,
    ExecutionError,
    PermissionRequest,
    PermissionResolved,
    ProcessKilled,
    ProjectState,
    PromptDropped,
    SessionReset,
)
from pocketagent.domain.message import Direction, Draft
from pocketagent.domain.replies import ConnectionEstablished, MessagesFound, Reply
from pocketagent.wire import claude, records

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

_encode = msgspec.json.Encoder().encode


class _PermissionRequest(msgspec.Struct):
    """The data of `permission_request`: the CLI's request, with its usual fields lifted out of it."""

    permission_id: str
    tool_name: str
    display_name: str
    input: msgspec.Raw
    description: str
    suggestions: msgspec.Raw
    tool_use_id: str
    expires_at: str
    request: msgspec.Raw


def spoken(utterance: Spoken) -> Draft:
    """A line of the agent, as it was said."""
    return Draft(Direction.CLAUDE, "agent_message", utterance.line)


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
        case ProjectState(pending_permissions=requests) if not isinstance(requests, int):
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


def _permission(event: PermissionRequest) -> _PermissionRequest:
    asked = claude.permission(event.request)
    return _PermissionRequest(
        permission_id=event.permission_id,
        tool_name=asked.tool_name,
        display_name=asked.display_name,
        input=asked.input,
        description=asked.description,
        suggestions=asked.permission_suggestions,
        tool_use_id=asked.tool_use_id,
        expires_at=event.expires_at,
        request=msgspec.Raw(event.request),
    )
