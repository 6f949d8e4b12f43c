# -*- test-case-name: tests.inbound.test_event_stream -*-
"""The journal of a project as Server-Sent Events: a subscription, as a WebSocket has it, on a connection of HTTP.

What it hears and how it catches up is the same; how it is written is `wire.event_stream`'s matter.
"""

import re
from collections.abc import Callable, Sequence

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from pocketagent.domain.commands import JoinProject
from pocketagent.domain.fields import MAX_SEQ
from pocketagent.domain.measures import Measures
from pocketagent.domain.message import timestamp
from pocketagent.domain.replies import Reply
from pocketagent.inbound.answer import Dates
from pocketagent.inbound.channel import Channel
from pocketagent.inbound.connection import Dispatch, Subscriptions
from pocketagent.inbound.door import Arrival
from pocketagent.inbound.outbox import Outbox, Transport, gauge_of
from pocketagent.inbound.rest import BASE
from pocketagent.inbound.routes import About, Route, Visit
from pocketagent.inbound.turned_away import Headers
from pocketagent.inbound.visitor import Visitor
from pocketagent.ports import IBatch, IConnection
from pocketagent.wire import client, event_stream

HEARTBEAT = 15.0
"""Seconds between signs of life, when there is nothing else to say."""
PATIENCE = 2
"""So many of them in a row that are not taken, and the client is dropped."""
RETRY = 1000
"""Milliseconds after which a browser comes again."""
MAX_SAID = 16 * 1024
"""Bytes that a client may send behind its request: nobody reads them."""
PROJECT_GONE = 1000
EVENTS = "server-sent events"
"""Our kind of subscriber, in `IBatch.blobs`."""

_ABOUT = About(
    "The journal of a project as Server-Sent Events",
    id="events",
    asks=JoinProject,
    headers={"Last-Event-ID": {"type": "integer", "minimum": 0, "maximum": MAX_SEQ}},
    content_type=event_stream.CONTENT_TYPE,
)
_NUMBER = re.compile(r"[0-9]{1,30}", re.ASCII)


@implementer(IConnection)
class EventStream(Protocol):
    """See `ports.IConnection`. It begins once it is made the protocol of a connection."""

    transport: Transport  # type: ignore[assignment]
    state = "SUBSCRIBED"
    active = True

    def __init__(
        self,
        visitor: Visitor,
        arrival: Arrival,
        project_id: str,
        subscriptions: Subscriptions,
        clock: IReactorTime,
        unsent: int,
        measures: Measures,
    ) -> None:
        self.id = visitor.id
        self.device = visitor.device
        self.address = visitor.address
        self.connected_at = self.last_active = visitor.connected_at
        self._arrival = arrival
        self._project_id = project_id
        self._subscriptions = subscriptions
        self._clock = clock
        self._unsent = unsent
        self._measures = measures
        self._outbox: Outbox | None = None
        self._early: list[bytes] = []
        self._gone: Callable[[], None] | None = None
        self._is_present = self._is_closing = False
        self._said = self._untaken = 0
        self._heart: IDelayedCall | None = None

    def arrive(self) -> None:
        self._is_present = True
        self._subscriptions.arrive(self)

    def depart(self) -> None:
        if self._is_present:
            self._is_present = False
            self._subscriptions.depart(self)

    def open(self, channel: Channel, headers: Headers, dates: Dates, replies: Sequence[Reply]) -> None:
        """Take the connection over; first comes what answers the join."""
        now = self._clock.seconds()
        told = [client.reply(reply, timestamp(now), self._project_id, None) for reply in replies]
        names = [client.REPLIES[type(reply)] for reply in replies]
        first = [event_stream.event(name, message) for name, message in zip(names, told, strict=True)]
        self._early[:0] = [_head(dates.at(now), headers), event_stream.retry(RETRY), *first]
        self._gone = channel.leave
        channel.hand_over(self, self)

    # -- what the services see ------------------------------------------------------------------------------

    @property
    def is_behind(self) -> bool:
        return self._outbox is not None and self._outbox.is_behind

    @property
    def has_unsent(self) -> bool:
        return self._outbox is not None and self._outbox.has_unsent

    def hear(self, batch: IBatch) -> None:
        blob = batch.blobs.get(EVENTS)
        if blob is None:
            blob = batch.blobs[EVENTS] = event_stream.events(batch)
        self.last_active = max(self.last_active, batch.timestamp)
        self._measures.sent_frames += len(batch.items)
        self._put(blob)

    def send(self, message: bytes) -> None:
        """Of what is told to everybody, what is about this project."""
        name, project_id = event_stream.about(message)
        if project_id == self._project_id:
            self._measures.sent_frames += 1
            self._put(event_stream.event(name, message))
            if name == "project_deleted":
                self.close(PROJECT_GONE, "the project was deleted")

    def close(self, code: int, reason: str) -> None:
        if not self._is_closing:
            self._put(event_stream.closed(code, reason))
            self._is_closing = True
            self.depart()
            if not self.has_unsent:
                self._finish()

    def _put(self, data: bytes) -> None:
        if self._is_closing:
            return
        self._measures.sent_bytes += len(data)
        if self._outbox is None:
            self._early.append(data)
        else:
            self._outbox.put(data)

    # -- the transport --------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        gauge = gauge_of(self._arrival.transport)
        outbox = self._outbox = Outbox(self.transport, self._unsent, gauge, _nothing, self._drained)
        early, self._early = self._early, []
        outbox.put(b"".join(early))
        if self._is_closing:
            self._drained()
        else:
            self._heart = self._clock.callLater(HEARTBEAT, self._beat)

    def dataReceived(self, data: bytes) -> None:
        self._said += len(data)
        if self._said > MAX_SAID:
            self._arrival.abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._end()
        if self._gone is not None:
            gone, self._gone = self._gone, None
            gone()

    def _drained(self) -> None:
        if self._is_closing:
            self._finish()
        else:
            self._subscriptions.drained(self)

    def _beat(self) -> None:
        self._heart = self._clock.callLater(HEARTBEAT, self._beat)
        assert self._outbox is not None
        if not self._outbox.waits() or self._outbox.moved():
            self._untaken = 0
        else:
            self._untaken += 1
        if self._untaken >= PATIENCE:
            self._arrival.abort()
        elif not self._outbox.has_unsent:
            self._outbox.put(event_stream.COMMENT)

    def _finish(self) -> None:
        if self._outbox is None or self._arrival.answered:
            return
        self._end()
        self.transport.unregisterProducer()
        self._arrival.finish()

    def _end(self) -> None:
        self._is_closing = True
        if self._heart is not None:
            self._heart.cancel()
            self._heart = None
        if self._outbox is not None:
            self._outbox.shut()
        self.depart()


