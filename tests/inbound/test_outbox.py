"""Tests of `pocketagent.inbound.outbox`."""

import socket

from twisted.internet.interfaces import IPushProducer
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pocketagent.inbound.outbox import Outbox, gauge

KiB = 1024


class Pipe:
    """A transport as Twisted's TCP is one: says stop at every write while more than 64 KiB wait."""

    def __init__(self) -> None:
        self.waiting = 0
        self.written: list[bytes] = []
        self.producer: IPushProducer | None = None
        self.paused = False
        self.is_reading = True
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written.append(data)
        self.waiting += len(data)
        if self.waiting > 64 * KiB and self.producer is not None:
            self.paused = True
            self.producer.pauseProducing()

    def drain(self) -> None:
        """The reader has read all."""
        self.waiting = 0
        if self.paused and self.producer is not None:
            self.paused = False
            self.producer.resumeProducing()

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def pauseProducing(self) -> None:
        self.is_reading = False

    def resumeProducing(self) -> None:
        self.is_reading = True

    def abortConnection(self) -> None:
        self.aborted = True


class OutboxTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.pipe = Pipe()
        self.told: list[str] = []
        self.far = (0, 0)
        self.outbox = Outbox(
            self.pipe,
            1024 * KiB,
            lambda: self.far,
            lambda: self.told.append("full"),
            lambda: self.told.append("drained"),
        )

    def test_interface(self) -> None:
        """It is what the transport wants of a producer."""
        verifyObject(IPushProducer, self.outbox)

    def test_one_write(self) -> None:
        """What is put in is written at once, as it is, in one go."""
        blob = b"x" * 300 * KiB
        self.outbox.put(blob)
        self.assertIs(self.pipe.written[0], blob)
        self.assertEqual(len(self.pipe.written), 1)

    def test_bound(self) -> None:
        """It is behind from the bound on, the message that reached it included, and not before."""
        for _ in range(15):
            self.outbox.put(b"x" * 64 * KiB)
        self.assertEqual((self.outbox.is_behind, self.told), (False, []))
        for _ in range(3):
            self.outbox.put(b"x" * 64 * KiB)
        self.assertEqual((self.outbox.is_behind, self.told), (True, ["full"]))
        self.outbox.put(b"a reply all the same")
        self.assertEqual(self.told, ["full"])

    def test_large_message(self) -> None:
        """A message over the bound is sent whole."""
        self.outbox.put(b"x" * 4096 * KiB)
        self.assertEqual((self.pipe.waiting, self.told), (4096 * KiB, ["full"]))

    def test_drained(self) -> None:
        """Once all is sent it is not behind, says so, and counts from nothing again."""
        self.outbox.put(b"x" * 2048 * KiB)
        self.pipe.drain()
        self.assertEqual((self.outbox.is_behind, self.told), (False, ["full", "drained"]))
        for _ in range(15):
            self.outbox.put(b"x" * 64 * KiB)
        self.assertFalse(self.outbox.is_behind)

    def test_drained_in_time(self) -> None:
        """Who reads along is never behind, however much it is."""
        for _ in range(100):
            self.outbox.put(b"x" * 512 * KiB)
            self.assertTrue(self.outbox.has_unsent)
            self.pipe.drain()
        self.assertEqual(self.told, ["drained"] * 100)

    def test_shut(self) -> None:
        """After the end nothing is taken, and nobody is told anything."""
        self.outbox.put(b"x" * 2048 * KiB)
        self.outbox.shut()
        self.outbox.put(b"x" * 2048 * KiB)
        self.pipe.drain()
        self.assertEqual((len(self.pipe.written), self.told, self.outbox.is_behind), (1, ["full"], False))

    def test_connection_lost(self) -> None:
        """FL-04: when the connection breaks meanwhile a message goes nowhere, and no error comes of it."""
        self.outbox.stopProducing()
        self.outbox.put(b"x")
        self.assertEqual(self.pipe.written, [])

    def test_signs_of_progress(self) -> None:
        """A reader moves when its machine has acknowledged more than when it was asked last."""
        self.far = (100, 50)
        self.assertTrue(self.outbox.moved())
        self.assertFalse(self.outbox.moved())
        self.assertTrue(self.outbox.waits())
        self.far = (150, 0)
        self.assertFalse(self.outbox.waits())
        self.assertTrue(self.outbox.moved())
        self.outbox.put(b"x" * 128 * KiB)
        self.assertTrue(self.outbox.waits())


class GaugeTests(SynchronousTestCase):
    def test_kernel(self) -> None:
        """The kernel knows what the other machine took, and what it did not."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            near = socket.create_connection(server.getsockname())
            far, _ = server.accept()
            with near, far:
                before, _ = gauge(near)
                near.sendall(b"x" * 1000)
                far.recv(1000)
                after, queued = gauge(near)
                self.assertEqual((after - before, queued), (1000, 0))
                near.setblocking(False)
                sent = 0
                with self.assertRaises(BlockingIOError):
                    while True:
                        sent += near.send(b"x" * 65536)
                self.assertGreater(gauge(near)[1], 0)
