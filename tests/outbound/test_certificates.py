"""The certificate in use: checked before it is shown, swapped while clients talk; and TLS without old weaknesses."""

import base64
import hashlib
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.threads import deferToThread
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from pocketagent.outbound.certificates import SOON, Certificates, CertificateUnusable, load
from tests.contracts import Here
from tests.outbound.pems import DAY, NOW, Pair, key_pem, write
from tests.outbound.tls import PATIENCE, ListeningTestCase, answer, chain_shown, hello, pump, shown, unverified

TLS_1_2 = 0x0303
GOOD = (0xC02B, 0xC02C, 0xCCA9)
"""ECDHE-ECDSA with AES-GCM and ChaCha20."""

BAD = {
    "NULL": (0x0001, 0x0002, 0x003B, 0xC006, 0xC010),
    "anonymous": (0x0018, 0x001B, 0x0034, 0x006C, 0xC018, 0xC015),
    "export": (0x0003, 0x0006, 0x0008, 0x0014, 0x0062, 0x0064),
    "RC4": (0x0004, 0x0005, 0xC007, 0xC011),
    "3DES": (0x000A, 0x0016, 0xC008, 0xC012),
    "CBC with SHA-1": (0x002F, 0x0033, 0x0035, 0x0039, 0xC009, 0xC00A, 0xC013, 0xC014),
    "CBC with SHA-2": (0x003C, 0x003D, 0x0067, 0xC023, 0xC024, 0xC027, 0xC028),
    "no forward secrecy": (0x009C, 0x009D, 0xC0A0),
}


X25519 = b"MC4CAQAwBQYDK2VuBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
"""A private key that signs nothing."""


class Files(TestCase):
    """A certificate and its key in two files, as somebody else would renew them."""

    def setUp(self) -> None:
        self.directory = Path(os.path.realpath(self.mktemp()))
        self.directory.mkdir(parents=True, mode=0o755)
        self.certificate = self.directory / "fullchain.pem"
        self.key = self.directory / "privkey.pem"
        self.now = NOW

    def put(self, pair: Pair, key: ec.EllipticCurvePrivateKey | None = None) -> None:
        write(self.certificate, pair.pem)
        write(self.key, key_pem(key or pair.key))

    def given(self) -> Certificates:
        return Certificates.given(str(self.certificate), str(self.key), lambda: self.now)


