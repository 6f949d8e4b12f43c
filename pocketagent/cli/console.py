# -*- test-case-name: tests.cli.test_main -*-
"""What a command has of the world, and how it says that something went wrong."""

import secrets
import time
from collections.abc import Callable, Mapping
from typing import TextIO

from attrs import field, frozen


class Problem(Exception):
    """What went wrong, as one line for the person."""


@frozen
class Console:
    """What a command has of the world.

    A result stands alone on `out`, so that a script can take it; everything that is meant for a person only goes to
    `err`.
    """

    environment: Mapping[str, str]
    out: TextIO
    err: TextIO
    ask: Callable[[], str] = field(default=input)
    now: Callable[[], float] = time.time
    random_hex: Callable[[int], str] = secrets.token_hex

    def tell(self, text: str) -> None:
        """For the person, not for a script."""
        print(text, file=self.err)
