# -*- test-case-name: tests.outbound.agent.test_masking -*-
"""A child's complaints, fit to be shown: the last of them, valid text, and no secret that it was handed."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

SHOWN = 2048
"""Bytes of stderr that people are shown (protocol section 7)."""
SHORTEST = 6
"""Characters of a secret: shorter ones would black out ordinary words."""
MASK = "***"

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW|AUTH|CREDENTIAL|COOKIE|HEADERS", re.IGNORECASE)
_IN_ADDRESS = re.compile(r"://[^/@\s]*:([^/@\s]+)@")


def secrets(environment: Mapping[str, str], mcp_config: str | None) -> Sequence[str]:
    """What must not be shown of what a child was handed, the longest first."""
    found = {value for name, value in environment.items() if _SECRET_NAME.search(name)}
    for value in environment.values():
        found.update(_IN_ADDRESS.findall(value))
    if mcp_config is not None:
        try:
            found.update(_strings(json.loads(mcp_config)))
        except (ValueError, RecursionError):
            found.add(mcp_config)
    return sorted((value for value in found if len(value) >= SHORTEST), key=len, reverse=True)


def masked(text: str, hidden: Sequence[str]) -> str:
    """To be called before anything is cut: half a secret is not found any more."""
    for value in hidden:
        text = text.replace(value, MASK)
    return text


def tail(stderr: bytes, hidden: Sequence[str]) -> str:
    """The last of it, at most `SHOWN` bytes of UTF-8."""
    text = masked(stderr.decode("utf-8", "replace"), hidden)
    return text.encode("utf-8", "replace")[-SHOWN:].decode("utf-8", "ignore")


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
