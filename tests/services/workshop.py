"""The services on memory, with an agent and connections that tests steer one step at a time."""

import json
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from secrets import token_hex
from typing import TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pocketagent.domain.access import Device, Scope, hash_of
from pocketagent.domain.agent import (
    Activity,
    Answer,
    Context,
    Ending,
    Introduction,
    Launch,
    PermissionMode,
    SessionNamed,
    Spoken,
    TurnResult,
    Utterance,
)
from pocketagent.domain.attachment import Enclosure
from pocketagent.domain.commands import Command, CreateProject, Execute, JoinProject
from pocketagent.domain.events import ProjectState
from pocketagent.domain.measures import Measures
from pocketagent.domain.message import Entry
from pocketagent.domain.notices import Hook
from pocketagent.domain.project import Project
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.replies import ExecutionAccepted, Reply
from pocketagent.outbound.memory import (
    MemoryAttachments,
    MemoryAudit,
    MemoryDevices,
    MemoryDirectories,
    MemoryPairings,
    MemoryPush,
    MemoryPushSubscriptions,
    MemorySightings,
    MemoryWebhook,
    MemoryWorkingTrees,
)
from pocketagent.ports import IAgent, IAgentListener, IBatch, IConnection, IHost, IRun, Usage
from pocketagent.services.assembly import Adapters, Rules, Services, assemble
from pocketagent.services.attachments import Room
from pocketagent.services.conversation import Conversation
from pocketagent.services.executions import Bounds
from pocketagent.services.runs import Terms
from tests.contracts import Here
from tests.services.steered import Gate, SteeredJournals, SteeredProjects

T = TypeVar("T")

SESSION = "11111111-2222-4333-8444-555555555555"
OK = TurnResult(b'{"type":"result"}', SESSION, False, False, 0, 0.5, ())
BUSY, AT_REST = Activity(b'{"busy":1}', True), Activity(b'{"busy":0}', False)
INIT = SessionNamed(b'{"type":"system","subtype":"init"}', SESSION)


@implementer(IConnection)
@define(eq=False)
class FakeConnection:
    """Remembers what it heard and was sent. `is_behind` is set by the test."""

    device: Device
    id: str = field(factory=lambda: str(uuid.uuid4()))
    is_behind: bool = False
    has_unsent: bool = False
    state: str = "AUTHENTICATED"
    connected_at: str = ""
    last_active: str = ""
    active: bool = True
    batches: list[IBatch] = field(factory=list)
    sent: list[dict[str, object]] = field(factory=list)
    closed: tuple[int, str] | None = None
    address: str = "192.0.2.7"

    def hear(self, batch: IBatch) -> None:
        self.batches.append(batch)

    def send(self, message: bytes) -> None:
        self.sent.append(json.loads(message))

    def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)

    def seqs(self) -> list[int]:
        return [item.seq for batch in self.batches for item in batch.items if isinstance(item, Entry)]

    def heard(self) -> list[str]:
        """The types of what it heard; partial output as `…`."""
        items = [item for batch in self.batches for item in batch.items]
        return [item.type if isinstance(item, Entry) else "…" for item in items]


@implementer(IRun)
@define(eq=False)
class FakeRun:
    """A process that does what the test says. Setting the model and confirming an interrupt pass a gate each."""

    launch: Launch
    listener: IAgentListener
    introduction: Introduction = field(factory=lambda: Introduction("2.1.330", [{"value": "opus"}], []))
    is_ending: bool = False
    prompts: list[tuple[str, str, str | None, PermissionMode]] = field(factory=list)
    enclosed: list[Sequence[Enclosure]] = field(factory=list)
    answers: list[tuple[str, Answer]] = field(factory=list)
    configured: list[tuple[str | None, PermissionMode | None]] = field(factory=list)
    interrupts: int = 0
    confirms: bool = True
    refuses: Refusal | None = None
    killed: bool = False
    stopped: bool = False
    setting: Gate = field(factory=Gate)
    confirming: Gate = field(factory=Gate)

    async def prompt(
        self, uuid: str, text: str, model: str | None, mode: PermissionMode, enclosures: Sequence[Enclosure] = ()
    ) -> None:
        await self.setting.through()
        if self.refuses is not None:
            raise self.refuses
        if self.is_ending:
            raise Refusal(Code.EXECUTION_FAILED, "The process ends.")
        self.prompts.append((uuid, text, model, mode))
        self.enclosed.append(enclosures)

    async def configure(self, model: str | None, mode: PermissionMode | None) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.configured.append((model, mode))

    def answer(self, permission_id: str, request: bytes, answer: Answer) -> None:
        self.answers.append((permission_id, answer))

    async def interrupt(self) -> bool:
        self.interrupts += 1
        await self.confirming.through()
        return self.confirms

    async def context(self) -> Context | None:
        return Context(1000, 200_000)

    async def stop(self) -> None:
        self.is_ending = self.stopped = True

    async def kill(self) -> None:
        self.is_ending = self.killed = True

    def says(self, *utterances: Utterance) -> Awaitable[None]:
        return self.listener.said(utterances)

    def dies(self, exit_code: int | None = 0, signal: int | None = None) -> None:
        self.is_ending = True
        self.listener.ended(Ending(exit_code, signal, "its last words"))


