# -*- test-case-name: tests.inbound.test_channel -*-
"""The requests of one connection, read strictly and answered one by one; or until it becomes something else.

A request is looked at when its head is whole, and its body read when somebody asks for it: whoever has shown no
credential has no bytes read beyond the head. The next request is read when the one before is answered and the answer
was taken; what a client sends meanwhile is kept up to a bound, and then it is not read from.
"""

from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, ExitStack
from typing import Any
from typing import Protocol as Shape

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IProtocol, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from pocketagent.domain.access import Device
from pocketagent.domain.measures import Credential
from pocketagent.domain.refusals import Code
from pocketagent.domain.tracing import working
from pocketagent.inbound.answer import Answer, Dates, to_refusal
from pocketagent.inbound.call import MAX_HEAD, Call, Head, head_too_large
from pocketagent.inbound.deadline import Deadline
from pocketagent.inbound.door import Arrival, Guest
from pocketagent.inbound.gate import NOBODY, Names
from pocketagent.inbound.outbox import Outbox, Transport, gauge_of
from pocketagent.inbound.turned_away import Headers, TurnedAway, bad_request, unauthorized

READ_AHEAD = 16 * 1024
"""Bytes behind a request that are kept while it is answered."""
REQUEST_TIME = 30.0
"""Seconds within which a head that has begun must be whole; and a body, unless its route gives it longer."""
KEEP_ALIVE = 75.0
"""Seconds that a connection may be open between two requests."""
STRANGER_ANSWERS = 32
"""Public answers that a connection of somebody unknown may have: a page and its files, without a handshake for each."""
STRANGER_TIME = 60.0
"""Seconds from the first of them on after which it is dropped, if it has shown no credential."""
STRANGER_IDLE = 5.0
"""Seconds that it may be open between two requests."""
STALLED = 30.0
"""Seconds after which a client that takes no byte of its answer is dropped."""
GOING_AWAY = 1001
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_log = Logger()


class Lodger(Shape):
    """The connection as the services see it, once its credential was good."""

    device: Device

    def depart(self) -> None:
        """It is no more, or has become something else."""


Responder = Callable[[Call, "Channel"], Coroutine["Deferred[Any]", Any, Answer | None]]
"""Answers a request, or returns None once it has taken the connection over. May raise TurnedAway."""


