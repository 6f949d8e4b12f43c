# -*- test-case-name: tests.outbound.test_memory -*-
"""Ports in memory: for tests, and for what need not outlive the process."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath

from attrs import evolve
from zope.interface import implementer

from pocketagent.domain.access import Device
from pocketagent.domain.attachment import Attachment, Content
from pocketagent.domain.browsing import MAX_DIRECTORIES, Listing, Subdirectory
from pocketagent.domain.deeds import FIRST, Deed, Record
from pocketagent.domain.mentions import Mention, Mentions, Tree, ranked
from pocketagent.domain.message import timestamp
from pocketagent.domain.notices import Hook, HookMessage, Notice, PushSubscription
from pocketagent.domain.pairing import Pairing
from pocketagent.domain.project import Place, Project, Trust, check_path, invalid_path, judged
from pocketagent.domain.sighting import Sighting
from pocketagent.ports import (
    BrokenDevices,
    IAttachments,
    IAudit,
    IDevices,
    IDirectories,
    IPairings,
    IProjects,
    IPush,
    IPushSubscriptions,
    ISightings,
    IWebhook,
    IWorkingTrees,
    StorageUnavailable,
    Tried,
    Verdict,
)
from pocketagent.wire import audit


@implementer(IProjects)
class MemoryProjects:
    """Projects, as long as the process lives. While `fails` nothing can be kept or told."""

    def __init__(self) -> None:
        self.fails = False
        self._projects: dict[str, Project] = {}

    async def all(self) -> Sequence[Project]:
        self._check()
        return tuple(self._projects.values())

    async def get(self, project_id: str) -> Project | None:
        self._check()
        return self._projects.get(project_id)

    async def save(self, project: Project) -> None:
        self._check()
        if project.fault:
            raise ValueError("What cannot be used is left as it is.")
        self._projects[project.id] = project

    async def remove(self, project_id: str) -> None:
        self._check()
        self._projects.pop(project_id, None)

    def _check(self) -> None:
        if self.fails:
            raise StorageUnavailable("The memory is set to fail.")


@implementer(IAttachments)
class MemoryAttachments:
    """Attachments, as long as the process lives. While `fails` nothing can be kept or told."""

    def __init__(self) -> None:
        self.fails = False
        self._kept: dict[str, dict[str, tuple[Attachment, bytes]]] = {}

    async def all(self, project_id: str) -> Sequence[Attachment]:
        self._check()
        found = [attachment for attachment, _ in self._kept.get(project_id, {}).values()]
        return sorted(found, key=lambda one: (one.created_at, one.id))

    async def save(self, project_id: str, attachment: Attachment, content: Content) -> None:
        self._check()
        self._kept.setdefault(project_id, {})[attachment.id] = (attachment, bytes(content))

    async def read(self, project_id: str, attachment_id: str) -> bytes | None:
        self._check()
        found = self._kept.get(project_id, {}).get(attachment_id)
        return None if found is None else found[1]

    async def remove(self, project_id: str, attachment_id: str) -> bool:
        self._check()
        return self._kept.get(project_id, {}).pop(attachment_id, None) is not None

    def _check(self) -> None:
        if self.fails:
            raise StorageUnavailable("The memory is set to fail.")


@implementer(IDevices)
class MemoryDevices:
    """Devices, as long as the process lives. While `fails` nothing can be kept; while `broken` none can be told, and
    those of `spoilt` ids cannot be used."""

    def __init__(self) -> None:
        self.fails = False
        self.broken = False
        self.spoilt: set[str] = set()
        self._devices: dict[str, Device] = {}
        self._changes = 0

    async def all(self) -> Sequence[Device]:
        if self.broken:
            raise ValueError("The devices in memory are set to be broken.")
        spoilt = sorted(self.spoilt & self._devices.keys())
        if spoilt:
            usable = [device for device in self._devices.values() if device.id not in spoilt]
            raise BrokenDevices(f"Devices in memory are set to be broken: {', '.join(spoilt)}.", spoilt, usable)
        return tuple(self._devices.values())

    async def save(self, device: Device) -> None:
        self._check()
        self._devices[device.id] = device
        self._changes += 1

    async def change(self, device: Device) -> bool:
        self._check()
        if device.id not in self._devices:
            return False
        await self.save(device)
        return True

    async def remove(self, device_id: str) -> bool:
        self._check()
        self._changes += 1
        return self._devices.pop(device_id, None) is not None

    async def version(self) -> object:
        return self._changes, self.broken, tuple(sorted(self.spoilt))

    def _check(self) -> None:
        if self.fails:
            raise StorageUnavailable("The memory is set to fail.")


@implementer(IPairings)
class MemoryPairings:
    """Pairings, as long as the process lives. While `fails` nothing can be kept or told."""

    def __init__(self) -> None:
        self.fails = False
        self._pairings: dict[str, Pairing] = {}

    async def all(self) -> Sequence[Pairing]:
        self._check()
        return tuple(self._pairings.values())

    async def save(self, pairing: Pairing) -> None:
        self._check()
        self._pairings[pairing.id] = pairing

    async def count_wrong(self, pairing_id: str) -> None:
        self._check()
        found = self._pairings.get(pairing_id)
        if found is not None:
            self._pairings[pairing_id] = evolve(found, wrong=found.wrong + 1)

    async def take(self, pairing_id: str) -> bool:
        self._check()
        return self._pairings.pop(pairing_id, None) is not None

    def _check(self) -> None:
        if self.fails:
            raise StorageUnavailable("The memory is set to fail.")


@implementer(ISightings)
class MemorySightings:
    """When devices were seen, as long as the process lives. `saves` counts; while `fails` nothing can be kept."""

    def __init__(self) -> None:
        self.fails = False
        self.saves = 0
        self._sightings: Mapping[str, Sighting] = {}

    async def all(self) -> Mapping[str, Sighting]:
        return self._sightings

    async def save(self, sightings: Mapping[str, Sighting]) -> None:
        if self.fails:
            raise StorageUnavailable("The memory is set to fail.")
        self.saves += 1
        self._sightings = dict(sightings)


@implementer(IPushSubscriptions)
class MemoryPushSubscriptions:
    """Push subscriptions, as long as the process lives. While `fails` nothing can be kept."""

    def __init__(self) -> None:
        self.fails = False
        self._subscriptions: Sequence[PushSubscription] = ()

    async def all(self) -> Sequence[PushSubscription]:
        return self._subscriptions

    async def save(self, subscriptions: Sequence[PushSubscription]) -> None:
        if self.fails:
            raise StorageUnavailable("The memory is set to fail.")
        self._subscriptions = tuple(subscriptions)


@implementer(IPush)
class MemoryPush:
    """Keeps what would be pushed; `verdict` is what becomes of it."""

    public_key = "BMemory"

    def __init__(self) -> None:
        self.verdict = Verdict.TAKEN
        self.pushed: list[tuple[PushSubscription, Notice]] = []

    def check(self, subscription: PushSubscription) -> None:
        pass

    async def push(self, subscription: PushSubscription, notice: Notice) -> Tried:
        self.pushed.append((subscription, notice))
        return Tried(self.verdict)


@implementer(IWebhook)
class MemoryWebhook:
    """Keeps what would be posted; `verdict` is what becomes of it."""

    def __init__(self) -> None:
        self.verdict = Verdict.TAKEN
        self.posted: list[tuple[Hook, HookMessage]] = []

    async def post(self, hook: Hook, message: HookMessage) -> Tried:
        self.posted.append((hook, message))
        return Tried(self.verdict)


@implementer(IAudit)
class MemoryAudit:
    """The audit log, as long as the process lives. While `fails` nothing can be kept."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.fails = False
        self.records: list[Record] = []
        self._now = now

    async def check(self) -> None:
        if self.fails:
            raise StorageUnavailable("The memory is set to fail.")

    async def append(self, deed: Deed) -> Record:
        await self.check()
        seq, previous = await self.head() or (0, FIRST)
        _, record = audit.encode(seq + 1, timestamp(self._now()), deed, previous)
        self.records.append(record)
        return record

    async def head(self) -> tuple[int, str] | None:
        return (self.records[-1].seq, self.records[-1].hash) if self.records else None


