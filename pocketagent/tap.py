# -*- test-case-name: tests.test_tap -*-
"""What `twistd pocketagent` runs: command line -> Config -> `app.build`.

Whatever stands in the way of a start is told here, on one line with exit code 1, while twistd still has its
terminal. So what can fail (the lock, the port, the certificate) belongs into `build`; what would not survive
twistd's fork into the background (threads, children) begins in `startService`.
"""

import io
import os
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import IO, TypeVar, cast

from twisted.application.app import ServerOptions
from twisted.application.service import IService, MultiService
from twisted.logger import ILogObserver
from twisted.python import usage
from twisted.python.components import Componentized

from pocketagent import logs, settings, whereabouts
from pocketagent.config import TABLE, Config, read
from pocketagent.domain.text import escaped
from pocketagent.logfile import RotatedFile
from pocketagent.settings import Setting, Several, Switch
from pocketagent.sources import CannotStart
from pocketagent.surroundings import settled, surroundings
from pocketagent.version import VERSION

WIDTH = 110
COLUMN = 34
"""Characters of the help: all, and where the words begin."""

LOG_FILE = "twistd.log"
"""In the background: twistd's name for the log."""

_SIGNS: Mapping[type, str] = {
    settings.Whole: "N",
    settings.Number: "N",
    settings.Switch: "true|false",
    settings.Path: "PATH",
    whereabouts.Address: "ADDRESS",
    whereabouts.HostName: "NAME",
    whereabouts.Network: "NETWORK",
    whereabouts.Origin: "ORIGIN",
    whereabouts.LoopbackPort: "ADDRESS:PORT",
    settings.Text: "NAME",
    settings.Levels: "PART=LEVEL,…",
}
"""What stands for a value in the help."""


