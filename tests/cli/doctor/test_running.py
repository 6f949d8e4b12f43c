# -*- test-case-name: tests.cli.doctor.test_running -*-
"""The server that runs, as the kernel shows it."""

import os
import resource
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.cli.doctor.running import Running
from tests.outbound.disks import child_of_ours

NOBODY = 65534
SERVER = """
import resource, sys
from pocketagent.outbound.data_directory import DataDirectory
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 200))
directory = DataDirectory.open(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


class RunningTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp()).absolute()

    def test_none(self) -> None:
        """Where nobody holds the data directory, none runs."""
        self.assertIsNone(Running.on(str(self.path)))

    def test_seen(self) -> None:
        """Of one that runs its process, its environment and its limits are seen."""
        child = child_of_ours([SERVER, str(self.path)], stdin=subprocess.PIPE)
        self.addCleanup(child.communicate)
        assert child.stdout is not None
        child.stdout.readline()
        running = Running.on(str(self.path))
        assert running is not None
        assert running.environment is not None
        self.assertEqual((running.process, running.name), (child.pid, f" (process {child.pid})"))
        self.assertEqual(running.environment["PATH"], os.defpath)
        self.assertEqual(running.open_files, (100, 200))
        self.assertNotIn("PATH", repr(running))

    def test_unknown(self) -> None:
        """Where the number in the lock leads to no server of ours, only that it runs is known."""
        child = child_of_ours([SERVER, str(self.path)], stdin=subprocess.PIPE)
        self.addCleanup(child.communicate)
        assert child.stdout is not None
        child.stdout.readline()
        other = subprocess.Popen(["sleep", "60"])
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        for text in "", str(other.pid), "999999999":
            (self.path / "lock").write_text(text)
            running = Running.on(str(self.path))
            assert running is not None
            self.assertEqual((running.environment, running.open_files), (None, None))
        self.assertEqual(Running(0).name, "")

    def test_of_another_user(self) -> None:
        """Root does not take the environment of somebody else's server for the CLI that it asks."""
        if os.geteuid() != 0:
            self.skipTest("only root can start a process of another user")
        child = child_of_ours([SERVER, str(self.path)], stdin=subprocess.PIPE)
        self.addCleanup(child.communicate)
        assert child.stdout is not None
        child.stdout.readline()
        other = subprocess.Popen(["/bin/sh", "-c", "read _", "pocketagent"], stdin=subprocess.PIPE, user=NOBODY)
        self.addCleanup(other.communicate)
        (self.path / "lock").write_text(str(other.pid))
        self.assertEqual(Running.on(str(self.path)), Running(other.pid, None))
        self.assertNotEqual(resource.getrlimit(resource.RLIMIT_NOFILE), (100, 200))
