# -*- test-case-name: tests.outbound.test_certificates -*-
"""The certificate that the server shows, and TLS as it speaks it: 1.2 and 1.3, forward secrecy, no compression.

A new certificate is taken up while the server runs; one that cannot be used leaves the old one in its place.
"""

import base64
import hashlib
import os
import re
import stat
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from attrs import define, field, frozen
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from OpenSSL import SSL
from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from pocketagent.outbound import authority
from pocketagent.ports import IThreads

MAX_SIZE = 128 * 1024
"""Bytes of a certificate with its chain, and of a key."""

MAX_LINKS = 40

SOON = 14 * 86400
"""Seconds before its end from which on a certificate is not well: somebody has to see to its renewal."""

CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2."""

CIPHERS_13 = b"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
"""All good; the fastest first, as Mozilla's intermediate profile has them."""

HTTP = b"http/1.1"

_OPTIONS = (
    SSL.OP_NO_COMPRESSION
    | SSL.OP_NO_TICKET
    | SSL.OP_NO_RENEGOTIATION
    | SSL.OP_CIPHER_SERVER_PREFERENCE
    | SSL.OP_SINGLE_ECDH_USE
)
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_PARTIAL_WRITE = 1  # SSL_MODE_ENABLE_PARTIAL_WRITE, which pyOpenSSL sets for everybody and does not name
_SHARED = stat.S_IWGRP | stat.S_IWOTH
_OTHERS = stat.S_IRWXG | stat.S_IRWXO

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

_log = Logger()


class CertificateUnusable(Exception):
    """Why a certificate cannot be used: one line that names the file. `reason` is the same without the file."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}.")
        self.reason = reason


@frozen
class Credential:
    """A certificate with its key, checked and ready to be shown. `chain`: itself, and those that are sent with it."""

    chain: Sequence[x509.Certificate]
    context: SSL.Context
    fingerprint: str
    begins: float
    ends: float


@implementer(IOpenSSLServerConnectionCreator)
@define(eq=False)
class Certificates:
    """The certificate in use, for every new connection."""

    _certificate: str
    _private_key: str
    _now: Callable[[], float]
    _renew: Callable[[], bool]
    _held: Credential
    _seen: object
    _is_ours: bool
    _new_fault: str = field(init=False, default="")
    _renewal_fault: str = field(init=False, default="")
    _turn: DeferredLock = field(init=False, factory=DeferredLock)

    @classmethod
    def given(cls, certificate: str, private_key: str, now: Callable[[], float]) -> Self:
        """One that somebody else renews, in these two files. Raises CertificateUnusable. Blocks: for the start."""
        seen = _state(certificate, private_key)
        return cls(certificate, private_key, now, lambda: False, load(certificate, private_key, now()), seen, False)

    @classmethod
    def made(cls, directory: str, names: Sequence[str], now: Callable[[], float]) -> Self:
        """One of our own for these names, kept in the directory. Raises CertificateUnusable. Blocks: for the start."""

        def renew() -> bool:
            try:
                return authority.keep(directory, names, now())
            except authority.CannotKeep as problem:
                raise CertificateUnusable(directory, str(problem)) from None

        renew()
        certificate, private_key = f"{directory}/{authority.CERTIFICATE}", f"{directory}/{authority.PRIVATE_KEY}"
        seen = _state(certificate, private_key)
        return cls(certificate, private_key, now, renew, load(certificate, private_key, now()), seen, True)

    @property
    def fingerprint(self) -> str:
        """What clients pin: base64 of SHA-256 of the SubjectPublicKeyInfo."""
        return self._held.fingerprint

    @property
    def authority(self) -> x509.Certificate | None:
        """Our own, which signed the one in use; None where that is somebody else's."""
        return self._held.chain[1] if self._is_ours else None

    @property
    def fault(self) -> str:
        """What is wrong with it, as a sentence without paths and secrets; empty where nothing is."""
        return self._renewal_fault or self._new_fault or self._age_fault

    @property
    def _age_fault(self) -> str:
        left = self.ends - self._now()
        if left <= 0:
            return f"The certificate expired on {_date(self.ends)}."
        days = f"{left // 86400:.0f} days"
        return f"The certificate expires in {days}, on {_date(self.ends)}." if left < SOON else ""

    @property
    def ends(self) -> float:
        """When the one in use expires, in seconds since 1970."""
        return self._held.ends

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        return SSL.Connection(self._held.context, None)

    async def poll(self, threads: IThreads) -> None:
        """Renew what is ours and due, and take up files that changed. To be called every few seconds."""
        try:
            # Also where the clock was wrong when it was made.
            if not self._held.begins <= self._now() < self._held.ends - authority.RENEWED.total_seconds():
                await threads.run(self._renew)
            self._renewal_fault = ""
        except CertificateUnusable as problem:
            fault = f"The certificate cannot be renewed: {problem.reason}."
            if fault != self._renewal_fault:
                _log.error("the certificate cannot be renewed: {problem}", problem=str(problem))
            self._renewal_fault = fault
        if await threads.run(lambda: _state(self._certificate, self._private_key)) != self._seen:
            await self.reload(threads)

    async def reload(self, threads: IThreads) -> None:
        """Read the files again. What cannot be used is told in the log and in `fault`, and the old one serves on."""
        await self._turn.acquire()
        try:
            self._seen, found = await threads.run(self._read)
        finally:
            self._turn.release()
        if isinstance(found, CertificateUnusable):
            self._new_fault = f"The new certificate is not used: {found.reason}."
            _log.error("the old certificate stays in use: {problem}", problem=str(found))
            return
        self._held, self._new_fault = found, ""
        _log.info(
            "A certificate was read, good until {ends}, fingerprint {fingerprint}",
            ends=_date(found.ends),
            fingerprint=found.fingerprint,
        )

    def _read(self) -> tuple[object, Credential | CertificateUnusable]:
        # The state first: what changes while it is read is read again at the next poll.
        seen = _state(self._certificate, self._private_key)
        try:
            return seen, load(self._certificate, self._private_key, self._now())
        except CertificateUnusable as problem:
            return seen, problem


