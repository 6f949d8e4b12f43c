# -*- test-case-name: tests.cli.doctor.test_agent -*-
"""The Claude CLI, in every state that it can be in."""

import os
from collections.abc import Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.cli.doctor.agent import examine
from pocketagent.cli.doctor.finding import Finding, Verdict
from pocketagent.domain.agent import PASS_ENVIRONMENT
from tests.cli.house import DEADLINE
from tests.end_to_end.house import real_cli

GOOD = """
case "$*" in
--version) echo "9.9.9 (Claude Code)" ;;
"auth status --json") echo '{"loggedIn": true, "authMethod": "claude.ai", "apiProvider": "firstParty"}' ;;
esac"""
OUT = """
case "$*" in
--version) echo "9.9.9 (Claude Code)" ;;
*) echo '{"loggedIn": false}'; exit 1 ;;
esac"""


class AgentTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).resolve()
        self.directory.mkdir(mode=0o755)
        self.program = self.directory / "claude"

    def found(self, script: str, wait: float = DEADLINE, **environment: str) -> Sequence[Finding]:
        """What the doctor finds of a CLI that is this shell script."""
        self.program.write_text(f"#!/bin/sh\n{script}\n")
        self.program.chmod(0o755)
        return self.looked(str(self.program), wait, **environment)

    def looked(self, configured: str, wait: float = DEADLINE, **environment: str) -> Sequence[Finding]:
        ours = {"PATH": os.defpath, "HOME": str(self.directory), **environment}
        findings = list(examine(configured, ours, PASS_ENVIRONMENT, wait))
        for one in findings:
            self.assertEqual(bool(one.advice), one.verdict is not Verdict.OK, one)
        return findings

    def verdicts(self, findings: Sequence[Finding]) -> Sequence[tuple[str, str]]:
        return [(one.check, one.verdict.value) for one in findings]


class ProgramTests(AgentTestCase):
    def test_good(self) -> None:
        """One that answers and is signed in is well; it is told which one it is, and where."""
        claude, login = self.found(GOOD)
        self.assertEqual(claude, Finding("claude", Verdict.OK, f"9.9.9, {self.program}"))
        self.assertEqual(login, Finding("login", Verdict.OK, "signed in (claude.ai)"))

    def test_on_path(self) -> None:
        """Without a setting it is looked for where the server would look: on the server's PATH."""
        self.found(GOOD)
        claude, _ = self.looked("", PATH=f"/nonexistent:{self.directory}")
        self.assertIn(str(self.program), claude.words)

    def test_missing(self) -> None:
        """Where there is none, or no program in its place, it is said how one is installed."""
        for path in "/nonexistent/claude", str(self.directory):
            (claude,) = self.looked(path)
            self.assertEqual(claude.verdict, Verdict.PROBLEM)
            self.assertIn(path, claude.words)
            self.assertIn("npm install -g @anthropic-ai/claude-code", claude.advice)

    def test_exposed(self) -> None:
        """One that others could change is not even asked; the place is named."""
        mark = self.directory / "asked"
        self.directory.chmod(0o777)
        (claude,) = self.found(f"touch {mark}")
        self.assertEqual(claude.verdict, Verdict.PROBLEM)
        self.assertIn(f"chmod go-w {self.directory}", claude.advice)
        self.assertFalse(mark.exists())

    def test_hangs(self) -> None:
        """One that hangs costs its time and no more."""
        (claude,) = self.found("sleep 60", wait=0.5)
        self.assertEqual(claude.verdict, Verdict.PROBLEM)
        self.assertIn("0.5 s", claude.words)

    def test_fails(self) -> None:
        """One that fails, or talks nonsense, is a problem with its own words."""
        for script, words in (
            ("echo 'env: node: No such file' >&2; exit 127", "env: node: No such file"),
            ("echo 2.1.999; exit 1", "2.1.999"),
            ("echo hello", "hello"),
            ("exit 0", "nothing"),
            ("head -c 300000 /dev/zero", "exit code 0"),
            ("kill -9 $$", "-9"),
        ):
            (claude,) = self.found(script)
            self.assertEqual(claude.verdict, Verdict.PROBLEM)
            self.assertIn(words, claude.words)
            self.assertLess(len(claude.words), 400)

    def test_no_interpreter(self) -> None:
        """One whose interpreter is missing is a problem, too."""
        self.program.write_text("#!/nonexistent/node\n")
        self.program.chmod(0o755)
        (claude,) = self.looked(str(self.program))
        self.assertEqual(claude.verdict, Verdict.PROBLEM)
        self.assertIn("cannot be started", claude.words)

    def test_old(self) -> None:
        """One that the server would refuse is a problem, one that it warns of a warning; how it is renewed is said."""
        self.assertEqual(self.verdicts(self.found("echo 2.1.127")), [("claude", "problem")])
        old = self.found(GOOD.replace("9.9.9", "2.1.200"))
        self.assertEqual(self.verdicts(old), [("claude", "warning"), ("login", "ok")])
        self.assertEqual(old[0].advice, f"{self.program} update")
        self.assertEqual(self.verdicts(self.found(GOOD.replace("9.9.9", "2.1.218")))[0], ("claude", "ok"))

    def test_environment(self) -> None:
        """It gets of the environment what the server would give it, and nothing else."""
        (claude,) = self.found('echo "$ANTHROPIC_X:$SECRET:$POCKETAGENT_EXECUTION."', ANTHROPIC_X="a", SECRET="b")
        self.assertIn("a::.", claude.words)


class LoginTests(AgentTestCase):
    def test_out(self) -> None:
        """Without a login nothing works: how one signs in is said."""
        _, login = self.found(OUT)
        self.assertEqual(login.verdict, Verdict.PROBLEM)
        self.assertIn(f"{self.program} auth login", login.advice)

    def test_unknown(self) -> None:
        """A CLI that does not tell is a warning: older ones know no such question."""
        version = OUT.partition("*)")[0]
        for answer in (
            "echo nonsense",
            "exit 1",
            "echo '[]'",
            "echo '{}'",
            """echo '{"loggedIn": "yes"}'""",
            "sleep 60",
            "head -c 100000 /dev/zero | tr '\\0' '['",
        ):
            found = self.found(f"{version}*) {answer} ;;\nesac", wait=2)
            self.assertEqual(self.verdicts(found), [("claude", "ok"), ("login", "warning")], answer)


class RealTests(AgentTestCase):
    if real_cli() is None:
        skip = "the real CLI is not installed (pip install claude-agent-sdk)"

    def test_real(self) -> None:
        """The real CLI is known, with its version and whether it has a key."""
        path = str(real_cli())
        claude, login = self.looked(path, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1")
        self.assertEqual((claude.verdict, login.verdict), (Verdict.OK, Verdict.PROBLEM))
        self.assertRegex(claude.words, r"^\d+\.\d+\.\d+, ")
        _, login = self.looked(path, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1", ANTHROPIC_API_KEY="sk-stand-in")
        self.assertEqual(login, Finding("login", Verdict.OK, "signed in (api_key)"))
