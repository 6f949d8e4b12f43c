# -*- test-case-name: tests.client.test_profiles -*-
"""Profiles: which servers a person has, who each is known to be, and who we are there.

Each is a JSON file of its own in `profiles/` of the user's configuration, for this user alone; the file `default`
beside them names one. What goes wrong with them is a Problem.
"""

import json
import os
import re
import stat
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
from attrs import asdict, define, evolve, field, frozen

from pocketagent.client.problems import Problem
from pocketagent.client.server import Server, address

MAX_PROFILES = 1000
MAX_SIZE = 64 * 1024
"""Bytes of a profile's file: more is never written, and never read."""
PRIVATE_FILE, PRIVATE_DIRECTORY = 0o600, 0o700
SUFFIX = ".json"
TEMPORARY = ".tmp-"

CONNECT_FIRST = "There is no profile of a server yet: run `pocketagent connect` first."

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", re.ASCII)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def profile_name(text: str) -> str:
    """Return the name, which is one of a file, too. Raises ValueError with a sentence."""
    if not _NAME.fullmatch(text):
        raise ValueError("the name of a profile has 1 to 64 letters, digits, '_', '-' and '.', and no '.' or '-' first")
    return text


@frozen
class Profile:
    """A server as a person keeps it; the fields mean what they mean in `Server`."""

    name: str
    url: str
    token: str = field(repr=False)
    fingerprint: str | None = None
    ca: str | None = None

    @property
    def server(self) -> Server:
        return Server(url=self.url, token=self.token, fingerprint=self.fingerprint, ca=self.ca)


@define(eq=False)
class Profiles:
    """The profiles in a directory, such as `~/.config/pocketagent`, which need not be there."""

    directory: Path

    def names(self) -> Sequence[str]:
        """All of them, whether their files can be used or not."""
        with suppress(FileNotFoundError, NotADirectoryError):
            found = (Path(name) for name in os.listdir(self._profiles))  # noqa: PTH208
            return sorted(path.stem for path in found if path.suffix == SUFFIX and _NAME.fullmatch(path.stem))
        return ()

    def get(self, name: str | None) -> Profile:
        """The profile of this name, the default one for None. Raises Problem."""
        if name is None:
            name = self.default()
            if name is None:
                raise Problem(self._which() if self.names() else CONNECT_FIRST)
        elif name not in self.names():
            raise self._unknown(name)
        path = self._file(name)
        try:
            found = msgspec.json.decode(_read(path), type=Profile, strict=True)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            # What msgspec says names fields and types, never a value.
            raise Problem(
                f"The profile {name!r} is broken ({error}): remove {path} and run `pocketagent connect` again."
            ) from None
        return evolve(found, name=name, url=address(found.url))

    def default(self) -> str | None:
        """The name of the default profile; None where there is none. The only one is the default in any case."""
        names = self.names()
        with suppress(FileNotFoundError, NotADirectoryError):
            name = _read(self._default).decode(errors="replace").strip()
            if name in names:
                return name
        return names[0] if len(names) == 1 else None

    def save(self, profile: Profile) -> None:
        """Keep it, whole or not at all. Raises OSError, and Problem when there are too many."""
        names = self.names()
        if profile.name not in names and len(names) >= MAX_PROFILES:
            raise Problem(f"There are {MAX_PROFILES} profiles: remove one first.")
        self._write(self._file(profile_name(profile.name)), json.dumps(asdict(profile), indent=2) + "\n")

    def choose(self, name: str) -> None:
        """Make it the default. Raises Problem for an unknown one."""
        if name not in self.names():
            raise self._unknown(name)
        self._write(self._default, f"{name}\n")

    def remove(self, name: str) -> None:
        """Forget it, usable or not. Raises Problem for an unknown one."""
        if name not in self.names():
            raise self._unknown(name)
        self._file(name).unlink()

    @property
    def _profiles(self) -> Path:
        return self.directory / "profiles"

    @property
    def _default(self) -> Path:
        return self.directory / "default"

    def _file(self, name: str) -> Path:
        return self._profiles / f"{name}{SUFFIX}"

    def _write(self, path: Path, text: str) -> None:
        for directory in (self.directory, path.parent):
            _make(directory)
            directory.chmod(PRIVATE_DIRECTORY)
        _write(path, text)

    def _which(self) -> str:
        return f"No profile is the default one: name one with --profile ({', '.join(self.names())})."

    def _unknown(self, name: str) -> Problem:
        names = self.names()
        return Problem(f"There is no profile {name!r}; known are: {', '.join(names)}." if names else CONNECT_FIRST)


def _read(path: Path) -> bytes:
    """The file, if it is this user's secret. Raises Problem, FileNotFoundError."""
    try:
        above = path.parent.stat()
        # Without waiting for the other end, should it be a pipe.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            found = os.fstat(file.fileno())
            data = file.read(MAX_SIZE + 1) if stat.S_ISREG(found.st_mode) else b""
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Problem(f"{path} cannot be read: {error.strerror}.") from None
    if not stat.S_ISREG(found.st_mode) or len(data) > MAX_SIZE:
        raise Problem(f"{path} is no file of a profile: remove it and run `pocketagent connect` again.")
    if found.st_mode & _OTHERS:
        raise Problem(f"Other users may read {path}, which holds a token: chmod 600 {path}")
    if above.st_mode & _OTHERS_WRITE:
        raise Problem(f"Other users may write into {path.parent}, which holds tokens: chmod 700 {path.parent}")
    if os.geteuid() not in (0, found.st_uid):
        raise Problem(f"{path} belongs to another user: remove it and run `pocketagent connect` again.")
    return data


def _write(path: Path, text: str) -> None:
    """Let the file have this text, or still the one before. Raises OSError."""
    fd, temporary = tempfile.mkstemp(prefix=TEMPORARY, dir=path.parent)
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            os.fchmod(fd, PRIVATE_FILE)
            file.write(text)
            file.flush()
            os.fsync(fd)
        Path(temporary).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise
    above = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(above)
    finally:
        os.close(above)


def _make(directory: Path) -> None:
    """The directory and whatever is missing above it, for this user alone, whatever the umask."""
    if not directory.is_dir():
        _make(directory.parent)
        directory.mkdir(PRIVATE_DIRECTORY, exist_ok=True)
        directory.chmod(PRIVATE_DIRECTORY)
