# -*- test-case-name: tests.wire.test_claude -*-
"""The CLI's stream-json, as it speaks: lines to utterances.

    -> {"type": "assistant", …}                                        Spoken, and so any type that is not known
    -> {"type": "stream_event", "event": {…}, …}                       Partial
    -> {"type": "system", "subtype": "init", "session_id": …, …}       SessionNamed
    -> {"type": "result", "is_error": …, …}                            TurnResult
    -> {"type": "control_request", "request": {"subtype": "can_use_tool", …}, …}    PermissionAsked

A line is parsed once, for the few fields that the server needs, and never written anew. What the CLI is told stands
in `wire.orders`.
"""

import base64
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeGuard

import msgspec
from attrs import frozen
from msgspec import Raw, Struct

from pocketagent.domain.agent import (
    Activity,
    BackgroundTasks,
    Overlong,
    PermissionAsked,
    PermissionWithdrawn,
    SessionNamed,
    Spoken,
    TurnResult,
    Utterance,
)
from pocketagent.domain.message import Partial
from pocketagent.wire.lines import MAX_LINE

MAX_ID = 200
"""Characters of an id that the CLI gives; its own are UUIDs."""

MAX_QUEUED = 2**31

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_BOUNDS = frozenset({"error_max_turns", "error_max_budget_usd"})
_ODD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_JUST_BYTES = {bytes}


# -- what only the adapter needs ------------------------------------------------------------------------------


@frozen
class Answered:
    """The CLI's answer to a control request of ours. `error` is its own text, None when it did as it was told."""

    request_id: str
    response: Mapping[str, object]
    error: str | None


@frozen
class Unsupported:
    """The CLI asked for something that this server does not do, and waits for an answer."""

    request_id: str
    subtype: str


@frozen
class ModeTold:
    """The permission mode that is in force now, in the CLI's word."""

    mode: str


@frozen
class Misnamed:
    """An `init` whose session id is no UUID (AR-10): the line is passed on, the id is not used."""


Aside = Answered | Unsupported | ModeTold | Misnamed | TurnResult | Activity


class Heard(NamedTuple):
    """A batch understood: what goes to the listener, and what the adapter itself must see, each in order.

    A TurnResult and an Activity stand in both.
    """

    utterances: list[Utterance]
    asides: list[Aside]


# -- lines to utterances --------------------------------------------------------------------------------------


class _Event(Struct, gc=False):
    type: str | None = None


class _Head(Struct, gc=False):
    """All that the hot path looks at. A line with other types in these fields is read by `_second_look`."""

    type: str = ""
    subtype: str | None = None
    parent_tool_use_id: str | None = None
    event: _Event | None = None


class _Asking(Struct, gc=False):
    request: Raw


_decode_head = msgspec.json.Decoder(_Head).decode
_decode_asking = msgspec.json.Decoder(_Asking).decode
_PLAIN = frozenset({"assistant", "user"})
_NO_EVENT = _Event()


def hear(said: Sequence[bytes | Overlong]) -> Heard:
    """Understand the lines of one read. Nothing is lost and nothing raises: what is no JSON object becomes `raw`."""
    heard = Heard([], [])
    if _are_lines(said) and _is_utf8(b"\n".join(said)):
        _hear(said, heard)
        return heard
    for one in said:
        if isinstance(one, Overlong):
            heard.utterances.append(one)
        elif _is_utf8(one):
            _hear((one,), heard)
        else:
            heard.utterances.append(raw(one))
    return heard


def raw(line: bytes, partial: bool = False) -> Spoken | Overlong:
    """A line that is no UTF-8 JSON object, wrapped into one; `partial` when the input ended in its middle."""
    wrapped: dict[str, object] = {"type": "raw", "text": line.decode("utf-8", "replace")}
    if not _is_utf8(line):
        wrapped["base64"] = base64.b64encode(line).decode("ascii")
    if partial:
        wrapped["partial"] = True
    message = msgspec.json.encode(wrapped)
    return Overlong(len(line)) if len(message) > MAX_LINE else Spoken(message)


