# -*- test-case-name: tests.wire.test_results -*-
"""How a turn ended, as the real CLI once said it, and as it may say it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.wire.results import AT_BOUND, Ending, ending_of, errors_of

TRANSCRIPTS = Path(__file__).parent / "transcripts"
KEYS = st.sampled_from(["subtype", "is_error", "terminal_reason", "errors", "result"])
VALUES = st.none() | st.booleans() | st.text() | st.lists(st.text() | st.integers())


def results(name: str) -> Sequence[Mapping[str, object]]:
    said = [json.loads(line) for line in (TRANSCRIPTS / f"{name}.jsonl").read_text().splitlines()]
    return [one for one in said if one.get("type") == "result"]


class EndingTests(SynchronousTestCase):
    def test_recorded(self) -> None:
        """What the CLI said of turns that were done, that failed, and that were interrupted."""
        for name, endings in {
            "plain_turn": [Ending.DONE],
            "api_error": [Ending.FAILED, Ending.DONE],
            "interrupt": [Ending.INTERRUPTED, Ending.DONE],
            "interrupt_at_permission": [Ending.INTERRUPTED],
        }.items():
            self.assertEqual([ending_of(one) for one in results(name)], endings, name)

    def test_bounds(self) -> None:
        """A bound that was reached is told apart from a failure, whatever else the result says."""
        for subtype, ending in (("error_max_turns", Ending.AT_TURNS), ("error_max_budget_usd", Ending.AT_COST)):
            found = ending_of({"subtype": subtype, "is_error": True, "terminal_reason": "completed"})
            self.assertIs(found, ending)
            self.assertIn(found, AT_BOUND)
        self.assertIs(ending_of({"subtype": "error_max_structured_output_retries", "is_error": True}), Ending.FAILED)

    def test_none(self) -> None:
        """A turn without a result was interrupted, and is not taken for done."""
        self.assertIs(ending_of({}), Ending.INTERRUPTED)

    def test_errors(self) -> None:
        """What went wrong is told in the CLI's words, without those that it has for its own developers."""
        (failed, _), (interrupted, _) = results("api_error"), results("interrupt")
        self.assertEqual(errors_of(failed), ("API Error: 400 The stand-in was told to say 400.",))
        self.assertEqual(errors_of(interrupted), ())
        self.assertEqual(errors_of({"errors": ["a", 7, "", "b"], "result": "c"}), ("a", "b"))

    @given(st.dictionaries(KEYS, VALUES))
    def test_anything(self, result: Mapping[str, object]) -> None:
        """Whatever a result says, it has an ending."""
        self.assertIsInstance(ending_of(result), Ending)
        self.assertTrue(all(isinstance(one, str) for one in errors_of(result)))
