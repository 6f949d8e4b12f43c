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
    for each in every(one):
        if not any(isinstance(action, argparse._SubParsersAction) for action in each._actions):
            yield each


def every(one: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """This parser, and those of all commands below it."""
    yield one
    for action in one._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from every(each)


class ParserTests(SynchronousTestCase):
    def test_every_command_runs_something(self) -> None:
        """What each command names as its function is there to be run."""
        for one in leaves(parser()):
            self.assertTrue(callable(command(one.get_default("run"))), one.prog)

    def test_every_command_is_explained(self) -> None:
        """The help of each command begins with a sentence about what it does."""
        for one in every(parser()):
            self.assertRegex(one.description or "", r"^[A-Z][^.]+[\s\S]*\.$", one.prog)

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

    def test_where_help_is(self) -> None:
        """Whatever is not understood is told with the command that it stood behind, and with where its help is."""
        for words, complaint, where in (
            (("projects", "more"), "unrecognized arguments: more", "pocketagent projects"),
            (("token", "list", "--jsno"), "unrecognized arguments: --jsno", "pocketagent token list"),
            (("devices", "end"), "invalid choice: 'end'", "pocketagent devices"),
            (("--profile", "home", "projects"), "the option --profile stands behind a command", "pocketagent"),
            (("--profile=home", "projects"), "the option --profile stands behind a command", "pocketagent"),
            ((), "COMMAND", "pocketagent"),
        ):
            told = self.misunderstood(*words)
            self.assertIn(complaint, told)
            self.assertIn(f"{where}: error: ", told)
            self.assertTrue(told.endswith(f"(`{where} --help` says more)\n"), told)
