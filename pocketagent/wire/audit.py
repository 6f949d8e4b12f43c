# -*- test-case-name: tests.wire.test_audit -*-
"""The records of the audit log as lines, and the chain that they make.

    {"seq":7,"timestamp":…,"action":"execute",…,"previous":"<64 hex digits>","hash":"<64 hex digits>"}

`hash` is the SHA-256 of the line up to the comma before it; `previous` is the hash of the record before. So nothing can
be changed, left out or put in between without every later hash being another one.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec
from attrs import define, field
from msgspec import Meta

from pocketagent.domain.credentials import masked
from pocketagent.domain.deeds import FIRST, Deed, Origin, Record

MAX_LINE = 16 * 1024
"""Bytes of a record: details that would make it longer are left out, and their hash stands there instead."""
MAX_TEXT = 1024
"""Characters of one text in it."""
MAX_ID = 128
MAX_ITEMS = 64
"""Items of one list in it."""

_TAIL = b',"hash":"'
_Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class Broken(ValueError):
    """A line is not what the chain needs there: a clause for a person."""


class _Line(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    seq: Annotated[int, Meta(ge=1)]
    timestamp: str
    action: str
    origin: Origin
    outcome: str
    actor_id: str | None
    actor_name: str | None
    address: str
    project_id: str | None
    execution_id: str | None
    permission_id: str | None
    device_id: str | None
    details: dict[str, object]
    previous: _Hash
    hash: _Hash


def encode(seq: int, timestamp: str, deed: Deed, previous: str) -> tuple[bytes, Record]:
    """The line, with its end, and the record as it will be read back."""
    known = _fields(deed)
    said = {"seq": seq, "timestamp": timestamp, **known, "previous": previous}
    covered = _dumped(said)
    if len(covered) + 80 > MAX_LINE:
        left_out = _dumped(known["details"])
        known["details"] = {"left_out_bytes": len(left_out), "left_out_sha256": hashlib.sha256(left_out).hexdigest()}
        covered = _dumped({**said, "details": known["details"]})
    line = covered[:-1] + _TAIL + _hash(covered[:-1]).encode() + b'"}\n'
    return line, decode(line[:-1])


def decode(line: bytes) -> Record:
    """A line without its end. Raises Broken, also where its hash is not its own."""
    covered, found, _ = line.rpartition(_TAIL)
    try:
        said = msgspec.json.decode(line, type=_Line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Broken("is no record") from None
    if not found or said.hash != _hash(covered) or len(line) - len(covered) != len(_TAIL) + 66:
        raise Broken(f"(record {said.seq}) is not as it was written: its hash is another one")
    deed = Deed(**{name: getattr(said, name) for name in _DEED})
    return Record(said.seq, said.timestamp, deed, said.previous, said.hash)


@define
class Chain:
    """Follows the records from the first one that it is given. `head` is the last record that was good."""

    head: Record | None = field(default=None)

    def take(self, line: bytes) -> Record:
        """Raises Broken; what follows is then held against this line, so that one fault is told once."""
        record = decode(line)
        before, self.head = self.head, record
        if before is None:
            if record.seq == 1 and record.previous != FIRST:
                raise Broken("(record 1) is not the first of a chain")
        elif record.seq != before.seq + 1:
            raise Broken(f"(record {record.seq}) follows record {before.seq}: {_between(before.seq, record.seq)}")
        elif record.previous != before.hash:
            raise Broken(f"(record {record.seq}) was not chained to the record that stands before it")
        return record


def encode_head(seq: int, digest: str) -> bytes:
    """What is remembered of the newest record: always as many bytes, with a check of itself."""
    said = f"{seq:012} {digest}"
    return f"{said} {sha256(said)[:16]}\n".encode()


def decode_head(data: bytes) -> tuple[int, str] | None:
    """None where it is not, or not wholly, what `encode_head` has written."""
    seq, _, rest = data.decode("ascii", "replace").partition(" ")
    digest = rest.partition(" ")[0]
    if not seq.isdecimal() or len(seq) != 12 or data != encode_head(int(seq), digest):
        return None
    return int(seq), digest


def sha256(text: str | bytes) -> str:
    """How the log names what it does not say."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text).hexdigest()


def fingerprint(value: object) -> str:
    """The same for a value of JSON."""
    return sha256(json.dumps(value, separators=(",", ":"), sort_keys=True))


def _between(before: int, after: int) -> str:
    return f"{after - before - 1} are missing" if after > before else "they are out of order"


def _hash(covered: bytes) -> str:
    return hashlib.sha256(covered).hexdigest()


_DEED = (
    "action",
    "origin",
    "outcome",
    "actor_id",
    "actor_name",
    "address",
    "project_id",
    "execution_id",
    "permission_id",
    "device_id",
    "details",
)


def _fields(deed: Deed) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in _DEED:
        value = getattr(deed, name)
        found[name] = value if value is None else _details(value) if name == "details" else _text(str(value), MAX_ID)
    return found


def _details(details: Mapping[str, object]) -> dict[str, object]:
    return {_text(str(name), MAX_ID): _plain(value) for name, value in details.items()}


def _plain(value: object) -> object:
    if isinstance(value, str):
        return _text(str(value), MAX_TEXT)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {_text(str(name), MAX_ID): _plain(each) for name, each in list(value.items())[:MAX_ITEMS]}
    if isinstance(value, Sequence):
        return [_plain(each) for each in value[:MAX_ITEMS]]
    raise TypeError(f"{type(value).__name__} is no plain value")


def _text(text: str, bound: int) -> str:
    """Without a credential that somebody put in the wrong place, and such that every parser takes it."""
    return masked(text)[:bound].encode("utf-8", "replace").decode()


def _dumped(value: object) -> bytes:
    """One line of ASCII, whatever the texts are."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")
