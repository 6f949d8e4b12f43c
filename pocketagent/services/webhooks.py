# -*- test-case-name: tests.services.test_webhooks -*-
"""Webhooks: the owner's own programs are told what happens, each of the events that it wants."""

from collections.abc import Callable, Mapping, Sequence

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from pocketagent.domain.message import timestamp
from pocketagent.domain.notices import Event, Hook, HookMessage
from pocketagent.ports import IWebhook, Tried
from pocketagent.services.deliveries import Deliveries
from pocketagent.wire import notices as wire


@define(eq=False)
class Webhooks:
    """One way for each of them: none waits for another."""

    _hooks: Sequence[Hook]
    _webhook: IWebhook
    _clock: IReactorTime
    _now: Callable[[], float]
    _new_id: Callable[[], str]
    ways: Sequence[tuple[Hook, Deliveries[HookMessage]]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.ways = [(hook, self._way(hook)) for hook in self._hooks]

    def tell(self, event: Event, about: Mapping[str, object]) -> None:
        """Tell everyone who wants that event; nobody is waited for."""
        wanting = [way for hook, way in self.ways if event in hook.events]
        if not wanting:
            return
        message_id = self._new_id()
        body = wire.hook_body(message_id, event, timestamp(self._now()), about)
        for way in wanting:
            way.put(HookMessage(message_id, event, body))

    def _way(self, hook: Hook) -> Deliveries[HookMessage]:
        async def send(message: HookMessage) -> Tried:
            return await self._webhook.post(hook, message)

        return Deliveries(self._clock, send, "a webhook's message")
