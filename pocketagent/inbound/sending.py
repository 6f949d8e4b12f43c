# -*- test-case-name: tests.inbound.test_sending -*-
"""The last steps of every byte to a client: encrypted some records at a time, and handed to the kernel at once.

Twisted's own transports encrypt record by record, copy what waits, and send it in the reactor's next turn. That is more
than half of the work of telling a line to a hundred clients; what the kernel does not take still waits in them.
"""

from OpenSSL import SSL
from twisted.internet.tcp import Connection
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol

PIECE = 112 * 1024
"""Bytes that are encrypted in one go: seven full records, which with what TLS adds are just below what Twisted sends in
one call (SEND_LIMIT). They stay in the processor's cache until they are sent. OpenSSL keeps a buffer of that size
for a connection that was ever sent so much."""


def send(transport: object, data: bytes) -> None:
    """Give the kernel what it takes now; what it does not take waits in the transport, which tells its producer."""
    sent = 0
    if isinstance(transport, Connection) and _is_clear(transport):
        view = memoryview(data)
        while sent < len(data):
            taken = transport.writeSomeData(view[sent:])  # type: ignore[arg-type]  # it takes any bytes-like object
            if not isinstance(taken, int) or taken <= 0:
                break
            sent += taken
    if sent < len(data):
        transport.write(data[sent:])  # type: ignore[attr-defined]  # every transport has it; their interfaces are many


def _is_clear(transport: Connection) -> bool:
    """Whether nothing waits in it, and nothing ends it: else what is sent now would overtake, or go nowhere."""
    return bool(
        transport.connected
        and not transport.disconnecting
        and not transport.disconnected
        and not transport.dataBuffer
        and not transport._tempDataBuffer
    )


class TLS(TLSMemoryBIOProtocol):
    """The server's side of TLS on one connection."""

    def _write(self, data: bytes) -> None:
        if self._lostTLSConnection:
            return
        view = memoryview(data)
        for start in range(0, len(view), PIECE):
            try:
                self._tlsConnection.sendall(view[start : start + PIECE])
            except SSL.Error:
                # In the middle of a handshake, or gone: Twisted's own way knows what to do.
                super()._write(bytes(view[start:]))
                return
            send(self.transport, self._tlsConnection.bio_read(2 * PIECE))


class Encryption(TLSMemoryBIOFactory):
    """Makes the TLS of connections; never by Twisted's way of collecting small writes until its next turn: what is
    written here is joined already, and bytes that are held back would escape the outbox's count."""

    protocol = TLS
