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
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
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
    Words,
)
from pocketagent.domain.message import Partial
from pocketagent.domain.usage import Spending
from pocketagent.wire import foreign
from pocketagent.wire.lines import MAX_LINE
from pocketagent.wire.results import AT_BOUND, ending_of, errors_of
from pocketagent.wire.words import last_words

MAX_QUEUED = 2**31
MAX_COST = 1e9
"""Dollars, and tokens of a turn: more was never used, and sums of it stay numbers."""
MAX_TOKENS = 10**12

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


# What `Spoken(line)` does, without the Python function that a NamedTuple has in front of it.
_spoken = partial(tuple.__new__, Spoken)
_decode_head = msgspec.json.Decoder(_Head).decode
_decode_asking = msgspec.json.Decoder(_Asking).decode
_NO_EVENT = _Event()


def hear(said: Sequence[bytes | Overlong]) -> Heard:
    """Understand the lines of one read. Nothing is lost and nothing raises: what is no JSON object becomes `raw`."""
    heard = Heard([], [])
    if _are_lines(said) and foreign.is_utf8(b"\n".join(said)):
        _hear(said, heard)
        return heard
    for one in said:
        if isinstance(one, Overlong):
            heard.utterances.append(one)
        elif foreign.is_utf8(one):
            _hear((one,), heard)
        else:
            heard.utterances.append(raw(one))
    return heard


def raw(line: bytes, partial: bool = False) -> Spoken | Overlong:
    """A line that is no UTF-8 JSON object, wrapped into one; `partial` when the input ended in its middle."""
    wrapped: dict[str, object] = {"type": "raw", "text": line.decode("utf-8", "replace")}
    if not foreign.is_utf8(line):
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


def _hear(lines: Iterable[bytes], heard: Heard) -> None:
    """The hot path. msgspec checks the whole syntax, but not the UTF-8 of what it skips: that is done before."""
    add = heard.utterances.append
    saying: list[bytes] = []
    for line in lines:
        try:
            head = _decode_head(line)
        except foreign.ODD:
            second = _second_look(line)
            if second is None:
                if line.strip():
                    add(raw(line))
                continue
            head = second
        kind = head.type
        if kind == "assistant":
            add(_spoken((line,)))
            if head.parent_tool_use_id is None:
                saying.append(line)
        elif kind == "user":
            add(_spoken((line,)))
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
            permission_id = foreign.name(foreign.load(line).get("request_id"))
            add(PermissionWithdrawn(permission_id) if permission_id else Spoken(line))
        elif kind != "keep_alive":
            add(Spoken(line))
    words = last_words(saying) if saying else None
    if words:
        add(Words(words))


def _hear_system(subtype: str | None, line: bytes, heard: Heard) -> None:
    add, aside = heard.utterances.append, heard.asides.append
    if subtype == "init":
        said = foreign.load(line)
        session_id = said.get("session_id")
        if foreign.is_uuid(session_id):
            add(SessionNamed(line, session_id))
        else:
            add(Spoken(line))
            aside(Misnamed())
        _hear_mode(said, heard)
    elif subtype == "session_state_changed":
        activity = Activity(line, foreign.load(line).get("state") != "idle")
        add(activity)
        aside(activity)
    elif subtype == "background_tasks_changed":
        tasks = foreign.load(line).get("tasks")
        add(BackgroundTasks(line, len(tasks) if isinstance(tasks, list) else 0))
    else:
        add(Spoken(line))
        if subtype == "status":
            _hear_mode(foreign.load(line), heard)


def _hear_mode(said: Mapping[str, object], heard: Heard) -> None:
    mode = said.get("permissionMode")
    if isinstance(mode, str):
        heard.asides.append(ModeTold(mode))


def _hear_result(line: bytes, heard: Heard) -> None:
    said = foreign.load(line)
    session_id, queued, cost = said.get("session_id"), said.get("queued_turn_count"), said.get("total_cost_usd")
    is_error = said.get("is_error") is True
    result = TurnResult(
        line,
        session_id=session_id if foreign.is_uuid(session_id) else None,
        is_error=is_error,
        ended_at_bound=ending_of(said) in AT_BOUND,
        queued_turns=queued if type(queued) is int and 0 < queued < MAX_QUEUED else 0,
        cost_usd=_at_most(MAX_COST, foreign.finite(cost)),
        errors=errors_of(said) if is_error else (),
        tokens=_tokens(foreign.mapping(said.get("usage"))),
    )
    heard.utterances.append(result)
    heard.asides.append(result)


def _tokens(usage: Mapping[str, object]) -> Spending:
    def number(name: str) -> int:
        return int(_at_most(MAX_TOKENS, foreign.finite(usage.get(name))) or 0)

    return Spending(
        input_tokens=number("input_tokens"),
        output_tokens=number("output_tokens"),
        cache_read_tokens=number("cache_read_input_tokens"),
        cache_creation_tokens=number("cache_creation_input_tokens"),
    )


def _at_most(bound: float, number: float | None) -> float | None:
    """The number; None for one that cannot be."""
    return number if number is not None and 0 <= number <= bound else None


def _hear_request(line: bytes, heard: Heard) -> None:
    said = foreign.load(line)
    request_id, request = foreign.name(said.get("request_id")), said.get("request")
    if not request_id:
        heard.utterances.append(Spoken(line))
        return
    subtype = foreign.text(foreign.mapping(request).get("subtype")) or ""
    asking = _request_bytes(line, foreign.mapping(request)) if subtype == "can_use_tool" else None
    if asking is None:
        heard.asides.append(Unsupported(request_id, subtype[: foreign.MAX_ID]))
    else:
        heard.utterances.append(PermissionAsked(request_id, asking))


def _request_bytes(line: bytes, request: Mapping[str, object]) -> bytes | None:
    try:
        return bytes(_decode_asking(line).request)
    except foreign.ODD:
        return foreign.dump(request)


def _hear_response(line: bytes, heard: Heard) -> None:
    said = foreign.mapping(foreign.load(line).get("response"))
    request_id = foreign.name(said.get("request_id"))
    if request_id:
        error = None if said.get("subtype") == "success" else str(said.get("error"))
        heard.asides.append(Answered(request_id, foreign.mapping(said.get("response")), error))


def _second_look(line: bytes) -> _Head | None:
    """What msgspec would not have: lone surrogates, unexpected types. None when it is no JSON object at all."""
    try:
        said = foreign.parse(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    event = said.get("event")
    return _Head(
        type=foreign.text(said.get("type")) or "",
        subtype=foreign.text(said.get("subtype")),
        parent_tool_use_id=foreign.text(said.get("parent_tool_use_id")),
        event=_Event(foreign.text(event.get("type"))) if isinstance(event, dict) else None,
    )
