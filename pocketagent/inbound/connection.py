# -*- test-case-name: tests.inbound.test_connection -*-
"""A device's live connection: its requests in order, what it is told, and whether it still lives.

How its messages are framed and carried is `websocket`'s matter; what waits to be sent is the outbox's.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol as Shape

from attrs import field, frozen
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pocketagent.domain.access import Device, Scope
from pocketagent.domain.commands import Command, GetMessages
from pocketagent.domain.measures import Measures
from pocketagent.domain.message import timestamp
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.replies import ConnectionEstablished, Greeting, Reply
from pocketagent.domain.tracing import about, working
from pocketagent.inbound.allowance import Allowance, Joint
from pocketagent.inbound.outbox import Outbox
from pocketagent.ports import IBatch, IConnection
from pocketagent.wire import client
from pocketagent.wire.client import Request, Unreadable

PROTOCOL = 1
OUTSTANDING = 64
"""Requests of one connection that may be under way; then it is read from no more."""
CONTROL_FRAMES = 10
"""A second, and at once (threats 3.2)."""
PATIENCE = 10.0
"""Seconds that a client may ignore a rate limit (protocol section 1: 4429)."""
FRAMES = "WebSocket frames"
"""Our kind of subscriber, in `IBatch.blobs`."""


class Dispatch(Shape):
    """Where requests go."""

    async def do(self, command: Command, asker: IConnection) -> Sequence[Reply]:
        """Do what is asked, and return what the asker is told. Raises Refusal."""


class Subscriptions(Shape):
    """Who hears what."""

    def arrive(self, connection: IConnection) -> None: ...

    def depart(self, connection: IConnection) -> None: ...

    def drained(self, connection: IConnection) -> None:
        """It has room again after it was behind."""

    def count(self, connection: IConnection) -> int:
        """To how many projects it is subscribed."""


class Line(Shape):
    """What carries a connection's messages."""

    def ping(self) -> None: ...

    def say_goodbye(self, code: int, reason: str) -> None:
        """Send a Close frame; `Connection.closing` is called meanwhile."""

    def drop(self) -> None:
        """End it without a word."""

    def read_on(self) -> None:
        """Look again at `Connection.is_full`."""


@frozen(kw_only=True)
class Terms:
    """What holds for every connection; times in seconds, sizes in bytes. The names are those of `Config`.

    `limits` is told to clients (protocol section 3.3). `measures`: where all connections count.
    """

    server_version: str
    limits: dict[str, int]
    message_size: int
    requests_per_second: float
    request_burst: int
    unsent: int
    ping_interval: float
    pong_timeout: float
    idle_timeout: float
    measures: Measures = field(factory=Measures, repr=False)


