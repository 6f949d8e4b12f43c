# -*- test-case-name: tests.terminal.test_conversation -*-
"""The turn that is told: how long it took without the waits for a person, what it cost, how it ended."""

from collections.abc import Mapping

from attrs import define, field

from pocketagent.terminal.shown import Ended
from pocketagent.wire import foreign
from pocketagent.wire.results import Ending, ending_of


@define
class Turn:
    """One after another. `execution_id` is None while none is told. Times are seconds since 1970; `began` is later by
    the time for which a person was waited for."""

    execution_id: str | None = None
    began: float = 0.0
    _asked: dict[str, float] = field(factory=dict)
    _asking_since: float = 0.0
    _result: Mapping[str, object] = field(factory=dict)
    _was_killed: bool = False
    _spent: float | None = None
    # What the conversation has cost so far; None while its beginning is not known.
    _total: float | None = None

    def begin(self, execution_id: str | None, now: float) -> None:
        self.execution_id, self.began = execution_id, now

    def ask(self, permission_id: str, now: float) -> None:
        """A person is asked."""
        if not self._asked:
            self._asking_since = now
        self._asked[permission_id] = now

    def answer(self, permission_id: str, now: float) -> float | None:
        """For how long the person was waited for; None where it was not told when they were asked."""
        asked = self._asked.pop(permission_id, None)
        if asked is None:
            return None
        if not self._asked:
            self.began += max(0.0, now - self._asking_since)
        return now - asked

    def settle(self, result: Mapping[str, object]) -> None:
        """The agent has done what it was asked for; it may go on by itself. The CLI counts the cost from the beginning
        of the conversation."""
        self._result = result
        total = foreign.finite(result.get("total_cost_usd"))
        if total is None:
            return
        if self._total is not None:
            self._spent = (self._spent or 0.0) + (total - self._total if total >= self._total else total)
        self._total = total

    def kill(self) -> None:
        self._was_killed = True

    def end(self, now: float) -> Ended:
        """How it ended, where it did not fail; from then on none is told."""
        outcome = "killed" if self._was_killed else _outcome(ending_of(self._result))
        ended = Ended(max(0.0, now - self.began), self._spent, outcome)
        self._rest()
        return ended

    def begin_conversation(self) -> None:
        """Nothing has been spent in it."""
        self._total = 0.0

    def forget(self) -> None:
        """What was told is void."""
        self._rest()
        self._asked.clear()
        self._total = None

    def _rest(self) -> None:
        self.execution_id, self._result, self._was_killed, self._spent = None, {}, False, None


def _outcome(ending: Ending) -> str:
    """What a person should know of how a turn ended that did not fail, beside what the agent said."""
    match ending:
        case Ending.DONE:
            return ""
        case Ending.FAILED:
            return Ending.INTERRUPTED
        case _:
            return ending
