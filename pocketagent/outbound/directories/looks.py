# -*- test-case-name: tests.outbound.directories.test_directories -*-
"""Looks at a disk that may hang (a network mount that is away): few threads at a time, and nobody waits for ever."""

from collections.abc import Callable
from typing import TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredSemaphore, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from pocketagent.domain.project import invalid_path
from pocketagent.ports import IThreads

DEADLINE = 5.0
"""Seconds that anybody waits for a disk (protocol section 7, INVALID_PATH)."""

LOOKS = 4
"""At a time, where nothing else is said. So many threads may hang in a disk; the others of the pool serve on."""

T = TypeVar("T")


@define(eq=False)
class Looks:
    """`deadline` in seconds, the wait for a free thread included. `at_once`: how many threads."""

    _threads: IThreads
    _clock: IReactorTime
    _deadline: float = DEADLINE
    _at_once: int = field(default=LOOKS, kw_only=True)
    _turns: DeferredSemaphore = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._turns = DeferredSemaphore(self._at_once)

    async def at(self, path: str, work: Callable[[], T]) -> T:
        """As `in_time`. Raises Refusal(INVALID_PATH) that names the path at the deadline."""
        try:
            return await self.in_time(work)
        except TimeoutError:
            raise invalid_path(
                f"The disk did not answer within {self._deadline:g} s: is it a network directory that is away?", path
            ) from None

    async def in_time(self, work: Callable[[], T]) -> T:
        """Do it in a thread, when one of ours is free. Raises TimeoutError at the deadline, whatever hangs.

        The thread goes on; only when it has come back its turn is another's.
        """
        end = self._clock.seconds() + self._deadline
        await self._turns.acquire().addTimeout(self._deadline, self._clock)
        answer: Deferred[T] = Deferred()

        def finish(result: T | Failure) -> None:
            self._turns.release()
            if not answer.called:
                answer.callback(result)

        Deferred.fromCoroutine(self._threads.run(work)).addBoth(finish)
        return await answer.addTimeout(max(0.0, end - self._clock.seconds()), self._clock)