class LoadTests(Files):
    """Whatever is wrong with a certificate at the start is told on one line (T-10, T-11)."""

    def refused(self, path: Path) -> str:
        with self.assertRaises(CertificateUnusable) as caught:
            self.given()
        text = str(caught.exception)
        self.assertTrue(text.startswith(f"{path}: ") and text.endswith("."), text)
        self.assertNotIn("\n", text)
        self.assertNotIn(str(self.directory), caught.exception.reason)
        return text

    def test_good(self) -> None:
        """A good one is taken, and its fingerprint is that of the public key, as `openssl` and browsers count it."""
        pair = Pair()
        self.put(pair)
        certificates = self.given()
        verifyObject(IOpenSSLServerConnectionCreator, certificates)
        public = pair.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.assertEqual(base64.b64decode(certificates.fingerprint), hashlib.sha256(public).digest())
        self.assertEqual(certificates.fault, "")

    def test_dates(self) -> None:
        """Expired by a second, or not yet valid, is refused with the date."""
        self.put(Pair(ends=0))
        self.assertIn("expired on 2027-01-15", self.refused(self.certificate))
        self.put(Pair(begins=1))
        self.assertIn("not valid before 2027-01-15", self.refused(self.certificate))

    def test_wrong_key(self) -> None:
        """A key of another certificate is refused."""
        self.put(Pair(), Pair().key)
        self.assertIn("does not belong", self.refused(self.key))

    def test_broken_certificate(self) -> None:
        """Nothing, nonsense, a cut, a cut in the chain, a key in its place: refused."""
        pair = Pair(issuer=Pair("authority"))
        self.put(pair)
        whole = pair.pem
        second = whole.rindex(b"-----BEGIN")
        for content in (
            b"",
            b"nonsense",
            whole[:300],
            whole[: second + 2],
            whole[: second + 30],
            whole[:-3],
            whole[:-100],
            pair.key_pem,
            b"\x00" * 2_000_000,
        ):
            write(self.certificate, content)
            self.refused(self.certificate)
        self.certificate.unlink()
        self.refused(self.certificate)

    def test_broken_key(self) -> None:
        """The same of a key; one with a password, or of a kind that TLS does not take, is told as such."""
        pair = Pair()
        self.put(pair)
        for content in (b"", b"nonsense", pair.key_pem[:100], pair.pem):
            write(self.key, content)
            self.refused(self.key)
        write(self.key, key_pem(pair.key, b"password"))
        self.assertIn("password", self.refused(self.key))
        write(self.key, b"\n".join((b"-----BEGIN PRIVATE KEY-----", X25519, b"-----END PRIVATE KEY-----")))
        self.assertIn("kind", self.refused(self.key))

    def test_weak_key(self) -> None:
        """A key that TLS finds too weak is refused here, not at the first client."""
        self.put(Pair(key=ec.generate_private_key(ec.SECP192R1())))
        self.assertIn("too weak", self.refused(self.certificate))

    def test_readable_key(self) -> None:
        """A key that others may read or write is refused (T-11)."""
        self.put(Pair())
        for bits in (0o640, 0o604, 0o660, 0o602):
            self.key.chmod(bits)
            self.assertIn("chmod 600", self.refused(self.key))

    def test_linked_key(self) -> None:
        """A key may be a link, as certbot makes them, but not in or into a directory that others may write (T-11)."""
        self.put(Pair())
        archive = self.directory / "archive"
        archive.mkdir(mode=0o700)
        self.key.rename(archive / "privkey1.pem")
        self.key.symlink_to("archive/privkey1.pem")
        self.given()
        for shared in (archive, self.directory):
            before = shared.stat().st_mode
            for bits in (0o1777, 0o775):
                shared.chmod(bits)
                self.assertIn("link", self.refused(self.key))
            shared.chmod(before)
        self.given()

    def test_not_a_file(self) -> None:
        """A FIFO, a device or a directory is refused, and nobody waits for it."""
        for path in (self.certificate, self.key):
            self.put(Pair())
            path.unlink()
            os.mkfifo(path, 0o600)
            self.refused(path)
            path.unlink()
            path.symlink_to("/dev/zero")
            self.refused(path)
            path.unlink()
            path.mkdir()
            self.refused(path)
            path.rmdir()


class MadeTests(TestCase):
    """Without a certificate one is made, and kept fresh."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir(parents=True, mode=0o700)
        self.now = NOW

    def made(self) -> Certificates:
        return Certificates.made(str(self.directory), ["localhost"], lambda: self.now)

    def poll(self, certificates: Certificates) -> None:
        self.successResultOf(Deferred.fromCoroutine(certificates.poll(Here())))

    def test_kept(self) -> None:
        """The next start shows the same certificate."""
        first = self.made()
        before = (self.directory / "certificate.pem").read_bytes()
        self.assertEqual(self.made().fingerprint, first.fingerprint)
        self.assertEqual((self.directory / "certificate.pem").read_bytes(), before)

    def test_authority(self) -> None:
        """The authority that signed it is told; of somebody else's certificate there is none to be told."""
        made = self.made()
        kept = x509.load_pem_x509_certificate((self.directory / "authority.pem").read_bytes())
        self.assertEqual(made.authority, kept)
        paths = str(self.directory / "certificate.pem"), str(self.directory / "private_key.pem")
        self.assertIsNone(Certificates.given(*paths, lambda: NOW).authority)

    def test_renewed_while_running(self) -> None:
        """30 days before its end a poll renews it, with the same fingerprint; before that it does not."""
        certificates = self.made()
        before = (self.directory / "certificate.pem").read_bytes()
        self.now += 366 * DAY
        self.poll(certificates)
        self.assertEqual((self.directory / "certificate.pem").read_bytes(), before)
        fingerprint, self.now = certificates.fingerprint, self.now + 2 * DAY
        self.poll(certificates)
        self.assertNotEqual((self.directory / "certificate.pem").read_bytes(), before)
        self.now += 300 * DAY
        self.assertEqual((certificates.fingerprint, certificates.fault), (fingerprint, ""))

    def test_cannot_be_renewed(self) -> None:
        """What stands in the way is a fault, told once in the log, until it is out of the way."""
        certificates = self.made()
        good = (self.directory / "private_key.pem").read_bytes()
        (self.directory / "private_key.pem").write_bytes(b"broken")
        self.now += 368 * DAY
        with capturedLogs() as logged:
            self.poll(certificates)
            self.poll(certificates)
        self.assertIn("private_key.pem is broken", certificates.fault)
        self.assertNotIn(str(self.directory), certificates.fault)
        self.assertEqual(len([event for event in logged if "cannot be renewed" in event["log_format"]]), 1)
        (self.directory / "private_key.pem").write_bytes(good)
        self.poll(certificates)
        self.assertEqual(certificates.fault, "")

    def test_unusable(self) -> None:
        """At the start it is the reason not to start."""
        self.made()
        (self.directory / "private_key.pem").write_bytes(b"broken")
        with self.assertRaises(CertificateUnusable) as caught:
            self.made()
        self.assertIn(str(self.directory), str(caught.exception))


