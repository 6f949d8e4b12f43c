"""A device as it is shown to those who may see it, and what they may change of it."""

from attrs import frozen

from pocketagent.domain.access import Device
from pocketagent.domain.sighting import Sighting


@frozen
class Known:
    """A device as it is shown: when it was last seen, None for never, and how many connections it has now."""

    device: Device
    is_over: bool
    last_seen: Sighting | None
    connections: int


@frozen
class Change:
    """What is to be another from now on: a name, where it is not None; an end, or its lack, with `sets_end`.

    `last_admin` says that nobody who may do everything need be left.
    """

    name: str | None = None
    sets_end: bool = False
    expires_at: float | None = None
    last_admin: bool = False
