# -*- test-case-name: tests.cli.test_completing -*-
"""What a shell may put in when its user presses Tab: within a second, and nothing when something is wrong."""

import argparse
import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pocketagent.cli.console import config_dir
from pocketagent.client import Client
from pocketagent.client.profiles import Profile, Profiles
from pocketagent.domain.events import ProjectState
from pocketagent.domain.text import escaped

DEADLINE = 1.0
"""Seconds. Over it, a person at a prompt goes on typing."""


def profiles(prefix: str, **_more: object) -> Sequence[str]:
    return [name for name in _profiles().names() if name.startswith(prefix)]


def projects(prefix: str, parsed_args: argparse.Namespace, **_more: object) -> Sequence[str]:
    """The names of projects; and their ids, once one has been begun."""
    found: list[ProjectState] = []

    def ask() -> None:
        with suppress(Exception):  # whatever it is: a shell has no place to say it
            profile = _profiles().get(getattr(parsed_args, "profile", None))
            found.extend(asyncio.run(asyncio.wait_for(_list(profile), DEADLINE)))

    # A look-up of a host's name cannot be called off: whoever waits for it is left behind.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(DEADLINE)
    names = [one.name for one in found if one.name.startswith(prefix) and one.name == escaped(one.name)]
    return names + [one.id for one in found if prefix and one.id.startswith(prefix)]


async def _list(profile: Profile) -> Sequence[ProjectState]:
    async with Client(profile.server) as client:
        return await client.list_projects()


def _profiles() -> Profiles:
    return Profiles(Path(config_dir()))
