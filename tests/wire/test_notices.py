"""Push on HTTP: what devices register, strictly; and what is sent."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

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
)
from pocketagent.domain.project import MAX_NAME
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.outbound.push_encryption import MAX_MESSAGE
from pocketagent.wire.notices import base64url, hook_body, push_payload, push_request, push_state

P256DH, AUTH = b"\x04" + bytes(P256DH_SIZE - 1), bytes(AUTH_SIZE)
KEYS = {"p256dh": base64url(P256DH), "auth": base64url(AUTH)}
ENDPOINT = "https://push.example.net/send/1"


def asked(**changes: Any) -> PushSubscription:
    return push_request(json.dumps({"endpoint": ENDPOINT, "keys": KEYS} | changes).encode(), "0" * 16)


class RequestTests(SynchronousTestCase):
    def test_as_a_browser_has_it(self) -> None:
        """What `PushSubscription.toJSON()` gives is enough, and wants everything."""
        self.assertEqual(
            asked(expirationTime=None),
            PushSubscription(device_id="0" * 16, endpoint=ENDPOINT, p256dh=P256DH, auth=AUTH, rules=Rules()),
        )

    def test_rules(self) -> None:
        """Rules are what the device says."""
        rules = {"events": ["failed", "failed"], "seconds": MAX_SECONDS, "quiet": True}
        self.assertEqual(asked(rules=rules).rules, Rules(occasions=(Occasion.FAILED,), seconds=MAX_SECONDS, quiet=True))

    def test_refused(self) -> None:
        """What does not fit is refused, with the field."""
        for field, changes in (
            ("data.endpoint", {"endpoint": "http://push.example.net/"}),
            ("data.endpoint", {"endpoint": ENDPOINT.ljust(MAX_ENDPOINT + 1, "x")}),
            ("data.keys", {"keys": KEYS | {"auth": base64url(bytes(AUTH_SIZE - 1))}}),
            ("data.keys", {"keys": KEYS | {"p256dh": base64url(P256DH[:-1])}}),
            ("data.keys", {"keys": KEYS | {"p256dh": "~" * 87}}),
            ("data.keys.auth", {"keys": {"p256dh": KEYS["p256dh"]}}),
            ("data.rules.seconds", {"rules": {"seconds": MAX_SECONDS + 1}}),
            ("data.rules.seconds", {"rules": {"seconds": -1}}),
            ("data.rules.events[0]", {"rules": {"events": ["everything"]}}),
            ("data.rules", {"rules": {"silent": True}}),
        ):
            refusal = self.assertRaises(Refusal, asked, **changes)
            self.assertIs(refusal.code, Code.INVALID_MESSAGE)
            self.assertEqual(refusal.details["field"], field)
        self.assertRaises(Refusal, push_request, b"[]", "0" * 16)


class AnswerTests(SynchronousTestCase):
    def test_state(self) -> None:
        """A device is shown the key, whether push works, and its own rules; its endpoint and keys are told nobody."""
        self.assertEqual(
            json.loads(push_state("BKey", "No TLS.", asked(rules={"events": ["failed"]}))),
            {
                "public_key": "BKey",
                "works": False,
                "why": "No TLS.",
                "rules": {"events": ["failed"], "seconds": 0, "quiet": False},
            },
        )
        self.assertEqual(
            json.loads(push_state("BKey", "", None)), {"public_key": "BKey", "works": True, "why": None, "rules": None}
        )

    def test_longest_payload(self) -> None:
        """The longest message fits into a push message."""
        notice = Notice(
            occasion=Occasion.PERMISSION, project_id="p" * 36, project_name="𝄞" * MAX_NAME, seq=2**63, seconds=None
        )
        self.assertLess(len(push_payload(notice, True)), MAX_MESSAGE)

    def test_hook(self) -> None:
        """A webhook's message says what, when, and by which id."""
        self.assertEqual(
            json.loads(hook_body("id-1", Event.PROJECT_DELETED, "2026", {"project_id": "p"})),
            {"id": "id-1", "event": "project_deleted", "timestamp": "2026", "data": {"project_id": "p"}},
        )
