"""Tests of `pocketagent.inbound.call`: what is a request, and what could be read in two ways."""

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.inbound.call import MAX_HEAD, Head
from pocketagent.inbound.turned_away import TurnedAway
from tests.inbound.asking import call


class HeadTests(SynchronousTestCase):
    def judge(self, *lines: bytes) -> int:
        """The status with which these lines are refused; 0 when they are not."""
        head = Head()
        try:
            for line in lines:
                head.add(line)
        except TurnedAway as refusal:
            return refusal.status
        return 0

    def test_ordinary(self) -> None:
        """A request line, headers and a blank line pass."""
        self.assertEqual(self.judge(b"GET /ws HTTP/1.1", b"Host: a", b"X-Empty:", b"X-Tab:\tb\tc", b""), 0)

    def test_request_line(self) -> None:
        """The first line is a method, a target and HTTP/1.0 or 1.1, one space apart; nothing stands before it."""
        for line in (
            b"",
            b"GET /ws",
            b"GET  /ws HTTP/1.1",
            b"GET /ws HTTP/2.0",
            b"PRI * HTTP/2.0",
            b"GET /\x85 HTTP/1.1",
            b"G\xc3T / HTTP/1.1",
            b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2",
            b"EHLO there",
        ):
            self.assertEqual(self.judge(line), 400, line)

    def test_control_characters(self) -> None:
        """HS-05: what some readers take for the end of a line stands in no header."""
        for byte in (0x85, 0x0B, 0x0C, 0x1C, 0x1D, 0x1E, 0x00, 0x0A, 0x0D, 0x7F, 0xFF):
            line = b"X-A: 1%cX-Auth-User: admin" % byte
            self.assertEqual(self.judge(b"GET / HTTP/1.1", line), 400, line)

    def test_names_of_headers(self) -> None:
        """HS-06: no folded header, no space before the colon, no empty name, no line without a colon."""
        for line in (b" folded", b"\tfolded", b"Host : a", b": a", b"Host", b"H\x00st: a", b"H\xf6st: a"):
            self.assertEqual(self.judge(b"GET / HTTP/1.1", line), 400, line)

    def test_number(self) -> None:
        """HS-02: 100 headers pass, 101 are too many."""
        headers = [b"A: b"] * 100
        self.assertEqual(self.judge(b"GET / HTTP/1.1", *headers, b""), 0)
        self.assertEqual(self.judge(b"GET / HTTP/1.1", *headers, b"A: b"), 431)

    def test_size(self) -> None:
        """HS-01: 16 KiB pass, more do not, in one header or in many."""
        line = b"GET / HTTP/1.1"
        fits = b"A: ".ljust(MAX_HEAD - len(line) - 6, b"b")
        self.assertEqual(self.judge(line, fits, b""), 0)
        self.assertEqual(self.judge(line, fits + b"b", b""), 431)
        self.assertEqual(self.judge(line, *[b"A: ".ljust(1024, b"b")] * 17), 431)


class CallTests(SynchronousTestCase):
    def test_secrets_are_not_shown(self) -> None:
        """A request that is logged shows no header."""
        self.assertNotIn("secret", repr(call(authorization="Bearer secret")))