@implementer(IAgent)
@define(eq=False)
class FakeAgent:
    """Starts `FakeRun`s: at once, or when the test fires `starting` while `slow`."""

    available: bool = True
    fault: str = ""
    version: str | None = "2.1.330"
    slow: bool = False
    refuses: Refusal | None = None
    runs: list[FakeRun] = field(factory=list)
    starting: list[Deferred[None]] = field(factory=list)

    async def start(self, launch: Launch, listener: IAgentListener) -> FakeRun:
        if self.slow:
            self.starting.append(Deferred())
            await self.starting[-1]
        if self.refuses is not None:
            raise self.refuses
        self.runs.append(FakeRun(launch, listener))
        return self.runs[-1]


@implementer(IHost)
@define(eq=False)
class FakeHost:
    free: int | None = 10**12
    fault: str | None = ""
    used: Usage | None = field(factory=lambda: Usage(2000, 1.5))

    def memory_bytes(self) -> int:
        return 1000

    hangs: Callable[[], Awaitable[None]] | None = None

    async def free_bytes(self) -> int | None:
        if self.hangs is not None:
            await self.hangs()
        return self.free

    async def data_fault(self) -> str | None:
        if self.hangs is not None:
            await self.hangs()
        return self.fault

    async def usage(self) -> Usage | None:
        return self.used


def device(scope: Scope = Scope.ADMIN, name: str = "phone") -> Device:
    return Device(uuid.uuid4().hex[:16], name, scope, hash_of("secret"), 0.0)


def bounds(**changes: object) -> Bounds:
    known: dict[str, object] = {
        "prompt_size": 1000,
        "executions": 8,
        "timeout": 300.0,
        "timeout_max": 3600.0,
        "allow_bypass": False,
        "mcp_configs": {"tools": '{"mcpServers":{}}'},
    }
    return Bounds(**(known | changes))  # type: ignore[arg-type]  # the names and types are those of the table above


