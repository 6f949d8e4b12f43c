"""What the audit log says: who did what to what, from where, and with which result."""

from collections.abc import Mapping
from enum import StrEnum

from attrs import field, frozen

OK = "ok"
"""The outcome of what was done; else it is the code of the refusal, or one of the two below."""
FAILED = "INTERNAL_ERROR"
UNKNOWN = "UNKNOWN"
"""Whoever asked was gone before it was done: perhaps it was."""

FIRST = "0" * 64
"""What stands in the place of the hash before the first record."""


class Origin(StrEnum):
    """How somebody came to do it."""

    DEVICE = "device"
    """With a credential that was good."""
    STRANGER = "stranger"
    """Without one. `actor_id` is then the id that was claimed, where there was one."""
    MACHINE = "machine"
    """With a command of `pocketagent` on the server's machine; `actor_id` is the user's number."""
    SERVER = "server"
    """Nobody: the server itself."""


@frozen(kw_only=True)
class Deed:
    """One thing that somebody did, or was refused. `details` holds plain JSON values and no secret; what is long, or
    may hold one, stands there as its SHA-256."""

    action: str
    origin: Origin
    outcome: str = OK
    actor_id: str | None = None
    actor_name: str | None = None
    address: str = ""
    project_id: str | None = None
    execution_id: str | None = None
    permission_id: str | None = None
    device_id: str | None = None
    details: Mapping[str, object] = field(factory=dict)


@frozen
class Record:
    """A deed that was written down: the `seq`th one, chained to the one before by that one's hash."""

    seq: int
    timestamp: str
    deed: Deed
    previous: str
    hash: str
