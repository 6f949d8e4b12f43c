"""The stand-in of the CLI does as it is told."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

CLI = Path(__file__).with_name("scripted_cli.py")


class ScriptedCliTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir(parents=True)

    def _say(self, *prompts: str, starting: str = "", flags: tuple[str, ...] = ()) -> tuple[int, list[bytes]]:
        """Start it with these prompts and the end of stdin; its exit code and the lines it said."""
        (self.directory / ".scripted_cli").write_text(starting)
        said = "".join(json.dumps({"type": "user", "uuid": str(n), "message": {"content": text}}) + "\n"
                       for n, text in enumerate(prompts))  # fmt: skip
        environment = {"HOME": str(self.directory.resolve()), "CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS": "1"}
        command = [sys.executable, str(CLI.resolve()), *flags]
        run = subprocess.run(
            command, input=said.encode(), capture_output=True, cwd=self.directory, env=environment, timeout=30
        )
        self.stderr = run.stderr
        return run.returncode, run.stdout.splitlines()

    def test_a_turn(self) -> None:
        """A turn has the order of the real one: running, started, init, what is said, result, completed, idle."""
        code, lines = self._say("say: hello")
        said = [json.loads(line) for line in lines]
        shape = [message.get("state") or message.get("subtype") or message["type"] for message in said]
        self.assertEqual(
            shape, ["running", "queued", "started", "init", "assistant", "success", "completed", "idle"]
        )  # fmt: skip
        self.assertEqual((code, said[5]["result"]), (0, "hello"))

    def test_deaths(self) -> None:
        """It dies in each of the ways that it can be told to."""
        code, lines = self._say("half: 7")
        self.assertEqual((code, lines[-1]), (7, b'{"type":"assistant","message":{"cont'))
        self.assertEqual(self._say("signal: 9")[0], -signal.SIGKILL)
        self.assertEqual(self._say("say: x", starting="exit: 3"), (3, []))
        self.assertEqual(self._say("error: 500")[0], 1)

    def test_sizes(self) -> None:
        """Lines are exactly as long as they were asked for."""
        _, lines = self._say("line: 5000000\nlines: 3 300\nlines: 2 400 100\nstderr: 100000")
        self.assertEqual([len(line) + 1 for line in lines[4:10]], [5000001, 300, 300, 300, 400, 400])
        self.assertEqual([json.loads(line)["n"] for line in lines[5:10]], [0, 1, 2, 0, 1])
        self.assertEqual(len(self.stderr), 100000)

    def test_hold(self) -> None:
        """It waits for a file, and goes on when that is there."""
        run = subprocess.Popen(
            [sys.executable, str(CLI.resolve())],
            cwd=self.directory,
            env={},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert run.stdin is not None
        assert run.stdout is not None
        with run:
            prompt = {"type": "user", "message": {"content": "say: before\nhold: gate\nstamp:"}}
            run.stdin.write(json.dumps(prompt).encode() + b"\n")
            run.stdin.close()
            while b"before" not in run.stdout.readline():
                pass
            released = time.monotonic_ns()
            (self.directory / "gate").touch()
            (stamp,) = [one for line in run.stdout if (one := json.loads(line))["type"] == "stamp"]
        self.assertGreater(stamp["now"], released)

    def test_bad_lines(self) -> None:
        """What is no JSON, or no object, or no UTF-8, leaves as such, and the turn goes on."""
        _, lines = self._say(
            "bad_utf8:\nnan:\ntwice:\nnot_an_object:\nunknown:\nsurrogate:\ndeep:\nutf16:\nsplit:\nsay: on"
        )
        self.assertIn(b"\xff\xfe", lines[4])
        self.assertIn(b"NaN", lines[5])
        self.assertIn(b'"result":"on"', lines[-3])

    def test_conversations(self) -> None:
        """A conversation can be resumed once it has been begun, and begun but once."""
        name = "00000000-0000-4000-8000-000000000001"
        self.assertEqual(self._say("say: x", flags=(f"--resume={name}",))[0], 1)
        self.assertEqual(self._say("say: x", flags=(f"--session-id={name}",))[0], 0)
        self.assertEqual(self._say("say: x", flags=(f"--session-id={name}",)), (1, []))
        self.assertEqual(self._say("say: x", flags=(f"--resume={name}",))[0], 0)
