# -*- test-case-name: tests.outbound.agent.test_steps -*-
"""How a process of the agent ends: a table of steps, each with the time that it is given."""

from collections.abc import Callable, Sequence
from enum import StrEnum

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger


class Way(StrEnum):
    """What is done to it, from the gentlest on."""

    INTERRUPT = "interrupt"
    CLOSE = "close"
    TERMINATE = "terminate"
    KILL = "kill"
    ABANDON = "abandon"


@frozen
class Step:
    """`wait`: seconds until the next step, unless the process ends before."""

    way: Way
    wait: float


STEPS = (
    Step(Way.INTERRUPT, 2.0),
    Step(Way.CLOSE, 1.0),
    Step(Way.TERMINATE, 5.0),
    Step(Way.KILL, 12.0),
    Step(Way.ABANDON, 12.0),
)
"""Protocol section 9. The last one is for a supervisor that does not obey: it is killed, and the rest hunted down."""


class Moment:
    """Something that happens once."""

    def __init__(self) -> None:
        self.happened = False
        self._waiting: list[Callable[[], None]] = []

    def happen(self) -> None:
        self.happened = True
        waiting, self._waiting = self._waiting, []
        for act in waiting:
            act()

    def then(self, act: Callable[[], None]) -> None:
        """Do that when it happens; at once when it has."""
        if self.happened:
            act()
        else:
            self._waiting.append(act)


async def within(clock: IReactorTime, seconds: float, *moments: Moment) -> None:
    """Wait for the first of the moments, and no longer than so many seconds."""
    waiting: Deferred[None] = Deferred()

    def enough() -> None:
        if not waiting.called:
            waiting.callback(None)

    timer = clock.callLater(seconds, enough)
    for moment in moments:
        moment.then(enough)
    try:
        await waiting
    finally:
        if timer.active():
            timer.cancel()


@define(eq=False)
class Stairs:
    """The way down for one process, gone once.

    `take` does a step; a moment that it returns ends the wait for it early. `over`: the process is dead.
    """

    _clock: IReactorTime
    _steps: Sequence[Step]
    _take: Callable[[Way], Moment | None]
    _over: Moment
    _way: Way | None = field(default=None, init=False)
    _done: Moment = field(factory=Moment, init=False)
    _log = Logger()

    async def descend(self, first: Way) -> None:
        """Go down from this step; wait with those who do already, from wherever they are. Returns at the end."""
        if self._way is None and not self._over.happened:
            self._way = first
            # Not awaited: who asked first may go away, and the steps go on.
            Deferred.fromCoroutine(self._descend(first)).addErrback(
                lambda failure: self._log.failure("ending a process", failure)
            )
        if self._way is not None:
            waiting: Deferred[None] = Deferred()
            self._done.then(lambda: None if waiting.called else waiting.callback(None))
            await waiting

    async def _descend(self, first: Way) -> None:
        try:
            start = [step.way for step in self._steps].index(first)
            for step in self._steps[start:]:
                early = self._take(step.way)
                await within(self._clock, step.wait, self._over, *([] if early is None else [early]))
                if self._over.happened:
                    return
        finally:
            self._done.happen()
        self._log.error("A process of the agent could not be killed.")
