"""Pairings: how long they are open, whose code is whose, and under which name another machine finds the server."""

import hmac
import sys
from types import FrameType

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.access import COOKIE, MAX_NAME, TOKEN, Scope, cookie, hash_of, token
from pocketagent.domain.pairing import (
    CODE,
    LIFETIME,
    MAX_OPEN,
    MAX_WRONG,
    NAMELESS,
    Pairing,
    best_first,
    code,
    fitting,
    is_this_machine,
    name_of,
    said_name,
)

SECRET = "5e" * 16
MADE = 1_700_000_000.0


def pairing(number: int = 1, wrong: int = 0) -> Pairing:
    secret = f"{number:032x}"
    return Pairing(f"{number:016x}", hash_of(code(secret)), Scope.EXECUTE, None, None, MADE, wrong)


class PairingTests(SynchronousTestCase):
    """A pairing is open for a moment, and for its own code only."""

    def test_lifetime(self) -> None:
        """It is open from its making up to five minutes later, and not a moment before or after (AU-11)."""
        self.assertEqual(LIFETIME, 300.0)
        one = pairing()
        for moment, is_open in ((0.0, True), (LIFETIME - 0.001, True), (LIFETIME, False), (-0.001, False)):
            self.assertEqual(one.is_open(MADE + moment), is_open, moment)

    def test_wrong_codes(self) -> None:
        """It is worth nothing after five wrong codes (AU-12)."""
        self.assertEqual(MAX_WRONG, 5)
        self.assertTrue(pairing(wrong=4).is_open(MADE))
        self.assertFalse(pairing(wrong=5).is_open(MADE))

    def test_fitting(self) -> None:
        """Of several the one whose code was given is found; any other text fits none, that of the filling least of
        all."""
        several = [pairing(number) for number in range(1, MAX_OPEN + 1)]
        for number in (1, 7, MAX_OPEN):
            self.assertEqual(fitting(several, code(f"{number:032x}")), pairing(number))
        good = code(f"{1:032x}")
        for text in ("", good[:-1], good + "0", good.upper(), " " + good, f"{1:032x}", "\ud800", "x" * 1_000_000):
            self.assertIsNone(fitting(several, text), text[:40])
            self.assertIsNone(fitting([], text), text[:40])

    def test_same_work(self) -> None:
        """Whatever was given and however many are open, one hash is made and as many comparisons (AU-13)."""
        work = set()
        for several in ([], [pairing()], [pairing(number) for number in range(1, MAX_OPEN + 1)]):
            for text in ("", code(f"{1:032x}"), code("f" * 32), "x" * 100_000):
                hashed = compared = 0

                def count(frame: FrameType, event: str, called: object) -> None:
                    nonlocal hashed, compared
                    hashed += event == "call" and frame.f_code is hash_of.__code__
                    compared += event == "c_call" and called is hmac.compare_digest

                sys.setprofile(count)
                try:
                    fitting(several, text)
                finally:
                    sys.setprofile(None)
                work.add((hashed, compared))
        self.assertEqual(work, {(1, MAX_OPEN)})

    def test_kinds_of_secrets(self) -> None:
        """A code, a token and a cookie begin each in its own way: none has the form of another (AU-33)."""
        forms = {"code": CODE, "token": TOKEN, "cookie": COOKIE}
        texts = {"code": code(SECRET), "token": token("0" * 16, SECRET * 2), "cookie": cookie("0" * 16, SECRET * 2)}
        for kind, form in forms.items():
            self.assertEqual([one for one, text in texts.items() if form.fullmatch(text)], [kind])

    def test_not_shown(self) -> None:
        """What is printed of a pairing holds no hash."""
        self.assertNotIn(pairing().code_hash, repr(pairing()))


class NameTests(SynchronousTestCase):
    """What a paired device is called."""

    def test_who_names(self) -> None:
        """The person at the server has the first word, then the device, else there is a name for those without."""
        named = evolve(pairing(), name="Ada's phone")
        self.assertEqual(name_of(named, "x"), "Ada's phone")
        self.assertEqual(name_of(pairing(), "Pixel"), "Pixel")
        self.assertEqual(name_of(pairing(), None), NAMELESS)

    def test_said(self) -> None:
        """What a device says is a name, or it is told what one is."""
        self.assertEqual([said_name(text) for text in (None, " Pixel ")], [None, "Pixel"])
        for bad in ("", "a\nb", "x" * (MAX_NAME + 1), 5, ["a"]):
            with self.assertRaises(ValueError) as caught:
                said_name(bad)
            self.assertIn(str(MAX_NAME), str(caught.exception))


class AddressTests(SynchronousTestCase):
    """Under which of the server's names another machine finds it."""

    def test_best_first(self) -> None:
        """Names that somebody gave it in the network, addresses, bare names, this machine; each kind in its order."""
        names = [
            "localhost", "127.0.0.1", "::1", "laptop", "fd00::7", "10.0.0.9", "192.168.1.20", "my.example.org", "b.lan",
        ]  # fmt: skip
        self.assertEqual(
            best_first(names),
            [
                "my.example.org", "b.lan", "10.0.0.9", "192.168.1.20", "fd00::7", "laptop",
                "localhost", "127.0.0.1", "::1",
            ],
        )  # fmt: skip

    def test_outward(self) -> None:
        """Of several addresses the one comes first by which the machine speaks to others; names go before it."""
        names = ["10.0.0.9", "172.17.0.1", "192.168.1.20"]
        self.assertEqual(best_first(names, "192.168.1.20"), ["192.168.1.20", "10.0.0.9", "172.17.0.1"])
        self.assertEqual(best_first([*names, "my.example.org"], "192.168.1.20")[0], "my.example.org")
        self.assertEqual(best_first(names, "192.0.2.7"), names)

    def test_this_machine(self) -> None:
        """What leads every machine to itself leads nobody here."""
        for name in ("localhost", "127.0.0.1", "127.9.9.9", "::1", "a.localhost", "localhost.localdomain"):
            self.assertTrue(is_this_machine(name), name)
        for name in ("laptop", "10.0.0.9", "my.example.org"):
            self.assertFalse(is_this_machine(name), name)
