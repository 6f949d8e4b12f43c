# -*- test-case-name: tests.inbound.test_websocket -*-
"""Autobahn: the end of the handshake and the frames that come in. The only file of the server that names it.

Of Autobahn is used what is pure: no timers, no limits, no log, no authentication of its own. Outgoing messages are
framed by `wire.client` and never pass through here.
"""

from collections.abc import Callable, Sequence
from functools import partial

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.types import ConnectionRequest
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from pocketagent.domain.access import Device
from pocketagent.inbound.allowance import Allowance
from pocketagent.inbound.channel import Channel
from pocketagent.inbound.connection import Connection, Dispatch, Subscriptions, Terms
from pocketagent.inbound.handshake import SUBPROTOCOL, Upgrade
from pocketagent.inbound.outbox import Gauge, Outbox, Transport, gauge_of

MAX_FRAMES = 64
"""Of one message of a client."""
MESSAGE_TIME = 30.0
"""Seconds within which a message must be whole."""
CLOSE_TIME = 1.0
"""Seconds from our Close frame until the connection is dropped."""
PIECE = 1024
"""Bytes that are read at once: few enough that a client's many small frames never hold up the others."""
PAUSE = 0.05
"""Seconds for which a client that sends too much is not read from."""

_log = Logger()


class _Quiet:
    """Autobahn's log holds whole requests and frames: of that only the wording of its errors is passed on."""

    def error(self, format: str = "", *_: object, **__: object) -> None:
        _log.error("Autobahn reports: {wording}", wording=format)

    failure = error

    def warn(self, *_: object, **__: object) -> None: ...

    info = debug = trace = warn


class WebSocket(WebSocketServerProtocol):
    """One WebSocket: bytes in, whole messages out; and the Close frame.

    `connect` makes the connection that it carries, once the handshake is done; `gone` is called at the end.
    """

    log = _Quiet()
    transport: Transport  # type: ignore[assignment]

    def __init__(
        self,
        connect: Callable[["WebSocket", Outbox], Connection],
        gauge: Gauge,
        gone: Callable[[], None],
        clock: IReactorTime,
        message_size: int,
        unsent: int,
    ) -> None:
        super().__init__()
        self._connect = connect
        self._gauge = gauge
        self._gone = gone
        self._clock = clock
        self._message_size = message_size
        self._unsent = unsent
        self._outbox: Outbox
        self._connection: Connection | None = None
        self._unread = bytearray()
        self._is_reading = True
        self._is_busy = False
        self._is_too_much = False
        self._frames_read = 0
        self._message: bytearray | None = None
        self._frames = 0
        self._size = 0
        self._pause: IDelayedCall | None = None
        self._assembly: IDelayedCall | None = None
        self._end: IDelayedCall | None = None

    # -- the transport --------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        self.peer = ""
        self._outbox = Outbox(self.transport, self._unsent, self._gauge, self.read_on, self._drained)
        self._connectionMade()

    def begin(self, upgrade: Upgrade) -> None:
        """Do the handshake, which `gate` has settled: Autobahn gets to see nothing else of the request."""
        lines = [
            "GET /ws HTTP/1.1",
            "Host: localhost",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {upgrade.key}",
        ]
        if upgrade.subprotocol is not None:
            lines.append(f"Sec-WebSocket-Protocol: {upgrade.subprotocol}")
        self._dataReceived("\r\n".join([*lines, "", ""]).encode("ascii"))

    def onConnect(self, request: ConnectionRequest) -> str | None:
        return SUBPROTOCOL if SUBPROTOCOL in request.protocols else None

    def onOpen(self) -> None:
        self._connection = self._connect(self, self._outbox)
        self._connection.opened()

    def dataReceived(self, data: bytes) -> None:
        if self._connection is not None:
            self._connection.noticed()
        self._unread += data
        self.read_on()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        for timer in (self._pause, self._assembly, self._end):
            if timer is not None and timer.active():
                timer.cancel()
        self._outbox.shut()
        self._connectionLost(reason.type.__name__ if reason.type else "")
        if self._connection is not None:
            self._connection.lost()
        self._gone()

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """`connectionLost` says it."""

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        self._outbox.put(data)

    # -- reading --------------------------------------------------------------------------------------------

    def read_on(self) -> None:
        """Read as far as there is room for what is asked, and no further."""
        if self._is_busy:
            # A request that was done at once has made room; who reads now goes on anyway.
            return
        self._is_busy = True
        try:
            self._read()
        finally:
            self._is_busy = False
        self._watch_assembly()
        self._set_reading(not self._unread and not self._is_full())

    def _read(self) -> None:
        while self._unread and self._pause is None and not self._is_full():
            piece = bytes(self._unread[:PIECE])
            del self._unread[:PIECE]
            self._frames_read = 0
            self._dataReceived(piece)
            if self._is_too_much:
                self._is_too_much = False
                self._pause = self._clock.callLater(PAUSE, self._go_on)

    def _go_on(self) -> None:
        self._pause = None
        self.read_on()

    def _is_full(self) -> bool:
        # A closing connection is read for the answer to our Close frame.
        return self._connection is not None and self.state == self.STATE_OPEN and self._connection.is_full

    def _set_reading(self, wanted: bool) -> None:
        if wanted != self._is_reading:
            self._is_reading = wanted
            if wanted:
                self.transport.resumeProducing()
            else:
                self.transport.pauseProducing()

    def _drained(self) -> None:
        if self._connection is not None:
            self._connection.drained()
        self.read_on()

    # -- messages -------------------------------------------------------------------------------------------

    def onMessageBegin(self, isBinary: bool) -> None:
        self._message = bytearray()
        self._frames = self._size = 0
        if isBinary:
            self.say_goodbye(1003, "only text is understood")

    def onMessageFrameBegin(self, length: int) -> None:
        self._count_frame()
        self._frames += 1
        self._size += length
        if self._size > self._message_size:
            self.say_goodbye(1009, f"a message has at most {self._message_size} bytes")
        elif self._frames > MAX_FRAMES:
            self.say_goodbye(1008, f"a message has at most {MAX_FRAMES} frames")

    def onMessageFrameData(self, payload: bytes) -> None:
        if self.state == self.STATE_OPEN and self._message is not None:
            self._message += payload

    def onMessageFrameEnd(self) -> None:
        """The message tells its own end."""

    def onMessageEnd(self) -> None:
        message, self._message = self._message, None
        self._watch_assembly()
        if self.state == self.STATE_OPEN and self._connection is not None and message is not None:
            self._is_too_much |= not self._connection.received(bytes(message))

    def onPing(self, payload: bytes) -> None:
        if self._is_within_rate():
            self.sendPong(payload)

    def onPong(self, payload: bytes) -> None:
        self._is_within_rate()

    def _is_within_rate(self) -> bool:
        self._count_frame()
        is_within = self.state == self.STATE_OPEN and self._connection is not None and self._connection.controlled()
        self._is_too_much |= not is_within
        return is_within

    def _count_frame(self) -> None:
        self._frames_read += 1
        if self.state != self.STATE_OPEN and self._frames_read > MAX_FRAMES // 4:
            self._is_too_much = True

    def _watch_assembly(self) -> None:
        is_begun = self._message is not None and self.state == self.STATE_OPEN
        if is_begun and self._assembly is None:
            self._assembly = self._clock.callLater(MESSAGE_TIME, self._assembly_over)
        elif not is_begun and self._assembly is not None:
            self._assembly.cancel()
            self._assembly = None

    def _assembly_over(self) -> None:
        self._assembly = None
        if self._is_reading:
            self.say_goodbye(1008, f"a message is whole within {MESSAGE_TIME:g} seconds")
        else:
            # It is we who did not read.
            self._watch_assembly()

    # -- the end --------------------------------------------------------------------------------------------

    def close(self, code: int, reason: str) -> None:
        """Say goodbye, from outside."""
        self.say_goodbye(code, reason)

    def ping(self) -> None:
        self.sendPing()

    def say_goodbye(self, code: int, reason: str) -> None:
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(code, reason.encode(), isReply=False)

    def sendCloseFrame(self, code: int | None = None, reasonUtf8: bytes | None = None, isReply: bool = False) -> None:
        was_open = self.state == self.STATE_OPEN
        super().sendCloseFrame(code, reasonUtf8, isReply)
        if was_open:
            self._finish()

    def dropConnection(self, abort: bool = False) -> None:
        super().dropConnection(abort)
        self._finish()

    def drop(self) -> None:
        self.dropConnection(abort=True)

    def _finish(self) -> None:
        """Whatever the other side does now, soon it is over."""
        if self._connection is not None:
            self._connection.closing()
        if self._end is None:
            self._end = self._clock.callLater(CLOSE_TIME, self.transport.abortConnection)


