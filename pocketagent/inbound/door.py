# -*- test-case-name: tests.inbound.test_door -*-
"""Every TCP connection comes in here, before TLS: how many may wait to be known, and for how long.

The clock of a newcomer runs from the accept until it has shown its credential, whatever bytes come meanwhile:
one byte of a TLS handshake every nine seconds wins nothing.
"""

from collections.abc import Callable, Iterable
from typing import Protocol as Shape

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IOpenSSLServerConnectionCreator,
    IProtocol,
    IReactorTime,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure

from pocketagent.domain.measures import Metric, counter, gauge
from pocketagent.inbound.sending import TLS, Encryption

LINGER = 2.0
"""Seconds that a client gets to read its last answer."""


class Guest(Shape):
    """Somebody who came to stay: a WebSocket, or a connection of HTTP that has shown a credential."""

    def close(self, code: int, reason: str) -> None: ...


class Arrival(Protocol):
    """One accepted connection. What it says is passed on to `inner`: TLS, or HTTP itself."""

    inner: IProtocol

    def __init__(self, door: "Door") -> None:
        self._door = door
        self._deadline: IDelayedCall | None = None
        self.guest: Guest | None = None
        self.answered = False

    def connectionMade(self) -> None:
        if ITCPTransport.providedBy(self.transport):
            # Nobody else does: Autobahn tries, and swallows that it cannot (99th percentile 19 ms instead of 3).
            ITCPTransport(self.transport).setTcpNoDelay(True)
        self._set_deadline(self._door.patience)
        self._door.arrived(self)
        if self.transport is not None:
            self.inner.makeConnection(self.transport)

    @property
    def address(self) -> str:
        """Of the other end of the connection: a proxy's, where one is between."""
        return str(getattr(self.transport and self.transport.getPeer(), "host", ""))

    def dataReceived(self, data: bytes) -> None:
        self.inner.dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._set_deadline(None)
        self._door.left(self)
        self.inner.connectionLost(reason)

    def abort(self) -> None:
        """Drop the connection at once, with whatever waits to be sent."""
        if ITCPTransport.providedBy(self.transport):
            ITCPTransport(self.transport).abortConnection()

    def finish(self) -> None:
        """Its last answer is written: what still comes is not looked at, and soon it is dropped."""
        self.answered = True
        self._set_deadline(LINGER)
        if isinstance(self.inner, TLSMemoryBIOProtocol):
            self.inner.loseConnection()
        elif ITCPTransport.providedBy(self.transport):
            # Half of it only: closed whole while the client still writes, it would never read its answer.
            ITCPTransport(self.transport).loseWriteConnection()

    def bear(self, seconds: float) -> None:
        """It is not known yet, and has this long from now on: it reads what everybody may. Its place stays one of those
        who wait."""
        self.answered = True
        self._set_deadline(seconds)

    def know(self, guest: Guest) -> None:
        """Its credential is good: nothing hurries it any more."""
        self._set_deadline(None)
        self._door.welcomed(self)
        self.guest = guest

    def become(self, protocol: IProtocol, guest: Guest) -> None:
        """From now on it is this protocol that reads the connection, of a guest whose credential is good."""
        self.know(guest)
        if isinstance(self.inner, TLSMemoryBIOProtocol):
            self.inner.wrappedProtocol = protocol
        else:
            self.inner = protocol

    def _set_deadline(self, seconds: float | None) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None if seconds is None else self._door.clock.callLater(seconds, self.abort)


class Door(ServerFactory):
    """Lets connections in: at most `handshakes` that are not known yet, each for `patience` seconds.

    From half of that bound on, one of those who wait has to go for a newcomer, more and more likely: whoever holds
    a place and says nothing loses it, and who is quick gets in (after sshd's MaxStartups). `random` returns numbers
    in [0, 1). `speak` makes what reads HTTP; it is put inside TLS where `tls` is given.
    """

    noisy = False

    def __init__(
        self,
        clock: IReactorTime,
        speak: Callable[[Arrival], IProtocol],
        tls: IOpenSSLServerConnectionCreator | None,
        handshakes: int,
        patience: float,
        random: Callable[[], float],
    ) -> None:
        self.clock = clock
        self.patience = patience
        self.dropped = 0
        """How many went without an answer: one too many, too slow, or no TLS."""
        self._speak = speak
        self._tls = tls and Encryption(tls, False, ServerFactory(), clock)
        self._handshakes = handshakes
        self._random = random
        self._present: set[Arrival] = set()
        self._waiting: dict[Arrival, None] = {}
        self._emptied: Deferred[None] | None = None

    def buildProtocol(self, addr: IAddress | None) -> Arrival | None:
        if self._emptied is not None:
            return None
        arrival = Arrival(self)
        channel = self._speak(arrival)
        arrival.inner = TLS(self._tls, channel) if self._tls else channel
        return arrival

    def metrics(self) -> Iterable[Metric]:
        """Who waits to be known, and who went without an answer."""
        yield gauge("connections_unknown", "Connections that have shown no credential yet.", len(self._waiting))
        yield counter("connections_dropped_total", "Connections that ended without an answer.", self.dropped)

    def close_all(self, code: int, reason: str, within: float) -> Deferred[None]:
        """Say goodbye to everybody, let nobody in any more; fires when all are gone, the last by force in time."""
        if self._emptied is None:
            self._emptied = Deferred()
            last_call = self.clock.callLater(within, self._abort_all)
            self._emptied.addCallback(lambda _: last_call.cancel() if last_call.active() else None)
            for arrival in list(self._present):
                if arrival.guest is None:
                    arrival.abort()
                else:
                    arrival.guest.close(code, reason)
            self._fire_when_empty(self._emptied)
        return self._emptied

    def _abort_all(self) -> None:
        for arrival in list(self._present):
            arrival.abort()

    # -- what arrivals tell ---------------------------------------------------------------------------------

    def arrived(self, arrival: Arrival) -> None:
        waiting, early = len(self._waiting), self._handshakes // 2
        if self._random() * (self._handshakes - early) < waiting - early:
            victim = list(self._waiting)[int(self._random() * waiting)]
            self._forget(victim)
            victim.abort()
        self._present.add(arrival)
        self._waiting[arrival] = None

    def welcomed(self, arrival: Arrival) -> None:
        self._waiting.pop(arrival, None)

    def left(self, arrival: Arrival) -> None:
        self._forget(arrival)
        self._present.discard(arrival)
        if self._emptied is not None:
            self._fire_when_empty(self._emptied)

    def _fire_when_empty(self, emptied: Deferred[None]) -> None:
        if not self._present and not emptied.called:
            emptied.callback(None)

    def _forget(self, arrival: Arrival) -> None:
        if arrival in self._waiting:
            del self._waiting[arrival]
            self.dropped += not arrival.answered
