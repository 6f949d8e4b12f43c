# -*- test-case-name: tests.test_listening -*-
"""The sockets that the server listens on: bound while twistd still has its terminal, served once all is ready."""

import errno
import ipaddress
import os
import resource
import socket
from collections.abc import Sequence

from attrs import frozen

from pocketagent.sources import CannotStart

BACKLOG = 1024
"""Connections that the kernel holds for us: 2,000 that come within a second are accepted in time (HS-18)."""

SPARE_DESCRIPTORS = 1024
"""Beside those of connections: journals, processes of the agent (five each), threads' files."""


def allow_descriptors(connections: int) -> bool:
    """Let this process open what so many connections need: many systems begin at 1,024 and leave the rest to choice.

    False where the system allows less.
    """
    wanted = connections + SPARE_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if allowed > soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed == wanted


EVERYWHERE = "::"
"""All addresses: IPv6 takes IPv4 in as well, where the machine has it."""


@frozen
class Bound:
    """Sockets for which the kernel takes connections already, and nobody else does yet. `hosts` are their addresses;
    `port` is theirs, also where the kernel chose it."""

    sockets: Sequence[socket.socket]
    hosts: Sequence[str]
    port: int

    def is_reached_by(self, name: str) -> bool:
        """Whether a client that goes to this name, or address, may come to these sockets. Where names and other
        machines' addresses lead is the network's matter; loopback leads to what is listened on there, and nowhere
        else."""
        if name == "localhost":
            return self.is_reached_by("127.0.0.1") or self.is_reached_by("::1")
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return True
        of_family = [host for host in self.hosts if host == EVERYWHERE or (":" in host) == (":" in name)]
        heard = [ipaddress.ip_address(host) for host in of_family]
        return any(host == address or host.is_unspecified or not address.is_loopback for host in heard)

    def close(self) -> None:
        for one in self.sockets:
            one.close()


def bind(hosts: Sequence[str], port: int) -> Bound:
    """Bind every address, or all of the machine's where none is named. Raises CannotStart."""
    sockets: list[socket.socket] = []
    try:
        for host in hosts or [EVERYWHERE]:
            try:
                one = _bound(host, port)
            except _NoSuchAddress:
                if hosts:
                    raise
                # A machine without IPv6.
                one = _bound("0.0.0.0", port)  # noqa: S104  # all addresses is what was asked for
            sockets.append(one)
            # All addresses share one port, also where the kernel chooses it.
            port = one.getsockname()[1]
    except CannotStart:
        Bound(sockets, hosts, port).close()
        raise
    return Bound(sockets, [one.getsockname()[0] for one in sockets], port)


class PortTaken(CannotStart):
    """Somebody listens there already."""


class _NoSuchAddress(CannotStart):
    """The machine does not have this address, or no address of its family."""


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        one = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if host == "::" else 1)
        one.bind((host, port))
        # SO_REUSEADDR lets two bind one port as long as neither listens: so listen already, and accept later.
        one.listen(BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"the port {port} is taken on {host}: choose another with --port, or stop what uses it."
            ) from None
        if error.errno == errno.EACCES:
            raise CannotStart(f"the port {port} is not for ordinary users: choose one from 1024 on.") from None
        problem = f"the address {host} cannot be listened on: {os.strerror(error.errno or 0)}."
        kind = _NoSuchAddress if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) else CannotStart
        raise kind(problem) from None
    return one
