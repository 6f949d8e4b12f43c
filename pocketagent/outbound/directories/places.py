# -*- test-case-name: tests.outbound.directories.test_directories -*-
"""Where a path really leads, walked name by name; and the places that are kept from agents."""

import errno
import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from attrs import frozen

from pocketagent.domain.project import Place, check_path, invalid_path, is_within
from pocketagent.domain.refusals import Refusal

MAX_LINKS = 40
"""On one way, as Linux has it."""

_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def reach(path: str, roots: Sequence[PurePosixPath], kept: Iterable["Kept"]) -> "Way":
    """Walk there. Raises Refusal(INVALID_PATH), with sentences that name no path but the one that was asked for."""
    way = Way()
    try:
        way.walk(path)
        problem = None
    except OSError as error:
        problem = error
    # First where it leads: what lies outside the roots, or is kept from agents, is not even told to be there.
    try:
        real = check_path(way.path)
    except Refusal:
        raise invalid_path("The name of the directory that this leads to is not plain text.", path) from None
    if not is_within(real, roots):
        raise invalid_path("This leads out of the directories that projects may lie in.", path)
    if any(each.holds(way.place) for each in kept):
        raise invalid_path("This lies in a place that is kept from agents, such as keys or settings.", path)
    if problem is not None:
        raise invalid_path(sentence(problem), path)
    return way


@frozen
class Kept:
    """A place that is kept from agents: by where it really is, by its inode (a mount may show it elsewhere), and by its
    names, for what is not there yet."""

    names: frozenset[PurePosixPath]
    there: Place | None

    @classmethod
    def at(cls, path: str) -> "Kept":
        way = Way()
        try:
            way.walk(path)
            there: Place | None = way.place
        except OSError:
            there = None
        return cls(frozenset((PurePosixPath(path), PurePosixPath(way.path))), there)

    def holds(self, place: Place) -> bool:
        """Whether that is this place, or lies in it."""
        return is_within(PurePosixPath(place.path), self.names) or (
            self.there is not None and place.lies_in(self.there)
        )

    def lies_in(self, place: Place) -> bool:
        real = PurePosixPath(place.path)
        return any(is_within(name, [real]) for name in self.names) or (
            self.there is not None and self.there.lies_in(place)
        )


class Way:
    """A walk from the root, one name at a time, by descriptors that open nothing: no link is followed unseen, and no
    FIFO, device or socket can hold it up.

    `path` is how far it has come: at the end, or where it failed, with what was left to go. `chain` as `Place` has it.
    """

    def __init__(self) -> None:
        self.found: os.stat_result
        self.chain: list[tuple[int, int]] = []
        self._names: list[str] = []
        self._left: list[str] = []
        self._here = -1

    @property
    def path(self) -> str:
        return os.path.normpath("/" + "/".join([*self._names, *reversed(self._left)]))

    @property
    def place(self) -> Place:
        return Place(self.path, tuple(self.chain))

    def walk(self, path: str) -> None:
        """Raises OSError."""
        links = 0
        try:
            self._take(path)
            while self._left:
                there = os.open(self._left[-1], _STEP, dir_fd=self._here)
                found = os.fstat(there)
                if not stat.S_ISLNK(found.st_mode):
                    self._step(there, self._left.pop(), found)
                    continue
                try:
                    target = os.readlink("", dir_fd=there)
                finally:
                    os.close(there)
                links += 1
                if links > MAX_LINKS:
                    raise OSError(errno.ELOOP, "too many links")
                self._left.pop()
                self._take(target)
        finally:
            if self._here >= 0:
                os.close(self._here)

    def _take(self, path: str) -> None:
        """Go on with this path, from the root if it says so."""
        self._left += [name for name in reversed(path.split("/")) if name not in ("", ".")]
        if path.startswith("/"):
            self._names.clear()
            self.chain.clear()
            root = os.open("/", _STEP)
            self._step(root, "", os.fstat(root))

    def _step(self, there: int, name: str, found: os.stat_result) -> None:
        here, self._here, self.found = self._here, there, found
        if here >= 0:
            os.close(here)
        pair = (found.st_dev, found.st_ino)
        if name != "..":
            self._names += [name] if name else []
            self.chain.append(pair)
            return
        del self._names[-1:]
        del self.chain[max(1, len(self.chain) - 1) :]
        if self.chain[-1] != pair:
            raise OSError(errno.ESTALE, "a directory on the way was moved")


def sentence(error: OSError) -> str:
    """What went wrong, for the person who named a directory."""
    match error.errno:
        case errno.ENOENT:
            return "There is no such directory."
        case errno.ENOTDIR:
            return "This is no directory."
        case errno.EACCES | errno.EPERM:
            return "The server may not enter this directory."
        case errno.ELOOP:
            return "Too many symbolic links lead on from here."
        case errno.ENAMETOOLONG:
            return "A name in the path is too long."
        case _:
            return f"This directory cannot be reached: {error.strerror or 'the disk gives no reason'}."