@implementer(IConnection)
class Connection:
    """See `ports.IConnection`. `new_id` makes ids and references."""

    _log = Logger()

    def __init__(
        self,
        device: Device,
        line: Line,
        outbox: Outbox,
        dispatch: Dispatch,
        subscriptions: Subscriptions,
        clock: IReactorTime,
        terms: Terms,
        new_id: Callable[[], str],
        address: str = "",
        shared: Sequence[Allowance] = (),
    ) -> None:
        now = clock.seconds()
        self.id = new_id()
        self.device = device
        self.address = address
        self.connected_at = timestamp(now)
        self._line = line
        self._outbox = outbox
        self._dispatch = dispatch
        self._subscriptions = subscriptions
        self._clock = clock
        self._terms = terms
        self._measures = terms.measures
        self._new_id = new_id
        own = Allowance(terms.requests_per_second, terms.request_burst, clock.seconds)
        self._requests = Joint(own, shared, clock.seconds)
        self._control = Allowance(CONTROL_FRAMES, CONTROL_FRAMES, clock.seconds)
        self._under_way: dict[str | None, deque[Request]] = {}
        self._outstanding = 0
        self._count = 0
        self._about = {"connection_id": self.id, "device": device.id}
        self._is_open = True
        self._came_at = self._received_at = self._asked_at = now
        self._pinged_at: float | None = None
        self._told_at = self.connected_at
        self._waiting: list[Deferred[None]] = []
        self._looking_back = DeferredLock()
        self._pulse: IDelayedCall | None = None
        self._idling: IDelayedCall | None = None

    # -- what the services see ------------------------------------------------------------------------------

    @property
    def is_behind(self) -> bool:
        return self._outbox.is_behind

    @property
    def has_unsent(self) -> bool:
        return self._outbox.has_unsent

    @property
    def state(self) -> str:
        if not self._is_open:
            return "DISCONNECTING"
        return "SUBSCRIBED" if self._subscriptions.count(self) else "AUTHENTICATED"

    @property
    def last_active(self) -> str:
        return max(timestamp(self._received_at), self._told_at)

    @property
    def active(self) -> bool:
        return self.last_active >= timestamp(self._clock.seconds() - self._terms.ping_interval)

    def hear(self, batch: IBatch) -> None:
        blob = batch.blobs.get(FRAMES)
        if blob is None:
            blob = batch.blobs[FRAMES] = client.frames(batch)
        if batch.timestamp > self._told_at:
            self._told_at = batch.timestamp
        measures = self._measures
        measures.sent_bytes += len(blob)
        measures.sent_frames += len(batch.items)
        self._outbox.put(blob)

    def send(self, message: bytes) -> None:
        self._told_at = timestamp(self._clock.seconds())
        frame = client.frame(message)
        self._measures.sent_bytes += len(frame)
        self._measures.sent_frames += 1
        self._outbox.put(frame)

    def close(self, code: int, reason: str) -> None:
        if self._is_open:
            self._line.say_goodbye(code, reason)

    # -- what the line tells --------------------------------------------------------------------------------

    def opened(self) -> None:
        """Messages can be sent from now on."""
        scopes = [scope for scope in Scope if self.device.scope.covers(scope)]
        greeting = Greeting(self.device.id, self.device.name, scopes)
        established = ConnectionEstablished(self.id, self._terms.server_version, PROTOCOL, greeting, self._terms.limits)
        self.send(client.reply(established, self.connected_at, None, None))
        self._pulse = self._clock.callLater(self._terms.ping_interval, self._feel_pulse)
        if self._terms.idle_timeout:
            self._idling = self._clock.callLater(self._terms.idle_timeout, self._look_for_use)
        self._subscriptions.arrive(self)
        self._log.info(
            "{device_name} comes from {address}", device_name=self.device.name, address=self.address, **self._about
        )

    @property
    def is_full(self) -> bool:
        """It must not be read from: what it would ask for has no room."""
        return self._outbox.is_behind or self._outstanding >= OUTSTANDING

    def noticed(self) -> None:
        """Some bytes came."""
        self._received_at = self._clock.seconds()

    def received(self, payload: bytes) -> bool:
        """A whole message came. Whether it was within the rate."""
        if not self._requests.take():
            self._hold_back(payload)
            return False
        self._asked_at = self._clock.seconds()
        try:
            request = client.decode(payload)
        except Unreadable as problem:
            self._refuse(problem, problem.request_id, problem.project_id)
        else:
            self._take_on(request)
        return True

    def controlled(self) -> bool:
        """A ping or a pong came. Whether it was within the rate."""
        if self._control.take():
            return True
        if self._control.ignored >= PATIENCE:
            self.close(4429, "too many control frames")
        return False

    def drained(self) -> None:
        """All that waited is sent."""
        self._wake()
        self._subscriptions.drained(self)

    def closing(self) -> None:
        """A Close frame was sent, or the line is gone: nothing may follow."""
        self._is_open = False
        self._outbox.shut()
        for timer in (self._pulse, self._idling):
            if timer is not None and timer.active():
                timer.cancel()
        self._wake()

    def lost(self) -> None:
        """The line is gone."""
        self.closing()
        self._subscriptions.depart(self)
        self._log.info(
            "{device_name} is gone after {seconds:.1f} s and {requests} requests",
            device_name=self.device.name,
            address=self.address,
            seconds=self._clock.seconds() - self._came_at,
            requests=self._count,
            **self._about,
        )

    # -- requests -------------------------------------------------------------------------------------------

    def _hold_back(self, payload: bytes) -> None:
        self._measures.rate_limited += 1
        if self._requests.ignored >= PATIENCE:
            self.close(4429, "the rate limit was ignored for too long")
            return
        try:
            request: Request | Unreadable = client.decode(payload)
        except Unreadable as problem:
            request = problem
        wait = round(self._requests.retry_after, 3)
        refusal = Refusal(
            Code.RATE_LIMITED, f"Too many requests: wait {wait} seconds before the next.", retry_after=wait
        )
        self._refuse(refusal, request.request_id, request.project_id)

    def _take_on(self, request: Request) -> None:
        """In order per project; projects wait for none but their own."""
        self._outstanding += 1
        line = self._under_way.get(request.project_id)
        if line is not None:
            line.append(request)
            return
        line = self._under_way[request.project_id] = deque([request])
        work = Deferred.fromCoroutine(self._work(request.project_id, line))
        work.addErrback(lambda failure: self._log.failure("Requests are stuck", failure))

    async def _work(self, project_id: str | None, line: deque[Request]) -> None:
        while line:
            carry_out = partial(Deferred.fromCoroutine, self._carry_out(line[0]))
            # A page of history is large: one at a time, for what is not read waits in memory.
            await (self._looking_back.run(carry_out) if isinstance(line[0].command, GetMessages) else carry_out())
            line.popleft()
            self._outstanding -= 1
            self._line.read_on()
        del self._under_way[project_id]

    async def _room(self) -> None:
        """Wait until what was answered before is read; or until the connection is closed."""
        while self._outbox.is_behind:
            waiting: Deferred[None] = Deferred()
            self._waiting.append(waiting)
            await waiting

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(None)

    async def _carry_out(self, request: Request) -> None:
        await self._room()
        if not self._is_open:
            return
        self._count += 1
        with working(self._about, request_id=f"{self.id}-{self._count}", project_id=request.project_id):
            answer = Deferred.fromCoroutine(self._answer_to(request))
            answer.addErrback(self._explain, request, about())
        for message in await answer:
            self.send(message)

    async def _answer_to(self, request: Request) -> Sequence[bytes]:
        replies = await self._dispatch.do(request.command, self)
        now = timestamp(self._clock.seconds())
        return [client.reply(reply, now, request.project_id, request.request_id) for reply in replies]

    def _explain(self, failure: Failure, request: Request, on: Mapping[str, str]) -> Sequence[bytes]:
        refusal = failure.value
        if not isinstance(refusal, Refusal):
            reference = self._new_id()
            with working(on):
                self._log.failure("A request failed, reference {reference}", failure, reference=reference)
            refusal = Refusal(
                Code.INTERNAL_ERROR,
                "The server failed at this; its log tells why under the reference.",
                reference=reference,
            )
        return [client.error(refusal, timestamp(self._clock.seconds()), request.project_id, request.request_id)]

    def _refuse(self, refusal: Refusal, request_id: str | None, project_id: str | None) -> None:
        self.send(client.error(refusal, timestamp(self._clock.seconds()), project_id, request_id))

    # -- signs of life --------------------------------------------------------------------------------------

    def _feel_pulse(self) -> None:
        now = self._clock.seconds()
        silent = now - self._received_at
        if silent < self._terms.ping_interval:
            self._pinged_at = None
            self._feel_again(self._terms.ping_interval - max(0, silent))
        elif self._pinged_at is None or self._received_at >= self._pinged_at:
            self._pinged_at = now
            self._outbox.moved()
            self._line.ping()
            self._feel_again(self._terms.pong_timeout)
        elif self._outbox.moved() if self._outbox.waits() else self.is_full:
            # Alive, but slow; or it is we who do not look.
            self._feel_again(self._terms.pong_timeout)
        else:
            self._line.drop()

    def _feel_again(self, seconds: float) -> None:
        self._pulse = self._clock.callLater(seconds, self._feel_pulse)

    def _look_for_use(self) -> None:
        unused = max(0, self._clock.seconds() - self._asked_at)
        if self._subscriptions.count(self) or self._outstanding:
            unused = 0
        if unused >= self._terms.idle_timeout:
            self.close(1000, "not in use")
        else:
            self._idling = self._clock.callLater(self._terms.idle_timeout - unused, self._look_for_use)
