# -*- test-case-name: tests.terminal.test_chat -*-
"""A conversation on the screen, from the first sight of the composer to the farewell."""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define
from prompt_toolkit.input import Input
from prompt_toolkit.output import Output

from pocketagent.client.finding import NoSuchProject, find, is_path
from pocketagent.client.problems import Problem
from pocketagent.client.standing import Phase, Standing
from pocketagent.domain.access import Scope
from pocketagent.domain.agent import PermissionMode
from pocketagent.domain.events import ProjectState
from pocketagent.domain.refusals import Refusal
from pocketagent.domain.replies import AgentContext, AgentInfo
from pocketagent.domain.text import escaped
from pocketagent.terminal.composer import Words, composer, remembered
from pocketagent.terminal.conversation import Conversation
from pocketagent.terminal.desk import Desk
from pocketagent.terminal.person import Person
from pocketagent.terminal.prompts import Prompts
from pocketagent.terminal.questions import Questions
from pocketagent.terminal.screen import Screen
from pocketagent.terminal.slash import OURS
from pocketagent.terminal.view import View, mode_in_words
from pocketagent.wire.server import Message

if TYPE_CHECKING:
    from pocketagent.client.client import Client
    from pocketagent.client.connection import Dial
    from pocketagent.client.server import Server

HISTORY = 200
"""Messages that are looked at for what was said before."""
MAX_BEFORE = 30
"""Pieces of them that are shown."""
PATIENCE = 86400.0
"""Seconds for which a prompt waits for a connection: whoever writes it sees that there is none."""
HEAVY = ("pocketagent.terminal.drawing", "pocketagent.terminal.cards", "pocketagent.client.client")
"""What is imported when the composer stands on the screen already."""

LEFT, NO_CONNECTION, REFUSED = 0, 3, 4
"""How a chat ends: the exit codes of all commands that talk to a server (docs/operations.md, From scripts)."""


@define
class Terminal:
    """What the chat has of the terminal. `place`: the directory of the shell; `history`: the file in which prompts are
    remembered; `has_colour` and `has_unicode`: what may be drawn; `clock` and `now`: see `View`."""

    input: Input
    output: Output
    place: Path
    history: Path | None = None
    has_colour: bool = True
    has_unicode: bool = True
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time


