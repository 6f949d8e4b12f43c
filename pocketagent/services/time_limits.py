# -*- test-case-name: tests.services.test_time_limits -*-
"""How long an execution may work, and how long a question waits for its answer."""

from collections.abc import Callable
from datetime import datetime

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pocketagent.domain.execution import Machine
from pocketagent.domain.turn import Core


@define(eq=False)
class Alarm:
    """Calls `ring` when the time is over that it was set to last; then it has to be set anew."""

    _clock: IReactorTime
    _ring: Callable[[], None]
    _call: IDelayedCall | None = None

    @property
    def is_set(self) -> bool:
        return self._call is not None

    def set(self, seconds: float) -> None:
        """What is over already is over in the next turn of the reactor."""
        self.stop()
        self._call = self._clock.callLater(max(0.0, seconds), self._over)

    def stop(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _over(self) -> None:
        self._call = None
        self._ring()


@define(eq=False)
class TimeLimits:
    """Those of one project. `seconds_of` gives the seconds that an execution may take, by its options; they do not pass
    while a question is open. `now` in seconds since 1970.

    `timed_out` is called when the execution has had its time, `expired` when a question has.
    """

    _clock: IReactorTime
    _now: Callable[[], float]
    _seconds_of: Callable[[float | None], float]
    _timed_out: Callable[[], None]
    _expired: Callable[[], None]
    # What the machine knew when the clocks were set.
    minded: Core | None = None
    _left: float = 0.0
    _working_since: float | None = None
    _end: Alarm = field(init=False)
    _answer: Alarm = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._end = Alarm(self._clock, self._timed_out)
        self._answer = Alarm(self._clock, self._expired)

    def mind(self, machine: Machine) -> None:
        """Set the clocks by what the machine knows now."""
        core, known = machine.core, self.minded
        self.minded = core
        if known is None or core.execution is not known.execution:
            self._pause()
            if core.execution is not None:
                self._left = self._seconds_of(core.execution.options.timeout)
        if not machine.works:
            self._pause()
        elif self._working_since is None:
            self._working_since = self._clock.seconds()
            self._end.set(self._left)
        if known is None or core.permissions is not known.permissions:
            self._answer.stop()
            if core.permissions:
                first = min(request.expires_at for request in core.permissions)
                self._answer.set(datetime.fromisoformat(first).timestamp() - self._now())

    def stop(self) -> None:
        """Leave no timer behind."""
        self._end.stop()
        self._answer.stop()

    def _pause(self) -> None:
        if self._working_since is not None:
            self._left -= self._clock.seconds() - self._working_since
            self._working_since = None
        self._end.stop()
