"""Our key, the subscriptions on the disk, and messages that only their browser reads."""

import os
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from pocketagent.domain.notices import Notice, Occasion, PushSubscription, Rules
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.outbound.memory import MemoryPushSubscriptions
from pocketagent.outbound.push import KEEP_FOR, MAX_SIZE, FilePushSubscriptions, KeyUnusable, WebPush, own_key
from pocketagent.outbound.push_encryption import LIFETIME, Vapid
from pocketagent.ports import IPush, Tried, Verdict
from tests.contracts import Here, PushSubscriptionsContract
from tests.outbound.disks import mode
from tests.outbound.test_posting import real_post
from tests.receiver import Browser, Receiver, claims, private_key

NOTICE = Notice(occasion=Occasion.PERMISSION, project_id="p-1", project_name="app", seq=7)


class FilePushSubscriptionsTests(PushSubscriptionsContract, TestCase):
    """The contract, on the disk."""

    def make_subscriptions(self) -> FilePushSubscriptions:
        return FilePushSubscriptions(Here(), self.mktemp())

    async def test_broken(self) -> None:
        """What cannot be read is nothing, and no reason not to start; what is written is for the owner alone."""
        path = Path(self.mktemp()).absolute()
        subscriptions = FilePushSubscriptions(Here(), str(path))
        await subscriptions.save([])
        self.assertEqual(mode(path), 0o600)
        for content in (b"", b"[]", b'{"version": 2}', b"x" * (MAX_SIZE + 1)):
            path.write_bytes(content)
            self.assertEqual(await subscriptions.all(), ())


class MemoryPushSubscriptionsTests(PushSubscriptionsContract, TestCase):
    """The contract, in memory."""

    def make_subscriptions(self) -> MemoryPushSubscriptions:
        return MemoryPushSubscriptions()


class KeyTests(SynchronousTestCase):
    def test_made_once(self) -> None:
        """The key is made once, for the owner's eyes alone."""
        path = Path(self.mktemp()).absolute()
        first, second = own_key(str(path)), own_key(str(path))
        self.assertEqual(first.private_numbers(), second.private_numbers())
        self.assertEqual(mode(path), 0o600)

    def test_broken(self) -> None:
        """A key that is none is told, and left as it is: another one would end every subscription."""
        path = Path(self.mktemp()).absolute()
        path.write_bytes(b"-----BEGIN nothing")
        self.assertRaises(KeyUnusable, own_key, str(path))
        self.assertEqual(path.read_bytes(), b"-----BEGIN nothing")


class WebPushTests(TestCase):
    timeout = 60

    def setUp(self) -> None:
        self.receiver = Receiver.start(Path(self.mktemp()), 201)
        self.addCleanup(deferToThread, self.receiver.stop)
        self.browser = Browser()
        self.vapid = Vapid(private_key(3), "mailto:me@example.org")

    def push(self, allow_private: bool = True) -> WebPush:
        return WebPush(real_post(self.receiver), self.vapid, lambda: 1000.0, os.urandom, allow_private)

    def subscription(self, host: str = "localhost", **rules: bool) -> PushSubscription:
        return PushSubscription(
            device_id="0" * 16,
            endpoint=f"https://{host}:{self.receiver.port}/send/of-the-browser",
            p256dh=self.browser.p256dh,
            auth=self.browser.auth,
            rules=Rules(**rules),  # type: ignore[arg-type]  # `quiet` alone
        )

    async def test_message(self) -> None:
        """A message is read by its browser and by nobody else, and is signed by our key for that push service."""
        self.assertTrue(IPush.providedBy(self.push()))
        self.assertEqual(await self.push().push(self.subscription(), NOTICE), Tried(Verdict.TAKEN))
        came = self.receiver.next()
        self.assertEqual(
            self.browser.read(came.body),
            {
                "kind": "permission",
                "project_id": "p-1",
                "project_name": "app",
                "seq": 7,
                "title": "app: a permission is asked for",
                "quiet": False,
            },
        )
        self.assertNotIn(b"app", came.body)
        self.assertEqual(came.headers["content-encoding"], "aes128gcm")
        self.assertEqual((came.headers["ttl"], came.headers["urgency"]), (str(KEEP_FOR), "high"))
        said = claims(came.headers["authorization"], self.push().public_key)
        self.assertEqual(said["aud"], f"https://localhost:{self.receiver.port}")
        self.assertEqual((said["exp"], said["sub"]), (1000 + LIFETIME, "mailto:me@example.org"))

    async def test_quiet(self) -> None:
        """A device that wants quiet is told that, and its push service, too."""
        await self.push().push(self.subscription(quiet=True), NOTICE)
        came = self.receiver.next()
        self.assertEqual(came.headers["urgency"], "low")
        self.assertIs(self.browser.read(came.body)["quiet"], True)

    async def test_statuses(self) -> None:
        """What the push service says counts."""
        self.receiver.statuses[:] = [410, 429, 503, 413]
        said = [(await self.push().push(self.subscription(), NOTICE)).verdict for _ in range(4)]
        self.assertEqual(said, [Verdict.GONE, Verdict.LATER, Verdict.LATER, Verdict.REFUSED])

    async def test_private(self) -> None:
        """SSRF: nothing is sent to a private address, and one that is written down is refused when it is registered."""
        strict = self.push(allow_private=False)
        for host in ("127.0.0.1", "10.0.0.1", "[::1]", "169.254.169.254", "[::ffff:10.0.0.1]"):
            refusal = self.assertRaises(Refusal, strict.check, self.subscription(host))
            self.assertIs(refusal.code, Code.INVALID_MESSAGE)
        strict.check(self.subscription("localhost"))
        for host in ("localhost", "127.0.0.1"):
            self.assertEqual(await strict.push(self.subscription(host), NOTICE), Tried(Verdict.REFUSED))
        self.assertEqual(self.receiver.count, 0)

    def test_no_point(self) -> "Deferred[None] | None":
        """A key that is no point of the curve is refused when it is registered."""
        bad = PushSubscription(
            device_id="0" * 16, endpoint="https://push.example.net/", p256dh=b"\x04" + bytes(64), auth=bytes(16)
        )
        self.assertIs(self.assertRaises(Refusal, self.push().check, bad).code, Code.INVALID_MESSAGE)
        return None
