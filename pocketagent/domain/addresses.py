# -*- test-case-name: tests.domain.test_addresses -*-
"""Where somebody comes from: through which proxies, and what counts as one place."""

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache

from attrs import frozen

MAX_HOPS = 32
"""Addresses in a chain of proxies that are looked at, from the nearest on."""

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@lru_cache(4096)
def place_of(address: str) -> str:
    """What is counted as one: an IPv4 address, or the /64 of an IPv6 address, which one customer has whole (AU-18)."""
    known = _read(address)
    if known is None:
        return address[:64]
    if isinstance(known, ipaddress.IPv4Address):
        return str(known)
    return str(ipaddress.IPv6Network((known, 64), strict=False))


@frozen
class Proxies:
    """The proxies whose word is taken for where a request comes from. None by default: then it is the other end of the
    connection, whatever stands in a header (AU-31)."""

    _trusted: Sequence[_Network] = ()

    @classmethod
    def of(cls, networks: Iterable[str]) -> "Proxies":
        return cls(tuple(ipaddress.ip_network(each) for each in networks))

    def client(self, peer: str, forwarded: Iterable[str]) -> str:
        """Who stands behind the proxies: the nearest address that is none of them. `forwarded`: the values of
        X-Forwarded-For, each a list with the nearest last. What does not read as an address ends the search."""
        if not self._trusted or not self.trusts(peer):
            return peer
        hops = [hop.strip(" \t") for value in forwarded for hop in value.split(",")]
        client = peer
        for hop in hops[: -MAX_HOPS - 1 : -1]:
            known = _read(_without_port(hop))
            if known is None:
                return client
            client = str(known)
            if not self.trusts(client):
                return client
        return client

    def are_secure(self, peer: str, schemes: Iterable[str]) -> bool:
        """Whether a proxy that we trust says that the request came to it by https, and was passed on by such ones only.
        `schemes`: the values of X-Forwarded-Proto."""
        words = [word.strip(" \t") for value in schemes for word in value.split(",")]
        return bool(words) and set(words) == {"https"} and self.trusts(peer)

    def trusts(self, address: str) -> bool:
        known = _read(address)
        return known is not None and any(known.version == each.version and known in each for each in self._trusted)


def _read(address: str) -> _Address | None:
    """An IPv4 address that wears IPv6 is taken for what it is."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return getattr(known, "ipv4_mapped", None) or known


def _without_port(text: str) -> str:
    """As some proxies write it: `192.0.2.7:50112`, `[2001:db8::7]:50112`."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
