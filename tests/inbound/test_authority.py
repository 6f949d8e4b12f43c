"""Tests of `pocketagent.inbound.authority`."""

import plistlib
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.inbound.authority import profile, routes
from tests.inbound.asking import Heard, written
from tests.inbound.house import House
from tests.inbound.test_door import Socket
from tests.outbound.pems import Pair

AUTHORITY = Pair("Pocket Agent Server 1a2b3c4d").certificate
ANOTHER = Pair("another").certificate


class AuthorityTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.authority: x509.Certificate | None = AUTHORITY
        self.door = House(Clock(), more=routes(lambda: self.authority)).door()

    def get(self, target: str) -> Heard:
        """What a stranger is given."""
        arrival, socket = self.door.buildProtocol(None), Socket()
        assert arrival is not None
        arrival.makeConnection(socket)
        arrival.dataReceived(written("GET", target, port=8443, token=None))
        return Heard.of(socket.value())

    def test_certificate(self) -> None:
        """The certificate is given in PEM, as what Android and iOS install, and nothing beside it; the one in use."""
        for self.authority in AUTHORITY, ANOTHER:
            heard = self.get("/ca.crt")
            self.assertEqual((heard.status, heard.header("content-type")), (200, "application/x-x509-ca-cert"))
            self.assertEqual(heard.body, self.authority.public_bytes(Encoding.PEM))

    def test_none(self) -> None:
        """Where there is none of our own, nothing is given."""
        self.authority = None
        for target in "/ca.crt", "/ca.mobileconfig":
            self.assertEqual(self.get(target).status, 404)

    def test_profile(self) -> None:
        """The profile has the certificate, as a root, and the name of the authority."""
        heard = self.get("/ca.mobileconfig")
        self.assertEqual((heard.status, heard.header("content-type")), (200, "application/x-apple-aspen-config"))
        found = plistlib.loads(heard.body)
        (root,) = found["PayloadContent"]
        self.assertEqual((found["PayloadType"], root["PayloadType"]), ("Configuration", "com.apple.security.root"))
        self.assertEqual(x509.load_der_x509_certificate(root["PayloadContent"]), AUTHORITY)
        for part in found, root:
            self.assertEqual((part["PayloadDisplayName"], part["PayloadVersion"]), ("Pocket Agent Server 1a2b3c4d", 1))

    def test_stable(self) -> None:
        """Of one authority the profile is always the same; of another, every id in it is another."""

        def ids(one: x509.Certificate) -> set[str]:
            found = plistlib.loads(profile(one))
            parts = found, found["PayloadContent"][0]
            return {part[key] for part in parts for key in ("PayloadUUID", "PayloadIdentifier")}

        self.assertEqual(profile(AUTHORITY), profile(AUTHORITY))
        first, other = ids(AUTHORITY), ids(ANOTHER)
        self.assertEqual((len(first), first & other), (4, set()))
        self.assertEqual(len([one for one in first if "." not in one and UUID(one).version == 5]), 2)
