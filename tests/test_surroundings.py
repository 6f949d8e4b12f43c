# -*- test-case-name: tests.test_surroundings -*-
"""What this machine is like, as far as settings depend on it."""

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.surroundings import MAX_ADDRESSES, addresses

FIB_TRIE = """\
Local:
  +-- 0.0.0.0/0 3 0 5
     +-- 127.0.0.0/8 2 0 2
           |-- 127.0.0.1
              /32 host LOCAL
        |-- 127.255.255.255
           /32 link BROADCAST
     +-- 192.0.2.0/24 2 0 2
           |-- 192.0.2.0
              /24 link UNICAST
           |-- 192.0.2.7
              /32 host LOCAL
           |-- 192.0.2.7
              /32 host LOCAL
"""
IF_INET6 = """\
20010db8000000000000000000000007 02 40 00 82     eth0
00000000000000000000000000000001 01 80 10 80       lo
fe8000000000000000fc00fffe000001 04 40 20 80     eth0
"""


class AddressesTests(SynchronousTestCase):
    def test_addresses(self) -> None:
        """This machine's addresses, each once; not its loopback, and none that needs a network card named."""
        self.assertEqual(addresses(FIB_TRIE, IF_INET6), ["192.0.2.7", "2001:0db8:0000:0000:0000:0000:0000:0007"])

    def test_unknown(self) -> None:
        """Where the kernel tells nothing there are none."""
        self.assertEqual(addresses("", ""), [])

    def test_many(self) -> None:
        """Their number is bounded."""
        many = "".join(f"|-- 10.0.{number // 256}.{number % 256}\n  /32 host LOCAL\n" for number in range(1000))
        self.assertEqual(len(addresses(many, "")), MAX_ADDRESSES)
