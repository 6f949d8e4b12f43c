"""Webhooks: each is told the events that it wants, and none waits for another."""

import json

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.notices import Event, Hook
from pocketagent.outbound.memory import MemoryWebhook
from pocketagent.ports import Verdict
from pocketagent.services.deliveries import FIRST_PAUSE
from pocketagent.services.webhooks import Webhooks


class WebhooksTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock, self.webhook = Clock(), MemoryWebhook()
        self.some = Hook(url="https://one.example/", secret=b"1" * 16, events=(Event.SERVER_STARTED,))
        self.all = Hook(url="https://two.example/", secret=b"2" * 16)
        ids = iter(range(100))
        self.webhooks = Webhooks(
            [self.some, self.all], self.webhook, self.clock, self.clock.seconds, lambda: f"id-{next(ids)}"
        )

    def test_told(self) -> None:
        """One event is one message, whoever gets it: its id, its name, when, and what."""
        self.webhooks.tell(Event.SERVER_STARTED, {"version": "1"})
        self.webhooks.tell(Event.SERVER_STOPPED, {"version": "1"})
        self.assertEqual([hook for hook, _ in self.webhook.posted], [self.some, self.all, self.all])
        first, second, _ = (message for _, message in self.webhook.posted)
        self.assertEqual(first, second)
        self.assertEqual(
            json.loads(first.body),
            {
                "id": "id-0",
                "event": "server_started",
                "timestamp": "1970-01-01T00:00:00.000000Z",
                "data": {"version": "1"},
            },
        )

    def test_again(self) -> None:
        """A message that is tried again has the same id and the same body."""
        self.webhook.verdict = Verdict.LATER
        self.webhooks.tell(Event.SERVER_STOPPED, {})
        self.clock.advance(FIRST_PAUSE)
        first, second = (message for _, message in self.webhook.posted)
        self.assertEqual(first, second)
