# -*- test-case-name: tests.inbound.test_outbox -*-
"""What one connection still has to be sent. Every byte to a client goes through here.

The transport tells when more than its own buffer (64 KiB) waits, and when nothing waits any more; between the two
every byte is counted. Nothing is kept here: what the transport has not been given comes from the journal later.
"""

import fcntl
import socket
import sys
import termios
from collections.abc import Callable
from functools import partial
from typing import Protocol as Shape

from twisted.internet.interfaces import IPushProducer, ITCPTransport
from zope.interface import implementer

from pocketagent.inbound.sending import send

BYTES_ACKED = 120
"""Where `tcpi_bytes_acked` stands in Linux's `struct tcp_info` (since 4.1), 8 bytes."""


class Transport(Shape):
    """What a connection is read from and written to, with TLS or without."""

    def write(self, data: bytes) -> object: ...

    def pauseProducing(self) -> object: ...

    def resumeProducing(self) -> object: ...

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> object: ...

    def unregisterProducer(self) -> object: ...

    def abortConnection(self) -> object: ...


class Gauge(Shape):
    """How far the machine at the other end has come."""

    def __call__(self) -> tuple[int, int]:
        """Bytes that it has acknowledged so far, and bytes that the kernel still has for it."""


def gauge(connection: socket.socket) -> tuple[int, int]:
    """The gauge of a TCP socket, as Linux keeps it."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, BYTES_ACKED + 8)
    queued = fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4))
    return int.from_bytes(info[BYTES_ACKED:], sys.byteorder), int.from_bytes(queued, sys.byteorder)


def gauge_of(transport: object) -> Gauge:
    """The gauge of the connection below all; one that stands still where it is no socket."""
    if ITCPTransport.providedBy(transport) and hasattr(transport, "getHandle"):
        return partial(gauge, transport.getHandle())
    return lambda: (0, 0)


@implementer(IPushProducer)
class Outbox:
    """Writes to a transport and knows when its reader is behind.

    `bound`: so many bytes unsent, and the message that made it so many, are the most. Then `behind` is called and
    `is_behind` is True until all is sent. `drained` is called whenever all is sent that waited (`has_unsent`).
    """

    def __init__(
        self, transport: Transport, bound: int, gauge: Gauge, behind: Callable[[], None], drained: Callable[[], None]
    ) -> None:
        self.is_behind = False
        self._write: Callable[[bytes], object] = partial(send, transport)
        self._bound = bound
        self._gauge = gauge
        self._behind = behind
        self._drained = drained
        self.has_unsent = False
        self._unsent = 0
        self._acknowledged = 0
        transport.registerProducer(self, True)

    def put(self, data: bytes) -> None:
        """Send these bytes after all others. Never raises, whatever became of the connection."""
        self._write(data)
        if self.has_unsent:
            self._unsent += len(data)
            if self._unsent >= self._bound and not self.is_behind:
                self.is_behind = True
                self._behind()

    def shut(self) -> None:
        """Take nothing any more; what was taken is still sent."""
        self._write = _ignore
        self.has_unsent = self.is_behind = False
        self._behind = self._drained = _nothing

    def waits(self) -> bool:
        """Whether something has been sent that did not arrive at the other machine yet."""
        return self.has_unsent or self._gauge()[1] > 0

    def moved(self) -> bool:
        """Whether the other machine took a byte since this was asked last."""
        before, self._acknowledged = self._acknowledged, self._gauge()[0]
        return self._acknowledged != before

    # -- what the transport tells ---------------------------------------------------------------------------

    def pauseProducing(self) -> None:
        # Called from within `put`, which then counts all that it has just written; TCP calls it at every write.
        if not self.has_unsent:
            self.has_unsent = True
            self._unsent = 0

    def resumeProducing(self) -> None:
        if self.has_unsent:
            self.has_unsent = self.is_behind = False
            self._drained()

    def stopProducing(self) -> None:
        self.shut()


def _ignore(_: bytes) -> None:
    """Where writes to a closed connection go."""


def _nothing() -> None:
    """Nobody listens any more."""
