"""FR-01 to FR-06, FR-14: Autobahn's own cases, run by `kosoku` against our WebSocket on loopback."""

import re
import sys
from pathlib import Path
from typing import Protocol

from attrs import evolve
from twisted.internet import reactor as installed
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IReactorTCP, IReactorTime
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import ServerFactory, connectionDone
from twisted.internet.utils import getProcessOutputAndValue
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest, TestCase

from pocketagent.domain.access import Device
from pocketagent.inbound.connection import Connection
from pocketagent.inbound.handshake import Upgrade
from pocketagent.inbound.outbox import Outbox
from pocketagent.inbound.websocket import WebSocket, WebSockets
from tests.inbound.house import DEVICE, TERMS, Dispatch, Subscriptions, number
from tests.inbound.test_outbox import KiB


class EchoLine(Protocol):
    """What an echo is sent by."""

    is_binary: bool

    def sendMessage(self, payload: bytes, isBinary: bool) -> None: ...


class Echo(WebSocket):
    """Our WebSocket, but for what it understands: binary messages too, of any number of frames."""

    is_binary = False

    def onMessageBegin(self, isBinary: bool) -> None:
        super().onMessageBegin(False)
        self.is_binary = isBinary

    def onMessageFrameBegin(self, length: int) -> None:
        self._frames = 0
        super().onMessageFrameBegin(length)


class EchoConnection(Connection):
    """Says what it hears, and nothing else."""

    _line: EchoLine  # type: ignore[assignment]

    def opened(self) -> None:
        """Nobody is greeted."""

    def received(self, payload: bytes) -> bool:
        self._line.sendMessage(payload, self._line.is_binary)
        return True

    def controlled(self) -> bool:
        return True

    def lost(self) -> None:
        self.closing()


class Echoes(WebSockets):
    """Makes echoes of us. `kosoku` shows no credential, so its connections come past the gate."""

    protocol = Echo

    def connect(self, device: Device, websocket: WebSocket, outbox: Outbox, address: str = "") -> Connection:
        return EchoConnection(
            device,
            websocket,
            outbox,
            self._dispatch,
            self._subscriptions,
            self._clock,
            self._terms,
            self._new_id,
        )


class Doorman(TwistedProtocol):
    """Reads a request as far as its key, and begins the WebSocket."""

    def __init__(self, websockets: WebSockets) -> None:
        self._websockets = websockets
        self._head = b""
        self.arrival = self
        self.address = "127.0.0.1"
        self._inner: WebSocket | None = None

    def dataReceived(self, data: bytes) -> None:
        if self._inner is not None:
            self._inner.dataReceived(data)
            return
        self._head += data
        key = re.search(rb"(?i)sec-websocket-key: *(\S+)", self._head)
        if b"\r\n\r\n" in self._head and key:
            self._websockets(self, Upgrade(key[1].decode(), None), DEVICE, lambda: None)  # type: ignore[arg-type]

    def hand_over(self, protocol: WebSocket, guest: WebSocket) -> None:
        assert self.transport is not None
        self._inner = protocol
        protocol.makeConnection(self.transport)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._inner is not None:
            self._inner.connectionLost(reason)


class ConformanceTests(TestCase):
    timeout = 300

    async def test_cases(self) -> None:
        """Every case passes but those about compression, which is not spoken, and about speed."""
        program = Path(sys.executable).with_name("kosoku")
        if not program.exists():
            raise SkipTest("kosoku is not installed: pip install kosoku==0.1.0")
        clock = IReactorTime(installed)
        terms = evolve(TERMS, message_size=64 * 1024 * KiB)
        websockets = Echoes(clock, Dispatch(), Subscriptions(), terms, lambda: "id")
        factory = ServerFactory.forProtocol(lambda: Doorman(websockets))
        port = await TCP4ServerEndpoint(IReactorTCP(installed), 0, interface="127.0.0.1").listen(factory)
        self.addCleanup(port.stopListening)
        reports = self.mktemp()
        skipped = [word for case in ("9.*", "12.*", "13.*") for word in ("-x", case)]
        out, err, code = await getProcessOutputAndValue(
            str(program), [f"127.0.0.1:{number(port)}", *skipped, "-o", reports], env={}
        )
        said = (out + err).decode()
        self.assertEqual((code, "247 cases passed" in said), (0, True), said[-2000:])
