# -*- test-case-name: tests.inbound.test_deadline -*-
"""By when something has to come, again and again: one timer for all of it."""

import math
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Deadline:
    """Calls `too_late` when what was expected last has not come. Setting it anew costs no timer: the one that is there
    looks when it was due first, and then again."""

    def __init__(self, clock: IReactorTime, too_late: Callable[[], None]) -> None:
        self._clock = clock
        self._too_late = too_late
        self._due = math.inf
        self._timer: IDelayedCall | None = None

    def expect(self, seconds: float) -> None:
        """Something has to come within this time, whatever was expected before."""
        self._due = self._clock.seconds() + seconds
        if self._timer is not None and self._timer.getTime() > self._due:
            self.stop(self._due)
        if self._timer is None:
            self._timer = self._clock.callLater(seconds, self._look)

    def met(self) -> None:
        """It has come: nothing is expected."""
        self._due = math.inf

    def stop(self, due: float = math.inf) -> None:
        """Leave no timer behind."""
        self._due = due
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        left = self._due - self._clock.seconds()
        if left <= 0:
            self._due = math.inf
            self._too_late()
        elif left < math.inf:
            self._timer = self._clock.callLater(left, self._look)
