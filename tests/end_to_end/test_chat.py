"""`pocketagent chat` as a person uses it: on a terminal, with the real CLI and a real server."""

import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.end_to_end.client import DEADLINE, wait_until
from tests.end_to_end.house import ROOT, HouseTestCase
from tests.end_to_end.profile import keep_profile
from tests.end_to_end.shared_house import SharedHouse
from tests.end_to_end.terminal import Terminal

CHAT = "import sys; sys.argv[0] = 'pocketagent'; from pocketagent.cli.main import main; sys.exit(main())"
LOOK = 0.5
"""Seconds that a person looks at a card: a key that comes sooner is not meant for it."""


class ChatTestCase(HouseTestCase):
    """A server, a profile of it, a project `app`."""

    def setUp(self) -> None:
        shared = SharedHouse.lent(self, real=True)
        self.model_, self.inhabited = shared.model, shared.house
        self.token = self.inhabited.token("laptop")
        keep_profile(self.inhabited, self.token)
        self.directory = self.inhabited.project("app")
        client = self.client(self.inhabited)
        made = client.request("project_create", path=str(self.directory))["data"]
        assert isinstance(made, dict)
        self.project_id = str(made["id"])

    @property
    def environment(self) -> Mapping[str, str]:
        """What the client sees: nothing of the agent's."""
        return {
            "HOME": str(self.inhabited.home),
            "PATH": self.inhabited.environment["PATH"],
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "PYTHONPATH": str(ROOT),
        }

    def chat(
        self, *words: str, columns: int = 80, rows: int = 30, cwd: Path | None = None, **environment: str
    ) -> Terminal:
        """A terminal with `pocketagent chat` in the project's directory."""
        command = [sys.executable, "-c", CHAT, "chat", *words]
        built = {**self.environment, **environment}
        terminal = Terminal.start(command, cwd or self.directory, built, columns, rows)
        self.addCleanup(terminal.close)
        return terminal

    def ready(self, *words: str, columns: int = 80, rows: int = 30, **environment: str) -> Terminal:
        """A chat that has joined its project."""
        terminal = self.chat(*words, columns=columns, rows=rows, cwd=None, **environment)
        terminal.wait_for(lambda one: "app · idle" in one.last_line)
        return terminal


