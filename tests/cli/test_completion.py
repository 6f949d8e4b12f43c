# -*- test-case-name: tests.cli.test_completion -*-
"""Completion, asked for by the real shells as their users do."""

import os
import pty
import select
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.cli.house import DEADLINE, CommandTestCase
from tests.cli.test_main import ROOT
from tests.end_to_end.client import wait_until

SHELLS = "bash", "zsh", "fish"

BASH = r"""
source <(pocketagent completion bash)
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9
COMP_WORDS=($1) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_python_argcomplete pocketagent
printf '%s\n' "${COMPREPLY[@]}"
"""
"""What bash does when Tab is pressed after the words in $1: it calls the function that `complete` names."""

ZSH = r"""
PS1='READY> '
autoload -Uz compinit && compinit -u -D
eval "$(pocketagent completion zsh)"
setopt no_beep
compadd() {
    if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then
        local -a hits
        builtin compadd -A hits "$@"
        print -rl -- $hits >> ~/offered
    fi
    builtin compadd "$@"
}
told() { print -r -- "$BUFFER" > ~/line.new; mv ~/line.new ~/line }
zle -N told
bindkey '^X' told
"""
"""What zsh adds to the words on the screen is noted down as well; and what stands at the prompt, after Ctrl-X."""


class CompletionTestCase(CommandTestCase):
    """A machine with a command `pocketagent` on PATH, and a data directory with devices."""

    def setUp(self) -> None:
        super().setUp()
        self.directory = Path(self.mktemp()).resolve()
        self.home = self.directory / "home"
        self.home.mkdir(parents=True)
        program = self.directory / "bin" / "pocketagent"
        program.parent.mkdir()
        program.write_text(f"#!{sys.executable}\nfrom pocketagent.cli.main import main\nraise SystemExit(main())\n")
        program.chmod(0o755)
        for name in "phone", "Ada's tablet", "laptop", "laptop":
            self.done("token", "create", "--name", name)
        for name in "code/app", "code/other app", ".hidden", "data":
            (self.home / name).mkdir(parents=True)
        (self.home / "codes.txt").touch()

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "PATH": f"{self.directory / 'bin'}:{os.defpath}",
            "HOME": str(self.home),
            "PYTHONPATH": str(ROOT),
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            "PA_DATA_DIR": str(self.machine.data_dir),
        }

    def shell(self, *words: str) -> str:
        """Run a shell; what it prints."""
        if shutil.which(words[0]) is None:
            self.skipTest(f"{words[0]} is not installed")
        run = subprocess.run(
            words, cwd=self.home, env=self.environment, capture_output=True, text=True, check=False, timeout=DEADLINE
        )
        self.assertEqual((run.returncode, run.stderr), (0, ""), run.stdout)
        return run.stdout


class Offers:
    """What every shell completes; `offered` is how it is asked."""

    def offered(self, line: str) -> Sequence[str]:
        """The words that are offered after this line, without options."""
        raise NotImplementedError

    def check(self, line: str, *words: str) -> None:
        assert isinstance(self, SynchronousTestCase)
        self.assertEqual(sorted(self.offered(line)), sorted(words), line)

    def test_commands(self) -> None:
        """Commands and the commands below them are completed."""
        self.check("pocketagent to", "token")
        self.check("pocketagent token r", "revoke")

    def test_values(self) -> None:
        """Values of which there are few are completed."""
        self.check("pocketagent token create --scope ", "read", "execute", "admin", "metrics")

    def test_devices(self) -> None:
        """Devices are completed by their names."""
        self.check("pocketagent token revoke p", "phone")

    def test_directories(self) -> None:
        """Where a directory belongs, directories are completed, and no files."""
        self.check("pocketagent trust co", "code/")
        self.check("pocketagent trust code/a", "code/app/")

    def test_nothing(self) -> None:
        """Where anything may be typed, and where nothing fits, nothing is offered, files neither."""
        self.check("pocketagent token create --name co")
        self.check("pocketagent version co")


class BashTests(Offers, CompletionTestCase):
    def offered(self, line: str) -> Sequence[str]:
        words = self.shell("bash", "--norc", "-c", BASH, "bash", line).splitlines()
        return [word.strip() for word in words if word and not word.startswith("-")]

    def test_several(self) -> None:
        """A name that several devices have stands for none: their ids are offered. What the shell would take apart is
        escaped."""
        laptops = [device.id for device in self.machine.devices if device.name == "laptop"]
        self.check("pocketagent token revoke ", "phone", r"Ada\'s\ tablet", *laptops)
        self.check(f"pocketagent token revoke {laptops[0][:16]}", laptops[0])

    def test_options(self) -> None:
        """Options are completed, with the words that belong to them, whichever way they are written."""
        self.assertIn("--data-dir ", self.shell("bash", "--norc", "-c", BASH, "bash", "pocketagent token list --d"))
        self.check(f"pocketagent token revoke --data-dir {self.home} p")
        self.check(f"pocketagent token revoke --data-dir {self.machine.data_dir} p", "phone")

    def test_home(self) -> None:
        """A ~ stays a ~; what is hidden is offered to those who ask for it; an awkward name is one word."""
        self.check("pocketagent trust ~/co", "~/code/")
        self.check("pocketagent trust ~/", "~/code/", "~/data/")
        self.check("pocketagent trust ~/.h", "~/.hidden/")
        self.check("pocketagent trust code/o", r"code/other\ app/")

    def test_files(self) -> None:
        """Where a file belongs, files are completed, and the directories in which there may be more."""
        self.check("pocketagent doctor --config co", "code/", "codes.txt")

    def test_no_data(self) -> None:
        """Without a data directory, or with a broken one, there is nothing to offer, and nothing is made or said."""
        self.check(f"pocketagent token revoke --data-dir {self.home}/none p")
        self.assertFalse((self.home / "none").exists())
        (self.home / "data" / "devices").write_text("a file")
        self.check("pocketagent token revoke --data-dir data p")

    def test_registered(self) -> None:
        """bash has the function for the command, and does not add files of its own."""
        said = self.shell("bash", "--norc", "-c", "source <(pocketagent completion bash); complete -p pocketagent")
        self.assertEqual(said, "complete -o bashdefault -o nospace -F _python_argcomplete pocketagent\n")


