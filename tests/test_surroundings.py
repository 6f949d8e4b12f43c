# -*- test-case-name: tests.test_surroundings -*-
"""What this machine is like, as far as settings depend on it, and the settings that are made whole with it."""

import attrs
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.config import Config
from pocketagent.domain.notices import Event
from pocketagent.settings import absolute
from pocketagent.surroundings import MAX_ADDRESSES, Surroundings, addresses, default_names, settled
from pocketagent.whereabouts import Hook

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

HERE = Surroundings(
    home="/home/ada", cwd="/srv", hostname="Box", addresses=("192.0.2.7", "fe80::1%eth0", "2001:db8::7")
)


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


class SettledTests(SynchronousTestCase):
    def test_paths(self) -> None:
        """Paths become whole: `~` is the home directory, the rest begins at the working directory."""
        config = settled(attrs.evolve(Config(), roots=("~/code", "/opt/./x", "here"), claude="bin/claude"), HERE)
        self.assertEqual(config.data_dir, "/srv/data")
        self.assertEqual(config.roots, ("/home/ada/code", "/opt/x", "/srv/here"))
        self.assertEqual((config.claude, config.certificate), ("/srv/bin/claude", ""))
        hook = Hook("https://x.example/", "s", tuple(Event))
        self.assertEqual(settled(Config(webhooks=(hook,)), HERE).webhooks[0].secret_file, "/srv/s")

    def test_defaults(self) -> None:
        """Projects lie in the home directory, and never in the data directory or where keys are."""
        config = settled(Config(), HERE)
        self.assertEqual(config.roots, ("/home/ada",))
        self.assertIn("/home/ada/.ssh", config.denied)
        self.assertIn("/srv/data", config.denied)

    def test_twice(self) -> None:
        """What is settled stays as it is."""
        config = settled(Config(), HERE)
        self.assertEqual(settled(config, HERE), config)

    def test_names(self) -> None:
        """Without names set: loopback, and this machine's own when the server listens on all addresses."""
        loopback = ("localhost", "127.0.0.1", "::1")
        everything = (*loopback, "box", "192.0.2.7", "2001:db8::7")
        self.assertEqual(default_names((), HERE), everything)
        self.assertEqual(default_names(("0.0.0.0",), HERE), everything)
        self.assertEqual(default_names(("127.0.0.1", "192.0.2.7"), HERE), (*loopback, "192.0.2.7"))
        self.assertEqual(settled(attrs.evolve(Config(), names=("a.example",)), HERE).names, ("a.example",))

    def test_odd_machine(self) -> None:
        """A host name that no client could use is left out."""
        around = attrs.evolve(HERE, hostname="bad name!", addresses=())
        self.assertEqual(default_names((), around), ("localhost", "127.0.0.1", "::1"))

    def test_absolute(self) -> None:
        """Only a leading `~` alone or with a slash is the home directory."""
        self.assertEqual(absolute("~", "/h", "/w"), "/h")
        self.assertEqual(absolute("~x/y", "/h", "/w"), "/w/~x/y")
