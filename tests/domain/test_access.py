"""Scopes, secrets, lifetimes and names of devices."""

import hashlib
import math

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.access import (
    LAST_MOMENT,
    MAX_NAME,
    TOKEN,
    Device,
    Scope,
    device_name,
    hash_of,
    is_last_admin,
    token,
)

SECRET = "5e" * 32
DEVICE = Device("00112233445566ff", "Phone", Scope.EXECUTE, hash_of(SECRET), created_at=1000.0, expires_at=2000.0)


class ScopeTests(SynchronousTestCase):
    """Each of three scopes includes the one before; the fourth stands apart."""

    def test_table(self) -> None:
        """The whole table: what each scope covers, and what it does not."""
        table = {
            Scope.READ: {Scope.READ},
            Scope.EXECUTE: {Scope.READ, Scope.EXECUTE},
            Scope.ADMIN: {Scope.READ, Scope.EXECUTE, Scope.ADMIN},
            Scope.METRICS: {Scope.METRICS},
        }
        for scope in Scope:
            self.assertEqual({needed for needed in Scope if scope.covers(needed)}, table[scope])


class SecretTests(SynchronousTestCase):
    """Only a hash is kept, and only the whole secret fits it."""

    def test_hash(self) -> None:
        """The hash is SHA-256 of the secret's text, in hex."""
        self.assertEqual(hash_of(SECRET), hashlib.sha256(SECRET.encode()).hexdigest())

    def test_proves(self) -> None:
        """The secret proves the device; cut, longer, in capitals, empty, of another kind, the hash itself: none does
        (AU-02)."""
        self.assertTrue(DEVICE.proves(SECRET))
        for secret in (
            "",
            SECRET[:-1],
            SECRET + "e",
            SECRET.upper(),
            SECRET + "\x00",
            "5f" + SECRET[2:],
            SECRET[:-2] + "5f",
            "é" * 64,
            "\ud800",
            "x" * 1_000_000,
            DEVICE.secret_hash,
        ):
            self.assertFalse(DEVICE.proves(secret))

    def test_not_shown(self) -> None:
        """What is printed of a device holds no hash."""
        self.assertNotIn(DEVICE.secret_hash, repr(DEVICE))

    def test_token(self) -> None:
        """A token is taken apart into what it was made of; anything that differs from that form is none."""
        match = TOKEN.fullmatch(token(DEVICE.id, SECRET))
        assert match is not None
        self.assertEqual((match["id"], match["secret"]), (DEVICE.id, SECRET))
        good = token(DEVICE.id, SECRET)
        for text in (
            "",
            good[:-1],
            good + "0",
            good.upper(),
            " " + good,
            good + "\n",
            good.replace("_", "-"),
            good[3:],
        ):
            self.assertIsNone(TOKEN.fullmatch(text), text)
        self.assertIsNone(TOKEN.fullmatch(good.replace("5", "\u0665", 1)))


class LifetimeTests(SynchronousTestCase):
    """A device ends at its time, and stays ended."""

    def test_over(self) -> None:
        """It is over from its very end on; without an end it never is (AU-04)."""
        self.assertFalse(DEVICE.is_over(1999.9))
        self.assertTrue(DEVICE.is_over(2000.0))
        self.assertFalse(evolve(DEVICE, expires_at=None).is_over(1e11))

    def test_clock_set_back(self) -> None:
        """Once its end was seen, no clock brings it back (AU-06)."""
        self.assertTrue(DEVICE.ended().is_over(0.0))
        self.assertTrue(evolve(DEVICE, expires_at=None).ended().is_over(0.0))

    def test_times_that_are_none(self) -> None:
        """NaN, infinity, a time before 1970 or after the last year make no device (AU-05)."""
        for moment in (math.nan, math.inf, -math.inf, -1.0, LAST_MOMENT + 1.0):
            with self.assertRaises(ValueError):
                evolve(DEVICE, expires_at=moment)
            with self.assertRaises(ValueError):
                evolve(DEVICE, created_at=moment)


class LastAdminTests(SynchronousTestCase):
    """Whether somebody is left who may do everything."""

    def test_last(self) -> None:
        """An admin is the last where all others are over, or may do less; who is none is never the last."""
        admin, other = evolve(DEVICE, scope=Scope.ADMIN), evolve(DEVICE, id="f" * 16, scope=Scope.ADMIN)
        reader = evolve(DEVICE, id="e" * 16, scope=Scope.READ)
        self.assertTrue(is_last_admin(admin, [admin, reader], 0.0))
        self.assertTrue(is_last_admin(admin, [admin, other.ended()], 0.0))
        self.assertFalse(is_last_admin(admin, [admin, other], 0.0))
        self.assertFalse(is_last_admin(reader, [reader], 0.0))
        self.assertFalse(is_last_admin(admin.ended(), [admin.ended(), reader], 0.0))


class NameTests(SynchronousTestCase):
    """Names are for people, and for one line of a terminal."""

    def test_names(self) -> None:
        """Blanks around a name are cut off; every printable letter is fine up to the bound."""
        for text, name in ((" Phone ", "Phone"), ("Grüße 📱", "Grüße 📱"), ("x" * MAX_NAME, "x" * MAX_NAME)):
            self.assertEqual(device_name(text), name)

    def test_no_names(self) -> None:
        """Nothing, too much, and what moves a cursor or turns the direction is refused with a sentence."""
        for text in ("", "  \n", "x" * (MAX_NAME + 1), "a\nb", "a\x1b[2J", "a\x00", "\u202eabc", "\ud800"):
            with self.assertRaises(ValueError) as caught:
                device_name(text)
            self.assertIn(str(MAX_NAME), str(caught.exception))
