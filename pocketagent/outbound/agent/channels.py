# -*- test-case-name: tests.outbound.agent.test_child -*-
"""What the reactor watches of a child: our ends of its sockets, and the exit of its supervisor."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable

from twisted.internet.abstract import FileDescriptor
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.python.failure import Failure
from zope.interface import implementer

from pocketagent.outbound.agent.steps import Moment

READ_SIZE = 256 * 1024
"""Bytes of one read: Twisted's own 8 KB cost more than half of the speed (architecture.md)."""


class Channel(FileDescriptor):
    """One of our ends of a socketpair."""

    def __init__(
        self, reactor: IReactorFDSet, end: socket.socket, heard: Callable[[bytes], None], closed: Callable[[], None]
    ) -> None:
        super().__init__(reactor)
        end.setblocking(False)
        self._end = end
        self._heard = heard
        self._closed = closed
        self._reads = 0
        self.connected = 1

    def fileno(self) -> int:
        return self._end.fileno()

    def doRead(self) -> Exception | None:
        try:
            data = self._end.recv(READ_SIZE)
        except BlockingIOError:
            return None
        except OSError:
            return CONNECTION_LOST
        if not data:
            return CONNECTION_DONE
        self._reads += 1
        self._heard(data)
        return None

    def read_on(self) -> bool:
        """Read what is there, without the reactor; whether there was anything."""
        before = self._reads
        if not self.disconnected:
            problem = self.doRead()
            if problem is not None:
                self.connectionLost(Failure(problem))
        return self._reads > before

    def writeSomeData(self, data: bytes) -> int | Exception:
        try:
            return self._end.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            return CONNECTION_LOST

    @property
    def unwritten(self) -> int:
        return len(self.dataBuffer) - self.offset + self._tempDataLen

    def connectionLost(self, reason: Failure) -> None:
        if not self.disconnected:
            super().connectionLost(reason)
            self._end.close()
            self._closed()

    def end(self) -> None:
        """Close it now, whatever is left."""
        self.connectionLost(Failure(ConnectionDone()))


@implementer(IReadDescriptor)
class Exit:
    """The exit of a process of ours, seen through a pidfd: it is reaped then, and its number never used after."""

    def __init__(self, reactor: IReactorFDSet, process: "subprocess.Popen[bytes]") -> None:
        self.seen = Moment()
        self._reactor = reactor
        self._process = process
        self._pidfd = os.pidfd_open(process.pid)
        reactor.addReader(self)

    def fileno(self) -> int:
        return self._pidfd

    def logPrefix(self) -> str:
        return "supervisor"

    def doRead(self) -> None:
        self.connectionLost(Failure(ConnectionDone()))

    def connectionLost(self, reason: Failure) -> None:
        if self._pidfd != -1:
            self._reactor.removeReader(self)
            os.close(self._pidfd)
            self._pidfd = -1
            # The reactor calls this at its own end too, when the process may still live; never wait for it here.
            if self._process.poll() is not None:
                self.seen.happen()

    def kill(self) -> None:
        if self._pidfd != -1:
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
