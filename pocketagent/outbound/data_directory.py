# -*- test-case-name: tests.outbound.test_data_directory -*-
"""The directory where the server keeps what it knows, held by one server at a time."""

import errno
import fcntl
import os
import re
import stat
from contextlib import suppress
from typing import Self

from attrs import define

from pocketagent.domain.sighting import Address
from pocketagent.outbound.disk import Disk, check_directory, load, make_directory, save
from pocketagent.wire import stored

VERSION = 1
"""How the data lies in the directory. A higher number was written by a newer server, and is left alone."""

MODE = 0o700
_ROOMS = ("projects", "devices", "certificates", "pairings")
_MAX_SMALL = 64
_ADDRESS = "address.json"
_MAX_ADDRESS = 64 * 1024
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class DataDirectoryUnusable(Exception):
    """Why the data directory cannot be used: one line for a person."""


def prepared(path: str, disk: Disk = os) -> str:
    """The real path of the data directory, made where there is none, with its rooms; for the server and for commands
    beside it. Raises DataDirectoryUnusable."""
    real = os.path.realpath(path)
    try:
        try:
            os.makedirs(real, mode=MODE, exist_ok=True)  # noqa: PTH103
        except FileExistsError:
            raise _unusable(path, "is no directory.") from None
        _check_owner(path, real, disk)
        if not _has_version(path, real, disk):
            save(disk, f"{real}/version", [f"{VERSION}\n".encode()])
        for room in _ROOMS:
            make_directory(disk, f"{real}/{room}")
    except OSError as error:
        raise _unusable(path, f"cannot be used: {_reason(error)}.") from None
    return real


def inspect(path: str, disk: Disk = os) -> None:
    """Judge one that is there as `prepared` would, and change nothing. Raises DataDirectoryUnusable."""
    real = os.path.realpath(path)
    try:
        if not stat.S_ISDIR(disk.lstat(real).st_mode):
            raise _unusable(path, "is no directory.")
        _check_owner(path, real, disk)
        _has_version(path, real, disk)
        for room in _ROOMS:
            with suppress(FileNotFoundError):
                check_directory(disk, f"{real}/{room}")
    except OSError as error:
        raise _unusable(path, f"cannot be used: {_reason(error)}.") from None


def holder(path: str) -> int | None:
    """The process that has it in its hands, 0 where its id is not known, None where there is none."""
    try:
        lock = os.open(f"{os.path.realpath(path)}/lock", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # For microseconds: a server that starts just now would take us for another one.
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(lock)
    except OSError:
        return None
    finally:
        os.close(lock)
    return None


def address(path: str, disk: Disk = os) -> Address | None:
    """Where the server is to be found that has it in its hands; None where none has, or none has said it yet."""
    if holder(path) is None:
        return None
    try:
        return stored.decode_address(load(disk, f"{os.path.realpath(path)}/{_ADDRESS}", _MAX_ADDRESS))
    except (OSError, ValueError):
        return None


@define(eq=False)
class DataDirectory:
    """A data directory in the hands of this server, until it is closed or the process ends, however it does."""

    path: str
    _lock: int

    @classmethod
    def open(cls, path: str, disk: Disk = os) -> Self:
        """Prepare it and take it. Raises DataDirectoryUnusable. Blocks: at the start only."""
        real = prepared(path, disk)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            lock = os.open(f"{real}/lock", flags, 0o600)
        except OSError as error:
            raise _unusable(path, f"cannot be used: its lock: {_reason(error)}.") from None
        try:
            if not stat.S_ISREG(os.fstat(lock).st_mode):
                raise _unusable(path, "cannot be used: its lock is no file.")
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            directory = cls(real, lock)
            directory.sign()
            with suppress(FileNotFoundError):
                disk.unlink(f"{real}/{_ADDRESS}")  # of the server before this one
        except BlockingIOError:
            process = _holder(lock)
            os.close(lock)
            who = f" (process {process})" if process else ""
            raise _unusable(path, f"is in use by another server{who}.") from None
        except OSError as error:
            os.close(lock)
            raise _unusable(path, f"cannot be used: its lock: {_reason(error)}.") from None
        except DataDirectoryUnusable:
            os.close(lock)
            raise
        return directory

    @property
    def projects(self) -> str:
        return f"{self.path}/projects"

    @property
    def devices(self) -> str:
        return f"{self.path}/devices"

    @property
    def audit(self) -> str:
        return f"{self.path}/audit"

    @property
    def certificates(self) -> str:
        return f"{self.path}/certificates"

    @property
    def pairings(self) -> str:
        return f"{self.path}/pairings"

    @property
    def sightings(self) -> str:
        """A file: when devices were last seen."""
        return f"{self.path}/seen.json"

    @property
    def push_key(self) -> str:
        """A file: the key by which push services know us."""
        return f"{self.path}/push_key.pem"

    @property
    def push_subscriptions(self) -> str:
        """A file: what devices have registered to be pushed to."""
        return f"{self.path}/push.json"

    def publish(self, address: Address, disk: Disk = os) -> None:
        """Tell commands on this machine where this server is to be found. Raises OSError."""
        save(disk, f"{self.path}/{_ADDRESS}", [stored.encode_address(address)])

    def sign(self) -> None:
        """Write our process id into the lock, for people. Again after a fork: the lock goes with it, the id does not.

        Raises OSError.
        """
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

    def close(self) -> None:
        """Leave it to the next one. The file stays: removing it would let two take two locks of one name."""
        if self._lock >= 0:
            lock, self._lock = self._lock, -1
            os.close(lock)


def _check_owner(path: str, real: str, disk: Disk) -> None:
    found = disk.lstat(real)
    if found.st_uid != os.geteuid():
        raise _unusable(path, "belongs to another user.")
    if found.st_mode & _WRITABLE_BY_OTHERS:
        raise _unusable(path, "may be written by other users: `chmod go-w` it, or choose another.")


def _has_version(path: str, real: str, disk: Disk) -> bool:
    """Whether it has a version yet. Raises DataDirectoryUnusable where that is another than ours."""
    try:
        text = load(disk, f"{real}/version", _MAX_SMALL).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return False
    if not re.fullmatch("[0-9]{1,9}", text):
        raise _unusable(path, "cannot be used: the file `version` in it holds no number.")
    if int(text) > VERSION:
        raise _unusable(path, f"was written by a newer version of the server (form {text}, this one knows {VERSION}).")
    if int(text) < VERSION:
        raise _unusable(path, f"cannot be used: there never was a form {text}.")
    return True


def _holder(lock: int) -> int:
    text = os.pread(lock, _MAX_SMALL, 0).strip()
    return int(text) if re.fullmatch(rb"[0-9]{1,9}", text) else 0


def _reason(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "there is a symbolic link where none belongs"
    return error.strerror or type(error).__name__


def _unusable(path: str, what: str) -> DataDirectoryUnusable:
    return DataDirectoryUnusable(f"The data directory {path} {what}")
