"""One project on a stage: its audience, how fast each of it takes what is told, and what is told."""

import json

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.message import Direction, Draft, Entry, Partial
from pocketagent.ports import IBatch, IJournal
from pocketagent.services.audience import Audience, Batch
from pocketagent.services.subscriptions import Subscriptions
from tests.services.steered import SteeredJournals
from tests.services.workshop import FakeConnection, device, new_id


def piece(name: str, number: int, parent: str | None = None, ends: bool = False) -> Partial:
    """A piece of a message that is being written; the first has the number 0."""
    message = json.dumps({"message": name, "piece": number}).encode()
    return Partial(message, parent, begins=number == 0, ends=ends)


@define(eq=False)
class SlowConnection(FakeConnection):
    """Takes `capacity` more batches and is behind then; None: any number."""

    capacity: int | None = None

    def hear(self, batch: IBatch) -> None:
        super().hear(batch)
        if self.capacity is not None:
            self.capacity -= 1
            self.is_behind = self.capacity <= 0

    def partials(self) -> list[bytes]:
        return [item.message for batch in self.batches for item in batch.items if isinstance(item, Partial)]


@define(eq=False)
class Stage:
    """A project with an audience, and what is told in it."""

    clock: Clock
    journals: SteeredJournals
    subscriptions: Subscriptions
    journal: IJournal = field(init=False)
    audience: Audience = field(init=False)

    def __attrs_post_init__(self) -> None:
        opened: list[IJournal] = []
        project_id = new_id()
        Deferred.fromCoroutine(self.journals.open(project_id)).addCallback(opened.append)
        (self.journal,) = opened
        self.audience = Audience(project_id, self.journal, self.clock, 0)

    def tell(self, *items: int | Partial) -> None:
        """Keep and tell: a number stands for so many entries."""
        told: list[Entry | Partial] = []
        for item in items:
            if isinstance(item, Partial):
                told.append(item)
            else:
                drafts = [Draft(Direction.CLAUDE, "agent_message", b"{}")] * item
                Deferred.fromCoroutine(self.journal.append(drafts)).addCallback(told.extend)
        has_partials = any(isinstance(item, Partial) for item in items)
        self.audience.tell(Batch(self.audience.project_id, told, "", has_partials))


def stage(clock: Clock, subscriptions: Subscriptions) -> Stage:
    return Stage(clock, SteeredJournals(clock.seconds, new_id), subscriptions)


class StageCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.subscriptions = Subscriptions()
        self.stage = stage(self.clock, self.subscriptions)

    def connect(self, capacity: int | None = None) -> SlowConnection:
        connection = SlowConnection(device(), capacity=capacity)
        self.subscriptions.arrive(connection)
        return connection

    def joined(self, after_seq: int | None = None, capacity: int | None = None) -> SlowConnection:
        connection = self.connect(capacity)
        self.subscriptions.join(connection, self.stage.audience, after_seq)
        self.clock.advance(0)
        return connection

    def drain(self, connection: SlowConnection, capacity: int | None = None) -> None:
        connection.capacity, connection.is_behind = capacity, False
        self.subscriptions.drained(connection)
