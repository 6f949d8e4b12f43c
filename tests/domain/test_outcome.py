"""How executions end, in one word, by what their machine says."""

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.events import ExecutionError, ProcessKilled, State
from pocketagent.domain.outcome import Outcome, outcome
from pocketagent.domain.refusals import Code
from pocketagent.domain.turn import Core, Execution, Item, Stop

ONE, OTHER = Execution("1"), Execution("2")
RUNS = Core(state=State.EXECUTING, execution=ONE)
REST = Core()


def error(code: Code) -> ExecutionError:
    return ExecutionError(code, "", {}, "1")


class OutcomeTests(SynchronousTestCase):
    def test_words(self) -> None:
        """Each way in which a turn ends has its word."""
        interrupted = evolve(RUNS, stop=Stop.INTERRUPT)
        cases: list[tuple[Core, list[Item], Outcome]] = [
            (RUNS, [], Outcome.DONE),
            (RUNS, [error(Code.EXECUTION_FAILED)], Outcome.FAILED),
            (RUNS, [error(Code.STORAGE_UNAVAILABLE)], Outcome.FAILED),
            (RUNS, [error(Code.EXECUTION_TIMEOUT)], Outcome.TIMEOUT),
            (RUNS, [error(Code.EXECUTION_INTERRUPTED)], Outcome.INTERRUPTED),
            (interrupted, [], Outcome.INTERRUPTED),
            (evolve(RUNS, stop=Stop.KILL), [ProcessKilled("1")], Outcome.KILLED),
        ]
        for before, items, word in cases:
            self.assertIs(outcome(before, REST, items), word)
            self.assertIs(outcome(before, evolve(RUNS, execution=OTHER), items), word)

    def test_goes_on(self) -> None:
        """Where nothing ran, or what ran goes on, nothing has ended."""
        self.assertIsNone(outcome(REST, RUNS, []))
        self.assertIsNone(outcome(REST, REST, []))
        self.assertIsNone(outcome(RUNS, evolve(RUNS, session_id="x"), [error(Code.LINE_TOO_LARGE)]))

    def test_a_line_left_out(self) -> None:
        """An execution of which a line was left out is done all the same."""
        self.assertIs(outcome(RUNS, REST, [error(Code.LINE_TOO_LARGE)]), Outcome.DONE)
