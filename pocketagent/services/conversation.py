# -*- test-case-name: tests.services.test_conversation -*-
"""One project at work: its machine, its journal and its audience. Keep, tell, do, under one lock.

Whatever happens comes in as a step of the machine. What the step leaves in the outbox is first kept in the journal,
with one write; then told to the audience; then the machine's wishes are done.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Protocol, TypeVar

from attrs import define, evolve, field
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pocketagent.domain.agent import Ending, Spoken, Utterance
from pocketagent.domain.events import ClientMessage, ExecutionError, ProjectState, State, StateChanged
from pocketagent.domain.execution import Machine
from pocketagent.domain.message import Draft, Entry, Partial, timestamp
from pocketagent.domain.project import Project, Trust
from pocketagent.domain.refusals import Code, Refusal, no_storage
from pocketagent.domain.tracing import working
from pocketagent.domain.turn import Begin, Break, Core, Destroy, Execution, Item, PassOn, Retire, Wish
from pocketagent.ports import IJournal, StorageUnavailable
from pocketagent.services.audience import Audience, Batch
from pocketagent.services.notices import Herald
from pocketagent.services.stopwatch import Stopwatch
from pocketagent.services.time_limits import Alarm, TimeLimits
from pocketagent.wire import client, events

STORAGE_RETRY = 1.0
"""Seconds between attempts to write what could not be written."""

_WISHES = frozenset({Begin, Break, PassOn, Destroy, Retire})

T = TypeVar("T")
Work = Callable[[], Coroutine[Deferred[object], object, None]]

_log = Logger()


class Driver(Protocol):
    """Who does what the machine wishes; see `services.runs`."""

    def do(self, wish: Wish) -> None: ...


@define(eq=False)
class Conversation:
    """See the module. `changed` is called after something was told that changes the project's state as others see it.

    `timeout` gives the seconds that an execution may take, by its options.
    """

    project: Project
    trust: Trust
    journal: IJournal
    machine: Machine
    audience: Audience
    last_active: str
    _clock: IReactorTime
    _now: Callable[[], float]
    _timeout: Callable[[float | None], float]
    _changed: Callable[["Conversation"], None]
    _stopwatch: Stopwatch
    _herald: Herald
    driver: Driver | None = None
    is_gone: bool = False
    _lock: DeferredLock = field(factory=DeferredLock)
    # What was decided but could not be kept; kept and told as soon as storage works again.
    _owed: list[Item] = field(factory=list)
    # What the machine knew when it was last kept; `machine.core` may be ahead while an append is under way.
    _kept: Core = field(init=False)
    _limits: TimeLimits = field(init=False)
    _retry: Alarm = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._kept = self.machine.core
        timed_out, expired = self._when_due(self._time_out, "timeout"), self._when_due(self._expire, "expiry")
        self._limits = TimeLimits(self._clock, self._now, self._timeout, timed_out, expired)
        self._retry = Alarm(self._clock, self._when_due(self._pay, "storage"))

    @property
    def state(self) -> State:
        """What the machine has decided; what clients were told stands in `told`."""
        return self.machine.core.state

    @property
    def told(self) -> Core:
        """What holds for the last number that was told."""
        return self._kept

    @property
    def owes(self) -> bool:
        """Whether something was decided that could not be kept yet."""
        return bool(self._owed)

    # -- steps ----------------------------------------------------------------------------------------------

    async def obey(self, step: Callable[[Machine], T], undo: Callable[[], None] = lambda: None) -> T:
        """Carry out what a client asks: all of it, or a Refusal and nothing of it.

        `undo` takes back what the step has changed beside the machine.
        """
        await self._lock.acquire()
        try:
            self._check_usable()
            before = self.machine.core
            try:
                result = step(self.machine)
                await self._settle()
            except Refusal:
                self._step_back(before)
                undo()
                raise
            except StorageUnavailable:
                self._step_back(before)
                undo()
                raise no_storage() from None
            return result
        finally:
            self._lock.release()

    async def hear(self, utterances: Sequence[Utterance], concerns: Callable[[], bool]) -> None:
        """What the agent said; whether it `concerns` the execution is asked when its turn has come.

        Takes as long as most of those who hear it need.
        """

        def step(machine: Machine) -> None:
            if self._owed:
                return  # a process that is being stopped, and nothing new is told before what is owed
            if concerns():
                if self._stopwatch.awaits_words:
                    self._stopwatch.heard(utterances)
                machine.heard(utterances, self._now())
            else:
                machine.overheard(utterances, self._now())

        await self._take(step)
        room = self.audience.room()
        if room is not None:
            await room

    async def ended(self, ending: Ending, concerns: Callable[[], bool] = lambda: True) -> None:
        """A process of the agent is dead, with everything it started; `concerns` as in `hear`."""
        await self._take(lambda machine: machine.ended(ending) if concerns() else machine.forget_process())

    async def failed(self, refusal: Refusal, execution: Execution) -> None:
        """The prompt of this execution could not be handed over."""

        def step(machine: Machine) -> None:
            if machine.core.execution is execution:
                machine.failed(refusal)

        await self._take(step)

    async def shut_down(self) -> None:
        await self._take(Machine.shut_down)

    async def restarted(self) -> None:
        """The server died while this project was EXECUTING."""
        await self._take(Machine.restarted)

    async def update(self, changes: Mapping[str, str | bool], trust: Trust | None = None) -> None:
        """Change fields of the project, or its trust, and tell the state anew."""
        before: dict[str, str | bool] = {}
        trusted = self.trust

        def step(machine: Machine) -> None:
            nonlocal trusted
            trusted, self.trust = self.trust, trust or self.trust
            before.update({name: getattr(self.project, name) for name in changes})
            self._change(changes)
            machine.touch()

        def undo() -> None:
            self.trust = trusted
            self._change(before)

        await self.obey(step, undo)

    def _change(self, changes: Mapping[str, str | bool]) -> None:
        self.project = evolve(self.project, **changes)  # type: ignore[arg-type]  # names and types are ours

    async def _take(self, step: Callable[[Machine], None]) -> None:
        """What has happened in any case; when it cannot be kept, the execution is stopped."""
        await self._lock.acquire()
        try:
            if self.is_gone:
                return
            before = self.machine.core
            step(self.machine)
            if self._owed:
                self._owe(tuple(self.machine.outbox))
                return
            try:
                await self._settle()
            except StorageUnavailable:
                self._lose_storage(before)
        finally:
            self._lock.release()

    def _check_usable(self) -> None:
        if self.is_gone:
            raise deleted(self.project.id)
        if self._owed:
            raise no_storage()

    def _step_back(self, core: Core) -> None:
        self.machine.core = core
        self.machine.outbox.clear()

    # -- keep, tell, do -------------------------------------------------------------------------------------

    async def _settle(self) -> None:
        items, self.machine.outbox = self.machine.outbox, []
        if items:
            await self._perform(items)
        else:
            self._kept = self.machine.core
        if self._limits.minded is not self.machine.core:
            self._limits.mind(self.machine)

    async def _perform(self, items: Sequence[Item]) -> None:
        if {Spoken}.issuperset(map(type, items)):
            # The hot path: nothing but lines of the agent.
            entries = await self.journal.append(events.spoken(items))  # type: ignore[arg-type]  # as was just seen
            self._kept = self.machine.core
            self.last_active = entries[-1].timestamp
            self.audience.tell(Batch(self.project.id, entries, self.last_active))
            return
        drafts: list[Draft] = []
        wishes: list[Wish] = []
        has_partials = durable = state_changed = False
        for item in items:
            kind = type(item)
            if isinstance(item, Spoken):
                drafts += events.spoken((item,))
            elif isinstance(item, Partial):
                has_partials = True
            elif isinstance(item, StateChanged):
                drafts.append(events.draft(self._project_state(item, self.journal.head_seq + len(drafts) + 1)))
                state_changed = True
                durable = durable or item.state is not State.EXECUTING
            elif isinstance(item, (Begin, Break, PassOn, Destroy, Retire)):
                wishes.append(item)
            else:
                drafts.append(events.draft(item))
                durable = durable or kind is ClientMessage
        entries = await self.journal.append(drafts, durable) if drafts else ()
        before, self._kept = self._kept, self.machine.core
        self._stopwatch.stepped(before, self._kept, items)
        told: Sequence[Entry | Partial] = entries
        if has_partials:
            kept = iter(entries)
            told = [item if isinstance(item, Partial) else next(kept) for item in items if type(item) not in _WISHES]
        when = entries[-1].timestamp if entries else timestamp(self._now())
        self.last_active = when
        if told:
            self.audience.tell(Batch(self.project.id, told, when, has_partials))
        if state_changed and self.state is not State.EXECUTING:
            self.audience.turn_ended()
        self._herald.stepped(self.project, before, self._kept, items, entries, self.journal.head_seq)
        # Open questions and the queue are part of it, too, and no `project_state` tells of them.
        if state_changed or (before is not self._kept and before.snapshot() != self._kept.snapshot()):
            self._changed(self)
        for wish in wishes:
            self._do(wish)

    def _do(self, wish: Wish) -> None:
        if self.driver is not None:
            self.driver.do(wish)

    def project_state(self, requests: bool = False) -> ProjectState:
        """The state as it was told last; with the open permission requests themselves if asked for."""
        snapshot = self._kept.snapshot()
        return self._project_state(snapshot, self.audience.told_seq, requests)

    def _project_state(self, changed: StateChanged, head_seq: int, requests: bool = False) -> ProjectState:
        return ProjectState(
            id=self.project.id,
            name=self.project.name,
            path=self.project.path,
            archived=self.project.archived,
            state=changed.state,
            session_id=changed.session_id,
            created_at=self.project.created_at,
            last_active=self.last_active,
            journal_id=self.journal.journal_id,
            head_seq=head_seq,
            execution_id=changed.execution_id,
            queued=changed.queued,
            error=changed.error,
            pending_permissions=changed.pending_permissions if requests else len(changed.pending_permissions),
            trust=self.trust,
            subscribers=len(self.audience),
            last_words=changed.last_words,
            cost_usd=changed.cost_usd,
        )

    # -- when nothing can be kept ---------------------------------------------------------------------------

    def _lose_storage(self, before: Core) -> None:
        """Stop the execution, and say so before it is kept: the only events of which that is true."""
        _log.error("the journal of {project} cannot be written", project=self.project.id)
        self._step_back(before)
        self.machine.storage_failed()
        self._kept = self.machine.core
        items = tuple(self.machine.outbox)
        self._stopwatch.stepped(before, self._kept, items)
        self._herald.stepped(self.project, before, self._kept, items, (), self.journal.head_seq)
        self._owe(items)
        now = timestamp(self._now())
        for item in items:
            if isinstance(item, ExecutionError):
                self._send_all(client.reply(item, now, self.project.id, None))
        if self._owed:
            self._send_all(client.reply(self.project_state(), now, self.project.id, None))
            self._changed(self)
        self._limits.mind(self.machine)

    def _send_all(self, message: bytes) -> None:
        for connection in self.audience.connections():
            connection.send(message)

    def _owe(self, items: Sequence[Item]) -> None:
        """Remember the events (not the agent's lines), do the wishes, and try again later."""
        self.machine.outbox.clear()
        for item in items:
            if isinstance(item, (Begin, Break, PassOn, Destroy, Retire)):
                self._do(item)
            elif not isinstance(item, (Spoken, Partial)):
                self._owed.append(item)
        if self._owed and not self._retry.is_set:
            self._retry.set(STORAGE_RETRY)

    async def _pay(self) -> None:
        await self._lock.acquire()
        try:
            if self.is_gone:
                return
            owed, self._owed = self._owed, []
            try:
                await self._perform(owed)
            except StorageUnavailable:
                self._owed = owed
                self._retry.set(STORAGE_RETRY)
        finally:
            self._lock.release()

    # -- time -----------------------------------------------------------------------------------------------

    async def _time_out(self) -> None:
        await self._take(Machine.timed_out)

    async def _expire(self) -> None:
        await self._take(lambda machine: machine.expire(timestamp(self._now())))

    def _when_due(self, work: Work, what: str) -> Callable[[], None]:
        """What a clock of the project calls for this to be done."""

        def do() -> None:
            running = self.machine.core.execution
            with working(project_id=self.project.id, execution_id=running.id if running else None):
                done = Deferred.fromCoroutine(work())
            done.addErrback(lambda failure: _log.failure("while minding the time of {name}", failure, name=what))

        return do

    # -- the end --------------------------------------------------------------------------------------------

    def forget(self) -> None:
        """Nothing more happens here: the project was deleted, or the server stops."""
        self.is_gone = True
        self._limits.stop()
        self._retry.stop()

    def revive(self, journal: IJournal) -> None:
        """It could not be deleted: it goes on, with its journal opened anew."""
        self.journal = self.audience.journal = journal
        self.is_gone = False


def deleted(project_id: str) -> Refusal:
    return Refusal(Code.PROJECT_NOT_FOUND, "This project was deleted.", project_id=project_id)
