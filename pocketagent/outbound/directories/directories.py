# -*- test-case-name: tests.outbound.directories.test_directories -*-
"""The directories of this machine: where a path really leads, and whether a project may lie there."""

import errno
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import TypeVar

from attrs import define, field
from twisted.internet.defer import TimeoutError
from zope.interface import implementer

from pocketagent.domain.browsing import Listing
from pocketagent.domain.project import Place, Standing, Trust, check_path, invalid_path, is_within, judged
from pocketagent.outbound.directories.browsing import roots, subdirectories
from pocketagent.outbound.directories.looks import Looks
from pocketagent.outbound.directories.places import Kept, Way, reach
from pocketagent.outbound.directories.startup_parts import startup_parts
from pocketagent.ports import IDirectories

T = TypeVar("T")


@implementer(IDirectories)
@define(eq=False)
class Directories:
    """`roots` and `denied` are whole paths; `home` is the person's, whose `.claude` is the person's own business."""

    _looks: Looks
    _roots: Sequence[str] = field(kw_only=True)
    _denied: Sequence[str] = field(kw_only=True)
    _home: str = field(kw_only=True)
    _user: int = field(factory=os.geteuid, kw_only=True)
    _allowed: Sequence[PurePosixPath] = field(init=False, default=())

    async def look(self, path: str) -> Place:
        return await self._below_roots(path, lambda: _look(path, self._allowed, self._denied, self._user))

    async def inside(self, path: str, hidden: bool) -> Listing:
        return await self._below_roots(path, lambda: subdirectories(path, self._allowed, self._denied, hidden))

    async def roots(self) -> Listing:
        return await self._looks.at("", lambda: roots(self._roots, self._denied))

    async def trust(self, path: str, approved: str) -> Trust:
        try:
            fingerprint, files = await self._looks.in_time(lambda: _parts(path, f"{self._home}/.claude"))
        except (OSError, TimeoutError):
            # Nobody knows what is there: nothing of it is to run.
            return Trust(Standing.UNTRUSTED, "", ())
        return judged(fingerprint, files, approved)

    async def _below_roots(self, path: str, work: Callable[[], T]) -> T:
        """Do it, once the path is one that may be looked up at all. Raises Refusal(INVALID_PATH)."""
        asked = check_path(path)
        if not self._allowed:
            self._allowed = await self._looks.at(path, lambda: _allowed(self._roots))
        if not is_within(asked, self._allowed):
            raise invalid_path("Projects may not lie there: the server's setting `roots` says where they may.", path)
        return await self._looks.at(path, work)


def _allowed(roots: Sequence[str]) -> Sequence[PurePosixPath]:
    """The roots, by their names and by where these lead: a project's own path is always a real one."""
    paths = [*roots, *(os.path.realpath(root) for root in roots)]
    return tuple(dict.fromkeys(PurePosixPath(path) for path in paths))


def _parts(path: str, own: str) -> tuple[str, tuple[str, ...]]:
    if not stat.S_ISDIR(os.lstat(path).st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "no directory")
    return startup_parts(path, own)


def _look(path: str, allowed: Sequence[PurePosixPath], denied: Sequence[str], user: int) -> Place:
    """Raises Refusal, with sentences that name no path but the one that was asked for."""
    kept = [Kept.at(each) for each in denied]
    way = reach(path, allowed, kept)
    place = way.place
    if any(each.lies_in(place) for each in kept):
        raise invalid_path(
            "In this directory lies what is kept from agents, such as keys or settings: choose one below it.", path
        )
    _check_directory(way, user, path)
    return place


def _check_directory(way: Way, user: int, path: str) -> None:
    """That it is one, and nobody's but ours or root's; a server that is root takes everybody's (PA-15)."""
    if not stat.S_ISDIR(way.found.st_mode):
        raise invalid_path("This is no directory.", path)
    if user != 0 and way.found.st_uid not in (user, 0):
        raise invalid_path("This directory belongs to another user, who could let the agent run anything.", path)
    if way.found.st_mode & stat.S_IWOTH:
        raise invalid_path("Every user may write into this directory: `chmod o-w` it first.", path)
    if not os.access(way.path, os.R_OK | os.X_OK, effective_ids=True):
        raise invalid_path("The server may not read this directory.", path)
