# -*- test-case-name: tests.outbound.test_directories -*-
"""The directories of this machine: where a path really leads, and whether a project may lie there.

A disk that hangs (a network mount that is away) takes at most a few threads, and nobody waits longer than 5 s for it.
"""

import errno
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredSemaphore, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from zope.interface import implementer

from pocketagent.domain.project import Place, Standing, Trust, check_path, invalid_path, is_within, judged
from pocketagent.domain.refusals import Refusal
from pocketagent.outbound.startup_parts import startup_parts
from pocketagent.ports import IDirectories, IThreads

DEADLINE = 5.0
"""Seconds that anybody waits for a disk (protocol section 7, INVALID_PATH)."""

LOOKS = 4
"""At a time. So many threads may hang in a disk; the others of the pool serve on."""

MAX_LINKS = 40
"""On one way, as Linux has it."""

_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC

T = TypeVar("T")


@implementer(IDirectories)
@define(eq=False)
class Directories:
    """`roots` and `denied` are whole paths; `home` is the person's, whose `.claude` is the person's own business."""

    _threads: IThreads
    _clock: IReactorTime
    _roots: Sequence[str] = field(kw_only=True)
    _denied: Sequence[str] = field(kw_only=True)
    _home: str = field(kw_only=True)
    _deadline: float = field(default=DEADLINE, kw_only=True)
    _user: int = field(factory=os.geteuid, kw_only=True)
    _turns: DeferredSemaphore = field(init=False, factory=lambda: DeferredSemaphore(LOOKS))
    _allowed: Sequence[PurePosixPath] = field(init=False, default=())

    async def look(self, path: str) -> Place:
        asked = check_path(path)
        try:
            if not self._allowed:
                self._allowed = await self._in_time(lambda: _allowed(self._roots))
            if not is_within(asked, self._allowed):
                raise invalid_path(
                    "Projects may not lie there: the server's setting `roots` says where they may.", path
                )
            return await self._in_time(lambda: _look(path, self._allowed, self._denied, self._user))
        except TimeoutError:
            raise invalid_path(
                f"The disk did not answer within {self._deadline:g} s: is it a network directory that is away?", path
            ) from None

    async def trust(self, path: str, approved: str) -> Trust:
        try:
            fingerprint, files = await self._in_time(lambda: _parts(path, f"{self._home}/.claude"))
        except (OSError, TimeoutError):
            # Nobody knows what is there: nothing of it is to run.
            return Trust(Standing.UNTRUSTED, "", ())
        return judged(fingerprint, files, approved)

    async def _in_time(self, work: Callable[[], T]) -> T:
        """Do it in a thread, when one of ours is free. Raises TimeoutError at the deadline, whatever hangs.

        The thread goes on; only when it has come back its turn is another's.
        """
        end = self._clock.seconds() + self._deadline
        await self._turns.acquire().addTimeout(self._deadline, self._clock)
        answer: Deferred[T] = Deferred()

        def finish(result: T | Failure) -> None:
            self._turns.release()
            if not answer.called:
                answer.callback(result)

        Deferred.fromCoroutine(self._threads.run(work)).addBoth(finish)
        return await answer.addTimeout(max(0.0, end - self._clock.seconds()), self._clock)


def _allowed(roots: Sequence[str]) -> Sequence[PurePosixPath]:
    """The roots, by their names and by where these lead: a project's own path is always a real one."""
    paths = [*roots, *(os.path.realpath(root) for root in roots)]
    return tuple(dict.fromkeys(PurePosixPath(path) for path in paths))


def _parts(path: str, own: str) -> tuple[str, tuple[str, ...]]:
    if not stat.S_ISDIR(os.lstat(path).st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "no directory")
    return startup_parts(path, own)


def _look(path: str, roots: Sequence[PurePosixPath], denied: Sequence[str], user: int) -> Place:
    """Raises Refusal, with sentences that name no path but the one that was asked for."""
    way = _Way()
    try:
        way.walk(path)
        problem = None
    except OSError as error:
        problem = error
    # First where it leads: what lies outside the roots is not even told to be there.
    try:
        real = check_path(way.path)
    except Refusal:
        raise invalid_path("The name of the directory that this leads to is not plain text.", path) from None
    if not is_within(real, roots):
        raise invalid_path("This leads out of the directories that projects may lie in.", path)
    if problem is not None:
        raise invalid_path(_sentence(problem), path)
    place = Place(way.path, tuple(way.chain))
    for each in denied:
        _check_denied(place, each, path)
    _check_directory(way, user, path)
    return place


def _check_denied(place: Place, denied: str, path: str) -> None:
    """By where the denied place really is, by its inode (a mount may show it elsewhere), and by its name, for what is
    not there yet."""
    way = _Way()
    try:
        way.walk(denied)
        there: Place | None = Place(way.path, tuple(way.chain))
    except OSError:
        there = None
    real, names = PurePosixPath(place.path), {PurePosixPath(denied), PurePosixPath(way.path)}
    if is_within(real, names) or (there is not None and place.lies_in(there)):
        raise invalid_path("This lies in a place that is kept from agents, such as keys or settings.", path)
    if any(is_within(name, [real]) for name in names) or (there is not None and there.lies_in(place)):
        raise invalid_path(
            "In this directory lies what is kept from agents, such as keys or settings: choose one below it.",
            path,
        )


def _check_directory(way: "_Way", user: int, path: str) -> None:
    """That it is one, and nobody's but ours or root's; a server that is root takes everybody's (PA-15)."""
    if not stat.S_ISDIR(way.found.st_mode):
        raise invalid_path("This is no directory.", path)
    if user != 0 and way.found.st_uid not in (user, 0):
        raise invalid_path("This directory belongs to another user, who could let the agent run anything.", path)
    if way.found.st_mode & stat.S_IWOTH:
        raise invalid_path("Every user may write into this directory: `chmod o-w` it first.", path)
    if not os.access(way.path, os.R_OK | os.X_OK, effective_ids=True):
        raise invalid_path("The server may not read this directory.", path)


class _Way:
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


def _sentence(error: OSError) -> str:
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
