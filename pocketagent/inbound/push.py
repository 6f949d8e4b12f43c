# -*- test-case-name: tests.inbound.test_push -*-
"""Push on HTTP: a device says where and of what it wants to be told while it does not look."""

from collections.abc import Callable, Sequence
from typing import Protocol as Shape

from pocketagent.domain.access import Device, Scope
from pocketagent.domain.notices import PushSubscription
from pocketagent.inbound.answer import Answer
from pocketagent.inbound.rest import BASE
from pocketagent.inbound.routes import About, Body, Route, Visit
from pocketagent.ports import IConnection
from pocketagent.wire import notices as wire

MAX_BODY = 4096
"""Bytes: an endpoint, two keys and the rules."""

_PATH = f"{BASE}/push"
_SUBSCRIPTION = f"{_PATH}/subscription"


class Pushing(Shape):
    """The subscriptions; each device sees and changes its own only."""

    @property
    def public_key(self) -> str: ...

    def of(self, device: Device) -> PushSubscription | None: ...

    async def subscribe(self, subscription: PushSubscription, asker: IConnection) -> None: ...

    async def unsubscribe(self, asker: IConnection) -> None: ...


SHOW = About("Whether push works here, with which key, and the rules of this device", answer=wire.PushState)
SUBSCRIBE = About("Register this device to be pushed to, in the place of what it had", wire.PushRequest, status=204)
UNSUBSCRIBE = About("Push nothing to this device any more", status=204)


def routes(pushing: Pushing, why_not: Callable[[], str]) -> Sequence[Route]:
    """`why_not`: why a browser may not have push on this server's pages; empty where nothing stands in the way."""

    async def show(visit: Visit) -> Answer:
        return Answer(200, wire.push_state(pushing.public_key, why_not(), pushing.of(visit.device)))

    async def subscribe(visit: Visit) -> Answer:
        assert visit.asker is not None
        await pushing.subscribe(wire.push_request(visit.body, visit.device.id), visit.asker)
        return Answer(204)

    async def unsubscribe(visit: Visit) -> Answer:
        assert visit.asker is not None
        await pushing.unsubscribe(visit.asker)
        return Answer(204)

    return [
        Route(method="GET", path=_PATH, answer=show, scope=Scope.READ, about=SHOW),
        Route(
            method="PUT",
            path=_SUBSCRIPTION,
            answer=subscribe,
            scope=Scope.READ,
            body=Body(MAX_BODY),
            about=SUBSCRIBE,
        ),
        Route(method="DELETE", path=_SUBSCRIPTION, answer=unsubscribe, scope=Scope.READ, about=UNSUBSCRIBE),
    ]
