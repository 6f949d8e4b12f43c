# -*- test-case-name: tests.wire.test_searching -*-
"""What a person can read of an event: prompts, what the agent said and thought, what its tools were given and gave."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from pocketagent.domain.message import Entry
from pocketagent.domain.searching import OPEN, Sieve
from pocketagent.wire import foreign

LAST_CAPITAL = 0x1FFFF
"""No script with two cases lies beyond."""
_SIGN = "\N{KELVIN SIGN}".encode()[:2]
"""With these bytes begin the signs for kelvin, \u00e5ngstr\u00f6m and ohm, which are capitals of ordinary letters."""
_SIGMA, _LAST_SIGMA = "\N{GREEK CAPITAL LETTER SIGMA}", "\N{GREEK SMALL LETTER FINAL SIGMA}"
_DOTTED, _DOT_ABOVE = "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}", "\N{COMBINING DOT ABOVE}"
"""The one character that becomes two in lower case: an i and the dot."""
MAX_DEPTH = 20
"""Of the input of a tool; what lies deeper is not read."""


def sieve(wanted: str) -> Sieve:
    """What a line of JSON must have in it to have this in a text, in whatever case: the longest part that JSON writes
    as it is and of whose letters both cases have as many bytes, made alike byte for byte. More than that may pass.

    It takes 20 ms the first time: call it in a thread.
    """
    letters = wanted.lower()
    candidates: list[list[Sequence[bytes]]] = [[]]
    for at, letter in enumerate(letters):
        cases = None if letter in '"\\' or not letter.isprintable() else _cases(letter, letters[at + 1 : at + 2])
        if cases is None:
            candidates.append([])
        else:
            candidates[-1].append(cases)
    longest = max(candidates, key=lambda part: sum(len(cases[0]) for cases in part))
    if not longest:
        return OPEN
    fold = bytes(range(256))
    for cases in longest:
        for alike in zip(*(case for case in cases if not case.startswith(_SIGN)), strict=True):
            fold = _merged(fold, alike)
    parts = [b"".join(cases[0] for cases in longest)]
    if any(cases[-1].startswith(_SIGN) for cases in longest):
        parts.append(_SIGN)
    return Sieve([part.translate(fold) for part in parts], fold)


def _cases(letter: str, following: str) -> Sequence[bytes] | None:
    """A letter as it may stand in a text, the small one first and a sign last; None where one has more bytes than
    another, but for signs."""
    capitals = _capitals().get(letter, ())
    if letter == "i" and following not in ("", _DOT_ABOVE):
        # What becomes of it has the dot behind it.
        capitals = [each for each in capitals if each != _DOTTED]
    cases = [each.encode() for each in (letter, *capitals)]
    is_alike = all(len(case) == len(cases[0]) or case.startswith(_SIGN) for case in cases)
    return cases if is_alike else None


@cache
def _capitals() -> Mapping[str, Sequence[str]]:
    """Of each character, all others that become it in lower case, or this and more; in rising order."""
    found = {_LAST_SIGMA: [_SIGMA]}
    for other in map(chr, range(LAST_CAPITAL + 1)):
        lower = other.lower()
        if lower != other:
            for letter in lower:
                found.setdefault(letter, []).append(other)
    return found


def _merged(fold: bytes, alike: Sequence[int]) -> bytes:
    """The same table, with these bytes made alike, and what was alike to them."""
    classes = {fold[each] for each in alike}
    return fold if len(classes) == 1 else bytes(min(classes) if each in classes else each for each in fold)


def texts(entry: Entry) -> Iterator[str]:
    """The texts of an event in the order in which they stand there; none for what is not for people."""
    if entry.type == "client_message":
        yield from _text(foreign.load(entry.message).get("prompt"))
    elif entry.type == "agent_message":
        said = foreign.load(entry.message)
        if said.get("type") in ("assistant", "user"):
            yield from _content(foreign.mapping(said.get("message")).get("content"))


def _content(content: object) -> Iterator[str]:
    yield from _text(content)
    for block in content if isinstance(content, list) else ():
        match foreign.mapping(block):
            case {"type": "text", "text": text}:
                yield from _text(text)
            case {"type": "thinking", "thinking": text}:
                yield from _text(text)
            case {"type": "tool_use", "input": given}:
                yield from _leaves(given, MAX_DEPTH)
            case {"type": "tool_result", "content": given}:
                yield from _content(given)


def _leaves(value: object, depth: int) -> Iterator[str]:
    yield from _text(value)
    if depth and isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _leaves(one, depth - 1)


def _text(value: object) -> Iterator[str]:
    text = foreign.text(value)
    if text:
        yield text
