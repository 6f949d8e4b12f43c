# -*- test-case-name: tests.cli.test_completion -*-
"""`pocketagent completion`: the script by which a shell completes what its user types; and what it offers for a word.

argcomplete knows the words of the parser itself. For the others a function of ours is named where the word is declared,
and imported when its word is completed: a person who holds down Tab waits for no more than that.
"""

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module

from pocketagent.cli.console import Console

SHELLS = ("bash", "zsh", "fish")

BASH_OPTIONS = ("-o", "nospace", "-o", "bashdefault")
"""Of bash's `complete`: the script's own space after a word; variables and users, but no files where none belong."""

Offered = Callable[..., Sequence[str]]
"""`prefix` is what was typed of the word, `parsed_args` what was understood of the words before it."""


def show(chosen: argparse.Namespace, console: Console) -> None:
    """The script, for the shell to read."""
    from argcomplete.shell_integration import shellcode

    code = shellcode(["pocketagent"], shell=chosen.shell, complete_arguments=BASH_OPTIONS)
    print(code.strip("\n"), file=console.out)


def answer(parser: argparse.ArgumentParser) -> None:
    """Tell the shell what it asked for, by the variables that its script has set, and end the process."""
    from argcomplete import autocomplete
    from argcomplete.completers import SuppressCompleter

    autocomplete(parser, default_completer=SuppressCompleter())


def completed(action: argparse.Action, name: str) -> None:
    """Let the word of this action be completed by a function of this package, such as `devices.offered`."""

    def complete(**given: object) -> Sequence[str]:
        module, _, function = name.rpartition(".")
        offered: Offered = getattr(import_module(f"pocketagent.cli.{module}"), function)
        return list(offered(**given))

    action.completer = complete  # type: ignore[attr-defined]  # where argcomplete looks for it


# -- paths --------------------------------------------------------------------------------------------------


def directories(prefix: str, **_more: object) -> Sequence[str]:
    return [path for path in _paths(prefix) if path.endswith("/")]


def files(prefix: str, **_more: object) -> Sequence[str]:
    """Files, and the directories in which there may be more."""
    return list(_paths(prefix))


def _paths(prefix: str) -> Iterator[str]:
    """Spelt as they were begun, with their ~; a directory ends with a slash. Hidden ones only where a dot was typed."""
    folder, begun = os.path.split(prefix)
    place = os.path.expanduser(folder) or "."  # noqa: PTH111
    try:
        found = sorted(os.scandir(place), key=lambda each: each.name)
    except OSError:
        return
    for one in found:
        if one.name.startswith(begun) and (begun or not one.name.startswith(".")):
            path = os.path.join(folder, one.name)  # noqa: PTH118
            yield f"{path}/" if _is_directory(one) else path


def _is_directory(one: "os.DirEntry[str]") -> bool:
    try:
        return one.is_dir()
    except OSError:
        return False
