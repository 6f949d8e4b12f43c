# -*- test-case-name: tests.test_surroundings -*-
"""What settings depend on, as this machine and this user have it now; and the settings made whole with it."""

import os
import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
from attrs import frozen

from pocketagent.config import Config
from pocketagent.settings import absolute
from pocketagent.sources import CannotStart
from pocketagent.whereabouts import HostName

MAX_ADDRESSES = 64
"""Of this machine, as names of the server: all of them stand in the certificate."""


@frozen(kw_only=True)
class Surroundings:
    """What a machine and a user are like, as far as settings depend on it."""

    home: str
    cwd: str
    hostname: str
    addresses: Sequence[str]


def surroundings(environment: Mapping[str, str]) -> Surroundings:
    """For the server, and for whoever looks at it from beside. Raises CannotStart."""
    home = os.path.expanduser("~") if not environment.get("HOME") else environment["HOME"]  # noqa: PTH111
    try:
        cwd = os.getcwd()  # noqa: PTH109
    except FileNotFoundError:
        raise CannotStart("the working directory is gone: change to one that exists.") from None
    if not home.startswith("/"):
        raise CannotStart("the home directory is not known: set HOME to it.")
    return Surroundings(
        home=home,
        cwd=cwd,
        hostname=socket.gethostname(),
        addresses=addresses(_text(Path("/proc/net/fib_trie")), _text(Path("/proc/net/if_inet6"))),
    )


def _text(path: Path) -> str:
    """What the kernel says there; nothing where it does not, as in some containers."""
    try:
        return path.read_text()
    except OSError:
        return ""


def addresses(fib_trie: str, if_inet6: str) -> Sequence[str]:
    """This machine's own addresses that others can reach it by, from the kernel's tables of routes (IPv4) and of
    interfaces (IPv6)."""
    found = [address for address in re.findall(r"\|-- (\S+)\n\s+/32 host LOCAL", fib_trie) if address[:4] != "127."]
    for line in if_inet6.splitlines():
        digits, _index, _prefix, scope, *_ = line.split()
        if scope == "00":  # global, unique local ones included
            found.append(":".join(digits[at : at + 4] for at in range(0, 32, 4)))
    return list(dict.fromkeys(found))[:MAX_ADDRESSES]


# -- the settings made whole --------------------------------------------------------------------------------


def settled(config: Config, around: Surroundings) -> Config:
    """The same settings with whole paths, and with the defaults that depend on the machine.

    `roots` and `names` are never empty then, and `denied` holds the data directory.
    """

    def whole(path: str) -> str:
        return absolute(path, around.home, around.cwd) if path else ""

    data_dir = whole(config.data_dir)
    return attrs.evolve(
        config,
        data_dir=data_dir,
        roots=tuple(whole(path) for path in config.roots or ("~",)),
        denied=tuple(dict.fromkeys([*(whole(path) for path in config.denied), data_dir])),
        claude=whole(config.claude),
        certificate=whole(config.certificate),
        private_key=whole(config.private_key),
        webhooks=tuple(attrs.evolve(hook, secret_file=whole(hook.secret_file)) for hook in config.webhooks),
        log_file=whole(config.log_file),
        names=config.names or default_names(config.host, around),
    )


def default_names(host: Sequence[str], around: Surroundings) -> Sequence[str]:
    """Under which names clients come where none were set (protocol section 3): this machine's loopback always, its
    host name and addresses when it listens on all of them, else the addresses that it listens on."""
    names = ["localhost", "127.0.0.1", "::1"]
    if listens_on_all(host):
        names += [_valid_name(around.hostname), *(_valid_name(address) for address in around.addresses)]
    return tuple(dict.fromkeys(name for name in (*names, *host) if name and not _is_unspecified(name)))


def listens_on_all(host: Sequence[str]) -> bool:
    return not host or any(_is_unspecified(address) for address in host)


def _valid_name(text: str) -> str:
    """The name, or nothing where a client could not use it: a link-local address, odd letters in a host name."""
    try:
        return HostName().check(text)
    except ValueError:
        return ""


def _is_unspecified(name: str) -> bool:
    return name in ("0.0.0.0", "::")  # noqa: S104
