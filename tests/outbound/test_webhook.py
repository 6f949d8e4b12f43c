"""Webhooks: signed messages, and secrets that only their owner reads."""

import time
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from pocketagent.domain.notices import Event, Hook, HookMessage
from pocketagent.outbound.webhook import (
    MAX_SECRET,
    MIN_SECRET,
    SIGNATURE,
    TIMESTAMP,
    SignedWebhook,
    WebhookUnusable,
    secret_of,
    signature,
)
from pocketagent.ports import IWebhook, Tried, Verdict
from tests.outbound.test_posting import real_post
from tests.receiver import Receiver
from tests.test_docs import DOCS, blocks

SECRET = b"the secret of the test"
MESSAGE = HookMessage("id-1", Event.EXECUTION_FAILED, b'{"event":"execution_failed"}')


class WebhookTests(TestCase):
    timeout = 60

    def receiver(self, *statuses: int, tls: bool) -> Receiver:
        receiver = Receiver.start(Path(self.mktemp()), *statuses, tls=tls)
        self.addCleanup(deferToThread, receiver.stop)
        return receiver

    async def test_signed(self) -> None:
        """A message is what was signed, with its time, and says what it is; with TLS or, on this machine, without."""
        for tls in True, False:
            receiver = self.receiver(200, tls=tls)
            hook = Hook(url=f"http{'s' * tls}://localhost:{receiver.port}/hook", secret=SECRET)
            webhook = SignedWebhook(real_post(receiver), lambda: 1000.9, "pocketagent/1")
            self.assertTrue(IWebhook.providedBy(webhook))
            self.assertEqual(await webhook.post(hook, MESSAGE), Tried(Verdict.TAKEN))
            came = receiver.next()
            self.assertEqual(came.body, MESSAGE.body)
            self.assertEqual(came.headers["pocketagent-timestamp"], "1000")
            self.assertEqual(came.headers["pocketagent-delivery"], "id-1")
            self.assertEqual(came.headers["pocketagent-event"], "execution_failed")
            self.assertEqual(came.headers["pocketagent-signature"], signature(SECRET, "1000", came.body))
            self.assertEqual(came.headers["content-type"], "application/json")

    async def test_statuses(self) -> None:
        """A program that is not there is tried again, whatever it says about it."""
        receiver = self.receiver(404, 410, 500, 400, tls=False)
        hook = Hook(url=f"http://127.0.0.1:{receiver.port}/", secret=SECRET)
        webhook = SignedWebhook(real_post(None), lambda: 0.0, "x/1")
        said = [(await webhook.post(hook, MESSAGE)).verdict for _ in range(4)]
        self.assertEqual(said, [Verdict.LATER] * 3 + [Verdict.REFUSED])


class ExampleTests(SynchronousTestCase):
    """What `docs/operations.md` tells receivers to do."""

    def test_it_works(self) -> None:
        """The example takes what is signed, for some minutes, and nothing else."""
        (source,) = blocks(DOCS / "operations.md", "python")
        page: dict[str, Any] = {}
        exec(source, page)  # noqa: S102  # it is ours
        is_good = page["is_good"]
        now = str(int(time.time()))
        good = {TIMESTAMP: now, SIGNATURE: signature(SECRET, now, MESSAGE.body)}
        self.assertTrue(is_good(SECRET + b"\n", good, MESSAGE.body))
        self.assertFalse(is_good(SECRET, good, MESSAGE.body + b" "))
        self.assertFalse(is_good(SECRET + b"x", good, MESSAGE.body))
        self.assertFalse(is_good(SECRET, good | {TIMESTAMP: str(int(now) + 1)}, MESSAGE.body))
        old = str(int(now) - 301)
        signed = {TIMESTAMP: old, SIGNATURE: signature(SECRET, old, MESSAGE.body)}
        self.assertFalse(is_good(SECRET, signed, MESSAGE.body))


class SecretTests(SynchronousTestCase):
    def held(self, content: bytes, mode: int = 0o600) -> str:
        path = Path(self.mktemp()).absolute()
        path.write_bytes(content)
        path.chmod(mode)
        return str(path)

    def test_read(self) -> None:
        """A secret is what stands in its file, without the end of the line."""
        self.assertEqual(secret_of(self.held(SECRET + b"\n")), SECRET)

    def test_bounds(self) -> None:
        """AU-24: it has at least so many bytes, and at most so many."""
        for size in MIN_SECRET, MAX_SECRET:
            self.assertEqual(len(secret_of(self.held(b"x" * size))), size)
        for size in MIN_SECRET - 1, MAX_SECRET + 1:
            self.assertRaises(WebhookUnusable, secret_of, self.held(b"x" * size))

    def test_others(self) -> None:
        """One that others may read, that is missing, or that is a link, is told; never what stands in it."""
        link = Path(self.mktemp()).absolute()
        link.symlink_to(self.held(SECRET))
        for path in self.held(SECRET, 0o640), self.held(SECRET, 0o602), "/nowhere/at/all", str(link):
            problem = self.assertRaises(WebhookUnusable, partial(secret_of, path))
            self.assertNotIn(SECRET.decode(), str(problem))
