"""Push on HTTP: each device registers itself, and sees and ends its own."""

from attrs import define, evolve, field
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.trial.unittest import TestCase

from pocketagent.domain.access import Device, Scope
from pocketagent.domain.notices import Occasion, PushSubscription
from pocketagent.inbound import push
from pocketagent.inbound.push import MAX_BODY
from pocketagent.ports import IConnection
from tests.inbound.asking import Asking
from tests.inbound.house import DEVICE, House, listening
from tests.wire.test_notices import ENDPOINT, KEYS

PATH, SUBSCRIPTION = "/api/v1/push", "/api/v1/push/subscription"


@define(eq=False)
class Pushing:
    public_key: str = "BKey"
    kept: dict[str, PushSubscription] = field(factory=dict)

    def of(self, device: Device) -> PushSubscription | None:
        return self.kept.get(device.id)

    async def subscribe(self, subscription: PushSubscription, asker: IConnection) -> None:
        self.kept[subscription.device_id] = subscription

    async def unsubscribe(self, asker: IConnection) -> None:
        self.kept.pop(asker.device.id, None)


class PushTests(TestCase):
    timeout = 20

    def setUp(self) -> Deferred[None]:  # type: ignore[override]
        self.pushing = Pushing()
        self.why = "It is of its own authority."
        self.house = House(IReactorTime(installed), more=push.routes(self.pushing, lambda: self.why))
        self.be(Scope.READ)
        return Deferred.fromCoroutine(self.open())

    def be(self, scope: Scope) -> None:
        self.house.access.device = evolve(DEVICE, scope=scope)

    async def open(self) -> None:
        self.front = self.house.door()
        self.port = await listening(self.front)
        self.addCleanup(self.close)
        self.asking = await Asking.of(self.port)

    async def close(self) -> None:
        self.asking.leave()
        await maybeDeferred(self.port.stopListening)
        await self.front.close_all(1001, "over", 0.1)

    async def test_a_device(self) -> None:
        """A device with `read` sees the key, registers, sees its rules, and ends it; its endpoint is not shown."""
        heard = await self.asking.ask("GET", PATH)
        self.assertEqual(
            (heard.status, heard.json), (200, {"public_key": "BKey", "works": False, "why": self.why, "rules": None})
        )
        body = {"endpoint": ENDPOINT, "keys": KEYS, "rules": {"events": ["failed"]}}
        self.assertEqual((await self.asking.ask("PUT", SUBSCRIPTION, body)).status, 204)
        self.assertEqual(self.pushing.kept[DEVICE.id].rules.occasions, (Occasion.FAILED,))
        heard = await self.asking.ask("GET", PATH)
        self.assertEqual(heard.json["rules"], {"events": ["failed"], "seconds": 0, "quiet": False})
        self.assertNotIn(b"push.example.net", heard.body)
        for _ in range(2):
            self.assertEqual((await self.asking.ask("DELETE", SUBSCRIPTION)).status, 204)
        self.assertEqual(self.pushing.kept, {})

    async def test_refused(self) -> None:
        """What does not fit, or is too long, is refused; so is a device that may read metrics only."""
        for body in ({}, {"endpoint": "http://push.example.net/", "keys": KEYS}):
            self.assertEqual((await self.asking.ask("PUT", SUBSCRIPTION, body)).code, "INVALID_MESSAGE")
        self.be(Scope.METRICS)
        self.assertEqual((await self.asking.ask("GET", PATH)).code, "FORBIDDEN")
        self.be(Scope.READ)
        long = {"endpoint": ENDPOINT, "keys": KEYS, "x": "x" * MAX_BODY}
        self.assertEqual((await self.asking.ask("PUT", SUBSCRIPTION, long)).code, "MESSAGE_TOO_LARGE")
        self.assertEqual(self.pushing.kept, {})
