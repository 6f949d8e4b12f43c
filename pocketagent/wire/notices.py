# -*- test-case-name: tests.wire.test_notices -*-
"""Push and webhooks: what devices register, what they are shown, and what is sent to them and to webhooks."""

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from pocketagent.domain.notices import (
    AUTH_SIZE,
    MAX_ENDPOINT,
    MAX_SECONDS,
    P256DH_SIZE,
    Event,
    Notice,
    Occasion,
    PushSubscription,
    Rules,
    check_endpoint,
    check_keys,
)
from pocketagent.domain.refusals import invalid
from pocketagent.wire import client

_LONGEST_KEY = 4 * P256DH_SIZE


class PushKeys(msgspec.Struct, frozen=True, kw_only=True):
    """As `PushSubscription.toJSON()` of a browser has them: base64url."""

    p256dh: Annotated[str, Meta(max_length=_LONGEST_KEY)]
    auth: Annotated[str, Meta(max_length=_LONGEST_KEY)]


class PushRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a device wants to hear of. `seconds`: of executions only those that took so long; `quiet`: without sound."""

    events: list[Occasion] = msgspec.field(default_factory=lambda: list(Occasion))
    seconds: Annotated[float, Meta(ge=0, le=MAX_SECONDS)] = 0.0
    quiet: bool = False


class PushRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`PUT /api/v1/push/subscription`: what the browser's `subscribe()` gave, and the rules. What else stands in it
    (`expirationTime`) is ignored."""

    endpoint: Annotated[str, Meta(max_length=MAX_ENDPOINT)]
    keys: PushKeys
    rules: PushRules = PushRules()


class PushState(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `GET /api/v1/push`. `rules` are those of the device that asks, null where it has not registered."""

    public_key: str
    works: bool
    why: str | None
    rules: PushRules | None


def push_request(body: bytes, device_id: str) -> PushSubscription:
    """Raises Refusal(INVALID_MESSAGE)."""
    try:
        asked = msgspec.convert(client.parse(body), PushRequest)
    except msgspec.ValidationError as problem:
        raise client.misfit(problem) from None
    try:
        endpoint = check_endpoint(asked.endpoint)
    except ValueError as problem:
        raise invalid("data.endpoint", str(problem)) from None
    try:
        p256dh, auth = _bytes(asked.keys.p256dh), _bytes(asked.keys.auth)
        check_keys(p256dh, auth)
    except ValueError as problem:
        raise invalid("data.keys", str(problem)) from None
    rules = asked.rules
    wanted = Rules(occasions=tuple(dict.fromkeys(rules.events)), seconds=rules.seconds, quiet=rules.quiet)
    return PushSubscription(device_id=device_id, endpoint=endpoint, p256dh=p256dh, auth=auth, rules=wanted)


def push_state(public_key: str, why_not: str, subscription: PushSubscription | None) -> bytes:
    rules = None
    if subscription is not None:
        of = subscription.rules
        rules = PushRules(events=list(of.occasions), seconds=of.seconds, quiet=of.quiet)
    return msgspec.json.encode(PushState(public_key=public_key, works=not why_not, why=why_not or None, rules=rules))


def push_payload(notice: Notice, quiet: bool) -> bytes:
    """What the service worker of a device reads."""
    return msgspec.json.encode(
        {
            "kind": notice.occasion.value,
            "project_id": notice.project_id,
            "project_name": notice.project_name,
            "seq": notice.seq,
            "title": notice.title,
            "quiet": quiet,
        }
    )


def hook_body(message_id: str, event: Event, at: str, about: Mapping[str, object]) -> bytes:
    return msgspec.json.encode({"id": message_id, "event": event.value, "timestamp": at, "data": dict(about)})


def base64url(data: bytes) -> str:
    """Without padding, as the web has it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(
            f"`p256dh` ({P256DH_SIZE} bytes) and `auth` ({AUTH_SIZE} bytes) are base64url without padding."
        ) from None
