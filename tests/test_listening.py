"""The sockets that the server listens on."""

import resource
import socket

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.listening import Bound, allow_descriptors, bind
from pocketagent.sources import CannotStart


class BindTests(SynchronousTestCase):
    def test_port_of_the_kernel(self) -> None:
        """Port 0 is a free one, and all addresses share it."""
        bound = bind(["127.0.0.1", "127.0.0.2"], 0)
        self.addCleanup(bound.close)
        self.assertEqual([one.getsockname()[1] for one in bound.sockets], [bound.port] * 2)
        self.assertNotEqual(bound.port, 0)

    def test_taken(self) -> None:
        """LI-08: a port that is taken is told in one line that names it, and nothing stays bound."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            problem = self.assertRaises(CannotStart, bind, ["127.0.0.3", "127.0.0.1"], port)
        self.assertIn(str(port), str(problem))
        bind(["127.0.0.3"], port).close()

    def test_no_such_address(self) -> None:
        """An address that this machine does not have is named."""
        problem = self.assertRaises(CannotStart, bind, ["192.0.2.77"], 0)
        self.assertIn("192.0.2.77", str(problem))

    def test_everywhere(self) -> None:
        """Without an address all are listened on: IPv4 reaches it whether there is IPv6 or not."""
        bound = bind([], 0)
        self.addCleanup(bound.close)
        socket.create_connection(("127.0.0.1", bound.port), 5).close()

    def test_reached(self) -> None:
        """Of loopback only what is listened on leads here; of other addresses those of a family that is listened on,
        and every name, since routers and proxies lead on."""
        elsewhere = ["box", "192.0.2.7", "2001:db8::7"]
        for hosts, reached in (
            (["127.0.0.1"], ["localhost", "127.0.0.1", "box", "192.0.2.7"]),
            (["::1"], ["localhost", "::1", "box", "2001:db8::7"]),
            (["0.0.0.0"], ["localhost", "127.0.0.1", "box", "192.0.2.7"]),
            (["::"], ["localhost", "127.0.0.1", "::1", *elsewhere]),
            (["192.0.2.7"], ["box", "192.0.2.7"]),
        ):
            bound = Bound([], hosts, 8443)
            named = [name for name in ("localhost", "127.0.0.1", "::1", *elsewhere) if bound.is_reached_by(name)]
            self.assertEqual(named, reached, hosts)

    def test_hosts(self) -> None:
        """What is bound says its addresses."""
        bound = bind(["127.0.0.1", "127.0.0.2"], 0)
        self.addCleanup(bound.close)
        self.assertEqual(bound.hosts, ["127.0.0.1", "127.0.0.2"])


class DescriptorTests(SynchronousTestCase):
    def test_raised_as_needed(self) -> None:
        """The soft limit is raised to what the connections need, never lowered, and told when the hard one is below."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (1100, hard))
        self.assertTrue(allow_descriptors(100))
        self.assertEqual(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 1124)
        self.assertTrue(allow_descriptors(10))
        self.assertEqual(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 1124)
        if hard != resource.RLIM_INFINITY:
            self.assertFalse(allow_descriptors(hard))