def hear_rest(rest: bytes | Overlong) -> Heard:
    """What the input ended with, without a newline: a whole line all the same, or half a one."""
    heard = hear([rest])
    if isinstance(rest, bytes) and _second_look(rest) is None and heard.utterances:
        heard.utterances[:] = [raw(rest, partial=True)]
    return heard


def _are_lines(said: Sequence[bytes | Overlong]) -> TypeGuard[Sequence[bytes]]:
    return set(map(type, said)) <= _JUST_BYTES


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _hear(lines: Iterable[bytes], heard: Heard) -> None:
    """The hot path. msgspec checks the whole syntax, but not the UTF-8 of what it skips: that is done before."""
    add = heard.utterances.append
    for line in lines:
        try:
            head = _decode_head(line)
        except _ODD:
            second = _second_look(line)
            if second is None:
                if line.strip():
                    add(raw(line))
                continue
            head = second
        kind = head.type
        if kind in _PLAIN:
            add(Spoken(line))
        elif kind == "stream_event":
            event = (head.event or _NO_EVENT).type
            add(Partial(line, head.parent_tool_use_id, event == "message_start", event == "message_stop"))
        elif kind == "system":
            _hear_system(head.subtype, line, heard)
        elif kind == "result":
            _hear_result(line, heard)
        elif kind == "control_request":
            _hear_request(line, heard)
        elif kind == "control_response":
            _hear_response(line, heard)
        elif kind == "control_cancel_request":
            permission_id = _name(_load(line).get("request_id"))
            add(PermissionWithdrawn(permission_id) if permission_id else Spoken(line))
        elif kind != "keep_alive":
            add(Spoken(line))


def _hear_system(subtype: str | None, line: bytes, heard: Heard) -> None:
    add, aside = heard.utterances.append, heard.asides.append
    if subtype == "init":
        said = _load(line)
        session_id = said.get("session_id")
        if is_uuid(session_id):
            add(SessionNamed(line, session_id))
        else:
            add(Spoken(line))
            aside(Misnamed())
        _hear_mode(said, heard)
    elif subtype == "session_state_changed":
        activity = Activity(line, _load(line).get("state") != "idle")
        add(activity)
        aside(activity)
    elif subtype == "background_tasks_changed":
        tasks = _load(line).get("tasks")
        add(BackgroundTasks(line, len(tasks) if isinstance(tasks, list) else 0))
    else:
        add(Spoken(line))
        if subtype == "status":
            _hear_mode(_load(line), heard)


def _hear_mode(said: Mapping[str, object], heard: Heard) -> None:
    mode = said.get("permissionMode")
    if isinstance(mode, str):
        heard.asides.append(ModeTold(mode))


def _hear_result(line: bytes, heard: Heard) -> None:
    said = _load(line)
    session_id, queued, cost = said.get("session_id"), said.get("queued_turn_count"), said.get("total_cost_usd")
    is_error = said.get("is_error") is True
    errors = _texts(said.get("errors"))
    if is_error and not errors:
        errors = _texts([said.get("result")])
    result = TurnResult(
        line,
        session_id=session_id if is_uuid(session_id) else None,
        is_error=is_error,
        ended_at_bound=said.get("subtype") in _BOUNDS,
        queued_turns=queued if type(queued) is int and 0 < queued < MAX_QUEUED else 0,
        cost_usd=_finite(cost),
        errors=errors,
    )
    heard.utterances.append(result)
    heard.asides.append(result)


def _hear_request(line: bytes, heard: Heard) -> None:
    said = _load(line)
    request_id, request = _name(said.get("request_id")), said.get("request")
    if not request_id:
        heard.utterances.append(Spoken(line))
        return
    subtype = _text(_mapping(request).get("subtype")) or ""
    asking = _request_bytes(line, _mapping(request)) if subtype == "can_use_tool" else None
    if asking is None:
        heard.asides.append(Unsupported(request_id, subtype[:MAX_ID]))
    else:
        heard.utterances.append(PermissionAsked(request_id, asking))


