# -*- test-case-name: tests.outbound.directories.test_working_trees -*-
"""The files of a project's directory, by their names: as git knows them, or by walking where there is no git.

git reads a repository that may be anybody's. It only lists, is given nothing of our environment and nobody's settings,
and everything in the repository's own settings that could start a program is overruled.
"""

import os
import select
import stat
import subprocess
import time
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from zope.interface import implementer

from pocketagent.domain.mentions import Mention, Mentions, Tree, ranked
from pocketagent.domain.project import invalid_path
from pocketagent.outbound.directories.looks import Looks
from pocketagent.ports import IThreads, IWorkingTrees

MAX_FILES = 50_000
"""Of one directory; more are left out."""
MAX_OUTPUT = 8 * 1024 * 1024
"""Bytes of names from git."""
LIST_TIME = 2.0
"""Seconds for git, and as many for a walk."""
FRESH = 5.0
"""Seconds for which a list is used again, so that typing is cheap."""
TREES = 4
"""Lists that are kept meanwhile."""
LOOKS = 2
"""At a time: with those at the directories themselves, fewer than there are threads (setting `threads`)."""
LEFT_OUT = frozenset((".git", ".hg", ".svn", "node_modules", "__pycache__"))
_NO_NAMES = frozenset(("", ".", ".."))
"""In no path below a directory; in what somebody's index says, perhaps."""

_OVERRULED = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.excludesFile=/dev/null",
    "protocol.allow=never",
)
_ENVIRONMENT: Mapping[str, str] = {
    "PATH": os.defpath,
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_TERMINAL_PROMPT": "0",
}


@implementer(IWorkingTrees)
@define(eq=False)
class WorkingTrees:
    """`git`: the program, None where there is none."""

    _threads: IThreads
    _clock: IReactorTime
    _git: str | None = field(kw_only=True)
    _looks: Looks = field(init=False)
    _kept: dict[str, tuple[float, Tree]] = field(init=False, factory=dict)
    # Directories that are being listed, each with those who wait for it, too.
    _listing: dict[str, list[Deferred[Tree]]] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self._looks = Looks(self._threads, self._clock, at_once=LOOKS)

    async def find(self, path: str, query: str, limit: int) -> Mentions:
        tree = self._fresh(path) or await self._listed(path)
        return await self._looks.at(path, lambda: _found(path, tree, query, limit))

    async def _listed(self, path: str) -> Tree:
        """Who asks while a directory is being listed shares the list: somebody types faster than a disk may be."""
        if path in self._listing:
            shared: Deferred[Tree] = Deferred()
            self._listing[path].append(shared)
            return await shared
        self._listing[path] = []

        def share(outcome: Tree | Failure) -> Tree | Failure:
            if isinstance(outcome, Tree):
                self._keep(path, outcome)
            for each in self._listing.pop(path):
                each.callback(outcome)
            return outcome

        return await Deferred.fromCoroutine(self._looks.at(path, lambda: _tree(path, self._git))).addBoth(share)

    def _keep(self, path: str, tree: Tree) -> None:
        self._kept[path] = (self._clock.seconds(), tree)
        while len(self._kept) > TREES:
            del self._kept[next(iter(self._kept))]

    def _fresh(self, path: str) -> Tree | None:
        now = self._clock.seconds()
        for old in [each for each, (since, _) in self._kept.items() if not 0 <= now - since < FRESH]:
            del self._kept[old]
        return self._kept[path][1] if path in self._kept else None


def _found(path: str, tree: Tree, query: str, limit: int) -> Mentions:
    """Of all that fits, the first that are still there: git also knows what was deleted a moment ago."""
    found: list[Mention] = []
    for name in ranked(tree, query):
        whole = Path(path, name)
        try:
            mode = whole.lstat().st_mode
        except OSError:
            continue
        if os.path.realpath(whole.parent) != str(whole.parent):
            continue
        if len(found) == limit:
            return Mentions(found, truncated=True)
        found.append(Mention(name, stat.S_ISDIR(mode)))
    return Mentions(found, tree.truncated)


def _tree(path: str, git: str | None) -> Tree:
    """Raises Refusal(INVALID_PATH) where the directory is gone."""
    if not Path(path).is_dir() or os.path.realpath(path) != path:
        raise invalid_path("The project's directory is gone, or a link leads elsewhere now.", path)
    names: Sequence[str] = [] if git is None else _of_git(path, git)
    # Of a directory that lies in a larger repository and is ignored there, git knows nothing.
    return _cut(names, truncated=False) if names else _cut(*_walked(path))


def _cut(names: Sequence[str], truncated: bool) -> Tree:
    taken: list[str] = []
    for name in names:
        if not name.isprintable() or not (LEFT_OUT | _NO_NAMES).isdisjoint(name.split("/")):
            continue
        if len(taken) == MAX_FILES:
            return Tree.of(taken, truncated=True)
        taken.append(name)
    return Tree.of(taken, truncated)


def _of_git(path: str, git: str) -> Sequence[str]:
    """What is tracked, and what is neither tracked nor ignored; nothing where git does not say, or not in time."""
    words = [git, "--no-pager", "-C", path]
    for each in _OVERRULED:
        words += ["-c", each]
    words += ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        output = _output(words)
    except OSError:
        return []
    return [os.fsdecode(name).rstrip("/") for name in (output or b"").split(b"\0") if name]


def _output(words: Sequence[str]) -> bytes | None:
    """What a program writes; None where it fails, takes too long or writes too much. Raises OSError."""
    end = time.monotonic() + LIST_TIME
    written = bytearray()
    with subprocess.Popen(
        words,
        env=_ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as child:
        try:
            assert child.stdout is not None
            waiting = select.poll()
            waiting.register(child.stdout, select.POLLIN)
            while len(written) <= MAX_OUTPUT and waiting.poll(max(0.0, end - time.monotonic()) * 1000):
                piece = os.read(child.stdout.fileno(), 1024 * 1024)
                if not piece:
                    return bytes(written) if child.wait(max(0.0, end - time.monotonic())) == 0 else None
                written += piece
        except subprocess.TimeoutExpired:
            pass
        finally:
            child.kill()
    return None


def _walked(path: str) -> tuple[Sequence[str], bool]:
    """Breadth first, links never followed, what cannot be read left out; and whether there is more, for which there was
    no time or no room."""
    end = time.monotonic() + LIST_TIME
    names: list[str] = []
    waiting = [""]
    while waiting:
        deeper: list[str] = []
        for above in waiting:
            if time.monotonic() > end or len(names) > MAX_FILES:
                return names, True
            try:
                with os.scandir(f"{path}/{above}") as entries:
                    some = islice(entries, MAX_FILES + 1)
                    found = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in some)
            except OSError:
                continue
            for name, is_directory in found:
                inner = str(PurePosixPath(above, name))
                names.append(inner)
                if is_directory and name not in LEFT_OUT:
                    deeper.append(inner)
        waiting = deeper
    return names, False
