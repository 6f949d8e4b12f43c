"""Every port as an interface. The docstrings are the contract; `tests/contracts.py` holds every adapter to it."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from enum import Enum, auto
from typing import TypeVar

from attrs import frozen
from zope.interface import Attribute, Interface

from pocketagent.domain.access import Device
from pocketagent.domain.agent import Answer, Context, Ending, Introduction, Launch, PermissionMode, Utterance
from pocketagent.domain.attachment import Attachment, Content, Enclosure
from pocketagent.domain.browsing import Listing
from pocketagent.domain.deeds import Deed, Record
from pocketagent.domain.mentions import Mentions
from pocketagent.domain.message import Draft, Entry, Partial
from pocketagent.domain.notices import Hook, HookMessage, Notice, PushSubscription
from pocketagent.domain.pairing import Pairing
from pocketagent.domain.project import Place, Project, Trust
from pocketagent.domain.searching import Sieve
from pocketagent.domain.sighting import Sighting


class StorageUnavailable(Exception):
    """What had to be kept could not be: the disk is full, or the database away. Nothing of it was kept."""


class BrokenDevices(ValueError):
    """Some devices cannot be used as they are kept. `broken` are their ids, `devices` all others."""

    def __init__(self, problem: str, broken: Collection[str], devices: Sequence[Device]) -> None:
        super().__init__(problem)
        self.broken = broken
        self.devices = devices


T = TypeVar("T")


class IThreads(Interface):
    """Where work goes that could block: a bounded pool of threads."""

    async def run(work: Callable[[], T]) -> T:
        """Do the work off the reactor thread; its result or its exception comes back on it."""


class IProjects(Interface):
    """What is kept of each project beside its journal."""

    async def all() -> Sequence[Project]:
        """Every project. One whose data is broken comes with `fault` set and is left on the disk as it is.

        Raises StorageUnavailable when there is no telling.
        """

    async def get(project_id: str) -> Project | None:
        """One project as it is kept now, as in `all`; None when there is none."""

    async def save(project: Project) -> None:
        """Keep it whole, surviving a power loss, or leave what was kept before. Raises StorageUnavailable."""

    async def remove(project_id: str) -> None:
        """Remove the project's data, its journal included, and never the project's own directory.

        No error when there is none. Raises StorageUnavailable.
        """


class IJournals(Interface):
    """The journals of all projects."""

    async def open(project_id: str) -> "IJournal":
        """The journal of a project, repaired if the last server died; a new one for a new project.

        At most one is open per project. Raises StorageUnavailable.
        """


class IJournal(Interface):
    """One project's append-only sequence of events, numbered 1, 2, 3 … without gaps."""

    journal_id: str = Attribute("A UUID; another one once told events may be gone (protocol section 4).")
    head_seq: int = Attribute("The number of the newest event; 0 when there never was one.")
    first_seq: int = Attribute("The number of the oldest one kept; head_seq + 1 when nothing is kept.")
    size: int = Attribute("Bytes kept.")

    async def append(drafts: Sequence[Draft], durable: bool = False) -> Sequence[Entry]:
        """Keep a batch, all of it or nothing, and return it numbered, with one timestamp for the batch.

        When it returns the batch survives a crash of this process; with `durable` also a power loss (subject
        to the `sync` setting). Calls are never made while another one is under way. Raises StorageUnavailable;
        then no record is half-written, and a later append works again once the storage does.
        """

    async def since(seq: int, limit: int, size: int) -> Sequence[Entry]:
        """The entries after `seq` in rising order: at most `limit`, about `size` bytes, and at least one
        where there is one. A record that cannot be read comes as an `error` entry with its number."""

    async def before(seq: int, limit: int, size: int) -> Sequence[Entry]:
        """The entries below `seq`, newest first; bounds as in `since`."""

    async def sifted(sieve: Sieve, before: int, size: int) -> tuple[Sequence[Entry], int]:
        """Of about `size` bytes of the entries below `before`, of one at least: every one whose message the sieve lets
        through, perhaps with others, newest first; and the number down to which all were looked at, `first_seq` at the
        end."""

    async def at(moment: str, after: int = 0) -> int:
        """The number of the first kept entry behind `after` whose timestamp is at or after `moment` (as
        `message.timestamp` writes it); head_seq + 1 when there is none."""

    async def find(key: str) -> Entry | None:
        """The newest entry filed under a key of `wire.records.keys`; at least 7 days after it was kept, also
        where `forget` has removed it."""

    async def forget() -> None:
        """Remove what the retention settings no longer keep, whole segments only, never the newest."""

    async def close() -> None:
        """Make everything durable and mark the journal as closed cleanly."""


