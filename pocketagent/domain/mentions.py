# -*- test-case-name: tests.domain.test_mentions -*-
"""Files that a prompt may name: which fit what was typed so far, the likeliest first."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from attrs import field, frozen

MAX_MENTIONS = 100
"""Told at a time at most."""
MENTIONS = 20
"""Told where nobody says how many."""
MAX_QUERY = 256
"""Characters."""


class Named(NamedTuple):
    """A path as it is compared: `lower` without regard to case, and where in it the last name begins."""

    path: str
    lower: str
    base: int


@frozen
class Tree:
    """The paths in a project's directory, files and directories, relative to it. `truncated`: there are more."""

    names: Sequence[Named] = field(repr=False)
    truncated: bool

    @classmethod
    def of(cls, files: Iterable[str], truncated: bool) -> "Tree":
        """With the directories that these files are in. Paths are separated by `/`."""
        paths: dict[str, None] = {}
        for path in files:
            while path and path not in paths:
                paths[path] = None
                path = path.rpartition("/")[0]
        named = []
        for path in paths:
            lower = path.lower()
            named.append(Named(path, lower, lower.rfind("/") + 1))
        return cls(named, truncated)


@frozen
class Mention:
    """A file or a directory that may be meant."""

    path: str
    directory: bool


@frozen
class Mentions:
    files: Sequence[Mention]
    truncated: bool


def ranked(tree: Tree, query: str) -> Sequence[str]:
    """Every path that fits, the likeliest first: one whose last name is the query, begins with it, has it in it; then
    paths that have it in them; then those that have its letters in this order. Of equals the shortest first. An empty
    query fits everything, the nearest first."""
    wanted = query.lower()
    if not wanted:
        return [one.path for one in sorted(tree.names, key=lambda one: (one.path.count("/"), one.lower))]
    found = []
    for path, lower, base in tree.names:
        place = _place(lower, base, wanted)
        if place is not None:
            found.append((place, len(path), path))
    return [path for _, _, path in sorted(found)]


def _place(lower: str, base: int, wanted: str) -> int | None:
    if lower.startswith(wanted, base):
        return 0 if len(lower) - base == len(wanted) else 1
    if lower.find(wanted, base) >= 0:
        return 2
    if wanted in lower:
        return 3
    if _has_letters(lower, base, wanted):
        return 4
    return 5 if _has_letters(lower, 0, wanted) else None


def _has_letters(lower: str, start: int, wanted: str) -> bool:
    at = start
    for letter in wanted:
        at = lower.find(letter, at) + 1
        if not at:
            return False
    return True
