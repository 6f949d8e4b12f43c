# -*- test-case-name: tests.wire.test_results -*-
"""How a turn of the agent ended, as the CLI's `result` says it.

{"subtype": "success", "is_error": false, …}                                        -> DONE
{"subtype": "success", "is_error": true, "result": "API Error: 400 …"}              -> FAILED
{"subtype": "error_during_execution", "terminal_reason": "aborted_streaming", …}    -> INTERRUPTED
{"subtype": "error_max_turns", "is_error": true, …}                                 -> AT_TURNS
"""

from collections.abc import Mapping
from enum import StrEnum

from pocketagent.wire import foreign


class Ending(StrEnum):
    """In words, as a person is told."""

    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    AT_TURNS = "stopped at the limit of turns"
    AT_COST = "stopped at the limit of cost"


_BOUNDS = {"error_max_turns": Ending.AT_TURNS, "error_max_budget_usd": Ending.AT_COST}
AT_BOUND = frozenset(_BOUNDS.values())
"""It went as far as it was allowed to, which is no failure."""
_ABORTED = "aborted"
"""How the reason begins of what was cut off."""
_DIAGNOSIS = "[ede_diagnostic]"
"""How an error begins that the CLI tells its own developers."""


def ending_of(result: Mapping[str, object]) -> Ending:
    """How the turn ended. Without a result, which is empty, nothing was done: it was interrupted.

    The server tells a failure as one. Of a turn that ends otherwise, FAILED means that what was interrupted complained.
    """
    bound = _BOUNDS.get(foreign.text(result.get("subtype")) or "")
    if bound is not None:
        return bound
    if not result or (foreign.text(result.get("terminal_reason")) or "").startswith(_ABORTED):
        return Ending.INTERRUPTED
    return Ending.FAILED if result.get("is_error") is True else Ending.DONE


def errors_of(result: Mapping[str, object]) -> tuple[str, ...]:
    """What went wrong, in the CLI's words: its errors, else the result itself; `foreign.texts` bounds them."""
    said = [one for one in foreign.texts(result.get("errors")) if not one.startswith(_DIAGNOSIS)]
    return tuple(said) or foreign.texts([result.get("result")])
