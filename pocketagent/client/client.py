# -*- test-case-name: tests.client.test_client -*-
"""A client: requests as methods, subscriptions as iterators, over a connection that is made again when it is lost.

Everything that comes is understood in one task, in the order in which it came, and nothing there waits: so a reply
never overtakes an event, and a subscriber that is slow holds up nobody.
"""

import asyncio
import contextlib
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Protocol, TypeVar

from attrs import define, field
from websockets.exceptions import ConnectionClosed

from pocketagent.client import link
from pocketagent.client.link import Server
from pocketagent.client.problems import ConnectionLost, NotMyServer, Problem, TurnedAway, Unreachable
from pocketagent.client.standing import Phase, Standing, waits
from pocketagent.client.subscription import Subscription
from pocketagent.domain import commands
from pocketagent.domain.agent import Behavior, PermissionMode
from pocketagent.domain.commands import Command, Options, Order, PermissionUpdate
from pocketagent.domain.events import (
    AgentConfigured,
    PermissionResolved,
    ProcessKilled,
    ProjectState,
    PromptDropped,
    SessionReset,
)
from pocketagent.domain.message import Direction
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.replies import (
    AgentContext,
    AgentInfo,
    AgentInterrupted,
    ConnectionEstablished,
    ExecutionAccepted,
    HealthStatus,
    ProjectDeleted,
    ProjectListed,
    ServerStats,
)
from pocketagent.wire import server as wire
from pocketagent.wire.server import Message, Page, Unintelligible

PATIENCE = 60.0
"""Seconds that a request may take, a time without a connection included."""
GREETING_TIMEOUT = 10.0
MAX_UNDER_WAY = 32
"""Requests at once: half of what the server takes before it stops reading (docs/protocol.md, Rates)."""
MAX_WATCHED = 10_000
"""Changes of projects, or figures, that wait for whoever watches: the oldest are dropped."""
STEADY = 10.0
"""Seconds after which a connection was a good one: the waits before new tries begin anew."""

CREDENTIAL_GONE, SLOW_DOWN = 4401, 4429
"""Close codes of the server (docs/protocol.md)."""

REPEATABLE = (
    *(commands.ListProjects, commands.GetMessages, commands.GetAgentInfo, commands.GetContext, commands.CheckHealth),
    *(commands.GetStats, commands.JoinProject, commands.LeaveProject, commands.AcknowledgeMessages),
)
"""Asked again on the next connection when the reply was lost: they change nothing. So is a prompt with an id."""

T = TypeVar("T")


class Link(Protocol):
    """A WebSocket, as far as a client needs one."""

    async def send(self, message: str) -> None: ...

    async def recv(self, decode: bool | None = None) -> str | bytes: ...

    async def close(self) -> None: ...


@define(eq=False)
class _Asked:
    """A request that has no answer yet. `state`: the first of the two replies to a join."""

    request_id: str
    command: Command
    answer: "asyncio.Future[Message]"
    subscription: Subscription | None = None
    is_sent: bool = False
    state: Message | None = None

    @property
    def is_repeatable(self) -> bool:
        if isinstance(self.command, commands.Execute):
            return self.command.prompt_id is not None
        return isinstance(self.command, REPEATABLE)


