# -*- test-case-name: tests.client.test_server -*-
"""A server as a person knows it: its address, its key, and the token that it gave."""

import ipaddress
import re
from urllib.parse import urlsplit

from attrs import Attribute, field, frozen

from pocketagent.client.problems import Problem

PORT = 8443
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_.])?")


def address(text: str) -> str:
    """What a person calls a server -> the URL of its WebSocket: `localhost`, `my.host:9443`, `https://my.host`,
    `wss://my.host/ws`. Raises Problem with a sentence."""
    text = text.strip()
    try:
        parts = urlsplit(_with_scheme(text))
        scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
        host = _host_name(parts.hostname or "")
    except ValueError:  # which UnicodeError is, too
        scheme = host = ""
    if not host or scheme not in ("ws", "wss") or parts.username is not None or parts.query or parts.fragment:
        raise Problem(f"{text!r} is not the address of a server: write it as wss://localhost:{PORT}.")
    try:
        port = parts.port if parts.port is not None else PORT if "://" not in text else {"ws": 80, "wss": 443}[scheme]
    except ValueError:
        port = 0
    if not port:
        raise Problem(f"{text!r} has no good port: it is a number from 1 to 65535, as in wss://localhost:{PORT}.")
    if parts.path not in ("", "/", "/ws"):
        raise Problem(f"{text!r} has a path: a server is wss://HOST:PORT, its WebSocket is always at /ws.")
    if scheme == "ws" and not is_loopback(host):
        raise Problem(f"{text!r} would send the token unencrypted over the network: use wss://.")
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/ws"


def _with_scheme(text: str) -> str:
    if "://" in text:
        return text
    return f"wss://[{text}]" if _is_ipv6(text) else f"wss://{text}"


def _host_name(host: str) -> str:
    """The name as it stands in requests and certificates; empty for what is none. Raises UnicodeError."""
    if _is_ipv6(host):
        return host
    name = host.encode("idna").decode("ascii").lower()
    return name if _NAME.fullmatch(name) else ""


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == 6
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _stripped(token: str) -> str:
    return token.strip()


def _is_sendable(_: object, __: "Attribute[str]", token: str) -> None:
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise Problem("What was given as the token is none: a token has only letters, digits and _.")


@frozen
class Server:
    """Where a server is, who it is, and who we are.

    `url` is what `address` takes. `fingerprint` pins the server's key (SHA-256 of its SubjectPublicKeyInfo, base64, as
    the server prints it); without one its certificate must be good for `ca`, a file of PEM certificates, or, where
    that is None too, for the system's authorities. Not for plain ws://, which goes to this machine only. Raises Problem
    for what is no address, and no token.
    """

    url: str = field(converter=address)
    token: str = field(converter=_stripped, validator=_is_sendable, repr=False)
    fingerprint: str | None = None
    ca: str | None = None
