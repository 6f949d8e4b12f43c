"""What a client names never leads to what only this machine can reach."""

from collections.abc import Sequence

from attrs import define, field
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IHostnameResolver, IHostResolution, IResolutionReceiver
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pocketagent.outbound.public_addresses import MAX_ADDRESSES, IPublicReactor, NotPublic, PublicEndpoint, is_public

PUBLIC = "93.184.215.14", "1.1.1.1", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:1.1.1.1", "64:ff9b::101:101"
PRIVATE = (
    "127.0.0.1", "127.1.2.3", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1", "0.0.0.0",
    "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::",
    "", "localhost", "1.1.1", "0x7f.1",
)  # fmt: skip


@implementer(IHostnameResolver)
@define(eq=False)
class Names:
    """Leads every name to these addresses."""

    addresses: Sequence[str] = ()
    asked: list[str] = field(factory=list)

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: object = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        self.asked.append(hostName)
        for address in self.addresses:
            kind = IPv6Address if ":" in address else IPv4Address
            resolutionReceiver.addressResolved(kind("TCP", address, portNumber))
        resolutionReceiver.resolutionComplete()
        return None  # type: ignore[return-value]  # nobody cancels it here


class AddressTests(SynchronousTestCase):
    def test_public(self) -> None:
        """Addresses of the internet are public."""
        self.assertEqual([each for each in PUBLIC if not is_public(each)], [])

    def test_private(self) -> None:
        """Private, loopback, link-local, shared, reserved and multicast ones are not, however they are wrapped up."""
        self.assertEqual([each for each in PRIVATE if is_public(each)], [])


class EndpointTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.names = Names()

    def connect(self, *addresses: str, any_address: bool = False) -> "Deferred[object]":
        self.names.addresses = addresses
        endpoint = PublicEndpoint(
            IPublicReactor(self.reactor, self.reactor), self.names, "push.example.net", 443, any_address
        )
        return endpoint.connect(Factory.forProtocol(Protocol))  # type: ignore[return-value]

    def test_refused(self) -> None:
        """SSRF: a name that leads to an address that is not public is not connected to, whatever else it leads to."""
        for address in ("127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fe80::1", "::ffff:192.168.0.1"):
            for addresses in ((address,), ("1.1.1.1", address), (address, "1.1.1.1")):
                self.failureResultOf(self.connect(*addresses), NotPublic)
        self.assertEqual(self.reactor.tcpClients, [])

    def test_connected_is_what_was_judged(self) -> None:
        """What is connected to is the address that was judged: the name is looked up once."""
        self.connect("1.1.1.1")
        self.assertEqual(self.names.asked, ["push.example.net"])
        self.assertEqual([client[:2] for client in self.reactor.tcpClients], [("1.1.1.1", 443)])

    def test_the_next(self) -> None:
        """Where one address does not answer the next is tried, up to a bound."""
        connecting = self.connect(*(f"1.1.1.{number}" for number in range(1, MAX_ADDRESSES + 3)))
        for number in range(MAX_ADDRESSES):
            self.assertNoResult(connecting)
            client = self.reactor.tcpClients[number]
            client[2].clientConnectionFailed(None, _unreachable())  # type: ignore[arg-type]  # it does not look
        self.failureResultOf(connecting)
        self.assertEqual(len(self.reactor.tcpClients), MAX_ADDRESSES)

    def test_private_where_that_is_wanted(self) -> None:
        """Where private addresses are allowed they are connected to."""
        self.connect("127.0.0.1", any_address=True)
        self.assertEqual(self.reactor.tcpClients[0][0], "127.0.0.1")


def _unreachable() -> Failure:
    return Failure(ConnectError())
