"""A listener that speaks TLS with a certificate under test, and clients that are particular."""

import socket
import ssl
import struct
from collections.abc import Callable, Iterable
from typing import Concatenate, ParamSpec, TypeVar, cast

from OpenSSL import SSL
from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTCP
from twisted.internet.protocol import Factory, Protocol, ServerFactory
from twisted.internet.threads import deferToThread
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import TestCase

from pocketagent.outbound.certificates import Certificates

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE = 20
"""Seconds that a client waits for anything."""

HANDSHAKE, ALERT = 22, 21
SERVER_HELLO = 2


class Echo(Protocol):
    """Says back what it hears."""

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)


class ListeningTestCase(TestCase):
    """Tests with a listener on loopback; clients block, in threads."""

    port: int

    def listen(self, certificates: Certificates) -> None:
        factory = TLSMemoryBIOFactory(certificates, False, Factory.forProtocol(Echo))
        listening = IReactorTCP(reactor).listenTCP(0, cast(ServerFactory, factory), interface="127.0.0.1")
        self.addCleanup(listening.stopListening)
        address = listening.getHost()
        assert isinstance(address, IPv4Address)
        self.port = address.port

    def connected(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)

    def client(
        self, work: Callable[Concatenate[socket.socket, P], T], *arguments: P.args, **named: P.kwargs
    ) -> Deferred[T]:
        """What the work of a client with a connection of its own comes to."""

        def run() -> T:
            with self.connected() as connection:
                return work(connection, *arguments, **named)

        return deferToThread(run)


def unverified() -> ssl.SSLContext:
    """A client that takes any certificate and every version that is left in it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def shown(connection: socket.socket) -> bytes:
    """The certificate that is shown, in DER, once an echo has come back."""
    with unverified().wrap_socket(connection) as wrapped:
        wrapped.sendall(b"echo")
        assert wrapped.recv(4) == b"echo"
        return wrapped.getpeercert(True) or b""


def chain_shown(connection: socket.socket) -> int:
    """How many certificates are sent."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    client = SSL.Connection(context, None)
    client.set_connect_state()
    pump(client, connection)
    return len(client.get_peer_cert_chain() or ())


def pump(client: SSL.Connection, connection: socket.socket) -> None:
    """A handshake of a pyOpenSSL connection over a socket. Raises SSL.Error."""
    while True:
        try:
            client.do_handshake()
            flush(client, connection)
            return
        except SSL.WantReadError:
            flush(client, connection)
            data = connection.recv(65536)
            if not data:
                raise SSL.Error("closed") from None
            client.bio_write(data)


def flush(client: SSL.Connection, connection: socket.socket) -> None:
    try:
        while True:
            connection.sendall(client.bio_read(65536))
    except SSL.WantReadError:
        return


def hello(version: int, suites: Iterable[int], server_name: bytes | None = None) -> bytes:
    """A ClientHello by hand, for what no library of today would send."""
    offered = b"".join(struct.pack(">H", suite) for suite in suites)
    extensions = extension(10, vector(b"\x00\x1d\x00\x17\x00\x18")) + extension(11, b"\x01\x00")
    extensions += extension(13, vector(b"\x04\x03\x08\x04\x04\x01\x02\x03\x02\x01"))
    if server_name is not None:
        extensions += extension(0, vector(b"\x00" + vector(server_name)))
    body = struct.pack(">H", version) + bytes(32) + b"\x00" + vector(offered) + b"\x01\x00" + vector(extensions)
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return bytes([HANDSHAKE]) + struct.pack(">H", min(version, 0x0301)) + vector(message)


def extension(kind: int, content: bytes) -> bytes:
    return struct.pack(">H", kind) + vector(content)


def vector(content: bytes) -> bytes:
    return struct.pack(">H", len(content)) + content


def answer(connection: socket.socket, greeting: bytes) -> str:
    """What the server makes of a greeting: "hello", "alert" or "closed"."""
    connection.sendall(greeting)
    reply = b""
    while len(reply) < 6:
        try:
            data = connection.recv(4096)
        except ConnectionResetError:
            data = b""
        if not data:
            return "alert" if reply[:1] == bytes([ALERT]) else "closed"
        reply += data
    if reply[0] == ALERT:
        return "alert"
    return "hello" if (reply[0], reply[5]) == (HANDSHAKE, SERVER_HELLO) else repr(reply[:16])
