"""The certificate that the server makes for itself: kept, renewed with its key, and good for its own names alone."""

import ipaddress
import os
from datetime import timedelta
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.outbound.authority import CannotKeep, keep
from pocketagent.outbound.disk import Disk
from tests.outbound.disks import FailingDisk, mode, names
from tests.outbound.pems import DAY, NOW, Pair, key_pem

NAMES = ("localhost", "Server.Home", "127.0.0.1", "::1")


class AuthorityTests(SynchronousTestCase):
    """What is in the directory after each call."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir(parents=True, mode=0o700)

    def keep(self, now: float = NOW, wanted: tuple[str, ...] = NAMES, disk: Disk = os) -> bool:
        return keep(str(self.directory), wanted, now, disk)

    def file(self, name: str) -> bytes:
        return (self.directory / name).read_bytes()

    def chain(self) -> list[x509.Certificate]:
        return x509.load_pem_x509_certificates(self.file("certificate.pem"))

    def leaf(self) -> x509.Certificate:
        return self.chain()[0]

    def test_made(self) -> None:
        """A P-256 certificate for just these names, 397 days, with its authority; all for the owner's eyes only."""
        self.assertTrue(self.keep())
        self.assertEqual(
            names(self.directory), ["authority.pem", "authority_key.pem", "certificate.pem", "private_key.pem"]
        )
        for name in names(self.directory):
            self.assertEqual(mode(self.directory / name), 0o600)
        leaf, above = self.chain()
        key = leaf.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        self.assertEqual(key.curve.name, "secp256r1")
        self.assertEqual(leaf.not_valid_after_utc - leaf.not_valid_before_utc, timedelta(days=397))
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.assertEqual(found.get_values_for_type(x509.DNSName), ["localhost", "server.home"])
        self.assertEqual(
            found.get_values_for_type(x509.IPAddress),
            [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")],
        )
        leaf.verify_directly_issued_by(above)
        self.assertEqual(above.public_bytes(serialization.Encoding.PEM), self.file("authority.pem"))

    def test_constraints(self) -> None:
        """The authority may sign for these names only, and no further authority; a kind without names is excluded."""
        self.keep()
        above = self.chain()[1]
        basic = above.extensions.get_extension_for_class(x509.BasicConstraints)
        self.assertEqual((basic.critical, basic.value.ca, basic.value.path_length), (True, True, 0))
        constraints = above.extensions.get_extension_for_class(x509.NameConstraints)
        self.assertTrue(constraints.critical)
        self.assertEqual(
            [str(name.value) for name in constraints.value.permitted_subtrees or ()],
            ["localhost", "server.home", "127.0.0.1/32", "::1/128"],
        )
        self.assertIsNone(constraints.value.excluded_subtrees)
        for wanted, excluded in ((("localhost",), ["0.0.0.0/0", "::/0"]), (("127.0.0.1",), [""])):
            self.setUp()
            self.keep(wanted=wanted)
            constraints = self.chain()[1].extensions.get_extension_for_class(x509.NameConstraints)
            self.assertEqual([str(name.value) for name in constraints.value.excluded_subtrees or ()], excluded)

    def test_kept(self) -> None:
        """As long as it is good nothing is made."""
        self.keep()
        before = [self.file(name) for name in names(self.directory)]
        self.assertFalse(self.keep())
        self.assertFalse(self.keep(NOW + 366 * DAY))
        self.assertEqual([self.file(name) for name in names(self.directory)], before)

    def test_renewed(self) -> None:
        """30 days before its end there is another, with the same key, by the same authority."""
        self.keep()
        key, above = self.file("private_key.pem"), self.file("authority.pem")
        later = NOW + 368 * DAY
        self.assertTrue(self.keep(later))
        self.assertEqual((self.file("private_key.pem"), self.file("authority.pem")), (key, above))
        self.assertGreater(self.leaf().not_valid_after_utc.timestamp(), later + 396 * DAY)
        self.assertFalse(self.keep(later))

    def test_wrong_clock(self) -> None:
        """One that was made with the clock in another year is made anew, with the same key."""
        self.keep(now=DAY)
        key = self.file("private_key.pem")
        for now in (NOW, DAY):
            self.assertTrue(self.keep(now))
            self.assertLess(self.leaf().not_valid_before_utc.timestamp(), now)
            self.assertGreater(self.leaf().not_valid_after_utc.timestamp(), now)
        self.assertEqual(self.file("private_key.pem"), key)

    def test_other_names(self) -> None:
        """For other names it is made anew with the same key; the authority changes only where it may not sign them."""
        self.keep()
        key, above = self.file("private_key.pem"), self.file("authority.pem")
        self.assertTrue(self.keep(wanted=("localhost",)))
        self.assertEqual(self.file("authority.pem"), above)
        self.assertFalse(self.keep(wanted=("localhost", "LOCALHOST", "localhost")))
        self.assertTrue(self.keep(wanted=("localhost", "new.example")))
        self.assertNotEqual(self.file("authority.pem"), above)
        self.assertEqual(self.file("private_key.pem"), key)
        self.chain()[0].verify_directly_issued_by(self.chain()[1])

    def test_old_authority(self) -> None:
        """An authority that would end before what it signs is replaced."""
        self.keep()
        above = self.file("authority.pem")
        self.assertTrue(self.keep(NOW + 3000 * DAY))
        self.assertEqual(self.file("authority.pem"), above)
        self.assertTrue(self.keep(NOW + 3300 * DAY))
        self.assertNotEqual(self.file("authority.pem"), above)

    def test_mended(self) -> None:
        """What is missing, broken or does not fit together is made anew, but for the key that clients pin."""
        for name in ("certificate.pem", "authority.pem", "authority_key.pem"):
            for content in (None, b"", b"broken", Pair().pem):
                self.keep()
                key = self.file("private_key.pem")
                if content is None:
                    (self.directory / name).unlink()
                else:
                    (self.directory / name).write_bytes(content)
                self.assertTrue(self.keep(), (name, content))
                self.assertEqual(self.file("private_key.pem"), key)
                self.chain()[0].verify_directly_issued_by(self.chain()[1])
                self.assertFalse(self.keep())

    def test_broken_key(self) -> None:
        """A key that is broken, or is none of ours, is left for a person to judge."""
        self.keep()
        foreign = rsa.generate_private_key(65537, 2048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        locked = key_pem(ec.generate_private_key(ec.SECP256R1()), b"password")
        for content in (b"", b"-----BEGIN", foreign, locked):
            (self.directory / "private_key.pem").write_bytes(content)
            with self.assertRaises(CannotKeep) as caught:
                self.keep()
            self.assertIn("private_key.pem", str(caught.exception))
            self.assertEqual(self.file("private_key.pem"), content)

    def test_another_key(self) -> None:
        """With another key in its place the certificate is made anew for that."""
        self.keep()
        (self.directory / "private_key.pem").write_bytes(key_pem(ec.generate_private_key(ec.SECP256R1())))
        self.assertTrue(self.keep())
        self.assertFalse(self.keep())

    def test_disk(self) -> None:
        """A disk that fails leaves what was there."""
        self.keep()
        before = self.file("certificate.pem")
        with self.assertRaises(CannotKeep) as caught:
            self.keep(NOW + 368 * DAY, disk=cast(Disk, FailingDisk("pwrite", 28)))
        self.assertIn("No space left", str(caught.exception))
        self.assertEqual(self.file("certificate.pem"), before)

    def test_names_that_are_none(self) -> None:
        """A name in letters that certificates do not know is refused, with the way to write it."""
        with self.assertRaises(CannotKeep) as caught:
            self.keep(wanted=("bücher.example",))
        self.assertIn("xn--", str(caught.exception))
