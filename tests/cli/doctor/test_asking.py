# -*- test-case-name: tests.cli.doctor.test_asking -*-
"""Another program is asked something."""

import os
import subprocess
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.cli.doctor.asking import MOST, Said, ask
from tests.cli.house import DEADLINE

ENVIRONMENT = {"PATH": os.defpath}


def sh(script: str, wait: float = DEADLINE, errors: int = subprocess.DEVNULL) -> Said:
    return ask(["/bin/sh", "-c", script], ENVIRONMENT, wait, errors)


class AskTests(SynchronousTestCase):
    def test_answer(self) -> None:
        """What it wrote and its exit code, and of its stderr only where that was asked for."""
        self.assertEqual(sh("echo one; echo two >&2; exit 3"), Said(b"one\n", 3))
        self.assertEqual(sh("echo one; echo two >&2", errors=subprocess.STDOUT), Said(b"one\ntwo\n", 0))

    def test_surroundings(self) -> None:
        """It has no stdin, the root for its directory, and no other environment than the one it is given."""
        self.assertEqual(sh("cat; pwd; echo $HOME"), Said(b"/\n\n", 0))

    def test_late(self) -> None:
        """What does not end in time is killed with all that it started, and has no exit code."""
        place = Path(self.mktemp()).absolute()
        began = time.monotonic()
        said = sh(f"echo begun; sleep 60 & echo $! > {place}; wait", wait=2)
        self.assertEqual(said, Said(b"begun\n", None))
        self.assertLess(time.monotonic() - began, 30)
        self.assertTrue(is_gone(int(place.read_text())))

    def test_left_behind(self) -> None:
        """Whoever still holds its output is not waited for."""
        place = Path(self.mktemp()).absolute()
        began = time.monotonic()
        self.assertEqual(sh(f"sleep 60 & echo $! > {place}; echo done"), Said(b"done\n", 0))
        self.assertLess(time.monotonic() - began, 30)
        self.assertTrue(is_gone(int(place.read_text())))

    def test_endless(self) -> None:
        """However much it says, so much is kept."""
        said = sh("yes", wait=0.5)
        self.assertEqual((len(said.text), said.code), (MOST, None))

    def test_silent(self) -> None:
        """It may close its output and still have its time."""
        self.assertEqual(sh("exec >&-; sleep 0.2; exit 4"), Said(b"", 4))

    def test_no_program(self) -> None:
        """What is no program raises OSError."""
        self.assertRaises(OSError, ask, ["/nonexistent"], ENVIRONMENT, DEADLINE)


def is_gone(pid: int) -> bool:
    """Whether it ended within a while; a zombie of somebody else's counts."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False