@define(eq=False)
class Workshop:
    """One server's services. `restart` makes them anew over the same stores, as after a crash."""

    clock: Clock = field(factory=Clock)
    projects: SteeredProjects = field(factory=SteeredProjects)
    devices: MemoryDevices = field(factory=MemoryDevices)
    directories: MemoryDirectories = field(factory=MemoryDirectories)
    trees: MemoryWorkingTrees = field(factory=MemoryWorkingTrees)
    agent: FakeAgent = field(factory=FakeAgent)
    host: FakeHost = field(factory=FakeHost)
    pairings: MemoryPairings = field(factory=MemoryPairings)
    sightings: MemorySightings = field(factory=MemorySightings)
    push_subscriptions: MemoryPushSubscriptions = field(factory=MemoryPushSubscriptions)
    push: MemoryPush = field(factory=MemoryPush)
    webhook: MemoryWebhook = field(factory=MemoryWebhook)
    hooks: Sequence[Hook] = ()
    bounds: Bounds = field(factory=bounds)
    attachments: MemoryAttachments = field(factory=MemoryAttachments)
    room: Room = field(factory=lambda: Room(size=100, count=3, total=200, days=7))
    warm_processes: int = 2
    warm_time: float = 600.0
    project_limit: int = 4
    faults: dict[str, Callable[[], str]] = field(factory=dict)
    measures: Measures = field(factory=Measures)
    audit: MemoryAudit = field(init=False)
    journals: SteeredJournals = field(init=False)
    services: Services = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.clock.advance(1_700_000_000)
        self.audit = MemoryAudit(self.clock.seconds)
        self.journals = SteeredJournals(self.clock.seconds, new_id)
        self.start()

    def start(self) -> None:
        rules = Rules(
            bounds=self.bounds,
            room=self.room,
            terms=Terms(None, PermissionMode.DEFAULT),
            projects=self.project_limit,
            queue=2,
            permission_timeout=60.0,
            warm_processes=self.warm_processes,
            warm_time=self.warm_time,
            push_after=5.0,
            hooks=self.hooks,
        )
        adapters = Adapters(
            Here(),
            self.attachments,
            self.projects,
            self.journals,
            self.devices,
            self.directories,
            self.trees,
            self.agent,
            self.host,
            self.pairings,
            self.sightings,
            self.audit,
            self.push_subscriptions,
            self.push,
            self.webhook,
        )
        self.services = assemble(
            adapters, rules, self.clock, self.clock.seconds, new_id, self.faults, self.measures, "0.1.0", token_hex
        )

    async def restart(self) -> None:
        """The server was killed; another one begins on what is stored."""
        for conversation in self.services.projects.conversations:
            conversation.forget()
        self.services.stop()
        self.journals.crash()
        self.agent = FakeAgent()
        self.start()
        await self.services.projects.load()

    def connect(self, scope: Scope = Scope.ADMIN, name: str = "phone") -> FakeConnection:
        connection = FakeConnection(device(scope, name))
        self.services.subscriptions.arrive(connection)
        return connection


def new_id() -> str:
    return str(uuid.uuid4())


class WorkshopCase(SynchronousTestCase):
    """A test with a workshop, an admin's connection and, on request, a project."""

    def setUp(self) -> None:
        self.shop = Workshop()
        self.asker = self.shop.connect()

    def ask(self, command: Command, asker: FakeConnection | None = None) -> Reply:
        """The one reply to a command."""
        (reply,) = self.ask_all(command, asker)
        return reply

    def ask_all(self, command: Command, asker: FakeConnection | None = None) -> Sequence[Reply]:
        return self.successResultOf(self.asking(command, asker))

    def asking(self, command: Command, asker: FakeConnection | None = None) -> Deferred[Sequence[Reply]]:
        return done(self.shop.services.dispatch.do(command, asker or self.asker))

    def refusal(self, command: Command, asker: FakeConnection | None = None) -> Refusal:
        failure = self.failureResultOf(self.asking(command, asker), Refusal)
        assert isinstance(failure.value, Refusal)
        return failure.value

    def project(self, path: str = "/home/me/work") -> str:
        """The id of a new project."""
        self.shop.directories.make(path)
        state = self.ask(CreateProject(path=path))
        assert isinstance(state, ProjectState)
        return state.id

    def conversation(self, project_id: str) -> Conversation:
        return self.shop.services.projects.conversation(project_id)

    def stored(self, project_id: str) -> Project | None:
        """What is kept of it beside its journal."""
        return self.successResultOf(done(self.shop.projects.get(project_id)))

    def join(self, project_id: str, after_seq: int | None = None) -> FakeConnection:
        """Another device that has joined."""
        connection = self.shop.connect(name="browser")
        self.ask_all(JoinProject(project_id=project_id, after_seq=after_seq), connection)
        self.shop.clock.advance(0)
        return connection

    def execute(self, project_id: str, prompt: str = "do it", **more: object) -> ExecutionAccepted:
        reply = self.ask(Execute(project_id=project_id, prompt=prompt, **more))  # type: ignore[arg-type]  # a test's own
        assert isinstance(reply, ExecutionAccepted)
        return reply

    @property
    def run_(self) -> FakeRun:
        """The newest process."""
        return self.shop.agent.runs[-1]

    def turn(self, *lines: bytes) -> None:
        """The agent works on what it was told, and rests."""
        self.run_.says(BUSY, INIT, *(Spoken(line) for line in lines), OK, AT_REST)


def done(work: Coroutine[Deferred[object], object, T]) -> Deferred[T]:
    return Deferred.fromCoroutine(work)
