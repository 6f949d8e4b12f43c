# -*- test-case-name: tests.end_to_end.test_commands -*-
"""`pocketagent profiles`: which servers are known."""

import argparse
import json

from pocketagent import client
from pocketagent.cli.console import Console
from pocketagent.cli.remote import NOT_DONE, profiles, told
from pocketagent.cli.table import table
from pocketagent.client.profiles import CONNECT_FIRST, Profile, Profiles


def show(chosen: argparse.Namespace, console: Console) -> None:
    """All of them, never a token."""
    kept = profiles(console)
    with told(NOT_DONE):
        default = kept.default()
    rows = [_row(kept, name, name == default) for name in kept.names()]
    if chosen.json:
        keys = ("name", "default", "url", "known_by", "problem")
        print(json.dumps([dict(zip(keys, row, strict=True)) for row in rows], indent=2), file=console.out)
    elif not rows:
        console.tell(CONNECT_FIRST)
    else:
        cells = [
            [name, "*" if is_default else "", "(cannot be used)" if problem else url, how]
            for name, is_default, url, how, problem in rows
        ]
        print("\n".join(table(("NAME", "DEFAULT", "SERVER", "KNOWN BY"), cells)), file=console.out)
        for *_, problem in rows:
            if problem:
                console.tell(problem)


def remove(chosen: argparse.Namespace, console: Console) -> None:
    with told(NOT_DONE):
        profiles(console).remove(chosen.name)
    console.tell(f"{chosen.name} is forgotten here. `pocketagent token revoke` on the server's machine ends its token.")


def choose(chosen: argparse.Namespace, console: Console) -> None:
    with told(NOT_DONE):
        profiles(console).choose(chosen.name)


def _row(kept: Profiles, name: str, is_default: bool) -> tuple[str, bool, str, str, str | None]:
    try:
        profile = kept.get(name)
    except client.Problem as problem:
        return name, is_default, "", "", str(problem)
    return name, is_default, profile.url, _known_by(profile), None


def _known_by(profile: Profile) -> str:
    if profile.url.startswith("ws:"):
        return "this machine"
    return profile.fingerprint or profile.ca or "the system's CAs"
