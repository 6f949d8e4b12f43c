"""Event loops for tests: their time passes as soon as nothing else is to be done; and what none of them may hide.

class SomeTests(LoopTestCase):
    def test_it(self) -> None:
        async def story() -> None:
            await asyncio.sleep(3600)  # takes no time

        self.tell(story())
"""

import asyncio
import gc
import selectors
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from twisted.trial.unittest import SynchronousTestCase

T = TypeVar("T")


class NothingLeft(AssertionError):
    """Everybody waits, and nothing will ever come."""


MOMENT = 0.05
"""Seconds within which what was sent on this machine has come."""


class _Impatient(selectors.SelectSelector):
    """Never waits, or no longer than a moment: moves a clock of its own instead."""

    def __init__(self, moment: float = 0.0) -> None:
        super().__init__()
        self.now = 0.0
        self._moment = moment

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(self._moment if timeout is None else min(timeout, self._moment))
        if not ready:
            if timeout is None:
                raise NothingLeft
            self.now += timeout
        return ready


class TimelessLoop(asyncio.SelectorEventLoop):
    """Without sockets and threads: so, when nothing is ready, the next thing is what was to be done later."""

    def __init__(self, moment: float = 0.0) -> None:
        self._impatient = _Impatient(moment)
        super().__init__(self._impatient)

    def time(self) -> float:
        return self._impatient.now


class HastyLoop(TimelessLoop):
    """With sockets of this machine: what was sent has a moment to come."""

    def __init__(self) -> None:
        super().__init__(MOMENT)


class LoopTestCase(SynchronousTestCase):
    """Tests on a loop in debug mode. None leaves a task behind, nor an exception that nobody saw."""

    loop: Callable[[], asyncio.AbstractEventLoop] = TimelessLoop
    unimportant: Sequence[str] = ()
    """What the loop's handler may hear of."""

    def tell(self, story: Coroutine[Any, Any, T], complaints: int = 0, tidies: bool = True) -> T:
        """Run it to its end. `complaints`: how many exceptions the loop's handler hears of; `tidies`: whether
        the garbage is looked through for more, which takes a moment."""
        heard: list[tuple[str, object]] = []

        async def whole() -> T:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: heard.append((context["message"], context.get("exception"))))
            loop.slow_callback_duration = 60.0
            told = await story
            left = [str(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            self.assertEqual(left, [], "tasks were left behind")
            return told

        with asyncio.Runner(debug=True, loop_factory=self.loop) as runner:
            told = runner.run(whole())
        if tidies:
            gc.collect()
        important = [one for one in heard if one[0] not in self.unimportant]
        self.assertEqual(len(important), complaints, important)
        self.assertEqual([warning["message"] for warning in self.flushWarnings()], [])
        return told


def begin(request: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    """Have it done beside what goes on. Whether anybody looks at what becomes of it is the test's choice."""
    task = asyncio.create_task(request)
    task.add_done_callback(lambda task: task.cancelled() or task.exception())
    return task


async def outcomes(*tasks: "asyncio.Task[Any]") -> Sequence[object]:
    """What became of each: its value, or the type of what it raised."""
    found = await asyncio.gather(*tasks, return_exceptions=True)
    return [type(one) if isinstance(one, BaseException) else one for one in found]


async def next_of(iterator: AsyncIterator[T]) -> T:
    """`anext` as a coroutine, of which a task can be made."""
    return await anext(iterator)


async def settle() -> None:
    """Let everything happen that can without time passing."""
    await asyncio.sleep(1e-6)
