# -*- test-case-name: tests.cli.test_parser -*-
"""What the parts of the command line have in common."""

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn, TypeAlias

from pocketagent.cli.completion import completed

Commands: TypeAlias = "argparse._SubParsersAction[Words]"
RAW = argparse.RawDescriptionHelpFormatter
OF_ALL = ("-h", "--help", "--version")
"""The options that stand before a command; of a long one the beginning will do."""


class Words(argparse.ArgumentParser):
    """A command line whose complaints say where help is."""

    def read(self, arguments: Sequence[str] | None) -> argparse.Namespace:
        """What was chosen; None: the words of this process. What is misunderstood ends the program, with 2."""
        words = sys.argv[1:] if arguments is None else [*arguments]
        first = words[0] if words else ""
        if first.startswith("--") and not any(known.startswith(first) for known in OF_ALL):
            self.error(f"the option {first.partition('=')[0]} stands behind a command")
        chosen: argparse.Namespace
        chosen, unknown = self.parse_known_args(words)
        if unknown:
            command: Words = chosen.words
            command.error(f"unrecognized arguments: {' '.join(unknown)}")
        return chosen

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]  # argparse's own overloads
        """With the command that was chosen, as `words`: the innermost one is asked last, and ends first."""
        chosen, unknown = super().parse_known_args(args, namespace)
        if not hasattr(chosen, "words"):
            chosen.words = self
        return chosen, unknown

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(2, f"{self.prog}: error: {message} (`{self.prog} --help` says more)\n")


def profile_option() -> Words:
    """The option of every command that talks to a server: a parent for its parser."""
    parent = Words(add_help=False)
    option = parent.add_argument("--profile", metavar="NAME", help="which server (default: the default profile)")
    completed(option, "completing.profiles")
    return parent


def data_dir_option(default: str | None = None) -> Words:
    """The option of every command that works on the server's files: a parent for its parser.

    For an action of a command that has this option itself the default is `argparse.SUPPRESS`: else what stood before
    the action would be forgotten.
    """
    parent = Words(add_help=False)
    option = parent.add_argument(
        "--data-dir", metavar="PATH", default=default, help="the server's data directory"
    )  # fmt: skip
    completed(option, "completion.directories")
    return parent
