# -*- test-case-name: tests.terminal.test_chat -*-
"""A conversation on the screen: what the server says is shown, what the person does is asked of the server."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from attrs import define, field
from prompt_toolkit.input import Input
from prompt_toolkit.output import Output

from pocketagent.client.finding import NoSuchProject, find, is_path
from pocketagent.client.problems import Problem
from pocketagent.client.standing import Phase, Standing
from pocketagent.domain.access import Scope
from pocketagent.domain.agent import PermissionMode
from pocketagent.domain.commands import Options
from pocketagent.domain.events import ProjectState, State
from pocketagent.domain.refusals import Refusal
from pocketagent.domain.replies import AgentContext, AgentInfo
from pocketagent.domain.text import escaped
from pocketagent.terminal.composer import Words, composer, remembered
from pocketagent.terminal.conversation import Conversation
from pocketagent.terminal.screen import Screen
from pocketagent.terminal.shown import Called, Notice, Shown
from pocketagent.terminal.slash import HELP, OURS, Slash, slash
from pocketagent.terminal.view import View, mode_in_words
from pocketagent.wire.server import Message

if TYPE_CHECKING:
    from pocketagent.client.client import Client
    from pocketagent.client.link import Server
    from pocketagent.terminal.cards import Answer, Card

HISTORY = 200
"""Messages that are looked at for what was said before."""
MAX_BEFORE = 30
"""Pieces of them that are shown."""
PATIENCE = 86400.0
"""Seconds for which a prompt waits for a connection: whoever writes it sees that there is none."""
MODES = (PermissionMode.DEFAULT, PermissionMode.ACCEPT_EDITS, PermissionMode.PLAN)
"""Those that Tab goes through."""
MAX_EXPANDED = 400
"""Lines of a call's output that Ctrl-O shows at most."""
HEAVY = ("pocketagent.client.client", "pocketagent.terminal.drawing", "pocketagent.terminal.cards")
"""What is imported when the composer stands on the screen already."""

LEFT, NO_CONNECTION, REFUSED = 0, 3, 4
"""How a chat ends: the exit codes of all commands that talk to a server."""

T = TypeVar("T")


@define
class Terminal:
    """What the chat has of the terminal. `place`: the directory of the shell; `history`: the file in which prompts are
    remembered; `has_colour` and `has_unicode`: what may be drawn."""

    input: Input
    output: Output
    place: Path
    history: Path | None = None
    has_colour: bool = True
    has_unicode: bool = True


@define(eq=False)
class Pending:
    """A prompt on its way to the server."""

    text: str
    prompt_id: str = field(factory=lambda: str(uuid.uuid4()))


