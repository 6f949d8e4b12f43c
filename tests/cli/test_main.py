# -*- test-case-name: tests.cli.test_main -*-
"""The entry of the `pocketagent` command."""

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.version import VERSION
from tests.cli.house import DEADLINE, CommandTestCase

ROOT = Path(__file__).parents[2]
HEAVY = ("twisted", "zope", "autobahn", "cryptography", "OpenSSL", "asyncio", "ssl", "msgspec", "pocketagent.outbound")
"""What a command pays for only if it needs it."""

LOADED = "import sys; import pocketagent.cli.main as m; m.parser(); print(*sorted(sys.modules))"


def python(*words: str, stdout: int = subprocess.PIPE) -> "subprocess.CompletedProcess[str]":
    """A Python of its own, which sees this tree."""
    environment = {"PATH": os.defpath, "HOME": "/nonexistent", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *words],
        env=environment, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False,
        timeout=DEADLINE,
    )  # fmt: skip


class MainTests(CommandTestCase):
    def test_version(self) -> None:
        """The version is a line on stdout."""
        self.assertEqual(self.done("version"), f"pocketagent {VERSION}\n")


class ProcessTests(SynchronousTestCase):
    def test_light(self) -> None:
        """The command line is read without anything that takes long to import."""
        run = python("-c", LOADED)
        self.assertEqual(run.returncode, 0, run.stderr)
        loaded = run.stdout.split()
        self.assertIn("pocketagent.cli.parser", loaded)
        for module in loaded:
            for heavy in HEAVY:
                self.assertFalse(f"{module}.".startswith(f"{heavy}."), module)

    def test_module(self) -> None:
        """`python -m pocketagent.cli` is the command."""
        run = python("-m", "pocketagent.cli", "version")
        self.assertEqual((run.stdout, run.stderr, run.returncode), (f"pocketagent {VERSION}\n", "", 0))

    def test_full(self) -> None:
        """Where the result cannot be written, that is one line with exit code 1, and no traceback follows."""
        with Path("/dev/full").open("w") as full:
            run = python("-m", "pocketagent.cli", "version", stdout=full.fileno())
        self.assertEqual((run.stderr, run.returncode), ("pocketagent: No space left on device.\n", 1))

    def test_nobody_reads(self) -> None:
        """Who stops reading, as `head` does, is not told anything."""
        reader, writer = os.pipe()
        os.close(reader)
        self.addCleanup(os.close, writer)
        run = python("-m", "pocketagent.cli", "version", stdout=writer)
        self.assertEqual((run.stderr, run.returncode), ("", 1))

    def test_directory_gone(self) -> None:
        """A working directory that is gone is told, not a traceback."""
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        gone = f"import os; os.chdir({str(directory)!r}); os.rmdir({str(directory)!r}); "
        run = python("-c", f"{gone}from pocketagent.cli.main import main; raise SystemExit(main(['token', 'list']))")
        self.assertIn("working directory", run.stderr)
        self.assertEqual((run.stderr.count("\n"), run.returncode), (1, 1))
