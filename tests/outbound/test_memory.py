"""Projects, devices and directories in memory."""

from itertools import count

from twisted.trial.unittest import TestCase

from pocketagent.outbound.memory import (
    MemoryAttachments,
    MemoryDevices,
    MemoryDirectories,
    MemoryPairings,
    MemoryProjects,
    MemorySightings,
    MemoryWorkingTrees,
)
from pocketagent.ports import StorageUnavailable
from tests.contracts import (
    ATTACHMENT,
    DEVICE,
    PAIRING,
    PROJECT,
    AttachmentsContract,
    DevicesContract,
    DirectoriesContract,
    PairingsContract,
    ProjectsContract,
    SightingsContract,
    WorkingTreesContract,
)


class MemoryProjectsTests(ProjectsContract, TestCase):
    """The contract, and what tests of others steer."""

    def make_projects(self) -> MemoryProjects:
        return MemoryProjects()

    async def test_fails(self) -> None:
        """While it is set to fail nothing is kept, and what was kept stays."""
        projects = self.make_projects()
        await projects.save(PROJECT)
        projects.fails = True
        with self.assertRaises(StorageUnavailable):
            await projects.remove(PROJECT.id)
        with self.assertRaises(StorageUnavailable):
            await projects.all()
        projects.fails = False
        self.assertEqual(list(await projects.all()), [PROJECT])


class MemoryAttachmentsTests(AttachmentsContract, TestCase):
    """The contract, in memory."""

    def make_attachments(self) -> MemoryAttachments:
        return MemoryAttachments()

    async def test_failing(self) -> None:
        """While it is set to fail, nothing is kept, told or removed."""
        attachments = self.make_attachments()
        attachments.fails = True
        with self.assertRaises(StorageUnavailable):
            await attachments.save(self.project, ATTACHMENT, b"12345")
        with self.assertRaises(StorageUnavailable):
            await attachments.all(self.project)


class MemoryDevicesTests(DevicesContract, TestCase):
    """The contract, and what tests of others steer."""

    def make_devices(self) -> MemoryDevices:
        return MemoryDevices()

    async def test_fails(self) -> None:
        """While it is set to fail nothing is kept; while it is broken nothing can be told, and the version says so."""
        devices = self.make_devices()
        devices.fails = True
        with self.assertRaises(StorageUnavailable):
            await devices.save(DEVICE)
        version = await devices.version()
        devices.broken = True
        self.assertNotEqual(await devices.version(), version)
        with self.assertRaises(ValueError):
            await devices.all()


class MemoryPairingsTests(PairingsContract, TestCase):
    """The contract, and what tests of others steer."""

    def make_pairings(self) -> MemoryPairings:
        return MemoryPairings()

    async def test_fails(self) -> None:
        """While it is set to fail nothing is kept, counted, taken or told."""
        pairings = self.make_pairings()
        await pairings.save(PAIRING)
        pairings.fails = True
        for work in (
            pairings.all(),
            pairings.save(PAIRING),
            pairings.count_wrong(PAIRING.id),
            pairings.take(PAIRING.id),
        ):
            with self.assertRaises(StorageUnavailable):
                await work
        pairings.fails = False
        self.assertEqual(list(await pairings.all()), [PAIRING])


class MemorySightingsTests(SightingsContract, TestCase):
    """The contract, and what tests of others steer."""

    def make_sightings(self) -> MemorySightings:
        return MemorySightings()

    async def test_fails(self) -> None:
        """While it is set to fail nothing is kept, and what was kept stays."""
        sightings = self.make_sightings()
        sightings.fails = True
        with self.assertRaises(StorageUnavailable):
            await sightings.save({})
        self.assertEqual(sightings.saves, 0)


class MemoryDirectoriesTests(DirectoriesContract, TestCase):
    """The contract."""

    def setUp(self) -> None:
        self.directories = MemoryDirectories()
        self.numbers = count()

    def make_directories(self) -> MemoryDirectories:
        return self.directories

    def make_directory(self, name: str) -> str:
        return self.directories.make(f"/home/dev/{name}")

    def make_part(self, path: str) -> None:
        self.directories.parts[path] = {".mcp.json": b"%d" % next(self.numbers)}


class MemoryWorkingTreesTests(WorkingTreesContract, TestCase):
    """The contract."""

    def setUp(self) -> None:
        self.trees = MemoryWorkingTrees()

    def make_trees(self) -> MemoryWorkingTrees:
        return self.trees

    def make_tree(self, *files: str) -> str:
        self.trees.files["/home/dev"] = files
        return "/home/dev"
