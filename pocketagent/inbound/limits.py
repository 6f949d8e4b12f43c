# -*- test-case-name: tests.inbound.test_limits -*-
"""What one address and one device may have: places, requests, wrong credentials.

Places are given back once, whatever becomes of a connection. Of those who have nothing here any more only a bounded
number is remembered; who has been quiet for longest is forgotten first.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from attrs import define, field, frozen

from pocketagent.domain.addresses import place_of
from pocketagent.domain.measures import Measures
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.inbound.allowance import Allowance

REMEMBERED = 10_000
"""Addresses, and as many devices, of which it is known what they have used up."""
RETRY_AFTER = 5.0
"""Seconds after which somebody who found no place may come again."""
MINUTE = 60.0
LARGE_BODIES = 64 * 1024 * 1024
"""Bytes of all large bodies together that come, and of all that go: six of the largest that may be set."""


@frozen(kw_only=True)
class Bounds:
    """The names are those of `Config`."""

    connections: int = 4096
    connections_per_address: int = 1024
    connections_per_device: int = 512
    address_requests_per_second: float = 1000
    address_request_burst: int = 2000
    device_requests_per_second: float = 500
    device_request_burst: int = 1000
    wrong_credentials: int = 200
    wrong_credentials_per_address: int = 20


@define(eq=False)
class _Allowances:
    """One for each name, of the last `REMEMBERED` that were used."""

    _rate: float
    _burst: float
    _now: Callable[[], float]
    _known: "OrderedDict[str, Allowance]" = field(factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._known)

    def of(self, name: str) -> Allowance:
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = Allowance(self._rate, self._burst, self._now)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(name)
        return found


@define(eq=False)
class Place:
    """Somebody's place, until it is given back."""

    _limits: "Limits"
    _address: str
    _device_id: str | None = None
    _is_over: bool = False

    def claim(self, device_id: str) -> None:
        """It is this device's. Raises Refusal(RATE_LIMITED) when that has as many as it may have."""
        if self._device_id is None and not self._is_over:
            self._limits.claim(device_id)
            self._device_id = device_id

    def leave(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._limits.left(self._address, self._device_id)


@define(eq=False)
class LargeBodies:
    """Those of one direction that are in memory: of `held` bytes together, at most `LARGE_BODIES`."""

    held: int = 0

    @contextmanager
    def holding(self, size: int) -> Iterator[None]:
        """One of so many bytes is in memory meanwhile. Raises Refusal(RESOURCE_LIMIT) where there is no room for it
        beside the others."""
        if size and self.held + size > LARGE_BODIES:
            message = "The server is taking, or giving, as much at once as it may: come again in a moment."
            raise Refusal(Code.RESOURCE_LIMIT, message, limit=LARGE_BODIES, retry_after=RETRY_AFTER)
        self.held += size
        try:
            yield
        finally:
            self.held -= size


class Limits:
    """Counts, and says no. `now` is a clock in seconds."""

    def __init__(self, now: Callable[[], float], bounds: Bounds, measures: Measures | None = None) -> None:
        self.taken = 0
        self.uploads = LargeBodies()
        self._measures = measures or Measures()
        self._bounds = bounds
        self._addresses: Counter[str] = Counter()
        self._devices: Counter[str] = Counter()
        per_minute = bounds.wrong_credentials / MINUTE
        per_address = bounds.wrong_credentials_per_address / MINUTE
        self._wrong = Allowance(per_minute, bounds.wrong_credentials, now)
        self._wrong_of = _Allowances(per_address, bounds.wrong_credentials_per_address, now)
        self._asked_by_address = _Allowances(bounds.address_requests_per_second, bounds.address_request_burst, now)
        self._asked_by_device = _Allowances(bounds.device_requests_per_second, bounds.device_request_burst, now)

    # -- places ---------------------------------------------------------------------------------------------

    def take(self, address: str) -> Place:
        """Before the credential is looked at: whoever floods us costs no hash. Raises Refusal: RESOURCE_LIMIT when all
        places are taken, RATE_LIMITED when this address has as many as it may have."""
        if self.taken >= self._bounds.connections:
            message = "The server has as many connections as it may have."
            raise Refusal(Code.RESOURCE_LIMIT, message, limit=self._bounds.connections)
        place = place_of(address)
        if self._addresses[place] >= self._bounds.connections_per_address:
            raise self._too_many("address", self._bounds.connections_per_address)
        self._addresses[place] += 1
        self.taken += 1
        return Place(self, place)

    def claim(self, device_id: str) -> None:
        if self._devices[device_id] >= self._bounds.connections_per_device:
            raise self._too_many("device", self._bounds.connections_per_device)
        self._devices[device_id] += 1

    def left(self, place: str, device_id: str | None) -> None:
        self.taken -= 1
        _give_back(self._addresses, place)
        if device_id is not None:
            _give_back(self._devices, device_id)

    # -- requests -------------------------------------------------------------------------------------------

    def ask(self, address: str) -> None:
        """One more request from there. Raises Refusal(RATE_LIMITED)."""
        self._check(self._asked_by_address.of(place_of(address)))

    def ask_as(self, device_id: str) -> None:
        """One more request of this device. Raises Refusal(RATE_LIMITED)."""
        self._check(self._asked_by_device.of(device_id))

    def shared(self, address: str, device_id: str) -> Sequence[Allowance]:
        """What the messages of one connection use up besides its own."""
        return self._asked_by_address.of(place_of(address)), self._asked_by_device.of(device_id)

    # -- wrong credentials ----------------------------------------------------------------------------------

    def wait_for(self, address: str) -> float:
        """For how many seconds nobody from there is listened to who shows no credential of a device that is known; 0
        when all is well. Whoever has a good one is never kept out by others (AU-20)."""
        waits = [each.retry_after for each in (self._wrong, self._wrong_of.of(place_of(address))) if each.is_empty]
        return max(waits, default=0.0)

    def wrong(self, address: str) -> None:
        """A credential from there is not good, or not known to be."""
        self._wrong_of.of(place_of(address)).take()
        self._wrong.take()

    def right(self, address: str) -> None:
        """One that was counted as wrong was good."""
        self._wrong_of.of(place_of(address)).give_back()
        self._wrong.give_back()

    def too_fast(self, seconds: float) -> Refusal:
        """What somebody is told who must wait for so long."""
        self._measures.rate_limited += 1
        wait = round(seconds, 3)
        message = f"Too many requests: wait {wait:g} seconds before the next."
        return Refusal(Code.RATE_LIMITED, message, retry_after=wait)

    def _check(self, allowance: Allowance) -> None:
        if not allowance.take():
            raise self.too_fast(allowance.retry_after)

    def _too_many(self, whose: str, limit: int) -> Refusal:
        self._measures.rate_limited += 1
        message = f"This {whose} has as many connections as it may have: close one."
        return Refusal(Code.RATE_LIMITED, message, limit=limit, retry_after=RETRY_AFTER)

    @property
    def remembered(self) -> int:
        return len(self._wrong_of) + len(self._asked_by_address) + len(self._asked_by_device)


def _give_back(counts: Counter[str], name: str) -> None:
    counts[name] -= 1
    if not counts[name]:
        del counts[name]
