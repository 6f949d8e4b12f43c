# -*- test-case-name: tests.test_config -*-
"""What a setting is: which values it takes, and how a text spells them. `pocketagent.config` has the table."""

import ipaddress
import json
import math
import os.path
import re
from collections.abc import Mapping, Sequence
from typing import Generic, Protocol, TypeVar
from urllib.parse import urlsplit

import attrs
from attrs import frozen

from pocketagent.domain.notices import Event

PREFIX = "PA_"
"""How the environment variables of the settings begin."""

MAX_HOOKS, MAX_URL = 16, 1024

_OF_HOOK = {"url", "secret_file", "events"}
_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Kind(Protocol[T_co]):
    """Which values a setting takes. `check` and `parse` raise ValueError on another one."""

    @property
    def allowed(self) -> str:
        """What is allowed, to go on with after "it must be"."""

    def check(self, value: object) -> T_co:
        """The setting's value, from a value as TOML has it."""

    def parse(self, text: str) -> object:
        """The value as TOML has it, from the text of a variable or an option."""


@frozen
class Whole:
    """A whole number with bounds."""

    least: int
    most: int

    @property
    def allowed(self) -> str:
        return f"a whole number from {self.least} to {self.most}"

    def check(self, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not self.least <= value <= self.most:
            raise ValueError
        return value

    def parse(self, text: str) -> object:
        return int(text)


@frozen
class Number:
    """A number with bounds, with or without a fraction; so every duration is said, in seconds."""

    least: float
    most: float

    @property
    def allowed(self) -> str:
        return f"a number from {self.least:.12g} to {self.most:.12g}"

    def check(self, value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise ValueError
        if not self.least <= value <= self.most:
            raise ValueError
        return value

    def parse(self, text: str) -> object:
        return float(text)


@frozen
class Switch:
    """Yes or no."""

    allowed: str = "true or false"

    def check(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise ValueError
        return value

    def parse(self, text: str) -> object:
        return {"true": True, "false": False}.get(text.lower(), text)


@frozen
class Choice:
    """One of some words."""

    words: Sequence[str]

    @property
    def allowed(self) -> str:
        return f"one of {', '.join(self.words)}"

    def check(self, value: object) -> str:
        if value not in self.words:
            raise ValueError
        return str(value)

    def parse(self, text: str) -> object:
        return text


@frozen
class Levels:
    """A word of a choice for each of some parts of the program: a table in the file, `part=word` with commas
    elsewhere."""

    words: Sequence[str]

    @property
    def allowed(self) -> str:
        return f"names of parts, such as pocketagent.inbound, each with one of {', '.join(self.words)}"

    def check(self, value: object) -> Mapping[str, str]:
        if not isinstance(value, Mapping):
            raise ValueError
        for name, word in value.items():
            if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]{0,127}", name, re.ASCII):
                raise ValueError
            if word not in self.words:
                raise ValueError
        return dict(value)

    def parse(self, text: str) -> object:
        if text.lstrip().startswith("{"):
            return json.loads(text)
        pairs = [part.partition("=") for part in text.split(",") if part.strip()]
        return {name.strip(): word.strip() for name, _, word in pairs}


@frozen
class Text:
    """A text on one line that may be empty; with a pattern, one that matches it."""

    allowed: str = "a text on one line"
    pattern: str = ""

    def check(self, value: object) -> str:
        if not isinstance(value, str) or not (value.isprintable() or value == ""):
            raise ValueError
        if value and self.pattern and not re.fullmatch(self.pattern, value, re.ASCII):
            raise ValueError
        return value

    def parse(self, text: str) -> object:
        return text


@frozen
class Path(Text):
    """A path, from the working directory on where it does not begin with "/" or "~/"."""

    allowed: str = "a path"


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
class Several(Generic[T]):
    """A list of values, each once: an array in the file, an option that may be repeated, commas in a variable."""

    kind: Kind[T]
    least: int = 0

    @property
    def allowed(self) -> str:
        return f"a list of {self.kind.allowed.removeprefix('a ')}"

    def check(self, value: object) -> tuple[T, ...]:
        if not isinstance(value, list | tuple) or "" in value or len(value) < self.least:
            raise ValueError
        return tuple(dict.fromkeys(self.kind.check(item) for item in value))

    def parse(self, text: str) -> object:
        return [part.strip() for part in text.split(",")] if text.strip() else []


@frozen
class Tables:
    """Named JSON objects: tables in the file (or texts with JSON in them), one JSON object in a variable."""

    allowed: str = "tables by name, each the JSON object that the CLI takes"

    def check(self, value: object) -> Mapping[str, str]:
        if not isinstance(value, Mapping):
            raise ValueError
        return {str(name): self._one(str(name), table) for name, table in value.items()}

    def _one(self, name: str, table: object) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name):
            raise ValueError
        content = json.loads(table) if isinstance(table, str) else table
        if not isinstance(content, Mapping):
            raise ValueError
        try:
            return json.dumps(content, allow_nan=False)
        except TypeError:  # TOML knows dates, JSON does not
            raise ValueError from None

    def parse(self, text: str) -> object:
        return json.loads(text)


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


@frozen
class Setting:
    """One line of the table. `option` is its name on the command line; empty: not to be had there."""

    key: str
    kind: Kind[object]
    default: object
    words: str
    group: str
    option: str
    secret: bool

    @property
    def variable(self) -> str:
        return PREFIX + self.key.upper()


def setting(kind: Kind[T], default: T, words: str, group: str, *, option: str | None = None, secret: bool = False) -> T:
    """A field of the class of all settings, which says of itself what it takes.

    `words` explain it to a person; `option` is its name on the command line where that is not the key itself;
    the value of a `secret` one is never shown, and it has no option: arguments are seen by everybody.
    """
    about = {"kind": kind, "words": words, "group": group, "option": option, "secret": secret}
    value: T = attrs.field(default=default, repr=not secret, metadata={"setting": about})
    return value


def settings(of: type[attrs.AttrsInstance]) -> Sequence[Setting]:
    """The table of a class whose fields are `setting`s."""
    table = []
    for attribute in attrs.fields(of):
        about = dict(attribute.metadata["setting"])
        option = "" if about["secret"] else about["option"] or attribute.name.replace("_", "-")
        table.append(Setting(**{**about, "key": attribute.name, "default": attribute.default, "option": option}))
    return table


def absolute(path: str, home: str, cwd: str) -> str:
    """A path as it is meant: `~` is the home directory, and what is relative begins at the working directory."""
    if path == "~" or path.startswith("~/"):
        path = home + path[1:]
    return os.path.normpath(os.path.join(cwd, path))  # noqa: PTH118
