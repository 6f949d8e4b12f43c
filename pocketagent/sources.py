# -*- test-case-name: tests.test_config -*-
"""Where settings come from: a file, the environment, the command line. Each wrong one is told with its place."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from attrs import frozen

from pocketagent.settings import PREFIX, Setting

MAX_FILE = 1024 * 1024
"""Bytes of a configuration file: whoever names a device or a log by mistake learns so at once."""

SHOWN = 60
"""Characters of a wrong value that are repeated in a message."""


class CannotStart(Exception):
    """Why the server does not start: one line for the person who tries, without a secret."""


class ConfigError(CannotStart):
    """A setting is wrong. One line: which one, where it was set, and what is allowed there."""


@frozen
class Given:
    """A value and where it was given."""

    value: object
    origin: str


def from_file(path: str, table: Iterable[Setting]) -> dict[str, Given]:
    """What a TOML file says. Raises ConfigError."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            raw = file.read(MAX_FILE + 1)
        if len(raw) > MAX_FILE:
            raise ConfigError(f"{path}: a configuration has at most {MAX_FILE} bytes.")
        text = raw.decode()
        found = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{path}: the configuration cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: the configuration is not UTF-8 text.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: this is not TOML: {error}.") from None
    by_key = {one.key: one for one in table}
    given = {}
    for key, value in found.items():
        origin = f"{path}{_line_of(key, text)}: {_shown(key)}"
        if key not in by_key:
            raise ConfigError(f"{origin}: there is no such setting{_nearest(key, by_key)}")
        given[key] = Given(_checked(by_key[key], value, origin), origin)
    return given


def from_environment(
    environment: Mapping[str, str], table: Iterable[Setting], ignored: Iterable[str] = ()
) -> dict[str, Given]:
    """What the `PA_…` variables say. Raises ConfigError, also on one that is no setting."""
    by_variable = {one.variable: one for one in table}
    given = {}
    for name in sorted(environment):
        if not name.startswith(PREFIX) or name in ignored:
            continue
        if name not in by_variable:
            raise ConfigError(f"{_shown(name)} in the environment: no such setting{_nearest(name, by_variable)}")
        one, origin = by_variable[name], f"{name} in the environment"
        given[one.key] = Given(_checked(one, _parsed(one, environment[name], origin), origin), origin)
    return given


def from_options(options: Mapping[str, object], table: Iterable[Setting]) -> dict[str, Given]:
    """What the command line says: by key a text, a list of texts or True; None where the option was not given."""
    given = {}
    for one in table:
        value = options.get(one.key)
        if value is None:
            continue
        origin = f"--{one.option}"
        parsed = _parsed(one, value, origin) if isinstance(value, str) else value
        given[one.key] = Given(_checked(one, parsed, origin), origin)
    return given


def _parsed(one: Setting, text: str, origin: str) -> object:
    try:
        return one.kind.parse(text)
    except (ValueError, RecursionError):
        raise _wrong(one, text, origin) from None


def _checked(one: Setting, value: object, origin: str) -> object:
    try:
        return one.kind.check(value)
    except (ValueError, RecursionError):
        raise _wrong(one, value, origin) from None


def _wrong(one: Setting, value: object, origin: str) -> ConfigError:
    shown = "this" if one.secret else _shown(value)
    return ConfigError(f"{origin}: {shown} is not allowed, it must be {one.kind.allowed}.")


def _shown(value: object) -> str:
    text = value if isinstance(value, str) and value.isidentifier() else ascii(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _nearest(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, list(known), n=1)
    return f", did you mean {near[0]}?" if near else "."


def _line_of(key: str, text: str) -> str:
    found = re.search(rf"""^[ \t]*\[*[ \t]*["']?{re.escape(key)}["']?[ \t]*[]=.]""", text, re.MULTILINE)
    return f", line {text.count(chr(10), 0, found.start()) + 1}" if found else ""