class ConversationTests(ChatTestCase):
    def test_a_prompt_and_its_answer(self) -> None:
        """A prompt is typed, the answer stands there as Markdown, and the line below tells how things stand."""
        terminal = self.ready()
        terminal.type("say: a **bold** word", "enter")
        terminal.wait_for("● a bold word")
        terminal.wait_for("✓")
        terminal.wait_for(lambda one: "app · idle" in one.last_line and "asks first" in one.last_line)
        self.assertIn("› say: a **bold** word", terminal.text)
        self.assertEqual(terminal.uncontrolled(), b"")

    def test_text_streams(self) -> None:
        """What the agent is writing is read before the message is whole."""
        terminal = self.ready()
        terminal.type("say: begun words\\", "enter", "hold: rest", "enter")
        terminal.wait_for("begun words hold: rest")  # the prompt itself
        terminal.wait_for("● begun words")
        self.assertNotIn("✓", terminal.text)
        self.model_.release("rest")
        terminal.wait_for("✓")
        self.assertEqual(terminal.flat.count("● begun words"), 1)

    def test_a_permission_is_answered(self) -> None:
        """The card shows what would be written; one key allows it, and it is done."""
        path = self.directory / "note.txt"
        terminal = self.ready()
        terminal.type(f'tool: Write {{"file_path": "{path}", "content": "kept"}}', "enter")
        terminal.wait_for("allow once")
        terminal.wait_for(lambda one: "waits for you" in one.last_line)
        self.assertIn("+ kept", terminal.text)
        self.assertFalse(path.exists())
        terminal.rest(LOOK)
        terminal.type("y")
        terminal.wait_for("✓")
        terminal.wait_for(lambda one: "app · idle" in one.last_line)
        self.assertEqual(path.read_text(), "kept")

    def test_a_permission_is_denied_with_a_reason(self) -> None:
        """n asks why, and the agent reads the answer."""
        path = self.directory / "note.txt"
        terminal = self.ready()
        terminal.type(f'tool: Write {{"file_path": "{path}", "content": "kept"}}', "enter")
        terminal.wait_for("allow once")
        terminal.rest(LOOK)
        terminal.type("n")
        terminal.wait_for("Why not?")
        terminal.type("rather not today", "enter")
        terminal.wait_for("rather not today")
        terminal.wait_for(lambda one: "app · idle" in one.last_line)
        self.assertFalse(path.exists())
        self.assertIn("rather not today", json.dumps(list(self.model_.requests())))

    def test_an_edit_before_it_runs(self) -> None:
        """e gives the command to be changed, and what was changed is what runs."""
        terminal = self.ready()
        terminal.type('tool: Bash {"command": "touch first"}', "enter")
        terminal.wait_for("touch first")
        terminal.wait_for("change it first")
        terminal.rest(LOOK)
        terminal.type("e")
        terminal.wait_for(lambda one: "› touch first" in one.text)
        terminal.type("ctrl-u", "touch second", "enter")
        terminal.wait_for(lambda one: "app · idle" in one.last_line)
        self.assertEqual(
            [path.name for path in self.directory.iterdir() if path.name in ("first", "second")], ["second"]
        )

    def test_an_interrupt(self) -> None:
        """Ctrl-C ends the turn and nothing else; what waited in the queue is next."""
        terminal = self.ready()
        terminal.type("say: begun\\", "enter", "hold: for ever", "enter")
        terminal.wait_for("● begun")
        terminal.type("say: the next one", "enter")
        terminal.wait_for("1. say: the next one (waits)")
        terminal.type("ctrl-c")
        terminal.wait_for("interrupted")
        terminal.wait_for("● the next one")
        terminal.wait_for(lambda one: "app · idle" in one.last_line)

    def test_a_second_interrupt_kills(self) -> None:
        """Ctrl-C twice ends the agent with everything that it started."""
        terminal = self.ready()
        terminal.type('tool: Bash {"command": "mkfifo never && cat never"}', "enter")
        terminal.wait_for("allow once")
        terminal.rest(LOOK)
        terminal.type("y")
        wait_until(lambda: (self.directory / "never").exists(), "the command runs")
        terminal.type("ctrl-c", "ctrl-c")
        terminal.wait_for(lambda one: "app · idle" in one.last_line)
        wait_until(lambda: not self.left(), "nothing of it is left")

    def left(self) -> list[str]:
        return [command for command in self.inhabited.children().values() if "never" in command]

    def test_two_terminals_in_step(self) -> None:
        """Two terminals show the same; what one of them answers is settled in the other."""
        one, two = self.ready(), self.ready()
        one.type('tool: Bash {"command": "touch both"}', "enter")
        for terminal in (one, two):
            terminal.wait_for("allow once")
        two.rest(LOOK)
        two.type("y")
        for terminal in (one, two):
            terminal.wait_for("✓")
            terminal.wait_for(lambda it: "app · idle" in it.last_line)
            self.assertNotIn("allow once", terminal.text)
            self.assertIn("● Bash(touch both)", terminal.text)

    def test_what_was_said_before(self) -> None:
        """Who comes later reads what was said."""
        first = self.ready()
        first.type("say: the first words", "enter")
        first.wait_for("✓")
        first.type("ctrl-d")
        self.assertEqual(first.end(), 0)
        second = self.ready()
        second.wait_for("● the first words")

    def test_the_server_is_killed_and_comes_back(self) -> None:
        """While a turn runs the server dies and comes back: it is said, no word is missing and none stands twice."""
        terminal = self.ready()
        words = " ".join(f"word{number}" for number in range(40))
        terminal.type(f"say: {words}\\", "enter", "hold: for ever", "enter")
        terminal.wait_for("● word0")
        terminal.wait_for("word39")
        self.inhabited.stop(signal.SIGKILL)
        terminal.wait_for("Trying again")
        terminal.wait_for(lambda one: "no connection" in one.last_line)
        terminal.type("say: written without a connection", "enter")
        terminal.wait_for("(not sent yet)")
        self.inhabited.start()
        terminal.wait_for("Connected again")
        terminal.wait_for("EXECUTION_INTERRUPTED")
        terminal.wait_for("● written without a connection")
        terminal.wait_for(lambda one: "app · idle" in one.last_line)
        said = terminal.flat.partition("● word0")[2]
        for number in range(1, 40):
            self.assertEqual(said.count(f"word{number} "), 1, f"word{number}")
        self.assertEqual(list(self.model_.prompts()).count("say: written without a connection"), 1)

    def test_in_the_background(self) -> None:
        """Ctrl-Z gives the shell its terminal as it was; in the foreground again, the chat shows what happened
        meanwhile, and what was being written."""
        shell = Terminal.start(["bash", "--norc", "--noprofile"], self.directory, {**self.environment, "PS1": "$ "})
        self.addCleanup(shell.close)
        shell.type(shlex.join([sys.executable, "-c", CHAT, "chat"]), "enter")
        shell.wait_for(lambda one: "app · idle" in one.last_line)
        shell.type("half a draft")
        shell.wait_for("› half a draft")
        shell.type("ctrl-z")
        shell.wait_for("Stopped")
        shell.type("stty -a | grep -o ' icanon'; jobs -p | wc -l", "enter")
        shell.wait_for("icanon 1")
        self.assertNotIn("half a draft", shell.text)
        self.client(self.inhabited).request("execute", project_id=self.project_id, prompt="say: from elsewhere")
        wait_until(lambda: list(self.model_.prompts()), "the agent was asked")
        shell.type("fg", "enter")
        shell.wait_for("● from elsewhere")
        shell.wait_for(lambda one: "app · idle" in one.last_line and "› half a draft" in one.flat)
        shell.type("ctrl-c", "ctrl-d")
        shell.wait_for(lambda one: one.last_line == "$")


