# -*- test-case-name: tests.services.test_subscriptions -*-
"""Who hears what: a subscription is a cursor over the journal (protocol section 4; the brief's broadcaster).

A subscription that is not behind is told every batch as it comes. One that is behind costs nothing but its cursor: when
its connection has room again it reads on from the journal, and once it has reached what was told last it is live
again. Joining with `after_seq`, reconnecting and catching up are this one mechanism.
"""

from collections.abc import Callable, Sequence

from attrs import define, evolve, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from pocketagent.domain.message import Entry, Partial
from pocketagent.ports import IBatch, IConnection, IJournal

CHUNK_ENTRIES = 4096
CHUNK_BYTES = 256 * 1024
"""How much history is read in one go for a subscription that catches up."""

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


@define(eq=False)
class Subscription:
    """One connection's place in one journal. `cursor`: the last seq that it was told; of meaning while behind.

    `unfinished`: in whose messages it came in half-way; their pieces are left out until the next one begins.
    """

    connection: IConnection
    cursor: int
    is_live: bool = False
    catches_up: bool = False
    unfinished: set[str | None] = field(factory=set)


@define(eq=False)
class Audience:
    """Everyone who hears one project. `told_seq`: the last number that was told."""

    project_id: str
    _journal: IJournal
    _clock: IReactorTime
    told_seq: int
    _subscriptions: dict[IConnection, Subscription] = field(factory=dict)
    # Whose messages are being written right now, by `parent_tool_use_id`.
    _writing: set[str | None] = field(factory=set)

    def __len__(self) -> int:
        return len(self._subscriptions)

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
        return self._subscriptions.pop(connection, None) is not None

    def connections(self) -> Sequence[IConnection]:
        return tuple(self._subscriptions)

    def tell(self, batch: Batch) -> None:
        """Tell what was kept, and partial output, to everyone who is not behind."""
        before = self.told_seq
        for item in reversed(batch.items):
            if isinstance(item, Entry):
                self.told_seq = item.seq
                break
        for subscription in tuple(self._subscriptions.values()):
            if not subscription.is_live:
                continue
            connection = subscription.connection
            if connection.is_behind:
                subscription.is_live = False
                subscription.cursor = before
            elif subscription.unfinished and batch.has_partials:
                connection.hear(_without_unfinished(batch, subscription.unfinished))
            else:
                connection.hear(batch)
        if batch.has_partials:
            self._note_partials(batch)

    def turn_ended(self) -> None:
        """Whatever message was being written will not go on."""
        self._writing.clear()

    def drained(self, connection: IConnection) -> None:
        """The connection has room again."""
        subscription = self._subscriptions.get(connection)
        if subscription is not None and not subscription.is_live:
            self._catch_up_soon(subscription)

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

    def _catch_up_soon(self, subscription: Subscription) -> None:
        if subscription.catches_up:
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
                found = await self._journal.since(subscription.cursor, CHUNK_ENTRIES, CHUNK_BYTES)
                if self._subscriptions.get(connection) is not subscription:
                    return
                entries = [entry for entry in found if entry.seq <= self.told_seq]
                if not entries:
                    subscription.cursor = self.told_seq
                    continue
                subscription.cursor = entries[-1].seq
                connection.hear(Batch(self.project_id, entries, entries[-1].timestamp))
        finally:
            subscription.catches_up = False

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


@define(eq=False)
class Subscriptions:
    """Every live connection, and what it is subscribed to."""

    _joined: dict[IConnection, set[Audience]] = field(factory=dict)
    _departed: list[Callable[[IConnection], None]] = field(factory=list)
    _drained: list[Callable[[IConnection], None]] = field(factory=list)

    @property
    def connections(self) -> Sequence[IConnection]:
        return tuple(self._joined)

    def __len__(self) -> int:
        return sum(len(audiences) for audiences in self._joined.values())

    def count(self, connection: IConnection) -> int:
        """How many projects the connection is subscribed to."""
        return len(self._joined.get(connection, ()))

    def watch(self, departed: Callable[[IConnection], None], drained: Callable[[IConnection], None]) -> None:
        """Have these called for every connection that goes, and that has room again."""
        self._departed.append(departed)
        self._drained.append(drained)

    def arrive(self, connection: IConnection) -> None:
        self._joined[connection] = set()

    def depart(self, connection: IConnection) -> None:
        for audience in self._joined.pop(connection, set()):
            audience.leave(connection)
        for departed in self._departed:
            departed(connection)

    def drained(self, connection: IConnection) -> None:
        """It has room again: what is behind reads on."""
        for audience in tuple(self._joined.get(connection, ())):
            audience.drained(connection)
        for drained in self._drained:
            drained(connection)

    def join(self, connection: IConnection, audience: Audience, after_seq: int | None) -> None:
        if connection in self._joined:
            self._joined[connection].add(audience)
            audience.join(connection, after_seq)

    def leave(self, connection: IConnection, audience: Audience) -> None:
        self._joined.get(connection, set()).discard(audience)
        audience.leave(connection)

    def dismiss(self, audience: Audience) -> None:
        """End every subscription of a project."""
        for connection in audience.connections():
            self.leave(connection, audience)

    def broadcast(self, message: bytes, but: IConnection | None = None) -> None:
        """Send one message to every connection."""
        for connection in tuple(self._joined):
            if connection is not but:
                connection.send(message)