class FishTests(Offers, CompletionTestCase):
    def offered(self, line: str) -> Sequence[str]:
        (self.home / ".config" / "fish" / "completions").mkdir(parents=True, exist_ok=True)
        script = self.shell("bash", "-c", "pocketagent completion fish")
        (self.home / ".config" / "fish" / "completions" / "pocketagent.fish").write_text(script)
        words = self.shell("fish", "-c", f"complete -C '{line}'").splitlines()
        return [word.partition("\t")[0] for word in words if not word.startswith("-")]

    def test_explained(self) -> None:
        """fish shows what the words are for."""
        self.offered("pocketagent ")
        self.assertIn("token\tmake a token", self.shell("fish", "-c", "complete -C 'pocketagent to'"))


class ZshTests(Offers, CompletionTestCase):
    """zsh completes only for somebody at a terminal, so it has one here."""

    at_prompt = ""
    """What stood there after the completion."""

    def offered(self, line: str) -> Sequence[str]:
        if shutil.which("zsh") is None:
            self.skipTest("zsh is not installed")
        (self.home / ".zshrc").write_text(ZSH)
        for name in "offered", "line":
            (self.home / name).unlink(missing_ok=True)
        screen = Screen.start(["zsh", "-i"], self.environment, self.home)
        try:
            screen.until("READY> ")
            screen.type(f"{line}\t\x18")
            wait_until((self.home / "line").exists, "the end of the completion")
        finally:
            screen.close()
        self.at_prompt = (self.home / "line").read_text().rstrip("\n")
        words = (self.home / "offered").read_text().split("\n") if (self.home / "offered").exists() else []
        return [word for word in dict.fromkeys(words) if word and not word.startswith("-")]

    def test_put_in(self) -> None:
        """What is the only word is put in, and what has to be escaped is."""
        self.offered("pocketagent to")
        self.assertEqual(self.at_prompt, "pocketagent token ")
        self.offered("pocketagent trust code/o")
        self.assertEqual(self.at_prompt, r"pocketagent trust code/other\ app/")

    def test_file(self) -> None:
        """The script is one that zsh takes, and as a file in $fpath the completion of its command."""
        script = self.directory / "_pocketagent"
        script.write_text(self.shell("bash", "-c", "pocketagent completion zsh"))
        self.shell("zsh", "-n", str(script))
        self.assertEqual(script.read_text().splitlines()[0], "#compdef pocketagent")


class Screen:
    """A program at a terminal of ours, and what it has written so far."""

    def __init__(self, pid: int, terminal: int) -> None:
        self._pid, self._terminal = pid, terminal
        self._written = ""

    @classmethod
    def start(cls, argv: Sequence[str], environment: Mapping[str, str], directory: Path) -> "Screen":
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(directory)
            os.execvpe(argv[0], list(argv), dict(environment))  # noqa: S606
        return cls(pid, terminal)

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def until(self, text: str) -> None:
        end = time.monotonic() + DEADLINE
        while text not in self._written:
            if time.monotonic() > end:
                raise AssertionError(f"{text!r} did not come: {self._written!r}")
            if select.select([self._terminal], [], [], 0.1)[0]:
                self._written += os.read(self._terminal, 65536).decode(errors="replace")

    def close(self) -> None:
        os.close(self._terminal)
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


class ScriptTests(CommandTestCase):
    def test_shells(self) -> None:
        """Each shell has its script on stdout; another shell is misunderstood."""
        for shell in SHELLS:
            self.assertIn("pocketagent", self.done("completion", shell))
        self.assertIn("invalid choice", self.misunderstood("completion", "csh"))
        self.misunderstood("completion")

    def test_private(self) -> None:
        """Asking for devices changes nothing in the data directory."""
        self.done("token", "create", "--name", "a")
        shutil.rmtree(self.machine.data_dir / "projects")
        before = sorted(self.machine.data_dir.rglob("*"))
        line = f"pocketagent token revoke --data-dir {self.machine.data_dir} "
        out = Path(self.mktemp()).absolute()
        environment = {"COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE": "1"}
        subprocess.run(
            [sys.executable, "-m", "pocketagent.cli"],
            env={"PYTHONPATH": str(ROOT), "_ARGCOMPLETE_STDOUT_FILENAME": str(out), **environment},
            check=True, timeout=DEADLINE,
        )  # fmt: skip
        self.assertIn("a", out.read_text().split("\v"))
        self.assertEqual(sorted(self.machine.data_dir.rglob("*")), before)
        self.assertEqual(stat.S_IMODE(self.machine.data_dir.stat().st_mode), 0o700)
