# -*- test-case-name: tests.domain.test_execution -*-
"""How a turn fails: with which sentence, and what its open questions and the prompts behind it are told."""

from collections.abc import Mapping

from attrs import field, frozen

from pocketagent.domain.agent import Ending, TurnResult
from pocketagent.domain.events import Reason
from pocketagent.domain.refusals import Code, Refusal

MAX_SAID = 500
"""Characters of what the agent says of its own error."""


@frozen
class FailedTurn:
    """`questions`: why its permission requests are closed. `queue`: why the prompts that wait are dropped."""

    code: Code
    message: str
    details: Mapping[str, object] = field(factory=dict)
    questions: Reason = Reason.ENDED
    queue: Reason = Reason.ERROR


TIMED_OUT = FailedTurn(
    Code.EXECUTION_TIMEOUT, "The execution took longer than its time bound. Give it more with `timeout`."
)
SHUT_DOWN = FailedTurn(
    Code.EXECUTION_INTERRUPTED,
    "The server was stopped while this execution ran. Send the prompt anew.",
    queue=Reason.RESTART,
)
RESTARTED = FailedTurn(
    Code.EXECUTION_INTERRUPTED,
    "The server stopped while this execution ran. Nothing is run again by itself: send the prompt anew.",
    questions=Reason.RESTART,
    queue=Reason.RESTART,
)
UNKEPT = FailedTurn(
    Code.STORAGE_UNAVAILABLE,
    "The journal could not be written, so the execution was stopped. Make room on the server's disk.",
)


def died(ending: Ending) -> FailedTurn:
    """The process ended in the middle of it."""
    details: dict[str, object] = {"stderr": ending.stderr}
    if ending.exit_code is not None:
        details["exit_code"] = ending.exit_code
    if ending.signal is not None:
        details["signal"] = ending.signal
    return FailedTurn(Code.EXECUTION_FAILED, "The agent's process ended before its turn was complete.", details)


def told(result: TurnResult) -> FailedTurn:
    """The agent itself says that it failed."""
    said = "; ".join(result.errors)[:MAX_SAID].rstrip() or "it said no more"
    stop = "" if said.endswith((".", "!", "?", "…")) else "."
    return FailedTurn(Code.EXECUTION_FAILED, f"The agent ended its turn with an error: {said}{stop}")


def not_begun(refusal: Refusal) -> FailedTurn:
    """The prompt could not be handed to the agent."""
    return FailedTurn(refusal.code, refusal.message, refusal.details)
