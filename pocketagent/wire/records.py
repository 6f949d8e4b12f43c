# -*- test-case-name: tests.wire.test_records -*-
"""Entries of a journal <-> the lines that are stored; and under which keys an entry is found again.

A record is one line: `{"seq":42,"timestamp":"…","direction":"claude","type":"agent_message","message":{…}}`. The
message is spliced in and cut out again byte by byte, never written anew.
"""

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from itertools import count, repeat
from typing import NamedTuple

import msgspec

from pocketagent.domain.message import Draft, Entry

KEYED = frozenset({"client_message", "prompt_dropped", "error", "project_state"})
"""The only types that are ever found by a key: all of them rare, so that the rest costs one look-up."""

STATE = "state"
"""The key of the newest `project_state`."""

_RECORD = re.compile(
    rb'\{"seq":(?P<seq>[1-9][0-9]{0,18}),"timestamp":"(?P<timestamp>[0-9T:.-]{26}Z)",'
    rb'"direction":"(?P<direction>[a-z]+)","type":"(?P<type>[a-z_]+)","message":(?P<message>\{.*\})\}\n',
    re.DOTALL,
)


class _Record(msgspec.Struct):
    seq: int
    timestamp: str
    direction: str
    type: str
    message: msgspec.Raw


class _Keyed(msgspec.Struct):
    execution_id: str | None = None
    prompt_id: str | None = None


# What `Entry(*values)` does, without the Python function that a NamedTuple has in front of it.
_entry = partial(tuple.__new__, Entry)
_decode = msgspec.json.Decoder(_Record).decode
_decode_keyed = msgspec.json.Decoder(_Keyed).decode


def numbered(drafts: Sequence[Draft], first_seq: int, timestamp: str) -> list[Entry]:
    """The drafts of a batch as entries. The hot path: no Python of ours runs for a draft."""
    directions, types, messages = zip(*drafts, strict=True)
    return list(map(_entry, zip(count(first_seq), repeat(timestamp), directions, types, messages)))


def lines(entries: Sequence[Entry]) -> list[bytes]:
    """The stored lines of a batch. What they share is made once. The hot path."""
    middles: dict[tuple[str, str, str], bytes] = {}
    made: list[bytes] = []
    add = made.append
    for seq, timestamp, direction, type_, message in entries:
        middle = middles.get((timestamp, direction, type_))
        if middle is None:
            text = f',"timestamp":"{timestamp}","direction":"{direction}","type":"{type_}","message":'
            middle = middles[timestamp, direction, type_] = text.encode()
        # Joined, for `%` would take fifteen times as long over a message of 10 MB.
        add(b"".join((b'{"seq":%d%b' % (seq, middle), message, b"}\n")))
    return made


def record(entry: Entry) -> bytes:
    """The stored line, newline included. The type is one of ours: lower-case letters and `_`."""
    return lines((entry,))[0]


def entry(line: bytes) -> Entry:
    """The entry of a stored line. Raises ValueError for what is no record."""
    if not line.isascii():
        line.decode()  # what is skipped below is not checked to be UTF-8, and a client would hang up on it
    try:
        stored = _decode(line)
        message = bytes(stored.message)
    except (msgspec.DecodeError, RecursionError):
        return _tolerated(line)
    if not (message.startswith(b"{") and line.endswith(b"}\n")):
        raise ValueError("This is no record.")
    return Entry(stored.seq, stored.timestamp, stored.direction, stored.type, message)


def _tolerated(line: bytes) -> Entry:
    """What the fast parser refuses and JavaScript writes all the same: half a surrogate pair, deep nesting."""
    found = _RECORD.fullmatch(line)
    if found is None:
        raise ValueError("This is no record.")
    message = found["message"]
    with suppress(RecursionError):  # too deep to be checked; it came in through `record`
        json.loads(message)
    return Entry(
        int(found["seq"]), found["timestamp"].decode(), found["direction"].decode(), found["type"].decode(), message
    )


def keys(type_: str, message: bytes) -> tuple[str, ...]:
    """The keys that an entry is found under; none for nearly all.

    `client_message`: `prompt:<prompt_id>` and `accepted:<execution_id>`; `prompt_dropped`: `dropped:<execution_id>`;
    `error` of an execution: `failed:<execution_id>`; `project_state`: `STATE`.
    """
    if type_ not in KEYED:
        return ()
    if type_ == "project_state":
        return (STATE,)
    try:
        data = _decode_keyed(message)
    except (msgspec.DecodeError, RecursionError):
        return ()
    if data.execution_id is None:
        return ()
    match type_:
        case "client_message" if data.prompt_id is not None:
            return (f"prompt:{data.prompt_id}", f"accepted:{data.execution_id}")
        case "client_message":
            return (f"accepted:{data.execution_id}",)
        case "prompt_dropped":
            return (f"dropped:{data.execution_id}",)
        case _:
            return (f"failed:{data.execution_id}",)


# -- beginnings: what an index needs of a record, without looking into its message -------------------------------

_BEGINNING = re.compile(
    rb'\{"seq":([1-9][0-9]{0,18}),"timestamp":"([0-9T:.-]{26}Z)","direction":"[a-z]+","type":"([a-z_]+)"'
)


class Beginning(NamedTuple):
    """How a stored line begins."""

    seq: int
    timestamp: str
    type: str


def beginning(lines: bytes, start: int = 0) -> Beginning | None:
    """How the line that starts there begins; None where no record does."""
    found = _BEGINNING.match(lines, start)
    if found is None:
        return None
    seq, timestamp, type_ = found.groups()
    return Beginning(int(seq), timestamp.decode(), type_.decode())


# -- marks: what is known of a journal as a whole ----------------------------------------------------------------

VERSION = 1
"""Of the files of a journal. A newer one is refused, never guessed at."""


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """What `journal.json` holds. `clean`: closed in order, with `head_seq` as its newest number."""

    journal_id: str
    boot_id: str
    clean: bool
    head_seq: int = 0
    version: int = VERSION


class _Version(msgspec.Struct):
    version: int


class NewerVersion(Exception):
    """A newer server wrote this."""


_encode_marks = msgspec.json.Encoder().encode
_decode_marks = msgspec.json.Decoder(Marks).decode
_decode_version = msgspec.json.Decoder(_Version).decode


def marks_record(marks: Marks) -> bytes:
    return _encode_marks(marks) + b"\n"


def marks(stored: bytes) -> Marks:
    """Raises ValueError for what is broken, NewerVersion for what only a newer server understands."""
    try:
        version = _decode_version(stored).version
        if version > VERSION:
            raise NewerVersion(f"It was written in version {version}; this server knows {VERSION}: use a newer server.")
        return _decode_marks(stored)
    except (msgspec.DecodeError, RecursionError) as problem:
        raise ValueError("These marks are broken.") from problem
