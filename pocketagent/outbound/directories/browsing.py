# -*- test-case-name: tests.outbound.directories.test_browsing -*-
"""The directories in a directory: those that may be looked at, and what can be seen of each at a glance."""

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from pocketagent.domain.browsing import MAX_DIRECTORIES, Listing, Subdirectory
from pocketagent.domain.project import Place, check_path, invalid_path, is_within
from pocketagent.domain.refusals import Refusal
from pocketagent.outbound.directories.places import Kept, Way, reach, sentence

MAX_ENTRIES = 100_000
"""Entries of one directory that are looked through; the rest of it is left out."""

_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def roots(paths: Iterable[str], denied: Iterable[str]) -> Listing:
    """The allowed roots that are there, each by where it leads."""
    kept = [Kept.at(path) for path in denied]
    found: dict[tuple[int, int], Subdirectory] = {}
    for path in paths:
        way = Way()
        try:
            way.walk(path)
        except OSError:
            continue
        place = way.place
        if stat.S_ISDIR(way.found.st_mode) and not any(each.holds(place) for each in kept):
            name = PurePosixPath(place.path).name or "/"
            found.setdefault(place.identity, Subdirectory(name, place, _is_repository(place.path)))
    return Listing(None, None, sorted(found.values(), key=lambda one: one.place.path), truncated=False)


def subdirectories(path: str, allowed: Sequence[PurePosixPath], denied: Iterable[str], hidden: bool) -> Listing:
    """Raises Refusal(INVALID_PATH)."""
    kept = [Kept.at(each) for each in denied]
    place = reach(path, allowed, kept).place
    try:
        here = os.open(place.path, _LIST)
    except OSError as error:
        raise invalid_path(sentence(error), path) from None
    try:
        found = os.fstat(here)
        if (found.st_dev, found.st_ino) != place.identity:
            raise invalid_path("This directory was moved at this moment: look again.", path)
        names, truncated = _names(here, hidden)
        directories: list[Subdirectory] = []
        for name in names:
            one = _subdirectory(here, name, place, allowed, kept)
            if one is None:
                continue
            if len(directories) == MAX_DIRECTORIES:
                truncated = True
                break
            directories.append(one)
    finally:
        os.close(here)
    above = PurePosixPath(place.path).parent
    parent = str(above) if place.path != "/" and is_within(above, allowed) else None
    return Listing(place.path, parent, directories, truncated)


def _names(here: int, hidden: bool) -> tuple[Sequence[str], bool]:
    """What may be directories, sorted; and whether there are more entries than are looked through."""
    found, looked, truncated = [], 0, False
    with os.scandir(here) as entries:
        for entry in entries:
            looked += 1
            if looked > MAX_ENTRIES:
                truncated = True
                break
            if (hidden or not entry.name.startswith(".")) and (
                entry.is_dir(follow_symlinks=False) or entry.is_symlink()
            ):
                found.append(entry.name)
    return sorted(found, key=lambda name: (name.casefold(), name)), truncated


def _subdirectory(
    here: int, name: str, above: Place, allowed: Sequence[PurePosixPath], kept: Sequence[Kept]
) -> Subdirectory | None:
    """None for what is no directory, cannot be named or entered, is kept from agents or leads out of the roots."""
    path = f"{above.path.rstrip('/')}/{name}"
    try:
        check_path(path)
        found = os.stat(name, dir_fd=here, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode):
            place = Place(path, (*above.chain, (found.st_dev, found.st_ino)))
            if any(each.holds(place) for each in kept):
                return None
        else:
            way = reach(path, allowed, kept)
            place = way.place
            if not stat.S_ISDIR(way.found.st_mode):
                return None
    except (OSError, Refusal):
        return None
    if not os.access(place.path, os.R_OK | os.X_OK, effective_ids=True):
        return None
    return Subdirectory(name, place, _is_repository(place.path))


def _is_repository(path: str) -> bool:
    return os.path.lexists(f"{path}/.git")
