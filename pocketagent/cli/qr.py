# -*- test-case-name: tests.cli.test_qr -*-
"""A text as a QR code in a terminal, for a camera: black on white, whatever the colours of the terminal are."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TextIO

import segno

BORDERS = (4, 2)
"""White modules around it: what the standard asks for; and what cameras can do with, where there is no more room."""
INK = "\x1b[38;5;16;48;5;231m"
"""Black on white of the 256 fixed colours: the first 16 are whatever the person has made of them."""
PLAIN = "\x1b[0m"
HALVES = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
"""Two modules, one above the other, in a cell, which is about twice as high as it is wide."""


def drawn(text: str, stream: TextIO, environment: Mapping[str, str], spare: int = 1) -> Sequence[str]:
    """The lines of the picture; none where this stream cannot show it whole, with so many lines besides."""
    if not can_draw(stream, environment):
        return ()
    columns, rows = size(stream, environment)
    code = segno.make(text, error="l", micro=False)
    for border in BORDERS:
        width = code.symbol_size(border=border)[0]
        if width <= columns and (width + 1) // 2 + spare <= rows:
            return lines([[bool(module) for module in row] for row in code.matrix_iter(border=border)])
    return ()


def lines(modules: Sequence[Sequence[bool]]) -> Sequence[str]:
    """Two rows of modules to a line; an odd one out has white below it."""
    rows = [*modules, *([[False] * len(modules[0])] if len(modules) % 2 else [])]
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return [INK + "".join(HALVES[pair] for pair in zip(above, below, strict=True)) + PLAIN for above, below in pairs]


def can_draw(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether it is a terminal with the colours and the characters for it."""
    is_utf8 = (stream.encoding or "").lower().replace("-", "") == "utf8"
    return stream.isatty() and is_utf8 and environment.get("TERM", "") not in ("", "dumb")


def size(stream: TextIO, environment: Mapping[str, str]) -> tuple[int, int]:
    """Columns and rows of a terminal, by COLUMNS and LINES where they are set, else as it says; else 80 and 24."""
    columns, rows = 80, 24
    with suppress(OSError, ValueError, AttributeError):
        columns, rows = os.get_terminal_size(stream.fileno())
    with suppress(ValueError):
        columns = int(environment.get("COLUMNS", "")) or columns
    with suppress(ValueError):
        rows = int(environment.get("LINES", "")) or rows
    return columns, rows
