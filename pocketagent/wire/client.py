"""Our own protocol: what a client says -> commands; replies, refusals and entries -> what it hears.

    -> {"type": "execute", "project_id": "…", "request_id": "…", "data": {"prompt": "…"}}
    <- {"type": "execution_accepted", "project_id": "…", "request_id": "…", "timestamp": "…", "data": {…}}
    <- {"type": "agent_message", "project_id": "…", "seq": 42, "timestamp": "…", "data": {…}}

The whole contract is in docs/protocol.md.
"""

import json
import re
from collections.abc import Mapping, Sequence

import attrs
import msgspec
from attrs import frozen

from pocketagent.domain import commands, events, replies
from pocketagent.domain.commands import Command
from pocketagent.domain.events import ExecutionError, ProjectState
from pocketagent.domain.message import Entry
from pocketagent.domain.options import Options
from pocketagent.domain.permission_updates import PermissionUpdate, ToolRule
from pocketagent.domain.refusals import Code, Refusal, invalid
from pocketagent.domain.replies import ConnectionEstablished, Reply
from pocketagent.ports import IBatch
from pocketagent.wire.events import data

MAX_DEPTH = 64
MAX_CONTAINERS = 10_000
"""Objects and arrays in one message: bounds the work of reading it (threats 3.2 has 1,000 keys; ours is rounder)."""
MAX_DIGITS = 100
"""Of a whole number: Python takes long over thousands of them."""
MAX_REQUEST_ID = 128
MAX_PROJECT_ID = 128
MAX_SHOWN = 256
"""Characters of a client's own words that an error repeats."""

COMMANDS: Mapping[str, type[Command]] = {
    "project_create": commands.CreateProject,
    "project_update": commands.UpdateProject,
    "project_trust": commands.TrustProject,
    "project_list": commands.ListProjects,
    "project_get": commands.GetProject,
    "project_delete": commands.DeleteProject,
    "project_join": commands.JoinProject,
    "project_leave": commands.LeaveProject,
    "execute": commands.Execute,
    "queue_remove": commands.RemoveFromQueue,
    "agent_configure": commands.Configure,
    "agent_interrupt": commands.Interrupt,
    "agent_kill": commands.Kill,
    "agent_new_session": commands.NewSession,
    "permission_response": commands.AnswerPermission,
    "error_acknowledge": commands.AcknowledgeError,
    "get_messages": commands.GetMessages,
    "message_ack": commands.AcknowledgeMessages,
    "agent_info": commands.GetAgentInfo,
    "agent_context": commands.GetContext,
    "health_check": commands.CheckHealth,
    "server_stats": commands.GetStats,
}

Told = Reply | ConnectionEstablished | ExecutionError
"""What is told without a `seq`; an `error` of an execution only while it cannot be kept."""

REPLIES: Mapping[type[Told], str] = {
    replies.ConnectionEstablished: "connection_established",
    ProjectState: "project_state",
    replies.ProjectListed: "project_list_response",
    replies.ProjectDeleted: "project_deleted",
    replies.ProjectJoined: "project_joined",
    replies.ProjectLeft: "project_left",
    replies.ExecutionAccepted: "execution_accepted",
    events.AgentConfigured: "agent_configured",
    replies.AgentInterrupted: "agent_interrupted",
    events.ProcessKilled: "process_killed",
    events.SessionReset: "session_reset",
    events.PermissionResolved: "permission_resolved",
    events.PromptDropped: "prompt_dropped",
    replies.MessagesFound: "messages_response",
    replies.AgentInfo: "agent_info",
    replies.AgentContext: "agent_context",
    replies.HealthStatus: "health_status",
    replies.ServerStats: "server_stats",
    ExecutionError: "error",
}

# Where an unknown field is a mistake that must not pass: a typo in a safety option (protocol section 2).
EXACT: tuple[type[object], ...] = (
    Options,
    commands.AnswerPermission,
    PermissionUpdate,
    ToolRule,
)

_BRACKET = re.compile(rb"[\[\]{}]")
# Possessive, and content with an end that is missing: linear also in what is no JSON.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.?)*+(?:"|\Z)', re.DOTALL)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_WHERE = re.compile(r" - at `\$(?P<path>[^`]*)`")


