"""How an execution ended, in one word."""

from collections.abc import Sequence
from enum import StrEnum

from pocketagent.domain.events import ExecutionError, ProcessKilled
from pocketagent.domain.refusals import Code
from pocketagent.domain.turn import Core, Item, Stop


class Outcome(StrEnum):
    """Every execution that was begun ends in one of these."""

    DONE = "done"
    FAILED = "failed"
    TIMEOUT = "timeout"
    INTERRUPTED = "interrupted"
    KILLED = "killed"


_BY_CODE = {Code.EXECUTION_TIMEOUT: Outcome.TIMEOUT, Code.EXECUTION_INTERRUPTED: Outcome.INTERRUPTED}


def outcome(before: Core, after: Core, items: Sequence[Item]) -> Outcome | None:
    """What became of the execution that ran before a step of the machine; None where it goes on, or none ran.

    `items`: what the step has put into the outbox.
    """
    running = before.execution
    if running is None or running is after.execution:
        return None
    for item in items:
        if isinstance(item, ProcessKilled):
            return Outcome.KILLED
        # The error of a line that is left out is the only one that ends nothing.
        if isinstance(item, ExecutionError) and item.code is not Code.LINE_TOO_LARGE:
            return _BY_CODE.get(item.code, Outcome.FAILED)
    return Outcome.INTERRUPTED if before.stop is Stop.INTERRUPT else Outcome.DONE