class IAttachments(Interface):
    """What was uploaded for the prompts of each project. Removed with the project by `IProjects.remove`."""

    async def all(project_id: str) -> Sequence[Attachment]:
        """Those of one project, the oldest first; without those whose data is broken. Raises StorageUnavailable."""

    async def save(project_id: str, attachment: Attachment, content: Content) -> None:
        """Keep a new one whole, surviving a power loss, or nothing of it. Raises StorageUnavailable, also when the
        project is gone: that does not come back."""

    async def read(project_id: str, attachment_id: str) -> bytes | None:
        """Its bytes; None when there is none, or it is broken. Raises StorageUnavailable."""

    async def remove(project_id: str, attachment_id: str) -> bool:
        """Remove it; whether there was one. Raises StorageUnavailable."""


class IDevices(Interface):
    """The devices that may come in."""

    async def all() -> Sequence[Device]:
        """Every device, as it is kept now: another process may have changed them. Broken data raises ValueError
        (the server refuses to start or to let anybody new in), never "no devices"; where that are single devices, it is
        BrokenDevices, since the others can still be revoked."""

    async def save(device: Device) -> None:
        """Keep it whole or leave what was kept before. Raises StorageUnavailable."""

    async def change(device: Device) -> bool:
        """Keep it in the place of what is kept under its id. False, and nothing is kept, when there is none (any more):
        what was revoked meanwhile, by this process or another, does not come back. Raises StorageUnavailable."""

    async def remove(device_id: str) -> bool:
        """Remove it; whether there was one. Raises StorageUnavailable."""

    async def version() -> object:
        """Differs from what it was before when a device has been saved or removed since, by this process or another.

        Cheap enough to be asked twice a second; never raises (what is broken is told by `all`).
        """


class IPairings(Interface):
    """The pairings that wait for their device. Commands on the machine make them, and withdraw them."""

    async def all() -> Sequence[Pairing]:
        """Every one, open or over, with the wrong codes counted so far; without those whose data is broken, which are
        worth nothing. Raises StorageUnavailable."""

    async def save(pairing: Pairing) -> None:
        """Keep a new one. Raises StorageUnavailable."""

    async def count_wrong(pairing_id: str) -> None:
        """Count one more wrong code, surviving a power loss. Nothing happens where there is none (any more): what was
        used or withdrawn does not come back. Raises StorageUnavailable."""

    async def take(pairing_id: str) -> bool:
        """Remove it, surviving a power loss. However many ask for one, in whatever process, True is said once.
        Raises StorageUnavailable."""


class ISightings(Interface):
    """When each device was last seen: for people, so what is lost is no harm."""

    async def all() -> Mapping[str, Sighting]:
        """By the device's id, as it was saved last; nothing where that cannot be read."""

    async def save(sightings: Mapping[str, Sighting]) -> None:
        """Keep these, whole, in the place of all. Raises StorageUnavailable."""


class IAudit(Interface):
    """The audit log: who did what. Records are only ever added, each chained to the one before."""

    async def check() -> None:
        """That a deed could be kept now. Raises StorageUnavailable."""

    async def append(deed: Deed) -> Record:
        """Keep it, surviving a power loss, behind all that was kept before, by this process or another.

        Raises StorageUnavailable; then nothing of it is kept, and a later append works again once the storage does.
        """

    async def head() -> tuple[int, str] | None:
        """Number and hash of the newest record; None when there is none. Raises StorageUnavailable."""


class Verdict(Enum):
    """What became of one try to send something to somebody else's server."""

    TAKEN = auto()
    LATER = auto()
    """Nobody answered, or it has too much to do: try again."""
    GONE = auto()
    """Nobody will ever take anything there."""
    REFUSED = auto()
    """This one will never be taken."""