@implementer(IDirectories)
class MemoryDirectories:
    """A tree of directories. `parts` holds, by directory, the parts that would run code, by name; those that are
    `barred` can be no project."""

    def __init__(self) -> None:
        self.barred: set[str] = set()
        self.parts: dict[str, Mapping[str, bytes]] = {}
        self._inodes: dict[PurePosixPath, int] = {PurePosixPath("/"): 1}

    def make(self, path: str, parts: Mapping[str, bytes] | None = None) -> str:
        """A directory that is there from now on, with those above it. Returns its path."""
        directory = PurePosixPath(path)
        for each in (*reversed(directory.parents), directory):
            self._inodes.setdefault(each, len(self._inodes) + 1)
        if parts is not None:
            self.parts[path] = parts
        return path

    async def look(self, path: str) -> Place:
        if path in self.barred:
            raise invalid_path("This directory is set to be no place for a project.", path)
        return self._place(path)

    def _place(self, path: str) -> Place:
        directory = check_path(path)
        if directory not in self._inodes:
            raise invalid_path("There is no such directory.", path)
        way = (*reversed(directory.parents), directory)
        return Place(str(directory), tuple((1, self._inodes[each]) for each in way))

    async def roots(self) -> Listing:
        return Listing(None, None, [Subdirectory("/", self._place("/"), git=False)], truncated=False)

    async def inside(self, path: str, hidden: bool) -> Listing:
        directory = PurePosixPath(self._place(path).path)
        below = sorted(each for each in self._inodes if each.parent == directory != each)
        names = [each.name for each in below if hidden or not each.name.startswith(".")]
        found = [Subdirectory(name, self._place(str(directory / name)), git=False) for name in names]
        parent = None if path == "/" else str(directory.parent)
        return Listing(str(directory), parent, found[:MAX_DIRECTORIES], len(found) > MAX_DIRECTORIES)

    async def trust(self, path: str, approved: str) -> Trust:
        parts = self.parts.get(path, {})
        if not parts:
            return judged("", (), approved)
        everything = b"".join(b"%s\0%s\0" % (name.encode(), content) for name, content in sorted(parts.items()))
        return judged(hashlib.sha256(everything).hexdigest(), tuple(sorted(parts)), approved)


@implementer(IWorkingTrees)
class MemoryWorkingTrees:
    """`files` holds, by directory, the paths of the files in it."""

    def __init__(self) -> None:
        self.files: dict[str, Sequence[str]] = {}

    async def find(self, path: str, query: str, limit: int) -> Mentions:
        if path not in self.files:
            raise invalid_path("The project's directory is gone.", path)
        files = self.files[path]
        found = [Mention(name, name not in files) for name in ranked(Tree.of(files, False), query)]
        return Mentions(found[:limit], len(found) > limit)
