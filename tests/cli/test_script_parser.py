# -*- test-case-name: tests.cli.test_script_parser -*-
"""The command line of what is there for scripts."""

import io
import sys
from argparse import ArgumentTypeError

from pocketagent.cli.following import DONE, FAILED, STOPPED, TIMED_OUT, UNKNOWN
from pocketagent.cli.parser import parser
from pocketagent.cli.remote import MISUNDERSTOOD, NO_CONNECTION, REFUSED
from pocketagent.cli.script_parser import MODES, count, dollars, seconds
from pocketagent.domain.agent import PermissionMode
from tests.cli.house import CommandTestCase


class WordsTests(CommandTestCase):
    def test_durations(self) -> None:
        """A time bound is a number with a unit, seconds without one."""
        found = [seconds(text) for text in ("90", "1.5", "90s", "15m", "2h", "1d")]
        self.assertEqual(found, [90, 1.5, 90, 900, 7200, 86400])
        for text in ("", "0", "-1", "1w", "soon", "1e9", "nan", "1 h", "\u0661h"):
            self.assertRaises(ArgumentTypeError, seconds, text)

    def test_dollars(self) -> None:
        """A budget is a number above nothing."""
        self.assertEqual(dollars("0.5"), 0.5)
        for text in ("", "0", "-1", "nan", "inf", "five"):
            self.assertRaises(ArgumentTypeError, dollars, text)

    def test_counts(self) -> None:
        """A number of events may be 0, and no more than a number."""
        self.assertEqual(count("0"), 0)
        for text in ("", "-1", "1.5", "all", "9" * 10):
            self.assertRaises(ArgumentTypeError, count, text)

    def test_modes(self) -> None:
        """The permission modes are the protocol's."""
        self.assertEqual(list(MODES), list(PermissionMode))

    def test_tools(self) -> None:
        """A tool does not swallow the words behind it."""
        chosen = parser().parse_args(["run", "--allowed-tools", "Read", "--allowed-tools", "Bash(a b)", "app", "do"])
        self.assertEqual((chosen.allowed_tools, chosen.project, chosen.prompt), (["Read", "Bash(a b)"], "app", "do"))

    def test_exit_codes(self) -> None:
        """The help of `run` names every exit code that there is."""
        out = io.StringIO()
        self.patch(sys, "stdout", out)
        self.assertRaises(SystemExit, parser().parse_args, ["run", "--help"])
        codes = {line.split()[0] for line in out.getvalue().partition("exit codes:")[2].splitlines() if line.strip()}
        known = {DONE, FAILED, MISUNDERSTOOD, NO_CONNECTION, UNKNOWN, REFUSED, STOPPED, TIMED_OUT}
        self.assertEqual({int(code) for code in codes}, known)
