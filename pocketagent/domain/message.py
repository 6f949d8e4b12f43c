"""What a project's journal holds: numbered entries, and the drafts they are made from.

`message` is always one JSON object as bytes, on one line, valid UTF-8. This floor never looks into it: what the
CLI said is carried from its stdout to the disk and to every client without being written anew.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple


class Direction(StrEnum):
    """Who said it: a person's device, the agent, or the server itself."""

    CLIENT = "client"
    CLAUDE = "claude"
    SERVER = "server"


class Draft(NamedTuple):
    """An event that is to be kept: an entry without its number and its time."""

    direction: Direction
    type: str
    message: bytes


class Entry(NamedTuple):
    """An event that was kept. `seq` counts 1, 2, 3 … without gaps; `timestamp` as `timestamp()` below makes it."""

    seq: int
    timestamp: str
    direction: str
    type: str
    message: bytes


class Partial(NamedTuple):
    """A piece of a message that the agent is still writing: told, never kept; the whole message follows.

    `parent` is the `parent_tool_use_id` of the message (None for the agent itself); `begins` and `ends` mark its
    first and its last piece.
    """

    message: bytes
    parent: str | None
    begins: bool
    ends: bool


def timestamp(seconds: float) -> str:
    """Seconds since 1970 -> RFC 3339 in UTC, always with six digits of microseconds and four of the year.

    So that texts order as their times do (`strftime` does not fill up a short year).
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")[:-6] + "Z"
