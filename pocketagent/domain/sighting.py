# -*- test-case-name: tests.domain.test_sighting -*-
"""Where a server is to be found, and when its devices were last seen, and what they are."""

import re
from collections.abc import Sequence

from attrs import frozen

MAX_CLIENT = 32
BROWSER, UNKNOWN = "browser", "unknown"

_PRODUCT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
"""The name of a program as it begins a User-Agent: `pocketagent/0.1.0`, `curl/8.5.0`."""


@frozen
class Sighting:
    """A device was there: when, in seconds since 1970, and what kind of client it was."""

    at: float
    client: str


def client_of(user_agent: str | None) -> str:
    """What kind of client says this of itself: `browser`, the name of a program, or `unknown`. It is the client's own
    word, for people to read; nothing depends on it."""
    found = _PRODUCT.match(user_agent or "")
    if found is None:
        return UNKNOWN
    name = found.group()[:MAX_CLIENT].lower()
    return BROWSER if name == "mozilla" else name


@frozen
class Address:
    """Under which names a server goes, on which port, and the fingerprint of its key; None without TLS."""

    names: Sequence[str]
    port: int
    fingerprint: str | None
