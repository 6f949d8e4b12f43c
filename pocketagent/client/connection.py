# -*- test-case-name: tests.client.test_connection -*-
"""One connection to a server, from its greeting to its end, which is a sentence."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from attrs import define
from websockets.exceptions import ConnectionClosed

from pocketagent.client.problems import TurnedAway, Unreachable
from pocketagent.client.server import Server
from pocketagent.domain.replies import ConnectionEstablished
from pocketagent.wire import server as wire
from pocketagent.wire.server import Message, Unintelligible

GREETING_TIMEOUT = 10.0
CREDENTIAL_GONE = 4401
LOST = "The connection was lost."
REASONS: Mapping[int, str] = {
    1000: "The server closed the connection, which was not in use.",
    1001: "The server stops.",
    1011: "The server could not read the journal.",
    4429: "The server asks for fewer requests.",
}
"""Close codes of the server (docs/protocol.md), as sentences."""


class Link(Protocol):
    """A WebSocket, as far as a client needs one."""

    async def send(self, message: str) -> None: ...

    async def recv(self, decode: bool | None = None) -> str | bytes: ...

    async def close(self) -> None: ...


Dial = Callable[[Server], Awaitable[Link]]


class Over(Exception):
    """The connection has ended, or is of no use: why, as a sentence."""


@define(eq=False)
class Connection:
    """A connection on which the server has said who we are."""

    established: ConnectionEstablished
    _link: Link

    @classmethod
    async def open(cls, dial: Dial, server: Server) -> "Connection":
        """Raises Unreachable, NotMyServer or TurnedAway."""
        async with contextlib.AsyncExitStack() as stack:
            link = await dial(server)
            stack.push_async_callback(link.close)
            try:
                async with asyncio.timeout(GREETING_TIMEOUT):
                    greeting = await _next(link)
                established = wire.value_of(greeting, ConnectionEstablished)
            except TimeoutError:
                raise Unreachable("The server took the connection and then said nothing.") from None
            except (Over, Unintelligible) as problem:
                raise Unreachable(str(problem)) from None
            stack.pop_all()
            return cls(established, link)

    async def hear(self) -> Message:
        """What comes next. Raises Over, and TurnedAway where a new connection would end in the same way."""
        return await _next(self._link)

    async def send(self, payload: str) -> None:
        """Raises Over, of which `hear` has the reason."""
        try:
            await self._link.send(payload)
        except ConnectionClosed:
            raise Over(LOST) from None

    async def close(self) -> None:
        await self._link.close()


async def _next(link: Link) -> Message:
    try:
        payload = await link.recv(decode=False)
        return wire.decode(payload.encode() if isinstance(payload, str) else payload)
    except ConnectionClosed as closed:
        code = closed.rcvd.code if closed.rcvd else 0
        if code == CREDENTIAL_GONE:
            raise TurnedAway(
                "This device may no longer come in: it was revoked, or its token has expired.", "revoked"
            ) from None
        raise Over(REASONS.get(code, LOST)) from None
    except Unintelligible as problem:
        raise Over(str(problem)) from None