class LooksTests(ChatTestCase):
    def test_no_colour(self) -> None:
        """With NO_COLOR nothing is coloured."""
        terminal = self.ready(NO_COLOR="1")
        terminal.type("say: a `word`", "enter")
        terminal.wait_for("✓")
        self.assertNotRegex(terminal.raw, rb"\x1b\[[0-9;]*3[0-7]m")

    def test_narrow(self) -> None:
        """In forty columns everything fits."""
        terminal = self.ready(columns=40, rows=16)
        terminal.type("say: " + "some words and more " * 10, "enter")
        terminal.wait_for("✓")
        self.assertTrue(all(len(line) <= 40 for line in terminal.text.splitlines()))
        self.assertIn("app · idle", terminal.last_line)

    def test_escape_sequences_from_outside(self) -> None:
        """What the agent says, and what it asks for, cannot drive the terminal."""
        terminal = self.ready()
        evil = "\\u001b]52;c;ZXZpbA==\\u0007 \\u001b[2J\\u001b[31mred\\u009b5m \\u202etxt"
        terminal.type(
            f'json: "{evil}"\\',
            "enter",
            f'tool: Write {{"file_path": "{self.directory}/evil", "content": "{evil}"}}',
            "enter",
        )
        terminal.wait_for("allow once")
        terminal.rest(LOOK)
        terminal.type("y")
        terminal.wait_for("✓")
        self.assertNotIn(b"\x1b]52;", terminal.raw)
        self.assertNotIn(b"\x1b[5m", terminal.raw)
        self.assertNotIn("\u202e".encode(), terminal.raw)
        self.assertEqual(terminal.uncontrolled(), b"")


class PipedTests(ChatTestCase):
    def test_lines(self) -> None:
        """Without a terminal each line of stdin is a prompt, and the answers come as they are."""
        run = subprocess.run(
            [sys.executable, "-c", CHAT, "chat"], cwd=self.directory, env=self.environment,
            input="say: one\n\nsay: two **bold**\n", capture_output=True, text=True, timeout=DEADLINE, check=False,
        )  # fmt: skip
        self.assertEqual((run.stdout, run.returncode), ("one\ntwo **bold**\n", 0))
        self.assertEqual(run.stderr.count("so far"), 2)

    def test_failure(self) -> None:
        """A project that is not there is told once for each line, with the exit code of `run`."""
        run = subprocess.run(
            [sys.executable, "-c", CHAT, "chat", "nowhere"], cwd=self.directory, env=self.environment,
            input="say: one\n", capture_output=True, text=True, timeout=DEADLINE, check=False,
        )  # fmt: skip
        self.assertEqual((run.stdout, run.returncode), ("", 4))
        self.assertIn("nowhere", run.stderr)


class BadInputTests(ChatTestCase):
    """One clear sentence and a non-zero exit code, never a traceback."""

    def ends(self, *words: str, cwd: Path | None = None) -> tuple[int, str]:
        terminal = self.chat(*words, cwd=cwd)
        code = terminal.end()
        self.assertNotIn("Traceback", terminal.text)
        return code, terminal.flat

    def test_unreachable(self) -> None:
        """A server that is not there."""
        self.inhabited.stop()
        code, text = self.ends()
        self.assertEqual(code, 3)
        self.assertIn("Nothing listens at 127.0.0.1", text)

    def test_another_key(self) -> None:
        """A fingerprint that is not the server's."""
        keep_profile(self.inhabited, self.token, "A" * 43 + "=")
        code, text = self.ends()
        self.assertEqual(code, 3)
        self.assertIn("key has changed", text)

    def test_revoked(self) -> None:
        """A token that was revoked, before and meanwhile."""
        terminal = self.ready()
        self.inhabited.command("token", "revoke", "laptop")
        self.assertEqual(terminal.end(), 3)
        self.assertIn("revoked", terminal.flat)
        code, text = self.ends()
        self.assertEqual(code, 3)
        self.assertIn("token", text)

    def test_unknown_project(self) -> None:
        """A project that is not there."""
        code, text = self.ends("nowhere")
        self.assertEqual(code, 4)
        self.assertIn("nowhere", text)

    def test_no_profile(self) -> None:
        """No server was ever met."""
        for path in (self.inhabited.home / ".config" / "pocketagent" / "profiles").iterdir():
            path.unlink()
        code, text = self.ends()
        self.assertEqual(code, 3)
        self.assertIn("pocketagent connect", text)

    def test_a_new_project(self) -> None:
        """A directory that is no project becomes one, if the person says so."""
        path = self.inhabited.project("fresh")
        terminal = self.chat(cwd=path)
        terminal.wait_for("make it one? [y/n]")
        terminal.rest(LOOK)
        terminal.type("y")
        terminal.wait_for(lambda one: "fresh · idle" in one.last_line)
        no = self.chat(cwd=self.inhabited.project("other"))
        no.wait_for("make it one? [y/n]")
        no.rest(LOOK)
        no.type("n")
        self.assertEqual(no.end(), 0)
