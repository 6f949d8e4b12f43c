# -*- test-case-name: tests.cli.test_parser -*-
"""What the parts of the command line that are about a server have in common."""

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