class Channel(Protocol):
    """Reads requests and has them answered. `new_id` makes the references that stand in the log and in answers."""

    transport: Transport  # type: ignore[assignment]

    def __init__(
        self, arrival: Arrival, respond: Responder, clock: IReactorTime, dates: Dates, new_id: Callable[[], str]
    ) -> None:
        self.arrival = arrival
        self.lodger: Lodger | None = None
        """Who lives here: set with `stay`."""
        self.leave: Callable[[], None] | None = None
        """Called when the connection ends; whoever takes it over sees to that from then on."""
        self.stamp: Headers = ()
        """Headers of the answer to the request that is under way, whatever it will be."""
        self.address = ""
        """Where it comes from: the other end, and once a request is judged, who stands behind trusted proxies."""
        self.names: Names = NOBODY
        """Under which names it may come, and by which scheme it came, once a request is judged."""
        self.is_over = False
        """Answered for the last time, lost, or no longer ours."""
        self._respond = respond
        self._clock = clock
        self._dates = dates
        self._new_id = new_id
        self._outbox: Outbox
        self._unread = bytearray()
        self._head = Head()
        self._call: Call | None = None
        self._request_id = ""
        self._is_begun = False
        self._missing = 0
        self._body: Deferred[None] | None = None
        self._responding: Deferred[Answer | None] | None = None
        self._is_committed = False
        self._is_alone = False
        self._is_closing = False
        self._is_busy = False
        self._is_reading = True
        self._public_answers = 0
        self._held = ExitStack()
        self._deadline = Deadline(clock, self._too_late)

    # -- the transport --------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        self.address = self.arrival.address
        gauge = gauge_of(self.arrival.transport)
        self._outbox = Outbox(self.transport, 0, gauge, _nothing, self._drained)

    def dataReceived(self, data: bytes) -> None:
        if self.is_over:
            return
        self._unread += data
        if self._body is not None:
            self._take_body()
        elif self._call is None:
            self._read_on()
        elif self._is_alone:
            self._turn_away(_not_alone())
        else:
            self._mind_reading()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._end()
        self._depart()
        if self.leave is not None:
            self.leave()
            self.leave = None

    # -- reading --------------------------------------------------------------------------------------------

    def _read_on(self) -> None:
        """Read requests as long as each is answered at once."""
        if self._is_busy:
            return
        self._is_busy = True
        try:
            while self._unread and self._call is None and not self.is_over and not self._outbox.has_unsent:
                if not self._read_head():
                    break
        finally:
            self._is_busy = False
        if not self.is_over:
            self._mind_reading()

    def _read_head(self) -> bool:
        """Read on in a head; whether it is whole."""
        unread, head = self._unread, self._head
        at, is_whole = 0, False
        try:
            while not is_whole:
                end = unread.find(b"\r\n", at)
                if end < 0:
                    break
                is_whole = head.add(bytes(unread[at:end]))
                at = end + 2
            if not is_whole and head.size + len(unread) - at > MAX_HEAD:
                raise head_too_large()
            call = head.call() if is_whole else None
        except TurnedAway as refusal:
            self._turn_away(refusal)
            return False
        del unread[:at]
        if call is not None:
            self._head = Head()
            self._is_begun = False
            self._begin(call)
        elif not self._is_begun:
            self._is_begun = True
            self._expect(REQUEST_TIME)
        return is_whole

    async def body(self, bound: int, seconds: float = REQUEST_TIME) -> bytes:
        """The body of the request that is under way; once. Raises TurnedAway: 413 before a byte of it is read."""
        return bytes(await self.large_body(bound, seconds))

    async def large_body(self, bound: int, seconds: float) -> bytearray:
        """The same, as it was read: so it is never in memory twice."""
        call = self._call
        if call is None or call.length == 0:
            return bytearray()
        if call.length > bound:
            raise TurnedAway(413, Code.MESSAGE_TOO_LARGE, f"The body has at most {bound} bytes here.", limit=bound)
        if len(self._unread) < call.length:
            if "expect" in call.headers and call.version == "HTTP/1.1":
                self._outbox.put(CONTINUE)
            self._body = Deferred()
            self._expect(seconds)
            self._set_reading(True)
            await self._body
        body, self._unread = self._unread, self._unread[call.length :]
        del body[call.length :]
        self._missing = 0
        self._mind_reading()
        return body

    def _take_body(self) -> None:
        if len(self._unread) >= self._missing and self._body is not None:
            self._deadline.met()
            body, self._body = self._body, None
            body.callback(None)

    def be_alone(self) -> None:
        """Nothing may follow this request before its answer. Raises TurnedAway (400)."""
        if self._unread:
            raise _not_alone()
        self._is_alone = True

    def _mind_reading(self) -> None:
        self._set_reading(self._body is not None or len(self._unread) < READ_AHEAD)

    def _set_reading(self, wanted: bool) -> None:
        if wanted != self._is_reading:
            self._is_reading = wanted
            if wanted:
                self.transport.resumeProducing()
            else:
                self.transport.pauseProducing()

    # -- answering ------------------------------------------------------------------------------------------

    def stay(self, lodger: Lodger) -> None:
        """Its credential is good: it is kept open between requests."""
        self.lodger = lodger
        self.arrival.know(self)

    def hold(self, context: AbstractContextManager[None]) -> None:
        """Enter this until the answer to the request that is under way is sent, or the connection is over. Raises as it
        does."""
        self._held.enter_context(context)
        if self.is_over:
            self._held.close()

    def commit(self) -> None:
        """What is asked is now being done, and is not given up when the client goes."""
        self._is_committed = True

    def hand_over(self, protocol: IProtocol, guest: Guest) -> None:
        """Leave the connection to a protocol that it becomes, together with `leave`."""
        self.leave = None
        self._set_reading(True)
        self._is_committed = True
        self._end()
        self._depart()
        self.transport.unregisterProducer()
        self.arrival.become(protocol, guest)
        protocol.makeConnection(self.transport)  # type: ignore[arg-type]  # a part of ITransport is all that we know

    def _begin(self, call: Call) -> None:
        self._call = call
        self._missing = call.length
        self._deadline.met()
        self._request_id = self._new_id()
        with working(request_id=self._request_id):
            responding = self._responding = Deferred.fromCoroutine(self._respond(call, self))
        responding.addCallbacks(self._answer, self._failed)

    def _answer(self, answer: Answer | None) -> None:
        if answer is None or self.is_over:
            return
        now = self._clock.seconds()
        call = self._call
        is_last = not self._goes_on(answer)
        if call is not None:
            # Where nothing was found, nobody knows what it was that stood in the path.
            path = call.path if answer.status < 400 else None
            _log.debug("{method} {path}: {status}", method=call.method, path=path, status=answer.status)
        bodiless = call is not None and call.method == "HEAD"
        self._outbox.put(
            answer.also(self.stamp).encode(self._dates.at(now), bodiless=bodiless, last=is_last),
        )
        if is_last:
            self._is_closing = True
        else:
            if self.lodger is None:
                self._bear()
            del self._unread[: self._missing]
            self._call = self._responding = None
            self.stamp = ()
            self._missing = 0
            self._is_committed = self._is_alone = False
        if self._outbox.has_unsent:
            self._outbox.moved()
            self._expect(STALLED)
        else:
            self._drained()

    def _bear(self) -> None:
        """Somebody unknown goes on reading what everybody may: for so long, and no longer."""
        if not self._public_answers:
            self.arrival.bear(STRANGER_TIME)
        self._public_answers += 1

    def _goes_on(self, answer: Answer) -> bool:
        """Whether another request may follow: of those who are known, or read what everybody may and have not read too
        much; and where it is clear where it begins."""
        call = self._call
        is_borne = answer.is_public and self._public_answers + 1 < STRANGER_ANSWERS
        return (
            call is not None
            and (self.lodger is not None or is_borne)
            and not self._is_closing
            and answer.status != 401
            and self._missing <= len(self._unread)
            and call.version == "HTTP/1.1"
            and ("connection" not in call.headers or "close" not in [word.lower() for word in call.words("connection")])
        )

    def _drained(self) -> None:
        """All that was answered is sent."""
        self._held.close()
        if self.is_over:
            return
        if self._is_closing and (self._call is None or self._responding is None or self._responding.called):
            self._finish()
        elif self._call is None:
            self._deadline.expect(KEEP_ALIVE if self.lodger is not None else STRANGER_IDLE)
            self._read_on()

    def _turn_away(self, refusal: TurnedAway) -> None:
        # Nothing that the other side wrote: not here, and not at any level.
        _log.debug(
            "Turned away {peer}: {status} {code}",
            peer=self.address,
            status=refusal.status,
            code=refusal.code.value,
        )
        responding, self._responding = self._responding, None
        self._body = None
        # What is still being answered is cut short.
        self._is_closing |= self._call is None or (responding is not None and not responding.called)
        self._answer(to_refusal(refusal, self._clock.seconds()))
        if responding is not None and not self._is_committed:
            responding.cancel()

    def _failed(self, failure: Failure) -> None:
        if failure.check(CancelledError):
            return
        if isinstance(failure.value, TurnedAway):
            self._turn_away(failure.value)
            return
        reference = self._request_id
        _log.failure(
            "A request could not be answered, reference {reference}", failure, reference=reference, request_id=reference
        )
        if self._is_committed:
            message, status = "The server failed at this; its log tells why under the reference.", 500
        else:
            message, status = "The server could not look into this. Try again later.", 503
        self._turn_away(TurnedAway(status, Code.INTERNAL_ERROR, message, reference=reference))

    # -- the end --------------------------------------------------------------------------------------------

    def close(self, code: int, reason: str) -> None:
        """End it from outside: when the server stops, after the answer that is under way; when the credential is gone,
        at once, and that is the answer."""
        if self.is_over:
            return
        self._is_closing = True
        if code == GOING_AWAY:
            if self._call is None:
                self._finish()
        elif self._responding is None or self._responding.called:
            self._finish()
        else:
            self._turn_away(unauthorized(Credential.UNKNOWN.value, reason))

    def take_leave(self) -> None:
        """The request that is under way ends its own credential: its answer is the last, and comes in any case."""
        self._is_closing = True
        self._depart()

    def _expect(self, seconds: float) -> None:
        """Something has to come within this time, else `_too_late`. How long strangers may be, the door knows; whoever
        has taken leave is none to it."""
        if self.arrival.guest is not None:
            self._deadline.expect(seconds)

    def _too_late(self) -> None:
        if self._outbox.has_unsent:
            if self._outbox.moved():
                self._expect(STALLED)
            else:
                self.arrival.abort()
        elif self.lodger is None and self._outbox.waits():
            # It is still reading: the kernel has the rest for it.
            self._deadline.expect(STRANGER_IDLE)
        elif self._call is None and (self.lodger is None or not self._is_begun):
            self._finish()
        else:
            message = "The rest of this request, or of its body, did not come in time."
            self._turn_away(TurnedAway(408, Code.INVALID_MESSAGE, message))

    def _finish(self) -> None:
        self._end()
        self._depart()
        self.transport.unregisterProducer()
        self.arrival.finish()

    def _depart(self) -> None:
        lodger, self.lodger = self.lodger, None
        if lodger is not None:
            lodger.depart()

    def _end(self) -> None:
        self.is_over = True
        self._held.close()
        self._outbox.shut()
        self._deadline.stop()
        responding, self._responding = self._responding, None
        if responding is not None and not self._is_committed:
            responding.cancel()


def _not_alone() -> TurnedAway:
    return bad_request("One request at a time: nothing may follow it before its answer.")


def _nothing() -> None:
    """However much waits: the next request is read when all is sent."""
