"""Somebody else's server on this machine: a push service or a webhook's program; and a browser's side of push.

receiver = Receiver.start(tls=True)
… receiver.wait(1) …
receiver.stop()
"""

import base64
import json
import queue
import ssl
import struct
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from attrs import define, field, frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from tests.outbound.pems import key_pem

PATIENCE = 20.0
"""Seconds."""


@frozen
class Received:
    """A request. Names of headers in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@define(eq=False)
class Receiver:
    """Takes POSTs and answers each with the next of `statuses`, the last one for ever. `pem`: its authority."""

    statuses: list[int]
    pem: bytes
    port: int
    _server: ThreadingHTTPServer
    _came: "queue.Queue[Received]"

    @classmethod
    def start(cls, directory: Path, *statuses: int, tls: bool = True, name: str = "localhost") -> "Receiver":
        came: queue.Queue[Received] = queue.Queue()
        left = list(statuses or (201,))

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                came.put(Received(self.path, {key.lower(): value for key, value in self.headers.items()}, body))
                status = left.pop(0) if len(left) > 1 else left[0]
                self.send_response(status)
                self.send_header("Location", "https://localhost:1/elsewhere")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                """Who hangs up during the handshake is no error here."""

        server = Server(("127.0.0.1", 0), Handler)
        key, authority, certificate = _certified(name)
        if tls:
            directory.mkdir(parents=True, exist_ok=True)
            held = directory / "receiver.pem"
            held.write_bytes(certificate + key_pem(key))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(held)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return cls(left, authority, int(server.server_address[1]), server, came)

    @property
    def count(self) -> int:
        """How many have come and were not looked at."""
        return self._came.qsize()

    def next(self, seconds: float = PATIENCE) -> Received:
        """The next one; waits for it. Raises queue.Empty."""
        return self._came.get(timeout=seconds)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@define(eq=False)
class Browser:
    """A browser that has subscribed."""

    key: ec.EllipticCurvePrivateKey = field(factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = b"the-browser-auth"

    @property
    def p256dh(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def keys(self) -> Mapping[str, str]:
        """As `PushSubscription.toJSON()` has them."""
        return {"p256dh": encoded(self.p256dh), "auth": encoded(self.auth)}

    def read(self, body: bytes) -> Mapping[str, object]:
        """What was encrypted for this browser, by RFC 8291, written anew from its text."""
        salt, size, length = body[:16], struct.unpack("!L", body[16:20])[0], body[20]
        theirs, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))
        ikm = HKDF(hashes.SHA256(), 32, self.auth, b"WebPush: info\0" + self.p256dh + theirs).derive(shared)
        key = HKDF(hashes.SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(ikm)
        nonce = HKDF(hashes.SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(ikm)
        plain = AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\0")
        assert plain[-1:] == b"\x02"
        found: Mapping[str, object] = json.loads(plain[:-1])
        return found


def _certified(name: str) -> tuple[ec.EllipticCurvePrivateKey, bytes, bytes]:
    """A key, an authority and the certificate of the key, good for years around now."""
    now = datetime.now(UTC)

    def signed(
        subject: str, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey, is_authority: bool
    ) -> bytes:
        builder = (
            x509.CertificateBuilder()
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the authority of the test")]))
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1000))
            .not_valid_after(now + timedelta(days=1000))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        )
        return builder.sign(by, hashes.SHA256()).public_bytes(Encoding.PEM)

    root, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    return key, signed("the authority of the test", root, root, True), signed(name, key, root, False)


def claims(authorization: str, public_key: str) -> Mapping[str, object]:
    """Those of a VAPID header (RFC 8292) that is signed with that key."""
    scheme, _, rest = authorization.partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    assert (scheme, parts["k"]) == ("vapid", public_key)
    signed, _, signature = parts["t"].rpartition(".")
    raw = decoded(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(public_key))
    key.verify(der, signed.encode(), ec.ECDSA(hashes.SHA256()))
    header, body = (json.loads(decoded(part)) for part in signed.split("."))
    assert header == {"typ": "JWT", "alg": "ES256"}
    found: Mapping[str, object] = body
    return found


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def private_key(number: int) -> ec.EllipticCurvePrivateKey:
    """The key whose secret is that number."""
    return ec.derive_private_key(number, ec.SECP256R1())
