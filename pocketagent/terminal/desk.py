# -*- test-case-name: tests.terminal.test_chat -*-
"""What the parts of a chat share: the server, the project, the picture, the screen; and how a server is asked."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from attrs import define, field

from pocketagent.client.problems import Problem
from pocketagent.client.standing import Phase
from pocketagent.domain.access import Scope
from pocketagent.domain.events import ProjectState, State
from pocketagent.domain.refusals import Refusal
from pocketagent.terminal.conversation import Conversation
from pocketagent.terminal.screen import Screen
from pocketagent.terminal.shown import Called, Notice, Shown
from pocketagent.terminal.view import View

if TYPE_CHECKING:
    from pocketagent.client.client import Client
    from pocketagent.terminal.drawing import Pen

T = TypeVar("T")


@define(eq=False)
class Desk:
    """`client` and `project_id` are there while a project is joined. `last`: the call of a tool that was shown last.
    `commands`, `models` and `projects`: what can be said to the agent and the terminal, each with what it means."""

    view: View
    screen: Screen = field(init=False)
    client: "Client | None" = None
    project_id: str = ""
    last: Called | None = None
    commands: Mapping[str, str] = field(factory=dict)
    models: Mapping[str, str] = field(factory=dict)
    projects: Mapping[str, str] = field(factory=dict)
    _undrawn: list[Shown] = field(factory=list)
    _tasks: set["asyncio.Task[None]"] = field(factory=set)

    @property
    def conversation(self) -> Conversation:
        return self.view.conversation

    @property
    def is_at_work(self) -> bool:
        return self.conversation.state is State.EXECUTING

    @property
    def is_connected(self) -> bool:
        """Whether the project can be told something now."""
        return bool(self.project_id) and self.view.status_line.standing.phase is Phase.CONNECTED

    def may(self, scope: Scope) -> bool:
        return self.client is not None and scope in self.client.established.device.scopes

    def take(self, pen: "Pen") -> None:
        """Draw with this one from now on; and what was to be shown before there was any."""
        self.view.pen = pen
        undrawn, self._undrawn = self._undrawn, []
        for shown in undrawn:
            self.write(shown)

    def write(self, shown: Shown) -> None:
        """Show what stands from now on."""
        if isinstance(shown, Called):
            self.last = shown
        pen = self.view.pen
        if pen is None:
            self._undrawn.append(shown)
        else:
            pen.resize(self.screen.width, self.screen.height)
            self.screen.write(pen.shown(shown))

    def know(self, projects: Sequence[ProjectState]) -> None:
        """These are the projects that there are."""
        self.projects = {project.name: project.path for project in projects}

    def note(self, text: str, *lines: str) -> None:
        self.write(Notice(text, lines))

    def hint(self, text: str) -> None:
        self.view.hint(text)
        self.screen.refresh()

    def ask(
        self, asked: Coroutine[object, object, T], use: Callable[[T], None] | None = None, quietly: bool = False
    ) -> None:
        """Ask the server without waiting; what comes in the way is told, but quietly."""

        async def ask() -> None:
            try:
                answer = await asked
                if use is not None:
                    use(answer)
            except (Refusal, Problem) as problem:
                if not quietly:
                    self.note(problem.message if isinstance(problem, Refusal) else str(problem))
            self.screen.refresh()

        task = asyncio.create_task(ask())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def leave(self) -> None:
        """Wait for nothing any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
