# -*- test-case-name: tests.domain.test_pairing -*-
"""How a new device comes in without a token being copied: a code that is good once, for minutes (AU-11 to AU-17).

A person on the server's machine makes a pairing and shows its link, as a picture or as a text. Who sends the code in it
gets the credential of a device. Whatever is sent besides the code changes nothing of what the device may do.
"""

import hmac
import ipaddress
import re
from collections.abc import Iterable, Sequence
from enum import StrEnum

from attrs import field, frozen

from pocketagent.domain.access import MAX_NAME, Scope, device_name, hash_of

CODE_BYTES = 16
"""128 random bits: nothing to guess, so a fast hash is enough."""

CODE = re.compile(r"pair_[0-9a-f]{32}", re.ASCII)
"""Another beginning than a token's or a cookie's: what is one of them is never another (AU-33)."""

LIFETIME = 300.0
"""Seconds from its making to its end."""
MAX_WRONG = 5
"""Wrong codes, from all addresses together, after which every pairing that was open then is worth nothing."""
MAX_OPEN = 16
"""Pairings at a time."""
NAMELESS = "paired device"
"""What a device is called when neither side says."""

MAX_CODE = 128
"""Characters that are looked at of what is given as a code."""


class End(StrEnum):
    """Why a pairing was removed without a device."""

    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    GUESSED = "wrong_codes"


@frozen
class Pairing:
    """A door that is open for a moment. Its `id` becomes that of the device which comes through it.

    `code_hash` is SHA-256 of the code, in hex; times are seconds since 1970. `name` is what the device is called, None
    when it may say itself; `device_lifetime` how long it stays, in seconds, None for ever. `wrong` counts wrong codes.
    """

    id: str
    code_hash: str = field(repr=False)
    scope: Scope
    name: str | None
    device_lifetime: float | None
    created_at: float
    wrong: int = 0

    def is_over(self, now: float) -> bool:
        """Whether its time is over; before it was made, too: a clock that was set back lengthens nothing."""
        return not self.created_at <= now < self.created_at + LIFETIME

    def is_open(self, now: float) -> bool:
        return not self.is_over(now) and self.wrong < MAX_WRONG

    @property
    def end(self) -> End:
        """Why it was open no more, once it is not."""
        return End.GUESSED if self.wrong >= MAX_WRONG else End.EXPIRED

    def fits(self, code_hash: str) -> bool:
        """Whether this is the hash of its code; takes the same time whatever it is."""
        return hmac.compare_digest(self.code_hash, code_hash)


_NOBODYS = Pairing("", hash_of(""), Scope.READ, None, None, 0.0)


def code(secret: str) -> str:
    """What stands in a link: 32 hex digits, behind what they are."""
    return f"pair_{secret}"


def fitting(open_pairings: Sequence[Pairing], given: str) -> Pairing | None:
    """The pairing of this code. However many are open, if any, and whatever was given: one hash is made, and `MAX_OPEN`
    comparisons (AU-13)."""
    found = None
    code_hash = hash_of(given[:MAX_CODE])
    padding = [_NOBODYS] * (MAX_OPEN - len(open_pairings))
    for pairing in (*open_pairings[:MAX_OPEN], *padding):
        if pairing.fits(code_hash) and pairing.id:
            found = pairing
    return found


def name_of(pairing: Pairing, said: str | None) -> str:
    """What the new device is called: as the person said who made the pairing, else as it says itself."""
    return pairing.name or said or NAMELESS


def said_name(text: object) -> str | None:
    """The name that a device gives itself; None where it gives none. Raises ValueError with a sentence."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise ValueError(f"A device's name is a text of 1 to {MAX_NAME} printable characters.")
    return device_name(text)


def best_first(names: Iterable[str], outward: str | None = None) -> Sequence[str]:
    """The names under which a server goes, those first by which another machine is likeliest to find it.

    Names with a dot, which somebody has given it in a network's directory; addresses of IPv4, first the one by which
    this machine goes `outward` (others are of containers, often); of IPv6; bare host names, which few networks know;
    this machine itself.
    """
    # Stable: the person's own order within a kind.
    return sorted(dict.fromkeys(names), key=lambda name: (_rank(name), name != outward))


def is_this_machine(name: str) -> bool:
    """Whether only this machine itself can come under that name."""
    return _rank(name) == _THIS_MACHINE


_THIS_MACHINE = 9


def _rank(name: str) -> int:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        if name == "localhost" or name.endswith((".localhost", ".localdomain")):
            return _THIS_MACHINE
        return 0 if "." in name else 3
    if address.is_loopback:
        return _THIS_MACHINE
    return 1 if address.version == 4 else 2