@frozen
class Request:
    """One message of a client, understood. `project_id` is the one it is about, None where it is about none."""

    command: Command
    request_id: str | None
    project_id: str | None


class Unreadable(Refusal):
    """A message that is no request; with what could be read of it, so that the error finds its asker."""

    def __init__(self, refusal: Refusal, request_id: str | None, project_id: str | None) -> None:
        super().__init__(refusal.code, refusal.message, **refusal.details)
        self.request_id = request_id
        self.project_id = project_id


class _Envelope(msgspec.Struct, omit_defaults=True):
    type: str
    timestamp: str
    data: msgspec.Raw
    project_id: str | None = None
    request_id: str | None = None


class _Refused(msgspec.Struct):
    code: Code
    message: str
    details: Mapping[str, object]


_encode = msgspec.json.Encoder().encode


# -- what a client says -------------------------------------------------------------------------------------


def decode(payload: bytes) -> Request:
    """Understand one message. Raises Unreadable (`INVALID_MESSAGE`)."""
    request_id = project_id = None
    try:
        message = parse(payload)
        request_id = _request_id(message)
        fields = _fields(message)
        project_id = _project_id(message, fields)
        command = _command(message, fields, project_id)
    except Refusal as refusal:
        raise Unreadable(refusal, request_id, project_id) from None
    return Request(command, request_id, project_id)


def parse(payload: bytes) -> Mapping[str, object]:
    """A JSON object, read strictly. Raises Refusal(INVALID_MESSAGE)."""
    _check_depth(payload)
    try:
        # Decoded here, because `json` would guess at UTF-16, and take a byte order mark and halves of pairs.
        message: object = json.loads(
            payload.decode(),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_whole,
        )
        if _SURROGATE.search(payload):
            json.dumps(message, ensure_ascii=False).encode()
    except UnicodeDecodeError:
        raise invalid("", "The message is not valid UTF-8.") from None
    except UnicodeEncodeError:
        raise invalid("", "The message has half of a surrogate pair: it is not valid text.") from None
    except ValueError as problem:
        raise invalid("", f"The message is not JSON: {problem}.") from None
    if not isinstance(message, dict):
        raise invalid("", "The message is not a JSON object.")
    return message


def _check_depth(payload: bytes) -> None:
    """Judge the nesting before anything recurses, in time linear in the payload."""
    depth = 0
    brackets = _BRACKET.finditer(_STRING.sub(b"", payload))
    for count, bracket in enumerate(brackets):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > MAX_DEPTH:
            raise invalid("", f"The message is nested deeper than {MAX_DEPTH} levels.")
        if count > 2 * MAX_CONTAINERS:
            raise invalid("", f"The message has more than {MAX_CONTAINERS} objects and arrays.")


