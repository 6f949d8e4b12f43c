# -*- test-case-name: tests.cli.test_figures -*-
"""How a server's health is shown."""

import io

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.cli.console import Console
from pocketagent.cli.figures import show_health
from pocketagent.domain.replies import Condition, Finding, HealthStatus


class HealthTests(SynchronousTestCase):
    def shown(self, status: Condition) -> tuple[int, str]:
        out = io.StringIO()
        console = Console({}, out, io.StringIO())
        health = HealthStatus(status, {"disk": Finding(status, "No room.\x1b"), "claude": Finding(Condition.HEALTHY)})
        return show_health(health, False, console), out.getvalue()

    def test_exit_code(self) -> None:
        """Only an unhealthy server is a failure: a degraded one still works."""
        codes = [self.shown(status)[0] for status in (Condition.HEALTHY, Condition.DEGRADED, Condition.UNHEALTHY)]
        self.assertEqual(codes, [0, 0, 1])

    def test_table(self) -> None:
        """The whole comes first, then each check with its reason, which acts on no terminal."""
        lines = self.shown(Condition.UNHEALTHY)[1].splitlines()
        self.assertEqual(lines[0], "unhealthy")
        self.assertEqual(lines[3].split(), ["disk", "unhealthy", "No", r"room.\x1b"])
