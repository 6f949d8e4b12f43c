"""Tests of `pocketagent.domain.addresses`."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.addresses import MAX_HOPS, Proxies, place_of


class PlaceTests(SynchronousTestCase):
    def test_places(self) -> None:
        """AU-18: a /64 of IPv6 is one place; an IPv4 address is one, also where it wears IPv6; loopback is as any."""
        self.assertEqual(place_of("2001:db8:1:2::7"), place_of("2001:db8:1:2:ffff::8"))
        self.assertNotEqual(place_of("2001:db8:1:2::7"), place_of("2001:db8:1:3::7"))
        self.assertEqual(place_of("::ffff:192.0.2.7"), place_of("192.0.2.7"))
        self.assertNotEqual(place_of("192.0.2.7"), place_of("192.0.2.8"))
        self.assertEqual(place_of("fe80::1%eth0"), "fe80::/64")
        self.assertEqual(place_of("127.0.0.1"), "127.0.0.1")

    @given(st.text())
    def test_anything(self, address: str) -> None:
        """Whatever stands for an address, it is bounded."""
        self.assertLessEqual(len(place_of(address)), 64)


class ProxiesTests(SynchronousTestCase):
    def test_nobody_is_trusted(self) -> None:
        """AU-31: without a setting nothing in a header counts, not even from loopback."""
        for peer in "192.0.2.7", "127.0.0.1", "::1":
            self.assertEqual(Proxies().client(peer, ["198.51.100.1"]), peer)

    def test_nearest_stranger(self) -> None:
        """AU-18: it is the nearest address that is no trusted proxy; what a client writes in front of it is nothing."""
        proxies = Proxies.of(["127.0.0.1/32", "10.0.0.0/8"])
        self.assertEqual(proxies.client("127.0.0.1", ["6.6.6.6, 203.0.113.5, 10.1.1.1"]), "203.0.113.5")
        self.assertEqual(proxies.client("127.0.0.1", ["6.6.6.6", "203.0.113.5"]), "203.0.113.5")
        self.assertEqual(proxies.client("192.0.2.7", ["203.0.113.5"]), "192.0.2.7")
        self.assertEqual(proxies.client("::ffff:127.0.0.1", ["2001:db8::7"]), "2001:db8::7")

    def test_secure(self) -> None:
        """That a request came by https is taken from proxies only, and when all that passed it on say so."""
        proxies = Proxies.of(["127.0.0.1/32"])
        self.assertTrue(proxies.are_secure("127.0.0.1", ["https"]))
        self.assertTrue(proxies.are_secure("127.0.0.1", ["https, https"]))
        for schemes in ([], [""], ["http"], ["https, http"], ["http", "https"], ["HTTPS"], ["https://"]):
            self.assertFalse(proxies.are_secure("127.0.0.1", schemes), schemes)
        self.assertFalse(proxies.are_secure("192.0.2.7", ["https"]))
        self.assertFalse(Proxies().are_secure("127.0.0.1", ["https"]))

    def test_only_proxies(self) -> None:
        """Where all of them are trusted, it is the farthest; where there is none, the proxy itself."""
        proxies = Proxies.of(["127.0.0.1", "10.0.0.0/8"])
        self.assertEqual(proxies.client("127.0.0.1", ["10.0.0.1, 10.0.0.2"]), "10.0.0.1")
        self.assertEqual(proxies.client("127.0.0.1", []), "127.0.0.1")

    def test_odd(self) -> None:
        """What is no address ends the search, where nobody can hide behind it."""
        proxies = Proxies.of(["127.0.0.1", "10.0.0.0/8"])
        for odd in "unknown", "", "_hidden", "203.0.113.5.evil", "a" * 10_000:
            self.assertEqual(proxies.client("127.0.0.1", [f"203.0.113.5, {odd}"]), "127.0.0.1")
        self.assertEqual(proxies.client("127.0.0.1", ["nonsense, 10.0.0.1"]), "10.0.0.1")
        self.assertEqual(proxies.client("127.0.0.1", ["203.0.113.5:1234"]), "203.0.113.5")
        self.assertEqual(proxies.client("127.0.0.1", ["[2001:db8::7]:1234"]), "2001:db8::7")

    def test_long(self) -> None:
        """At most so many hops are looked at."""
        chain = ", ".join(["203.0.113.5", *["10.0.0.1"] * MAX_HOPS])
        proxies = Proxies.of(["127.0.0.1", "10.0.0.0/8"])
        self.assertEqual(proxies.client("127.0.0.1", [chain]), "10.0.0.1")
        self.assertEqual(proxies.client("127.0.0.1", [chain.removesuffix(", 10.0.0.1")]), "203.0.113.5")
