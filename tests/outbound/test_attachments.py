"""Attachments on a real disk."""

import errno
import os
from pathlib import Path
from typing import cast

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase, TestCase

from pocketagent.outbound.attachments import AttachmentFiles, FileAttachments
from pocketagent.outbound.disk import Disk
from pocketagent.outbound.files import ProjectFiles
from pocketagent.ports import StorageUnavailable
from tests.contracts import ATTACHMENT, OTHER_ATTACHMENT, PROJECT, AttachmentsContract, Here
from tests.outbound.disks import FailingDisk, mode, names


def a_project(root: Path) -> None:
    root.mkdir(parents=True, mode=0o700)
    ProjectFiles(str(root)).save(PROJECT)


class FileAttachmentsTests(AttachmentsContract, TestCase):
    """The contract, on the disk."""

    def make_attachments(self) -> FileAttachments:
        root = Path(self.mktemp())
        a_project(root)
        return FileAttachments(Here(), AttachmentFiles(str(root)))


class AttachmentFilesTests(SynchronousTestCase):
    """What the contract does not tell."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp()).absolute()
        a_project(self.root)
        self.files = AttachmentFiles(str(self.root))
        self.place = self.root / PROJECT.id / "attachments"
        self.file = self.place / f"{ATTACHMENT.id}.attachment"

    def kept(self) -> list[str]:
        return [one.id for one in self.files.all(PROJECT.id)]

    def test_private(self) -> None:
        """Whatever the umask, they are the owner's alone."""
        self.addCleanup(os.umask, os.umask(0))
        self.files.save(PROJECT.id, ATTACHMENT, b"12345")
        self.assertEqual((mode(self.place), mode(self.file)), (0o700, 0o600))

    def test_full_disk(self) -> None:
        """On a full or broken disk nothing of a new one is left, and those that are there stay."""
        self.files.save(PROJECT.id, OTHER_ATTACHMENT, b"")
        for failing in ("pwrite", "fsync", "replace", "open"):
            disk = FailingDisk(failing, errno.ENOSPC)
            with self.assertRaises(StorageUnavailable):
                AttachmentFiles(str(self.root), cast(Disk, disk)).save(PROJECT.id, ATTACHMENT, b"12345")
            self.assertEqual(names(self.place), [f"{OTHER_ATTACHMENT.id}.attachment"], failing)

    def test_goes_with_the_project(self) -> None:
        """They are removed with their project; what is saved for one that is gone does not bring it back."""
        self.files.save(PROJECT.id, ATTACHMENT, b"12345")
        ProjectFiles(str(self.root)).remove(PROJECT.id)
        self.assertEqual(names(self.root), [])
        with self.assertRaises(StorageUnavailable):
            self.files.save(PROJECT.id, ATTACHMENT, b"12345")
        self.assertEqual(names(self.root), [])

    def test_broken(self) -> None:
        """One that is cut off, longer than it was, another one's, or no attachment at all is not told of, nor read."""
        self.files.save(PROJECT.id, ATTACHMENT, b"12345")
        self.files.save(PROJECT.id, OTHER_ATTACHMENT, b"")
        whole = self.file.read_bytes()
        other = whole.replace(ATTACHMENT.id.encode(), OTHER_ATTACHMENT.id.encode())
        for broken in (b"", whole[:-1], whole + b"x", whole[:20], other, b"{}\n12345", b"\xff" * 5000):
            self.file.write_bytes(broken)
            self.assertEqual(self.kept(), [OTHER_ATTACHMENT.id])
            self.assertIsNone(self.files.read(PROJECT.id, ATTACHMENT.id))
        self.assertTrue(self.files.remove(PROJECT.id, ATTACHMENT.id))

    def test_planted(self) -> None:
        """No link is followed, neither to a file nor to a directory, and what else lies there is left alone."""
        secret = Path(self.mktemp())
        secret.write_bytes(b"secret")
        self.files.save(PROJECT.id, OTHER_ATTACHMENT, b"")
        self.file.symlink_to(secret.absolute())
        (self.place / "notes.txt").write_text("mine")
        with self.assertRaises(StorageUnavailable):
            self.files.read(PROJECT.id, ATTACHMENT.id)
        self.files.save(PROJECT.id, ATTACHMENT, b"12345")
        self.assertEqual(secret.read_bytes(), b"secret")
        self.assertEqual(self.kept(), [ATTACHMENT.id, OTHER_ATTACHMENT.id])
        self.place.rename(self.place.with_name("elsewhere"))
        self.place.symlink_to("elsewhere")
        with self.assertRaises(StorageUnavailable):
            self.files.save(PROJECT.id, ATTACHMENT, b"54321")
        with self.assertRaises(StorageUnavailable):
            self.files.all(PROJECT.id)

    def test_tidy(self) -> None:
        """What a crash has left half-written is removed at the start, and nothing else; nobody minds odd projects."""
        self.files.save(PROJECT.id, ATTACHMENT, b"12345")
        (self.place / f"{OTHER_ATTACHMENT.id}.attachment.tmp").write_bytes(b"half")
        (self.root / OTHER_ATTACHMENT.id).mkdir()
        (self.root / OTHER_ATTACHMENT.id / "attachments").symlink_to("/etc")
        self.files.tidy()
        self.assertEqual(names(self.place), [f"{ATTACHMENT.id}.attachment"])
        self.flushLoggedErrors()

    def test_ids(self) -> None:
        """Only UUIDs of ours become part of a path."""
        for wrong in ("../x", ATTACHMENT.id.upper(), ""):
            with self.assertRaises(ValueError):
                self.files.save(PROJECT.id, evolve(ATTACHMENT, id=wrong), b"12345")
            with self.assertRaises(ValueError):
                self.files.save(wrong, ATTACHMENT, b"12345")
