"""What is measured: counted where it happens, at the cost of an addition, and read when somebody looks.

Plain values that know nothing of who reads them. All of it happens on the reactor's thread. Labels are words of this
program, each of a small set: never a name, a path or an id (AD-05).
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import accumulate

from attrs import Factory, define, field, frozen

from pocketagent.domain.events import Reason
from pocketagent.domain.outcome import Outcome

PREFIX = "pocketagent_"
"""What every name begins with."""

WRITING = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
LATENESS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
FIRST_WORDS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
WORKING = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3600.0)
ANSWERING = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)
"""Seconds: up to where the times of each kind are counted together."""


class Credential(StrEnum):
    """Why somebody was not let in: what was wrong with the token or the cookie, or that there was none; or the code of
    a pairing was not good."""

    MISSING = "missing"
    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    UNAVAILABLE = "unavailable"
    PAIRING = "pairing"


@define(eq=False)
class Spread:
    """How long something took, each time: how often it was up to each of the `bounds`, and longer than the last."""

    bounds: Sequence[float]
    counts: list[int] = field(init=False)
    total: float = field(init=False, default=0.0)

    def __attrs_post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def add(self, seconds: float) -> None:
        # A clock that was set back makes nothing shorter than nothing.
        seconds = max(seconds, 0.0)
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds

    @property
    def rising(self) -> Sequence[int]:
        """How often it was up to each bound; the last one is how often in all."""
        return tuple(accumulate(self.counts))


def _spreads(words: Iterable[str], bounds: Sequence[float]) -> Mapping[str, Spread]:
    return {word: Spread(bounds) for word in words}


@define(eq=False)
class Measures:
    """What happens in one server. Every word has its counter from the start, so that the first event is seen as one."""

    executions: Mapping[str, Spread] = Factory(lambda: _spreads(Outcome, WORKING))
    first_output: Spread = Factory(lambda: Spread(FIRST_WORDS))
    permissions: Mapping[str, Spread] = Factory(lambda: _spreads(Reason, ANSWERING))
    appends: Spread = Factory(lambda: Spread(WRITING))
    syncs: Spread = Factory(lambda: Spread(WRITING))
    lateness: Spread = Factory(lambda: Spread(LATENESS))
    refused: dict[str, int] = Factory(lambda: dict.fromkeys(Credential, 0))
    rate_limited: int = 0
    sent_bytes: int = 0
    sent_frames: int = 0


class Kind(StrEnum):
    """What its number does: go up and down, only up, or spread over times."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@frozen
class Metric:
    """One metric at one moment: its value for each combination of its labels' words.

    `name` by Prometheus' rules: the unit at its end, base units only, and `_total` for a counter.
    """

    name: str
    kind: Kind
    words: str
    values: Mapping[tuple[str, ...], float | Spread]
    labels: tuple[str, ...] = ()


def gauge(name: str, words: str, value: float) -> Metric:
    return Metric(PREFIX + name, Kind.GAUGE, words, {(): value})


def counter(name: str, words: str, value: float) -> Metric:
    return Metric(PREFIX + name, Kind.COUNTER, words, {(): value})


def histogram(name: str, words: str, value: Spread) -> Metric:
    return Metric(PREFIX + name, Kind.HISTOGRAM, words, {(): value})


def by(label: str, kind: Kind, name: str, words: str, values: Mapping[str, float] | Mapping[str, Spread]) -> Metric:
    """One value for each word of a label."""
    return Metric(PREFIX + name, kind, words, {(word,): value for word, value in values.items()}, (label,))
