# -*- test-case-name: tests.cli.doctor.test_storage -*-
"""The data directory and its disk, as the server finds them at its start; looked at only, but for a file without a
name."""

import errno
import os
import pwd
import shlex
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pocketagent.cli.doctor.finding import Finding, ok, problem, warning
from pocketagent.cli.doctor.running import Running
from pocketagent.outbound.data_directory import DataDirectoryUnusable, inspect
from pocketagent.services.health import FULL_DISK, LOW_DISK

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def examine(path: str, running: Running | None) -> Iterator[Finding]:
    """`running` is the server that has it in its hands."""
    yield _directory(path, running) if os.path.lexists(path) else _to_be_made(path)
    yield _disk(_nearest(path))


def _directory(path: str, running: Running | None) -> Finding:
    name, found = shlex.quote(path), Path(path).stat()
    if not stat.S_ISDIR(found.st_mode):
        return problem("data", f"{path} is no directory", "choose another with --data-dir or PA_DATA_DIR")
    if found.st_uid != os.geteuid():
        owner = _name_of(found.st_uid)
        return problem(
            "data", f"{path} belongs to {owner}", f"sudo -u {shlex.quote(owner)} pocketagent doctor --data-dir {name}"
        )
    if found.st_mode & _WRITABLE_BY_OTHERS:
        return problem("data", f"other users may write into {path}", f"chmod 700 {name}")
    try:
        inspect(path)
    except DataDirectoryUnusable as fault:
        return problem("data", str(fault), f"ls -la {name}    (docs/operations.md, “When something is wrong”)")
    try:
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(b"pocketagent")
            file.flush()
    except OSError as error:
        return problem("data", f"{path} cannot be written: {error.strerror}", _advice(error.errno, name))
    if found.st_mode & _OTHERS:
        return warning("data", f"other users may look into {path}", f"chmod 700 {name}")
    return ok("data", f"{path}; {'no server runs on it' if running is None else f'a server runs on it{running.name}'}")


def _advice(number: int | None, name: str) -> str:
    if number in (errno.ENOSPC, errno.EDQUOT):
        return f"df -h {name}    (make room)"
    if number == errno.EROFS:
        return f"findmnt -T {name}    (it is mounted read-only: mount it for writing)"
    return f"chmod 700 {name}"


def _to_be_made(path: str) -> Finding:
    parent = _nearest(path)
    if not (parent.is_dir() and os.access(parent, os.W_OK | os.X_OK)):
        user = _name_of(os.geteuid())
        return problem(
            "data",
            f"{path} is not there, and cannot be made in {parent}",
            f"sudo install -d -m 700 -o {user} {shlex.quote(path)}",
        )
    return warning(
        "data",
        f"{path} is not there: the server makes it at its first start",
        f"pocketagent token create --name phone --data-dir {shlex.quote(path)}    (or name the server's own directory)",
    )


def _nearest(path: str) -> Path:
    """It, or the nearest above it that is there."""
    return next(one for one in (Path(path), *Path(path).parents) if one.exists())


def _disk(place: Path) -> Finding:
    found = os.statvfs(place)
    free = found.f_bavail * found.f_frsize
    words = f"{_amount(free)} free"
    if free < LOW_DISK:
        advice = f"df -h {shlex.quote(str(place))}    (make room)"
        if free < FULL_DISK:
            return problem("disk", f"{words}: the server would refuse prompts", advice)
        return warning("disk", words, advice)
    return ok("disk", words)


def _amount(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def _name_of(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"#{user}"
