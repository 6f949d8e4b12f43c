"""The link of a pairing: read as it was written, and refused when anything of it is not as it was."""

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.pairing import code
from pocketagent.wire.links import MAX_LINK, Link, is_link, origin, read_link

CODE = code("5e" * 16)
FINGERPRINT = "kJ8+" + "a/" * 19 + "b="
LINK = Link("https://my.host:8443", CODE, FINGERPRINT)


class LinkTests(SynchronousTestCase):
    def test_round_trip(self) -> None:
        """What was written is read again, with a fingerprint and without, for every kind of name."""
        for name in ("my.host", "192.168.1.20", "fd00::7"):
            for fingerprint in (FINGERPRINT, None):
                link = Link(origin(name, 8443), CODE, fingerprint)
                self.assertEqual(read_link(str(link)), link)
        self.assertEqual(read_link(f"  {LINK}\n"), LINK)

    def test_form(self) -> None:
        """Code and fingerprint stand in the fragment, which no browser sends: never in a path or a query."""
        address, _, fragment = str(LINK).partition("#")
        self.assertEqual(address, "https://my.host:8443/")
        self.assertIn(CODE, fragment)
        self.assertNotIn("?", str(LINK))

    def test_origin(self) -> None:
        """An address of IPv6 stands in brackets; without TLS it says so."""
        self.assertEqual(origin("fd00::7", 8443), "https://[fd00::7]:8443")
        self.assertEqual(origin("localhost", 9000, is_secure=False), "http://localhost:9000")

    def test_is_link(self) -> None:
        """A link is known by its fragment, whole or not; an address has none."""
        self.assertTrue(is_link(str(LINK)))
        self.assertTrue(is_link("my.host:8443/#pair="))
        self.assertFalse(is_link("wss://my.host:8443/ws"))

    def test_refused(self) -> None:
        """What was cut, joined or made by others is refused, with a sentence that does not repeat what stood in it."""
        good = str(LINK)
        for text in (
            "",
            "#",
            good[:-1],
            good + "x",
            good.replace("#pair=", "#"),
            good.replace("pair_5", "pair_"),
            good.replace("pair_5", "pa_5"),
            good.replace("https:", "ftp:"),
            good.replace("/#", "/?a=b#"),
            good.replace("/#", "/ws#"),
            good.replace("my.host", "me:secret@my.host"),
            good.replace("#pair=", "?pair="),
            good + "&" * 20,
            "https://[::1/#pair=" + CODE,
            good + "0" * MAX_LINK,
        ):
            with self.assertRaises(ValueError) as caught:
                read_link(text)
            self.assertNotIn("5e5e", str(caught.exception))

    def test_not_shown(self) -> None:
        """What is printed of a link for a programmer holds no code."""
        self.assertNotIn(CODE, repr(LINK))
