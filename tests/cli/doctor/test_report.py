# -*- test-case-name: tests.cli.doctor.test_report -*-
"""The findings, as they are told."""

import io
import json

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.cli.console import Console
from pocketagent.cli.doctor.finding import Verdict, ok, problem, warning
from pocketagent.cli.doctor.report import as_json, as_lines, is_coloured, worst

FINDINGS = [
    ok("user", "ada"),
    warning("disk", "100 MiB free", "df -h /data"),
    problem("claude", "not found", "npm install -g it"),
    problem("port", "taken", "ss -ltnp"),
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class LinesTests(SynchronousTestCase):
    def test_lines(self) -> None:
        """One line for each, a second one with what to do where something is wrong, and a sum."""
        self.assertEqual(
            as_lines(FINDINGS, coloured=False),
            "ok       user         ada\n"
            "warning  disk         100 MiB free\n"
            "         do:          df -h /data\n"
            "problem  claude       not found\n"
            "         do:          npm install -g it\n"
            "problem  port         taken\n"
            "         do:          ss -ltnp\n"
            "\n"
            "2 problems and 1 warning.",
        )
        self.assertTrue(as_lines(FINDINGS[:1], coloured=False).endswith("\nAll is well."))

    def test_coloured(self) -> None:
        """With colours it says the same, the verdicts in green, yellow and red."""
        painted = as_lines(FINDINGS, coloured=True)
        for number, word in (32, "ok"), (33, "warning"), (31, "problem"):
            self.assertIn(f"\x1b[{number}m{word}", painted)
            painted = painted.replace(f"\x1b[{number}m", "")
        self.assertEqual(painted.replace("\x1b[0m", ""), as_lines(FINDINGS, coloured=False))

    def test_harmless(self) -> None:
        """What others wrote, such as a broken CLI, acts on no terminal and makes no line of its own."""
        lines = as_lines([problem("claude", "\x1b[2J\nok", "\u202e")], coloured=False).splitlines()
        self.assertEqual(lines[:2], [r"problem  claude       \x1b[2J\nok", r"         do:          \u202e"])

    def test_when_coloured(self) -> None:
        """Colours are for terminals, unless NO_COLOR or the terminal's kind says no."""
        for out, environment, expected in (
            (Terminal(), {"TERM": "xterm"}, True),
            (Terminal(), {"NO_COLOR": ""}, True),
            (Terminal(), {"NO_COLOR": "1"}, False),
            (Terminal(), {"TERM": "dumb"}, False),
            (io.StringIO(), {"TERM": "xterm"}, False),
        ):
            self.assertEqual(is_coloured(Console(environment, out, io.StringIO())), expected, environment)


class JsonTests(SynchronousTestCase):
    def test_json(self) -> None:
        """A program gets the worst verdict, and each finding with its fields."""
        told = json.loads(as_json(FINDINGS))
        self.assertEqual(told["verdict"], "problem")
        self.assertEqual([one["check"] for one in told["findings"]], ["user", "disk", "claude", "port"])
        self.assertEqual(
            told["findings"][1],
            {"check": "disk", "verdict": "warning", "words": "100 MiB free", "advice": "df -h /data"},
        )

    def test_worst(self) -> None:
        """All is as well as its worst part."""
        self.assertEqual([worst(FINDINGS[:count]) for count in (0, 1, 2, 3)], ["ok", "ok", "warning", "problem"])
        self.assertIs(worst([FINDINGS[2], FINDINGS[0]]), Verdict.PROBLEM)
