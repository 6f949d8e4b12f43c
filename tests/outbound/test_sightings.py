"""When devices were seen, on a real disk."""

import errno
from pathlib import Path
from typing import cast

from twisted.trial.unittest import SynchronousTestCase, TestCase

from pocketagent.domain.access import MAX_DEVICES
from pocketagent.domain.sighting import MAX_CLIENT, Sighting
from pocketagent.outbound.disk import Disk
from pocketagent.outbound.sightings import MAX_SIZE, FileSightings, SightingsFile
from pocketagent.ports import StorageUnavailable
from tests.contracts import Here, SightingsContract
from tests.outbound.disks import FailingDisk, mode


class FileSightingsTests(SightingsContract, TestCase):
    """The contract, on the disk."""

    def make_sightings(self) -> FileSightings:
        return FileSightings(Here(), SightingsFile(self.mktemp()))


class SightingsFileTests(SynchronousTestCase):
    """What the contract does not tell."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp()).absolute()
        self.file = SightingsFile(str(self.path))

    def test_all_there_can_be(self) -> None:
        """Those of all the devices there can be are kept, and read again, by the owner alone."""
        seen = {f"{number:016x}": Sighting(1.7e9 + number, "x" * MAX_CLIENT) for number in range(MAX_DEVICES)}
        self.file.save(seen)
        self.assertEqual(self.file.all(), seen)
        self.assertLessEqual(self.path.stat().st_size, MAX_SIZE)
        self.assertEqual(mode(self.path), 0o600)

    def test_broken(self) -> None:
        """What cannot be read is nothing, and no reason not to start."""
        for content in (b"", b"[]", b'{"version": 2}', b"x" * (MAX_SIZE + 1)):
            self.path.write_bytes(content)
            self.assertEqual(self.file.all(), {})

    def test_disk_full(self) -> None:
        """A full disk is told, and leaves what was kept before."""
        self.file.save({"a": Sighting(1.0, "curl")})
        full = SightingsFile(str(self.path), cast(Disk, FailingDisk("pwrite", errno.ENOSPC)))
        with self.assertRaises(StorageUnavailable):
            full.save({})
        self.assertEqual(self.file.all(), {"a": Sighting(1.0, "curl")})
