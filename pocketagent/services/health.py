# -*- test-case-name: tests.services.test_health -*-
"""What is well and what is not; and the figures of the server."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from pocketagent.domain.access import Scope
from pocketagent.domain.agent import PermissionMode
from pocketagent.domain.commands import GetAgentInfo, GetStats
from pocketagent.domain.events import State
from pocketagent.domain.measures import Measures
from pocketagent.domain.message import timestamp
from pocketagent.domain.replies import AgentInfo, Condition, ConnectionStats, Finding, HealthStatus, ServerStats
from pocketagent.ports import IAgent, IConnection, IHost
from pocketagent.services.access import Access
from pocketagent.services.projects import Projects
from pocketagent.services.runs import WarmProcesses
from pocketagent.services.subscriptions import Subscriptions
from pocketagent.wire import client

STATS_INTERVAL = 10.0
"""Seconds between the `server_stats` of those who asked for them (protocol section 5)."""
DELAY_INTERVAL = 1.0
LOW_DISK = 256 * 1024 * 1024
FULL_DISK = 16 * 1024 * 1024
"""Bytes free below which the disk is called degraded, and unhealthy."""
SLOW_REACTOR = 1000.0
"""Milliseconds of delay from which on the server is called degraded."""

_WORST = (Condition.HEALTHY, Condition.DEGRADED, Condition.UNHEALTHY)

_log = Logger()


@define(eq=False)
class Health:
    """`modes`: the permission modes that this server allows. `faults`: what other parts say of themselves, by the name
    of the check; an empty text is well. `details`: what some of them have to say in any case."""

    _projects: Projects
    _subscriptions: Subscriptions
    _access: Access
    _agent: IAgent
    _warm: WarmProcesses
    _host: IHost
    _clock: IReactorTime
    _now: Callable[[], float]
    _measures: Measures
    _modes: Sequence[PermissionMode]
    _faults: Mapping[str, Callable[[], str]]
    details: dict[str, Callable[[], str]] = field(factory=dict)
    _started: float = 0.0
    _delay_ms: float = 0.0
    _last_beat: float = 0.0
    _watchers: set[IConnection] = field(factory=set)
    _loops: list[LoopingCall] = field(factory=list)

    def start(self) -> None:
        self._started = self._last_beat = self._clock.seconds()
        for work, interval in ((self._beat, DELAY_INTERVAL), (self._tell, STATS_INTERVAL)):
            loop = LoopingCall(work)
            loop.clock = self._clock
            loop.start(interval, now=False).addErrback(lambda why: _log.failure("while watching the server", why))
            self._loops.append(loop)
        self._subscriptions.watch(self._watchers.discard, lambda _: None)

    def stop(self) -> None:
        for loop in self._loops:
            if loop.running:
                loop.stop()

    async def check(self) -> HealthStatus:
        """Every check with its reason; the whole is as well as its worst. Within a second, whatever hangs (AD-08)."""
        # Both at once: each may take its time.
        data, disk = Deferred.fromCoroutine(self._data()), Deferred.fromCoroutine(self._disk())
        checks = {
            "claude": _finding(self._agent.fault, Condition.DEGRADED, self._agent.version),
            "data": await data,
            "disk": await disk,
            "devices": _finding(self._access.fault, Condition.UNHEALTHY),
            "journals": self._journals(),
            "reactor": _finding(
                f"The server is {self._delay_ms:.0f} ms late." if self._delay_ms > SLOW_REACTOR else "",
                Condition.DEGRADED,
                f"{self._delay_ms:.0f} ms late",
            ),
        }
        for name, fault in self._faults.items():
            detail = self.details.get(name)
            checks[name] = _finding(fault(), Condition.DEGRADED, detail and detail())
        return HealthStatus(max((one.status for one in checks.values()), key=_WORST.index), checks)

    async def _data(self) -> Finding:
        fault = await self._host.data_fault()
        return _finding("The data directory does not answer." if fault is None else fault, Condition.UNHEALTHY)

    async def _disk(self) -> Finding:
        free = await self._host.free_bytes()
        if free is None:
            return Finding(Condition.UNHEALTHY, "The disk of the data directory does not answer.")
        reason = f"The disk of the data directory has {free // 2**20} MiB left." if free < LOW_DISK else ""
        condition = Condition.UNHEALTHY if free < FULL_DISK else Condition.DEGRADED
        return _finding(reason, condition, f"{free / 2**30:.1f} GiB free")

    def _journals(self) -> Finding:
        stuck = sum(conversation.owes for conversation in self._projects.conversations)
        return _finding(f"{stuck} journals cannot be written." if stuck else "", Condition.UNHEALTHY)

    async def info(self, command: GetAgentInfo) -> AgentInfo:
        """What the CLI said of itself, last in this project or in any; never starts one."""
        runners = self._projects.runners
        if command.project_id is not None:
            self._projects.conversation(command.project_id)
            known = runners[command.project_id].introduction
        else:
            known = next((one.introduction for one in reversed(runners.values()) if one.introduction), None)
        return AgentInfo(
            available=self._agent.available,
            version=(known.version if known else None) or self._agent.version,
            models=known.models if known else None,
            commands=known.commands if known else None,
            permission_modes=[mode.value for mode in self._modes],
        )

    async def stats(self, command: GetStats, asker: IConnection) -> ServerStats:
        if command.subscribe:
            self._watchers.add(asker)
        elif command.subscribe is False:
            self._watchers.discard(asker)
        return self._stats(asker)

    def _stats(self, asker: IConnection) -> ServerStats:
        conversations = self._projects.conversations
        states = Counter(one.state for one in conversations)
        return ServerStats(
            uptime=self._clock.seconds() - self._started,
            connections=len(self._subscriptions.connections),
            subscriptions=len(self._subscriptions),
            projects={state.value.lower(): states[state] for state in State},
            queued=sum(len(one.machine.core.queue) for one in conversations),
            warm_processes=len(self._warm),
            journal_bytes=sum(one.journal.size for one in conversations),
            memory_bytes=self._host.memory_bytes(),
            reactor_delay_ms=round(self._delay_ms, 3),
            connection_states=self._connection_states() if asker.device.scope.covers(Scope.ADMIN) else None,
        )

    def _connection_states(self) -> list[ConnectionStats]:
        return [
            ConnectionStats(
                connection_id=one.id,
                device=one.device.name,
                state=one.state,
                active=one.active,
                connected_at=one.connected_at,
                last_active=one.last_active,
                subscriptions=self._subscriptions.count(one),
            )
            for one in self._subscriptions.connections
        ]

    def _beat(self) -> None:
        now = self._clock.seconds()
        self._delay_ms = max(0.0, now - self._last_beat - DELAY_INTERVAL) * 1000
        self._last_beat = now
        self._measures.lateness.add(self._delay_ms / 1000)

    def _tell(self) -> None:
        when = timestamp(self._now())
        for connection in tuple(self._watchers):
            if not connection.is_behind:
                connection.send(client.reply(self._stats(connection), when, None, None))


def _finding(fault: str, condition: Condition, detail: str | None = None) -> Finding:
    return Finding(condition, fault, detail) if fault else Finding(Condition.HEALTHY, None, detail)