class Chat:
    """One run of `pocketagent chat`. `wanted`: the project as the person named it, or a directory. `dial` is there for
    tests."""

    def __init__(
        self,
        server: "Server",
        wanted: str,
        terminal: Terminal,
        dial: "Dial | None" = None,
    ) -> None:
        self.farewell = ""
        self._server = server
        self._wanted = wanted
        self._terminal = terminal
        self._dial = dial
        self._following: asyncio.Task[None] | None = None
        self._next: ProjectState | None = None
        self._code = LEFT
        self._desk = desk = Desk(View(terminal.clock, terminal.now, terminal.has_unicode))
        self._prompts = Prompts(desk)
        self._questions = Questions(desk)
        self._person = Person(desk, self._prompts, self._questions, self._go)
        words = Words(
            lambda: {**OURS, **desk.commands, **OURS},
            {
                "/model": lambda: desk.models,
                "/mode": lambda: {mode.value: mode_in_words(mode) for mode in PermissionMode},
                "/project": lambda: desk.projects,
            },
        )
        buffer = composer(remembered(terminal.history), words, self._person.submit)
        is_plain = not terminal.has_colour
        desk.screen = Screen(buffer, desk.view, self._person, is_plain, terminal.input, terminal.output)

    async def run(self) -> int:
        """Until the person leaves, or there is nothing to stay for; the exit code. `farewell` says why."""
        talking = asyncio.create_task(self._talk())
        try:
            await self._desk.screen.run()
        finally:
            talking.cancel()
            await self._desk.leave()
            await asyncio.wait([talking])
        if not talking.cancelled():
            talking.result()
        return self._code

    async def _talk(self) -> None:
        desk = self._desk
        try:
            await desk.screen.stands.wait()
            missing = [name for name in HEAVY if name not in sys.modules]
            if missing:
                await asyncio.to_thread(lambda: [import_module(name) for name in missing])
            self._draw()
            from pocketagent.client import link
            from pocketagent.client.client import Client

            async with Client(self._server, self._stand, PATIENCE, dial=self._dial or link.dial) as client:
                desk.client = client
                project = await self._choose(client, self._wanted)
                while project is not None:
                    project = await self._stay(client, project)
        except NoSuchProject as problem:
            self._end(REFUSED, str(problem))
        except Problem as problem:
            self._end(NO_CONNECTION, str(problem))
        except Refusal as refusal:
            self._end(REFUSED, refusal.message)
        finally:
            desk.screen.close()

    def _draw(self, root: str = "", me: str = "") -> None:
        """From now on it can be drawn what stands above."""
        from pocketagent.terminal.drawing import Pen

        screen, terminal = self._desk.screen, self._terminal
        self._desk.take(
            Pen(
                width=screen.width,
                height=screen.height,
                color=terminal.has_colour,
                root=root,
                unicode=terminal.has_unicode,
                me=me,
            )
        )

    def _end(self, code: int, farewell: str) -> None:
        self._code, self.farewell = code, escaped(farewell)

    # -- a project --------------------------------------------------------------------------------------------

    async def _go(self, client: "Client", wanted: str) -> None:
        """To another project. Raises NoSuchProject, and then it stays where it is."""
        project = await self._choose(client, wanted)
        if project is not None and project.id == self._desk.project_id:
            self._desk.note(f"This is {project.name} already.")
        elif project is not None and self._following is not None:
            self._next = project
            self._following.cancel()

    async def _stay(self, client: "Client", project: ProjectState) -> ProjectState | None:
        """Show one project until it is over, or the person goes to another one: to which."""
        self._next = None
        self._following = following = asyncio.create_task(self._follow(client, project))
        try:
            await asyncio.wait([following])
        finally:
            following.cancel()
        if not following.cancelled():
            following.result()
        return self._next

    async def _follow(self, client: "Client", project: ProjectState) -> None:
        desk = self._desk
        self._begin(client, project)
        page = await client.get_messages(project.id, limit=HISTORY)
        before = [shown for message in reversed(page.messages) for shown in desk.conversation.hear(message)]
        if page.has_more or len(before) > MAX_BEFORE:
            desk.note(f"Earlier: pocketagent log {project.name}")
        for shown in before[-MAX_BEFORE:]:
            desk.write(shown)
        desk.conversation.seq = page.head_seq
        async with client.events(project.id, after_seq=page.head_seq, journal_id=page.journal_id) as events:
            desk.project_id = project.id
            self._look(client)
            self._prompts.send_all(client)
            async for message in events:
                self._heard(client, message)
        self._end(REFUSED, f"The project {project.name} was deleted.")

    async def _choose(self, client: "Client", wanted: str) -> ProjectState | None:
        """The project that the person meant; made, if they agree, where none is."""
        projects = await client.list_projects()
        self._desk.know(projects)
        place = os.path.realpath(self._terminal.place / wanted)
        try:
            return find(projects, wanted, place)
        except NoSuchProject:
            if not is_path(wanted) or not self._desk.may(Scope.ADMIN):
                raise
        if await self._questions.confirm(f"{place} is no project yet: make it one?"):
            return await client.create_project(place)
        return None

    def _begin(self, client: "Client", project: ProjectState) -> None:
        desk, line = self._desk, self._desk.view.status_line
        desk.project_id, desk.last = "", None
        desk.view.conversation = Conversation(name=project.name, path=project.path)
        line.cost_usd = line.total_tokens = line.max_tokens = None
        self._questions.forget()
        self._draw(project.path, client.established.device.name)
        if project.trust.state != "trusted":
            files = ", ".join(project.trust.files[:3])
            desk.note(f"This project's own files ({files}) would run something by themselves: left out. /trust")

    def _heard(self, client: "Client", message: Message) -> None:
        """A message of the project: shown, and what follows from it."""
        desk = self._desk
        was_at_work = desk.is_at_work
        if self._person.wants_raw:
            desk.screen.write(escaped(message.payload.decode(errors="replace")) + "\n")
        for shown in desk.conversation.hear(message):
            desk.write(shown)
        if message.type == "client_message":
            self._prompts.settle(message.data.get("prompt_id"))
        self._questions.show()
        if was_at_work and not desk.is_at_work:
            desk.hint("")
            self._look(client)
            desk.ask(client.acknowledge_messages(desk.project_id, desk.conversation.seq), quietly=True)
        desk.screen.refresh()

    def _look(self, client: "Client") -> None:
        """Ask what the events do not tell: commands, models, projects, how full the conversation is and what it has
        cost."""
        desk, line, project_id = self._desk, self._desk.view.status_line, self._desk.project_id

        def introduced(info: AgentInfo) -> None:
            desk.commands = {f"/{one.get('name')}": str(one.get("description") or "") for one in info.commands or ()}
            desk.models = {str(one.get("value")): str(one.get("displayName") or "") for one in info.models or ()}

        def measured(context: AgentContext) -> None:
            if project_id == desk.project_id:
                line.cost_usd = context.cost_usd
                line.total_tokens, line.max_tokens = context.total_tokens, context.max_tokens

        desk.ask(client.agent_info(project_id), introduced, quietly=True)
        desk.ask(client.agent_context(project_id), measured, quietly=True)
        desk.ask(client.list_projects(), desk.know, quietly=True)

    def _stand(self, standing: Standing) -> None:
        """The connection has changed."""
        desk, line = self._desk, self._desk.view.status_line
        before, line.standing = line.standing, standing
        line.retry_at = desk.view.clock() + standing.retry_in
        if before.phase is Phase.CONNECTED and standing.phase is Phase.WAITING:
            desk.note(f"{standing.reason} Trying again.")
        elif standing.phase is Phase.CONNECTED and before.reason:
            desk.note("Connected again.")
        desk.screen.refresh()
