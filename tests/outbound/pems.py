"""Certificates and keys of any quality, for tests."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from attrs import field, frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = 1_800_000_000.0
DAY = 86400


@frozen
class Pair:
    """A certificate and its key; signed by `issuer`, or by itself."""

    name: str = "localhost"
    begins: float = -DAY
    ends: float = 90 * DAY
    issuer: "Pair | None" = None
    key: ec.EllipticCurvePrivateKey = field(factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def certificate(self) -> x509.Certificate:
        now = datetime.fromtimestamp(NOW, UTC)
        issuer = self.issuer or self
        builder = (
            x509.CertificateBuilder(
                x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer.name)]),
                x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)]),
                self.key.public_key(),
                7,
            )
            .not_valid_before(now + timedelta(seconds=self.begins))
            .not_valid_after(now + timedelta(seconds=self.ends))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(self.name)]), critical=False)
        )
        return builder.sign(issuer.key, hashes.SHA256())

    @property
    def chain(self) -> Sequence[x509.Certificate]:
        return [self.certificate, *(self.issuer.chain if self.issuer else ())]

    @property
    def pem(self) -> bytes:
        return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in self.chain)

    @property
    def key_pem(self) -> bytes:
        return key_pem(self.key)


def key_pem(key: ec.EllipticCurvePrivateKey, password: bytes | None = None) -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def write(path: Path, content: bytes) -> None:
    """Renamed into place, for the owner alone, as certbot and its like do it."""
    new = path.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_bytes(content)
    new.rename(path)
