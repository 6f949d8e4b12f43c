"""A process under the supervisor, as the reactor sees it."""

import os
import sys
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from pocketagent.outbound.agent.channels import READ_SIZE
from pocketagent.outbound.agent.child import MARK, MAX_UNWRITTEN, Child, Order, Over, spawn
from pocketagent.outbound.threads import Threads
from tests.outbound.agent.living import dies, is_alive


class Reader:
    """Keeps what it hears; `pause_at`: hears nothing more after so many pieces."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.events: list[str] = []
        self.pause_at = 0
        self.child: Child | None = None
        self.first: Deferred[None] = Deferred()
        self.end: Deferred[Over] = Deferred()

    @property
    def said(self) -> bytes:
        return b"".join(self.pieces)

    def heard(self, data: bytes) -> None:
        self.pieces.append(data)
        if len(self.pieces) == self.pause_at and self.child is not None:
            self.child.pause()
        if not self.first.called:
            self.first.callback(None)

    def closed(self) -> None:
        self.events.append("closed")

    def over(self, over: Over) -> None:
        self.events.append("over")
        self.end.callback(over)


class ChildTests(TestCase):
    timeout = 60

    def _spawn(self, code: str, reader: Reader, **more: Any) -> Child:
        argv = [sys.executable, "-S", "-c", code]
        directory = os.open("/", os.O_PATH)
        self.addCleanup(os.close, directory)
        threads = Threads(reactor, reactor.getThreadPool())  # type: ignore[arg-type, attr-defined]
        order = Order(argv, {MARK: self.id()}, {})
        reader.child = spawn(reactor, threads, order, directory, reader, **more)  # type: ignore[arg-type]
        self.addCleanup(self._end, reader)
        return reader.child

    async def _end(self, reader: Reader) -> None:
        assert reader.child is not None
        if "over" not in reader.events:
            reader.child.kill()
            reader.child.resume()
            await reader.end

    async def test_in_and_out(self) -> None:
        """What is written arrives, what it says is heard in order, and the end comes after the end of its output."""
        reader = Reader()
        child = self._spawn("import sys, os; os.write(1, sys.stdin.buffer.read()); os._exit(3)", reader)
        data = os.urandom(1_000_000)
        self.assertTrue(child.write(data[:10]))
        self.assertTrue(child.write(data[10:]))
        child.close_input()
        self.assertEqual(await reader.end, Over(exit_code=3))
        self.assertEqual((reader.said, reader.events), (data, ["closed", "over"]))

    async def test_large_reads(self) -> None:
        """Its output comes in large pieces, and none is over the bound."""
        reader = Reader()
        self._spawn("import os\nfor _ in range(1000): os.write(1, b'x' * 65536)", reader)
        await reader.end
        self.assertEqual(len(reader.said), 65_536_000)
        self.assertLessEqual(max(map(len, reader.pieces)), READ_SIZE)
        self.assertGreater(65_536_000 / len(reader.pieces), 16_384)

    async def test_paused(self) -> None:
        """While it is paused nothing is heard, not even the end; then all of it, in order."""
        reader = Reader()
        reader.pause_at = 1
        child = self._spawn("import os\nos.write(1, b'x' * 100000)", reader)
        await reader.first
        dead: Deferred[None] = Deferred()
        child.kill()
        child.dead.then(lambda: dead.callback(None))
        await dead
        self.assertEqual((len(reader.pieces), reader.events), (1, []))
        child.resume()
        await reader.end
        self.assertEqual(reader.events, ["closed", "over"])

    async def test_complaints(self) -> None:
        """Only the last of its complaints is kept, all of it up to the moment of death."""
        reader = Reader()
        code = "import os\nfor n in range(100): os.write(2, b'%04d' % n * 1000)"
        child = self._spawn(code, reader, stderr_kept=6000)
        await reader.end
        self.assertEqual(child.stderr, b"0098" * 500 + b"0099" * 1000)

    async def test_unread(self) -> None:
        """What is written to one that never reads has a bound."""
        reader = Reader()
        child = self._spawn("import time; time.sleep(3600)", reader)
        piece = b"x" * (MAX_UNWRITTEN // 8)
        self.assertEqual([child.write(piece) for _ in range(9)], [True] * 8 + [False])

    async def test_started_as(self) -> None:
        """The pid is known once it runs, and belongs to the process itself."""
        reader = Reader()
        child = self._spawn("import os, time; os.write(1, b'%d' % os.getpid()); time.sleep(3600)", reader)
        await reader.first
        self.assertEqual(child.pid, int(reader.said))

    async def test_reactor_ends(self) -> None:
        """When the reactor closes everything at its own end, it waits for nothing, and the process dies."""
        reader = Reader()
        child = self._spawn("import os, time; os.write(1, b'x'); time.sleep(3600)", reader)
        await reader.first
        assert child.pid is not None and is_alive(child.pid)
        for each in (child._process, child._input, child._output, child._errors, child._control):
            each.connectionLost(Failure(ConnectionLost()))
        reader.events.append("over")
        self.assertTrue(dies(child.pid))
        child._process._process.wait()
