"""Projects and devices on a real disk: whole, or as before; what is broken is told and left alone."""

import errno
import fcntl
import os
import signal
import socket
import textwrap
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import cast

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase, TestCase

from pocketagent.outbound import held_directory
from pocketagent.outbound.disk import Disk
from pocketagent.outbound.files import MAX_SIZE, DeviceFiles, FileDevices, FileProjects, ProjectFiles
from pocketagent.ports import BrokenDevices, StorageUnavailable
from pocketagent.wire import stored_project
from tests.contracts import (
    DEVICE,
    OTHER_DEVICE,
    OTHER_PROJECT,
    PROJECT,
    DevicesContract,
    Here,
    ProjectsContract,
)
from tests.outbound.disks import FailingDisk, ForeignDisk, child_of_ours, in_small_file_system, mode, names


class FileProjectsTests(ProjectsContract, TestCase):
    """The contract, on the disk."""

    def make_projects(self) -> FileProjects:
        root = Path(self.mktemp())
        root.mkdir(parents=True)
        return FileProjects(Here(), ProjectFiles(str(root)))


class ProjectFilesTests(SynchronousTestCase):
    """What the contract does not tell: faults, planted things, modes, crashes."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp()).absolute()
        self.root.mkdir(parents=True)
        self.files = ProjectFiles(str(self.root))
        self.files.save(OTHER_PROJECT)
        self.directory = self.root / PROJECT.id
        self.metadata = self.directory / "metadata.json"

    def fault(self) -> str:
        """The fault of the first project, once it is sure that the other one is untouched."""
        first, other = self.files.all()
        self.assertEqual((first.id, other), (PROJECT.id, OTHER_PROJECT))
        self.assertTrue(first.fault.endswith("."), first.fault)
        return first.fault

    def test_modes(self) -> None:
        """Whatever the umask: files 0600, directories 0700 (ST-17)."""
        before = os.umask(0)
        try:
            self.files.save(PROJECT)
        finally:
            os.umask(before)
        self.assertEqual((mode(self.directory), mode(self.metadata)), (0o700, 0o600))
        self.assertEqual(names(self.directory), ["metadata.json"])

    def test_broken_metadata(self) -> None:
        """Empty, cut, of wrong types, no JSON, of a newer version, too large: that project has a fault, the others
        load, and nothing is deleted (ST-07)."""
        self.files.save(PROJECT)
        good = self.metadata.read_bytes()
        for content, reason in (
            (b"", "empty"),
            (good[:40], "cut off"),
            (good.replace(b'"archived": false', b'"archived": "no"'), "Expected `bool`"),
            (b"\x00" * 100, "no JSON"),
            (b'{"version": 2}', "newer"),
            (b" " * (MAX_SIZE + 1), "too large"),
        ):
            self.metadata.write_bytes(content)
            self.assertIn(reason, self.fault())
            self.assertEqual(self.metadata.read_bytes(), content)

    def test_enormous_metadata(self) -> None:
        """Of 100 MB nothing is read."""
        self.files.save(PROJECT)
        os.truncate(self.metadata, 100_000_000)
        self.assertIn("too large", self.fault())

    def test_not_a_file(self) -> None:
        """A directory, a FIFO, a socket or a link in the place of the metadata is a fault, and nobody waits for it."""

        def make_socket(path: Path) -> None:
            with socket.socket(socket.AF_UNIX) as planted:
                here = Path.cwd()
                os.chdir(path.parent)  # the name of a socket is short
                try:
                    planted.bind(path.name)
                finally:
                    os.chdir(here)

        plants: tuple[Callable[[Path], object], ...] = (
            Path.mkdir,
            os.mkfifo,
            make_socket,
            lambda path: path.symlink_to(self.root / OTHER_PROJECT.id / "metadata.json"),
            lambda path: path.hardlink_to(self.root / OTHER_PROJECT.id / "metadata.json"),
            lambda path: path.symlink_to("/dev/zero"),
        )
        self.directory.mkdir(mode=0o700)
        for plant in plants:
            plant(self.metadata)
            if self.metadata.is_dir():
                self.fault()
                self.metadata.rmdir()
            elif self.metadata.lstat().st_nlink > 1:
                self.assertEqual([bool(project.fault) for project in self.files.all()], [True, True])
                self.metadata.unlink()
            else:
                self.fault()
                self.metadata.unlink()

    def test_foreign_id(self) -> None:
        """Metadata with another id is a fault of the project whose directory it lies in; the id in it means nothing
        (PA-17)."""
        self.directory.mkdir(mode=0o700)
        self.metadata.write_bytes((self.root / OTHER_PROJECT.id / "metadata.json").read_bytes())
        self.assertIn("another project", self.fault())
        self.metadata.write_bytes(
            stored_project.encode_project(PROJECT).replace(PROJECT.id.encode(), b"../../../../../../home/dev/garden")
        )
        self.assertIn("UUID", self.fault())

    def test_one_path_twice(self) -> None:
        """Of two projects with one directory the older one keeps it."""
        younger = evolve(PROJECT, path=OTHER_PROJECT.path, created_at="2026-01-02T12:00:00.000001Z")
        self.files.save(younger)
        self.assertIn(OTHER_PROJECT.id, self.fault())

    def test_missing_metadata(self) -> None:
        """A project that has a journal and no metadata has a fault."""
        (self.directory / "logs").mkdir(parents=True)
        self.assertIn("missing", self.fault())

    def test_other_names(self) -> None:
        """What is not named by a UUID is no project and is left alone; a file named by one is a fault."""
        (self.root / "notes").mkdir()
        (self.root / PROJECT.id.upper()).mkdir()
        (self.root / "lost.json").touch()
        self.assertEqual(list(self.files.all()), [OTHER_PROJECT])
        self.directory.touch()
        self.assertIn("something else", self.fault())
        self.directory.unlink()
        self.directory.symlink_to(self.root / OTHER_PROJECT.id)
        self.assertIn("something else", self.fault())

    def test_remove(self) -> None:
        """With the project goes everything in its directory, deep and linked, and nothing that a link names."""
        outside = Path(self.mktemp()).absolute()
        outside.mkdir(parents=True)
        (outside / "precious").touch()
        self.files.save(PROJECT)
        (self.directory / "logs" / "deep").mkdir(parents=True)
        (self.directory / "logs" / "deep" / "segment").touch()
        (self.directory / "link").symlink_to(outside)
        self.files.remove(PROJECT.id)
        self.assertEqual(names(self.root), [OTHER_PROJECT.id])
        self.assertTrue((outside / "precious").exists())

    def test_remove_link(self) -> None:
        """A link in the place of a project is removed, and not what it names (PA-17)."""
        outside = Path(self.mktemp()).absolute()
        outside.mkdir(parents=True)
        self.directory.symlink_to(outside)
        self.files.remove(PROJECT.id)
        self.assertTrue(outside.exists())
        self.assertFalse(self.directory.is_symlink())

    def test_remove_other_names(self) -> None:
        """Only what a UUID names is ever removed: no path, no name of another kind."""
        (self.root / "notes").mkdir()
        for name in ("notes", "..", ".", "", "/", f"../{self.root.name}", f"{OTHER_PROJECT.id}/", "notes\x00"):
            self.files.remove(name)
        self.assertCountEqual(names(self.root), ["notes", OTHER_PROJECT.id])

    def test_tidy(self) -> None:
        """At the start the rest of removals goes, and projects of which no save was ever whole; nothing else."""
        (self.root / f".removed-{PROJECT.id}" / "logs").mkdir(parents=True)
        self.directory.mkdir()
        (self.directory / "metadata.json.tmp").touch()
        self.assertEqual(list(self.files.all()), [OTHER_PROJECT])
        broken = self.root / PROJECT.id.replace("11", "33")
        (broken / "logs").mkdir(parents=True)
        self.files.tidy()
        self.assertCountEqual(names(self.root), [OTHER_PROJECT.id, broken.name])

    def test_removal_cut_off(self) -> None:
        """What a removal left when the server died is no project, and no hindrance to the next one of that id."""
        (self.root / f".removed-{PROJECT.id}" / "logs").mkdir(parents=True)
        self.assertEqual(list(self.files.all()), [OTHER_PROJECT])
        self.files.save(PROJECT)
        self.files.remove(PROJECT.id)
        self.assertEqual(names(self.root), [OTHER_PROJECT.id])

    def test_too_large(self) -> None:
        """What could not be read again is not written."""
        self.files.save(PROJECT)
        with self.assertRaises(StorageUnavailable):
            self.files.save(evolve(PROJECT, acked={f"{number:016x}": number for number in range(MAX_SIZE // 16)}))
        self.assertIn(PROJECT, self.files.all())

    def test_failing_disk(self) -> None:
        """Whatever fails while saving, the old content stays, whole, and nothing is left beside it (ST-04)."""
        self.files.save(PROJECT)
        before = self.metadata.read_bytes()
        for failing in ("open", "pwrite", "fsync", "replace"):
            disk = cast(Disk, FailingDisk(failing, errno.ENOSPC))
            with self.assertRaises(StorageUnavailable) as caught:
                ProjectFiles(str(self.root), disk).save(evolve(PROJECT, name="Forest"))
            self.assertIn("No space left", str(caught.exception))
            self.assertEqual((self.metadata.read_bytes(), names(self.directory)), (before, ["metadata.json"]))

    def test_full_disk(self) -> None:
        """When nothing more can be written the old content stays, whole, and nothing is left beside it (ST-04)."""
        self.files.save(PROJECT)
        said = in_small_file_system(
            """
            import os
            from pathlib import Path
            from attrs import evolve
            from pocketagent.outbound.files import ProjectFiles
            from pocketagent.ports import StorageUnavailable
            from tests.contracts import PROJECT, OTHER_PROJECT
            files = ProjectFiles(os.getcwd())
            files.save(PROJECT)
            with open("filler", "wb", buffering=0) as filler:
                try:
                    while filler.write(bytes(4096)):
                        pass
                except OSError:
                    pass
            for project in (evolve(PROJECT, name="Forest"), OTHER_PROJECT):
                try:
                    files.save(project)
                except StorageUnavailable as problem:
                    print(problem)
            print(files.all() == [PROJECT], os.listdir(PROJECT.id))
            os.unlink("filler")
            files.save(OTHER_PROJECT)
            print(len(files.all()))
            """
        )
        if said is None:
            self.skipTest("No small file system can be made here: unshare needs user namespaces.")
        full = "No space left on device\n"
        self.assertEqual(said, full + full + "True ['metadata.json']\n2\n")

    def test_killed_while_saving(self) -> None:
        """Killed at any moment, a save has left the old content or the new: never neither, never older (ST-14)."""
        self.files.save(PROJECT)
        program = textwrap.dedent(
            """
            import itertools, sys
            from attrs import evolve
            from pocketagent.outbound.files import ProjectFiles
            from tests.contracts import PROJECT
            files = ProjectFiles(sys.argv[1])
            for number in itertools.count():
                files.save(evolve(PROJECT, name=f"{number}", acked={f"{each:016x}": number for each in range(500)}))
                print(number, flush=True)
            """
        )
        for saves in range(5):
            child = child_of_ours([program, str(self.root)])
            assert child.stdout is not None
            for _ in range(saves + 1):
                child.stdout.readline()
            child.send_signal(signal.SIGKILL)
            child.communicate()
            project = next(project for project in self.files.all() if project.id == PROJECT.id)
            self.assertEqual(project.fault, "")
            self.assertEqual(set(project.acked.values()), {int(project.name)})
            self.assertGreaterEqual(int(project.name), saves)

    def test_no_root(self) -> None:
        """Without the root nothing is told at all, never "no projects"."""
        with self.assertRaises(StorageUnavailable):
            ProjectFiles(str(self.root / "away")).all()


class FileDevicesTests(DevicesContract, TestCase):
    """The contract, on the disk."""

    def make_devices(self) -> FileDevices:
        root = Path(self.mktemp())
        root.mkdir(parents=True, mode=0o700)
        return FileDevices(Here(), DeviceFiles(str(root)))


class CrowdedDisk:
    """The process may open nothing more."""

    lstat = staticmethod(os.lstat)

    def listdir(self, path: str) -> list[str]:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), path)


class DeviceFilesTests(SynchronousTestCase):
    """What the contract does not tell. A broken store is never "no devices" (AU-29)."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp()).absolute()
        self.root.mkdir(parents=True, mode=0o700)
        self.files = DeviceFiles(str(self.root))
        self.files.save(DEVICE)
        self.file = self.root / f"{DEVICE.id}.json"

    def refused(self) -> str:
        with self.assertRaises(ValueError) as caught:
            self.files.all()
        text = str(caught.exception)
        self.assertTrue(text.endswith("."), text)
        self.assertNotIn("\n", text)
        self.assertNotIn(DEVICE.secret_hash, text)
        return text

    def test_secret(self) -> None:
        """On the disk stands the hash, for the owner's eyes only."""
        self.assertEqual(mode(self.file), 0o600)
        self.assertEqual(names(self.root), [self.file.name])

    def test_broken(self) -> None:
        """Empty, cut, of wrong types, with a field too many, of a newer version: refused with the name of the file."""
        good = self.file.read_bytes()
        for content in (b"", good[:50], good.replace(b"execute", b"root"), b'{"version": 2}', b"[]", b"{}"):
            self.file.write_bytes(content)
            self.assertIn(self.file.name, self.refused())

    def test_the_others(self) -> None:
        """What is broken is named, by its id where it has one; with it come those that can be used."""
        self.files.save(OTHER_DEVICE)
        self.file.write_bytes(b"{")
        (self.root / "notes.txt").touch(mode=0o600)
        broken = self.assertRaises(BrokenDevices, self.files.all)
        self.assertEqual((broken.broken, broken.devices), ([DEVICE.id], [OTHER_DEVICE]))
        for name in (self.file.name, "notes.txt"):
            self.assertIn(name, str(broken))

    def test_readable_by_others(self) -> None:
        """A file or a directory that others may read or write is refused."""
        for bits in (0o640, 0o604, 0o620, 0o602):
            self.file.chmod(bits)
            self.assertIn("0600", self.refused())
        self.file.chmod(0o600)
        for bits in (0o750, 0o701, 0o777):
            self.root.chmod(bits)
            self.assertIn("0700", self.refused())

    def test_links(self) -> None:
        """A link in the place of a device or of their directory is refused, symbolic or hard."""
        self.file.rename(self.root.parent / "elsewhere")
        self.file.symlink_to(self.root.parent / "elsewhere")
        self.assertIn("symbolic link", self.refused())
        self.file.unlink()
        self.file.hardlink_to(self.root.parent / "elsewhere")
        self.refused()
        self.file.unlink()
        link = self.root.parent / "link"
        link.symlink_to(self.root)
        with self.assertRaises(ValueError):
            DeviceFiles(str(link)).all()

    def test_not_a_file(self) -> None:
        """A FIFO or a directory in the place of a device is refused, and nobody waits for it."""
        self.file.unlink()
        os.mkfifo(self.file, 0o600)
        self.refused()
        self.file.unlink()
        self.file.mkdir(0o700)
        self.refused()

    def test_another_owner(self) -> None:
        """A file or a directory of another user is refused."""
        disk = ForeignDisk()
        self.files = DeviceFiles(str(self.root), cast(Disk, disk))
        self.assertIn("own", self.refused())
        disk.lstat = os.lstat  # type: ignore[method-assign]
        self.assertIn(self.file.name, self.refused())

    def test_foreign_names(self) -> None:
        """Something that is no device stands for a mistake: refused, but for what a save leaves when it is killed."""
        (self.root / f"{DEVICE.id}.json.tmp").touch()
        self.assertEqual(list(self.files.all()), [DEVICE])
        for name in ("notes.txt", "0.json", f"{DEVICE.id.upper()}.json", f"{DEVICE.id}.json~"):
            (self.root / name).touch(mode=0o600)
            self.assertIn(name, self.refused())
            (self.root / name).unlink()

    def test_id_of_another(self) -> None:
        """A copy under another name does not make another device."""
        copy = self.root / f"{OTHER_DEVICE.id}.json"
        copy.touch(mode=0o600)
        copy.write_bytes(self.file.read_bytes())
        self.assertIn("another device", self.refused())

    def test_no_descriptor_left(self) -> None:
        """A directory that cannot be listed, as when the process has no descriptor left, is refused as any other."""
        self.files = DeviceFiles(str(self.root), cast(Disk, CrowdedDisk()))
        self.assertIn("Too many open files", self.refused())

    def test_no_directory_yet(self) -> None:
        """Before the first start there are none."""
        self.assertEqual(list(DeviceFiles(str(self.root / "none")).all()), [])

    def test_revoked_while_it_is_renamed(self) -> None:
        """Whoever removes a device waits for who changes it, and the other way round: in the end it is gone."""
        other = DeviceFiles(str(self.root))

        def change_for_long() -> None:
            for number in range(200):
                other.change(evolve(DEVICE, name=f"name {number}"))

        changing = Thread(target=change_for_long)
        changing.start()
        removed = self.files.remove(DEVICE.id)
        changing.join()
        self.assertEqual((removed, list(self.files.all()), names(self.root)), (True, [], []))

    def test_kept_by_another(self) -> None:
        """Where another process keeps the devices to itself for too long, nothing is changed, and that is said."""
        self.patch(held_directory, "PATIENCE", 0.05)
        holding = os.open(self.root, os.O_RDONLY)
        self.addCleanup(os.close, holding)
        fcntl.flock(holding, fcntl.LOCK_EX)
        for change in (lambda: self.files.remove(DEVICE.id), lambda: self.files.change(DEVICE.ended())):
            with self.assertRaises(StorageUnavailable):
                change()
        self.assertEqual(list(self.files.all()), [DEVICE])

    def test_changed_from_outside(self) -> None:
        """What another process removes, edits or lets others read changes the version."""
        other = DeviceFiles(str(self.root))
        seen = [self.files.version()]
        for change in (
            lambda: other.save(OTHER_DEVICE),
            lambda: other.remove(OTHER_DEVICE.id),
            lambda: self.file.chmod(0o644),
            lambda: self.file.write_bytes(b"broken"),
            lambda: self.root.rename(self.root.parent / "away"),
        ):
            change()
            self.assertNotIn(self.files.version(), seen)
            seen.append(self.files.version())

    def test_bad_ids(self) -> None:
        """No id leads out of the directory."""
        for device_id in ("../lock", "", "a" * 15, DEVICE.id + "\n"):
            self.assertFalse(self.files.remove(device_id))
            with self.assertRaises(ValueError):
                self.files.save(evolve(DEVICE, id=device_id))
        self.assertEqual(list(self.files.all()), [DEVICE])
