"""How long a client waits before it tries again."""

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.client.standing import FIRST_WAIT, LONGEST_WAIT, waits


class WaitTests(SynchronousTestCase):
    @given(st.lists(st.floats(0, 1, exclude_max=True), min_size=40, max_size=40))
    def test_bounds(self, chances: list[float]) -> None:
        """Each wait lies between a half and the whole of its bound, which doubles up to the longest."""
        bound = FIRST_WAIT
        for wait in islice(waits(iter(chances).__next__), len(chances)):
            self.assertTrue(bound / 2 <= wait <= bound <= LONGEST_WAIT)
            bound = min(2 * bound, LONGEST_WAIT)
        self.assertEqual(bound, LONGEST_WAIT)

    def test_without_end(self) -> None:
        """A server may be away for days."""
        (wait,) = islice(waits(lambda: 0.0), 100_000, 100_001)
        self.assertEqual(wait, LONGEST_WAIT / 2)
