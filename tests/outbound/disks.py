"""Disks that fail, disks of another user, small ones; and children that use them."""

import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import cast


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def names(path: Path) -> list[str]:
    return sorted(each.name for each in path.iterdir())


class FailingDisk:
    """The disk, but for one function, which fails; written is only a half before it does."""

    def __init__(self, failing: str, error: int) -> None:
        self._failing = failing
        self._error = error

    def __getattr__(self, name: str) -> object:
        return self.fail if name == self._failing else getattr(os, name)

    def fail(self, *arguments: object) -> object:
        if self._failing == "pwrite":
            fd, (data, offset) = cast(int, arguments[0]), cast(tuple[bytes, int], arguments[1:])
            os.pwrite(fd, data[: len(data) // 2], offset)
        raise OSError(self._error, os.strerror(self._error))


class ForeignDisk:
    """The disk, but everything on it belongs to another user."""

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def fstat(self, fd: int) -> os.stat_result:
        return self._given_away(os.fstat(fd))

    def lstat(self, path: str) -> os.stat_result:
        return self._given_away(os.lstat(path))

    def _given_away(self, found: os.stat_result) -> os.stat_result:
        return os.stat_result((*found[:4], found.st_uid + 1, *found[5:]))


def child_of_ours(
    arguments: list[str], before: tuple[str, ...] = (), stdin: int | None = None
) -> "subprocess.Popen[str]":
    """A Python program in its own process, with our packages and nothing of our environment."""
    paths = os.pathsep.join(str(Path(path).absolute()) for path in sys.path if path)
    return subprocess.Popen(
        [*before, sys.executable, "-c", *arguments],
        env={"PYTHONPATH": paths, "PATH": os.defpath},
        stdin=stdin,
        stdout=subprocess.PIPE,
        text=True,
    )


def in_small_file_system(program: str) -> str | None:
    """Run the program in a file system of 64 KiB that nobody else sees; what it printed, None where that cannot be."""
    unshare = ("unshare", "--map-root-user", "--mount", "--")
    mount = 'mount -t tmpfs -o size=64k small /mnt && cd /mnt && exec "$@"'
    possible = subprocess.run(
        [*unshare, "sh", "-c", mount, "sh", "true"], env={"PATH": os.defpath}, capture_output=True, check=False
    )
    if possible.returncode:
        return None
    child = child_of_ours([textwrap.dedent(program)], before=(*unshare, "sh", "-c", mount, "sh"))
    return child.communicate()[0]
