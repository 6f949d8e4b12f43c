# -*- test-case-name: tests.services.test_stopwatch -*-
"""How long a project's executions take, their first words, and people over the agent's questions."""

from collections.abc import Sequence

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pocketagent.domain.agent import Spoken, Utterance
from pocketagent.domain.events import PermissionRequest, PermissionResolved
from pocketagent.domain.measures import Measures
from pocketagent.domain.message import Partial
from pocketagent.domain.outcome import Outcome, outcome
from pocketagent.domain.turn import Core, Item

_log = Logger()

_WORDS = frozenset({Spoken, Partial})
"""What a person reads, or will when it is complete; not what a process says when it begins."""

_QUESTIONS = frozenset({PermissionRequest, PermissionResolved})


@define(eq=False)
class Stopwatch:
    """One project's. Of what was at work when the server last stopped nothing is measured: nobody knows its beginning.

    `awaits_words`: an execution runs of which nothing was heard yet.
    """

    _measures: Measures
    _clock: IReactorTime
    _project_id: str = ""
    awaits_words: bool = False
    _began: float | None = None
    _asked: dict[str, float] = field(factory=dict)

    def stepped(self, before: Core, after: Core, items: Sequence[Item]) -> None:
        """A step of the machine was told."""
        now = self._clock.seconds()
        if after.execution is not before.execution:
            ended = outcome(before, after, items)
            if ended is not None and self._began is not None:
                self._measures.executions[ended].add(now - self._began)
            self._tell(before, after, ended, now)
            self.awaits_words = after.execution is not None
            self._began = now if self.awaits_words else None
        if not _QUESTIONS.isdisjoint(map(type, items)):  # most steps hold nothing but lines, and many of them
            self._questioned(items, now)

    def _questioned(self, items: Sequence[Item], now: float) -> None:
        for item in items:
            if isinstance(item, PermissionRequest):
                self._asked[item.permission_id] = now
            elif isinstance(item, PermissionResolved):
                asked = self._asked.pop(item.permission_id, None)
                if asked is not None:
                    self._measures.permissions[item.reason].add(now - asked)

    def _tell(self, before: Core, after: Core, ended: Outcome | None, now: float) -> None:
        """The same for the log."""
        if ended is not None and before.execution is not None:
            seconds = None if self._began is None else now - self._began
            _log.info(
                "The execution {execution_id} is over after {seconds} s: {result}",
                action="execution_end",
                outcome="success" if ended is Outcome.DONE else "failure",
                result=ended.value,
                seconds=None if seconds is None else round(seconds, 3),
                execution_id=before.execution.id,
                project_id=self._project_id,
            )
        if after.execution is not None:
            _log.info(
                "The execution {execution_id} begins",
                action="execution_start",
                execution_id=after.execution.id,
                project_id=self._project_id,
            )

    def heard(self, utterances: Sequence[Utterance]) -> None:
        """The agent said this about the execution; to be called while `awaits_words`."""
        if self._began is not None and not _WORDS.isdisjoint(map(type, utterances)):
            self.awaits_words = False
            self._measures.first_output.add(self._clock.seconds() - self._began)
