# -*- test-case-name: tests.cli.test_moments -*-
"""Times, as a person writes and reads them."""

import os
import time

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.cli.console import Problem
from pocketagent.cli.moments import local, moment
from tests.cli.house import NOON


class MomentTests(SynchronousTestCase):
    def setUp(self) -> None:
        before = os.environ.get("TZ")
        self.addCleanup(self.zone, before)
        self.zone("Asia/Tokyo")  # where it is nine in the evening

    def zone(self, name: str | None) -> None:
        os.environ.pop("TZ", None)
        if name is not None:
            os.environ["TZ"] = name
        time.tzset()

    def test_durations(self) -> None:
        """A duration is so long ago."""
        self.assertEqual(moment("90s", NOON), "2026-01-01T11:58:30.000000Z")
        self.assertEqual(moment("2h", NOON), "2026-01-01T10:00:00.000000Z")
        self.assertEqual(moment("1w", NOON), "2025-12-25T12:00:00.000000Z")

    def test_days(self) -> None:
        """A day begins at midnight of this machine."""
        self.assertEqual(moment("today", NOON), "2025-12-31T15:00:00.000000Z")
        self.assertEqual(moment("yesterday", NOON), "2025-12-30T15:00:00.000000Z")
        self.assertEqual(moment("2026-01-01", NOON), "2025-12-31T15:00:00.000000Z")

    def test_times(self) -> None:
        """A time is this machine's, unless it says of which zone it is."""
        self.assertEqual(moment("2026-01-01 12:30", NOON), "2026-01-01T03:30:00.000000Z")
        self.assertEqual(moment("2026-01-01T12:30:00Z", NOON), "2026-01-01T12:30:00.000000Z")
        self.assertEqual(moment("2026-01-01T12:30:00+02:00", NOON), "2026-01-01T10:30:00.000000Z")

    def test_none(self) -> None:
        """What is no time is told with some that are."""
        for text in ("soon", "2", "h", "-2h", "99:99", "2026-13-01", "999999999w", ""):
            problem = self.assertRaises(Problem, moment, text, NOON)
            self.assertEqual(problem.code, 2)
            self.assertIn("2h", str(problem))

    def test_local(self) -> None:
        """A time of the protocol is shown on the clock of this machine; what is none is shown as it came."""
        self.assertEqual(local("2026-01-01T23:30:15.000000Z"), "2026-01-02 08:30")
        self.assertEqual(local("2026-01-01T23:30:15.000000Z", "seconds"), "2026-01-02 08:30:15")
        self.assertEqual(local("soon"), "soon")
