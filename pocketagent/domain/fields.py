"""What a field of a command may hold: checked by its validator, and described in its metadata for others."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from attrs import Attribute

from pocketagent.domain.message import timestamp
from pocketagent.domain.refusals import invalid

MAX_LIST = 256
"""Items in any list of `options` or of a permission answer."""
MAX_WORD = 256
"""Characters of a value that stands in argv."""
MAX_SEQ = 2**63 - 1

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

BOUNDS = "bounds"
"""In the metadata of a field: what its validator asks of a value, for those who describe it elsewhere."""

N = TypeVar("N", bound=int | None)
Check = Callable[[object, "Attribute[str | None]", str | None], None]


def is_uuid(text: str) -> bool:
    return _UUID.fullmatch(text.lower()) is not None


def bounds(**bounds: object) -> Mapping[str, object]:
    """Metadata that says what is asked of a value; the names are those that `wire.schema` reads."""
    return {BOUNDS: bounds}


def word(pattern: re.Pattern[str]) -> Mapping[str, object]:
    """The metadata for what `matching` checks."""
    return bounds(pattern=pattern.pattern, max_length=MAX_WORD)


A_SEQ = bounds(least=0, most=MAX_SEQ)
A_UUID = bounds(uuid=True)
A_MOMENT = bounds(moment=True)
ABOVE_0 = bounds(above=0)
SOME = bounds(max_items=MAX_LIST)
NO_NUL = bounds(without="\0")


def matching(pattern: re.Pattern[str], what: str, where: str) -> Check:
    """A validator: the text is None, or of this pattern and at most MAX_WORD characters. `what` says what it is then;
    `where` is the path of the object that has the field."""

    def check(_: object, attribute: "Attribute[str | None]", value: str | None) -> None:
        if value is not None and (len(value) > MAX_WORD or not pattern.fullmatch(value)):
            raise invalid(f"{where}.{attribute.name}", f"`{attribute.name}` is not {what}.")

    return check


def check_seq(_: object, attribute: "Attribute[N]", value: N) -> None:
    """A validator for a number of the journal, or None."""
    if value is not None and not 0 <= value <= MAX_SEQ:
        raise invalid(f"data.{attribute.name}", f"`{attribute.name}` is a number of the journal: 0 or more.")


def check_uuid(_: object, attribute: "Attribute[str | None]", value: str | None) -> None:
    """A validator for a UUID, or None."""
    if value is not None and not is_uuid(value):
        raise invalid(f"data.{attribute.name}", f"`{attribute.name}` is not a UUID.")


def moment(text: str, name: str = "since") -> str:
    """RFC 3339 with a zone -> as the journal writes its times, so that texts compare as times.

    Raises Refusal(INVALID_MESSAGE) that names the field.
    """
    text = text[:41].upper()
    try:
        parsed = datetime.fromisoformat(text) if len(text) <= 40 and "T" in text else None
        if parsed is not None and parsed.tzinfo is not None:
            return timestamp(parsed.timestamp())
    except (ValueError, OverflowError):
        pass
    raise invalid(f"data.{name}", f"`{name}` is a time of RFC 3339 with a zone, such as 2026-01-31T12:00:00Z.")


def check_moment(_: object, attribute: "Attribute[str | None]", value: str | None) -> None:
    """A validator for a time as `moment` reads it, or None."""
    if value is not None:
        moment(value, attribute.name)
