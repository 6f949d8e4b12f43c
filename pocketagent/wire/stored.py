# -*- test-case-name: tests.wire.test_stored -*-
"""Devices, what belongs to them, and attachments <-> the JSON that is kept of each, in a file of its own; and how it is
written and read, as that of projects is (`stored_project`).

Strict both ways: what is missing, of another type, or not known to this version is refused, never guessed.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from pocketagent.domain.access import Device, Kind, Scope, device_name
from pocketagent.domain.attachment import Attachment, MediaType
from pocketagent.domain.notices import Occasion, PushSubscription, Rules, check_endpoint, check_keys
from pocketagent.domain.pairing import Pairing
from pocketagent.domain.sighting import Address, Sighting

VERSION = 1
"""Of all forms. A higher number was written by a newer server, and is refused rather than half understood."""

_DEVICE_ID = re.compile(r"[0-9a-f]{16}", re.ASCII)

_Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Timestamp = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$")]
Natural = Annotated[int, Meta(ge=0)]
NotNegative = Annotated[float, Meta(ge=0)]


class _Versioned(msgspec.Struct):
    version: int


class _StoredDevice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    version: int
    id: str
    name: str
    scope: Scope
    secret_hash: _Sha256
    created_at: NotNegative
    expires_at: NotNegative | None
    expired: bool
    kind: Kind = Kind.PROGRAM
    """Of those that were kept before browsers came in."""


class _StoredPairing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    version: int
    id: str
    code_hash: _Sha256
    scope: Scope
    name: str | None
    device_lifetime: NotNegative | None
    created_at: NotNegative


class _StoredAttachment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    version: int
    id: str
    name: str
    media_type: MediaType
    size: Natural
    sha256: _Sha256
    created_at: Timestamp


class _StoredAddress(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    version: int
    names: list[str]
    port: Annotated[int, Meta(ge=1, le=65535)]
    fingerprint: str | None


class _StoredPush(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    device_id: str
    endpoint: str
    p256dh: bytes
    auth: bytes
    events: tuple[Occasion, ...]
    seconds: NotNegative
    quiet: bool


class _StoredPushes(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    version: int
    subscriptions: tuple[_StoredPush, ...]


class _StoredSightings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    version: int
    seen: dict[str, tuple[NotNegative, str]]


S = TypeVar("S", bound=msgspec.Struct)


def is_device_id(text: str) -> bool:
    return _DEVICE_ID.fullmatch(text) is not None


def encode_device(device: Device) -> bytes:
    """What `decode_device` reads."""
    return written(
        _StoredDevice(
            version=VERSION,
            id=device.id,
            name=device.name,
            scope=device.scope,
            secret_hash=device.secret_hash,
            created_at=device.created_at,
            expires_at=device.expires_at,
            expired=device.expired,
            kind=device.kind,
        )
    )


def decode_device(data: bytes) -> Device:
    """Raises ValueError, with what is wrong as the end of a sentence."""
    stored = read(data, _StoredDevice)
    if not is_device_id(stored.id):
        raise ValueError("its id is not 16 hexadecimal digits")
    if device_name(stored.name) != stored.name:
        raise ValueError("its name begins or ends with a blank")
    return Device(
        id=stored.id,
        name=stored.name,
        scope=stored.scope,
        secret_hash=stored.secret_hash,
        created_at=stored.created_at,
        expires_at=stored.expires_at,
        expired=stored.expired,
        kind=stored.kind,
    )


def encode_pairing(pairing: Pairing) -> bytes:
    """What `decode_pairing` reads; wrong codes are counted elsewhere."""
    return written(
        _StoredPairing(
            version=VERSION,
            id=pairing.id,
            code_hash=pairing.code_hash,
            scope=pairing.scope,
            name=pairing.name,
            device_lifetime=pairing.device_lifetime,
            created_at=pairing.created_at,
        )
    )


def decode_pairing(data: bytes, wrong: int) -> Pairing:
    """Raises ValueError, with what is wrong as the end of a sentence."""
    stored = read(data, _StoredPairing)
    if not is_device_id(stored.id):
        raise ValueError("its id is not 16 hexadecimal digits")
    if stored.name is not None and device_name(stored.name) != stored.name:
        raise ValueError("its name begins or ends with a blank")
    return Pairing(
        id=stored.id,
        code_hash=stored.code_hash,
        scope=stored.scope,
        name=stored.name,
        device_lifetime=stored.device_lifetime,
        created_at=stored.created_at,
        wrong=wrong,
    )


def encode_attachment(attachment: Attachment) -> bytes:
    """What `decode_attachment` reads, as one line with its end: the bytes themselves come behind it."""
    form = _StoredAttachment(
        version=VERSION,
        id=attachment.id,
        name=attachment.name,
        media_type=attachment.media_type,
        size=attachment.size,
        sha256=attachment.sha256,
        created_at=attachment.created_at,
    )
    return msgspec.json.encode(form) + b"\n"


def decode_attachment(line: bytes) -> Attachment:
    """Raises ValueError, with what is wrong as the end of a sentence."""
    stored = read(line, _StoredAttachment)
    return Attachment(
        id=stored.id,
        name=stored.name,
        media_type=stored.media_type,
        size=stored.size,
        sha256=stored.sha256,
        created_at=stored.created_at,
    )


def encode_address(address: Address) -> bytes:
    """What `decode_address` reads."""
    return written(
        _StoredAddress(
            version=VERSION, names=list(address.names), port=address.port, fingerprint=address.fingerprint
        )
    )  # fmt: skip


def decode_address(data: bytes) -> Address:
    """Raises ValueError, with what is wrong as the end of a sentence."""
    stored = read(data, _StoredAddress)
    return Address(tuple(stored.names), stored.port, stored.fingerprint)


def encode_sightings(sightings: Mapping[str, Sighting]) -> bytes:
    """What `decode_sightings` reads."""
    seen = {device_id: (one.at, one.client) for device_id, one in sightings.items()}
    return written(_StoredSightings(version=VERSION, seen=seen))


def decode_sightings(data: bytes) -> Mapping[str, Sighting]:
    """Raises ValueError, with what is wrong as the end of a sentence."""
    return {device_id: Sighting(*seen) for device_id, seen in read(data, _StoredSightings).seen.items()}


def encode_push(subscriptions: Sequence[PushSubscription]) -> bytes:
    """What `decode_push` reads."""
    kept = tuple(
        _StoredPush(
            device_id=one.device_id,
            endpoint=one.endpoint,
            p256dh=one.p256dh,
            auth=one.auth,
            events=tuple(one.rules.occasions),
            seconds=one.rules.seconds,
            quiet=one.rules.quiet,
        )
        for one in subscriptions
    )
    return written(_StoredPushes(version=VERSION, subscriptions=kept))


def decode_push(data: bytes) -> Sequence[PushSubscription]:
    """Raises ValueError, with what is wrong as the end of a sentence."""
    found = []
    for one in read(data, _StoredPushes).subscriptions:
        check_keys(one.p256dh, one.auth)
        rules = Rules(occasions=one.events, seconds=one.seconds, quiet=one.quiet)
        found.append(
            PushSubscription(
                device_id=one.device_id,
                endpoint=check_endpoint(one.endpoint),
                p256dh=one.p256dh,
                auth=one.auth,
                rules=rules,
            )
        )
    return found


def written(stored: msgspec.Struct) -> bytes:
    """What `read` reads."""
    return msgspec.json.format(msgspec.json.encode(stored), indent=2) + b"\n"


def read(data: bytes, form: type[S]) -> S:
    """`form` has a `version`, which is judged first. Raises ValueError, with what is wrong as the end of a sentence."""
    if not data.strip():
        raise ValueError("it is empty")
    try:
        # The version first, on its own: another one may have other fields.
        version = msgspec.json.decode(data, type=_Versioned).version
        if version > VERSION:
            raise ValueError(f"a newer version of the server wrote it (form {version}, this one knows {VERSION})")
        if version != VERSION:
            raise ValueError(f"there is no form {version}")
        return msgspec.json.decode(data, type=form)
    except msgspec.ValidationError as error:
        raise ValueError(f"it is not what was written ({error})") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise ValueError("it is cut off, or no JSON") from None
