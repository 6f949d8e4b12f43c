# -*- test-case-name: tests.cli.test_parser -*-
"""What the parts of the command line that are about a server have in common."""

import argparse
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
RAW = argparse.RawDescriptionHelpFormatter


def profile_option() -> argparse.ArgumentParser:
    """The option of every command that talks to a server: a parent for its parser."""
    parent = argparse.ArgumentParser(add_help=False)
    option = parent.add_argument("--profile", metavar="NAME", help="which server (default: the default profile)")
    completed(option, "completing.profiles")
    return parent


def completed(action: argparse.Action, name: str) -> None:
    """Let the word of this action be completed by a function of this package, imported when it is asked for."""

    def complete(**given: object) -> Sequence[str]:
        module, _, function = name.rpartition(".")
        offered: Callable[..., Sequence[str]] = getattr(import_module(f"pocketagent.cli.{module}"), function)
        return list(offered(**given))

    action.completer = complete  # type: ignore[attr-defined]  # where argcomplete looks for it