@define(eq=False)
class Client:
    """A connection to a server that lasts: lost, it is made again, and everything goes on where it was.

        async with Client(server) as client:
            project = await client.create_project("/home/ada/code/app")
            async with client.events(project.id, after_seq=0) as events:
                await client.execute(project.id, "Run the tests.")
                async for message in events:
                    ...

    Entering raises Unreachable, NotMyServer or TurnedAway. From then on a request raises `Refusal` when the server says
    no, ConnectionLost when it was under way as the connection ended and must not be asked twice, Unreachable when it
    has no answer after `patience` seconds, and TurnedAway once this device has lost its right to come in.

    `on_standing` hears of every change of the connection. `dial`, `random` and `sleep` are there for tests.
    """

    server: Server
    on_standing: Callable[[Standing], None] = field(default=lambda standing: None)
    patience: float = PATIENCE
    dial: Callable[[Server], Awaitable[Link]] = link.dial
    random: Callable[[], float] = random.random
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    standing: Standing = field(default=Standing(Phase.CLOSED), init=False)
    established: ConnectionEstablished = field(init=False)
    _link: Link | None = field(default=None, init=False)
    _asked: dict[str, _Asked] = field(factory=dict, init=False)
    _subscriptions: dict[str, Subscription] = field(factory=dict, init=False)
    _watchers: "dict[asyncio.Queue[Message | None], Command]" = field(factory=dict, init=False)
    _unsent: asyncio.Event = field(factory=asyncio.Event, init=False)
    _room: asyncio.Semaphore = field(factory=lambda: asyncio.Semaphore(MAX_UNDER_WAY), init=False)
    _keeper: "asyncio.Task[None] | None" = field(default=None, init=False)
    _problem: Exception | None = field(default=None, init=False)

    # -- the connection ---------------------------------------------------------------------------------------

    async def __aenter__(self) -> "Client":
        self._stand(Standing(Phase.CONNECTING))
        try:
            opened = await self._open()
        except Problem as problem:
            self._stand(Standing(Phase.CLOSED, str(problem)))
            raise
        self._link = opened
        self._keeper = asyncio.create_task(self._keep(opened))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connection; what waits for an answer hears that."""
        opened, self._link = self._link, None
        self._end(ConnectionLost("This client was closed."))
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        if opened is not None:
            await opened.close()

    async def _open(self) -> Link:
        """A connection on which the server has said who we are."""
        opened = await self.dial(self.server)
        try:
            async with asyncio.timeout(GREETING_TIMEOUT):
                greeting = wire.decode(_bytes(await opened.recv(decode=False)))
            self.established = wire.value_of(greeting, ConnectionEstablished)
        except (TimeoutError, ConnectionClosed):
            await opened.close()
            raise Unreachable("The server took the connection and then said nothing.") from None
        except Unintelligible as problem:
            await opened.close()
            raise Unreachable(str(problem)) from None
        return opened

    async def _keep(self, opened: Link) -> None:
        """Read and write; when that ends, make a new connection and go on, until there is no use in trying."""
        loop = asyncio.get_running_loop()
        pauses = waits(self.random)
        try:
            while True:
                since = loop.time()
                writer = asyncio.create_task(self._write(opened))
                self._stand(Standing(Phase.CONNECTED))
                try:
                    reason = await self._read(opened)
                finally:
                    writer.cancel()
                self._lost(reason)
                if loop.time() - since > STEADY:
                    pauses = waits(self.random)
                opened = self._link = await self._again(reason, pauses)
                self._resume()
        except (TurnedAway, NotMyServer) as problem:
            self._end(problem)
        finally:
            self._end(ConnectionLost("This client has come to its end."))

    async def _again(self, reason: str, pauses: "Iterator[float]") -> Link:
        """Try until it works. Raises TurnedAway or NotMyServer."""
        while True:
            pause = next(pauses)
            self._stand(Standing(Phase.WAITING, reason, pause))
            await self.sleep(pause)
            self._stand(Standing(Phase.CONNECTING, reason))
            try:
                return await self._open()
            except (TurnedAway, NotMyServer):
                raise
            except Problem as problem:
                reason = str(problem)

    async def _read(self, opened: Link) -> str:
        """Understand what comes until the connection ends; why it did. Raises TurnedAway."""
        try:
            while True:
                self._hear(wire.decode(_bytes(await opened.recv(decode=False))))
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else 0
            if code == CREDENTIAL_GONE:
                raise TurnedAway(
                    "This device may no longer come in: it was revoked, or its token has expired.", "revoked"
                ) from None
            return _REASONS.get(code, "The connection was lost.")
        except Unintelligible as problem:
            await opened.close()
            return str(problem)

    def _lost(self, reason: str) -> None:
        """The connection is gone: what must not be asked twice has failed, all else waits for the next one."""
        self._link = None
        for request_id, asked in list(self._asked.items()):
            asked.state = None
            if asked.is_sent and not asked.is_repeatable:
                del self._asked[request_id]
                _fail(asked.answer, ConnectionLost(f"{reason} Whether the server did what was asked is not known."))
            elif asked.subscription is not None:
                del self._asked[request_id]  # which is joined anew with all others
            else:
                asked.is_sent = False

    def _resume(self) -> None:
        """Subscribe again, each from where it is; what was not answered is asked again by the writer."""
        for subscription in self._subscriptions.values():
            if not subscription.is_behind:
                self._put(subscription.command, subscription)
        for command in dict.fromkeys(self._watchers.values()):
            self._put(command)

    async def _write(self, opened: Link) -> None:
        """Send what was not sent yet, in the order in which it was asked."""
        with contextlib.suppress(ConnectionClosed):  # which the reader is told as well
            while True:
                self._unsent.clear()
                for request_id, asked in list(self._asked.items()):
                    if not asked.is_sent and request_id in self._asked:
                        asked.is_sent = True
                        if isinstance(asked.command, commands.AcknowledgeMessages):
                            del self._asked[request_id]  # which has no reply
                        await opened.send(wire.request(asked.command, request_id).decode())
                await self._unsent.wait()

    def _end(self, problem: Exception) -> None:
        """There will be no more connection."""
        if self._problem is not None:
            return
        self._problem = problem
        self._link = None
        for asked in self._asked.values():
            _fail(asked.answer, problem)
        self._asked.clear()
        for subscription in list(self._subscriptions.values()):
            subscription.end(problem)
        for watcher in self._watchers:
            _offer(watcher, None)
        self._stand(Standing(Phase.CLOSED, str(problem)))

    def _stand(self, standing: Standing) -> None:
        self.standing = standing
        self.on_standing(standing)

    # -- what comes -------------------------------------------------------------------------------------------

    def _hear(self, message: Message) -> None:
        if message.request_id is not None:
            self._answered(message, message.request_id)
            return
        if message.type in ("project_state", "project_deleted", "server_stats") and message.seq is None:
            for watcher in self._watchers:
                _offer(watcher, message)
        subscription = self._subscriptions.get(message.project_id or "")
        if subscription is not None and not subscription.hear(message):
            # Let go until it has been read: the journal has it all.
            self._put(commands.LeaveProject(project_id=subscription.project_id))

    def _answered(self, message: Message, request_id: str) -> None:
        asked = self._asked.get(request_id)
        if asked is None:
            return
        if isinstance(asked.command, commands.JoinProject) and message.type == "project_state":
            asked.state = message
            return
        del self._asked[request_id]
        subscription = asked.subscription
        if subscription is not None and self._subscriptions.get(subscription.project_id) is subscription:
            if message.type == "error":
                subscription.end(wire.refusal(message))
            elif asked.state is not None:
                subscription.joined(asked.state, message)
        if not asked.answer.done():
            asked.answer.set_result(message)

    # -- requests ---------------------------------------------------------------------------------------------

    async def request(self, command: Command) -> Message:
        """Ask anything; the reply as it came. The methods below do this for one kind of command each.

        Raises Refusal, ConnectionLost, Unreachable, TurnedAway or NotMyServer.
        """
        try:
            async with asyncio.timeout(self.patience), self._room:
                while True:
                    message = await self._answer(command)
                    if message.type != "error":
                        return message
                    refusal = wire.refusal(message)
                    if refusal.code is not Code.RATE_LIMITED:
                        raise refusal
                    pause = refusal.details.get("retry_after")
                    await self.sleep(float(pause) if isinstance(pause, int | float) else 1.0)
        except TimeoutError:
            where = self.standing.reason or "The server did not answer."
            raise Unreachable(f"{where} Nothing came of it within {self.patience:.0f} seconds.") from None

    async def _answer(self, command: Command) -> Message:
        asked = self._put(command)
        try:
            return await asked.answer
        finally:
            self._asked.pop(asked.request_id, None)

    def _put(self, command: Command, subscription: Subscription | None = None) -> _Asked:
        """To be sent as soon as there is a connection. Raises what this client has ended with, and Refusal for what
        the server would not read."""
        if self._problem is not None:
            raise self._problem
        asked = _Asked(str(uuid.uuid4()), command, asyncio.get_running_loop().create_future(), subscription)
        size = len(wire.request(command, asked.request_id))
        bound = self.established.limits.get("message_size", size)
        if size > bound:
            raise Refusal(Code.MESSAGE_TOO_LARGE, f"This is {size} bytes long, and the server takes {bound}.")
        self._asked[asked.request_id] = asked
        self._unsent.set()
        return asked

    async def _typed(self, command: Command, kind: type[T]) -> T:
        return wire.value_of(await self.request(command), kind)

    async def list_projects(self) -> Sequence[ProjectState]:
        return (await self._typed(commands.ListProjects(), ProjectListed)).projects

    async def create_project(self, path: str, name: str | None = None, trust: str | None = None) -> ProjectState:
        return await self._typed(commands.CreateProject(path=path, name=name, trust=trust), ProjectState)

    async def update_project(
        self, project_id: str, name: str | None = None, archived: bool | None = None
    ) -> ProjectState:
        command = commands.UpdateProject(project_id=project_id, name=name, archived=archived)
        return await self._typed(command, ProjectState)

    async def trust_project(self, project_id: str, fingerprint: str) -> ProjectState:
        return await self._typed(
            commands.TrustProject(project_id=project_id, fingerprint=fingerprint), ProjectState
        )  # fmt: skip

    async def delete_project(self, project_id: str) -> None:
        await self._typed(commands.DeleteProject(project_id=project_id), ProjectDeleted)

    async def execute(
        self,
        project_id: str,
        prompt: str,
        options: Options = commands.NO_OPTIONS,
        queue: bool = False,
        prompt_id: str | None = None,
    ) -> ExecutionAccepted:
        """Give the agent work. `prompt_id`, a UUID, makes a prompt run at most once, however often it is sent; it has
        one in any case, so that a connection which dies meanwhile makes no difference."""
        command = commands.Execute(
            project_id=project_id, prompt=prompt, options=options, queue=queue, prompt_id=prompt_id or str(uuid.uuid4())
        )
        return await self._typed(command, ExecutionAccepted)

    async def remove_from_queue(self, project_id: str, execution_id: str) -> PromptDropped:
        command = commands.RemoveFromQueue(project_id=project_id, execution_id=execution_id)
        return await self._typed(command, PromptDropped)

    async def configure(
        self, project_id: str, model: str | None = None, permission_mode: PermissionMode | None = None
    ) -> AgentConfigured:
        command = commands.Configure(project_id=project_id, model=model, permission_mode=permission_mode)
        return await self._typed(command, AgentConfigured)

    async def interrupt(self, project_id: str) -> bool:
        """End the running turn; whether the agent has confirmed that."""
        return (await self._typed(commands.Interrupt(project_id=project_id), AgentInterrupted)).confirmed

    async def kill(self, project_id: str) -> ProcessKilled:
        return await self._typed(commands.Kill(project_id=project_id), ProcessKilled)

    async def new_session(self, project_id: str) -> SessionReset:
        return await self._typed(commands.NewSession(project_id=project_id), SessionReset)

    async def allow(
        self,
        project_id: str,
        permission_id: str,
        updated_input: Mapping[str, object] | None = None,
        updated_permissions: Sequence[PermissionUpdate] = (),
    ) -> PermissionResolved:
        command = commands.AnswerPermission(
            project_id=project_id,
            permission_id=permission_id,
            behavior=Behavior.ALLOW,
            updated_input=updated_input,
            updated_permissions=tuple(updated_permissions),
        )
        return await self._typed(command, PermissionResolved)

    async def deny(
        self, project_id: str, permission_id: str, message: str = "", interrupt: bool = False
    ) -> PermissionResolved:
        command = commands.AnswerPermission(
            project_id=project_id,
            permission_id=permission_id,
            behavior=Behavior.DENY,
            message=message,
            interrupt=interrupt,
        )
        return await self._typed(command, PermissionResolved)

    async def acknowledge_error(self, project_id: str) -> ProjectState:
        return await self._typed(commands.AcknowledgeError(project_id=project_id), ProjectState)

    async def get_messages(
        self,
        project_id: str,
        *,
        since: str | None = None,
        until: str | None = None,
        after_seq: int | None = None,
        before_seq: int | None = None,
        limit: int = 100,
        direction: Direction | None = None,
        types: Sequence[str] | None = None,
        order: Order = Order.DESC,
    ) -> Page:
        command = commands.GetMessages(
            project_id=project_id,
            since=since,
            until=until,
            after_seq=after_seq,
            before_seq=before_seq,
            limit=limit,
            direction=direction,
            types=None if types is None else tuple(types),
            order=order,
        )
        return await self._typed(command, Page)

    async def acknowledge_messages(self, project_id: str, seq: int) -> None:
        """Say what was shown to the person. There is no reply: a connection that is lost may lose this, too."""
        self._put(commands.AcknowledgeMessages(project_id=project_id, seq=seq))

    async def agent_info(self, project_id: str | None = None) -> AgentInfo:
        return await self._typed(commands.GetAgentInfo(project_id=project_id), AgentInfo)

    async def agent_context(self, project_id: str) -> AgentContext:
        return await self._typed(commands.GetContext(project_id=project_id), AgentContext)

    async def health_check(self) -> HealthStatus:
        return await self._typed(commands.CheckHealth(), HealthStatus)

    async def server_stats(self) -> ServerStats:
        return await self._typed(commands.GetStats(), ServerStats)

    # -- what goes on -----------------------------------------------------------------------------------------

    def events(self, project_id: str, after_seq: int | None = None, journal_id: str | None = None) -> Subscription:
        """What a project says from here on, or behind `after_seq`. One at a time for each project."""
        return Subscription(project_id, after_seq, journal_id, self._join, self._leave, self.patience)

    async def watch_projects(self) -> AsyncIterator[Message]:
        """A `project_state` for every change of any project, at most one a second for each, and each
        `project_deleted`. What happens while there is no connection is missed."""
        async for message in self._watch(commands.ListProjects(subscribe=True), commands.ListProjects(subscribe=False)):
            if message.type != "server_stats":
                yield message

    async def watch_stats(self) -> AsyncIterator[ServerStats]:
        """The server's figures, every 10 seconds."""
        async for message in self._watch(commands.GetStats(subscribe=True), commands.GetStats(subscribe=False)):
            if message.type == "server_stats":
                yield wire.value_of(message, ServerStats)

    async def _watch(self, begin: Command, end: Command) -> AsyncIterator[Message]:
        queue: asyncio.Queue[Message | None] = asyncio.Queue(MAX_WATCHED)
        self._watchers[queue] = begin
        try:
            await self.request(begin)
            while (message := await queue.get()) is not None:
                yield message
            if self._problem is not None:
                raise self._problem
        finally:
            del self._watchers[queue]
            if begin not in self._watchers.values() and self._problem is None:
                self._put(end)

    def _join(self, subscription: Subscription) -> None:
        standing = self._subscriptions.setdefault(subscription.project_id, subscription)
        if standing is not subscription:
            raise Problem(f"This client is subscribed to {subscription.project_id} already.")
        self._put(subscription.command, subscription)

    def _leave(self, subscription: Subscription) -> None:
        if self._subscriptions.get(subscription.project_id) is not subscription:
            return
        del self._subscriptions[subscription.project_id]
        subscription.end(None)
        if self._problem is None and self._link is not None:
            self._put(commands.LeaveProject(project_id=subscription.project_id))


_REASONS: Mapping[int, str] = {
    1001: "The server stops.",
    SLOW_DOWN: "The server asks for fewer requests.",
}


def _bytes(payload: str | bytes) -> bytes:
    return payload.encode() if isinstance(payload, str) else payload


def _fail(answer: "asyncio.Future[Message]", problem: Exception) -> None:
    if not answer.done():
        answer.set_exception(problem)
        answer.exception()  # heard by whoever asked, if somebody still waits


def _offer(queue: "asyncio.Queue[Message | None]", message: Message | None) -> None:
    """Put it in, the oldest out if there is no room."""
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(message)
