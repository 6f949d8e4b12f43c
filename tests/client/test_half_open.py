"""A connection whose other end does not answer any more, and says so to nobody: a laptop that slept, a lost network."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

from attrs import define, field
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from pocketagent.client import Client, Phase, Server, Standing
from pocketagent.client.link import CLOSE_TIMEOUT, PING_INTERVAL, PING_TIMEOUT
from pocketagent.domain.replies import ProjectListed
from pocketagent.wire import client as wire
from pocketagent.wire.server import SUBPROTOCOL
from tests.client.door import ESTABLISHED, NOW
from tests.client.loops import HastyLoop, LoopTestCase

TOKEN = f"pa_{'1' * 16}_{'2' * 64}"


@define(eq=False)
class Tunnel:
    """A way to a server that can fall silent: what goes through is swallowed then, and no end is told of the other."""

    target: int
    port: int = 0
    connections: int = 0
    _silent: set[int] = field(factory=set)
    _tasks: "set[asyncio.Task[None]]" = field(factory=set)

    def fall_silent(self) -> None:
        """On all connections that there are; later ones go through."""
        self._silent.update(range(1, self.connections + 1))

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Tunnel"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pass_on(number, source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, number: int, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                if number not in self._silent:
                    sink.write(data)
            if number in self._silent:
                await asyncio.Event().wait()
        finally:
            sink.close()


async def obey(connection: ServerConnection) -> None:
    """A server that greets, and knows of no project."""
    await connection.send(wire.reply(ESTABLISHED, NOW, None, None).decode())
    with contextlib.suppress(ConnectionClosed):
        async for message in connection:
            request = json.loads(message)
            if request["type"] == "project_list":
                await connection.send(wire.reply(ProjectListed([], 0), NOW, None, request["request_id"]).decode())


class HalfOpenTests(LoopTestCase):
    loop = HastyLoop

    def setUp(self) -> None:
        self.standings: list[Standing] = []

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[Client, Tunnel]]:
        # Its own signs of life would have it notice first.
        protocols = [Subprotocol(SUBPROTOCOL)]
        async with (
            serve(obey, "127.0.0.1", 0, subprotocols=protocols, ping_interval=None) as server,
            Tunnel(server.sockets[0].getsockname()[1]).open() as tunnel,
            Client(Server(f"ws://127.0.0.1:{tunnel.port}", TOKEN), self.standings.append) as client,
        ):
            yield client, tunnel

    def test_silence(self) -> None:
        """A connection on which nothing is answered is lost within the time of a ping and its answer; then there is a
        new one, and what was asked is asked there again."""

        async def story() -> None:
            async with self.connected() as (client, tunnel):
                tunnel.fall_silent()
                now = asyncio.get_running_loop().time
                since = now()
                await client.list_projects()
                self.assertGreaterEqual(now() - since, PING_TIMEOUT)
                self.assertLessEqual(now() - since, PING_INTERVAL + PING_TIMEOUT + CLOSE_TIMEOUT + 1)
                self.assertEqual(tunnel.connections, 2)
            lost = next(one for one in self.standings if one.phase is Phase.WAITING)
            self.assertEqual(lost.reason, "The connection was lost.")

        self.tell(story())

    def test_quiet(self) -> None:
        """A connection on which nothing is said, and that answers, lasts."""

        async def story() -> None:
            async with self.connected() as (client, tunnel):
                await asyncio.sleep(10 * (PING_INTERVAL + PING_TIMEOUT))
                await client.list_projects()
                self.assertEqual(tunnel.connections, 1)
                self.assertNotIn(Phase.WAITING, [one.phase for one in self.standings])

        self.tell(story())
