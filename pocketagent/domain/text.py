# -*- test-case-name: tests.domain.test_text -*-
"""Text from outside, which must not act on whoever reads it: a terminal, a log, a person."""

import re

_NEVER = "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff"

UNSAFE = re.compile(f"[\t\n{_NEVER}]")
"""Ends of lines, terminal sequences, marks that turn the direction of writing, and what is no character."""

_HARMFUL = re.compile(f"[{_NEVER}]")
_PICTURES = {"\x7f": "\u2421", **{chr(code): chr(0x2400 + code) for code in range(0x20)}}
"""The characters that picture a control character, such as `␛`."""


def escaped(text: str) -> str:
    r"""The text with every unsafe character written out, as `\n` or `\u2028`."""
    return UNSAFE.sub(lambda found: ascii(found.group())[1:-1], text)


def in_a_line(text: str, most: int) -> str:
    """The beginning of a text, on one line of so many characters at most: what is unsafe is a blank, several blanks are
    one, and where something was left out it ends with `…`."""
    joined = " ".join(text.lstrip()[: 4 * most].split())
    words = " ".join(UNSAFE.sub(" ", joined[:most]).split())
    return words if len(joined) <= most else words[: most - 1].rstrip() + "…"


def harmless(text: str) -> str:
    r"""A text of several lines: `\n` and `\t` stay, `\r\n` is `\n`, and in place of every other unsafe character stands
    one that is seen: the picture of a control character, as `␛`, or `\ufffd`."""
    return _HARMFUL.sub(lambda found: _PICTURES.get(found.group(), "\ufffd"), text.replace("\r\n", "\n"))
