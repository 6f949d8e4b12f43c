# -*- test-case-name: tests.domain.test_text -*-
"""Text from outside, which must not act on whoever reads it: a terminal, a log, a person."""

import re

UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
"""Ends of lines, terminal sequences, marks that turn the direction of writing, and what is no character."""


def escaped(text: str) -> str:
    r"""The text with every unsafe character written out, as `\n` or `\u2028`."""
    return UNSAFE.sub(lambda found: ascii(found.group())[1:-1], text)