class Options(usage.Options):
    """The command line. Every setting is an option; what was given stands in `given`, by the setting's key."""

    synopsis = "[options]"

    def __init__(self) -> None:
        self.given: dict[str, object] = {}
        self.file: str | None = None
        usage.Options.__init__(self)

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Says what is wrong in one line: twistd would print its whole help around it."""
        try:
            super().parseOptions(options)
        except usage.UsageError as error:
            raise SystemExit(
                f"pocketagent: {str(error).rstrip('.')}; `twistd pocketagent --help` shows all options."
            ) from None

    def opt_config(self, file: str) -> None:
        self.file = file

    def opt_version(self) -> None:
        print(f"pocketagent {VERSION}")  # noqa: T201
        raise SystemExit(0)

    def getUsage(self, width: int | None = None) -> str:
        return _usage()


def _takes_value(one: Setting) -> Callable[[Options, str], None]:
    def opt(self: Options, value: str) -> None:
        self.given[one.key] = value

    return opt


def _takes_values(one: Setting) -> Callable[[Options, str], None]:
    def opt(self: Options, value: str) -> None:
        values = self.given.setdefault(one.key, [])
        assert isinstance(values, list)
        values.append(value)

    return opt


def _is_flag(one: Setting) -> Callable[[Options], None]:
    def opt(self: Options) -> None:
        self.given[one.key] = True

    return opt


def _is_switch(one: Setting) -> bool:
    """Whether the option switches something on, and so needs no value."""
    return isinstance(one.kind, Switch) and one.default is False


for _one in TABLE:
    if _one.option:
        _make = _takes_values if isinstance(_one.kind, Several) else _is_flag if _is_switch(_one) else _takes_value
        setattr(Options, f"opt_{_one.option.replace('-', '_')}", _make(_one))


def _usage() -> str:
    """All options by groups, each with its default."""
    lines = [
        "",
        "In the foreground:  twistd -n --pidfile= pocketagent --data-dir ./data",
        "In the background:  twistd --pidfile=pocketagent.pid --logfile=pocketagent.log pocketagent",
        "A first device:     pocketagent token create --data-dir ./data --name phone",
        "",
        "A file of settings (--config), a variable such as PA_DATA_DIR and an option say the same; the later of these",
        "three wins. Durations are seconds, sizes are bytes. An option with … may be repeated.",
    ]
    group = ""
    for one in TABLE:
        if one.option:
            if one.group != group:
                group = one.group
                lines += ["", f"{group}:"]
            lines += _entry(_spelling(one), f"{one.words}{_default(one)}")
    lines += ["", "And:"]
    lines += _entry("--config=FILE", "Read settings from a TOML file, such as conf/pocketagent.toml.")
    lines += _entry("--version", "Print the version.")
    lines += _entry("--help", "Print this.")
    return "\n".join(lines) + "\n"


def _entry(option: str, words: str) -> Iterable[str]:
    text = textwrap.wrap(words, WIDTH - COLUMN, break_on_hyphens=False)
    first = f"  {option:{COLUMN - 3}} "
    rest = [" " * COLUMN + line for line in text]
    return [first + text[0], *rest[1:]] if len(first) == COLUMN else [first.rstrip(), *rest]


def _spelling(one: Setting) -> str:
    if _is_switch(one):
        return f"--{one.option}"
    several = isinstance(one.kind, Several)
    kind = one.kind.kind if isinstance(one.kind, Several) else one.kind
    sign = "|".join(kind.words) if isinstance(kind, settings.Choice) else _SIGNS[type(kind)]
    return f"--{one.option}={sign if len(sign) < 30 else 'WORD'}{' …' if several else ''}"


def _default(one: Setting) -> str:
    default = one.default
    if isinstance(default, tuple | list):
        return f" [{' '.join(default)}]" if default else ""
    if default == "" or isinstance(default, Mapping) or _is_switch(one):
        return ""
    return f" [{str(default).lower() if isinstance(default, bool) else default}]"


# -- the start ----------------------------------------------------------------------------------------------

R = TypeVar("R")


def makeService(options: Options) -> IService:
    """What twistd starts. Raises SystemExit with one line when the server cannot start."""
    from twisted.internet import reactor

    return start(options, _build, reactor, platform=sys.platform, user=os.geteuid(), environment=os.environ)


def _build(config: Config, reactor: object) -> IService:
    """`app.build`, which is imported only once it is known that this is Linux."""
    from pocketagent import app
    from pocketagent.server import IServerReactor

    return app.build(config, cast(IServerReactor, reactor))  # epoll's provides it all; Twisted declares less


def start(
    options: Options,
    build: Callable[[Config, R], IService],
    reactor: R,
    *,
    platform: str,
    user: int,
    environment: Mapping[str, str],
) -> IService:
    """`makeService` with what it depends on as arguments: `user` is the effective user id."""
    try:
        if platform != "linux":
            raise CannotStart(f"the server runs on Linux only, and this is {platform}; clients run anywhere.")
        config = settled(read(environment, options.given, options.file), surroundings(environment))
        if user == 0 and not config.allow_root:
            raise CannotStart(
                "started as root, every prompt could do everything: start it as an ordinary user, or add --allow-root."
            )
        top = Top(_observer(options.parent, config))
        build(config, reactor).setServiceParent(top)
    except CannotStart as error:
        raise SystemExit(f"pocketagent: {escaped(str(error))}") from None
    return top


class Top(MultiService):
    """The top of the tree: brings our log to twistd, which asks the application for one before it makes its own."""

    def __init__(self, observer: ILogObserver | None) -> None:
        super().__init__()
        self._observer = observer

    def setServiceParent(self, parent: object) -> None:
        if self._observer is not None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self._observer)
        super().setServiceParent(parent)


def _observer(twistd: object, config: Config) -> ILogObserver | None:
    """Our log, in the place where twistd's would be by its options; None where it has one of its own."""
    if not isinstance(twistd, ServerOptions) or twistd["logger"] or twistd.get("syslog"):
        return None
    stream = _stream(config, str(twistd["logfile"] or ""), bool(twistd["nodaemon"]))
    return logs.observer(stream, config.log_format, config.log_level, config.log_levels)


def _stream(config: Config, logfile: str, foreground: bool) -> IO[str] | IO[bytes]:
    if config.log_file:
        logfile = config.log_file
    if foreground and logfile in ("", "-"):
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        return sys.stdout
    if logfile == "-":
        raise CannotStart("in the background there is no terminal to log to: leave --logfile=- out, or add --nodaemon.")
    path = logfile or LOG_FILE
    try:
        # Not twistd's own, which keeps every old file, and writes on where it was when another has cut the file off.
        file: IO[bytes] = RotatedFile(path, config.log_file_size, config.log_files)  # type: ignore[assignment]
    except OSError as error:
        raise CannotStart(f"the log {path} cannot be written: {error.strerror}.") from None
    return file
