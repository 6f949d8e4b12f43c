"""What is settled before a CLI is started."""

import os
from collections.abc import Sequence
from pathlib import Path

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.agent import PASS_ENVIRONMENT, Launch, LaunchOptions
from pocketagent.outbound.agent.launching import FIXED, UNTRUSTED, arguments, environment, exposed, find_claude

ID = "0a4d2e9e-1111-4222-8333-123456789abc"
LAUNCH = Launch(
    run_id="run", project_id="p", path="/p", identity=(1, 2), session_id=ID, resume=False, trusted=True,
    options=LaunchOptions(),
)  # fmt: skip


class ArgumentsTests(SynchronousTestCase):
    def _beyond(self, launch: Launch, mcp_config: str | None = None) -> Sequence[str]:
        """The arguments after the fixed ones and the session."""
        argv = arguments("/bin/claude", launch, mcp_config)
        start = ["/bin/claude", *FIXED, f"--{'resume' if launch.resume else 'session-id'}={ID}"]
        self.assertEqual(argv[: len(start)], start)
        return argv[len(start) :]

    def test_plain(self) -> None:
        """Without options there are the fixed flags and the session, new or resumed, and nothing else."""
        self.assertEqual(self._beyond(LAUNCH), [])
        self.assertEqual(self._beyond(evolve(LAUNCH, resume=True)), [])

    def test_untrusted(self) -> None:
        """In an untrusted project nothing of its own files runs, whatever the options are."""
        for options in (LaunchOptions(), LaunchOptions(strict_mcp_config=True)):
            self.assertEqual(self._beyond(evolve(LAUNCH, trusted=False, options=options)), list(UNTRUSTED))

    def test_options(self) -> None:
        """Each value stands in one `--flag=value`, so that none is taken for a flag (AR-02)."""
        options = LaunchOptions(
            fallback_model="sonnet",
            allowed_tools=("Read", "Bash(git log:*)"),
            disallowed_tools=("Write",),
            mcp_config="{}",
            strict_mcp_config=True,
            add_dirs=("/a", "/b c"),
            bypass_permissions=True,
            effort="high",
            max_budget_usd=1.5,
            append_system_prompt="--settings=/tmp/evil.json",
        )
        self.assertEqual(
            self._beyond(evolve(LAUNCH, options=options), "/scratch/x"),
            [
                "--strict-mcp-config",
                "--fallback-model=sonnet",
                "--allowedTools=Read",
                "--allowedTools=Bash(git log:*)",
                "--disallowedTools=Write",
                "--add-dir=/a",
                "--add-dir=/b c",
                "--mcp-config=/scratch/x",
                "--effort=high",
                "--max-budget-usd=1.5",
                "--dangerously-skip-permissions",
            ],
        )

    @settings(deadline=None)
    @given(st.text(), st.text(), st.lists(st.text()))
    def test_no_value_stands_alone(self, model: str, effort: str, tools: list[str]) -> None:
        """Whatever a value is, it is never an argument of its own."""
        options = LaunchOptions(fallback_model=model, effort=effort, allowed_tools=tuple(tools))
        for argument in self._beyond(evolve(LAUNCH, options=options)):
            self.assertTrue(argument.startswith(("--fallback-model=", "--effort=", "--allowedTools=")))


class EnvironmentTests(SynchronousTestCase):
    def test_patterns(self) -> None:
        """A name passes when it is listed, or begins as a pattern does; letters' case counts."""
        ours = {"HOME": "/h", "LC_ALL": "C", "LCX": "1", "home": "2", "ANTHROPIC_MODEL": "m", "CLAUDECODE": "1"}
        passed = environment(ours, PASS_ENVIRONMENT, "run")
        self.assertEqual(
            passed,
            {
                "HOME": "/h",
                "LC_ALL": "C",
                "ANTHROPIC_MODEL": "m",
                "CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS": "1",
                "POCKETAGENT_EXECUTION": "run",
            },
        )
        self.assertIn("CLAUDECODE", environment(ours, ["CLAUDECODE"], "run"))

    def test_our_marks_win(self) -> None:
        """What the server itself sets is not taken from its own environment."""
        passed = environment({"POCKETAGENT_EXECUTION": "outer"}, ["POCKETAGENT_*"], "run")
        self.assertEqual(passed["POCKETAGENT_EXECUTION"], "run")

    def test_path(self) -> None:
        """Of PATH only absolute entries are left: any other would be looked up in the project (AR-14). So would
        everything be with an empty PATH, which is left out."""
        for path, left in ((".:/bin::bin:/usr/bin:..", "/bin:/usr/bin"), ("", None), (".", None), ("bin:", None)):
            self.assertEqual(environment({"PATH": path}, ["PATH"], "run").get("PATH"), left)


class FindTests(SynchronousTestCase):
    def test_which(self) -> None:
        """The CLI of the settings, else the one on PATH, else the one that a package brings, always absolute."""
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "claude").write_text("#!/bin/sh\n")
        (folder / "claude").chmod(0o755)
        self.assertEqual(find_claude("/opt/claude", {"PATH": str(folder)}), "/opt/claude")
        found = find_claude("", {"PATH": str(folder)})
        self.assertEqual(found, str((folder / "claude").absolute()))
        bundled = find_claude("", {"PATH": os.devnull})
        self.assertTrue(bundled is None or bundled.endswith("claude_agent_sdk/_bundled/claude"))

    def test_exposed(self) -> None:
        """The place by which others could change the program is named: itself, a directory, or what a link leads to."""
        folder = Path(self.mktemp()).resolve()
        folder.mkdir(mode=0o755)
        program, link = folder / "program", folder / "bin" / "claude"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        link.parent.mkdir(mode=0o755)
        link.symlink_to(program)
        self.assertIsNone(exposed(str(link)))
        for place, good, bad in (program, 0o755, 0o757), (folder, 0o755, 0o777), (link.parent, 0o755, 0o757):
            place.chmod(bad)
            self.assertEqual(exposed(str(link)), place)
            place.chmod(good)
