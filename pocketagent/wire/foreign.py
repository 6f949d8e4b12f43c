# -*- test-case-name: tests.wire.test_claude -*-
"""JSON that others wrote, read without trust: nothing raises, and what is not as it should be comes as nothing."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import TypeGuard

import msgspec

MAX_ID = 200
"""Characters of an id that the CLI gives; its own are UUIDs."""
MAX_TEXTS = 20
MAX_TEXT = 2000
"""Characters of what the CLI says of an error."""
MAX_WHOLE = 10**12
"""More than this counts nothing that a person is told of."""

ODD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for what it does not take: bad syntax, lone surrogates, other types, too deep a nesting."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


def is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def load(line: bytes) -> Mapping[str, object]:
    """An object of which all is wanted; empty for what is none."""
    try:
        return mapping(msgspec.json.decode(line))
    except ODD:
        pass
    try:
        return mapping(parse(line))
    except (ValueError, RecursionError):
        return {}


def parse(line: bytes) -> object:
    """Read what msgspec would not have, lone surrogates above all. Raises ValueError or RecursionError."""
    value: object = json.loads(line.decode(), parse_constant=_no_number, parse_int=_whole)
    return value


def dump(value: object) -> bytes | None:
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


def is_uuid(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def text(value: object) -> str | None:
    """A text that can be written again: a lone surrogate in it is replaced."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None


def name(value: object) -> str | None:
    """An id that can be used as it is."""
    return value if isinstance(value, str) and 0 < len(value) <= MAX_ID and value.isprintable() else None


def texts(values: object) -> tuple[str, ...]:
    """The texts of a list that are not empty, as far as people read them."""
    found = (text(each) for each in values[:MAX_TEXTS]) if isinstance(values, list) else ()
    return tuple(each[:MAX_TEXT] for each in found if each)


def items(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def objects(value: object) -> Sequence[Mapping[str, object]]:
    """The objects of a list."""
    return [one for one in items(value) if isinstance(one, dict)]


def whole(value: object) -> int | None:
    """A number that counts something."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < MAX_WHOLE else None


def finite(value: object) -> float | None:
    """A number that is one."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