class ReloadTests(ListeningTestCase, Files):
    """A new certificate is shown to new clients; a bad one to nobody (T-08, T-09)."""

    def setUp(self) -> None:
        super().setUp()
        self.old = Pair()
        self.put(self.old)
        self.certificates = self.given()
        self.listen(self.certificates)

    async def shown(self) -> x509.Certificate:
        return x509.load_der_x509_certificate(await self.client(shown))

    async def shows(self, pair: Pair) -> None:
        self.assertEqual((await self.shown()).public_key(), pair.key.public_key())

    async def test_swapped(self) -> None:
        """New connections get the new one, those that are open talk on, and the chain is sent (T-08)."""
        with self.connected() as open_before:
            wrapped = await deferToThread(lambda: unverified().wrap_socket(open_before))
            new = Pair(issuer=Pair("middle", issuer=Pair("authority")))
            self.put(new)
            await self.certificates.reload(Here())
            await self.shows(new)
            self.assertEqual(await self.client(chain_shown), 3)

            def talk() -> bytes:
                wrapped.sendall(b"still here")
                return wrapped.recv(10)

            self.assertEqual(await deferToThread(talk), b"still here")
            wrapped.close()

    async def test_polled(self) -> None:
        """A change of the files is seen by a poll, and nothing is read where there is none."""
        with capturedLogs() as logged:
            await self.certificates.poll(Here())
        self.assertEqual(list(logged), [])
        new = Pair()
        self.put(new)
        await self.certificates.poll(Here())
        await self.shows(new)

    async def test_between_two_renames(self) -> None:
        """Seen when only one of the two files is new, it is not used; with the other one it is."""
        new = Pair()
        write(self.certificate, new.pem)
        await self.certificates.poll(Here())
        await self.shows(self.old)
        self.assertIn("does not belong", self.certificates.fault)
        write(self.key, new.key_pem)
        await self.certificates.poll(Here())
        await self.shows(new)
        self.assertEqual(self.certificates.fault, "")

    async def test_bad(self) -> None:
        """Half a PEM, a wrong key, an expired one, an empty file, none: the old one serves on, a fault and one line in
        the log say why, and the next good one is taken (T-09)."""
        new = Pair(issuer=Pair("authority"))
        expired = Pair(ends=-1)
        for certificate, key in (
            (new.pem[: len(new.pem) // 3], new.key_pem),
            (new.pem[:-40], new.key_pem),
            (new.pem, self.old.key_pem),
            (expired.pem, expired.key_pem),
            (b"", new.key_pem),
            (new.pem, b""),
            (None, new.key_pem),
        ):
            write(self.certificate, certificate or b"")
            write(self.key, key)
            if certificate is None:
                self.certificate.unlink()
            with capturedLogs() as logged:
                await self.certificates.poll(Here())
                await self.certificates.poll(Here())
            self.assertEqual([event["log_level"] for event in logged], [LogLevel.error])
            self.assertTrue(self.certificates.fault.startswith("The new certificate is not used: "))
            self.assertNotIn(str(self.directory), self.certificates.fault)
            await self.shows(self.old)
        self.put(new)
        await self.certificates.reload(Here())
        self.assertEqual(self.certificates.fault, "")
        await self.shows(new)

    async def test_without_chain(self) -> None:
        """One without its chain is taken: whether clients know the issuer is theirs to say."""
        new = Pair(issuer=Pair("authority"))
        self.put(new)
        write(self.certificate, new.chain[0].public_bytes(serialization.Encoding.PEM))
        await self.certificates.reload(Here())
        await self.shows(new)

    def test_soon_over(self) -> None:
        """From 14 days before its end on it is not well: somebody has to renew it."""
        self.now = self.certificates.ends - SOON
        self.assertEqual(self.certificates.fault, "")
        self.now += 1
        self.assertIn("expires in 13 days, on 2027-04-15", self.certificates.fault)

    def test_expires_while_it_serves(self) -> None:
        """When it has expired that is a fault."""
        self.now += 90 * DAY
        self.assertIn("expired on 2027-04-15", self.certificates.fault)


class TrustTests(ListeningTestCase):
    """What a client sees that trusts the authority which the server made."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir(parents=True, mode=0o700)
        names = ["localhost", "server.home", "127.0.0.1", "::1"]
        self.certificates = Certificates.made(str(self.directory), names, time.time)
        self.listen(self.certificates)

    def verdict(self, connection: socket.socket, name: str) -> str:
        context = ssl.create_default_context(cafile=str(self.directory / "authority.pem"))
        try:
            with context.wrap_socket(connection, server_hostname=name):
                return "trusted"
        except ssl.SSLCertVerificationError as error:
            return error.verify_message

    async def test_names(self) -> None:
        """By each of its names and addresses it is trusted, by others it is not."""
        for name in ("localhost", "server.home", "127.0.0.1", "::1"):
            self.assertEqual(await self.client(self.verdict, name), "trusted")
        for name in ("evil.example", "127.0.0.2", "sub.localhost"):
            self.assertNotEqual(await self.client(self.verdict, name), "trusted")

    async def test_constraints(self) -> None:
        """What the authority signs for another name no client takes: whoever steals its key wins no bank's name."""
        stolen = serialization.load_pem_private_key((self.directory / "authority_key.pem").read_bytes(), None)
        above = x509.load_pem_x509_certificate((self.directory / "authority.pem").read_bytes())
        assert isinstance(stolen, ec.EllipticCurvePrivateKey)
        common = str(above.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)
        forged = Pair(
            "bank.example",
            begins=time.time() - NOW - DAY,
            ends=time.time() - NOW + DAY,
            issuer=Pair(common, key=stolen),
        )
        write(
            self.directory / "forged.pem",
            forged.pem.split(b"-----END CERTIFICATE-----\n")[0] + b"-----END CERTIFICATE-----\n",
        )
        write(self.directory / "forged_key.pem", forged.key_pem)
        self.listen(
            Certificates.given(str(self.directory / "forged.pem"), str(self.directory / "forged_key.pem"), time.time)
        )
        said = await self.client(self.verdict, "bank.example")
        self.assertEqual(said, "permitted subtree violation")

    async def test_fingerprint(self) -> None:
        """The fingerprint that is printed is that of what is shown."""
        certificate = x509.load_der_x509_certificate(await self.client(shown))
        public = certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.assertEqual(base64.b64decode(self.certificates.fingerprint), hashlib.sha256(public).digest())


class TransportTests(ListeningTestCase):
    """TLS itself: versions, suites, and what is switched off."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir(parents=True, mode=0o700)
        self.listen(Certificates.made(str(self.directory), ["localhost"], time.time))

    async def greeted(self, version: int, suites: Sequence[int], server_name: bytes | None = None) -> str:
        return await self.client(answer, hello(version, suites, server_name))

    async def test_versions(self) -> None:
        """SSL 3, TLS 1.0 and 1.1 are refused, whatever suites come with them; 1.2 is not (T-02)."""
        everything = [*GOOD, *(suite for suites in BAD.values() for suite in suites)]
        for version in (0x0300, 0x0301, 0x0302):
            self.assertEqual(await self.greeted(version, everything), "alert")
        self.assertEqual(await self.greeted(TLS_1_2, everything), "hello")

    async def test_old_suites(self) -> None:
        """Without a suite of today there is no TLS 1.2; each of those of today will do (T-03)."""
        for suites in BAD.values():
            self.assertEqual(await self.greeted(TLS_1_2, suites), "alert")
        for suite in GOOD:
            self.assertEqual(await self.greeted(TLS_1_2, [suite]), "hello")

    async def test_newest(self) -> None:
        """TLS 1.3 is spoken, with forward secrecy, no compression, and HTTP/1.1 as the only protocol."""

        def look(connection: socket.socket) -> tuple[str | None, str | None, str | None]:
            context = unverified()
            context.set_alpn_protocols(["h2", "http/1.1"])
            with context.wrap_socket(connection) as wrapped:
                return wrapped.version(), wrapped.compression(), wrapped.selected_alpn_protocol()

        self.assertEqual(await self.client(look), ("TLSv1.3", None, "http/1.1"))

    async def test_other_protocols(self) -> None:
        """A client that offers HTTP/2 alone gets no protocol named, and none that asks for nothing."""

        def look(connection: socket.socket) -> str | None:
            context = unverified()
            context.set_alpn_protocols(["h2"])
            with context.wrap_socket(connection) as wrapped:
                return wrapped.selected_alpn_protocol()

        self.assertIsNone(await self.client(look))

    async def test_no_resumption(self) -> None:
        """No session is taken up again, by ticket or by number: what was agreed once is forgotten (T-06)."""
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = unverified()
            context.maximum_version = version

            def look(connection: socket.socket, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
                with context.wrap_socket(connection, session=session) as wrapped:  # noqa: B023
                    wrapped.sendall(b"echo")
                    wrapped.recv(4)  # tickets would have come by now
                    self.session = wrapped.session
                    self.reused = wrapped.session_reused
                    return wrapped

            await self.client(look)
            session = self.session
            self.assertIsNotNone(session)
            await self.client(look, session)
            self.assertFalse(self.reused)

    async def test_no_renegotiation(self) -> None:
        """A client that wants to negotiate again is refused (T-06)."""

        def renegotiate(connection: socket.socket) -> str:
            context = SSL.Context(SSL.TLS_CLIENT_METHOD)
            context.set_max_proto_version(SSL.TLS1_2_VERSION)
            client = SSL.Connection(context, None)
            client.set_connect_state()
            pump(client, connection)
            client.renegotiate()
            try:
                pump(client, connection)
            except SSL.Error as error:
                return str(error)
            return "renegotiated"

        self.assertIn("no renegotiation", await self.client(renegotiate))

    async def test_server_names(self) -> None:
        """No name, an unknown one, a long one, one with a NUL: a hello or an alert, never silence (T-07)."""
        for name, expected in (
            (None, {"hello"}),
            (b"unknown.example", {"hello"}),
            (b"x" * 300, {"hello", "alert"}),
            (b"local\x00host", {"hello", "alert"}),
            (b"", {"hello", "alert"}),
            (b"\xff\xfe", {"hello", "alert"}),
        ):
            self.assertIn(await self.greeted(TLS_1_2, GOOD, name), expected)

    async def test_no_tls(self) -> None:
        """What is no TLS gets at most an alert, never an answer (T-01)."""
        for greeting in (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\n", bytes(range(256))):
            verdict = await self.client(answer, greeting)
            self.assertIn(verdict, ("alert", "closed"))

    def test_buffers(self) -> None:
        """A connection that is quiet keeps no buffers of its own."""
        context = load(str(self.directory / "certificate.pem"), str(self.directory / "private_key.pem"), time.time())
        self.assertTrue(context.context.set_mode(0) & SSL.MODE_RELEASE_BUFFERS)

    async def test_sslyze(self) -> None:
        """Somebody else's program finds nothing that Mozilla's list for today's servers would not have (T-02, T-03)."""
        program = await deferToThread(find_sslyze)
        if program is None:
            self.skipTest("sslyze 6 or later is not installed beside this Python, nor on PATH.")

        def scan() -> "subprocess.CompletedProcess[str]":
            return subprocess.run(
                [program, "--mozilla_config=intermediate", f"127.0.0.1:{self.port}"],
                capture_output=True,
                text=True,
                check=False,
                timeout=30 * PATIENCE,
            )

        done = await deferToThread(scan)
        self.assertIn("SCANS COMPLETED", done.stdout, done.stderr)
        complaints = re.findall(r"^ +\* (\w+): (.*)$", done.stdout.partition("COMPLIANCE")[2], re.MULTILINE)
        # Known: an authority that is ours alone, 397 days, and two more good curves than Mozilla lists, which
        # pyOpenSSL has no way to switch off.
        expected = {
            "certificate_path_validation": "Certificate path validation failed",
            "maximum_certificate_lifespan": "397 days",
            "tls_curves": "",
        }
        for kind, text in complaints:
            self.assertIn(expected.get(kind, "no such complaint"), text, done.stdout)
            self.assertNotIn("brainpool", text)


def find_sslyze() -> str | None:
    for path in (str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)):
        program = shutil.which("sslyze", path=path)
        if program and "mozilla_config" in subprocess.run([program, "--help"], capture_output=True, text=True).stdout:
            return program
    return None
