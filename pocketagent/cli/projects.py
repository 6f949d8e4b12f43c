# -*- test-case-name: tests.end_to_end.test_commands -*-
"""`pocketagent projects`, `create`, `delete`, `interrupt`, `kill`: projects, and an end to what runs there."""

import argparse
import json

import attrs

from pocketagent.cli.console import Console, Problem
from pocketagent.cli.moments import local
from pocketagent.cli.remote import place, project, talk
from pocketagent.cli.table import table
from pocketagent.client import Client
from pocketagent.domain.events import ProjectState, State
from pocketagent.domain.project import Standing
from pocketagent.domain.text import escaped

COLOURS = {State.IDLE: "\x1b[32m", State.EXECUTING: "\x1b[33m", State.ERROR: "\x1b[31m"}
PLAIN = "\x1b[0m"


def show(chosen: argparse.Namespace, console: Console) -> None:
    found = talk(chosen, console, Client.list_projects)
    if chosen.json:
        print(json.dumps([attrs.asdict(one) for one in found], indent=2), file=console.out)
        return
    if not found:
        console.tell("There is no project yet: `pocketagent create PATH` makes one of a directory.")
        return
    newest_first = sorted(found, key=lambda one: one.last_active, reverse=True)
    rows = [(one.name, one.state, one.path, local(one.last_active), one.id) for one in newest_first]
    head, *lines = table(("NAME", "STATE", "PATH", "LAST ACTIVE", "ID"), rows)
    is_bright = console.out.isatty() and "NO_COLOR" not in console.environment
    print(head, file=console.out)
    for line, one in zip(lines, newest_first, strict=True):
        begins, state, ends = line.partition(f" {one.state} ")
        print(f"{begins}{COLOURS[one.state]}{state}{PLAIN}{ends}" if is_bright else line, file=console.out)


def create(chosen: argparse.Namespace, console: Console) -> None:
    """A project of a directory of the server's machine; its id on stdout."""
    path = chosen.path if chosen.path.startswith("/") else place(chosen.path)
    made = talk(chosen, console, lambda client: client.create_project(path, chosen.name, chosen.trust))
    print(made.id, file=console.out)
    if made.trust.state is Standing.UNTRUSTED:
        _untrusted(made, console)


def _untrusted(made: ProjectState, console: Console) -> None:
    console.tell(f"{escaped(made.path)} has parts that would run without a question when the agent starts there:")
    for name in made.trust.files:
        console.tell(f"  {escaped(name)}")
    console.tell(
        "The agent works there without them until somebody approves them as they are now. Read them first, then"
    )
    console.tell("  on the server's machine:  pocketagent trust PATH        (which shows them)")
    if made.trust.fingerprint:
        console.tell(f"  from here, when creating: --trust {made.trust.fingerprint}")


def delete(chosen: argparse.Namespace, console: Console) -> None:
    async def ask(client: Client) -> ProjectState:
        return await project(client, chosen.project)

    found = talk(chosen, console, ask)
    what = f"{escaped(found.name)} ({escaped(found.path)})"
    if not chosen.yes and not console.agrees(
        f"Delete the project {what}? Its history goes, its directory stays. [y/N] "
    ):
        raise Problem("nothing was deleted.")
    talk(chosen, console, lambda client: client.delete_project(found.id))
    console.tell(f"{what} is deleted; its directory is as it was.")


def interrupt(chosen: argparse.Namespace, console: Console) -> int:
    async def work(client: Client) -> bool:
        return await client.interrupt((await project(client, chosen.project)).id)

    if talk(chosen, console, work):
        console.tell("The turn is interrupted.")
        return 0
    console.tell("The agent has not answered yet. `pocketagent kill` ends it in any case.")
    return 1


def kill(chosen: argparse.Namespace, console: Console) -> None:
    async def work(client: Client) -> None:
        await client.kill((await project(client, chosen.project)).id)

    talk(chosen, console, work)
    console.tell("The turn is killed, with all that it had started.")
