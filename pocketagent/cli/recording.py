# -*- test-case-name: tests.cli.test_audit -*-
"""What a command does to the server's files stands in the audit log, beside what devices do."""

import os
import pwd
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from attrs import evolve

from pocketagent.cli.console import Console, Problem
from pocketagent.domain.deeds import FAILED, Deed, Origin
from pocketagent.outbound.audit import AuditFiles
from pocketagent.ports import StorageUnavailable


def audit_of(directory: str, console: Console) -> AuditFiles:
    """The audit log of a data directory."""
    return AuditFiles(f"{directory}/audit", console.now)


@contextmanager
def recorded(
    directory: str, console: Console, action: str, *, takes_away: bool = False, **about: object
) -> Iterator[None]:
    """Do what is inside and write it down. `about`: fields of the deed; `details` among them.

    Raises Problem, with nothing done, where it cannot be written down. What only `takes_away` somebody's right is done
    all the same, and the person is told: a stolen token must not stay good because a disk is full.
    """
    files = audit_of(directory, console)
    deed = _deed(action, about)
    try:
        files.check()
    except StorageUnavailable as problem:
        if not takes_away:
            raise Problem(f"nothing was done, because it could not be written down: {problem}.") from None
    try:
        yield
    except Exception:
        _write(files, evolve(deed, outcome=FAILED), console)
        raise
    _write(files, deed, console)


def written_down(directory: str, console: Console, action: str, **about: object) -> None:
    """The same for what was done already, and only took something away."""
    _write(audit_of(directory, console), _deed(action, about), console)


def _deed(action: str, about: Mapping[str, object]) -> Deed:
    return Deed(
        action=action,
        origin=Origin.MACHINE,
        actor_id=str(os.geteuid()),
        actor_name=_user(),
        **about,  # type: ignore[arg-type]  # names and types are those of the class
    )


def _write(files: AuditFiles, deed: Deed, console: Console) -> None:
    try:
        files.append([deed])
    except StorageUnavailable as problem:
        console.tell(f"Warning: this does not stand in the audit log: {problem}.")


def _user() -> str | None:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return None
