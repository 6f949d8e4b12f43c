# -*- test-case-name: tests.test_surroundings -*-
"""What settings depend on, as this machine and this user have it now."""

import os
import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from pocketagent.config import Surroundings
from pocketagent.sources import CannotStart

MAX_ADDRESSES = 64
"""Of this machine, as names of the server: all of them stand in the certificate."""


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
