# -*- test-case-name: tests.cli.test_main -*-
"""The entry: words -> a command -> an exit code.

A command is imported when it was chosen and not before: `pocketagent chat` must stand on the screen at once, so neither
this module nor the parser may import what only some commands need (Twisted, cryptography, asyncio).
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from pocketagent.cli import completion
from pocketagent.cli.console import Console, Problem, of_this_process
from pocketagent.cli.parser import parser
from pocketagent.domain.text import escaped

Command = Callable[[argparse.Namespace, Console], int | None]
"""What a command is: it does what was chosen and returns the exit code, None for 0. Raises Problem."""


def main(arguments: Sequence[str] | None = None, console: Console | None = None) -> int:
    """Run the command; its exit code: 0 done, 1 not done, 2 misunderstood (argparse ends the program), or what the
    Problem says."""
    console = console or of_this_process()
    words = parser()
    if "_ARGCOMPLETE" in console.environment:
        completion.answer(words)
    chosen = words.read(arguments)
    try:
        code = command(chosen.run)(chosen, console)
        console.out.flush()
    except (KeyboardInterrupt, BrokenPipeError):
        _give_up(console)
        return 1
    except (Problem, OSError) as problem:
        _give_up(console)
        console.tell(f"pocketagent: {escaped(_sentence(problem))}")
        return problem.code if isinstance(problem, Problem) else 1
    return code or 0


def command(name: str) -> Command:
    """The command of a dotted name below this package, imported now: `tokens.create`."""
    module, _, function = name.rpartition(".")
    found: Command = getattr(import_module(f"pocketagent.cli.{module}"), function)
    return found


def _give_up(console: Console) -> None:
    """Leave what could not be written: Python would try again when it ends, and fail with a traceback."""
    try:
        console.out.flush()
    except OSError:
        if console.out is sys.stdout:
            os.dup2(os.open(os.devnull, os.O_WRONLY), console.out.fileno())


def _sentence(problem: Problem | OSError) -> str:
    """What a command did not foresee of files and networks is still no reason for a traceback."""
    if not isinstance(problem, OSError):
        return str(problem)
    reason = problem.strerror or str(problem) or type(problem).__name__
    return f"{problem.filename}: {reason}." if problem.filename else f"{reason}."
