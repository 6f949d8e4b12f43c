"""A server's door in memory: each connection a link that a test steers, message by message.

door = Door()
async with door.client() as client:
    asking = asyncio.create_task(client.list_projects())
    request = await door.link.asked("project_list")
    door.link.answer(request, "project_list_response", {"projects": [], "total": 0})
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping

from attrs import define, field
from websockets.exceptions import ConnectionClosed, ConnectionClosedError
from websockets.frames import Close

from pocketagent.client import Client, Server
from pocketagent.client.standing import Standing
from pocketagent.domain.access import Scope
from pocketagent.domain.replies import ConnectionEstablished, Greeting, Reply
from pocketagent.wire import client as wire
from tests.client.loops import settle

NOW = "2026-01-01T12:00:00.123456Z"
JOURNAL_ID = "11111111-2222-4333-8444-555555555555"
MESSAGE_SIZE = 10_000
ESTABLISHED = ConnectionEstablished(
    "c", "0.1.0", 1, Greeting("d", "phone", list(Scope)), {"message_size": MESSAGE_SIZE}
)

Request = Mapping[str, object]


@define(eq=False)
class FakeLink:
    """One connection. `sent`: the requests that came; `hear` is called with each, where there is one."""

    hear: Callable[["FakeLink", Request], None] | None = None
    sent: list[Request] = field(factory=list)
    is_closed: bool = False
    full: asyncio.Event | None = None
    """What a send waits for, if anything."""
    _looked_at: int = 0
    _coming: "asyncio.Queue[bytes | Exception]" = field(factory=asyncio.Queue)
    _end: ConnectionClosed | None = None

    # -- for the client

    async def send(self, message: str) -> None:
        if self.full is not None:
            await self.full.wait()
        if self._end is not None:
            raise self._end
        request = json.loads(message)
        self.sent.append(request)
        if self.hear is not None:
            self.hear(self, request)

    async def recv(self, decode: bool | None = None) -> str | bytes:
        if self._end is not None and self._coming.empty():
            raise self._end
        came = await self._coming.get()
        if isinstance(came, Exception):
            raise came
        return came

    async def close(self) -> None:
        self.is_closed = True
        self._end = self._end or ConnectionClosedError(None, None)
        await asyncio.sleep(0)

    # -- for the test

    def say(self, payload: bytes | Exception) -> None:
        """Something comes, or goes wrong inside of the library."""
        self._coming.put_nowait(payload)

    def tell(self, reply: Reply | ConnectionEstablished, project_id: str | None = None) -> None:
        """Something comes that is no answer and no event."""
        self.say(wire.reply(reply, NOW, project_id, None))

    def answer(self, request: Request, reply: Reply) -> None:
        data = request["data"]
        assert isinstance(data, dict)
        self.say(wire.reply(reply, NOW, data.get("project_id"), str(request["request_id"])))

    def refuse(self, request: Request, code: str, **details: object) -> None:
        data = {"code": code, "message": f"{code}.", "details": details}
        self.say(json.dumps({"type": "error", "request_id": request["request_id"], "data": data}).encode())

    def event(self, seq: int | None, project_id: str = "p", size: int = 0) -> None:
        """The agent says something; partial output where `seq` is None."""
        data = json.dumps({"type": "assistant" if seq else "stream_event", "text": "x" * size}).encode()
        self.say(event(project_id, seq, data))

    def cut(self, code: int | None = None) -> None:
        """The connection ends; with a Close frame, or without."""
        self._end = ConnectionClosedError(None if code is None else Close(code, ""), None)
        self._coming.put_nowait(self._end)

    async def asked(self, type_: str = "") -> Request:
        """The next request that came, of this type where one is given. Fails when none comes by itself."""
        await settle()
        for number in range(self._looked_at, len(self.sent)):
            if type_ in ("", self.sent[number]["type"]):
                self._looked_at = number + 1
                return self.sent[number]
        raise AssertionError(f"no {type_} came: {self.sent[self._looked_at :]}")

    @property
    def types(self) -> list[str]:
        return [str(request["type"]) for request in self.sent]


def event(project_id: str, seq: int | None, data: bytes) -> bytes:
    number = "" if seq is None else f'"seq":{seq},'
    return (
        f'{{"type":"agent_message","project_id":"{project_id}",{number}"timestamp":"{NOW}","data":'.encode()
        + data
        + b"}"
    )


@define(eq=False)
class Door:
    """Where a client comes in. `closed`: the problems that it meets first, one for each try."""

    links: list[FakeLink] = field(factory=list)
    closed: deque[Exception] = field(factory=deque)
    standings: list[Standing] = field(factory=list)
    pauses: list[float] = field(factory=list)
    greets: bool = True
    hear: Callable[[FakeLink, Request], None] | None = None

    async def __call__(self, server: Server) -> FakeLink:
        await asyncio.sleep(0)
        if self.closed:
            raise self.closed.popleft()
        link = FakeLink(self.hear)
        self.links.append(link)
        if self.greets:
            link.tell(ESTABLISHED)
        return link

    @property
    def link(self) -> FakeLink:
        """The last one."""
        return self.links[-1]

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(seconds)

    def client(self, **more: object) -> Client:
        server = Server("localhost", "pa_token")
        chosen = {"on_standing": self.standings.append, "random": lambda: 0.5, **more}
        return Client(server, dial=self, sleep=self.sleep, **chosen)  # type: ignore[arg-type]
