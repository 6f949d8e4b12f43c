"""What was used is counted once, by day and in all."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.usage import DAYS, Spending, Usage

TOKENS = Spending(input_tokens=1, output_tokens=2, cache_read_tokens=3, cache_creation_tokens=4)


class UsageTests(SynchronousTestCase):
    def test_turns(self) -> None:
        """Each result counts what it adds to the conversation's cost, and its own tokens, on its day."""
        usage = Usage()
        for day, total in (("2026-01-30", 0.25), ("2026-01-30", 0.75), ("2026-01-31", 1.0), ("2026-01-31", None)):
            usage = usage.counted(day, total, TOKENS)
        first, second = usage.since("2026-01-01", "p")
        self.assertEqual((first.day, first.project_id, first.cost_usd, first.turns), ("2026-01-30", "p", 0.75, 2))
        self.assertEqual((second.day, second.cost_usd, second.turns), ("2026-01-31", 0.25, 2))
        tokens = (second.input_tokens, second.output_tokens, second.cache_read_tokens, second.cache_creation_tokens)
        self.assertEqual(tokens, (2, 4, 6, 8))
        self.assertEqual((usage.cost_usd, usage.total_usd), (1.0, 1.0))
        self.assertEqual([one.day for one in usage.since("2026-01-31", "p")], ["2026-01-31"])

    def test_new_conversation(self) -> None:
        """A new conversation counts from nothing, whether it is told or seen by a total that has become less."""
        usage = Usage().counted("d", 0.5, TOKENS).anew().counted("d", 0.75, TOKENS)
        self.assertEqual((usage.cost_usd, usage.total_usd), (1.25, 0.75))
        usage = usage.counted("d", 0.25, TOKENS)
        self.assertEqual((usage.cost_usd, usage.total_usd), (1.5, 0.25))

    def test_days(self) -> None:
        """So many days are kept, and the sum of all of them."""
        usage = Usage()
        first = date(2026, 1, 1)
        for number in range(DAYS + 1):
            usage = usage.counted(str(first + timedelta(number)), float(number + 1), TOKENS)
        self.assertEqual((len(usage.days), usage.cost_usd), (DAYS, DAYS + 1.0))
        self.assertEqual(min(usage.days), "2026-01-02")

    @given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.floats(0, 1e6), st.booleans()), max_size=20))
    def test_sum(self, results: list[tuple[str, float | None, bool]]) -> None:
        """The days are what was used in all, and nothing is ever less than nothing."""
        usage = Usage()
        for day, total, anew in results:
            usage = (usage.anew() if anew else usage).counted(day, total, TOKENS)
        days = usage.days.values()
        self.assertTrue(all(one.cost_usd >= 0 for one in days))
        self.assertAlmostEqual(sum(one.cost_usd for one in days), usage.cost_usd, 3)
        self.assertEqual(sum(one.turns for one in days), len(results))
