# -*- test-case-name: tests.inbound.test_query -*-
"""The query of a target -> its parameters, read in the one way that every reader shares."""

import re
from collections.abc import Collection, Mapping, Sequence
from urllib.parse import unquote_to_bytes

from pocketagent.domain.refusals import invalid
from pocketagent.inbound.turned_away import bad_request

MAX_PARAMETERS = 300
"""More than a list of a command may have (`MAX_LIST`)."""

_WHOLE = re.compile(r"0|[1-9][0-9]{0,30}", re.ASCII)
_ENCODED = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*", re.ASCII)


def parameters(target: str, known: Collection[str]) -> Mapping[str, Sequence[str]]:
    """The parameters of a target by name, each with its values. Raises Refusal(INVALID_MESSAGE)."""
    _, mark, query = target.partition("?")
    if not mark:
        return {}
    if not known:
        raise bad_request("A query is not taken: a token belongs into the Authorization header, never into the URL.")
    found: dict[str, list[str]] = {}
    if not query:
        return found
    parts = query.split("&")
    if len(parts) > MAX_PARAMETERS:
        raise invalid("query", f"There are more than {MAX_PARAMETERS} parameters.")
    for part in parts:
        encoded, _, value = part.partition("=")
        name = _decoded(encoded)
        if name not in known:
            # What it is called may be a secret that was put there by mistake.
            raise invalid("query", f"A parameter is not known here; there are: {', '.join(known)}.")
        found.setdefault(name, []).append(_decoded(value))
    return found


def only(found: Mapping[str, Sequence[str]], name: str) -> str | None:
    """The one value of a parameter; None where it is not given. Raises Refusal(INVALID_MESSAGE) for more than one."""
    values = found.get(name, ())
    if len(values) > 1:
        raise invalid(f"data.{name}", f"`{name}` stands twice.")
    return values[0] if values else None


def flag(found: Mapping[str, Sequence[str]], name: str) -> bool:
    """`true` or `false`, which it also is where it is not given. Raises Refusal(INVALID_MESSAGE)."""
    word = only(found, name)
    if word not in ("true", "false", None):
        raise invalid(f"data.{name}", f"`{name}` is `true` or `false`.")
    return word == "true"


def whole(found: Mapping[str, Sequence[str]], name: str, least: int, most: int) -> int | None:
    """A whole number within these bounds; None where it is not given. Raises Refusal(INVALID_MESSAGE)."""
    word = only(found, name)
    if word is None:
        return None
    if not _WHOLE.fullmatch(word) or not least <= int(word) <= most:
        raise invalid(f"data.{name}", f"`{name}` is a whole number from {least} to {most}.")
    return int(word)


def _decoded(text: str) -> str:
    if not _ENCODED.fullmatch(text):
        raise invalid("query", "A % in the query is not followed by two hex digits.")
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeDecodeError:
        raise invalid("query", "The query is not UTF-8.") from None
