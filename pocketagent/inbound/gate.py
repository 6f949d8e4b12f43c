# -*- test-case-name: tests.inbound.test_gate -*-
"""Who is calling: settled on the HTTP request, before anything else sees it (protocol section 3).

Pure rules. What stands in a request -> what the next one needs of it, or TurnedAway with the answer to give.
They are stricter than RFC 9112 where two readers of one request could understand it in two ways.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence

from attrs import define, field, frozen

from pocketagent.domain.access import Device, Scope
from pocketagent.domain.refusals import Code, Refusal

MAX_HEAD = 16 * 1024
"""Bytes of the request line and the headers together (threats 3.2)."""
MAX_HEADERS = 100
MAX_SUBPROTOCOLS = 16
SUBPROTOCOL = "pocketagent.v1"

_REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ [\x21-\x7e]+ HTTP/1\.[01]")
_HEADER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e]*")
_AUTHORITY = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[1-9][0-9]{0,4}))?", re.ASCII)
_BEARER = re.compile(r"bearer (?P<token>[\x21-\x7e]+)", re.ASCII | re.IGNORECASE)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)

Headers = Sequence[tuple[str, str]]


class TurnedAway(Refusal):
    """A refusal on HTTP: with its status, and with the headers that belong to it."""

    def __init__(self, status: int, code: Code, message: str, headers: Headers = (), **details: object) -> None:
        super().__init__(code, message, **details)
        self.status = status
        self.headers = headers


def bad_request(message: str) -> TurnedAway:
    return TurnedAway(400, Code.INVALID_MESSAGE, message)


def head_too_large() -> TurnedAway:
    return TurnedAway(
        431,
        Code.INVALID_MESSAGE,
        f"The request has more than {MAX_HEADERS} headers, or more than {MAX_HEAD} bytes before its end.",
    )


def unauthorized(reason: str, message: str) -> TurnedAway:
    """What everybody without a good credential is told. `reason`: missing, malformed, unknown, expired."""
    error = "" if reason == "missing" else ', error="invalid_token"'
    challenge = f'Bearer realm="pocketagent"{error}'
    return TurnedAway(401, Code.UNAUTHORIZED, message, [("WWW-Authenticate", challenge)], reason=reason)


@define
class Head:
    """The lines of one request up to the blank one, judged as they come."""

    _size: int = 0
    _lines: int = 0

    def add(self, line: bytes) -> None:
        """Judge the next line, without its CRLF. Raises TurnedAway (400, 431)."""
        self._size += len(line) + 2
        self._lines += 1
        if self._size > MAX_HEAD or (line and self._lines > 1 + MAX_HEADERS):
            raise head_too_large()
        if self._lines == 1:
            if not _REQUEST_LINE.fullmatch(line):
                raise bad_request("The first line is no request of HTTP/1.1.")
        elif line and not _HEADER.fullmatch(line):
            raise bad_request("A header has no name, is folded, or holds a character that is not printable ASCII.")


@frozen
class Call:
    """A request, read. `headers` by lower-case name, each with all of its values."""

    method: str
    target: str
    version: str
    headers: Mapping[str, Sequence[str]] = field(repr=False)

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def only(self, name: str) -> str | None:
        """The value of a header that may stand once. Raises TurnedAway (400) where it stands twice."""
        values = self.headers.get(name, ())
        if len(values) > 1:
            raise bad_request(f"The header {name!r} stands twice.")
        return values[0] if values else None

    def words(self, name: str) -> Sequence[str]:
        """The items of a header that is a list."""
        return [word.strip(" \t") for value in self.headers.get(name, ()) for word in value.split(",")]


@frozen
class Upgrade:
    """What a WebSocket needs of the request that it begins with."""

    key: str
    subprotocol: str | None


@define
class Names:
    """Under which names clients come: without port or brackets, lower case, addresses in their shortest form."""

    _names: frozenset[str]
    _scheme: str

    @classmethod
    def of(cls, names: Iterable[str], tls: bool) -> "Names":
        return cls(frozenset(names), "https" if tls else "http")

    def check_host(self, call: Call) -> int:
        """Whether the request was meant for us; the port that its sender knows. Raises TurnedAway (400, 421).

        That port need not be ours: a router may forward another one. The name is what stops DNS rebinding, since
        the page of another name cannot choose its Host.
        """
        host, port = host_of(call)
        if host not in self._names:
            raise TurnedAway(
                421,
                Code.FORBIDDEN,
                "This server does not go by that name: use one that it was started with (--name).",
            )
        return port or self._default_port

    def check_origin(self, call: Call, port: int) -> None:
        """Whether the web page that asks, if one does, is ours: one of our names, with the port that was asked.

        Raises TurnedAway (400, 403).
        """
        origin = call.only("origin")
        if origin is not None and origin not in self._origins(port):
            raise TurnedAway(403, Code.FORBIDDEN, "Pages of other origins may not come here.")

    def _origins(self, port: int) -> set[str]:
        suffix = "" if port == self._default_port else f":{port}"
        return {f"{self._scheme}://{f'[{name}]' if ':' in name else name}{suffix}" for name in self._names}

    @property
    def _default_port(self) -> int:
        return 443 if self._scheme == "https" else 80


def host_of(call: Call) -> tuple[str, int | None]:
    """The Host header -> name in its one form, port where it has one. Raises TurnedAway (400)."""
    found = _AUTHORITY.fullmatch(call.only("host") or "")
    if found is None or int(found["port"] or 1) > 65535:
        raise bad_request("The Host header is missing, or no name with a port.")
    host = found["host"].lower()
    if host.startswith("["):
        try:
            host = str(ipaddress.IPv6Address(host[1:-1]))
        except ValueError:
            raise bad_request("The Host header has no IPv6 address in its brackets.") from None
    return host, int(found["port"]) if found["port"] else None


def check_target(call: Call) -> None:
    """No route takes a query, so no credential stands in one. Raises TurnedAway (400)."""
    if "?" in call.target:
        raise bad_request("A query is not taken: a token belongs into the Authorization header, never into the URL.")


def check_method(call: Call, *allowed: str) -> None:
    """Raises TurnedAway (405)."""
    if call.method not in allowed:
        raise TurnedAway(
            405,
            Code.INVALID_MESSAGE,
            f"Only {' and '.join(allowed)} can be asked here.",
            [("Allow", ", ".join(allowed))],
        )


def token(call: Call) -> str:
    """The bearer token, not yet judged. Raises TurnedAway (400, 401)."""
    authorization = call.only("authorization")
    if authorization is None:
        raise unauthorized("missing", "Show a token in the header 'Authorization: Bearer TOKEN'.")
    found = _BEARER.fullmatch(authorization)
    if found is None:
        raise unauthorized("malformed", "The Authorization header is not 'Bearer TOKEN'.")
    return found["token"]


def check_scope(device: Device, needed: Scope) -> None:
    """Whether its credential is meant for this. Raises TurnedAway (403)."""
    if not device.scope.covers(needed):
        raise TurnedAway(
            403,
            Code.FORBIDDEN,
            f"This needs the scope `{needed}`; this device has `{device.scope}`.",
            needed=needed,
        )


def upgrade(call: Call) -> Upgrade:
    """A well-formed request for a WebSocket of RFC 6455. Raises TurnedAway (400, 426)."""
    if call.version != "HTTP/1.1":
        raise bad_request("A WebSocket needs HTTP/1.1.")
    upgrades = [word.lower() for word in call.words("upgrade")]
    if "websocket" not in upgrades or "upgrade" not in [word.lower() for word in call.words("connection")]:
        raise _upgrade_required("Only WebSockets begin here: ask for an upgrade.")
    if call.headers.get("sec-websocket-version", ()) != ["13"]:
        raise _upgrade_required("Only version 13 of WebSocket is spoken here.")
    return Upgrade(_key(call), _subprotocol(call))


def _upgrade_required(message: str) -> TurnedAway:
    headers = [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
    return TurnedAway(426, Code.INVALID_MESSAGE, message, headers)


def _key(call: Call) -> str:
    key = call.only("sec-websocket-key") or ""
    try:
        nonce = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        nonce = b""
    if len(nonce) != 16 or len(key) != 24:
        raise bad_request("Sec-WebSocket-Key is not 16 bytes in base64.")
    return key


def _subprotocol(call: Call) -> str | None:
    if "sec-websocket-protocol" not in call.headers:
        return None
    offered = call.words("sec-websocket-protocol")
    well_formed = all(_TOKEN.fullmatch(word) for word in offered)
    if not well_formed or len(offered) > MAX_SUBPROTOCOLS or len(set(offered)) != len(offered):
        raise bad_request(f"Sec-WebSocket-Protocol is not a list of up to {MAX_SUBPROTOCOLS} different words.")
    return SUBPROTOCOL if SUBPROTOCOL in offered else None