class WebSockets:
    """Makes a WebSocket of a request that the gate has let in (`site.Welcome`)."""

    protocol = WebSocket

    def __init__(
        self,
        clock: IReactorTime,
        dispatch: Dispatch,
        subscriptions: Subscriptions,
        terms: Terms,
        new_id: Callable[[], str],
        shared: Callable[[str, str], Sequence[Allowance]] = lambda address, device_id: (),
    ) -> None:
        """`shared`: what the messages from an address, and of a device, use up besides their connection's own."""
        self._shared = shared
        self._clock = clock
        self._dispatch = dispatch
        self._subscriptions = subscriptions
        self._terms = terms
        self._new_id = new_id
        self._autobahn = WebSocketServerFactory(server=None, reactor=clock)
        self._autobahn.log = _Quiet()
        self._autobahn.setProtocolOptions(
            versions=[13],
            webStatus=False,
            failByDrop=False,
            openHandshakeTimeout=0,
            closeHandshakeTimeout=0,
            autoPingInterval=0,
            allowNullOrigin=False,
            trustXForwardedFor=0,
            serveFlashSocketPolicy=False,
        )

    def __call__(self, channel: Channel, upgrade: Upgrade, device: Device, gone: Callable[[], None]) -> None:
        websocket = self.protocol(
            partial(self.connect, device, address=channel.address),
            gauge_of(channel.arrival.transport),
            gone,
            self._clock,
            self._terms.message_size,
            self._terms.unsent,
        )
        websocket.factory = self._autobahn
        channel.hand_over(websocket, websocket)
        websocket.begin(upgrade)

    def connect(self, device: Device, websocket: WebSocket, outbox: Outbox, address: str = "") -> Connection:
        return Connection(
            device,
            websocket,
            outbox,
            self._dispatch,
            self._subscriptions,
            self._clock,
            self._terms,
            self._new_id,
            address,
            self._shared(address, device.id),
        )