@frozen
class Tried:
    """One try. `wait`: seconds, bounded, for which the other side wants to hear nothing more; else 0."""

    verdict: Verdict
    wait: float = 0.0


class IPushSubscriptions(Interface):
    """What devices have registered to be pushed to; at most one each."""

    async def all() -> Sequence[PushSubscription]:
        """As they were saved last; none where that cannot be read: what is lost, devices register again."""

    async def save(subscriptions: Sequence[PushSubscription]) -> None:
        """Keep these, whole, in the place of all. Raises StorageUnavailable."""


class IPush(Interface):
    """The push services of browsers."""

    public_key: str = Attribute("Ours (VAPID), which a browser subscribes with: base64url, without padding.")

    def check(subscription: PushSubscription) -> None:
        """Raises Refusal(INVALID_MESSAGE) where nothing could be sent: a key that is no point of the curve, an address
        that is a private one."""

    async def push(subscription: PushSubscription, notice: Notice) -> Tried:
        """Send it once, encrypted for that browser alone. Never raises for what happens on the network; takes a bounded
        time. Goes to no private address, whatever a name leads to, and follows no redirect."""


class IWebhook(Interface):
    """The owner's own programs on the network."""

    async def post(hook: Hook, message: HookMessage) -> Tried:
        """Send it once, signed. Never raises for what happens on the network; takes a bounded time."""


class IDirectories(Interface):
    """The directories of this machine, as far as projects need them."""

    async def look(path: str) -> Place:
        """Where this path really is. Judged in this order, before the next is looked up: `check_path`, the allowed
        roots, then the real path, the roots again, the denied places (in, or around one), that it is a directory.

        Raises Refusal(INVALID_PATH), also when the disk does not answer within 5 s.
        """

    async def roots() -> Listing:
        """The allowed roots that are there, but for those that lie in a denied place. Raises Refusal(INVALID_PATH)."""

    async def inside(path: str, hidden: bool) -> Listing:
        """The directories in this one, with or without those whose names begin with a dot, sorted by name: at most
        `MAX_DIRECTORIES`. The path is judged as by `look`, but for what a project may not hold or whose it may not be.
        What leads out of the roots, lies in a denied place or cannot be entered is left out. Raises
        Refusal(INVALID_PATH)."""

    async def trust(path: str, approved: str) -> Trust:
        """What the directory would run by itself, against the approved fingerprint. The fingerprint covers only
        parts that can run code, so permission rules which the CLI saves do not change it."""


class IWorkingTrees(Interface):
    """The files in the directories of projects, by their names."""

    async def find(path: str, query: str, limit: int) -> Mentions:
        """Files and directories below this one whose paths fit, as `domain.mentions.ranked` has them: at most `limit`,
        relative to it; what was listed a few seconds ago may be used. Links are not followed, and what is in no
        repository by its nature (`.git`, `node_modules`) or ignored there is left out. Raises Refusal(INVALID_PATH)
        when the directory is gone or the disk does not answer within 5 s."""


class IAgent(Interface):
    """Something that works on prompts in a directory: the Claude CLI."""

    available: bool = Attribute("Whether the CLI was found, and can be used.")
    fault: str = Attribute("Why it cannot be used, or had better not be used as it is; empty when all is well.")
    version: str | None = Attribute("What it says its version is; None before it was asked, or without one.")

    async def start(launch: Launch, listener: "IAgentListener") -> "IRun":
        """Start a process and return once it has introduced itself.

        Raises Refusal: CLAUDE_NOT_FOUND, RESOURCE_LIMIT (the machine has no room for a process),
        EXECUTION_FAILED (it ended before it introduced itself: `details.exit_code` or `signal`, `stderr`, and
        `details.session_lost` True when the conversation to resume was not found).
        After a Refusal nothing of the process is alive and the listener hears nothing more.
        """


