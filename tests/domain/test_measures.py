"""What is measured is counted rightly at every bound, and its words are few and known."""

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.events import Reason
from pocketagent.domain.measures import ANSWERING, FIRST_WORDS, LATENESS, WORKING, WRITING, Credential, Measures, Spread
from pocketagent.domain.outcome import Outcome


class SpreadTests(SynchronousTestCase):
    def test_bounds(self) -> None:
        """A time that is a bound counts below it, as Prometheus has it; a longer one above."""
        spread = Spread((0.1, 1.0))
        for seconds in (0.0, 0.1, 0.1001, 1.0, 1.0001, 50.0):
            spread.add(seconds)
        self.assertEqual(spread.counts, [2, 2, 2])
        self.assertEqual(spread.rising, (2, 4, 6))
        self.assertAlmostEqual(spread.total, 52.2002)

    def test_clock_set_back(self) -> None:
        """A time below nothing counts as none: a sum that became less would look like a restart."""
        spread = Spread((0.1,))
        spread.add(-5.0)
        self.assertEqual((spread.rising, spread.total), ((1, 1), 0.0))

    def test_nothing_yet(self) -> None:
        """Before anything happened all is 0."""
        self.assertEqual(Spread((1.0, 2.0)).rising, (0, 0, 0))


class MeasuresTests(SynchronousTestCase):
    def test_rising_bounds(self) -> None:
        """The bounds of each kind of time rise."""
        for bounds in (WRITING, LATENESS, FIRST_WORDS, WORKING, ANSWERING):
            self.assertEqual(list(bounds), sorted(set(bounds)))

    def test_words(self) -> None:
        """Every word has its counter from the start, and there are no others (AD-05)."""
        measures = Measures()
        self.assertEqual(list(measures.executions), list(Outcome))
        self.assertEqual(list(measures.permissions), list(Reason))
        self.assertEqual(list(measures.refused), list(Credential))

    def test_of_one_server(self) -> None:
        """Two servers in one process share nothing."""
        first, second = Measures(), Measures()
        first.appends.add(1.0)
        first.executions["done"].add(1.0)
        self.assertEqual((second.appends.rising[-1], second.executions["done"].rising[-1]), (0, 0))
