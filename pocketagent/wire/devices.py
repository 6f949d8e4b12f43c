# -*- test-case-name: tests.wire.test_devices -*-
"""Devices and pairing on HTTP: bodies of requests -> what is asked; devices -> bodies of answers."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from pocketagent.domain.access import Kind, Scope
from pocketagent.domain.devices import Change, Known
from pocketagent.domain.fields import moment
from pocketagent.domain.message import timestamp
from pocketagent.wire import client


class PairRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`POST /api/v1/pair`. What else a device says of itself is ignored (AU-17)."""

    code: str
    name: str | None = None
    cookie: bool = False


class ChangeRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`PATCH /api/v1/devices/ID`. A typo here could cost safety."""

    name: str | UnsetType = UNSET
    expires_at: str | UnsetType | None = UNSET
    last_admin: bool = False


class DeviceState(msgspec.Struct, frozen=True, kw_only=True):
    """A device, as it is shown."""

    id: str
    name: str
    scope: Scope
    kind: Kind
    created_at: str
    expires_at: str | None
    over: bool
    last_seen: str | None
    client: str | None
    connections: int


class DeviceList(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `GET /api/v1/devices`."""

    devices: Sequence[DeviceState]
    total: int


class Paired(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `POST /api/v1/pair`; without a token where there is a cookie instead."""

    device: DeviceState
    token: str | UnsetType = UNSET


S = TypeVar("S", PairRequest, ChangeRequest)


def pair_request(body: bytes) -> PairRequest:
    """Raises Refusal(INVALID_MESSAGE)."""
    return _understood(body, PairRequest)


def change(body: bytes) -> Change:
    """Raises Refusal(INVALID_MESSAGE)."""
    asked = _understood(body, ChangeRequest)
    end = None
    if asked.expires_at is not UNSET and asked.expires_at is not None:
        end = datetime.fromisoformat(moment(asked.expires_at, "expires_at")).timestamp()
    return Change(
        name=None if asked.name is UNSET else asked.name,
        sets_end=asked.expires_at is not UNSET,
        expires_at=end,
        last_admin=asked.last_admin,
    )


def state(known: Known) -> DeviceState:
    device, seen = known.device, known.last_seen
    return DeviceState(
        id=device.id,
        name=device.name,
        scope=device.scope,
        kind=device.kind,
        created_at=timestamp(device.created_at),
        expires_at=None if device.expires_at is None else timestamp(device.expires_at),
        over=known.is_over,
        last_seen=None if seen is None else timestamp(seen.at),
        client=None if seen is None else seen.client,
        connections=known.connections,
    )


def one(known: Known) -> bytes:
    return msgspec.json.encode(state(known))


def several(devices: Sequence[Known]) -> bytes:
    return msgspec.json.encode(DeviceList(devices=[state(known) for known in devices], total=len(devices)))


def paired(known: Known, token: str | None) -> bytes:
    return msgspec.json.encode(Paired(device=state(known), token=UNSET if token is None else token))


def _understood(body: bytes, wanted: type[S]) -> S:
    try:
        return msgspec.convert(client.parse(body), wanted)
    except msgspec.ValidationError as problem:
        raise client.misfit(problem) from None
