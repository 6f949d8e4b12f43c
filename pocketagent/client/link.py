# -*- test-case-name: tests.client.test_link -*-
"""The way to a server: TLS to exactly that one, the upgrade to a WebSocket; each failure as a sentence."""

import base64
import errno
import hashlib
import json
import logging
import os
import re
import socket
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidProxy, InvalidStatus, ProxyError
from websockets.proxy import get_proxy
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from pocketagent.client.problems import NotMyServer, Problem, TurnedAway, Unreachable
from pocketagent.client.server import PORT, Server, address, is_loopback
from pocketagent.version import VERSION
from pocketagent.wire.server import MAX_MESSAGE, SUBPROTOCOL

OPEN_TIMEOUT = 10.0
"""Seconds for TCP, TLS and the upgrade together."""
PING_INTERVAL = PING_TIMEOUT = 15.0
"""Seconds: a connection whose other end does not answer within both is lost, before the server gives it up."""
CLOSE_TIMEOUT = 2.0
MAX_QUEUED = 64
"""Frames that are read ahead of what is understood."""
_ERRNO = re.compile(r"\[Errno (\d+)\]")
UNREACHABLE_STATUS = (429, 502, 503, 504)
"""What a server that has no room, or a proxy before one that is away, says."""


def fingerprint_of(certificate: bytes) -> str:
    """SHA-256 of the SubjectPublicKeyInfo of a DER certificate, in base64: as the server prints it. Raises NotMyServer
    for what is no certificate of X.509."""
    # Imported here: what asks a server on this machine has no need of it.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from cryptography.x509 import load_der_x509_certificate

    try:
        key = load_der_x509_certificate(certificate).public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise NotMyServer("The certificate of what answers there cannot be read.") from None
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(spki).digest()).decode()


async def dial(server: Server, timeout: float = OPEN_TIMEOUT) -> ClientConnection:
    """A WebSocket to this server, the token sent to no other.

    Raises Unreachable, NotMyServer, TurnedAway or Problem.
    """
    return await _connect(server, _context(server), _pinned(server.fingerprint), timeout)


async def look(url: str, timeout: float = OPEN_TIMEOUT) -> str:
    """The fingerprint of whoever answers at this address; nothing is said to them. Raises Unreachable, NotMyServer or
    Problem."""
    url = address(url)
    if url.startswith("ws:"):
        raise Problem(f"{url} is not encrypted: it has no fingerprint.")
    try:
        await _connect(Server(url, ""), _any_context(), _Looking, timeout)
    except _Seen as seen:
        return seen.fingerprint
    raise AssertionError("a look is no connection")


class _Discreet(logging.LoggerAdapter[logging.Logger]):
    """The logger of websockets, without what it tells at DEBUG: the request with its token, and all that is said."""

    def isEnabledFor(self, level: int) -> bool:
        return level > logging.DEBUG and super().isEnabledFor(level)


_LOGGER = _Discreet(logging.getLogger("websockets.client"))


class _Straight(connect):
    """To where it was told, and nowhere else: websockets follows redirects, the server has none."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


async def _connect(
    server: Server, context: ssl.SSLContext | None, connection: type[ClientConnection], timeout: float
) -> ClientConnection:
    host, port = _host(server.url)
    # Through the proxy that the environment names, but for this machine, where no proxy has any business.
    proxy = None if is_loopback(host) else get_proxy(parse_uri(server.url))
    try:
        return await _Straight(
            server.url,
            ssl=context,
            proxy=proxy,
            additional_headers={"Authorization": f"Bearer {server.token}"},
            user_agent_header=f"pocketagent/{VERSION}",
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            max_size=MAX_MESSAGE,
            max_queue=MAX_QUEUED,
            open_timeout=timeout,
            ping_interval=PING_INTERVAL,
            ping_timeout=PING_TIMEOUT,
            close_timeout=CLOSE_TIMEOUT,
            create_connection=connection,
            logger=_LOGGER,
        )
    except InvalidStatus as answer:
        raise _answered(answer, server, host) from None
    except ssl.SSLCertVerificationError as error:
        raise NotMyServer(
            f"The certificate of {server.url} is not good here ({error.verify_message}): connect again and pin its "
            "fingerprint, or name the file of its CA."
        ) from None
    except (ProxyError, InvalidProxy) as error:
        raise Unreachable(f"The proxy that the environment names leads nowhere: {error}.") from None
    except ImportError:
        raise Unreachable("The environment names a SOCKS proxy, which needs the package python-socks.") from None
    except (InvalidMessage, InvalidHandshake, EOFError):
        raise Unreachable(f"What answers at {host}:{port} is not a Pocket Agent Server.") from None
    except OSError as error:
        raise _no_way(error, host, port, timeout, proxy is not None) from None


def _host(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or PORT


def _any_context() -> ssl.SSLContext:
    """TLS with anybody: who it is, is judged by the key afterwards."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _context(server: Server) -> ssl.SSLContext | None:
    if server.url.startswith("ws:"):
        return None
    if server.fingerprint:
        return _any_context()
    try:
        return ssl.create_default_context(cafile=server.ca)
    except OSError:  # which an SSLError is, too
        raise Problem(f"There are no certificates in {server.ca} that can be read.") from None


