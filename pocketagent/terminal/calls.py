# -*- test-case-name: tests.terminal.test_conversation -*-
"""The tools that are at work: begun, asked for, returned, cut off. Times are seconds since 1970."""

from collections.abc import Iterator, Mapping

from attrs import define, evolve, field

from pocketagent.domain.agent import Behavior
from pocketagent.terminal.shown import Answered, Call, Called

MAX_CALLS = 256
"""Calls that may be under way at once; of more, the oldest are no longer shown."""
UNFINISHED = "It did not finish."
"""The output of a call that was under way when its turn ended."""


@define
class Calls:
    """The oldest first. Of a subagent it is counted how many calls it made."""

    _calls: dict[str, Call] = field(factory=dict)
    _inner: dict[str, int] = field(factory=dict)

    def __iter__(self) -> Iterator[Call]:
        return iter([*self._calls.values()])

    def __contains__(self, id: str) -> bool:
        return id in self._calls

    def begin(self, call: Call) -> None:
        self._calls[call.id] = call
        if call.parent in self._calls:
            self._inner[call.parent] = self._inner.get(call.parent, 0) + 1
        if len(self._calls) > MAX_CALLS:
            oldest = next(iter(self._calls))
            del self._calls[oldest]
            self._inner.pop(oldest, None)

    def answer(self, answered: Answered) -> bool:
        """A person was asked whether a call may run. Whether the answer is told with what the call returns, or with
        its end."""
        call = self._calls.get(answered.question.tool_use_id or "")
        if call is None or answered.behavior is Behavior.ALLOW:
            return False
        self._calls[call.id] = evolve(call, denied=answered)
        return True

    def take_out(self, id: str, now: float, waited: float) -> None:
        """The time for which a person was waited for is neither the call's nor its subagent's."""
        call = self._calls.get(id)
        if call is not None:
            self._calls[id] = evolve(call, began=now)
            parent = self._calls.get(call.parent or "")
            if parent is not None:
                self._calls[parent.id] = evolve(parent, began=parent.began + waited)

    def end(self, id: str, output: str, is_error: bool, details: Mapping[str, object], now: float) -> Iterator[Called]:
        """What a call returned; nothing of one that is not known."""
        call = self._calls.pop(id, None)
        if call is None:
            return
        if call.denied is not None and call.denied.behavior is Behavior.CANCELLED:
            call = evolve(call, denied=None)  # what it returns tells that it was cut off
        yield Called(call, output, is_error, max(0.0, now - call.began), details, self._inner.pop(id, 0))

    def cut_off(self, now: float) -> Iterator[Called | Answered]:
        """Nothing more is heard of any of them."""
        for call in self:
            if call.denied is not None:
                yield call.denied
            else:
                inner = self._inner.get(call.id, 0)
                yield Called(call, UNFINISHED, True, max(0.0, now - call.began), inner=inner)
        self.clear()

    def clear(self) -> None:
        self._calls.clear()
        self._inner.clear()