def load(certificate: str, private_key: str, now: float) -> Credential:
    """Read and check both: that they belong together, the dates, and that the key is nobody else's to read.

    The first certificate of the file is the server's own, the others are sent with it. Raises CertificateUnusable.
    """
    chain = read_chain(certificate)
    key = read_key(private_key)
    if chain[0].public_key() != key.public_key():
        raise CertificateUnusable(private_key, "the private key does not belong to the certificate")
    begins, ends = chain[0].not_valid_before_utc.timestamp(), chain[0].not_valid_after_utc.timestamp()
    if now < begins:
        raise CertificateUnusable(certificate, f"the certificate is not valid before {_date(begins)}")
    if now >= ends:
        raise CertificateUnusable(certificate, f"the certificate expired on {_date(ends)}")
    try:
        context = _context(chain, key)
    except (SSL.Error, ValueError, TypeError):
        raise CertificateUnusable(
            certificate, "TLS does not take the certificate or its key: is it too weak?"
        ) from None
    return Credential(chain, context, fingerprint(chain[0]), begins, ends)


def fingerprint(certificate: x509.Certificate) -> str:
    """What clients pin: base64 of SHA-256 of the SubjectPublicKeyInfo."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public = certificate.public_key().public_bytes(serialization.Encoding.DER, form)
    return base64.b64encode(hashlib.sha256(public).digest()).decode()


def _context(chain: Sequence[x509.Certificate], key: PrivateKey) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(_OPTIONS)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)  # 34 KB less for each connection that is quiet
    context.clear_mode(_PARTIAL_WRITE)  # what is written is encrypted whole in one call, not record by record
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_cipher_list(CIPHERS)
    context.set_tls13_ciphersuites(CIPHERS_13)
    context.set_alpn_select_callback(lambda _, offered: HTTP if HTTP in offered else SSL.NO_OVERLAPPING_PROTOCOLS)
    context.use_certificate(chain[0])
    for certificate in chain[1:]:
        context.add_extra_chain_cert(certificate)
    context.use_privatekey(key)
    context.check_privatekey()
    return context


# -- the files ----------------------------------------------------------------------------------------------


def read_chain(path: str) -> Sequence[x509.Certificate]:
    """The certificate in a file, and those that are sent with it. Raises CertificateUnusable."""
    text, _ = _content(path)
    try:
        chain = x509.load_pem_x509_certificates(text)
    except ValueError:
        raise CertificateUnusable(path, "there is no certificate in it, or it is cut off") from None
    if b"--" in _BLOCK.sub(b"", text):
        raise CertificateUnusable(path, "it is cut off")
    return chain


def read_key(path: str) -> PrivateKey:
    """The key in a file that is nobody else's to read. Raises CertificateUnusable."""
    text, found = _content(path)
    if found.st_mode & _OTHERS:
        raise CertificateUnusable(path, "others may read the private key: `chmod 600` it")
    if found.st_uid not in (os.geteuid(), 0):
        raise CertificateUnusable(path, "the private key belongs to another user")
    _check_links(path)
    try:
        key = serialization.load_pem_private_key(text, None)
    except TypeError:
        raise CertificateUnusable(path, "the private key has a password, which the server does not know") from None
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateUnusable(path, "there is no private key in it, or it is cut off") from None
    if not isinstance(key, PrivateKey):
        raise CertificateUnusable(path, "a private key of this kind is of no use for TLS")
    return key


def _content(path: str) -> tuple[bytes, os.stat_result]:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise CertificateUnusable(path, "it is no file")
            text = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise CertificateUnusable(path, f"it cannot be read ({error.strerror})") from None
    if len(text) > MAX_SIZE:
        raise CertificateUnusable(path, "it is too large")
    return text, found


def _check_links(path: str) -> None:
    """A link to the key is fine (certbot makes them) where nobody else could turn it: not in, or into, a directory
    that others may write."""
    link = Path(path)
    for _ in range(MAX_LINKS):
        if not link.is_symlink():
            return
        target = link.parent / link.readlink()
        for directory in (link.parent, target.parent):
            if directory.stat().st_mode & _SHARED:
                raise CertificateUnusable(path, "it is a link in or into a directory that others may write")
        link = target
    raise CertificateUnusable(path, "too many symbolic links lead on from it")


def _state(*paths: str) -> object:
    """Differs once one of the files is another, or has another content."""
    return tuple(_state_of(path) for path in paths)


def _state_of(path: str) -> object:
    try:
        found = Path(path).stat()
    except OSError as error:
        return error.errno
    return found.st_dev, found.st_ino, found.st_ctime_ns, found.st_size


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
