# -*- test-case-name: tests.client.test_client -*-
"""A client: requests as methods, subscriptions as iterators, over a connection that is made again when it is lost.

Everything that comes is understood in one task, in the order in which it came, and nothing there waits: so a reply
never overtakes an event, and a subscriber that is slow holds up nobody.
"""

import asyncio
import contextlib
import random
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from types import TracebackType

from attrs import define, field

from pocketagent.client import link
from pocketagent.client.connection import Connection, Dial, Over
from pocketagent.client.problems import ConnectionLost, NotMyServer, Problem, TurnedAway, Unreachable
from pocketagent.client.requests import Requests
from pocketagent.client.server import Server
from pocketagent.client.standing import Phase, Standing, waits
from pocketagent.client.subscription import MAX_BYTES, MAX_MESSAGES, Subscription
from pocketagent.client.under_way import Asked, UnderWay
from pocketagent.client.watching import Watchers
from pocketagent.domain import commands
from pocketagent.domain.commands import Command
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.replies import ConnectionEstablished, ServerStats
from pocketagent.wire import server as wire
from pocketagent.wire.server import Message, Unintelligible

PATIENCE = 60.0
"""Seconds that a request may take, a time without a connection included."""
STEADY = 10.0
"""Seconds after which a connection was a good one: the waits before new tries begin anew."""


