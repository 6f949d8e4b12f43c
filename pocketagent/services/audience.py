# -*- test-case-name: tests.services.test_audience,tests.services.test_subscriptions -*-
"""Who hears one project: a subscription is a cursor over its journal (protocol section 4; the brief's broadcaster).

A subscription that is not behind is told every batch as it comes. One that is behind costs nothing but its cursor: when
its connection has room again it reads on from the journal, and once it has reached what was told last it is live
again. Joining with `after_seq`, reconnecting and catching up are this one mechanism.
"""

from collections import OrderedDict
from collections.abc import Sequence

from attrs import define, evolve, field
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from pocketagent.domain.message import Entry, Partial
from pocketagent.ports import IBatch, IConnection, IJournal

PAGE_ENTRIES = 1024
PAGE_BYTES = 256 * 1024
"""How much history is read in one go for those who catch up. Pages begin at multiples of PAGE_ENTRIES where they
can, so that all who catch up share them, framed."""

RECENT_BYTES = 1024 * 1024
"""Of what was told last and of pages read last, kept in memory while anybody is behind; and one batch in any case."""

CROWD_WAIT = 0.05
CROWD_SPEED = 50_000_000
"""Seconds that an agent is kept waiting, with each batch, which says more than most of its audience can take; and
bytes a second, for a batch that takes longer than that on its way."""
MOVING = 1.0
"""Seconds since it last took something, after which somebody who is behind is waited for no more."""

INTERNAL_FAULT = 1011

_log = Logger()


@implementer(IBatch)
@define(eq=False)
class Batch:
    """Entries and partial output of one project, told together. `blobs`: framed once for each kind of subscriber."""

    project_id: str
    items: Sequence[Entry | Partial]
    timestamp: str
    has_partials: bool = False
    blobs: dict[object, bytes] = field(factory=dict)

    @property
    def size(self) -> int:
        """Bytes of its messages."""
        return sum(len(item.message) for item in self.items)


@define(eq=False)
class Subscription:
    """One connection's place in one journal. `cursor`: the last seq that it was told; of meaning while behind, as is
    `moved_at`, when it last took something.

    `unfinished`: in whose messages it came in half-way; their pieces are left out until the next one begins.
    """

    connection: IConnection
    cursor: int
    is_live: bool = False
    catches_up: bool = False
    moved_at: float = 0.0
    unfinished: set[str | None] = field(factory=set)


@define(eq=False)
class Crowd:
    """Those who are still taking what was told last. `enough`: when so many are left, the agent may go on."""

    waiting: set[IConnection]
    enough: int
    done: Deferred[None]
    call: IDelayedCall


