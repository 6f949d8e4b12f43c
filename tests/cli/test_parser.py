# -*- test-case-name: tests.cli.test_parser -*-
"""The command line of `pocketagent`."""

import argparse
import io
import sys
from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.cli.main import command
from pocketagent.cli.parser import parser
from tests.cli.house import CommandTestCase


def leaves(one: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parsers of the commands themselves: those without commands below."""
    below = [action for action in one._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield one
    for action in below:
        for each in action.choices.values():
            yield from leaves(each)


class ParserTests(SynchronousTestCase):
    def test_every_command_runs_something(self) -> None:
        """What each command names as its function is there to be run."""
        for one in leaves(parser()):
            self.assertTrue(callable(command(one.get_default("run"))), one.prog)

    def test_every_word_is_explained(self) -> None:
        """Each option of each command has words that say what it is for, unless it is a word of the usage itself."""
        for one in leaves(parser()):
            for action in one._actions:
                self.assertTrue(action.help or not action.option_strings, f"{one.prog} {action.option_strings}")


class HelpTests(CommandTestCase):
    def test_help(self) -> None:
        """--help teaches with examples, for each command."""
        out = io.StringIO()
        self.patch(sys, "stdout", out)
        self.assertEqual(self.assertRaises(SystemExit, self.machine.run, "--help").code, 0)
        self.assertEqual(self.assertRaises(SystemExit, self.machine.run, "token", "create", "--help").code, 0)
        for part in "pocketagent token create --name laptop", "PA_DATA_DIR", "a shell on this machine":
            self.assertIn(part, out.getvalue())

    def test_nothing(self) -> None:
        """Without a command the usage is printed."""
        self.assertIn("usage", self.misunderstood())
        self.assertIn("usage", self.misunderstood("token"))
