# -*- test-case-name: tests.cli.test_trust -*-
"""`pocketagent trust`: what a project's own files would run is read, and approved, by a person on the machine."""

import argparse
import os
from pathlib import Path

from attrs import evolve

from pocketagent.cli.console import Console, Problem
from pocketagent.cli.data_directory import existing, told
from pocketagent.cli.recording import recorded
from pocketagent.domain.project import Project, Standing, Trust, judged
from pocketagent.domain.text import escaped
from pocketagent.outbound.directories.startup_parts import startup_parts
from pocketagent.outbound.files import ProjectFiles

SHOWN_LINES = 60
SHOWN_BYTES = 16 * 1024
"""Of each file that would run, to be read before it is approved."""


@told()
def approve(chosen: argparse.Namespace, console: Console) -> None:
    directory = existing(chosen, console)
    files = ProjectFiles(f"{directory}/projects")
    project = _project_at(files, chosen.path)
    trust = _standing(project, console)
    if trust.state is Standing.TRUSTED:
        how = "was approved as it is" if trust.files else "has nothing that would run by itself"
        console.tell(f"{project.path} {how}: it is trusted.")
        return
    if not trust.fingerprint:
        raise Problem(f"{project.path}: what would run there is too much, or cannot be read: it cannot be approved.")
    console.tell(f"When the agent starts in {escaped(project.path)}, these may run without a question:")
    for name in trust.files:
        _show(project.path, name, console)
    if not chosen.yes and not console.agrees("Approve them as they are now? [y/N] "):
        raise Problem("nothing was approved.")
    # Read again: what is approved is what was shown, and the server may have renamed the project meanwhile.
    if _standing(project, console).fingerprint != trust.fingerprint:
        raise Problem("these files changed meanwhile: nothing was approved, look at them again.")
    details = {"fingerprint": trust.fingerprint}
    with recorded(directory, console, "project_trust", project_id=project.id, details=details):
        files.save(evolve(_project_at(files, project.path), approved=trust.fingerprint))
    console.tell("Approved: from the next start of its process on, the agent works there with these parts.")


def _standing(project: Project, console: Console) -> Trust:
    home = console.environment.get("HOME") or str(Path.home())
    fingerprint, files = startup_parts(project.path, f"{home}/.claude")
    return judged(fingerprint, files, project.approved)


def _project_at(files: ProjectFiles, path: str) -> Project:
    real = os.path.realpath(path)
    for project in files.all():
        if project.path == real and not project.fault:
            return project
    raise Problem(f"there is no project {real}: create it from a client first.")


def _show(directory: str, name: str, console: Console) -> None:
    """A part by its name, or that it cannot be shown. A link and a file may be named alike: both are shown."""
    console.tell(f"\n  {escaped(name)}")
    paths = dict.fromkeys(Path(directory, each) for each in (name, name.removesuffix(" (a link)")))
    there = [path for path in paths if os.path.lexists(path)]
    if not there:
        console.tell("    (cannot be shown here: look at it yourself before you approve it)")
    for path in there:
        _show_file(path, console)


def _show_file(path: Path, console: Console) -> None:
    """The beginning of a file, so that nothing in it can act on the terminal."""
    try:
        if not path.is_file():
            return
        with path.open("rb") as file:
            text = file.read(SHOWN_BYTES + 1).decode(errors="replace")
    except OSError as error:
        console.tell(f"    (cannot be read: {error.strerror})")
        return
    lines = text.splitlines()
    for line in lines[:SHOWN_LINES]:
        console.tell(f"    | {escaped(line)}")
    if len(lines) > SHOWN_LINES or len(text) > SHOWN_BYTES:
        console.tell("    (more follows)")
