"""Pairings on a real disk, between a server and the commands beside it."""

import errno
import os
from pathlib import Path
from threading import Barrier, Thread
from typing import cast

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase, TestCase

from pocketagent.domain.pairing import MAX_OPEN, MAX_WRONG
from pocketagent.outbound.disk import Disk
from pocketagent.outbound.pairings import FilePairings, PairingFiles
from pocketagent.ports import StorageUnavailable
from tests.contracts import OTHER_PAIRING, PAIRING, Here, PairingsContract
from tests.outbound.disks import FailingDisk, mode, names


class FilePairingsTests(PairingsContract, TestCase):
    """The contract, on the disk."""

    def make_pairings(self) -> FilePairings:
        root = Path(self.mktemp())
        root.mkdir(parents=True, mode=0o700)
        return FilePairings(Here(), PairingFiles(str(root)))


class PairingFilesTests(SynchronousTestCase):
    """What the contract does not tell."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp()).absolute()
        self.root.mkdir(parents=True, mode=0o700)
        self.files = PairingFiles(str(self.root))
        self.files.save(PAIRING)
        self.file = self.root / f"{PAIRING.id}.json"

    def test_private(self) -> None:
        """Whatever the umask, its files are the owner's alone."""
        self.addCleanup(os.umask, os.umask(0))
        self.files.save(OTHER_PAIRING)
        self.files.count_wrong(PAIRING.id)
        self.assertEqual([mode(path) for path in self.root.iterdir()], [0o600] * 3)

    def test_survives(self) -> None:
        """What was counted is counted for the next server, too: a restart gives nobody more tries."""
        for _ in range(MAX_WRONG):
            self.files.count_wrong(PAIRING.id)
        self.assertEqual(PairingFiles(str(self.root)).all(), [evolve(PAIRING, wrong=MAX_WRONG)])

    def test_nothing_stays(self) -> None:
        """A pairing that is over leaves nothing behind, not even where it was counted too late."""
        self.files.count_wrong(PAIRING.id)
        self.files.take(PAIRING.id)
        self.files.count_wrong(PAIRING.id)
        self.assertEqual(names(self.root), [])

    def test_taken_once(self) -> None:
        """Of several that take it at one moment, in whatever process, exactly one has it (AU-14)."""
        for _ in range(100):
            self.files.save(PAIRING)
            barrier = Barrier(4)
            taken: list[bool] = []

            def take(barrier: Barrier = barrier, taken: list[bool] = taken) -> None:
                barrier.wait()
                taken.append(PairingFiles(str(self.root)).take(PAIRING.id))

            threads = [Thread(target=take) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(sorted(taken), [False, False, False, True])

    def test_broken(self) -> None:
        """What is broken, planted or of another name is worth nothing, and the others are good."""
        self.files.save(OTHER_PAIRING)
        good = self.file.read_bytes()
        for content in (b"", good[:40], good.replace(b"read", b"root"), good.replace(b"aa11", b"cc11")):
            self.file.write_bytes(content)
            self.assertEqual(self.files.all(), [OTHER_PAIRING])
        self.file.unlink()
        self.file.symlink_to(self.root / f"{OTHER_PAIRING.id}.json")
        self.assertEqual(self.files.all(), [OTHER_PAIRING])
        (self.root / "notes.json").write_text("{}")
        self.assertEqual(self.files.all(), [OTHER_PAIRING])

    def test_planted_count(self) -> None:
        """Where wrong codes cannot be counted the pairing is worth nothing, and nothing elsewhere is written to."""
        elsewhere = self.root.parent / "elsewhere"
        elsewhere.write_text("")
        (self.root / f"{PAIRING.id}.wrong").symlink_to(elsewhere)
        with self.assertRaises(StorageUnavailable):
            self.files.count_wrong(PAIRING.id)
        self.assertEqual(elsewhere.read_text(), "")
        failing = cast(Disk, FailingDisk("lstat", errno.EIO))
        self.assertEqual([each.wrong for each in PairingFiles(str(self.root), failing).all()], [MAX_WRONG])

    def test_bounded(self) -> None:
        """No more are read than may be open."""
        for number in range(MAX_OPEN + 1):
            self.files.save(evolve(PAIRING, id=f"{number:016x}"))
        self.assertEqual(len(self.files.all()), MAX_OPEN)

    def test_no_directory_yet(self) -> None:
        """Before the first one there are none."""
        self.assertEqual(PairingFiles(str(self.root / "none")).all(), ())

    def test_disk_fails(self) -> None:
        """A disk that fails is told; a pairing of which a power loss might leave a copy is given to nobody."""
        for failing, work in (
            ("listdir", lambda files: files.all()),
            ("open", lambda files: files.save(OTHER_PAIRING)),
            ("unlink", lambda files: files.take(PAIRING.id)),
            ("fsync", lambda files: files.take(PAIRING.id)),
        ):
            disk = cast(Disk, FailingDisk(failing, errno.EIO))
            with self.assertRaises(StorageUnavailable):
                work(PairingFiles(str(self.root), disk))
        self.assertFalse(self.file.exists())

    def test_an_id_that_is_none(self) -> None:
        """An id is never a path."""
        with self.assertRaises(ValueError):
            self.files.save(evolve(PAIRING, id="../x"))
