# -*- test-case-name: tests.outbound.directories.test_startup_parts -*-
"""The parts of a directory that the CLI would run, or offer to run, by itself (protocol section 5, Trust).

Seen with CLI 2.1.330: it takes `settings.json` from the directory it is started in; `.mcp.json` from every directory
above as well, up to the root; agents, commands and skills from those above up to the top of the repository; and
`settings.local.json` from that top, or, in a git worktree, from the main checkout, wherever a file `.git` says
that this is. Versions differ, so every part is looked for in all of these.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from attrs import define, field

from pocketagent.wire import claude_settings

SETTINGS = (".claude/settings.json", ".claude/settings.local.json")
SERVERS = ".mcp.json"
TREES = tuple(f".claude/{name}" for name in ("agents", "commands", "hooks", "plugins", "skills", "workflows"))

MAX_LOOKS = 5000
MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 16
MAX_GIT_FILE = 64 * 1024
MAX_NAMED = 100
"""Bounds of all parts together: files and directories, bytes, how deep. Over one of them, no approval is possible.
Of more names than the last, the rest is only counted."""


_WHITE = "\t\n\v\f\r \xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000\ufeff"
"""What JavaScript's `trim` takes away, which is how the CLI reads a file `.git`."""


def startup_parts(path: str, own: str) -> tuple[str, tuple[str, ...]]:
    """The fingerprint of these parts, and what it covers, by names relative to the directory.

    Both are empty where there are none; the fingerprint alone where they cannot be read whole. `own` is the person's
    own directory of settings, which counts nowhere. Blocks as disks do, but on no FIFO.
    """
    reading = _Reading(path)
    for directory in _directories(Path(path), reading):
        reading.add(directory / SERVERS)
        if directory / ".claude" == Path(own):
            continue
        for name in SETTINGS:
            reading.add(directory / name, claude_settings.code)
        for name in TREES:
            reading.add(directory / name)
    return reading.result()


class _TooMuch(OSError):
    """More than is read."""


def _whole(content: bytes) -> bytes:
    return content or b" "


@define(eq=False)
class _Reading:
    """What was found so far: a digest for each part; None for one that could not be read whole."""

    _path: str
    _found: dict[tuple[str, str], bytes | None] = field(init=False, factory=dict)
    _looks: int = field(init=False, default=0)
    _bytes: int = field(init=False, default=0)

    def result(self) -> tuple[str, tuple[str, ...]]:
        names = sorted(self._found)
        shown = [_shown("".join(name)) for name in names[:MAX_NAMED]]
        if len(names) > MAX_NAMED:
            shown.append(f"and {len(names) - MAX_NAMED} more")
        whole = hashlib.sha256()
        for name in names:
            digest = self._found[name]
            if digest is None:
                return "", tuple(shown)
            encoded = os.fsencode("".join(name))
            whole.update(b"%d:%s%s" % (len(encoded), encoded, digest))
        return whole.hexdigest() if names else "", tuple(shown)

    def add(self, path: Path, relevant: Callable[[bytes], bytes] = _whole, depth: int = 0) -> None:
        """Count the relevant part of a file, or every file below a directory, whatever links lead there."""
        try:
            if depth > MAX_DEPTH:
                raise _TooMuch
            self._look()
            link = os.fsencode(path.readlink()) if stat.S_ISLNK(path.lstat().st_mode) else b""
            kind = path.stat().st_mode
            names = sorted(self._names(path)) if stat.S_ISDIR(kind) else []
            content = b"" if stat.S_ISDIR(kind) else relevant(_content(path, MAX_BYTES - self._bytes))
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError:
            self.cannot_read(path)
            return
        self._bytes += len(content)
        if content or (link and names):
            self._keep(path, content, link)
        for name in names:
            self.add(path / name, _whole, depth + 1)

    def _names(self, path: Path) -> Iterator[str]:
        with os.scandir(path) as entries:
            for entry in entries:
                self._look()
                yield entry.name

    def _look(self) -> None:
        self._looks += 1
        if self._looks > MAX_LOOKS:
            raise _TooMuch

    def cannot_read(self, path: Path) -> None:
        """There is a part that could not be read whole: no approval is possible."""
        self._keep(path, None)

    def _keep(self, path: Path, content: bytes | None, link: bytes = b"") -> None:
        """A link counts with where it leads, besides what is there, and is named as one."""
        # Kept apart: a file whose own name ends so must not take the place of the link beside it.
        name = os.path.relpath(path, self._path), " (a link)" if link else ""
        self._found[name] = None if content is None else hashlib.sha256(b"%s\0%s" % (link, content)).digest()


def _directories(path: Path, reading: _Reading) -> list[Path]:
    """This one, all above it, and the main checkouts that a file `.git` in one of them points to."""
    found = [path, *path.parents]
    for directory in tuple(found):
        try:
            found += (checkout for checkout in _main_checkouts(directory) if checkout not in found)
        except _TooMuch:
            # The CLI reads it whole, however much it is, and goes where it says.
            reading.cannot_read(directory / ".git")
    return found


def _main_checkouts(directory: Path) -> tuple[Path, ...]:
    """As the CLI finds them: `.git` names a directory, whose `commondir` names the one that all worktrees share."""
    try:
        pointer = os.fsdecode(_content(directory / ".git", MAX_GIT_FILE)).strip(_WHITE)
        if not pointer.startswith("gitdir:"):
            return ()
        git = directory / pointer.removeprefix("gitdir:").strip(_WHITE)
        shared = os.fsdecode(_content(git / "commondir", MAX_GIT_FILE)).strip(_WHITE)
        common = Path(os.path.normpath(git / shared))
    except _TooMuch:
        raise
    except (OSError, ValueError):
        return ()
    return common.parent, common


def _content(path: Path, limit: int) -> bytes:
    """All of a regular file, whatever link leads to it. Raises OSError."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("no file")
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY), "rb") as file:
        content = file.read(limit + 1) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""
    if len(content) > limit:
        raise _TooMuch
    return content


def _shown(name: str) -> str:
    """A name as text for a person: no bytes that are no text, nothing that moves a cursor or turns the line."""
    text = os.fsencode(name).decode("utf-8", "replace")
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
