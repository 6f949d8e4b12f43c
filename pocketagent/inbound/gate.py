# -*- test-case-name: tests.inbound.test_gate -*-
"""Who is calling: settled on the HTTP request, before anything else sees it (protocol section 3).

Pure rules. What stands in a request -> what the next one needs of it, or TurnedAway with the answer to give.
"""

import ipaddress
import re
from collections.abc import Collection, Iterable, Sequence

from attrs import define, field, frozen

from pocketagent.domain.access import Device, Kind, Scope
from pocketagent.domain.refusals import Code
from pocketagent.inbound.call import Call
from pocketagent.inbound.turned_away import TurnedAway, bad_request, unauthorized

MAX_HOSTS = 64
"""Ways to write our Host that are remembered."""
COOKIE_NAME = "__Host-pocketagent"
"""Browsers take it from this host only, over TLS, and for all of its paths (protocol section 3)."""

_UTF8 = re.compile(r"charset=\"?utf-8\"?", re.ASCII | re.IGNORECASE)
_AUTHORITY = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[1-9][0-9]{0,4}))?", re.ASCII)
_BEARER = re.compile(r"bearer (?P<token>[\x21-\x7e]+)", re.ASCII | re.IGNORECASE)


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
