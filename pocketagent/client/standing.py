"""How a client stands with its server, and how long it waits before it tries again."""

from collections.abc import Callable, Iterator
from enum import StrEnum

from attrs import frozen

FIRST_WAIT, LONGEST_WAIT = 0.25, 30.0
"""Seconds: the bounds of the wait before the first new try, and before any."""


class Phase(StrEnum):
    CONNECTING = "connecting"
    CONNECTED = "connected"
    WAITING = "waiting"
    CLOSED = "closed"


@frozen
class Standing:
    """`reason`: a sentence on why it is not connected. `retry_in`: seconds until the next try, while it waits."""

    phase: Phase
    reason: str = ""
    retry_in: float = 0.0


def waits(random: Callable[[], float]) -> Iterator[float]:
    """The waits before one new try after the other, without end: doubling, each somewhere between a half and the whole
    of its bound, so that the clients of a server that starts again do not come all at once. `random`: 0 to 1."""
    bound = FIRST_WAIT
    while True:
        yield bound * (0.5 + 0.5 * random())
        bound = min(LONGEST_WAIT, 2 * bound)
