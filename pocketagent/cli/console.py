# -*- test-case-name: tests.cli.test_main -*-
"""What a command has of the world, and how it says that something went wrong."""

import io
import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from attrs import field, frozen

from pocketagent.domain.text import harmless


class Problem(Exception):
    """What went wrong, as one line for the person; and the exit code that tells it to a script."""

    def __init__(self, sentence: str, code: int = 1) -> None:
        super().__init__(sentence)
        self.code = code


def _secret(question: str) -> str:
    from getpass import getpass

    return getpass(question)


def config_dir() -> str:
    """Where the person's own settings of this program are."""
    from platformdirs import user_config_dir

    return user_config_dir("pocketagent")


@frozen
class Console:
    """What a command has of the world.

    A result stands alone on `out`, so that a script can take it; everything that is meant for a person only goes to
    `err`. `ask` reads a line of the person, `ask_secretly` one that is not shown. `config_dir` is where the person's
    own settings of this program are.
    """

    environment: Mapping[str, str]
    out: TextIO
    err: TextIO
    ask: Callable[[], str] = field(default=input)
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    random_hex: Callable[[int], str] = secrets.token_hex
    inp: TextIO = field(factory=lambda: sys.stdin)
    ask_secretly: Callable[[str], str] = _secret
    config_dir: Callable[[], str] = config_dir

    def tell(self, text: str) -> None:
        """For the person, not for a script: a line or several, which act on no terminal."""
        print(harmless(text), file=self.err)

    def agrees(self, question: str) -> bool:
        """Whether the person says yes; silence is a no."""
        self.err.write(question)
        self.err.flush()
        try:
            return self.ask().strip().lower() in ("y", "yes")
        except EOFError:
            self.err.write("\n")
            return False


def of_this_process() -> Console:
    """The console that this process was started with. A stream that is closed is an empty one, and what an encoding
    cannot say is written out: neither is a reason to fail."""
    for name, mode in ("stdin", "r"), ("stdout", "w"), ("stderr", "w"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115  # it is kept to the end of the process
    for stream, errors in (sys.stdin, "surrogateescape"), (sys.stdout, "backslashreplace"):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)
    return Console(os.environ, sys.stdout, sys.stderr)
