# -*- test-case-name: tests.inbound.test_answer -*-
"""What is sent back to a request: a status, headers, a body. Which status a refusal has (protocol section 8)."""

import math
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from attrs import frozen

from pocketagent.domain.message import timestamp
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.inbound.turned_away import Headers, TurnedAway
from pocketagent.wire import client

JSON = "application/json"
RETRY_AFTER = 5
"""Seconds after which a client that found no room may come again."""

STATUSES: Mapping[Code, int] = {
    Code.INVALID_MESSAGE: 400,
    Code.INVALID_PATH: 400,
    Code.UNAUTHORIZED: 401,
    Code.FORBIDDEN: 403,
    Code.PROJECT_NOT_FOUND: 404,
    Code.PROCESS_NOT_FOUND: 404,
    Code.PERMISSION_NOT_FOUND: 404,
    Code.DEVICE_NOT_FOUND: 404,
    Code.ATTACHMENT_NOT_FOUND: 404,
    Code.PROCESS_ACTIVE: 409,
    Code.PROJECT_EXISTS: 409,
    Code.PROJECT_NESTING: 409,
    Code.MESSAGE_TOO_LARGE: 413,
    Code.RATE_LIMITED: 429,
    Code.EXECUTION_TIMEOUT: 500,
    Code.EXECUTION_FAILED: 500,
    Code.EXECUTION_INTERRUPTED: 500,
    Code.LINE_TOO_LARGE: 500,
    Code.INTERNAL_ERROR: 500,
    Code.RESOURCE_LIMIT: 503,
    Code.STORAGE_UNAVAILABLE: 503,
    Code.CLAUDE_NOT_FOUND: 503,
}
"""Of each refusal that is not about HTTP itself."""

UNLESS_SAID: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Headers of an answer that says nothing else: nobody keeps it, and opened as a page it may do nothing."""

_ALWAYS = "X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer", "Cross-Origin-Resource-Policy: same-origin"
_BODILESS = (204, 304)


@frozen
class Answer:
    """What is sent back. `headers` come besides those that every answer has; those of `UNLESS_SAID` may be among them.

    `is_public`: everybody may have it, so that also a stranger's connection may go on.
    """

    status: int
    body: bytes = b""
    headers: Headers = ()
    content_type: str = JSON
    is_public: bool = False

    def also(self, headers: Headers) -> "Answer":
        """The same with more headers."""
        if not headers:
            return self
        return Answer(self.status, self.body, [*self.headers, *headers], self.content_type, self.is_public)

    def encode(self, date: bytes, *, bodiless: bool = False, last: bool = False) -> bytes:
        """The whole response as bytes. `date`: the header of that name. `bodiless`: to a HEAD. `last`: then the
        connection ends."""
        head = _opening(self.status, self.content_type) + date
        said = dict(UNLESS_SAID)
        for name, value in self.headers:
            head += f"{name}: {value}\r\n".encode("ascii")
            said.pop(name, None)
        for name, value in said.items():
            head += f"{name}: {value}\r\n".encode("ascii")
        if last:
            is_upgrade = any(name == "Upgrade" for name, _ in self.headers)
            head += b"Connection: close, Upgrade\r\n" if is_upgrade else b"Connection: close\r\n"
        if self.status in _BODILESS:
            return head + b"\r\n"
        head += b"Content-Length: %d\r\n\r\n" % len(self.body)
        return head if bodiless else head + self.body


@lru_cache(maxsize=256)
def _opening(status: int, content_type: str) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *_ALWAYS]
    if status not in _BODILESS:
        lines.append(f"Content-Type: {content_type}")
    return "\r\n".join([*lines, ""]).encode("ascii")


def to_refusal(refusal: Refusal, now: float) -> Answer:
    """The `error` object of protocol section 7, under its status."""
    body = client.error(refusal, timestamp(now))
    if isinstance(refusal, TurnedAway):
        return Answer(refusal.status, body, refusal.headers)
    status = STATUSES[refusal.code]
    headers = []
    if status in (429, 503):
        wait = refusal.details.get("retry_after", RETRY_AFTER)
        headers.append(("Retry-After", str(math.ceil(wait) if isinstance(wait, int | float) else RETRY_AFTER)))
    return Answer(status, body, headers)


def unavailable(refusal: Refusal) -> TurnedAway:
    """503 for what has nothing to do with what was asked; it may be asked again."""
    headers = [("Retry-After", str(RETRY_AFTER))]
    return TurnedAway(503, refusal.code, refusal.message, headers, **refusal.details)


class Dates:
    """The header Date, written once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._line = b""

    def at(self, now: float) -> bytes:
        second = int(now)
        if second != self._second:
            self._second = second
            self._line = f"Date: {formatdate(second, usegmt=True)}\r\n".encode("ascii")
        return self._line
