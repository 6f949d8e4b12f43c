"""The services on memory behind a client's own connection: what goes over it is the protocol's JSON, and nothing else
is between them."""

import asyncio
from collections import deque
from collections.abc import Sequence

from attrs import define, field
from twisted.internet.defer import Deferred
from websockets.exceptions import ConnectionClosed, ConnectionClosedError
from websockets.frames import Close

from pocketagent.client import Server
from pocketagent.domain.access import Device, Scope
from pocketagent.domain.commands import Command
from pocketagent.domain.message import timestamp
from pocketagent.domain.refusals import Refusal
from pocketagent.domain.replies import ConnectionEstablished, Greeting
from pocketagent.ports import IBatch
from pocketagent.wire import client
from pocketagent.wire.client import Request
from tests.services.workshop import FakeConnection, Workshop
from tests.terminal.followed import messages_of

MESSAGE_SIZE = 10_000


@define(eq=False)
class ServedLink:
    """One connection, from the client's side. `asked`: the commands that came over it."""

    shop: Workshop
    connection: "Served"
    asked: list[Command] = field(factory=list)
    _coming: "asyncio.Queue[bytes | ConnectionClosed]" = field(factory=asyncio.Queue)
    _end: ConnectionClosed | None = None

    # -- for the client

    async def send(self, message: str) -> None:
        if self._end is not None:
            raise self._end
        request = client.decode(message.encode())
        self.asked.append(request.command)
        Deferred.fromCoroutine(self._answer(request)).addErrback(lambda failure: failure.raiseException())
        self.shop.clock.advance(0)

    async def recv(self, decode: bool | None = None) -> str | bytes:
        if self._end is not None and self._coming.empty():
            raise self._end
        came = await self._coming.get()
        if isinstance(came, ConnectionClosed):
            raise came
        return came

    async def close(self) -> None:
        self.cut()
        await asyncio.sleep(0)

    # -- for the test

    def say(self, message: bytes) -> None:
        if self._end is None:
            self._coming.put_nowait(message)

    def cut(self, code: int | None = None) -> None:
        """The connection ends; with a Close frame, or without."""
        if self._end is None:
            self._end = ConnectionClosedError(None if code is None else Close(code, ""), None)
            self._coming.put_nowait(self._end)
            self.shop.services.subscriptions.depart(self.connection)

    async def _answer(self, request: Request) -> None:
        try:
            replies = await self.shop.services.dispatch.do(request.command, self.connection)
        except Refusal as refusal:
            self.say(client.error(refusal, self._now, request.project_id, request.request_id))
        else:
            for reply in replies:
                self.say(client.reply(reply, self._now, request.project_id, request.request_id))

    @property
    def _now(self) -> str:
        return timestamp(self.shop.clock.seconds())


@define(eq=False)
class Served(FakeConnection):
    """The same from the server's side."""

    link: ServedLink = field(init=False)

    def hear(self, batch: IBatch) -> None:
        for message in messages_of(client.frames(batch)):
            self.link.say(message.payload)

    def send(self, message: bytes) -> None:
        self.link.say(message)

    def close(self, code: int, reason: str) -> None:
        self.link.cut(code)


@define(eq=False)
class Counter:
    """Where a client of this device comes in. `closed`: the problems that it meets first, one for each try."""

    shop: Workshop
    device: Device
    links: list[ServedLink] = field(factory=list)
    closed: deque[Exception] = field(factory=deque)

    async def __call__(self, server: Server) -> ServedLink:
        await asyncio.sleep(0)
        if self.closed:
            raise self.closed.popleft()
        connection = Served(self.device)
        connection.link = link = ServedLink(self.shop, connection)
        self.links.append(link)
        self.shop.services.subscriptions.arrive(connection)
        scopes = [scope for scope in Scope if self.device.scope.covers(scope)]
        greeting = Greeting(self.device.id, self.device.name, scopes)
        established = ConnectionEstablished(connection.id, "0.1.0", 1, greeting, {"message_size": MESSAGE_SIZE})
        link.say(client.reply(established, link._now, None, None))
        return link

    @property
    def link(self) -> ServedLink:
        """The last one."""
        return self.links[-1]

    @property
    def asked(self) -> Sequence[Command]:
        """All that was asked, over all of them."""
        return [command for link in self.links for command in link.asked]

    def count(self, kind: type[Command]) -> int:
        return sum(isinstance(command, kind) for command in self.asked)
