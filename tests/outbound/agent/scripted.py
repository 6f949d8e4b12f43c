"""The adapter with the scripted CLI in a directory of its own, and a listener that can be waited for."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from pocketagent.domain.agent import (
    Activity,
    BackgroundTasks,
    Ending,
    Launch,
    LaunchOptions,
    Overlong,
    PermissionAsked,
    PermissionMode,
    PermissionWithdrawn,
    SessionNamed,
    Spoken,
    TurnResult,
    Utterance,
    Words,
)
from pocketagent.domain.message import Partial
from pocketagent.outbound.agent.claude import Claude
from pocketagent.outbound.threads import Threads
from pocketagent.ports import IAgentListener, IRun, IThreads

CLI = Path(__file__).parents[2] / "scripted_cli.py"


def message(utterance: Utterance) -> Mapping[str, object]:
    """The object on an utterance's line; empty for what has none."""
    match utterance:
        case Spoken(line) | SessionNamed(line) | TurnResult(line) | Activity(line) | BackgroundTasks(line):
            said: Mapping[str, object] = json.loads(line)
            return said
        case Partial(line):
            return {"type": "stream_event", **json.loads(line)}
        case PermissionAsked() | PermissionWithdrawn() | Overlong() | Words():
            return {}


@implementer(IAgentListener)
class Listener:
    """Keeps all that it hears. `hold`: it is not ready for more until `go_on`."""

    def __init__(self) -> None:
        self.heard: list[Utterance] = []
        self.batches = 0
        self.ending: Ending | None = None
        self.hold = False
        self._held: list[Deferred[None]] = []
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []

    async def said(self, utterances: Sequence[Utterance]) -> None:
        assert self.ending is None, "heard after the end"
        self.heard += utterances
        self.batches += 1
        self._look()
        if self.hold:
            held: Deferred[None] = Deferred()
            self._held.append(held)
            await held

    def ended(self, ending: Ending) -> None:
        assert self.ending is None, "ended twice"
        self.ending = ending
        self._look()

    def go_on(self) -> None:
        self.hold = False
        held, self._held = self._held, []
        for waiting in held:
            waiting.callback(None)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until it has heard enough for this."""
        if not is_so():
            waiting: Deferred[None] = Deferred()
            self._waiting.append((is_so, waiting))
            await waiting

    async def rest(self, turns: int = 1) -> None:
        """Wait for the end of so many turns."""
        await self.until(lambda: sum(isinstance(u, Activity) and not u.busy for u in self.heard) >= turns)

    async def end(self) -> Ending:
        await self.until(lambda: self.ending is not None)
        assert self.ending is not None
        return self.ending

    async def find(self, **fields: object) -> Mapping[str, object]:
        """Wait for a message with these fields."""
        await self.until(lambda: bool(self.all(**fields)))
        return self.all(**fields)[0]

    def all(self, **fields: object) -> Sequence[Mapping[str, object]]:
        return [said for said in map(message, self.heard) if fields.items() <= said.items()]

    def _look(self) -> None:
        for each in list(self._waiting):
            is_so, waiting = each
            if is_so():
                self._waiting.remove(each)
                waiting.callback(None)


class AgentTestCase(TestCase):
    """Each test has a home, a project's directory and a CLI of its own; nothing that it starts outlives it."""

    timeout = 60

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.home = self.folder / "home"
        self.project = self.folder / "project"
        for each in (self.home, self.project):
            each.mkdir(parents=True)
        self.program = self.folder / "claude"
        self.program.write_text(f"#!{sys.executable} -S\n{CLI.read_text()}")
        self.program.chmod(0o755)
        self.ours = {"HOME": str(self.home), "PATH": "/usr/bin:/bin"}
        self.scratch = self.folder / "scratch"

    def threads(self) -> IThreads:
        return Threads(reactor, reactor.getThreadPool())  # type: ignore[arg-type, attr-defined]

    def claude(self, **changes: object) -> Claude:
        plain: dict[str, object] = {
            "reactor": reactor,
            "threads": self.threads(),
            "path": str(self.program),
            "ours": self.ours,
            "scratch": str(self.scratch),
        }
        return Claude(**(plain | changes))  # type: ignore[arg-type]

    def launch(self, options: LaunchOptions | None = None, resume: bool = False, trusted: bool = True) -> Launch:
        found = self.project.stat()
        return Launch(
            run_id=str(uuid4()),
            project_id=str(uuid4()),
            path=str(self.project),
            identity=(found.st_dev, found.st_ino),
            session_id=str(uuid4()),
            resume=resume,
            trusted=trusted,
            options=options or LaunchOptions(),
        )

    async def start(
        self, claude: Claude | None = None, launch: Launch | None = None, starting: str = ""
    ) -> tuple[IRun, Listener]:
        """Start a process, which is killed at the end of the test if it still lives."""
        if starting:
            (self.project / ".scripted_cli").write_text(starting)
        listener = Listener()
        run = await (claude or self.claude()).start(launch or self.launch(), listener)
        self.addCleanup(self._end, run, listener)
        return run, listener

    def _end(self, run: IRun, listener: Listener) -> "Deferred[None]":
        async def end() -> None:
            listener.go_on()
            await run.kill()
            await listener.end()

        return Deferred.fromCoroutine(end())

    async def prompt(self, run: IRun, text: str, mode: PermissionMode = PermissionMode.DEFAULT) -> None:
        await run.prompt(str(uuid4()), text, None, mode, ())