@define(eq=False)
class Audience:
    """Everyone who hears one project. `told_seq`: the last number that was told."""

    project_id: str
    journal: IJournal
    _clock: IReactorTime
    told_seq: int
    _subscriptions: dict[IConnection, Subscription] = field(factory=dict)
    # Whose messages are being written right now, by `parent_tool_use_id`.
    _writing: set[str | None] = field(factory=set)
    # The batches told last, by the seq before their first entry.
    _recent: OrderedDict[int, Batch] = field(factory=OrderedDict)
    _recent_bytes: int = 0
    _crowd: Crowd | None = None
    _reading: DeferredLock = field(factory=DeferredLock)

    def __len__(self) -> int:
        return len(self._subscriptions)

    @property
    def lagging(self) -> int:
        """How many of them catch up from the journal."""
        return sum(not subscription.is_live for subscription in self._subscriptions.values())

    def join(self, connection: IConnection, after_seq: int | None) -> None:
        """Subscribe, after a number or from the present; replaces what the connection had before.

        What is to be replayed follows in a later turn of the reactor, so that the replies to the join come first.
        """
        cursor = self.told_seq if after_seq is None else after_seq
        subscription = Subscription(connection, cursor)
        self._subscriptions[connection] = subscription
        if cursor >= self.told_seq:
            self._go_live(subscription)
        else:
            self._clock.callLater(0, self._catch_up_soon, subscription)

    def leave(self, connection: IConnection) -> bool:
        """Whether it was subscribed."""
        self._uncrowd(connection)
        was_there = self._subscriptions.pop(connection, None) is not None
        if self._all_live():
            self._forget_recent()
        return was_there

    def connections(self) -> Sequence[IConnection]:
        return tuple(self._subscriptions)

    def tell(self, batch: Batch) -> None:
        """Tell what was kept, and partial output, to everyone who is not behind."""
        before = self.told_seq
        for item in reversed(batch.items):
            if isinstance(item, Entry):
                self.told_seq = item.seq
                break
        ready = 0
        late: set[IConnection] = set()
        now = self._clock.seconds()
        for subscription in tuple(self._subscriptions.values()):
            connection = subscription.connection
            if subscription.is_live and connection.is_behind:
                subscription.is_live = False
                subscription.cursor = before
                subscription.moved_at = now
            if not subscription.is_live:
                if now - subscription.moved_at < MOVING:
                    late.add(connection)
                continue
            if subscription.unfinished and batch.has_partials:
                connection.hear(_without_unfinished(batch, subscription.unfinished))
            else:
                connection.hear(batch)
            if connection.has_unsent:
                late.add(connection)
            else:
                ready += 1
        if not self._all_live():
            self._remember(before, batch)
        if len(late) > ready:
            self._crowd_up(late, (len(late) + ready) // 2, max(CROWD_WAIT, batch.size / CROWD_SPEED))
        if batch.has_partials:
            self._note_partials(batch)

    def room(self) -> Deferred[None] | None:
        """Fires when half of those who take what is told have taken all of it, or have been waited for.

        None when that is so now. Who does not read at all is not waited for.
        """
        return None if self._crowd is None else self._crowd.done

    def turn_ended(self) -> None:
        """Whatever message was being written will not go on."""
        self._writing.clear()

    def drained(self, connection: IConnection) -> None:
        """The connection has room again."""
        subscription = self._subscriptions.get(connection)
        if subscription is None:
            return
        if subscription.is_live:
            self._uncrowd(connection)
        else:
            subscription.moved_at = self._clock.seconds()
            self._catch_up_soon(subscription)

    def _crowd_up(self, late: set[IConnection], enough: int, seconds: float) -> None:
        if self._crowd is None:
            self._crowd = Crowd(late, enough, Deferred(), self._clock.callLater(seconds, self._disperse))

    def _uncrowd(self, connection: IConnection) -> None:
        if self._crowd is not None:
            self._crowd.waiting.discard(connection)
            if len(self._crowd.waiting) <= self._crowd.enough:
                self._disperse()

    def _disperse(self) -> None:
        crowd, self._crowd = self._crowd, None
        if crowd is not None:
            if crowd.call.active():
                crowd.call.cancel()
            crowd.done.callback(None)

    def _all_live(self) -> bool:
        return all(subscription.is_live for subscription in self._subscriptions.values())

    def _remember(self, before: int, batch: Batch) -> None:
        """Keep what was told, or read, for those who come to it a little later."""
        if batch.has_partials:
            entries = [item for item in batch.items if isinstance(item, Entry)]
            batch = Batch(self.project_id, entries, batch.timestamp)
        if not batch.items or before in self._recent:
            return
        self._recent[before] = batch
        self._recent_bytes += batch.size
        while self._recent_bytes > RECENT_BYTES and len(self._recent) > 1:
            _, oldest = self._recent.popitem(last=False)
            self._recent_bytes -= oldest.size

    def _forget_recent(self) -> None:
        self._recent.clear()
        self._recent_bytes = 0

    def _note_partials(self, batch: Batch) -> None:
        for item in batch.items:
            if isinstance(item, Partial):
                if item.begins:
                    self._writing.add(item.parent)
                elif item.ends:
                    self._writing.discard(item.parent)

    def _go_live(self, subscription: Subscription) -> None:
        subscription.is_live = True
        subscription.unfinished = set(self._writing)
        self._uncrowd(subscription.connection)
        if self._all_live():
            self._forget_recent()

    def _catch_up_soon(self, subscription: Subscription) -> None:
        # Live: it had room again before its replay was due, and has heard all of it.
        if subscription.catches_up or subscription.is_live:
            return
        subscription.catches_up = True
        done = Deferred.fromCoroutine(self._catch_up(subscription))
        done.addErrback(self._give_up, subscription.connection)

    async def _catch_up(self, subscription: Subscription) -> None:
        connection = subscription.connection
        try:
            while self._subscriptions.get(connection) is subscription and not connection.is_behind:
                if subscription.cursor >= self.told_seq:
                    self._go_live(subscription)
                    return
                page = self._recent.get(subscription.cursor) or await self._read_page(subscription.cursor)
                if self._subscriptions.get(connection) is not subscription:
                    return
                if page is None:
                    subscription.cursor = self.told_seq
                    continue
                first, last = page.items[0], page.items[-1]
                assert isinstance(first, Entry)
                assert isinstance(last, Entry)
                if first.seq > subscription.cursor + 1:
                    # Retention was faster. Never a silent gap: joining again, the client is told of it.
                    connection.close(INTERNAL_FAULT, "what comes next is no longer kept: join again")
                    return
                subscription.cursor = last.seq
                connection.hear(page)
        finally:
            subscription.catches_up = False

    async def _read_page(self, cursor: int) -> Batch | None:
        """What follows the cursor, up to what was told; None when that is gone. One reads for all who wait for it."""
        await self._reading.acquire()
        try:
            page = self._recent.get(cursor)
            if page is not None:
                return page
            found = await self.journal.since(cursor, PAGE_ENTRIES - cursor % PAGE_ENTRIES, PAGE_BYTES)
            entries = [entry for entry in found if entry.seq <= self.told_seq]
            if not entries:
                return None
            page = Batch(self.project_id, entries, entries[-1].timestamp)
            if entries[0].seq == cursor + 1:
                self._remember(cursor, page)
            return page
        finally:
            self._reading.release()

    def _give_up(self, failure: object, connection: IConnection) -> None:
        _log.error("cannot read the journal of {project} for a subscriber: {why}", project=self.project_id, why=failure)
        connection.close(INTERNAL_FAULT, "the journal could not be read")


def _without_unfinished(batch: Batch, unfinished: set[str | None]) -> Batch:
    """The batch as somebody hears it who came in half-way; marks as finished what begins anew in it."""
    items: list[Entry | Partial] = []
    for item in batch.items:
        if isinstance(item, Partial):
            if item.begins:
                unfinished.discard(item.parent)
            if item.parent in unfinished:
                continue
        items.append(item)
    return evolve(batch, items=items, blobs={})
