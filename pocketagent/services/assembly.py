"""The services put together over any set of adapters: over real ones by `app`, over memory in tests."""

from collections import ChainMap
from collections.abc import Callable, MutableMapping, Sequence

from attrs import define, frozen
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime

from pocketagent.domain.agent import PermissionMode
from pocketagent.domain.execution import Machine
from pocketagent.domain.measures import Measures
from pocketagent.domain.notices import Hook
from pocketagent.domain.project import Project, Trust
from pocketagent.domain.turn import Core
from pocketagent.ports import (
    IAgent,
    IAttachments,
    IAudit,
    IDevices,
    IDirectories,
    IHost,
    IJournal,
    IJournals,
    IPairings,
    IProjects,
    IPush,
    IPushSubscriptions,
    ISightings,
    IThreads,
    IWebhook,
    IWorkingTrees,
)
from pocketagent.services.access import Access
from pocketagent.services.attachments import Attachments, Room
from pocketagent.services.audience import Audience
from pocketagent.services.audit import Audit
from pocketagent.services.browsing import Browsing
from pocketagent.services.conversation import Conversation
from pocketagent.services.devices import Devices
from pocketagent.services.dispatch import Dispatch
from pocketagent.services.executions import Bounds, Executions
from pocketagent.services.health import Health
from pocketagent.services.history import History
from pocketagent.services.mentions import Mentioning
from pocketagent.services.metrics import Metrics
from pocketagent.services.notices import Herald, Notices
from pocketagent.services.pairing import PairingDesk
from pocketagent.services.projects import Projects
from pocketagent.services.pushing import Pushing
from pocketagent.services.runs import Runner, Terms, WarmProcesses
from pocketagent.services.saving import Saving
from pocketagent.services.searching import Searching
from pocketagent.services.sightings import Sightings
from pocketagent.services.stopwatch import Stopwatch
from pocketagent.services.subscriptions import Subscriptions
from pocketagent.services.usage import Bookkeeping
from pocketagent.services.watching import Watching
from pocketagent.services.webhooks import Webhooks


@frozen
class Adapters:
    """What the services stand on."""

    threads: IThreads
    attachments: IAttachments
    projects: IProjects
    journals: IJournals
    devices: IDevices
    directories: IDirectories
    trees: IWorkingTrees
    agent: IAgent
    host: IHost
    pairings: IPairings
    sightings: ISightings
    audit: IAudit
    push_subscriptions: IPushSubscriptions
    push: IPush
    webhook: IWebhook


@frozen(kw_only=True)
class Rules:
    """What the settings say of the services. `permission_timeout`, `warm_time` and `push_after` in seconds."""

    bounds: Bounds
    room: Room
    terms: Terms
    projects: int
    queue: int
    permission_timeout: float
    warm_processes: int
    warm_time: float
    push_after: float
    hooks: Sequence[Hook]


@define(eq=False)
class Services:
    """The whole floor."""

    attachments: Attachments
    projects: Projects
    browsing: Browsing
    mentions: Mentioning
    searching: Searching
    usage: Bookkeeping
    executions: Executions
    subscriptions: Subscriptions
    watching: Watching
    access: Access
    health: Health
    dispatch: Dispatch
    metrics: Metrics
    pairing: PairingDesk
    devices: Devices
    sightings: Sightings
    audit: Audit
    pushing: Pushing
    webhooks: Webhooks

    def start(self) -> None:
        self.health.start()

    async def stop_sending(self, seconds: float) -> None:
        """What goes to others on the network is given so long in all; what cannot be sent now never is."""
        stops = [self.pushing.deliveries.stop, *(way.stop for _, way in self.webhooks.ways)]
        await gatherResults([Deferred.fromCoroutine(stop(seconds)) for stop in stops])

    def stop(self) -> None:
        """End everything that repeats itself."""
        self.access.stop()
        self.health.stop()
        self.watching.stop()
        self.sightings.stop()


