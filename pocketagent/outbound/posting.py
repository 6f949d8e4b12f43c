# -*- test-case-name: tests.outbound.test_posting -*-
"""One POST to somebody else's server: no redirect, no cookie, no proxy, and no more of the answer than its status."""

import re
from collections.abc import Callable, Mapping
from enum import Enum, auto
from urllib.parse import urlsplit

from attrs import define
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHostnameResolver, IOpenSSLClientConnectionCreator, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from pocketagent.outbound.public_addresses import IPublicReactor, NotPublic, PublicEndpoint
from pocketagent.ports import Verdict

DEADLINE = 20.0
"""Seconds for all of it: the name, the connection, TLS, the request and the status."""
MAX_HEAD = 16 * 1024
"""Bytes of what a server says before its status is known."""

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: [^\r\n]*)?\r?\n")
_INTERIM = re.compile(rb"HTTP/1\.[01] 1[0-9]{2}(?: [^\r\n]*)?\r?\n(?:[^\r\n]+\r?\n)*\r?\n")
_BUSY = frozenset({408, 425, 429})
_NOBODY = frozenset({404, 410})

_log = Logger()


class Whither(Enum):
    """Where a connection may lead."""

    PUBLIC = auto()
    ANYWHERE = auto()


class NotHttp(Exception):
    """What the server says is no answer of HTTP/1."""


class _Talk(Protocol):
    """Says one request, and hears the status."""

    def __init__(self, request: bytes) -> None:
        self.status: Deferred[int] = Deferred(lambda _: self.abort())
        self._request = request
        self._heard = b""

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(self._request)

    def dataReceived(self, data: bytes) -> None:
        if self.status.called:
            return
        self._heard += data
        while (interim := _INTERIM.match(self._heard)) is not None:
            self._heard = self._heard[interim.end() :]
        found = _STATUS.match(self._heard)
        if found is not None and not found[1].startswith(b"1"):
            self.status.callback(int(found[1]))
            self.abort()
        elif len(self._heard) > MAX_HEAD:
            self.status.errback(NotHttp())
            self.abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.status.called:
            self.status.errback(ConnectionLost() if reason.check(ConnectionDone) else reason)

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]  # of TCP and TLS, not of all transports


@define(eq=False)
class Post:
    """`tls` makes the client's side of TLS for a host, which checks that host's certificate."""

    _reactor: IPublicReactor
    _resolver: IHostnameResolver
    _tls: Callable[[str], IOpenSSLClientConnectionCreator]

    async def send(self, url: str, headers: Mapping[str, str], body: bytes, whither: Whither) -> Verdict:
        """Neither the URL nor a header goes into a log: both may be secrets."""
        try:
            status = await Deferred.fromCoroutine(self._ask(url, headers, body, whither)).addTimeout(
                DEADLINE, self._reactor
            )
        except NotPublic:
            _log.warn("a message was not sent: its address is, or leads to, one that is not public")
            return Verdict.REFUSED
        except CancelledError:
            raise
        except Exception as problem:  # noqa: BLE001  # there is no list of what can go wrong on a network
            _log.info("a message could not be sent: {kind}", kind=type(problem).__name__)
            return Verdict.LATER
        return judged(status)

    async def _ask(self, url: str, headers: Mapping[str, str], body: bytes, whither: Whither) -> int:
        parts = urlsplit(url)
        host = parts.hostname or ""
        is_secure = parts.scheme == "https"
        port = parts.port or (443 if is_secure else 80)
        endpoint: IStreamClientEndpoint = PublicEndpoint(
            self._reactor, self._resolver, host, port, whither is Whither.ANYWHERE
        )
        if is_secure:
            endpoint = wrapClientTLS(self._tls(host), endpoint)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [f"POST {target} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}", "", ""]
        talk = _Talk("\r\n".join(lines).encode("ascii") + body)
        await endpoint.connect(Factory.forProtocol(lambda: talk))
        return await talk.status


def judged(status: int) -> Verdict:
    """What a status of HTTP means for what was sent."""
    if 200 <= status < 300:
        return Verdict.TAKEN
    if status in _NOBODY:
        return Verdict.GONE
    if status in _BUSY or status >= 500:
        return Verdict.LATER
    return Verdict.REFUSED
