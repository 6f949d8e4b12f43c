# -*- test-case-name: tests.outbound.test_authority -*-
"""A certificate of our own, where none is given: signed by an authority of our own that may sign for our names only.

The key of the certificate is made once and stays: its fingerprint is what clients pin. Everything here blocks.
"""

import ipaddress
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from attrs import frozen
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pocketagent.outbound.disk import Disk, load, save

CERTIFICATE = "certificate.pem"
PRIVATE_KEY = "private_key.pem"
AUTHORITY = "authority.pem"
AUTHORITY_KEY = "authority_key.pem"

LIFE = timedelta(days=397)
RENEWED = timedelta(days=30)
"""How long a certificate lives (Apple's devices take none over 398 days), and how long before its end it is renewed."""

AUTHORITY_LIFE = timedelta(days=3650)
BACKDATED = timedelta(hours=1)
"""For clients whose clock is behind."""

MAX_SIZE = 64 * 1024

Names = x509.SubjectAlternativeName


class CannotKeep(Exception):
    """What is kept cannot be used and is not thrown away by itself, or nothing can be kept: the end of a sentence."""


@frozen
class _Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def keep(directory: str, names: Sequence[str], now: float, disk: Disk = os) -> bool:
    """Make what is missing, due, or for other names; whether anything was made. Raises CannotKeep."""
    moment = datetime.fromtimestamp(now, UTC)
    wanted = _general_names(names)
    try:
        key = _kept_key(disk, f"{directory}/{PRIVATE_KEY}")
        authority = _kept_authority(disk, directory, wanted, moment)
        kept = _kept_certificate(disk, f"{directory}/{CERTIFICATE}")
        if kept is not None and authority is not None and _is_good(kept, key, authority, wanted, moment):
            return False
        if authority is None:
            authority = _new_authority(wanted, moment)
            save(disk, f"{directory}/{AUTHORITY_KEY}", [_pem(authority.key)])
            save(disk, f"{directory}/{AUTHORITY}", [_pem(authority.certificate)])
        leaf = _sign(key, authority, wanted, moment)
        save(disk, f"{directory}/{CERTIFICATE}", [_pem(leaf) + _pem(authority.certificate)])
    except OSError as error:
        raise CannotKeep(error.strerror or "the disk gives no reason") from error
    return True


def _general_names(names: Sequence[str]) -> Names:
    found: list[x509.GeneralName] = []
    for name in dict.fromkeys(names):
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            if not name.isascii():
                raise CannotKeep(f"{name} must be written in its ASCII form (xn--…)") from None
            found.append(x509.DNSName(name.lower()))
    return x509.SubjectAlternativeName(found)


# -- what is kept -------------------------------------------------------------------------------------------


def _kept_key(disk: Disk, path: str) -> ec.EllipticCurvePrivateKey:
    """The key, or a new one where there is none. A broken one is not replaced: clients have pinned it."""
    try:
        key = serialization.load_pem_private_key(load(disk, path, MAX_SIZE), None)
    except FileNotFoundError:
        key = ec.generate_private_key(ec.SECP256R1())
        save(disk, path, [_pem(key)])
    except (ValueError, TypeError):
        raise CannotKeep(
            f"{PRIVATE_KEY} is broken: remove it to have a new one, whose fingerprint clients must learn"
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CannotKeep(f"{PRIVATE_KEY} is not one of ours: remove it to have a new one")
    return key


def _kept_authority(disk: Disk, directory: str, names: Names, moment: datetime) -> _Authority | None:
    """The authority, if it is whole, may sign for these names, and outlives what it would sign."""
    try:
        certificate = x509.load_pem_x509_certificate(load(disk, f"{directory}/{AUTHORITY}", MAX_SIZE))
        key = serialization.load_pem_private_key(load(disk, f"{directory}/{AUTHORITY_KEY}", MAX_SIZE), None)
        permitted = certificate.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees
    except (FileNotFoundError, ValueError, TypeError, x509.ExtensionNotFound):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
        return None
    if not set(_subtrees(names)) <= set(permitted or ()) or moment + LIFE + RENEWED > certificate.not_valid_after_utc:
        return None
    return _Authority(certificate, key)


def _kept_certificate(disk: Disk, path: str) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificates(load(disk, path, MAX_SIZE))[0]
    except (FileNotFoundError, ValueError):
        return None


def _is_good(
    certificate: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    authority: _Authority,
    names: Names,
    moment: datetime,
) -> bool:
    """Whether it is for this key and these names, by this authority, and not yet due."""
    try:
        certificate.verify_directly_issued_by(authority.certificate)
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return (
        certificate.public_key() == key.public_key()
        and set(found) == set(names)
        and certificate.not_valid_before_utc <= moment < certificate.not_valid_after_utc - RENEWED
    )


# -- what is made -------------------------------------------------------------------------------------------


def _new_authority(names: Names, moment: datetime) -> _Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    name = _named(f"Pocket Agent Server {identifier.digest[:4].hex()}")
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(moment - BACKDATED)
        .not_valid_after(moment - BACKDATED + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_constraints(names), critical=True)
        .add_extension(identifier, critical=False)
    )
    return _Authority(builder.sign(key, hashes.SHA256()), key)


def _sign(key: ec.EllipticCurvePrivateKey, authority: _Authority, names: Names, moment: datetime) -> x509.Certificate:
    issuer = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        x509.CertificateBuilder(
            authority.certificate.subject,
            _named("Pocket Agent Server"),
            key.public_key(),
            x509.random_serial_number(),
        )
        .not_valid_before(moment - BACKDATED)
        .not_valid_after(moment - BACKDATED + LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(names, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer), critical=False)
    )
    return builder.sign(authority.key, hashes.SHA256())


def _subtrees(names: Names) -> list[x509.GeneralName]:
    """The names as name constraints write them: an address is a network of one."""
    return [x509.IPAddress(ipaddress.ip_network(str(name.value))) if _is_address(name) else name for name in names]


def _constraints(names: Names) -> x509.NameConstraints:
    """Nothing but these names. A kind of name of which there is none would be free, so it is excluded whole."""
    excluded: list[x509.GeneralName] = []
    if not any(_is_address(name) for name in names):
        excluded += [x509.IPAddress(ipaddress.ip_network(network)) for network in ("0.0.0.0/0", "::/0")]
    if all(_is_address(name) for name in names):
        excluded.append(x509.DNSName(""))
    return x509.NameConstraints(_subtrees(names), excluded or None)


def _is_address(name: x509.GeneralName) -> bool:
    return isinstance(name, x509.IPAddress)


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(what: x509.Certificate | ec.EllipticCurvePrivateKey) -> bytes:
    if isinstance(what, x509.Certificate):
        return what.public_bytes(serialization.Encoding.PEM)
    return what.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