class _Connection(ClientConnection):
    """One that may fail before it has begun, as websockets forgets: when TLS fails in the tunnel of a proxy."""

    def connection_lost(self, exc: Exception | None) -> None:
        if hasattr(self, "transport"):
            super().connection_lost(exc)


def _pinned(fingerprint: str | None) -> type[ClientConnection]:
    class Pinned(_Connection):
        """Says nothing, the token least of all, before the key of the other end is known to be the right one."""

        async def handshake(self, *args: object, **more: object) -> None:
            tls = self.transport.get_extra_info("ssl_object")
            if fingerprint and tls is not None:
                seen = fingerprint_of(tls.getpeercert(True))
                if seen != fingerprint:
                    raise NotMyServer(
                        f"The server's key has changed: its fingerprint is {seen}, not {fingerprint}. Either it was "
                        "set up anew, or somebody stands between you and it. Look at what the server prints when it "
                        "starts; if that is the new one, run `pocketagent connect` again."
                    )
            await super().handshake(*args, **more)  # type: ignore[arg-type]  # whatever websockets hands on

    return Pinned


class _Seen(Exception):
    def __init__(self, fingerprint: str) -> None:
        super().__init__(fingerprint)
        self.fingerprint = fingerprint


class _Looking(_Connection):
    """Says nothing at all: it has seen what it came for."""

    async def handshake(self, *args: object, **more: object) -> None:
        raise _Seen(fingerprint_of(self.transport.get_extra_info("ssl_object").getpeercert(True)))


def _answered(answer: InvalidStatus, server: Server, host: str) -> Problem:
    """What an HTTP answer instead of a WebSocket means."""
    status = answer.response.status_code
    said = _error(bytes(answer.response.body or b""))
    details = said.get("details")
    reason = str(details.get("reason", "")) if isinstance(details, dict) else ""
    if status == 401:
        sentence = {
            "expired": "The token of this device has expired",
            "malformed": "What was given as the token is none",
            "missing": "There is no token",
        }.get(reason, "The server does not know this token: it is wrong, or was revoked")
        return TurnedAway(f"{sentence}. `pocketagent token create --name NAME` on its machine makes a new one.", reason)
    if status == 421:
        return TurnedAway(f"The server does not go by the name {host}: start it with --name {host}.", "name")
    if status in UNREACHABLE_STATUS:
        away = f"The server, or a proxy before it, takes nobody in now (HTTP status {status})."
        return Unreachable(str(said.get("message") or away))
    if said.get("code"):
        return TurnedAway(str(said.get("message")), reason)
    return Unreachable(f"What answers at {server.url} is not a Pocket Agent Server (HTTP status {status}).")


def _error(body: bytes) -> Mapping[str, object]:
    try:
        said = json.loads(body)
        data = said["data"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _no_way(error: OSError, host: str, port: int, timeout: float, has_proxy: bool) -> Unreachable:
    if isinstance(error, ssl.SSLError):
        return Unreachable(f"What answers at {host}:{port} does not speak TLS ({error.reason}).")
    if isinstance(error, TimeoutError):
        return Unreachable(f"{host} does not answer at port {port} within {timeout:g} seconds.")
    # For a name with several addresses asyncio puts what went wrong with each into one text.
    numbers = [error.errno] if error.errno else [int(number) for number in _ERRNO.findall(str(error))]
    why = os.strerror(numbers[0]) if numbers and numbers[0] > 0 else str(error) or "it hung up"
    if has_proxy:
        return Unreachable(f"The proxy that the environment names, or {host} by way of it, cannot be reached: {why}.")
    if isinstance(error, socket.gaierror):
        return Unreachable(f"There is no host {host}: is its name right, and is there a network?")
    if errno.ECONNREFUSED in numbers:
        return Unreachable(
            f"Nothing listens at {host}:{port}: is the server running there? (`make run`, or `twistd pocketagent`)"
        )
    return Unreachable(f"{host}:{port} cannot be reached: {why}.")
