# -*- test-case-name: tests.client.test_finding -*-
"""Which project a person means."""

import difflib
import os
from collections.abc import Sequence
from pathlib import PurePath

from pocketagent.client.problems import Problem
from pocketagent.domain.events import ProjectState

MAX_SUGGESTIONS = 3
LIKENESS = 0.5
"""How much alike a name must be to be suggested, 0 to 1."""


class NoSuchProject(Problem):
    """There is none, or there are several."""


def find(projects: Sequence[ProjectState], text: str, place: str) -> ProjectState:
    """The project that is meant by an id, a name, its directory, or a beginning of an id; tried in this order.

    `place` is what the text is as a path on this machine: absolute, without symbolic links. What is written like a path
    (`.`, `./app`, `/srv/app`) is nothing else, and may lie anywhere in the project. Raises NoSuchProject with a
    sentence that suggests what may be meant.
    """
    if is_path(text):
        around = _around(projects, text, place)
        if around is None:
            raise NoSuchProject(
                f"No project lies at or around {place}: `pocketagent create {text}` makes it one, and "
                "`pocketagent projects` shows all."
            )
        return around
    for found in (
        [one for one in projects if one.id == text.lower()],
        [one for one in projects if one.name == text],
        [one for one in projects if one.path == place],
        [one for one in projects if text and one.id.startswith(text.lower())],
        [one for one in projects if one.name.casefold() == text.casefold()],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            which = ", ".join(f"{one.id} ({one.path})" for one in found)
            raise NoSuchProject(f"Several projects are meant by {text!r}; say which: {which}.")
    raise NoSuchProject(_unknown(projects, text))


def is_path(text: str) -> bool:
    return text in (".", "..") or "/" in text


def _around(projects: Sequence[ProjectState], text: str, place: str) -> ProjectState | None:
    """The project in whose directory this is, the innermost one. A server on another machine may know a path that
    leads nowhere here, so that an absolute one is taken as it is written, too."""
    places = [PurePath(place)]
    if text.startswith("/"):
        places.append(PurePath(os.path.normpath(text)))
    found = [one for one in projects if any(each.is_relative_to(one.path) for each in places)]
    return max(found, key=lambda one: len(one.path), default=None)


def _unknown(projects: Sequence[ProjectState], text: str) -> str:
    names = {one.name.casefold(): one.name for one in projects}
    alike = difflib.get_close_matches(text.casefold(), names, MAX_SUGGESTIONS, LIKENESS)
    if alike:
        return f"There is no project {text!r}. Did you mean {' or '.join(repr(names[one]) for one in alike)}?"
    if not projects:
        return f"There is no project {text!r}, nor any other: `pocketagent create PATH` makes one of a directory."
    return f"There is no project {text!r}: `pocketagent projects` shows all."
