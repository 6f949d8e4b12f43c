# -*- test-case-name: tests.terminal.test_chat -*-
"""What the person does: keys, prompts, and the commands of the terminal's own."""

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING

from attrs import define

from pocketagent.client.standing import Phase
from pocketagent.domain.agent import PermissionMode
from pocketagent.domain.events import ProjectState
from pocketagent.domain.options import Options
from pocketagent.domain.refusals import Refusal
from pocketagent.terminal.desk import Desk
from pocketagent.terminal.prompts import Prompts
from pocketagent.terminal.questions import Questions
from pocketagent.terminal.slash import HELP, OURS, Slash, slash

if TYPE_CHECKING:
    from pocketagent.client.client import Client

MODES = (PermissionMode.DEFAULT, PermissionMode.ACCEPT_EDITS, PermissionMode.PLAN)
"""Those that Tab goes through."""
MAX_DIGITS = 9
"""Digits of what may be the number of a prompt."""
MAX_EXPANDED = 400
"""Lines of a call's output that Ctrl-O shows at most."""


@define(eq=False)
class Person:
    """`go` leads to another project, or raises why not. `wants_raw`: the raw messages are to be shown, too."""

    desk: Desk
    prompts: Prompts
    questions: Questions
    go: "Callable[[Client, str], Coroutine[object, object, None]]"
    wants_raw: bool = False
    _interrupted: str | None = None

    # -- Keyboard ---------------------------------------------------------------------------------------------

    def submit(self, text: str) -> None:
        command = slash(text)
        if command is None:
            self.prompts.add(text)
        else:
            self._obey(command)

    def interrupt(self) -> None:
        """First the turn is interrupted, then all of it is killed; without one, what was written is thrown away."""
        desk = self.desk
        if desk.client is not None and desk.is_at_work:
            if not desk.is_connected:
                desk.hint("There is no connection: the agent goes on.")
            elif self._interrupted == desk.conversation.execution_id:
                desk.hint("Killing the agent …")
                desk.ask(desk.client.kill(desk.project_id))
            else:
                self._interrupted = desk.conversation.execution_id
                desk.hint("Interrupting … Ctrl-C again kills the agent and all it started.")
                desk.ask(desk.client.interrupt(desk.project_id))
        elif desk.screen.composer.text:
            desk.screen.composer.reset()
        else:
            desk.hint("Ctrl-D leaves.")

    def leave(self) -> None:
        self.desk.screen.close()

    def suspend(self) -> None:
        self.desk.screen.suspend()

    def cycle_mode(self) -> None:
        mode = self.desk.view.mode
        at = MODES.index(mode) if mode in MODES else 0
        self._set_mode(MODES[(at + 1) % len(MODES)])

    def expand(self) -> None:
        """All of the last call, as far as it is bearable."""
        last, pen = self.desk.last, self.desk.view.pen
        if last is None or pen is None:
            self.desk.hint("No tool was used yet.")
        else:
            pen.resize(self.desk.screen.width, self.desk.screen.height)
            self.desk.screen.write(pen.whole(last, MAX_EXPANDED))

    def press(self, key: str) -> None:
        self.questions.press(key)
        self.desk.screen.refresh()

    def submit_entry(self, text: str) -> None:
        self.questions.submit(text)

    def is_moving(self) -> bool:
        line = self.desk.view.status_line
        is_busy = self.desk.is_at_work and self.desk.view.asks is None
        return is_busy or line.standing.phase is not Phase.CONNECTED or bool(line.hint)

    # -- commands of the terminal's own -----------------------------------------------------------------------

    def _obey(self, command: Slash) -> None:
        desk = self.desk
        match command.name, command.rest:
            case "/quit", _:
                self.leave()
            case "/help", _:
                desk.note("Keys and commands", *HELP.splitlines(), *(f"{name:10} {OURS[name]}" for name in OURS))
            case "/json", _:
                self.wants_raw = not self.wants_raw
                desk.note("Raw messages are shown." if self.wants_raw else "Raw messages are no longer shown.")
            case "/mode", mode if mode in set(PermissionMode):
                self._set_mode(PermissionMode(mode))
            case "/mode", _:
                desk.note(f"The modes are {', '.join(PermissionMode)}: /mode plan")
            case "/model", model:
                self._set_model(model or None)
            case "/queue", _:
                waiting = desk.conversation.waiting.values()
                lines = [f"{at}. {one.prompt}" for at, one in enumerate(waiting, start=1)]
                desk.note("The queue" if lines else "Nothing waits.", *lines)
            case name, rest if desk.client is not None and desk.is_connected:
                self._obey_with(desk.client, name, rest)
            case name, _:
                desk.note(f"{name} needs a connection, and there is none now.")

    def _obey_with(self, client: "Client", name: str, rest: str) -> None:
        """Those that ask the server."""
        desk = self.desk
        waiting = [*desk.conversation.waiting]
        match name:
            case "/new":
                desk.ask(client.new_session(desk.project_id))
            case "/kill":
                desk.ask(client.kill(desk.project_id))
            case "/project" if rest:
                desk.ask(self.go(client, rest))
            case "/projects" | "/project":
                desk.ask(client.list_projects(), self._list)
            case "/drop" if len(rest) <= MAX_DIGITS and rest.isdecimal() and 1 <= int(rest) <= len(waiting):
                desk.ask(client.remove_from_queue(desk.project_id, waiting[int(rest) - 1]))
            case "/drop":
                desk.note("Say which: /drop 1; /queue shows them.")
            case "/trust":
                desk.ask(self._trust(client))

    def _list(self, projects: Sequence[ProjectState]) -> None:
        self.desk.know(projects)
        self.desk.note("Projects", *(f"{one.state:9} {one.name}  {one.path}" for one in projects))

    async def _trust(self, client: "Client") -> None:
        """Show what would run, and approve exactly that."""
        desk, project_id = self.desk, self.desk.project_id
        projects = await client.list_projects()
        trust = next((one.trust for one in projects if one.id == project_id), None)
        if trust is None or trust.state == "trusted":
            desk.note("Nothing here runs by itself that was not approved.")
            return
        desk.note("These files may run something by themselves when the agent starts; read them first:", *trust.files)
        if await self.questions.confirm("Approve them as they are now?"):
            await client.trust_project(project_id, trust.fingerprint)
            desk.note("Approved: from the next start of its process on, the agent works with them.")

    def _set_mode(self, mode: PermissionMode) -> None:
        self.desk.view.mode = mode
        self._configure(permission_mode=mode)

    def _set_model(self, model: str | None) -> None:
        try:
            Options(model=model)
        except Refusal as refusal:
            self.desk.note(refusal.message)
        else:
            self.desk.view.model = model
            self._configure(model=model)

    def _configure(self, model: str | None = None, permission_mode: PermissionMode | None = None) -> None:
        """What was chosen holds for the next prompts, and for what runs now."""
        desk = self.desk
        if desk.is_at_work and desk.is_connected and desk.client is not None and (model or permission_mode):
            desk.ask(desk.client.configure(desk.project_id, model, permission_mode))
        desk.screen.refresh()
