# -*- test-case-name: tests.wire.test_claude -*-
"""What the agent said last, out of the lines of the CLI that say it: nearly nothing of them is looked at."""

import re
from collections.abc import Sequence

import msgspec

from pocketagent.domain.text import in_a_line
from pocketagent.domain.turn import MAX_WORDS
from pocketagent.wire import foreign

_TEXT = b'"content":[{"type":"text","text":"'
"""How a line begins to say a text: the CLI says one block in a line."""
_BEGINNING = 1024
"""Bytes of a line in which that is looked for."""
_SAID = re.compile(rb'(?:[^"\\]++|\\u[0-9a-fA-F]{4}|\\[^u])*+')
_SEEN = 256
"""Bytes of a text that are looked at: of other letters than ASCII fewer than `MAX_WORDS` are seen."""

_decode = msgspec.json.Decoder(str).decode


def last_words(lines: Sequence[bytes]) -> str:
    """The beginning of the last text in these lines, which are good JSON, on one line of at most `MAX_WORDS`
    characters; empty where none says a text."""
    for line in reversed(lines):
        start = line.find(_TEXT, 0, _BEGINNING)
        if start < 0:
            continue
        start += len(_TEXT)
        found = _SAID.match(line, start, start + _SEEN)
        assert found is not None
        text = _text(b'"' + found[0].decode("utf-8", "ignore").encode() + b'"')
        said = in_a_line(text if line.startswith(b'"', found.end()) else text + "…", MAX_WORDS)
        if said:
            return said
    return ""


def _text(written: bytes) -> str:
    try:
        return _decode(written)
    except foreign.ODD:
        return foreign.text(foreign.parse(written)) or ""
