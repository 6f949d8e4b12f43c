# -*- test-case-name: tests.cli.test_main -*-
"""The entry of the `pocketagent` command."""

import io
import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.cli.console import Console
from pocketagent.version import VERSION
from tests.cli.house import DEADLINE, CommandTestCase

ROOT = Path(__file__).parents[2]
HEAVY = ("twisted", "zope", "autobahn", "cryptography", "OpenSSL", "asyncio", "ssl", "msgspec", "pocketagent.outbound")
"""What a command pays for only if it needs it."""

NOT_SEEN = ("websockets", "cryptography", "rich", "markdown_it", "twisted", "pocketagent.client.client")
"""What is of no use before the composer stands on the screen."""

CHAT = """
import sys
from pocketagent.cli.main import command
command("chat.chat")
import prompt_toolkit.input.defaults, prompt_toolkit.output.vt100, pocketagent.terminal.chat
print(*sorted(sys.modules))
"""
LOADED = "import sys; import pocketagent.cli.main as m; m.parser(); print(*sorted(sys.modules))"


def python(*words: str, stdout: int = subprocess.PIPE, **more: str) -> "subprocess.CompletedProcess[str]":
    """A Python of its own, which sees this tree."""
    environment = {"PATH": os.defpath, "HOME": "/nonexistent", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)} | more
    return subprocess.run(
        [sys.executable, *words],
        env=environment, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False,
        timeout=DEADLINE,
    )  # fmt: skip


class MainTests(CommandTestCase):
    def test_version(self) -> None:
        """The version is a line on stdout."""
        self.assertEqual(self.done("version"), f"pocketagent {VERSION}\n")

    def test_harmless(self) -> None:
        """What the person is told acts on no terminal, whoever has said it."""
        err = io.StringIO()
        Console({}, io.StringIO(), err).tell("The server said: \x1b]0;mine\x07\nand more.")
        self.assertEqual(err.getvalue(), "The server said: \u241b]0;mine\u2407\nand more.\n")


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

    def test_first_sight(self) -> None:
        """A chat stands on the screen before anything is imported that only a connection or a drawing needs."""
        run = python("-c", CHAT)
        self.assertEqual(run.returncode, 0, run.stderr)
        loaded = run.stdout.split()
        self.assertIn("pocketagent.terminal.screen", loaded)
        for module in loaded:
            for heavy in NOT_SEEN:
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

    def test_any_encoding(self) -> None:
        """What stdout has no character for is written out, be it of a poor encoding or half of a character."""
        said = "from pocketagent.cli.console import of_this_process as c; c().out.write('\\u6f22 \\ud83d')"
        for encoding, written in ("ascii", r"\u6f22 \ud83d"), ("utf-8", "\u6f22 \\ud83d"):
            run = python("-X", "utf8=0", "-c", said, PYTHONIOENCODING=encoding)
            self.assertEqual((run.stdout, run.stderr), (written, ""))

    def test_closed(self) -> None:
        """Nothing that is closed makes a command fail: it is as if nobody read, or nothing was said."""
        closed = "import os, sys; [os.close(fd) for fd in (0, 1, 2)]; sys.stdin = sys.stdout = sys.stderr = None; "
        run = python("-c", f"{closed}from pocketagent.cli.main import main; os._exit(main(['version']))")
        self.assertEqual(run.returncode, 0)
        asked = "from pocketagent.cli.console import of_this_process as c; os._exit(10 + len(c().inp.readline()))"
        self.assertEqual(python("-c", closed + asked).returncode, 10)

    def test_directory_gone(self) -> None:
        """A working directory that is gone is told, not a traceback."""
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        gone = f"import os; os.chdir({str(directory)!r}); os.rmdir({str(directory)!r}); "
        run = python("-c", f"{gone}from pocketagent.cli.main import main; raise SystemExit(main(['token', 'list']))")
        self.assertIn("working directory", run.stderr)
        self.assertEqual((run.stderr.count("\n"), run.returncode), (1, 1))