def _unique(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise invalid("", "A field stands twice in one object.")
    return found


def _no_constant(name: str) -> object:
    raise invalid("", f"{name} is not JSON.")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise invalid("", "A number is too large.")
    return number


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise invalid("", "A number is too large.")
    return int(text)


def _request_id(message: Mapping[str, object]) -> str | None:
    request_id = message.get("request_id")
    if request_id is None:
        return None
    if not isinstance(request_id, str) or len(request_id) > MAX_REQUEST_ID:
        raise invalid("request_id", f"`request_id` is a string of up to {MAX_REQUEST_ID} characters.")
    return request_id


def _fields(message: Mapping[str, object]) -> Mapping[str, object]:
    fields = message.get("data")
    if fields is None:
        return {}
    if not isinstance(fields, dict):
        raise invalid("data", "`data` is not an object.")
    return fields


def _project_id(message: Mapping[str, object], fields: Mapping[str, object]) -> str | None:
    beside, inside = message.get("project_id"), fields.get("project_id")
    if beside is not None and inside is not None and beside != inside:
        raise invalid("project_id", "`project_id` stands in two places and differs.")
    project_id = inside if beside is None else beside
    if project_id is None:
        return None
    if not isinstance(project_id, str) or len(project_id) > MAX_PROJECT_ID:
        raise invalid("project_id", "`project_id` is not the id of a project.")
    return project_id


def _command(message: Mapping[str, object], fields: Mapping[str, object], project_id: str | None) -> Command:
    name = message.get("type")
    if not isinstance(name, str):
        raise invalid("type", "`type` is missing: say what is asked.")
    wanted = COMMANDS.get(name)
    if wanted is None:
        raise invalid("type", f"There is no request of the type {name[:MAX_SHOWN]!r}.")
    return command(wanted, fields if project_id is None else {**fields, "project_id": project_id})


def command(wanted: type[Command], given: Mapping[str, object]) -> Command:
    """The fields of a request, understood as this command. Raises Refusal(INVALID_MESSAGE)."""
    try:
        made: Command = msgspec.convert(given, wanted)
    except msgspec.ValidationError as problem:
        raise misfit(problem) from None
    _check_exact(made, given, "data")
    return made


def misfit(found: msgspec.ValidationError) -> Refusal:
    """What msgspec found -> a sentence, and the field: 'Expected `int`, got `str` - at `$.limit`'."""
    problem = str(found)
    where = _WHERE.search(problem)
    field = "data" + (where["path"] if where else "")
    missing = re.search(r"missing required field `(\w+)`", problem)
    if missing:
        field = "project_id" if missing[1] == "project_id" else f"{field}.{missing[1]}"
        return invalid(field, f"`{field}` is missing.")
    return invalid(field, f"`{field}` does not fit: {_WHERE.sub('', problem)[:MAX_SHOWN]}.")


def _check_exact(value: object, given: object, where: str) -> None:
    """Refuse unknown fields where they must not be ignored."""
    kind = type(value)
    if not isinstance(given, Mapping) or not attrs.has(kind):
        return
    fields = attrs.fields_dict(kind)
    if isinstance(value, EXACT):
        for name in given:
            if name not in fields:
                raise invalid(f"{where}.{name[:MAX_SHOWN]}", f"`{name[:MAX_SHOWN]}` is not known here.")
    for name, inner in given.items():
        if name not in fields:
            continue
        known = getattr(value, name)
        if isinstance(known, tuple) and isinstance(inner, list):
            for one, its_given in zip(known, inner, strict=True):
                _check_exact(one, its_given, f"{where}.{name}")
        else:
            _check_exact(known, inner, f"{where}.{name}")


# -- what it hears ------------------------------------------------------------------------------------------


def reply(value: Told, timestamp: str, project_id: str | None, request_id: str | None) -> bytes:
    """One message without a `seq`: the answer to a request, or something told besides the journal."""
    if isinstance(value, ProjectState):
        project_id = value.id  # which who asks for a new one does not know
    return _encode(_Envelope(REPLIES[type(value)], timestamp, msgspec.Raw(data(value)), project_id, request_id))


def error(refusal: Refusal, timestamp: str, project_id: str | None = None, request_id: str | None = None) -> bytes:
    """A refusal, told to the asker."""
    refused = _encode(_Refused(refusal.code, refusal.message, refusal.details))
    return _encode(_Envelope("error", timestamp, msgspec.Raw(refused), project_id, request_id))


def frame(payload: bytes) -> bytes:
    """One unmasked, final text frame (RFC 6455 section 5.2)."""
    return _header(len(payload)) + payload


def frames(batch: IBatch) -> bytes:
    """A batch as the frames of a WebSocket, joined: built once for all who hear it."""
    project_id = batch.project_id
    partial = f'{{"type":"agent_message","project_id":"{project_id}","timestamp":"{batch.timestamp}","data":'.encode()
    parts: list[bytes] = []
    add = parts.append
    for item in batch.items:
        if isinstance(item, Entry):
            seq, timestamp, _, name, message = item
            prefix = (
                f'{{"type":"{name}","project_id":"{project_id}","seq":{seq},"timestamp":"{timestamp}","data":'.encode()
            )
        else:
            prefix, message = partial, item.message
        add(_header(len(prefix) + len(message) + 1))
        add(prefix)
        add(message)
        add(b"}")
    return b"".join(parts)


def _header(size: int) -> bytes:
    if size < 126:
        return b"\x81%c" % size
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2, "big")
    return b"\x81\x7f" + size.to_bytes(8, "big")
