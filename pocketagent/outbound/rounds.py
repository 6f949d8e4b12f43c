# -*- test-case-name: tests.outbound.test_audit -*-
"""Work that is done for many at once: who comes during one round goes with the others into the next, which so begins
after each of them came."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Generic, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.logger import Logger

Given = TypeVar("Given")
Got = TypeVar("Got")

_log = Logger()


@define(eq=False)
class Rounds(Generic[Given, Got]):
    """`do` gets what everybody has given, and returns what each of them gets, in that order; or fails for all."""

    _do: Callable[[Sequence[Given]], Coroutine[Deferred[object], object, Sequence[Got]]]
    _waiting: "list[tuple[Given, Deferred[Got]]]" = field(factory=list)
    _is_busy: bool = False

    async def join(self, given: Given) -> Got:
        """Have it done in the next round. Raises what `do` raises; who is cancelled leaves it to be done."""
        done: Deferred[Got] = Deferred()
        self._waiting.append((given, done))
        if not self._is_busy:
            self._is_busy = True
            # Not as a part of whoever asked first: that one may be cancelled.
            Deferred.fromCoroutine(self._go()).addErrback(lambda why: _log.failure("a round is stuck", why))
        return await done

    async def _go(self) -> None:
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, []
                try:
                    results = await self._do([given for given, _ in waiting])
                except Exception as problem:  # noqa: BLE001  # each of them is told
                    for _, done in waiting:
                        done.errback(problem)
                else:
                    for (_, done), result in zip(waiting, results, strict=True):
                        done.callback(result)
        finally:
            self._is_busy = False