def assemble(
    adapters: Adapters,
    rules: Rules,
    clock: IReactorTime,
    now: Callable[[], float],
    new_id: Callable[[], str],
    faults: MutableMapping[str, Callable[[], str]],
    measures: Measures,
    version: str,
    random_hex: Callable[[int], str],
) -> Services:
    """Put the services together. Nothing runs yet. `faults`: more checks of the health, by name.

    `measures`: where all floors count; `version`: of this program; `random_hex` returns so many random bytes.
    """
    subscriptions = Subscriptions()
    watching = Watching(clock, now)
    watching.attach(subscriptions)
    warm = WarmProcesses(clock, rules.warm_processes, rules.warm_time)

    def machine() -> Machine:
        return Machine(Core(), rules.queue, rules.permission_timeout, new_id)

    def changed(conversation: Conversation) -> None:
        watching.changed(conversation)
        executions.changed(conversation)

    def converse(
        project: Project, trust: Trust, journal: IJournal, its_machine: Machine, last_active: str
    ) -> tuple[Conversation, Runner]:
        audience = Audience(project.id, journal, clock, journal.head_seq)
        timeout_of = rules.bounds.timeout_of
        stopwatch = Stopwatch(measures, clock, project.id)
        herald = Herald(notices, clock, audience)
        conversation = Conversation(
            project,
            trust,
            journal,
            its_machine,
            audience,
            last_active,
            clock,
            now,
            timeout_of,
            changed,
            stopwatch,
            herald,
        )
        fetch = attachments.enclosures
        runner = Runner(conversation, adapters.agent, warm, rules.terms, projects.look_again, new_id, fetch)
        conversation.driver = runner
        return conversation, runner

    audit = Audit(adapters.audit, clock, lambda project_id: projects.core_of(project_id))
    pushing = Pushing(
        adapters.push_subscriptions, adapters.push, clock, lambda device_id: access.lets_in(device_id), audit
    )
    webhooks = Webhooks(rules.hooks, adapters.webhook, clock, now, new_id)
    notices = Notices(pushing, webhooks, rules.push_after)
    saving = Saving(adapters.projects, clock)
    projects = Projects(
        adapters.projects,
        saving,
        adapters.journals,
        adapters.directories,
        subscriptions,
        watching,
        converse,
        machine,
        now,
        new_id,
        rules.projects,
        notices,
    )
    attachments = Attachments(adapters.attachments, projects, adapters.threads, audit, rules.room, now, new_id)
    executions = Executions(projects, saving, adapters.directories, attachments, warm, rules.bounds, clock, new_id)
    sightings = Sightings(adapters.sightings, subscriptions, clock, now, lambda device_id: access.knows(device_id))
    access = Access(adapters.devices, subscriptions, clock, now, audit, sightings.note, notices.devices_changed)
    pairing = PairingDesk(adapters.pairings, adapters.devices, clock, now, random_hex, audit)
    devices = Devices(adapters.devices, sightings, now, audit)
    checks = ChainMap({"audit": lambda: audit.fault}, faults)
    modes = [mode for mode in PermissionMode if rules.bounds.allow_bypass or mode is not PermissionMode.BYPASS]
    health = Health(
        projects, subscriptions, access, adapters.agent, warm, adapters.host, clock, now, measures, modes, checks
    )
    metrics = Metrics(measures, projects, subscriptions, warm, health, adapters.host, version)
    metrics.include(notices.metrics)
    dispatch = Dispatch(projects, executions, History(projects, subscriptions, saving), health, watching, audit)
    return Services(
        attachments,
        projects,
        Browsing(adapters.directories, projects),
        Mentioning(adapters.trees, projects),
        Searching(projects, adapters.threads, clock),
        Bookkeeping(projects, adapters.threads, now),
        executions,
        subscriptions,
        watching,
        access,
        health,
        dispatch,
        metrics,
        pairing,
        devices,
        sightings,
        audit,
        pushing,
        webhooks,
    )
