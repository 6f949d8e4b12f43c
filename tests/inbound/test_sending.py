"""The last steps of a byte to a client."""

import socket

from twisted.internet import reactor
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.inbound.sending import PIECE, send


class SendTests(SynchronousTestCase):
    """Plain TCP: what the kernel takes is sent at once, the rest waits in the transport, and nothing overtakes."""

    def setUp(self) -> None:
        ours, self.theirs = socket.socketpair()
        ours.setblocking(False)
        self.addCleanup(self.theirs.close)
        self.addCleanup(ours.close)
        self.transport = Connection(ours, Protocol(), reactor)
        self.transport.connected = 1
        self.addCleanup(self.transport.stopWriting)

    def read(self) -> bytes:
        """Everything that the other end gets until nothing more comes."""
        self.theirs.setblocking(False)
        got = b""
        while True:
            try:
                got += self.theirs.recv(1 << 20)
            except BlockingIOError:
                if not self.transport.dataBuffer and not self.transport._tempDataBuffer:
                    return got
                self.transport.doWrite()

    def test_at_once(self) -> None:
        """A message that the kernel takes is there without a turn of the reactor."""
        send(self.transport, b"hello")
        self.assertEqual(self.theirs.recv(100), b"hello")
        self.assertFalse(self.transport._tempDataBuffer)

    def test_rest_waits(self) -> None:
        """What the kernel does not take comes later, before everything that was sent after it."""
        first, second = b"a" * 8 * PIECE, b"b" * 100
        send(self.transport, first)
        self.assertTrue(self.transport._tempDataBuffer)
        send(self.transport, second)
        self.assertEqual(self.read(), first + second)
