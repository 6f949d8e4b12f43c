# -*- test-case-name: tests.cli.doctor.test_machine -*-
"""The machine and its user: who would run the server, whether the clock is right, how many files may be open."""

import pwd
import resource
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from pocketagent.cli.doctor.asking import ask
from pocketagent.cli.doctor.finding import Finding, ok, problem, warning
from pocketagent.cli.doctor.running import Running
from pocketagent.listening import SPARE_DESCRIPTORS
from pocketagent.version import RELEASED

DEADLINE = 5.0
"""Seconds for `timedatectl`."""
SLACK = 60.0
"""Seconds by which a file may be newer than now: clocks are set a little all the time."""


# -- the user -----------------------------------------------------------------------------------------------


def examine_user(user: int, allow_root: bool) -> Finding:
    if user == 0:
        words = "you are root: as root every prompt could do everything"
        if not allow_root:
            words += ", so the server would not start"
        return warning("user", words, "use an ordinary user, as conf/pocketagent.service does    (docs/security.md)")
    try:
        return ok("user", pwd.getpwuid(user).pw_name)
    except KeyError:
        return ok("user", f"{user}, who has no name")


# -- the clock ----------------------------------------------------------------------------------------------


def examine_clock(now: float, begins: float | None, data_dir: str, environment: Mapping[str, str]) -> Finding:
    """`begins` is the first moment of the server's certificate, where there is one."""
    shown = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M UTC")
    newest = _newest(data_dir)
    set_it = "sudo timedatectl set-ntp true    (or `sudo date --set=…`)"
    if now < RELEASED:
        return problem("clock", f"{shown} cannot be: this version is younger", set_it)
    if begins is not None and now < begins:
        return problem("clock", f"{shown} is before the certificate begins: one of the two is wrong", set_it)
    if newest - now > SLACK:
        when = datetime.fromtimestamp(newest, UTC).strftime("%Y-%m-%d %H:%M UTC")
        return warning("clock", f"{shown}, but a journal is of {when}: the clock was, or is, wrong", set_it)
    state = _synchronised(environment)
    if state == "no":
        return warning("clock", f"{shown}, not synchronised", "sudo timedatectl set-ntp true")
    return ok("clock", f"{shown}{', synchronised' if state == 'yes' else ''}")


def _newest(data_dir: str) -> float:
    """When a journal was last written, by the clock of that time; 0 where there is none."""
    return max(_written(Path(data_dir, "projects")), default=0.0)


def _written(projects: Path) -> Iterator[float]:
    with suppress(OSError):
        for logs in projects.glob("*/logs"):
            for file in logs.iterdir():
                with suppress(OSError):
                    yield file.stat().st_mtime


def _synchronised(environment: Mapping[str, str]) -> str:
    """yes, no, or nothing where the machine does not tell."""
    program = shutil.which("timedatectl", path=environment.get("PATH"))
    if program is None:
        return ""
    try:
        said = ask([program, "show", "--property=NTPSynchronized", "--value"], environment, DEADLINE)
    except OSError:
        return ""
    return said.text.decode(errors="replace").strip() if said.code == 0 else ""


# -- open files ---------------------------------------------------------------------------------------------


def examine_files(connections: int, handshakes: int, running: Running | None) -> Finding:
    """What the server lets itself open, as far as the hard limit goes."""
    needed = connections + handshakes + SPARE_DESCRIPTORS
    limits = None if running is None else running.open_files
    soft, hard = limits or resource.getrlimit(resource.RLIMIT_NOFILE)
    words = f"{needed:,} may be needed, {_number(soft)} are allowed, {_number(hard)} at most"
    if hard != resource.RLIM_INFINITY and hard < needed:
        return warning(
            "files",
            words,
            f"LimitNOFILE={needed} in the unit    (or `ulimit -n {needed}` as root, or less `connections`)",
        )
    return ok("files", words)


def _number(limit: int) -> str:
    return "any number" if limit == resource.RLIM_INFINITY else f"{limit:,}"
