# -*- test-case-name: tests.domain.test_searching -*-
"""What is found in a conversation."""

from collections.abc import Iterable, Sequence

from attrs import frozen

from pocketagent.domain.text import in_a_line

MAX_HITS = 100
"""Told at a time at most."""
HITS = 20
"""Told where nobody says how many."""
MAX_WANTED = 256
"""Characters of what is looked for."""
SNIPPET = 160
"""Characters around what was found, which is among them."""
_AHEAD = 60
"""Of them, those that stand before it."""


@frozen
class Hit:
    """An event in which it was found; `snippet` is the first place, on one line."""

    seq: int
    timestamp: str
    type: str
    direction: str
    snippet: str


@frozen
class Hits:
    """Newest first. `searched_to`: all from this number on was looked at, so that the next search goes on with it as
    `before_seq`. `has_more`: below it there is something that was not."""

    hits: Sequence[Hit]
    searched_to: int
    has_more: bool


@frozen
class Sieve:
    """Holds back the messages in which what is looked for cannot be. It lets through what has one of the `parts` in
    it, once its bytes are made alike by `fold` (a table as of `bytes.translate`); everything where there are none."""

    parts: Sequence[bytes] = ()
    fold: bytes = bytes(range(256))

    @property
    def is_open(self) -> bool:
        return not self.parts

    def lets_through(self, message: bytes) -> bool:
        if self.is_open:
            return True
        folded = message.translate(self.fold)
        return any(part in folded for part in self.parts)


OPEN = Sieve()


def snippet(texts: Iterable[str], wanted: str) -> str | None:
    """The first place in these texts, without regard to case; None where there is none."""
    wanted = wanted.lower()
    for text in texts:
        lower = text.lower()
        at = lower.find(wanted)
        if at >= 0:
            # A few letters change their number with their case.
            shown = text if len(text) == len(lower) else lower
            start = max(0, at - _AHEAD)
            around = in_a_line(shown[start : start + 2 * SNIPPET], SNIPPET)
            return around if start == 0 else f"…{around}"[:SNIPPET]
    return None
