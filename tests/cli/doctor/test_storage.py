# -*- test-case-name: tests.cli.doctor.test_storage -*-
"""The data directory and its disk, in every state that they can be in."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.cli.doctor.finding import Finding, Verdict
from pocketagent.cli.doctor.running import Running
from pocketagent.cli.doctor.storage import examine
from pocketagent.outbound.data_directory import prepared
from tests.outbound.disks import in_small_file_system, names

NOBODY = 65534

SMALL = """
import os, subprocess
from pocketagent.cli.doctor.storage import examine
from pocketagent.outbound.data_directory import prepared
path = prepared("/mnt/data")
subprocess.run(["chmod", "700", path], check=True)
def look():
    for one in examine(path, None):
        print(one.verdict, one.check, one.words, one.advice)
look()
with open("/mnt/filler", "wb", buffering=0) as file:
    try:
        while True:
            file.write(b"x" * 512)
    except OSError:
        pass
look()
os.unlink("/mnt/filler")
subprocess.run(["mount", "-o", "remount,ro", "/mnt"], check=True)
look()
"""


class StorageTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp()).resolve()

    def looked(self, running: Running | None = None) -> Finding:
        data, disk = examine(str(self.path), running)
        self.assertEqual((data.check, disk.check), ("data", "disk"))
        for one in data, disk:
            self.assertEqual(bool(one.advice), one.verdict is not Verdict.OK, one)
        return data

    def refused(self, advice: str) -> str:
        data = self.looked()
        self.assertEqual(data.verdict, Verdict.PROBLEM)
        self.assertIn(str(self.path), data.words)
        self.assertIn(advice, data.advice)
        return data.words

    def test_good(self) -> None:
        """One as the server makes it is well, and is told with who has it."""
        prepared(str(self.path))
        before = names(self.path)
        self.assertEqual(self.looked(), Finding("data", Verdict.OK, f"{self.path}; no server runs on it"))
        found = self.looked(Running(812))
        self.assertEqual(found, Finding("data", Verdict.OK, f"{self.path}; a server runs on it (process 812)"))
        self.assertEqual(names(self.path), before)

    def test_missing(self) -> None:
        """One that is not there yet is a warning: it may be the wrong one. It is not made."""
        self.path = self.path / "deep" / "data"
        data = self.looked()
        self.assertEqual(data.verdict, Verdict.WARNING)
        self.assertIn(f"--data-dir {self.path}", data.advice)
        self.assertFalse(self.path.parent.exists())

    def test_cannot_be_made(self) -> None:
        """Where it could not be made, the command that makes it is told."""
        self.path.write_text("a file")
        self.path = self.path / "data"
        self.refused("sudo install -d -m 700 -o ")

    def test_no_directory(self) -> None:
        """A file in its place is a problem."""
        self.path.write_text("a file")
        self.refused("--data-dir")

    def test_writable_by_others(self) -> None:
        """One that others may write is a problem; one that they may look into is a warning."""
        prepared(str(self.path))
        self.path.chmod(0o770)
        self.refused(f"chmod 700 {self.path}")
        self.path.chmod(0o750)
        data = self.looked()
        self.assertEqual((data.verdict, data.advice), (Verdict.WARNING, f"chmod 700 {self.path}"))

    def test_another_owner(self) -> None:
        """One of another user is theirs to look at."""
        if os.geteuid() != 0:
            self.skipTest("only root can give a directory away")
        prepared(str(self.path))
        os.chown(self.path, NOBODY, NOBODY)
        self.assertIn("belongs to ", self.refused(f"pocketagent doctor --data-dir {self.path}"))

    def test_newer(self) -> None:
        """One of a newer version is a problem, and so is a file in the place of a room."""
        prepared(str(self.path))
        (self.path / "version").write_text("2\n")
        self.assertIn("newer version", self.refused("ls -la"))
        (self.path / "version").write_text("1\n")
        (self.path / "projects").rmdir()
        (self.path / "projects").touch()
        self.refused("ls -la")

    def test_disks(self) -> None:
        """A small disk is a warning, a full one and one that is read-only are problems, each told as what it is."""
        said = in_small_file_system(SMALL)
        if said is None:
            self.skipTest("unshare is not allowed here")
        lines = [line.split(" ", 2) for line in said.splitlines()]
        self.assertEqual([(verdict, check) for verdict, check, _ in lines], [
            ("ok", "data"), ("problem", "disk"), ("problem", "data"), ("problem", "disk"), ("problem", "data"),
            ("problem", "disk"),
        ])  # fmt: skip
        self.assertIn("0 MiB free", lines[3][2])
        self.assertIn("No space left", lines[2][2])
        self.assertIn("df -h /mnt/data", lines[2][2])
        self.assertIn("Read-only", lines[4][2])
        self.assertIn("findmnt -T /mnt/data", lines[4][2])
