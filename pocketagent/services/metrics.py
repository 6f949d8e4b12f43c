# -*- test-case-name: tests.services.test_metrics -*-
"""Every metric of the server, read when somebody looks; `docs/operations.md` explains them in the same order."""

import platform
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from attrs import define, field

from pocketagent.domain.events import State
from pocketagent.domain.measures import PREFIX, Kind, Measures, Metric, by, counter, gauge, histogram
from pocketagent.domain.replies import Condition
from pocketagent.ports import IHost
from pocketagent.services.health import Health
from pocketagent.services.projects import Projects
from pocketagent.services.runs import WarmProcesses
from pocketagent.services.subscriptions import Subscriptions

CONNECTION_STATES = ("authenticated", "subscribed", "disconnecting")


@define(eq=False)
class Metrics:
    """Reads what the services know and what was measured. Costs nothing while nobody looks."""

    _measures: Measures
    _projects: Projects
    _subscriptions: Subscriptions
    _warm: WarmProcesses
    _health: Health
    _host: IHost
    _version: str
    _more: list[Callable[[], Iterable[Metric]]] = field(factory=list)

    def include(self, more: Callable[[], Iterable[Metric]]) -> None:
        """What other floors know of themselves."""
        self._more.append(more)

    async def read(self) -> Sequence[Metric]:
        found = [
            *self._of_connections(),
            *self._of_work(),
            *self._of_journals(),
            *await self._of_processes(),
            *await self._of_health(),
        ]
        for more in self._more:
            found += more()
        return found

    def _of_connections(self) -> Iterable[Metric]:
        connections, measures = self._subscriptions.connections, self._measures
        states = Counter(one.state.lower() for one in connections)
        lagging = sum(one.audience.lagging for one in self._projects.conversations)
        yield by(
            "state",
            Kind.GAUGE,
            "connections",
            "Connections that have shown a credential.",
            _each(CONNECTION_STATES, states),
        )
        yield gauge(
            "connections_behind", "Connections with too much unsent.", sum(one.is_behind for one in connections)
        )
        yield gauge("subscriptions", "Projects that connections have joined.", len(self._subscriptions))
        yield gauge("subscriptions_lagging", "Subscriptions that catch up from the journal.", lagging)
        yield counter("sent_frames_total", "Messages sent to clients.", measures.sent_frames)
        yield counter("sent_bytes_total", "Bytes of messages sent to clients.", measures.sent_bytes)
        yield by("reason", Kind.COUNTER, "auth_failures_total", "Callers that were not let in.", measures.refused)
        yield counter("rate_limited_total", "Requests refused because they came too fast.", measures.rate_limited)

    def _of_work(self) -> Iterable[Metric]:
        conversations, measures = self._projects.conversations, self._measures
        states = Counter(one.state.value for one in conversations)
        cores = [one.machine.core for one in conversations]
        yield by("state", Kind.GAUGE, "projects", "Projects.", {state.lower(): states[state] for state in State})
        yield gauge("queued_prompts", "Prompts that wait in queues.", sum(len(core.queue) for core in cores))
        words = "From an execution's begin to its end."
        yield by("result", Kind.HISTOGRAM, "execution_seconds", words, measures.executions)
        yield histogram("first_output_seconds", "From an execution's begin to its first words.", measures.first_output)
        waiting = sum(len(core.permissions) for core in cores)
        yield gauge("permission_requests", "Questions of agents that wait for a person.", waiting)
        words = "From an agent's question to its answer or its end."
        yield by("reason", Kind.HISTOGRAM, "permission_wait_seconds", words, measures.permissions)

    def _of_journals(self) -> Iterable[Metric]:
        conversations, measures = self._projects.conversations, self._measures
        yield gauge("journal_bytes", "Bytes of all journals.", sum(one.journal.size for one in conversations))
        stuck = sum(one.owes for one in conversations)
        yield gauge("journals_stuck", "Journals that cannot be written.", stuck)
        yield histogram("journal_append_seconds", "The writing of a batch to a journal.", measures.appends)
        yield histogram("journal_sync_seconds", "The making durable of what was written.", measures.syncs)

    async def _of_processes(self) -> Iterable[Metric]:
        alive = sum(runner.is_alive for runner in self._projects.runners.values())
        warm = len(self._warm)
        usage = await self._host.usage()
        states = {"working": alive - warm, "warm": warm}
        found = [by("state", Kind.GAUGE, "agent_processes", "Processes of the CLI.", states)]
        if usage is not None:
            found += [
                gauge("agent_memory_bytes", "Memory of the CLI and all it started.", usage.memory_bytes),
                counter("agent_cpu_seconds_total", "CPU time of the CLI and all it started.", usage.cpu_seconds),
            ]
        return found

    async def _of_health(self) -> Iterable[Metric]:
        status, free = await self._health.check(), await self._host.free_bytes()
        conditions: dict[tuple[str, ...], float] = {
            (name, condition.value): float(found.status is condition)
            for name, found in status.checks.items()
            for condition in Condition
        }
        words = "Whether a check of the health is in this condition."
        found = [
            Metric(PREFIX + "health", Kind.GAUGE, words, conditions, ("check", "condition")),
            histogram("reactor_delay_seconds", "How late the server is, once a second.", self._measures.lateness),
        ]
        if free is not None:
            found.append(gauge("disk_free_bytes", "Free on the disk of the data directory.", free))
        build: dict[tuple[str, ...], float] = {(self._version, platform.python_version()): 1.0}
        words = "The running version; always 1."
        return [*found, Metric(PREFIX + "build_info", Kind.GAUGE, words, build, ("version", "python"))]


def _each(words: Iterable[str], counts: Mapping[str, int]) -> Mapping[str, int]:
    """Also what there is none of now."""
    return {word: counts.get(word, 0) for word in words}
