"""Tests of `pocketagent.inbound.answer`."""

import json

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.refusals import Code, Refusal
from pocketagent.inbound.answer import STATUSES, Answer, Dates, to_refusal, unavailable
from pocketagent.inbound.turned_away import TurnedAway
from tests.inbound.asking import Heard

DATE = b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"


class AnswerTests(SynchronousTestCase):
    def heard(self, answer: Answer, *, bodiless: bool = False, last: bool = False) -> Heard:
        return Heard.of(answer.encode(DATE, bodiless=bodiless, last=last))

    def test_whole(self) -> None:
        """An answer says what it is, how long, from when, and that nobody should keep it, guess at its type, tell where
        it stands, show it on another page, or let it do anything as a page."""
        heard = self.heard(Answer(200, b"{}", [("X-A", "b")]))
        self.assertEqual((heard.status, heard.body), (200, b"{}"))
        self.assertEqual(
            dict(heard.headers),
            {
                "x-content-type-options": "nosniff",
                "referrer-policy": "no-referrer",
                "cross-origin-resource-policy": "same-origin",
                "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
                "content-type": "application/json",
                "date": "Thu, 01 Jan 1970 00:00:00 GMT",
                "x-a": "b",
                "cache-control": "no-store",
                "content-length": "2",
            },
        )

    def test_others(self) -> None:
        """Other types; what may be kept says so itself; 204 and 304 have no body and speak of none."""
        heard = self.heard(Answer(200, b"x", [("Cache-Control", "private")], content_type="text/plain"))
        self.assertEqual((heard.header("content-type"), heard.header("cache-control")), ("text/plain", "private"))
        for status in (204, 304):
            heard = self.heard(Answer(status))
            self.assertIsNone(heard.header("content-length") or heard.header("content-type"))

    def test_head(self) -> None:
        """To a HEAD the length is told, and nothing sent."""
        heard = self.heard(Answer(200, b"{}"), bodiless=True)
        self.assertEqual((heard.body, heard.header("content-length")), (b"", "2"))

    def test_last(self) -> None:
        """The last answer of a connection says so."""
        self.assertIsNone(self.heard(Answer(200)).header("connection"))
        self.assertEqual(self.heard(Answer(200), last=True).header("connection"), "close")
        upgrade = Answer(426, headers=[("Upgrade", "websocket")])
        self.assertEqual(self.heard(upgrade, last=True).header("connection"), "close, Upgrade")

    def test_also(self) -> None:
        """More headers make another answer of it."""
        answer = Answer(201, b"{}", [("A", "b")], "text/plain")
        self.assertIs(answer.also(()), answer)
        self.assertEqual(answer.also([("C", "d")]), Answer(201, b"{}", [("A", "b"), ("C", "d")], "text/plain"))
        self.assertTrue(Answer(200, is_public=True).also([("C", "d")]).is_public)


class RefusalTests(SynchronousTestCase):
    def test_of_the_services(self) -> None:
        """A refusal has the status of its code, and its own words."""
        for code in Code:
            answer = to_refusal(Refusal(code, "Because.", a=1), 0.0)
            told = json.loads(answer.body)["data"]
            self.assertEqual(answer.status, STATUSES[code])
            self.assertEqual(told, {"code": code, "message": "Because.", "details": {"a": 1}})

    def test_of_http(self) -> None:
        """One that is about HTTP has its own status and headers."""
        refusal = TurnedAway(405, Code.INVALID_MESSAGE, "No.", [("Allow", "GET")])
        answer = to_refusal(refusal, 0.0)
        self.assertEqual((answer.status, list(answer.headers)), (405, [("Allow", "GET")]))

    def test_retry_after(self) -> None:
        """Whoever may come again later is told when, in whole seconds and never too early."""
        for details, wait in (
            ({}, "5"),
            ({"retry_after": 0.2}, "1"),
            ({"retry_after": 3}, "3"),
            ({"retry_after": ""}, "5"),
        ):
            answer = to_refusal(Refusal(Code.RATE_LIMITED, "Slow down.", **details), 0.0)
            self.assertEqual(dict(answer.headers), {"Retry-After": wait})
        turned_away = unavailable(Refusal(Code.STORAGE_UNAVAILABLE, "The disk is full.", a=1))
        self.assertEqual((turned_away.status, turned_away.details), (503, {"a": 1}))
        self.assertEqual(dict(turned_away.headers), {"Retry-After": "5"})


class DateTests(SynchronousTestCase):
    def test_once_a_second(self) -> None:
        """The date is that of the second, forwards and backwards."""
        dates = Dates()
        self.assertEqual(dates.at(0.9), DATE)
        self.assertIs(dates.at(0.1), dates.at(0.9))
        self.assertEqual(dates.at(1.0), DATE.replace(b"00 GMT", b"01 GMT"))
        self.assertEqual(dates.at(0.0), DATE)
