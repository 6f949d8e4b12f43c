# -*- test-case-name: tests.end_to_end.test_commands -*-
"""`pocketagent stats` and `pocketagent health`: how a server is."""

import argparse
import json

import attrs

from pocketagent.cli.console import Console
from pocketagent.cli.moments import local
from pocketagent.cli.remote import talk
from pocketagent.cli.table import table
from pocketagent.client import Client
from pocketagent.domain.replies import Condition, HealthStatus, ServerStats
from pocketagent.domain.text import escaped

MIB = 1024 * 1024
CLEAR = "\x1b[H\x1b[2J"


def stats(chosen: argparse.Namespace, console: Console) -> None:
    if not chosen.watch:
        _show(talk(chosen, console, Client.server_stats), chosen.json, console)
        return

    async def watch(client: Client) -> None:
        _show(await client.server_stats(), chosen.json, console)
        async for found in client.watch_stats():
            if console.out.isatty() and not chosen.json:
                console.out.write(CLEAR)
            _show(found, chosen.json, console)
            console.out.flush()

    talk(chosen, console, watch)


def _show(found: ServerStats, is_json: bool, console: Console) -> None:
    """As JSON it is one line, so that a program can watch."""
    if is_json:
        print(json.dumps(attrs.asdict(found)), file=console.out, flush=True)
        return
    in_words = {"error": "in error"}
    projects = ", ".join(f"{number} {escaped(in_words.get(state, state))}" for state, number in found.projects.items())
    rows = [
        ("up for", _duration(found.uptime)),
        ("connections", f"{found.connections}, with {found.subscriptions} subscriptions"),
        ("projects", projects or "none"),
        ("prompts that wait", str(found.queued)),
        ("agents kept warm", str(found.warm_processes)),
        ("journals", f"{found.journal_bytes / MIB:.1f} MiB"),
        ("memory", f"{found.memory_bytes / MIB:.1f} MiB"),
        ("late by", f"{found.reactor_delay_ms:.1f} ms"),
    ]
    for name, text in rows:
        print(f"{name:18} {text}", file=console.out)
    if found.connection_states:
        cells = [
            (one.device, one.state, local(one.connected_at), str(one.subscriptions)) for one in found.connection_states
        ]
        print("\n".join(("", *table(("DEVICE", "STATE", "SINCE", "SUBSCRIPTIONS"), cells))), file=console.out)


def health(chosen: argparse.Namespace, console: Console) -> int:
    return show_health(talk(chosen, console, Client.health_check), chosen.json, console)


def show_health(found: HealthStatus, is_json: bool, console: Console) -> int:
    """The exit code: 1 when it is unhealthy."""
    if is_json:
        print(json.dumps(attrs.asdict(found), indent=2), file=console.out)
    else:
        rows = [(name, one.status, one.detail or "", one.reason or "") for name, one in found.checks.items()]
        print("\n".join((found.status, "", *table(("CHECK", "STATUS", "FOUND", "WHY"), rows))), file=console.out)
    return 1 if found.status is Condition.UNHEALTHY else 0


def _duration(seconds: float) -> str:
    minutes, hours, days = seconds // 60 % 60, seconds // 3600 % 24, seconds // 86400
    return f"{days:.0f} d {hours:.0f} h {minutes:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"
