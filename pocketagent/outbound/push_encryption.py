# -*- test-case-name: tests.outbound.test_push_encryption -*-
"""A push message for one browser alone (RFC 8291, aes128gcm of RFC 8188), and by whom it is sent (VAPID, RFC 8292)."""

import json
import struct
from urllib.parse import urlsplit

from attrs import frozen
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pocketagent.wire.notices import base64url

RECORD = 4096
"""Bytes of the one record that a message is; push services take no more."""
MAX_MESSAGE = 3000
"""Bytes of a message before it is encrypted; with all that comes to it, it fits into the record."""
SALT_SIZE = 16
LAST = b"\x02"
"""What ends the content of the last record."""
LIFETIME = 12 * 3600
"""Seconds for which a signature is good; 24 hours are the most that is allowed."""

CURVE = ec.SECP256R1()


def point(data: bytes) -> ec.EllipticCurvePublicKey:
    """A browser's key. Raises ValueError where it is no point of the curve."""
    return ec.EllipticCurvePublicKey.from_encoded_point(CURVE, data)


def raw(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def encrypt(message: bytes, p256dh: bytes, auth: bytes, ours: ec.EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """The body of the request. `ours` and `salt` are made anew for every message."""
    assert len(message) <= MAX_MESSAGE
    public = raw(ours.public_key())
    shared = ours.exchange(ec.ECDH(), point(p256dh))
    secret = _derived(shared, auth, b"WebPush: info\0" + p256dh + public, 32)
    key = _derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\0", 12)
    sealed = AESGCM(key).encrypt(nonce, message + LAST, None)
    return salt + struct.pack("!LB", RECORD, len(public)) + public + sealed


def _derived(secret: bytes, salt: bytes, info: bytes, size: int) -> bytes:
    return HKDF(hashes.SHA256(), size, salt, info).derive(secret)


@frozen
class Vapid:
    """Who we are, for push services. `contact` (`mailto:` or `https:`) is whom they may ask; empty: nobody."""

    _key: ec.EllipticCurvePrivateKey
    _contact: str

    @property
    def public_key(self) -> str:
        return base64url(raw(self._key.public_key()))

    def authorization(self, endpoint: str, now: float) -> str:
        """The header, for that push service and for some hours."""
        parts = urlsplit(endpoint)
        claims: dict[str, object] = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": int(now) + LIFETIME}
        if self._contact:
            claims["sub"] = self._contact
        signed = ".".join(base64url(json.dumps(one).encode()) for one in ({"typ": "JWT", "alg": "ES256"}, claims))
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        signature = base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        return f"vapid t={signed}.{signature}, k={self.public_key}"
