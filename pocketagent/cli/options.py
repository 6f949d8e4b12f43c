# -*- test-case-name: tests.cli.test_parser -*-
"""What the parts of the command line have in common."""

import argparse
from typing import TypeAlias

from pocketagent.cli.completion import completed

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
RAW = argparse.RawDescriptionHelpFormatter


def profile_option() -> argparse.ArgumentParser:
    """The option of every command that talks to a server: a parent for its parser."""
    parent = argparse.ArgumentParser(add_help=False)
    option = parent.add_argument("--profile", metavar="NAME", help="which server (default: the default profile)")
    completed(option, "completing.profiles")
    return parent


def data_dir_option(default: str | None = None) -> argparse.ArgumentParser:
    """The option of every command that works on the server's files: a parent for its parser.

    For an action of a command that has this option itself the default is `argparse.SUPPRESS`: else what stood before
    the action would be forgotten.
    """
    parent = argparse.ArgumentParser(add_help=False)
    option = parent.add_argument(
        "--data-dir", metavar="PATH", default=default, help="the server's data directory"
    )  # fmt: skip
    completed(option, "completion.directories")
    return parent
