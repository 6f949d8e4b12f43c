# -*- test-case-name: tests.outbound.test_posting -*-
"""One POST to somebody else's server: no redirect, no cookie, no proxy, and no more of the answer than its status, and
when to come again."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum, auto
from urllib.parse import urlsplit

from attrs import define, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHostnameResolver, IOpenSSLClientConnectionCreator, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from pocketagent.outbound.public_addresses import IPublicReactor, NotPublic, PublicEndpoint
from pocketagent.ports import Tried, Verdict

DEADLINE = 20.0
"""Seconds for all of it: the name, the connection, TLS, the request and the status."""
MAX_HEAD = 16 * 1024
"""Bytes that are heard of what a server says."""
LONGEST_WAIT = 3600.0
"""Seconds for which a server may ask us not to come again; who asks for more is asked again then."""

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: [^\r\n]*)?\r?\n")
_INTERIM = re.compile(rb"HTTP/1\.[01] 1[0-9]{2}(?: [^\r\n]*)?\r?\n(?:[^\r\n]+\r?\n)*\r?\n")
_RETRY_AFTER = re.compile(rb"\nretry-after:([^\r\n]*)\r?\n", re.IGNORECASE)
_END_OF_HEAD = re.compile(rb"\n\r?\n")
_BUSY = frozenset({408, 425, 429})
_NOBODY = frozenset({404, 410})

_log = Logger()


class Whither(Enum):
    """Where a connection may lead."""

    PUBLIC = auto()
    ANYWHERE = auto()


class NotHttp(Exception):
    """What the server says is no answer of HTTP/1."""


@frozen
class _Answer:
    """`retry_after`: the header of that name, as it stands; empty where there is none."""

    status: int
    retry_after: str


class _Talk(Protocol):
    """Says one request, and hears the status; and where that is not the last word, when to come again."""

    def __init__(self, request: bytes) -> None:
        self.answer: Deferred[_Answer] = Deferred(lambda _: self.abort())
        self._request = request
        self._heard = b""

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(self._request)

    def dataReceived(self, data: bytes) -> None:
        if self.answer.called:
            return
        self._heard += data
        while (interim := _INTERIM.match(self._heard)) is not None:
            self._heard = self._heard[interim.end() :]
        status, is_too_much = self._status(), len(self._heard) > MAX_HEAD
        if status is not None and (is_too_much or not _is_busy(status) or _END_OF_HEAD.search(self._heard)):
            self._end(status)
        elif is_too_much:
            self.answer.errback(NotHttp())
            self.abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.answer.called:
            return
        status = self._status()
        if status is None:
            self.answer.errback(ConnectionLost() if reason.check(ConnectionDone) else reason)
        else:
            self._end(status)

    def _status(self) -> int | None:
        found = _STATUS.match(self._heard)
        return None if found is None or found[1].startswith(b"1") else int(found[1])

    def _end(self, status: int) -> None:
        found = _RETRY_AFTER.search(_END_OF_HEAD.split(self._heard)[0] + b"\n")
        self.answer.callback(_Answer(status, found[1].decode("ascii", "replace").strip() if found else ""))
        self.abort()

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]  # of TCP and TLS, not of all transports


@define(eq=False)
class Post:
    """`tls` makes the client's side of TLS for a host, which checks that host's certificate."""

    _reactor: IPublicReactor
    _resolver: IHostnameResolver
    _tls: Callable[[str], IOpenSSLClientConnectionCreator]

    async def send(self, url: str, headers: Mapping[str, str], body: bytes, whither: Whither) -> Tried:
        """Neither the URL nor a header goes into a log: both may be secrets."""
        try:
            answer = await Deferred.fromCoroutine(self._ask(url, headers, body, whither)).addTimeout(
                DEADLINE, self._reactor
            )
        except NotPublic:
            _log.warn("a message was not sent: its address is, or leads to, one that is not public")
            return Tried(Verdict.REFUSED)
        except CancelledError:
            raise
        except Exception as problem:  # noqa: BLE001  # there is no list of what can go wrong on a network
            _log.info("a message could not be sent: {kind}", kind=type(problem).__name__)
            return Tried(Verdict.LATER)
        verdict = judged(answer.status)
        wait = waited(answer.retry_after, self._reactor.seconds()) if verdict is Verdict.LATER else 0.0
        return Tried(verdict, wait)

    async def _ask(self, url: str, headers: Mapping[str, str], body: bytes, whither: Whither) -> _Answer:
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
        factory = Factory.forProtocol(lambda: talk)
        factory.noisy = False
        await endpoint.connect(factory)
        return await talk.answer


def judged(status: int) -> Verdict:
    """What a status of HTTP means for what was sent."""
    if 200 <= status < 300:
        return Verdict.TAKEN
    if status in _NOBODY:
        return Verdict.GONE
    return Verdict.LATER if _is_busy(status) else Verdict.REFUSED


def _is_busy(status: int) -> bool:
    return status in _BUSY or status >= 500


def waited(retry_after: str, now: float) -> float:
    """The header Retry-After, seconds or a date -> seconds from `now` on, up to `LONGEST_WAIT`; 0 for all else."""
    if re.fullmatch(r"[0-9]{1,18}", retry_after):
        return min(LONGEST_WAIT, float(retry_after))
    try:
        then = datetime.strptime(retry_after, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    except ValueError:
        return 0.0
    return max(0.0, min(LONGEST_WAIT, then.timestamp() - now))