class Chat:
    """One run of `pocketagent chat`. `wanted`: the project as the person named it, or a directory."""

    def __init__(self, server: "Server", wanted: str, terminal: Terminal) -> None:
        self.farewell = ""
        self._server = server
        self._wanted: str | None = wanted
        self._terminal = terminal
        self._client: Client | None = None
        self._project_id = ""
        self._question_id = ""
        self._confirming: asyncio.Future[bool] | None = None
        self._pending: list[Pending] = []
        self._last: Called | None = None
        self._interrupted: str | None = None
        self._is_raw = False
        self._models: Mapping[str, str] = {}
        self._commands: Mapping[str, str] = {}
        self._projects: Mapping[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._following: asyncio.Task[None] | None = None
        self._code = LEFT
        self._view = View(time.monotonic, time.time, terminal.has_unicode)
        arguments: Mapping[str, Callable[[], Mapping[str, str]]] = {
            "/model": lambda: self._models,
            "/mode": lambda: {mode.value: mode_in_words(mode) for mode in PermissionMode},
            "/project": lambda: self._projects,
        }
        words = Words(lambda: {**OURS, **self._commands}, arguments)
        buffer = composer(remembered(terminal.history), words, self._submit)
        self._screen = Screen(buffer, self._view, self, not terminal.has_colour, terminal.input, terminal.output)

    async def run(self) -> int:
        """Until the person leaves, or there is nothing to stay for; the exit code. `farewell` says why."""
        talking = asyncio.create_task(self._talk())
        try:
            await self._screen.run()
        finally:
            for task in [talking, *self._tasks]:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await talking
        return self._code

    # -- the conversation -------------------------------------------------------------------------------------

    @property
    def _conversation(self) -> Conversation:
        return self._view.conversation

    async def _talk(self) -> None:
        try:
            await self._screen.stands.wait()
            await asyncio.to_thread(lambda: [import_module(name) for name in HEAVY])
            from pocketagent.client.client import Client

            async with Client(self._server, self._stand, PATIENCE) as client:
                self._client = client
                while self._wanted is not None:
                    self._following = asyncio.create_task(self._follow(client, self._wanted))
                    self._wanted = None
                    with contextlib.suppress(asyncio.CancelledError):
                        await self._following
        except NoSuchProject as problem:
            self._end(REFUSED, str(problem))
        except Problem as problem:
            self._end(NO_CONNECTION, str(problem))
        except Refusal as refusal:
            self._end(REFUSED, refusal.message)
        finally:
            self._screen.close()

    def _end(self, code: int, farewell: str) -> None:
        self._code, self.farewell = code, escaped(farewell)

    async def _follow(self, client: "Client", wanted: str) -> None:
        """Show one project until it is over, or the person goes to another one."""
        project = await self._choose(client, wanted)
        if project is None:
            return
        self._begin(client, project)
        page = await client.get_messages(project.id, limit=HISTORY)
        before = [shown for message in reversed(page.messages) for shown in self._conversation.hear(message)]
        if page.has_more or len(before) > MAX_BEFORE:
            self._note(f"Earlier: pocketagent log {project.name}")
        for shown in before[-MAX_BEFORE:]:
            self._write(shown)
        self._look(client)
        async with client.events(project.id, after_seq=page.head_seq, journal_id=page.journal_id) as events:
            self._project_id = project.id
            for pending in self._pending:
                self._send(client, pending)
            async for message in events:
                self._heard(client, message)
        self._end(LEFT, f"The project {project.name} was deleted.")

    async def _choose(self, client: "Client", wanted: str) -> ProjectState | None:
        """The project that the person meant; made, if they agree, where none is."""
        projects = await client.list_projects()
        self._projects = {project.name: project.path for project in projects}
        place = str((self._terminal.place / wanted).resolve())
        try:
            return find(projects, wanted, place)
        except NoSuchProject:
            if not is_path(wanted) or Scope.ADMIN not in client.established.device.scopes:
                raise
        if await self._confirm(f"{place} is no project yet: make it one?"):
            return await client.create_project(place)
        return None

    def _begin(self, client: "Client", project: ProjectState) -> None:
        from pocketagent.terminal.drawing import Pen

        self._project_id = ""
        self._question_id, self._view.asks = "", None
        self._view.conversation = Conversation(name=project.name, path=project.path)
        self._view.pen = Pen(
            width=self._screen.width,
            height=self._screen.height,
            color=self._terminal.has_colour,
            root=project.path,
            unicode=self._terminal.has_unicode,
            me=client.established.device.name,
        )
        if project.trust.state != "trusted":
            files = ", ".join(project.trust.files[:3])
            self._note(f"This project's own files ({files}) would run something by themselves: left out. /trust")

    def _heard(self, client: "Client", message: Message) -> None:
        """A message of the project: shown, and what follows from it."""
        was_at_work = self._conversation.state is State.EXECUTING
        if self._is_raw:
            self._screen.write(escaped(message.payload.decode(errors="replace")) + "\n")
        for shown in self._conversation.hear(message):
            self._write(shown)
        if message.type == "client_message":
            self._settle(message.data.get("prompt_id"))
        self._show_card()
        if was_at_work and self._conversation.state is not State.EXECUTING:
            self._interrupted = None
            self._view.hint("")
            self._look(client)
            self._ask(client.acknowledge_messages(self._project_id, self._conversation.seq))
        self._screen.refresh()

    def _look(self, client: "Client") -> None:
        """Ask what the events do not tell: commands, models, how full the conversation is."""

        def introduced(info: AgentInfo) -> None:
            self._commands = {f"/{one.get('name')}": str(one.get("description") or "") for one in info.commands or ()}
            self._models = {str(one.get("value")): str(one.get("displayName") or "") for one in info.models or ()}

        def measured(context: AgentContext) -> None:
            line = self._view.status_line
            line.cost_usd, line.total_tokens = context.cost_usd, context.total_tokens
            line.max_tokens = context.max_tokens

        self._ask(client.agent_info(self._project_id or None), introduced, quietly=True)
        if self._project_id:
            self._ask(client.agent_context(self._project_id), measured, quietly=True)

    def _stand(self, standing: Standing) -> None:
        """The connection has changed."""
        line = self._view.status_line
        before, line.standing = line.standing, standing
        line.retry_at = time.monotonic() + standing.retry_in
        if before.phase is Phase.CONNECTED and standing.phase is Phase.WAITING:
            self._note(f"{standing.reason} Trying again.")
        elif standing.phase is Phase.CONNECTED and before.reason:
            self._note("Connected again: nothing was missed.")
        self._screen.refresh()

    def _ask(
        self, asked: Coroutine[object, object, T], use: Callable[[T], None] | None = None, quietly: bool = False
    ) -> None:
        """Ask the server without waiting; what it says no to is told, but quietly."""

        async def ask() -> None:
            try:
                answer = await asked
                if use is not None:
                    use(answer)
            except (Refusal, Problem) as problem:
                if not quietly:
                    self._note(problem.message if isinstance(problem, Refusal) else str(problem))
            self._screen.refresh()

        task = asyncio.create_task(ask())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- what is written --------------------------------------------------------------------------------------

    def _write(self, shown: Shown) -> None:
        if isinstance(shown, Called):
            self._last = shown
        pen = self._view.pen
        if pen is not None:
            pen.width, pen.height = self._screen.width, self._screen.height
            self._screen.write(pen.shown(shown))

    def _note(self, text: str, *lines: str) -> None:
        self._write(Notice(text, lines))

    # -- prompts ----------------------------------------------------------------------------------------------

    def _submit(self, text: str) -> None:
        """The person has written something."""
        command = slash(text)
        if command is not None:
            self._obey(command)
            return
        pending = Pending(text)
        self._pending.append(pending)
        self._view.sending = [one.text for one in self._pending]
        if self._client is not None and self._project_id:
            self._send(self._client, pending)

    def _send(self, client: "Client", pending: Pending) -> None:
        async def send() -> None:
            options = Options(permission_mode=self._view.mode, model=self._view.model)
            try:
                await client.execute(self._project_id, pending.text, options, queue=True, prompt_id=pending.prompt_id)
            except (Refusal, Problem):
                if not self._screen.composer.text:
                    self._screen.composer.text = pending.text  # so that nothing that was written is lost
                raise
            finally:
                self._settle(pending.prompt_id)

        self._ask(send())

    def _settle(self, prompt_id: object) -> None:
        """The server knows of this prompt, or will not have it."""
        self._pending = [one for one in self._pending if one.prompt_id != prompt_id]
        self._view.sending = [one.text for one in self._pending]

    # -- questions --------------------------------------------------------------------------------------------

    def _show_card(self) -> None:
        """The oldest question that is open has the card."""
        from pocketagent.terminal.cards import card_of

        questions = {} if self._conversation.is_replaying else self._conversation.questions
        if self._question_id in questions:
            return
        question = next(iter(questions.values()), None)
        had_card = self._view.asks is not None
        if question is None:
            self._question_id, self._view.asks = "", None
            if had_card:
                self._screen.ask(False)
            return
        may_answer = self._client is not None and Scope.EXECUTE in self._client.established.device.scopes
        self._question_id = question.permission_id
        self._view.asks = card_of(question, may_answer, self._conversation.path)
        self._screen.ask(True)

    def _answer(self, answer: "Answer") -> None:
        if self._client is None:
            return
        client, project_id, question_id = self._client, self._project_id, self._question_id

        async def send() -> None:
            try:
                await client.request(answer.command(project_id, question_id))
            except (Refusal, Problem):
                self._question_id, self._view.asks = "", None  # it is shown again if it is still open
                self._show_card()
                raise

        self._view.asks = None
        self._screen.ask(False)
        self._ask(send())

    async def _confirm(self, question: str) -> bool:
        """A question of our own: y or n."""
        self._view.confirms = question
        self._confirming = asyncio.get_running_loop().create_future()
        self._screen.ask(True)
        try:
            return await self._confirming
        finally:
            self._view.confirms, self._confirming = "", None
            self._screen.ask(False)

    # -- Keyboard ---------------------------------------------------------------------------------------------

    def is_moving(self) -> bool:
        line = self._view.status_line
        at_work = self._conversation.state is State.EXECUTING and self._view.asks is None
        return at_work or line.standing.phase is not Phase.CONNECTED or bool(line.hint)

    def interrupt(self) -> None:
        """First the turn is interrupted, then all of it is killed; without one, what was written is thrown away."""
        if self._client is not None and self._project_id and self._conversation.state is State.EXECUTING:
            if self._interrupted == self._conversation.execution_id:
                self._view.hint("Killing the agent …")
                self._ask(self._client.kill(self._project_id))
            else:
                self._interrupted = self._conversation.execution_id
                self._view.hint("Interrupting … Ctrl-C again kills the agent and all it started.")
                self._ask(self._client.interrupt(self._project_id))
        elif self._screen.composer.text:
            self._screen.composer.reset()
        else:
            self._view.hint("Ctrl-D leaves.")
        self._screen.refresh()

    def leave(self) -> None:
        self._screen.close()

    def cycle_mode(self) -> None:
        at = MODES.index(self._view.mode) if self._view.mode in MODES else 0
        self._set_mode(MODES[(at + 1) % len(MODES)])

    def expand(self) -> None:
        """All of the last call's output, as far as it is bearable."""
        if self._last is None or self._view.pen is None:
            self._view.hint("No tool was used yet.")
        else:
            self._screen.write(self._view.pen.whole(self._last, MAX_EXPANDED))
        self._screen.refresh()

    def press(self, key: str) -> None:
        if self._confirming is not None:
            if key.lower() in ("y", "n") and not self._confirming.done():
                self._confirming.set_result(key.lower() == "y")
            return
        card = self._view.asks
        if card is None:
            return
        if key == "tab" and card.entry is None:
            self._screen.answering = False
            self._view.hint("Esc goes back to the question.")
        elif (answer := card.press(key)) is not None:
            self._answer(answer)
        else:
            self._follow_entry(card)
        self._screen.refresh()

    def submit_entry(self, text: str) -> None:
        card = self._view.asks
        if card is not None:
            answer = card.submit(text)
            if answer is not None:
                self._answer(answer)
            else:
                self._follow_entry(card)

    def _follow_entry(self, card: "Card") -> None:
        """Give the person something to write in while the card wants it."""
        self._screen.want(card.entry.text if card.entry else None)

    # -- commands of the terminal's own -----------------------------------------------------------------------

    def _obey(self, command: Slash) -> None:
        match command.name, command.rest:
            case "/quit", _:
                self._screen.close()
            case "/help", _:
                self._note("Keys and commands", *HELP.splitlines(), *(f"{name:10} {OURS[name]}" for name in OURS))
            case "/json", _:
                self._is_raw = not self._is_raw
                self._note("Raw messages are shown." if self._is_raw else "Raw messages are no longer shown.")
            case "/mode", mode:
                self._choose_mode(mode)
            case "/model", model:
                self._view.model = model or None
                self._configure(model=model or None)
            case "/project", name if name:
                self._wanted = name
                if self._following is not None:
                    self._following.cancel()
            case name, rest if self._client is not None and self._project_id:
                self._obey_with(self._client, name, rest)
            case name, _:
                self._note(f"{name} needs a connection: there is none yet.")

    def _obey_with(self, client: "Client", name: str, rest: str) -> None:
        """Those that ask the server."""
        match name:
            case "/new":
                self._ask(client.new_session(self._project_id))
            case "/kill":
                self._ask(client.kill(self._project_id))
            case "/projects" | "/project":
                self._ask(client.list_projects(), self._list)
            case "/queue":
                waiting = [f"{at}. {one.prompt}" for at, one in enumerate(self._conversation.waiting.values(), start=1)]
                self._note("The queue" if waiting else "Nothing waits.", *waiting)
            case "/drop":
                waiting = list(self._conversation.waiting)
                if rest.isdecimal() and 1 <= int(rest) <= len(waiting):
                    self._ask(client.remove_from_queue(self._project_id, waiting[int(rest) - 1]))
                else:
                    self._note("Say which: /drop 1; /queue shows them.")
            case "/trust":
                self._ask(self._trust(client))

    def _list(self, projects: Sequence[ProjectState]) -> None:
        self._projects = {project.name: project.path for project in projects}
        lines = (f"{one.state:9} {one.name}  {one.path}" for one in projects)
        self._note("Projects; /project NAME goes to one", *lines)

    async def _trust(self, client: "Client") -> None:
        """Show what would run, and approve exactly that."""
        (project,) = (one for one in await client.list_projects() if one.id == self._project_id)
        if project.trust.state == "trusted":
            self._note("Nothing here runs by itself that was not approved.")
            return
        self._note(
            "These files may run something by themselves when the agent starts; look at them:", *project.trust.files
        )
        if await self._confirm("Approve them as they are now?"):
            await client.trust_project(self._project_id, project.trust.fingerprint)
            self._note("Approved: from the next start of its process on, the agent works with them.")

    def _choose_mode(self, text: str) -> None:
        if text in set(PermissionMode):
            self._set_mode(PermissionMode(text))
        else:
            self._note(f"The modes are {', '.join(PermissionMode)}: /mode plan")

    def _set_mode(self, mode: PermissionMode) -> None:
        self._view.mode = mode
        self._configure(permission_mode=mode)

    def _configure(self, model: str | None = None, permission_mode: PermissionMode | None = None) -> None:
        """What was chosen holds for the next prompt, and for what runs now."""
        running = self._conversation.state is State.EXECUTING
        if running and self._client is not None and (model or permission_mode):
            self._ask(self._client.configure(self._project_id, model, permission_mode))
        self._screen.refresh()