def _request_bytes(line: bytes, request: Mapping[str, object]) -> bytes | None:
    try:
        return bytes(_decode_asking(line).request)
    except _ODD:
        return _dump(request)


def _hear_response(line: bytes, heard: Heard) -> None:
    said = _mapping(_load(line).get("response"))
    request_id = _name(said.get("request_id"))
    if request_id:
        error = None if said.get("subtype") == "success" else str(said.get("error"))
        heard.asides.append(Answered(request_id, _mapping(said.get("response")), error))


def _second_look(line: bytes) -> _Head | None:
    """What msgspec would not have: lone surrogates, unexpected types. None when it is no JSON object at all."""
    try:
        said = _parse(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    event = said.get("event")
    return _Head(
        type=_text(said.get("type")) or "",
        subtype=_text(said.get("subtype")),
        parent_tool_use_id=_text(said.get("parent_tool_use_id")),
        event=_Event(_text(event.get("type"))) if isinstance(event, dict) else None,
    )


def _load(line: bytes) -> Mapping[str, object]:
    """The whole of a rare line whose head was read before."""
    try:
        return _mapping(msgspec.json.decode(line))
    except _ODD:
        pass
    try:
        return _mapping(_parse(line))
    except (ValueError, RecursionError):
        return {}


def _parse(line: bytes) -> object:
    value: object = json.loads(line.decode(), parse_constant=_no_number, parse_int=_whole)
    return value


def _dump(value: object) -> bytes | None:
    """JSON again; None for what only looked like a number, as 1e999 does."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")
    except ValueError:
        return None


def _no_number(word: str) -> object:
    raise ValueError(f"{word} is no JSON")


def _whole(digits: str) -> float | int:
    # Beyond this no field of ours counts, and Python takes long over thousands of digits.
    return int(digits) if len(digits) < MAX_ID else math.inf


# -- permission requests, and the small checks of foreign values ----------------------------------------------


@frozen
class Permission:
    """A permission request as clients are shown it. `input` and `suggestions` are JSON as the CLI wrote it."""

    tool_name: str
    display_name: str | None
    input: bytes
    description: str | None
    suggestions: bytes
    tool_use_id: str | None
    requires_user_interaction: bool


class _Parts(Struct, gc=False):
    input: Raw = Raw(b"{}")
    permission_suggestions: Raw = Raw(b"[]")


_decode_parts = msgspec.json.Decoder(_Parts).decode


def permission(request: bytes) -> Permission:
    """Read `PermissionAsked.request`; what is missing or of another type than it should be comes as empty."""
    said = _load(request)
    given, suggestions = said.get("input"), said.get("permission_suggestions")
    try:
        parts = _decode_parts(request)
        raw_input, raw_suggestions = bytes(parts.input), bytes(parts.permission_suggestions)
    except _ODD:
        raw_input, raw_suggestions = _dump(given) or b"{}", _dump(suggestions) or b"[]"
    return Permission(
        tool_name=_text(said.get("tool_name")) or "",
        display_name=_text(said.get("display_name")),
        input=raw_input if isinstance(given, dict) else b"{}",
        description=_text(said.get("description")),
        suggestions=raw_suggestions if isinstance(suggestions, list) else b"[]",
        tool_use_id=_text(said.get("tool_use_id")),
        requires_user_interaction=said.get("requires_user_interaction") is True,
    )


def is_uuid(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    """A text that can be written again: a lone surrogate in it is replaced."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= MAX_ID and value.isprintable() else None


def _texts(values: object) -> tuple[str, ...]:
    return tuple(text for text in map(_text, values) if text) if isinstance(values, list) else ()


def _finite(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
