# -*- test-case-name: tests.outbound.test_public_addresses -*-
"""Connections to the public internet only: what a client has named must not lead to what only this machine can reach.

Names are resolved here and what is found is what is connected to, so that no second answer of a name server counts.
"""

import ipaddress
from collections.abc import Sequence

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IProtocol,
    IProtocolFactory,
    IReactorTCP,
    IReactorTime,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from zope.interface import implementer

CONNECT_TIME = 8.0
"""Seconds for one address."""
MAX_ADDRESSES = 3
"""Of one name that are tried."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class NotPublic(Exception):
    """A name leads to an address that is not of the public internet, or nowhere."""


def is_public(address: str) -> bool:
    """Whether it is an address of the public internet, also where one of IPv4 is wrapped up in one of IPv6."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo and found.teredo[1])
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner:
            found = inner
    return found.is_global and not (
        found.is_multicast or found.is_private or found.is_loopback or found.is_link_local or found.is_reserved
    )


def is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class IPublicReactor(IReactorTCP, IReactorTime):
    """What is needed of a reactor."""


@implementer(IResolutionReceiver)
@define(eq=False)
class _Found:
    """Collects what a name leads to."""

    done: Deferred[Sequence[str]] = field(factory=Deferred)
    _addresses: list[str] = field(factory=list)

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        pass

    def addressResolved(self, address: IAddress) -> None:
        self._addresses.append(str(getattr(address, "host", "")))

    def resolutionComplete(self) -> None:
        if not self.done.called:
            self.done.callback(self._addresses)


@implementer(IStreamClientEndpoint)
@define(eq=False)
class PublicEndpoint:
    """A TCP connection to a host. Unless `any_address`, every address that its name leads to must be public: one that
    is not is a reason to refuse them all."""

    _reactor: IPublicReactor
    _resolver: IHostnameResolver
    _host: str
    _port: int
    _any_address: bool

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        found = _Found()
        self._resolver.resolveHostName(found, self._host, self._port)
        addresses = await found.done
        if not addresses:
            raise NotPublic("the name leads nowhere")
        if not self._any_address and not all(map(is_public, addresses)):
            raise NotPublic("the name leads to an address that is not public")
        problem: Exception | None = None
        for address in addresses[:MAX_ADDRESSES]:
            endpoint = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
            try:
                connected: IProtocol = await endpoint(self._reactor, address, self._port, CONNECT_TIME).connect(factory)
            except Exception as error:  # noqa: BLE001  # whatever it is, the next address may do
                problem = error
            else:
                return connected
        assert problem is not None
        raise problem
