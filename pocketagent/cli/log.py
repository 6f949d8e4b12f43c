# -*- test-case-name: tests.end_to_end.test_commands -*-
"""`pocketagent log`: what was said in a project, and what is said from now on."""

import argparse
import json
from collections import deque

from pocketagent.cli.console import Console
from pocketagent.cli.entries import lines
from pocketagent.cli.moments import local, moment
from pocketagent.cli.output import for_reader, json_for_reader
from pocketagent.cli.remote import project, talk
from pocketagent.client import Client, Message, Phase, Standing
from pocketagent.domain.commands import MAX_PAGE, Order
from pocketagent.domain.replies import ProjectJoined, Replay
from pocketagent.wire.server import value

DIM, PLAIN = "\x1b[2m", "\x1b[0m"
WHO = 12
"""Columns at least for who says it."""


def log(chosen: argparse.Namespace, console: Console) -> None:
    since = moment(chosen.since, console.now()) if chosen.since else None
    printed = _Printed(chosen, console)

    async def work(client: Client) -> None:
        found = await project(client, chosen.project)
        if chosen.limit is None:
            journal_id, seq = await _show_all(client, found.id, since, printed)
        else:
            journal_id, seq = await _show_last(client, found.id, since, chosen.limit, printed)
        console.out.flush()
        if chosen.follow:
            await _follow(client, found.id, seq, journal_id, printed)

    def stands(standing: Standing) -> None:
        if standing.phase is Phase.WAITING and chosen.follow:
            console.tell(f"{standing.reason} Trying again …")

    talk(chosen, console, work, stands)


async def _show_all(client: Client, project_id: str, since: str | None, printed: "_Printed") -> tuple[str, int]:
    """Everything, the oldest first, page by page; the journal's id, and the number of the event that was the last."""
    after = 0
    while True:
        page = await client.get_messages(project_id, since=since, after_seq=after, limit=MAX_PAGE, order=Order.ASC)
        for message in page.messages:
            after = message.seq or after
            printed.show(message)
        if not page.has_more or not page.messages:
            return page.journal_id, max(after, page.head_seq)


async def _show_last(
    client: Client, project_id: str, since: str | None, limit: int, printed: "_Printed"
) -> tuple[str, int]:
    """The newest ones of which something is shown, in their order; the journal's id, and the newest number."""
    found: deque[Message] = deque()
    first = page = await client.get_messages(project_id, since=since, limit=MAX_PAGE)
    while True:
        for message in page.messages:
            if printed.is_shown(message) and len(found) < limit:
                found.appendleft(message)
        if len(found) >= limit or not page.has_more or not page.messages:
            break
        before = page.messages[-1].seq
        page = await client.get_messages(project_id, since=since, before_seq=before, limit=MAX_PAGE)
    for message in found:
        printed.show(message)
    return first.journal_id, first.head_seq


async def _follow(client: Client, project_id: str, seq: int, journal_id: str, printed: "_Printed") -> None:
    """Go on where the pages ended, until the project is deleted."""
    async with client.events(project_id, seq, journal_id) as events:
        async for message in events:
            told = value(message) if message.request_id is not None else None
            if isinstance(told, ProjectJoined) and told.replay is Replay.GAP:
                printed.console.tell(
                    "Some events are no longer kept, or others took their place: all that is kept follows."
                )
            elif message.seq is not None:
                printed.show(message)
                printed.console.out.flush()


class _Printed:
    """How events are shown: for a person, or as JSON."""

    def __init__(self, chosen: argparse.Namespace, console: Console) -> None:
        self.console = console
        self._is_json = chosen.json
        self._is_bright = console.out.isatty() and "NO_COLOR" not in console.environment

    def is_shown(self, message: Message) -> bool:
        return self._is_json or bool(lines(message))

    def show(self, message: Message) -> None:
        out = self.console.out
        if self._is_json:
            out.write(f"{json_for_reader(_json(message), out)}\n")
            return
        for line in lines(message):
            head = f"{local(message.timestamp, 'seconds')}  {for_reader(line.who, out):{WHO}}  "
            text = for_reader(line.text.rstrip("\n"), out).replace("\n", "\n" + " " * len(head))
            if self._is_bright:
                head = f"{DIM}{head}{PLAIN}"
                text = f"{DIM}{text}{PLAIN}" if line.is_mild else text
            out.write(f"{head}{text}\n")


def _json(message: Message) -> str:
    """The event as the server tells it live; one of a page is written anew, in the same form."""
    if message.payload:
        return message.payload.decode(errors="replace")
    event = {"type": message.type, "project_id": message.project_id, "seq": message.seq}
    return json.dumps(event | {"timestamp": message.timestamp, "data": message.data}, separators=(",", ":"))
