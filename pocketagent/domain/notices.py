# -*- test-case-name: tests.domain.test_notices -*-
"""What is told to those who do not look: a permission is asked, an execution has ended; and which device wants it."""

import re
from collections.abc import Sequence
from enum import StrEnum
from urllib.parse import urlsplit

from attrs import field, frozen

from pocketagent.domain.outcome import Outcome

MAX_ENDPOINT = 1024
"""Characters of the address where a push service takes messages for one browser."""
P256DH_SIZE, AUTH_SIZE = 65, 16
"""Bytes of a browser's public key (an uncompressed point of P-256) and of its secret (RFC 8291)."""
MAX_SECONDS = 86400.0
"""The most that a device may ask for as the least duration."""


class Occasion(StrEnum):
    """What a device may be told of."""

    PERMISSION = "permission"
    FINISHED = "finished"
    FAILED = "failed"


class Event(StrEnum):
    """What webhooks may be told of."""

    EXECUTION_FINISHED = "execution_finished"
    EXECUTION_FAILED = "execution_failed"
    PERMISSION_REQUEST = "permission_request"
    PROJECT_CREATED = "project_created"
    PROJECT_DELETED = "project_deleted"
    DEVICE_PAIRED = "device_paired"
    DEVICE_REVOKED = "device_revoked"
    SERVER_STARTED = "server_started"
    SERVER_STOPPED = "server_stopped"


@frozen(kw_only=True)
class Hook:
    """A webhook as its owner has set it. `events`: of these only. The secret signs what is sent there."""

    url: str = field(repr=False)
    secret: bytes = field(repr=False)
    events: Sequence[Event] = tuple(Event)


@frozen
class HookMessage:
    """What a webhook is told. `id` is the same at every try, so that a receiver knows what it has already."""

    id: str
    event: Event
    body: bytes = field(repr=False)


@frozen(kw_only=True)
class Notice:
    """Something that somebody should know. `seconds`: how long the execution took, None where nobody knows.

    `seq` is the event of the project's journal after which it holds. Never a prompt, an answer or an input.
    """

    occasion: Occasion
    project_id: str
    project_name: str
    seq: int
    seconds: float | None = None

    @property
    def title(self) -> str:
        """For a person, on a locked screen."""
        return f"{self.project_name}: {_TITLES[self.occasion]}"


_TITLES = {
    Occasion.PERMISSION: "a permission is asked for",
    Occasion.FINISHED: "finished",
    Occasion.FAILED: "failed",
}


@frozen(kw_only=True)
class Rules:
    """What a device wants to hear of. `seconds`: of executions only those that took so long; `quiet`: without sound."""

    occasions: Sequence[Occasion] = tuple(Occasion)
    seconds: float = 0.0
    quiet: bool = False

    def want(self, notice: Notice) -> bool:
        if notice.occasion not in self.occasions:
            return False
        return notice.seconds is None or notice.seconds >= self.seconds


@frozen(kw_only=True)
class PushSubscription:
    """Where and how a device is told. All of it is as secret as the device: who has it can write to its screen."""

    device_id: str
    endpoint: str = field(repr=False)
    p256dh: bytes = field(repr=False)
    auth: bytes = field(repr=False)
    rules: Rules = field(factory=Rules)


def check_endpoint(endpoint: str) -> str:
    """The endpoint, if it can be one. Raises ValueError with a sentence. (Where its name leads is another question.)"""
    if len(endpoint) > MAX_ENDPOINT:
        raise ValueError(f"An endpoint has at most {MAX_ENDPOINT} characters.")
    if not re.fullmatch(r"https://[!-~]+", endpoint):
        raise ValueError("An endpoint is a URL that begins with https://, in ASCII.")
    try:
        parts = urlsplit(endpoint)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or parts.username is not None or parts.password is not None or parts.fragment or "\\" in endpoint:
        raise ValueError("An endpoint is a URL of a host and a path, without a user and without a fragment.")
    return endpoint


def check_keys(p256dh: bytes, auth: bytes) -> None:
    """Raises ValueError with a sentence."""
    if len(p256dh) != P256DH_SIZE or p256dh[:1] != b"\x04":
        raise ValueError(f"`p256dh` is a point of P-256: {P256DH_SIZE} bytes, as base64url without padding.")
    if len(auth) != AUTH_SIZE:
        raise ValueError(f"`auth` has {AUTH_SIZE} bytes, as base64url without padding.")


def occasion_of(ended: Outcome) -> Occasion | None:
    """What there is to be told of an end; nothing where a person has ended it."""
    return _OCCASIONS.get(ended)


_OCCASIONS = {
    Outcome.DONE: Occasion.FINISHED,
    Outcome.FAILED: Occasion.FAILED,
    Outcome.TIMEOUT: Occasion.FAILED,
}
