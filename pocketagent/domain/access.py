"""Who may do what: devices, their scopes, and the rules for their tokens (protocol section 3)."""

import hashlib
import hmac
import re
from collections.abc import Iterable
from enum import StrEnum

from attrs import Attribute, evolve, field, frozen
from attrs.validators import optional

TOKEN_BYTES = 32
"""256 random bits: nothing to guess, so a fast hash is enough (threats 5.1)."""

ID_BYTES = 8

TOKEN = re.compile(r"pa_(?P<id>[0-9a-f]{16})_(?P<secret>[0-9a-f]{64})", re.ASCII)
COOKIE = re.compile(r"pac_(?P<id>[0-9a-f]{16})_(?P<secret>[0-9a-f]{64})", re.ASCII)
"""What a browser keeps. Another beginning, and another kind of device: neither is ever good for the other (AU-33)."""

MAX_DEVICES = 1000

MAX_NAME = 64

LAST_MOMENT = 253402300799
"""Seconds: the end of the year 9999."""


class Scope(StrEnum):
    """What a device may do. `read`, `execute` and `admin` each include the one before.

    `metrics` stands apart: it reads how the server is, and nothing else; none of the others includes it.
    """

    READ = "read"
    EXECUTE = "execute"
    ADMIN = "admin"
    METRICS = "metrics"

    def covers(self, needed: "Scope") -> bool:
        if Scope.METRICS in (self, needed):
            return self is needed
        return _LADDER.index(self) >= _LADDER.index(needed)


_LADDER = (Scope.READ, Scope.EXECUTE, Scope.ADMIN)


class Kind(StrEnum):
    """What a device is, and so how it shows who it is: a program by a token, a browser by a cookie, which no script of
    a page can read."""

    PROGRAM = "program"
    BROWSER = "browser"


def _is_moment(device: object, attribute: "Attribute[float]", seconds: float) -> None:
    """No NaN, which would never come (AU-05), no infinity, nothing before 1970 or beyond what a calendar has."""
    if not 0 <= seconds <= LAST_MOMENT:
        raise ValueError(f"{attribute.name} is no time: {seconds!r}.")


@frozen
class Device:
    """Somebody's phone, browser, terminal or script: a credential with a name.

    `secret_hash` is SHA-256 of the secret, in hex; times are seconds since 1970, `expires_at` None for never.
    `expired` is set once the end was seen, so that a clock set back brings nobody back (AU-06).
    """

    id: str
    name: str
    scope: Scope
    secret_hash: str = field(repr=False)
    created_at: float = field(validator=_is_moment)
    expires_at: float | None = field(default=None, validator=optional(_is_moment))
    expired: bool = False
    kind: Kind = Kind.PROGRAM

    def is_over(self, now: float) -> bool:
        return self.expired or (self.expires_at is not None and now >= self.expires_at)

    def ended(self) -> "Device":
        return evolve(self, expired=True)

    def proves(self, secret: str) -> bool:
        """Whether this is the device's secret; takes the same time whatever is wrong with it."""
        return hmac.compare_digest(self.secret_hash, hash_of(secret))


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def token(device_id: str, secret: str) -> str:
    """What the person is given: 16 hex digits of id, 64 of secret."""
    return f"pa_{device_id}_{secret}"


def cookie(device_id: str, secret: str) -> str:
    """What a browser is given instead."""
    return f"pac_{device_id}_{secret}"


def is_last_admin(device: Device, devices: Iterable[Device], now: float) -> bool:
    """Whether without this one nobody is left who may do everything."""
    admins = {one.id for one in devices if one.scope is Scope.ADMIN and not one.is_over(now)}
    return admins == {device.id}


def claimed_id(credential: str) -> str | None:
    """The device that a credential names; None where it is none. Whether it is that device's is not said by this."""
    found = TOKEN.fullmatch(credential) or COOKIE.fullmatch(credential)
    return found["id"] if found else None


def device_name(text: str) -> str:
    """Return the name, trimmed. Raises ValueError with a sentence when it cannot be one."""
    text = text.strip()
    if not text or len(text) > MAX_NAME or not text.isprintable():
        raise ValueError(f"A device's name has 1 to {MAX_NAME} printable characters.")
    return text
