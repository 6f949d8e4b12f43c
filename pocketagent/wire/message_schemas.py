# -*- test-case-name: tests.wire.test_message_schemas -*-
"""The messages of the WebSocket, whole, as JSON Schema: what a client may say, and what it may be told.

    ClientRequest = one of ProjectListRequest, ExecuteRequest, …      each {type, request_id, data: ListProjects, …}
    ServerMessage = one of ProjectStateEnvelope, ErrorEnvelope, …     each {type, timestamp, data: ProjectState, …}

`type` says which one it is. A client's types are made of these, and so are written once.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pocketagent.domain.events import ExecutionError
from pocketagent.domain.replies import (
    AgentInfo,
    ConnectionEstablished,
    HealthStatus,
    ProjectListed,
    ServerStats,
)
from pocketagent.wire.client import COMMANDS, MAX_REQUEST_ID, REPLIES
from pocketagent.wire.events import TYPES
from pocketagent.wire.schema import REF, Problem, Schema

_EVENTS: Mapping[str, type] = {name: kind for kind, (_, name) in TYPES.items()}
_TOLD: Mapping[str, type] = {**{name: kind for kind, name in REPLIES.items()}, **_EVENTS}
_OF_THE_SERVER = (ConnectionEstablished, ProjectListed, AgentInfo, HealthStatus, ServerStats)
"""What is told of no project, or need not be."""

_SEQ: Schema = {"type": "integer", "minimum": 1, "description": "Of an event of the journal; else there is none."}
_REQUEST_ID: Schema = {"type": "string", "maxLength": MAX_REQUEST_ID}
_LINE: Schema = {
    "type": "object",
    "additionalProperties": True,
    "description": "One line of the Claude CLI, untouched: stream-json has no schema of ours.",
}


def kinds() -> Sequence[type]:
    """The classes whose schemas these messages refer to."""
    return [*COMMANDS.values(), *_TOLD.values(), Problem]


def messages(schemas: Mapping[Any, Schema]) -> dict[str, Schema]:
    """The components, by name; `schemas` are those of `kinds`."""
    told = {name: _envelope(name, kind, schemas) for name, kind in _TOLD.items()}
    told["agent_message"] = _message(
        "agent_message", _LINE, ["project_id"], seq={**_SEQ, "description": "Partial output has none."}
    )
    asked = {name: _request(name, schemas[kind]) for name, kind in COMMANDS.items()}
    return {
        **{_named(name, "Request"): one for name, one in asked.items()},
        **{_named(name, "Envelope"): one for name, one in told.items()},
        "ClientRequest": _one_of(asked, "Request", "Whatever a client may say."),
        "ServerMessage": _one_of(
            told, "Envelope", "Whatever a client may be told. Ignore a `type` that is not among these."
        ),
    }


def _envelope(name: str, kind: type, schemas: Mapping[Any, Schema]) -> Schema:
    more: Schema = {}
    if name in _EVENTS:
        more["seq"] = _SEQ
    if kind in REPLIES:
        more["request_id"] = {**_REQUEST_ID, "description": "Of the request that this answers; else there is none."}
    if kind is ExecutionError:
        # What answers a request has no execution.
        return _message(name, {"anyOf": [schemas[ExecutionError], schemas[Problem]]}, [], **more)
    needed = [] if kind in _OF_THE_SERVER else ["project_id"]
    return _message(name, schemas[kind], needed, **more)


def _message(name: str, data: Schema, needed: Sequence[str], **more: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {
            "type": {"const": name},
            "timestamp": {"type": "string", "format": "date-time"},
            "project_id": {"type": "string"},
            **more,
            "data": data,
        },
        "required": ["type", "timestamp", *needed, "data"],
    }


def _request(name: str, data: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {"type": {"const": name}, "request_id": _REQUEST_ID, "data": data},
        "required": ["type", "data"],
    }


def _one_of(found: Mapping[str, Schema], suffix: str, words: str) -> Schema:
    places = {name: REF + _named(name, suffix) for name in found}
    return {
        "description": words,
        "oneOf": [{"$ref": place} for place in places.values()],
        "discriminator": {"propertyName": "type", "mapping": places},
    }


def _named(name: str, suffix: str) -> str:
    """`project_state` -> `ProjectStateEnvelope`."""
    return "".join(word.capitalize() for word in name.split("_")) + suffix
