# -*- test-case-name: tests.inbound.test_channel -*-
"""One request of one connection: read strictly, answered once; then the connection ends or becomes something else.

twisted.web reads the request. What it lets pass and this does not: folded headers, a bare LF or other control
characters in them, two Hosts, an empty line in front, bodies without a bound, a second request behind the first.
"""

from collections.abc import Awaitable, Callable
from email.utils import formatdate
from http import HTTPStatus
from io import BytesIO

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, Request

from pocketagent.domain.message import timestamp
from pocketagent.domain.refusals import Code
from pocketagent.inbound.door import Arrival, Guest
from pocketagent.inbound.gate import Call, Head, Headers, TurnedAway, bad_request, head_too_large
from pocketagent.wire import client


@frozen
class Answer:
    """What is sent back: a status of HTTP, and one JSON object."""

    status: int
    body: bytes
    headers: Headers = ()

    @classmethod
    def to_refusal(cls, refusal: TurnedAway, now: float) -> "Answer":
        return cls(refusal.status, client.error(refusal, timestamp(now)), refusal.headers)

    def encode(self, now: float, bodiless: bool = False) -> bytes:
        """The whole response as bytes; `bodiless` to a HEAD."""
        names = {name for name, _ in self.headers}
        headers = [
            ("Date", formatdate(now, usegmt=True)),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(self.body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("Connection", "close, Upgrade" if "Upgrade" in names else "close"),
            *self.headers,
        ]
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers]
        head = "\r\n".join([*lines, "", ""]).encode("ascii")
        return head if bodiless else head + self.body


class Visit(Request):
    """A request as twisted.web reads it, of which nothing is done there."""

    channel: "Channel"

    def parseCookies(self) -> None:
        """Not here: the header is judged whole."""

    def gotLength(self, length: int | None) -> None:
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        """No request here has a body; `Channel` refuses those that do."""

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        headers: dict[str, list[str]] = {}
        for name, values in self.requestHeaders.getAllRawHeaders():
            headers[name.decode("ascii").lower()] = [value.decode("ascii") for value in values]
        self.channel.requested(Call(command.decode("ascii"), path.decode("ascii"), version.decode("ascii"), headers))


Responder = Callable[[Call, "Channel"], Awaitable[Answer | None]]
"""Answers a request, or returns None once it has taken the connection over. May raise TurnedAway."""


class Channel(HTTPChannel):
    """Reads one request and has it answered. `new_id` makes the references that stand in the log and in answers."""

    requestFactory = Visit
    _log = Logger()

    def __init__(
        self, arrival: Arrival, respond: Responder, now: Callable[[], float], new_id: Callable[[], str]
    ) -> None:
        super().__init__()
        self.arrival = arrival
        self._respond = respond
        self._now = now
        self._new_id = new_id
        self._head = Head()
        self._call: Call | None = None
        self._responding: Deferred[Answer | None] | None = None
        self.is_over = False
        """Answered, lost, or no longer ours."""

    # -- reading, called by twisted.web ---------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        if self.is_over:
            return
        super().dataReceived(data)
        # Only now, when the rest of what came in one piece with the request has been looked at, too.
        if self._call is not None and self._responding is None and not self.is_over:
            self._responding = Deferred.fromCoroutine(self._responded(self._call))
            self._responding.addCallbacks(self._answer, self._failed)

    def lineReceived(self, line: bytes) -> None:
        if self.is_over:
            return
        try:
            self._head.add(line)
        except TurnedAway as refusal:
            self._turn_away(refusal)
        else:
            super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        self._turn_away(head_too_large())

    def allHeadersReceived(self) -> None:
        if self.length != 0 or self.requests[-1].requestHeaders.hasHeader(b"Expect"):
            self._turn_away(bad_request("This request takes no body."))
        else:
            super().allHeadersReceived()

    def rawDataReceived(self, data: bytes) -> None:
        self._turn_away(bad_request("One request at a time: nothing may follow it before its answer."))

    def requested(self, call: Call) -> None:
        self._call = call

    def _respondToBadRequestAndDisconnect(self) -> None:
        self._turn_away(bad_request("This is no well-formed request."))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._end()
        super().connectionLost(reason)

    # -- answering ------------------------------------------------------------------------------------------

    def hand_over(self, protocol: IProtocol, guest: Guest) -> None:
        """Leave the connection to a protocol that it was upgraded to."""
        self.is_over = True
        self._release()
        self.arrival.become(protocol, guest)
        if self.transport is not None:
            protocol.makeConnection(self.transport)

    async def _responded(self, call: Call) -> Answer | None:
        return await self._respond(call, self)

    def _answer(self, answer: Answer | None) -> None:
        if answer is None or self.is_over or self.transport is None:
            return
        bodiless = self._call is not None and self._call.method == "HEAD"
        self.transport.write(answer.encode(self._now(), bodiless))
        self._end()
        self._release()
        self.arrival.finish()

    def _turn_away(self, refusal: TurnedAway) -> None:
        # Nothing that the other side wrote: not here, and not at any level.
        self._log.debug(
            "Turned away {peer}: {status} {code}",
            peer=getattr(self.transport and self.transport.getPeer(), "host", "?"),
            status=refusal.status,
            code=refusal.code.value,
        )
        self._answer(Answer.to_refusal(refusal, self._now()))

    def _failed(self, failure: Failure) -> None:
        if failure.check(CancelledError):
            return
        if isinstance(failure.value, TurnedAway):
            self._turn_away(failure.value)
            return
        reference = self._new_id()
        self._log.failure("A request could not be answered, reference {reference}", failure, reference=reference)
        self._turn_away(
            TurnedAway(
                503, Code.INTERNAL_ERROR, "The server could not look into this. Try again later.", reference=reference
            )
        )

    def _release(self) -> None:
        """twisted.web has the transport stop for its own producer, which no longer is one."""
        self.setTimeout(None)
        self.transport.unregisterProducer()  # type: ignore[union-attr]

    def _end(self) -> None:
        self.is_over = True
        if self._responding is not None:
            self._responding.cancel()
