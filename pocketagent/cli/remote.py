# -*- test-case-name: tests.end_to_end.test_commands -*-
"""What every command that talks to a server does alike: the profile, the connection, the project, and the exit code of
what goes wrong."""

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pocketagent.cli.console import Console, Problem
from pocketagent.client import problems
from pocketagent.client.finding import NoSuchProject, find
from pocketagent.client.profiles import Profiles
from pocketagent.client.standing import Standing
from pocketagent.domain.events import ProjectState
from pocketagent.domain.refusals import Refusal
from pocketagent.wire.server import Unintelligible

if TYPE_CHECKING:
    from pocketagent.client import Client

NOT_DONE, MISUNDERSTOOD, NO_CONNECTION, REFUSED = 1, 2, 3, 4
"""Exit codes (docs/operations.md, From scripts)."""

T = TypeVar("T")


@contextmanager
def told(code: int = NO_CONNECTION) -> Iterator[None]:
    """What comes between this device and its server is the person's to know: as a Problem with its exit code."""
    try:
        yield
    except NoSuchProject as problem:
        raise Problem(str(problem), REFUSED) from None
    except (problems.Problem, Unintelligible) as problem:
        raise Problem(str(problem), code) from None
    except Refusal as refusal:
        raise Problem(refusal.message, REFUSED) from None


def profiles(console: Console) -> Profiles:
    return Profiles(Path(console.config_dir()))


def talk(
    chosen: argparse.Namespace,
    console: Console,
    work: "Callable[[Client], Awaitable[T]]",
    on_standing: Callable[[Standing], None] = lambda standing: None,
) -> T:
    """Do this with a connection to the server of the chosen profile. Raises Problem."""
    from pocketagent.client import Client

    async def connected() -> T:
        async with Client(profile.server, on_standing) as connection:
            return await work(connection)

    with told():
        profile = profiles(console).get(chosen.profile)
        return asyncio.run(connected())


async def project(connection: "Client", text: str) -> ProjectState:
    """The project that a person calls so. Raises NoSuchProject."""
    return find(await connection.list_projects(), text, place(text))


def place(text: str) -> str:
    """What it is as a path on this machine."""
    try:
        return os.path.realpath(Path(text).expanduser())
    except (OSError, RuntimeError, ValueError):  # the working directory is gone, there is no home, there is a NUL in it
        return text
