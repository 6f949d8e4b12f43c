# -*- test-case-name: tests.terminal.test_cells -*-
"""How wide a text is on the terminal, where a character takes one cell, or two, or none."""

from collections.abc import Sequence

from prompt_toolkit.utils import get_cwidth


def width_of(text: str) -> int:
    return get_cwidth(text)


def cut(text: str, width: int, dots: str = "…") -> str:
    """The text in at most so many cells; dots stand in place of an end that has no room."""
    if get_cwidth(text) <= width:
        return text
    dots = dots[: max(0, width)]
    return text[: _fitting(text, width - len(dots))] + dots


def wrapped(text: str, width: int) -> Sequence[str]:
    """The text in lines of at most so many cells, broken between words where it can be."""
    lines = []
    rest = text
    while get_cwidth(rest) > width:
        end = max(1, _fitting(rest, width))
        space = rest.rfind(" ", 0, end + 1)
        line, rest = (rest[:space], rest[space + 1 :]) if space > 0 else (rest[:end], rest[end:])
        lines.append(line)
    return [*lines, rest]


def _fitting(text: str, width: int) -> int:
    """How many of its first characters have room in so many cells."""
    for at, character in enumerate(text):
        width -= get_cwidth(character)
        if width < 0:
            return at
    return len(text)
