# -*- test-case-name: tests.test_config -*-
"""What a setting is: which values it takes, and how a text spells them. `pocketagent.config` has the table."""

import json
import math
import os.path
import re
from collections.abc import Mapping, Sequence
from typing import Generic, Protocol, TypeVar

import attrs
from attrs import frozen

PREFIX = "PA_"
"""How the environment variables of the settings begin."""

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