@define(eq=False)
class Client(Requests):
    """A connection to a server that lasts: lost, it is made again, and everything goes on where it was.

        async with Client(server) as client:
            project = await client.create_project("/home/ada/code/app")
            async with client.events(project.id, after_seq=0) as events:
                await client.execute(project.id, "Run the tests.")
                async for message in events:
                    ...

    Entering raises Unreachable, NotMyServer or TurnedAway. From then on a request raises `Refusal` when the server says
    no, ConnectionLost when it was under way as the connection ended and must not be asked twice, Unreachable when it
    has no answer after `patience` seconds, TurnedAway or NotMyServer once trying again is of no use, and Problem where
    the server's answer is not understood. A client that has ended stays so.

    `on_standing` hears of every change of the connection, from the event loop; what it raises goes to the loop's
    handler of exceptions. `max_messages` and `max_bytes` bound what waits in each subscription. `dial`, `random` and
    `sleep` are there for tests.
    """

    server: Server
    on_standing: Callable[[Standing], None] = field(default=lambda standing: None)
    patience: float = PATIENCE
    max_messages: int = MAX_MESSAGES
    max_bytes: int = MAX_BYTES
    dial: Dial = link.dial
    random: Callable[[], float] = random.random
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    standing: Standing = field(default=Standing(Phase.CLOSED), init=False)
    established: ConnectionEstablished = field(init=False)
    _under_way: UnderWay = field(init=False)
    _subscriptions: dict[str, Subscription] = field(factory=dict, init=False)
    _watchers: Watchers = field(factory=Watchers, init=False)
    _keeper: "asyncio.Task[None] | None" = field(default=None, init=False)
    _problem: Exception | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._under_way = UnderWay(self.sleep)

    # -- the connection ---------------------------------------------------------------------------------------

    async def __aenter__(self) -> "Client":
        self._stand(Standing(Phase.CONNECTING))
        try:
            opened = await self._open()
        except Problem as problem:
            self._stand(Standing(Phase.CLOSED, str(problem)))
            raise
        self._keeper = asyncio.create_task(self._keep(opened))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connection; what waits for an answer hears that. Raises what this client has failed of: a fault of
        its own, never a Problem."""
        self._end(ConnectionLost("This client was closed."))
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
            if not self._keeper.cancelled():
                self._keeper.result()

    async def _open(self) -> Connection:
        opened = await Connection.open(self.dial, self.server)
        self.established = opened.established
        return opened

    async def _keep(self, opened: Connection) -> None:
        """Use the connection; when it ends, make a new one and go on, until there is no use in trying."""
        loop = asyncio.get_running_loop()
        pauses = waits(self.random)
        try:
            while True:
                since = loop.time()
                reason = await self._serve(opened)
                self._lost(reason)
                if loop.time() - since > STEADY:
                    pauses = waits(self.random)
                opened = await self._again(reason, pauses)
        except (TurnedAway, NotMyServer) as problem:
            self._end(problem)
        except BaseException as fault:
            failed = ConnectionLost("This client has failed.")
            failed.__cause__ = fault
            self._end(failed)
            raise

    async def _again(self, reason: str, pauses: Iterator[float]) -> Connection:
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

    async def _serve(self, opened: Connection) -> str:
        """Write and understand what comes until the connection ends; why it did. Raises TurnedAway."""
        writer = asyncio.create_task(self._write(opened))
        self._stand(Standing(Phase.CONNECTED))
        self._resume()
        try:
            while True:
                self._hear(await opened.hear())
        except Over as over:
            return str(over)
        finally:
            writer.cancel()
            await opened.close()

    async def _write(self, opened: Connection) -> None:
        """Send what was not sent yet, in the order in which it was asked."""
        with contextlib.suppress(Over):  # which the reader is told as well
            while True:
                await opened.send((await self._under_way.next()).payload)

    def _lost(self, reason: str) -> None:
        """The connection is gone: its subscriptions with it, and some of what was asked."""
        self._under_way.lost(reason)
        for subscription in self._subscriptions.values():
            subscription.lost()

    def _resume(self) -> None:
        """Subscribe again, each from where it is; what was not answered is asked again by the writer."""
        for subscription in self._subscriptions.values():
            if subscription.wants_to_join:
                self._put(subscription.command, subscription=subscription)
        for command in self._watchers.begins:
            self._put(command)

    def _end(self, problem: Exception) -> None:
        """There will be no more connection."""
        if self._problem is not None:
            return
        self._problem = problem
        self._under_way.end(problem)
        for subscription in self._subscriptions.values():
            subscription.end(problem)
        self._watchers.end()
        self._stand(Standing(Phase.CLOSED, str(problem)))

    def _stand(self, standing: Standing) -> None:
        self.standing = standing
        # Not called from here: what it raises is no matter of the connection.
        asyncio.get_running_loop().call_soon(self.on_standing, standing)

    @property
    def _is_connected(self) -> bool:
        return self.standing.phase is Phase.CONNECTED

    # -- what comes -------------------------------------------------------------------------------------------

    def _hear(self, message: Message) -> None:
        if message.request_id is not None:
            self._answered(message, message.request_id)
            return
        if message.seq is None:
            self._watchers.hear(message)
        subscription = self._subscriptions.get(message.project_id or "")
        if subscription is not None and not subscription.hear(message):
            # Let go until it has been read: the journal has it all.
            self._put(commands.LeaveProject(project_id=subscription.project_id))

    def _answered(self, message: Message, request_id: str) -> None:
        asked = self._under_way.get(request_id)
        if asked is None:
            return
        refusal = wire.refusal(message) if message.type == "error" else None
        if refusal is not None and refusal.code is Code.RATE_LIMITED:
            self._under_way.one_too_many(asked, wire.retry_after(refusal))
            return
        if isinstance(asked.command, commands.JoinProject) and message.type == "project_state":
            asked.state = message
            return
        self._under_way.remove(request_id)
        if asked.subscription is not None:
            self._joined(asked.subscription, asked.state, message, refusal)
        if asked.answer is not None and not asked.answer.done():
            asked.answer.set_result(message)

    def _joined(
        self, subscription: Subscription, state: Message | None, message: Message, refusal: Refusal | None
    ) -> None:
        if self._subscriptions.get(subscription.project_id) is not subscription:
            return  # It was left meanwhile.
        try:
            if refusal is not None:
                subscription.refused(refusal)
            elif state is not None:
                subscription.joined(state, message)
        except Unintelligible as problem:
            subscription.end(Problem(str(problem)))

    # -- requests ---------------------------------------------------------------------------------------------

    async def request(self, command: Command) -> Message:
        """Ask anything; the reply as it came. The other methods do this for one kind of command each.

        Raises Refusal, ConnectionLost, Unreachable, TurnedAway or NotMyServer.
        """
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        asked = self._put(command, answer)
        try:
            async with asyncio.timeout(self.patience):
                message = await answer
        except TimeoutError:
            where = self.standing.reason or "The server did not answer."
            raise Unreachable(f"{where} Nothing came of it within {self.patience:g} seconds.") from None
        finally:
            self._under_way.remove(asked.request_id)
        if message.type == "error":
            raise wire.refusal(message)
        return message

    def _put(
        self,
        command: Command,
        answer: "asyncio.Future[Message] | None" = None,
        subscription: Subscription | None = None,
    ) -> Asked:
        """To be sent as soon as there is a connection. Raises what this client has ended with, and Refusal for what
        the server would not read."""
        self._check()
        request_id = str(uuid.uuid4())
        payload = wire.request(command, request_id)
        bound = self.established.limits.get("message_size", len(payload))
        if len(payload) > bound:
            raise Refusal(Code.MESSAGE_TOO_LARGE, f"This is {len(payload)} bytes long, and the server takes {bound}.")
        asked = Asked(request_id, command, payload.decode(), answer, subscription)
        self._under_way.put(asked)
        return asked

    def _check(self) -> None:
        """Raises what this client has ended with."""
        if self._problem is not None:
            raise self._problem
        if self._keeper is None:
            raise RuntimeError("A client has to be entered first: async with Client(server) as client.")

    async def acknowledge_messages(self, project_id: str, seq: int) -> None:
        """Say what was shown to the person. There is no reply: a connection that is lost may lose this, too."""
        self._put(commands.AcknowledgeMessages(project_id=project_id, seq=seq))

    # -- what goes on -----------------------------------------------------------------------------------------

    def events(self, project_id: str, after_seq: int | None = None, journal_id: str | None = None) -> Subscription:
        """What a project says from here on, or behind `after_seq`. One at a time for each project."""
        return Subscription(
            *(project_id, after_seq, journal_id, self._join, self._leave),
            *(self.patience, self.max_messages, self.max_bytes),
        )

    async def watch_projects(self) -> AsyncIterator[Message]:
        """A `project_state` for every change of any project, at most one a second for each, and each
        `project_deleted`. What happens while there is no connection is missed."""
        begin, end = (commands.ListProjects(subscribe=subscribe) for subscribe in (True, False))
        async with contextlib.aclosing(self._watch(begin, end, "project_state", "project_deleted")) as messages:
            async for message in messages:
                yield message

    async def watch_stats(self) -> AsyncIterator[ServerStats]:
        """The server's figures, every 10 seconds."""
        begin, end = (commands.GetStats(subscribe=subscribe) for subscribe in (True, False))
        async with contextlib.aclosing(self._watch(begin, end, "server_stats")) as messages:
            async for message in messages:
                stats = wire.value(message)
                if isinstance(stats, ServerStats):
                    yield stats

    async def _watch(self, begin: Command, end: Command, *types: str) -> AsyncGenerator[Message, None]:
        watcher = self._watchers.add(begin, *types)
        try:
            await self.request(begin)
            while (message := await watcher.next()) is not None:
                yield message
            if self._problem is not None:
                raise self._problem
        finally:
            is_last = self._watchers.remove(watcher)
            if is_last and self._is_connected:
                self._put(end)

    def _join(self, subscription: Subscription) -> None:
        self._check()
        standing = self._subscriptions.setdefault(subscription.project_id, subscription)
        if standing is not subscription:
            raise Problem(f"This client is subscribed to {subscription.project_id} already.")
        if self._is_connected:
            self._put(subscription.command, subscription=subscription)

    def _leave(self, subscription: Subscription) -> None:
        if self._subscriptions.get(subscription.project_id) is not subscription:
            return
        del self._subscriptions[subscription.project_id]
        subscription.end(None)
        if self._is_connected:
            self._put(commands.LeaveProject(project_id=subscription.project_id))
