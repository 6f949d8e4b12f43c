# -*- test-case-name: tests.inbound.test_allowance -*-
"""How much of something a client may have in a time, and how long it has not cared."""

from collections.abc import Callable, Sequence

from attrs import define, field


@define(eq=False)
class Allowance:
    """A bucket of tokens: `burst` at once, `rate` a second over time. `now` is a clock in seconds."""

    _rate: float
    _burst: float
    _now: Callable[[], float]
    _tokens: float = field(init=False)
    _filled_at: float = field(init=False)
    _ignored_since: float = field(init=False)
    _refused_at: float | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._tokens = self._burst
        self._filled_at = self._ignored_since = self._now()

    def take(self) -> bool:
        """Whether one more is allowed; then it is taken."""
        now = self._fill()
        if self._tokens >= 1:
            self._tokens -= 1
            return True
        if self._refused_at is None or now - self._refused_at > self.retry_after:
            self._ignored_since = now
        self._refused_at = now
        return False

    def give_back(self) -> None:
        """One that was taken was not used."""
        self._tokens = min(self._burst, self._tokens + 1)

    @property
    def is_empty(self) -> bool:
        """Whether one more would be refused now."""
        self._fill()
        return self._tokens < 1

    def _fill(self) -> float:
        now = self._now()
        # A clock that was set back takes no tokens away.
        passed = max(0.0, now - self._filled_at)
        self._filled_at = now
        self._tokens = min(self._burst, self._tokens + passed * self._rate)
        return now

    @property
    def retry_after(self) -> float:
        """Seconds until half a burst is there again: whoever waits that long is not refused for a while."""
        return max(1.0, self._burst / 2) / self._rate

    @property
    def ignored(self) -> float:
        """For how many seconds, up to the last refusal, it was asked again and again without waiting."""
        return 0.0 if self._refused_at is None else self._refused_at - self._ignored_since


@define(eq=False)
class Joint:
    """Several that are used up together: one's own, and what is shared with others. How long it was not cared counts
    for oneself alone: nobody is punished for what others have used up."""

    _own: Allowance
    _shared: Sequence[Allowance]
    _now: Callable[[], float]
    _ignored_since: float = 0.0
    _refused_at: float | None = None
    retry_after: float = 0.0

    def take(self) -> bool:
        """Whether one more is allowed by all."""
        for each in (self._own, *self._shared):
            if not each.take():
                self._refuse(each.retry_after)
                return False
        return True

    @property
    def ignored(self) -> float:
        """As `Allowance.ignored`."""
        return 0.0 if self._refused_at is None else self._refused_at - self._ignored_since

    def _refuse(self, retry_after: float) -> None:
        now = self._now()
        if self._refused_at is None or now - self._refused_at > retry_after:
            self._ignored_since = now
        self._refused_at = now
        self.retry_after = retry_after