@define(eq=False)
class EventStreams:
    """Makes event streams. `unsent`: bytes that wait for a slow reader, before it catches up from the journal."""

    _dispatch: Dispatch
    _subscriptions: Subscriptions
    _clock: IReactorTime
    _unsent: int
    _measures: Measures = field(factory=Measures)
    _dates: Dates = field(factory=Dates)

    def routes(self) -> Sequence[Route]:
        return [
            Route(
                method="GET",
                path=f"{BASE}/projects/{{project_id}}/events",
                answer=self.begin,
                scope=JoinProject.scope,
                query=("after_seq", "journal_id"),
                takes_over=True,
                about=_ABOUT,
            )
        ]

    async def begin(self, visit: Visit) -> None:
        """Subscribe, and let the events have the connection. Raises Refusal."""
        command = client.command(JoinProject, _given(visit))
        assert isinstance(command, JoinProject)
        assert visit.asker is not None
        stream = EventStream(
            visit.asker,
            visit.channel.arrival,
            command.project_id,
            self._subscriptions,
            self._clock,
            self._unsent,
            self._measures,
        )
        stream.arrive()
        is_open = False
        try:
            replies = await self._dispatch.do(command, stream)
            if not visit.channel.is_over:
                stream.open(visit.channel, visit.channel.stamp, self._dates, replies)
                is_open = True
        finally:
            if not is_open:
                stream.depart()


def _given(visit: Visit) -> dict[str, object]:
    """The fields of the join. A browser that comes again repeats its query: what it has seen since stands first."""
    given: dict[str, object] = dict(visit.path)
    for name, values in visit.query.items():
        given[name] = values[0] if len(values) == 1 else list(values)
    seen = visit.call.only("last-event-id")
    if seen:
        given["after_seq"] = seen
    after = given.get("after_seq")
    if isinstance(after, str) and _NUMBER.fullmatch(after):
        given["after_seq"] = int(after)
    return given


def _head(date: bytes, headers: Headers) -> bytes:
    lines = [
        "HTTP/1.1 200 OK",
        f"Content-Type: {event_stream.CONTENT_TYPE}",
        "X-Content-Type-Options: nosniff",
        "Cache-Control: no-store",
        # For nginx, which would collect what it passes on.
        "X-Accel-Buffering: no",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "\r\n".join(lines).encode("ascii") + b"\r\n" + date + b"\r\n"


def _nothing() -> None:
    """A stream is read from whatever waits: it says nothing."""
