"""A whole front with nothing behind it: the port on loopback, and what it needs of the floors below, by hand."""

import itertools
from collections.abc import Callable, Sequence
from contextlib import suppress

from attrs import define, field, frozen
from twisted.internet import reactor as installed
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, wrapClientTLS
from twisted.internet.interfaces import (
    IListeningPort,
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
    IProtocol,
    IReactorTCP,
    IReactorTime,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from pocketagent.domain.access import Device, Kind, Scope, hash_of
from pocketagent.domain.addresses import Proxies
from pocketagent.domain.commands import Command
from pocketagent.domain.measures import Measures
from pocketagent.domain.message import Entry, Partial
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.replies import Condition, HealthStatus, ProjectLeft, Reply
from pocketagent.inbound import rest
from pocketagent.inbound.connection import Terms
from pocketagent.inbound.door import Door
from pocketagent.inbound.event_stream import EventStreams
from pocketagent.inbound.limits import Bounds, Limits
from pocketagent.inbound.routes import Route, Routes
from pocketagent.inbound.site import factory, front
from pocketagent.inbound.websocket import WebSockets
from pocketagent.ports import IBatch, IConnection

TOKEN = "pa_0123456789abcdef_" + "5" * 64
COOKIE = "pac_0123456789abcdef_" + "5" * 64
DEVICE = Device("0123456789abcdef", "phone", Scope.EXECUTE, hash_of("5" * 64), 0.0)
KEY = "dGhlIHNhbXBsZSBub25jZQ=="

TERMS = Terms(
    server_version="0.1.0",
    limits={"message_size": 2097152, "prompt_size": 100000, "projects": 100},
    message_size=2097152,
    requests_per_second=50,
    request_burst=100,
    unsent=1048576,
    ping_interval=30,
    pong_timeout=30,
    idle_timeout=0,
)


@define(eq=False)
class Access:
    """Admits TOKEN and COOKIE. `asked` keeps what it was asked; with `slow` it answers when that fires, or is given
    up."""

    asked: list[str] = field(factory=list)
    clients: list[str] = field(factory=list)
    looked: list[bool] = field(factory=list)
    known: Sequence[str] = (DEVICE.id,)
    slow: Deferred[None] | None = None
    failure: Exception | None = None
    device: Device = DEVICE

    def knows(self, device_id: str) -> bool:
        return device_id in self.known

    async def admit(self, credential: str, kind: Kind, client: str, looks: bool) -> Device:
        self.asked.append(credential)
        self.looked.append(looks)
        self.clients.append(client)
        if self.slow is not None:
            with suppress(CancelledError):
                await self.slow
        if self.failure is not None:
            raise self.failure
        if credential != {Kind.PROGRAM: TOKEN, Kind.BROWSER: COOKIE}[kind]:
            raise Refusal(Code.UNAUTHORIZED, "This token is unknown, or was revoked.", reason="unknown")
        return self.device


@define(eq=False)
class Witness:
    """Notes who was turned away: the id that was claimed, the address, the reason."""

    seen: list[tuple[str | None, str, str]] = field(factory=list)

    def turned_away(self, claimed: str | None, address: str, reason: str) -> None:
        self.seen.append((claimed, address, reason))


@define(eq=False)
class Dispatch:
    """Keeps what it was asked. `answer` says what comes of it, and may be a coroutine's work."""

    asked: list[Command] = field(factory=list)
    slow: dict[str | None, Deferred[None]] = field(factory=dict)
    failure: BaseException | None = None

    async def do(self, command: Command, asker: IConnection) -> Sequence[Reply]:
        self.asked.append(command)
        project_id = getattr(command, "project_id", None)
        if project_id in self.slow:
            await self.slow[project_id]
        if self.failure is not None:
            raise self.failure
        return [ProjectLeft(project_id or "")]


@define(eq=False)
class Subscriptions:
    """Who is there, and how often each had room again."""

    present: list[IConnection] = field(factory=list)
    departed: list[IConnection] = field(factory=list)
    emptied: list[IConnection] = field(factory=list)
    joined: int = 0

    def arrive(self, connection: IConnection) -> None:
        self.present.append(connection)

    def depart(self, connection: IConnection) -> None:
        self.present.remove(connection)
        self.departed.append(connection)

    def drained(self, connection: IConnection) -> None:
        self.emptied.append(connection)

    def count(self, connection: IConnection) -> int:
        return self.joined


@define(eq=False)
class Health:
    condition: Condition = Condition.HEALTHY

    async def check(self) -> HealthStatus:
        return HealthStatus(self.condition, {})


@implementer(IBatch)
@frozen
class Batch:
    """See `ports.IBatch`."""

    project_id: str
    items: Sequence[Entry | Partial]
    timestamp: str = "2026-01-01T12:00:00.000000Z"
    blobs: dict[object, bytes] = field(factory=dict)


@define(eq=False)
class House:
    """All of it. `websockets` may be another maker of WebSockets than ours."""

    clock: IReactorTime
    names: Sequence[str] = ("localhost", "127.0.0.1", "::1", "good.example")
    tls: IOpenSSLServerConnectionCreator | None = None
    terms: Terms = TERMS
    connections: int = 100
    limits: Limits | None = None
    proxies: Sequence[str] = ()
    handshakes: int = 64
    handshake_timeout: float = 10
    random: Callable[[], float] = lambda: 0.0
    body_size: int = 1048576
    origins: Sequence[str] = ()
    more: Sequence[Route] = ()
    make: type[WebSockets] = WebSockets
    access: Access = field(factory=Access)
    dispatch: Dispatch = field(factory=Dispatch)
    subscriptions: Subscriptions = field(factory=Subscriptions)
    health: Health = field(factory=Health)
    witness: Witness = field(factory=Witness)
    measures: Measures = field(factory=Measures)

    def door(self) -> Door:
        ids = itertools.count(1)

        def new_id() -> str:
            return f"id-{next(ids)}"

        return factory(
            clock=self.clock,
            names=self.names,
            tls=self.tls,
            access=self.access,
            subscriptions=self.subscriptions,
            routes=Routes.of([*self.routes(new_id), *self.more]),
            new_id=new_id,
            random=self.random,
            limits=self.limits or Limits(self.clock.seconds, Bounds(connections=self.connections)),
            witness=self.witness,
            proxies=Proxies.of(self.proxies),
            handshakes=self.handshakes,
            handshake_timeout=self.handshake_timeout,
            origins=self.origins,
            measures=self.measures,
        )

    def routes(self, new_id: Callable[[], str]) -> Sequence[Route]:
        welcome = self.make(self.clock, self.dispatch, self.subscriptions, self.terms, new_id)
        return [
            *front(self.health, welcome),
            *rest.routes(self.dispatch, self.body_size),
            *EventStreams(self.dispatch, self.subscriptions, self.clock, self.terms.unsent).routes(),
        ]


class Talk(Protocol):
    """A client's end of a connection: keeps what it hears."""

    def __init__(self) -> None:
        self.heard = b""
        self.is_over = False
        self._waits: list[tuple[Callable[[], bool], Deferred[None]]] = []

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        self._look()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.is_over = True
        self._look()

    def say(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)

    def leave(self) -> None:
        self.transport.abortConnection()  # type: ignore[union-attr]

    def until(self, condition: Callable[[], bool]) -> Deferred[None]:
        """Fires once it holds; looked at whenever something was heard."""
        waiting: Deferred[None] = Deferred()
        self._waits.append((condition, waiting))
        self._look()
        return waiting

    def over(self) -> Deferred[None]:
        return self.until(lambda: self.is_over)

    def _look(self) -> None:
        for wait in list(self._waits):
            if wait[0]():
                self._waits.remove(wait)
                wait[1].callback(None)


async def listening(door: Door) -> IListeningPort:
    port: IListeningPort = await TCP4ServerEndpoint(IReactorTCP(installed), 0, interface="127.0.0.1").listen(door)
    return port


async def connected(port: IListeningPort, tls: IOpenSSLClientConnectionCreator | None = None) -> Talk:
    endpoint = TCP4ClientEndpoint(IReactorTCP(installed), "127.0.0.1", number(port))
    talk: IProtocol = await (wrapClientTLS(tls, endpoint) if tls else endpoint).connect(Factory.forProtocol(Talk))
    assert isinstance(talk, Talk)
    return talk


def number(port: IListeningPort) -> int:
    return int(port.getHost().port)  # type: ignore[attr-defined]


def request(
    target: str = "/ws",
    *,
    method: str = "GET",
    port: int = 0,
    without: Sequence[str] = (),
    extra: Sequence[str] = (),
    version: str = "HTTP/1.1",
    **changed: str,
) -> bytes:
    """A good request for a WebSocket, but for what is said. Names of headers with `_` for `-`; `extra`: whole lines."""
    headers = {
        "host": f"localhost:{port}",
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec_websocket_version": "13",
        "sec_websocket_key": KEY,
        "authorization": f"Bearer {TOKEN}",
    }
    headers |= changed
    lines = [f"{method} {target} {version}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items() if name not in without]
    return "\r\n".join([*lines, *extra, "", ""]).encode("latin-1")
