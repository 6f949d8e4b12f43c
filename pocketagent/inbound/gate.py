# -*- test-case-name: tests.inbound.test_gate -*-
"""Who is calling: settled on the HTTP request, before anything else sees it (protocol section 3).

Pure rules. What stands in a request -> what the next one needs of it, or TurnedAway with the answer to give.
They are stricter than RFC 9112 where two readers of one request could understand it in two ways.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from attrs import define, field, frozen

from pocketagent.domain.access import Device, Kind, Scope
from pocketagent.domain.refusals import Code, Refusal

MAX_HEAD = 16 * 1024
"""Bytes of the request line and the headers together (threats 3.2)."""
MAX_HEADERS = 100
MAX_HOSTS = 64
"""Ways to write our Host that are remembered."""
MAX_SUBPROTOCOLS = 16
SUBPROTOCOL = "pocketagent.v1"
COOKIE_NAME = "__Host-pocketagent"
"""Browsers take it from this host only, over TLS, and for all of its paths (protocol section 3)."""

_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) (HTTP/1\.[01])")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t\x20-\x7e]*)")
_UTF8 = re.compile(r"charset=\"?utf-8\"?", re.ASCII | re.IGNORECASE)
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)
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

    size: int = 0
    _lines: int = 0
    _first: Sequence[bytes] = ()
    _headers: dict[str, list[str]] = field(factory=dict)

    def add(self, line: bytes) -> bool:
        """Judge the next line, without its CRLF; whether it was the last. Raises TurnedAway (400, 431)."""
        self.size += len(line) + 2
        self._lines += 1
        if self.size > MAX_HEAD or (line and self._lines > 1 + MAX_HEADERS):
            raise head_too_large()
        if self._lines == 1:
            found = _REQUEST_LINE.fullmatch(line)
            if found is None:
                raise bad_request("The first line is no request of HTTP/1.1.")
            self._first = found.groups()
            return False
        if not line:
            return True
        found = _HEADER.fullmatch(line)
        if found is None:
            raise bad_request("A header has no name, is folded, or holds a character that is not printable ASCII.")
        name, value = found.groups()
        self._headers.setdefault(name.decode("ascii").lower(), []).append(value.decode("ascii").strip(" \t"))
        return False

    def call(self) -> "Call":
        """The request, once its last line came. Raises TurnedAway (400) where its body could be read in two ways."""
        method, target, version = (word.decode("ascii") for word in self._first)
        return Call(method, target, version, self._headers, _length(self._headers))


def _length(headers: Mapping[str, Sequence[str]]) -> int:
    """How long the body is, which only one Content-Length tells (RE-07)."""
    if "transfer-encoding" in headers:
        raise bad_request("A body comes with its Content-Length here, never in a Transfer-Encoding.")
    lengths = headers.get("content-length")
    if lengths is None:
        return 0
    if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
        raise bad_request("The Content-Length is not one number of bytes.")
    return int(lengths[0])


@frozen
class Call:
    """A request, its body aside. `headers` by lower-case name, each with all of its values; `length` of the body."""

    method: str
    target: str
    version: str
    headers: Mapping[str, Sequence[str]] = field(repr=False)
    length: int = 0

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
    _ports: dict[str, int] = field(init=False, factory=dict)
    _secure: "Names | None" = field(init=False, default=None)

    def behind_tls(self) -> "Names":
        """The same under https: for what a trusted proxy has taken by TLS, and hands on without."""
        if self._scheme == "https":
            return self
        if self._secure is None:
            self._secure = Names(self._names, "https")
        return self._secure

    @classmethod
    def of(cls, names: Iterable[str], tls: bool) -> "Names":
        return cls(frozenset(names), "https" if tls else "http")

    def check_host(self, call: Call) -> int:
        """Whether the request was meant for us; the port that its sender knows. Raises TurnedAway (400, 421).

        That port need not be ours: a router may forward another one. The name is what stops DNS rebinding, since
        the page of another name cannot choose its Host.
        """
        known = self._ports.get((call.headers.get("host") or [""])[0])
        if known is not None and len(call.headers["host"]) == 1:
            return known
        host, port = host_of(call)
        if host not in self._names:
            raise TurnedAway(
                421,
                Code.FORBIDDEN,
                "This server does not go by that name: use one that it was started with (--name).",
            )
        if len(self._ports) < MAX_HOSTS:
            self._ports[call.headers["host"][0]] = port or self._default_port
        return port or self._default_port

    def check_origin(self, call: Call, port: int, allowed: Collection[str] = ()) -> None:
        """Whether the web page that asks, if one does, is ours: one of our names, with the port that was asked; or one
        of those that are `allowed`, letter by letter.

        Raises TurnedAway (400, 403).
        """
        origin = call.only("origin")
        if origin is not None and origin not in allowed and origin not in self._origins(port):
            raise TurnedAway(403, Code.FORBIDDEN, "Pages of other origins may not come here.")

    def check_page(self, call: Call, needs_origin: bool) -> None:
        """Whether a page of ours asks, where a browser shows its cookie, or is to be given one. A browser sends it with
        whatever any page asks for: so the request must say whose page that is (OR-04). Raises TurnedAway (400, 403).
        """
        if self._scheme != "https":
            raise TurnedAway(
                403,
                Code.FORBIDDEN,
                "A cookie goes over TLS only, and this came without. Come with a token; where a proxy has TLS, name it "
                "in `trusted_proxies` and have it send X-Forwarded-Proto.",
            )
        if call.only("origin") is not None:
            self.check_origin(call, self.check_host(call))  # not one of other pages that may come with a token
        elif needs_origin or call.only("sec-fetch-site") != "same-origin":
            raise TurnedAway(
                403, Code.FORBIDDEN, "With a cookie a request must come from a page of this server, and say so."
            )

    def _origins(self, port: int) -> set[str]:
        suffix = "" if port == self._default_port else f":{port}"
        return {f"{self._scheme}://{f'[{name}]' if ':' in name else name}{suffix}" for name in self._names}

    @property
    def _default_port(self) -> int:
        return 443 if self._scheme == "https" else 80


NOBODY = Names(frozenset(), "http")
"""Of a connection of which no request was judged yet."""


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


def nothing_here() -> TurnedAway:
    return TurnedAway(404, Code.INVALID_MESSAGE, "There is nothing here.")


def wrong_method(allowed: Sequence[str]) -> TurnedAway:
    """405, with the methods that a path has."""
    message = f"Only {', '.join(allowed)} can be asked here."
    return TurnedAway(405, Code.INVALID_MESSAGE, message, [("Allow", ", ".join(allowed))])


def check_content(call: Call, types: Sequence[str]) -> None:
    """Whether the body is what a route takes, as it is: pages of other origins can send forms and texts without being
    asked, but no JSON. Raises TurnedAway (400, 415)."""
    if call.only("content-encoding") not in (None, "identity"):
        raise TurnedAway(415, Code.INVALID_MESSAGE, "The body is taken as it is: without a Content-Encoding.")
    kind, _, parameter = (call.only("content-type") or "").partition(";")
    is_utf8 = not parameter or _UTF8.fullmatch(parameter.strip(" \t"))
    if kind.strip(" \t").lower() not in types or not is_utf8:
        allowed = " or ".join(types)
        raise TurnedAway(415, Code.INVALID_MESSAGE, f"The Content-Type of the body must be {allowed}.")


@frozen
class Credential:
    """What is shown, not yet judged: the token of a program, or the cookie of a browser."""

    kind: Kind
    text: str = field(repr=False)


def credential(call: Call, names: Names) -> Credential:
    """What is shown to be let in; by a browser only where a page of ours asks. Raises TurnedAway (400, 401, 403)."""
    cookies = _cookies(call)
    if not cookies:
        return Credential(Kind.PROGRAM, token(call))
    if "authorization" in call.headers:
        raise bad_request("Show a token or a cookie, not both: which of two devices is it?")
    if len(cookies) > 1:
        raise bad_request(f"The cookie {COOKIE_NAME!r} stands twice: one of them is not ours.")
    names.check_page(call, needs_origin=call.method not in ("GET", "HEAD") or "upgrade" in call.headers)
    return Credential(Kind.BROWSER, cookies[0])


def _cookies(call: Call) -> Sequence[str]:
    """The values of our cookie."""
    pairs = (pair.partition("=") for value in call.headers.get("cookie", ()) for pair in value.split(";"))
    return [value.strip(" \t") for name, equals, value in pairs if equals and name.strip(" \t") == COOKIE_NAME]


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
    if call.length or "expect" in call.headers:
        raise bad_request("This request takes no body.")
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
