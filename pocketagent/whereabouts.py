# -*- test-case-name: tests.test_config -*-
"""Settings that say where something is on the network: addresses and ports, names, origins, webhooks."""

import ipaddress
import json
import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from attrs import frozen

from pocketagent.domain.notices import Event
from pocketagent.settings import Choice, Path, Several, Text

MAX_HOOKS, MAX_URL = 16, 1024

_OF_HOOK = {"url", "secret_file", "events"}
_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")


@frozen
class Address(Text):
    """An address of this machine to listen on."""

    allowed: str = "IP addresses, such as 127.0.0.1 or ::1"

    def check(self, value: object) -> str:
        return str(ipaddress.ip_address(bare(Text.check(self, value))))


@frozen
class LoopbackPort(Text):
    """Where only programs of this machine come: an address of it that leads nowhere else, and a port."""

    allowed: str = "a loopback address with a port, such as 127.0.0.1:9464 or [::1]:9464, or nothing"

    def check(self, value: object) -> str:
        text = Text.check(self, value)
        if text:
            where, port = endpoint(text)
            if not ipaddress.ip_address(where).is_loopback or not 1 <= port <= 65535:
                raise ValueError
        return text


@frozen
class Network(Text):
    """An address, or a network of addresses."""

    allowed: str = "IP addresses or networks, such as 10.0.0.0/8 or ::1"

    def check(self, value: object) -> str:
        return str(ipaddress.ip_network(bare(Text.check(self, value)) or "-"))


@frozen
class HostName(Text):
    """A name or an address under which clients come, without a port."""

    allowed: str = "host names or IP addresses without a port, such as pocket.example.org"

    def check(self, value: object) -> str:
        name = bare(Text.check(self, value)).lower()
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            labels = name.split(".")
            is_name = all(re.fullmatch(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?", label, re.ASCII) for label in labels)
            if not is_name or len(name) > 253 or labels[-1].isdigit():
                raise ValueError from None
            return name
        if address.is_unspecified or "%" in name:
            raise ValueError
        return str(address)


@frozen
class Origin(Text):
    """An origin of web pages, as browsers send it."""

    allowed: str = "origins such as https://app.example.org, without a slash at the end"

    def check(self, value: object) -> str:
        origin = Text.check(self, value)
        scheme, mark, rest = origin.partition("://")
        host, colon, port = (rest, "", "") if rest.endswith("]") else rest.rpartition(":")
        if not colon:
            host = rest
        if (
            scheme not in ("http", "https")
            or not mark
            or origin != origin.lower()
            or HostName().check(host) != bare(host)
        ):
            raise ValueError
        if colon and not (port.isdecimal() and port.isascii() and port == str(int(port)) and 0 < int(port) < 65536):
            raise ValueError
        if port == {"http": "80", "https": "443"}[scheme]:
            raise ValueError
        return origin


@frozen
class Hook:
    """One of `Hooks`."""

    url: str
    secret_file: str
    events: Sequence[Event]


@frozen
class Hooks:
    """Webhooks: tables in the file, a JSON array in a variable."""

    allowed: str = "a list of tables with url (https, or http to this machine), secret_file and, if not all, events"

    def check(self, value: object) -> tuple[Hook, ...]:
        if not isinstance(value, list | tuple) or len(value) > MAX_HOOKS:
            raise ValueError
        return tuple(self._one(table) for table in value)

    def _one(self, table: object) -> Hook:
        if isinstance(table, Hook):
            return table
        if not isinstance(table, Mapping) or not {"url", "secret_file"} <= set(table) <= _OF_HOOK:
            raise ValueError
        url, secret_file = Text().check(table["url"]), Path().check(table["secret_file"])
        events = Several(Choice([one.value for one in Event]), 1).check(table.get("events", list(Event)))
        if not secret_file or len(url) > MAX_URL or not re.fullmatch(r"https?://[!-~]+", url) or "\\" in url:
            raise ValueError
        parts = urlsplit(url)
        host = parts.hostname or ""
        if not host or parts.port == 0 or parts.username is not None or parts.password is not None or parts.fragment:
            raise ValueError
        if parts.scheme == "http" and host not in _THIS_MACHINE:
            raise ValueError
        return Hook(url, secret_file, tuple(map(Event, events)))

    def parse(self, text: str) -> object:
        return json.loads(text) if text.strip() else []


def endpoint(text: str) -> tuple[str, int]:
    """The address and the port of `127.0.0.1:9464` or `[::1]:9464`. Raises ValueError."""
    where, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdecimal()) or (":" in where) != where.startswith("["):
        raise ValueError
    return bare(where), int(port)


def bare(address: str) -> str:
    """An IPv6 address without the brackets that it wears in a URL."""
    return address[1:-1] if address.startswith("[") and address.endswith("]") else address
