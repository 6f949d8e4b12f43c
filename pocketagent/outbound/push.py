# -*- test-case-name: tests.outbound.test_push -*-
"""Push: our key, the subscriptions in a file, and the push services of browsers."""

import os
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from attrs import define
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from twisted.logger import Logger
from zope.interface import implementer

from pocketagent.domain.access import MAX_DEVICES
from pocketagent.domain.notices import Notice, Occasion, PushSubscription
from pocketagent.domain.refusals import invalid
from pocketagent.outbound.disk import Disk, load, save
from pocketagent.outbound.posting import Post, Whither
from pocketagent.outbound.public_addresses import is_literal, is_public
from pocketagent.outbound.push_encryption import CURVE, SALT_SIZE, Vapid, encrypt, point
from pocketagent.ports import IPush, IPushSubscriptions, IThreads, StorageUnavailable, Tried
from pocketagent.wire import stored
from pocketagent.wire.notices import push_payload

MAX_SIZE = 2048 * MAX_DEVICES
"""Bytes of the file of subscriptions: more is never read."""
MAX_KEY = 4096
KEEP_FOR = 4 * 3600
"""Seconds for which a push service keeps a message for a device that is away."""

_log = Logger()


class KeyUnusable(Exception):
    """The key of the push messages cannot be read or made: one line for a person."""


def own_key(path: str, disk: Disk = os) -> ec.EllipticCurvePrivateKey:
    """The key by which push services know us: made once, for the owner's eyes alone. Another one would end every
    subscription. Raises KeyUnusable."""
    try:
        found = load_pem_private_key(load(disk, path, MAX_KEY), None)
    except FileNotFoundError:
        return _made(path, disk)
    except OSError as error:
        raise KeyUnusable(f"The key of the push messages cannot be read: {error.strerror}.") from None
    except (ValueError, TypeError):
        found = None
    if not isinstance(found, ec.EllipticCurvePrivateKey) or found.curve.name != CURVE.name:
        raise KeyUnusable(f"The key of the push messages, {path}, is no key of P-256: remove it to make another.")
    return found


def _made(path: str, disk: Disk) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(CURVE)
    try:
        save(disk, path, [key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())])
    except OSError as error:
        raise KeyUnusable(f"The key of the push messages cannot be kept: {error.strerror}.") from None
    return key


@implementer(IPushSubscriptions)
@define(eq=False)
class FilePushSubscriptions:
    """In one file, by way of the threads: only the server writes it."""

    _threads: IThreads
    _path: str
    _disk: Disk = os

    async def all(self) -> Sequence[PushSubscription]:
        return await self._threads.run(self._read)

    async def save(self, subscriptions: Sequence[PushSubscription]) -> None:
        data = stored.encode_push(subscriptions)
        await self._threads.run(lambda: self._write(data))

    def _read(self) -> Sequence[PushSubscription]:
        try:
            return stored.decode_push(load(self._disk, self._path, MAX_SIZE))
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            _log.warn("push subscriptions are lost: {reason}", reason=str(error))
        return ()

    def _write(self, data: bytes) -> None:
        try:
            save(self._disk, self._path, [data])
        except OSError as error:
            raise StorageUnavailable(error.strerror or type(error).__name__) from error


@implementer(IPush)
@define(eq=False)
class WebPush:
    """`allow_private`: messages may go to private addresses, too."""

    _post: Post
    _vapid: Vapid
    _now: Callable[[], float]
    _random: Callable[[int], bytes]
    _allow_private: bool

    @property
    def public_key(self) -> str:
        return self._vapid.public_key

    def check(self, subscription: PushSubscription) -> None:
        try:
            point(subscription.p256dh)
        except ValueError:
            raise invalid("data.keys.p256dh", "`p256dh` is no point of the curve P-256.") from None
        host = urlsplit(subscription.endpoint).hostname or ""
        if not self._allow_private and is_literal(host) and not is_public(host):
            raise invalid("data.endpoint", "Nothing is sent to private addresses.")

    async def push(self, subscription: PushSubscription, notice: Notice) -> Tried:
        payload = push_payload(notice, subscription.rules.quiet)
        body = encrypt(
            payload, subscription.p256dh, subscription.auth, ec.generate_private_key(CURVE), self._random(SALT_SIZE)
        )
        headers = {
            "Authorization": self._vapid.authorization(subscription.endpoint, self._now()),
            "Content-Type": "application/octet-stream",
            "Content-Encoding": "aes128gcm",
            "TTL": str(KEEP_FOR),
            "Urgency": _urgency(notice, subscription.rules.quiet),
        }
        whither = Whither.ANYWHERE if self._allow_private else Whither.PUBLIC
        return await self._post.send(subscription.endpoint, headers, body, whither)


def _urgency(notice: Notice, quiet: bool) -> str:
    """A phone that saves its battery is woken by what is urgent only (RFC 8030)."""
    if quiet:
        return "low"
    return "high" if notice.occasion is Occasion.PERMISSION else "normal"
