"""The data directory: one server at a time, of this version, for its owner alone."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import cast

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.sighting import Address
from pocketagent.outbound.data_directory import (
    DataDirectory,
    DataDirectoryUnusable,
    address,
    holder,
    inspect,
    prepared,
)
from pocketagent.outbound.disk import Disk
from tests.outbound.disks import ForeignDisk, child_of_ours, in_small_file_system, mode, names

HOLDER = """
import sys
from pocketagent.outbound.data_directory import DataDirectory
directory = DataDirectory.open(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


class DataDirectoryTests(SynchronousTestCase):
    """What is refused, with one line for the person who starts the server."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp()).absolute()

    def opened(self) -> DataDirectory:
        directory = DataDirectory.open(str(self.path))
        self.addCleanup(directory.close)
        return directory

    def refused(self, disk: Disk = os) -> str:
        with self.assertRaises(DataDirectoryUnusable) as caught:
            DataDirectory.open(str(self.path), disk)
        text = str(caught.exception)
        self.assertIn(str(self.path), text)
        self.assertNotIn("\n", text)
        return text

    def inspected(self) -> str:
        return str(self.assertRaises(DataDirectoryUnusable, inspect, str(self.path)))

    def test_made(self) -> None:
        """A new one is made with its parents and rooms, whatever the umask: directories 0700, files 0600 (ST-17)."""
        self.path = self.path / "deep" / "data"
        before = os.umask(0)
        try:
            directory = self.opened()
        finally:
            os.umask(before)
        self.assertEqual(names(self.path), ["certificates", "devices", "lock", "pairings", "projects", "version"])
        self.assertEqual(directory.path, str(self.path))
        self.assertEqual(mode(self.path), 0o700)
        for room in (directory.projects, directory.devices, directory.certificates, directory.pairings):
            self.assertEqual(mode(Path(room)), 0o700)
        for file in ("lock", "version"):
            self.assertEqual(mode(self.path / file), 0o600)

    def test_again(self) -> None:
        """A server that ended leaves it to the next one."""
        self.opened().close()
        self.opened()

    def test_held(self) -> None:
        """A second server is refused, and told which process has it (ST-15)."""
        first = self.opened()
        self.assertIn(f"in use by another server (process {os.getpid()})", self.refused())
        first.close()
        self.opened()

    def test_address(self) -> None:
        """Where the server is to be found is told as long as that server has the directory, and not for the one after
        it, which may be found elsewhere."""
        found = Address(("my.host", "localhost"), 8443, "kJ8=")
        first = self.opened()
        self.assertIsNone(address(str(self.path)))
        first.publish(found)
        self.assertEqual(address(str(self.path)), found)
        self.assertEqual(mode(self.path / "address.json"), 0o600)
        first.close()
        self.assertIsNone(address(str(self.path)))
        self.opened()
        self.assertIsNone(address(str(self.path)))
        (self.path / "address.json").write_text("{")
        self.assertIsNone(address(str(self.path)))

    def test_dead_holder(self) -> None:
        """The lock of a server that was killed is free, whatever stands in the file (ST-15)."""
        child = child_of_ours([HOLDER, str(self.path)], stdin=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        self.assertIn(f"(process {child.pid})", self.refused())
        child.send_signal(signal.SIGKILL)
        child.communicate()
        self.assertIn(str(child.pid), (self.path / "lock").read_text())
        self.opened()

    def test_children(self) -> None:
        """The lock does not go on into a program that the server starts."""
        directory = self.opened()
        child = subprocess.Popen(
            [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            close_fds=False,
        )
        assert child.stdout is not None
        child.stdout.readline()
        directory.close()
        self.opened()
        child.communicate()

    def test_signed_again(self) -> None:
        """After twistd's fork the lock says the new process."""
        directory = self.opened()
        (self.path / "lock").write_text("1234567890\n")
        directory.sign()
        self.assertEqual((self.path / "lock").read_text(), f"{os.getpid()}\n")

    def test_beside_the_server(self) -> None:
        """A command may use the directory while a server has it."""
        directory = self.opened()
        self.assertEqual(prepared(str(self.path)), directory.path)

    def test_holder(self) -> None:
        """Who has it can be asked from beside, and asking takes it from nobody."""
        self.assertIsNone(holder(str(self.path)))
        directory = self.opened()
        self.assertEqual(holder(str(self.path)), os.getpid())
        (self.path / "lock").write_text("nonsense")
        self.assertEqual(holder(str(self.path)), 0)
        directory.close()
        self.assertIsNone(holder(str(self.path)))
        self.opened()

    def test_inspected(self) -> None:
        """A look finds what a start would find, and changes nothing."""
        self.path.mkdir(mode=0o700)
        inspect(str(self.path))
        self.assertEqual(names(self.path), [])
        for room in "devices", "projects":
            (self.path / room).mkdir(mode=0o755)
        inspect(str(self.path))
        self.assertEqual(mode(self.path / "devices"), 0o755)
        (self.path / "projects").rmdir()
        (self.path / "projects").touch()
        self.assertEqual(self.inspected(), self.refused())
        (self.path / "version").write_text("2\n")
        self.assertEqual(self.inspected(), self.refused())
        self.path.chmod(0o770)
        self.assertEqual(self.inspected(), self.refused())
        self.path = self.path / "version"
        self.assertEqual(self.inspected(), self.refused())

    def test_through_a_link(self) -> None:
        """By whatever name it is opened, it is the same directory."""
        self.opened()
        link = Path(self.mktemp()).absolute()
        link.symlink_to(self.path)
        self.path = link
        self.assertIn("in use", self.refused())

    def test_writable_by_others(self) -> None:
        """A directory that others may write is refused."""
        self.path.mkdir()
        for bits in (0o770, 0o707, 0o1777):
            self.path.chmod(bits)
            self.assertIn("chmod go-w", self.refused())

    def test_another_owner(self) -> None:
        """A directory of another user is refused."""
        self.assertIn("another user", self.refused(cast(Disk, ForeignDisk())))

    def test_not_a_directory(self) -> None:
        """A file in its place is refused; so is a file or a link in the place of a room."""
        self.path.touch()
        self.assertIn("is no directory", self.refused())
        self.path.unlink()
        self.path.mkdir(mode=0o700)
        (self.path / "devices").symlink_to(self.path)
        self.refused()
        (self.path / "devices").unlink()
        (self.path / "devices").touch()
        self.refused()

    def test_lock_is_no_file(self) -> None:
        """A link, a FIFO or a directory in the place of the lock is refused, and nobody waits for it."""
        self.opened().close()
        lock = self.path / "lock"
        lock.unlink()
        lock.symlink_to("/dev/null")
        self.assertIn("symbolic link", self.refused())
        lock.unlink()
        os.mkfifo(lock)
        self.refused()
        lock.unlink()
        lock.mkdir()
        self.refused()

    def test_version(self) -> None:
        """Data of a newer server is left alone, and a version that is no number is not guessed at (LI-09)."""
        self.opened().close()
        version = self.path / "version"
        self.assertEqual(version.read_text(), "1\n")
        for content, reason in (
            ("2\n", "newer version"),
            ("0\n", "never was"),
            ("", "no number"),
            ("one", "no number"),
            ("1" * 65, "too large"),
        ):
            version.write_text(content)
            self.assertIn(reason, self.refused())
            self.assertEqual(version.read_text(), content)
        version.write_text("1")
        self.opened()

    def test_read_only(self) -> None:
        """A file system that cannot be written is refused with one clear line (ST-06)."""
        said = in_small_file_system(
            """
            import os, subprocess
            from pocketagent.outbound.data_directory import DataDirectory, DataDirectoryUnusable
            DataDirectory.open("data").close()
            os.chdir("/")
            subprocess.run(["mount", "-o", "remount,ro", "/mnt"], check=True)
            for name in ("/mnt/data", "/mnt/new"):
                try:
                    DataDirectory.open(name)
                except DataDirectoryUnusable as problem:
                    print(problem)
            """
        )
        if said is None:
            self.skipTest("No small file system can be made here: unshare needs user namespaces.")
        first, second = said.splitlines()
        self.assertEqual(first, "The data directory /mnt/data cannot be used: its lock: Read-only file system.")
        self.assertEqual(second, "The data directory /mnt/new cannot be used: Read-only file system.")

    def test_modes_are_restored(self) -> None:
        """A room that somebody opened up is closed again."""
        self.opened().close()
        (self.path / "devices").chmod(0o755)
        self.opened()
        self.assertEqual(stat.S_IMODE((self.path / "devices").stat().st_mode), 0o700)
