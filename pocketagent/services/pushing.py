# -*- test-case-name: tests.services.test_pushing -*-
"""Push subscriptions: one for each device that wants one, and what is sent to them."""

from collections.abc import Callable, Collection, Iterable, Mapping
from urllib.parse import urlsplit

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pocketagent.domain.access import Device
from pocketagent.domain.deeds import Deed, Origin
from pocketagent.domain.notices import Notice, PushSubscription
from pocketagent.domain.refusals import no_storage
from pocketagent.ports import IConnection, IPush, IPushSubscriptions, StorageUnavailable, Tried, Verdict
from pocketagent.services.audit import Audit, asked
from pocketagent.services.deliveries import Deliveries

_log = Logger()


@frozen
class _Letter:
    subscription: PushSubscription = field(repr=False)
    notice: Notice


@define(eq=False)
class Pushing:
    """`is_let_in`: whether there is a device of that id that may come in now."""

    _store: IPushSubscriptions
    _push: IPush
    _clock: IReactorTime
    _is_let_in: Callable[[str], bool]
    _audit: Audit
    deliveries: Deliveries[_Letter] = field(init=False)
    _subscriptions: dict[str, PushSubscription] = field(factory=dict)
    _writing: DeferredLock = field(factory=DeferredLock)

    def __attrs_post_init__(self) -> None:
        self.deliveries = Deliveries(self._clock, self._send, "a push message", self._not_taken)

    @property
    def public_key(self) -> str:
        """What a browser subscribes with: base64url, without padding."""
        return self._push.public_key

    def __len__(self) -> int:
        return len(self._subscriptions)

    async def start(self) -> None:
        """Read them. Those of devices that were revoked meanwhile go."""
        self._subscriptions = {one.device_id: one for one in await self._store.all()}
        self.forget([each for each in self._subscriptions if not self._is_let_in(each)], "revoked")

    def of(self, device: Device) -> PushSubscription | None:
        return self._subscriptions.get(device.id)

    async def subscribe(self, subscription: PushSubscription, asker: IConnection) -> None:
        """Keep it in the place of what the device had. Raises Refusal: INVALID_MESSAGE for a key that is no point of
        the curve or a place where nothing may be sent, STORAGE_UNAVAILABLE."""
        if subscription == self.of(asker.device):
            return
        deed = asked("push_subscribe", asker, device_id=asker.device.id, details=_described(subscription))
        await self._audit.record(deed, lambda: self._subscribe(subscription))

    async def unsubscribe(self, asker: IConnection) -> None:
        """No error when there is none. Raises Refusal(STORAGE_UNAVAILABLE)."""
        if self.of(asker.device) is None:
            return
        deed = asked("push_unsubscribe", asker, device_id=asker.device.id, details={})
        await self._audit.record(deed, lambda: self._change(asker.device.id, None), takes_away=True)

    def push(self, notice: Notice, looking: Collection[str]) -> None:
        """Tell the devices that want it and are not looking."""
        for subscription in self._subscriptions.values():
            each = subscription.device_id
            if each not in looking and subscription.rules.want(notice) and self._is_let_in(each):
                self.deliveries.put(_Letter(subscription, notice))

    def forget(self, devices: Iterable[str], reason: str) -> None:
        """The subscriptions of these go. `reason`, for the audit log: the devices were `revoked`, their time
        is over (`expired`), or their push services say that nobody listens there any more (`gone`)."""
        for each in devices:
            if each in self._subscriptions:
                Deferred.fromCoroutine(self._change(each, None)).addErrback(_not_kept)
                details = {"reason": reason}
                self._audit.note(Deed(action="push_unsubscribe", origin=Origin.SERVER, device_id=each, details=details))

    async def _subscribe(self, subscription: PushSubscription) -> None:
        self._push.check(subscription)
        await self._change(subscription.device_id, subscription)

    async def _send(self, letter: _Letter) -> Tried:
        # It may have gone, or changed, while the letter waited.
        if self._subscriptions.get(letter.subscription.device_id) != letter.subscription:
            return Tried(Verdict.REFUSED)
        return await self._push.push(letter.subscription, letter.notice)

    def _not_taken(self, letter: _Letter) -> None:
        """The push service says that nobody listens there any more."""
        device_id = letter.subscription.device_id
        if self._subscriptions.get(device_id) == letter.subscription:
            self.forget([device_id], "gone")

    async def _change(self, device_id: str, subscription: PushSubscription | None) -> None:
        await self._writing.acquire()
        try:
            changed = dict(self._subscriptions)
            changed.pop(device_id, None)
            if subscription is not None:
                changed[device_id] = subscription
            if changed == self._subscriptions:
                return
            if subscription is None:
                # Nothing is sent any more, whether that can be kept or not.
                self._subscriptions = changed
            await self._store.save(tuple(changed.values()))
            self._subscriptions = changed
        except StorageUnavailable:
            raise no_storage() from None
        finally:
            self._writing.release()


def _described(subscription: PushSubscription) -> Mapping[str, object]:
    """Where it leads and when it is used; the rest of the endpoint is a secret of the device."""
    rules = subscription.rules
    return {
        "host": urlsplit(subscription.endpoint).hostname,
        "events": [each.value for each in rules.occasions],
        "seconds": rules.seconds,
        "quiet": rules.quiet,
    }


def _not_kept(failure: object) -> None:
    _log.warn("that a push subscription has ended could not be kept: it will be tried again at the next start")