class IRun(Interface):
    """A process of the agent. Serves one prompt after the other."""

    launch: Launch = Attribute("What it was started with.")
    introduction: Introduction = Attribute("What it said of itself.")
    is_ending: bool = Attribute("It was told to stop, or has ended: it serves no more prompts.")

    async def prompt(
        uuid: str, text: str, model: str | None, mode: PermissionMode, enclosures: Sequence[Enclosure] = ()
    ) -> None:
        """Set model (None: the CLI's own) and mode, then hand over the prompt with what is enclosed. Raises
        Refusal(EXECUTION_FAILED) when the agent refuses the model or the mode, or all is too large for it: then the
        prompt was not handed over."""

    async def configure(model: str | None, mode: PermissionMode | None) -> None:
        """Change model or mode (None: leave it) for what is running. Raises Refusal(EXECUTION_FAILED)."""

    def answer(permission_id: str, request: bytes, answer: Answer) -> None:
        """Answer a permission request (`PermissionAsked`)."""

    async def interrupt() -> bool:
        """Ask for the end of the turn; whether the agent confirmed that within 2 s."""

    async def context() -> Context | None:
        """How full the conversation is; None when the agent does not say within 5 s."""

    async def stop() -> None:
        """End an idle process: close its stdin, then SIGTERM, then SIGKILL, by the table of steps. Idempotent."""

    async def kill() -> None:
        """End a working process, from the interrupt on through all the steps; returns when the whole tree is dead.
        Idempotent; a `stop` under way goes on from where it is."""


class IAgentListener(Interface):
    """Who hears a run. Never called after `ended`."""

    def said(utterances: Sequence[Utterance]) -> Awaitable[None]:
        """What came in one read, in order. Nothing more is read from the agent until the result has fired."""

    def ended(ending: Ending) -> None:
        """The whole tree is dead, and everything it said was heard. Called once, unless `start` raised."""


@frozen
class Usage:
    """What processes hold in memory now, and what of the processors they have used since the server began."""

    memory_bytes: int
    cpu_seconds: float


class IHost(Interface):
    """The machine that the server runs on, as far as its health needs it.

    None is the answer to all that does not answer within 0.8 s; it is then asked by nobody else until it does.
    """

    def memory_bytes() -> int:
        """What the server's process holds in memory (RSS)."""

    async def free_bytes() -> int | None:
        """What is free on the disk of the data directory; None also when it cannot be reached."""

    async def data_fault() -> str | None:
        """Why the data directory cannot be used, without its path; empty when it can."""

    async def usage() -> Usage | None:
        """Of the agent's processes, with all that they started. The time never becomes less."""


class IBatch(Interface):
    """Some entries and partial output of one project, told together."""

    project_id: str = Attribute("Whose they are.")
    items: Sequence[Entry | Partial] = Attribute("In order.")
    timestamp: str = Attribute("For partial output.")
    blobs: dict[object, bytes] = Attribute("What a kind of subscriber made of it, so that the next need not.")


class ISubscriber(Interface):
    """One connection, as a project's subscriptions see it."""

    is_behind: bool = Attribute("More waits unsent than the bound: tell it nothing until it has room again.")
    has_unsent: bool = Attribute("Something waits that its transport did not take yet; it says when it has room again.")

    def hear(batch: IBatch) -> None:
        """Take a batch; never waits, never raises. Frames it once for all of its kind in `batch.blobs`."""


class IConnection(ISubscriber):
    """A device's live connection, as the services see it."""

    id: str = Attribute("A UUID, new for each connection.")
    device: Device = Attribute("Who is calling, by the server's own record.")
    address: str = Attribute("Where it comes from: an IP address, behind a trusted proxy the client's own.")
    state: str = Attribute("AUTHENTICATED, SUBSCRIBED or DISCONNECTING (protocol section 3).")
    connected_at: str = Attribute("When it came, as `message.timestamp` writes it.")
    last_active: str = Attribute("When it last sent or was sent something.")
    active: bool = Attribute("ACTIVE rather than IDLE: something passed within the last ping interval.")

    def send(message: bytes) -> None:
        """Send one message (the JSON object, not framed) besides the journal; never waits, never raises."""

    def close(code: int, reason: str) -> None:
        """Say goodbye with a close code of protocol section 1."""
