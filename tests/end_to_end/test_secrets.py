"""No secret comes to light: not in a log, a journal, an error, an argument, or where the agent could read it (P14)."""

import contextlib
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.end_to_end.client import Refused, wait_until
from tests.end_to_end.house import MARKER, SCRIPTED_CLI, HouseTestCase
from tests.end_to_end.test_turns import begin, data_of

KEY = "sk-canary-of-the-api-0123456789"
MCP = "canary-of-the-mcp-server-0123456789"
PASSED = {"ANTHROPIC_API_KEY": KEY, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
STRANGE = {
    "PGPASSWORD": "canary", "REDIS_URL": "canary", "NOTIFY_SOCKET": "/canary", "LISTEN_FDS": "1", "GH_TOKEN": "canary",
    "SSH_AUTH_SOCK": "/canary", "PA_LOG_LEVEL": "debug", "NODE_OPTIONS": "--no-warnings", "BASH_ENV": "/canary",
    "GIT_DIR": "/canary", "LD_LIBRARY_PATH": "/canary", "SESSION_COOKIE": "canary",
}  # fmt: skip
GIVEN = {"HOME", "PATH", "LANG", "POCKETAGENT_EXECUTION", "CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS", *PASSED}
"""What a process of the agent has in its environment; `_given` adds what the server itself sets."""


def commands() -> str:
    """The command lines of all living processes."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found.append((entry / "cmdline").read_bytes().decode(errors="replace"))
            except OSError:
                continue
    return "\n".join(found)


class CanaryTests(HouseTestCase):
    def setUp(self) -> None:
        environment = PASSED | STRANGE
        self.inhabited = self.house("--config=settings.toml", environment=environment, start=False)
        settings = self.inhabited.directory / "settings.toml"
        settings.write_text(f'[mcp_configs.one.mcpServers.one]\ncommand = "true"\nenv = {{ KEY = "{MCP}" }}\n')
        settings.chmod(0o600)
        # Its own first line asks `env` for a Python, and wrappers of that name add variables of theirs.
        cli = self.inhabited.directory / "claude"
        cli.write_text(SCRIPTED_CLI.read_text().replace("/usr/bin/env python3", sys.executable, 1))
        cli.chmod(0o755)
        self.inhabited.claude = cli
        self.inhabited.start()
        self.token = self.inhabited.token()
        self.one = self.client(self.inhabited, self.token)
        self.project_id = begin(self.one, self.inhabited, "one")

    def execute(self, prompt: str, **options: object) -> None:
        self.one.request("execute", project_id=self.project_id, prompt=prompt, options=options)

    def test_canaries(self) -> None:
        """AD-02, P14: at the log's most talkative, whatever goes wrong, no credential stands anywhere."""
        secret = self.token.rpartition("_")[2]
        self.execute(f"stderr: failed with {KEY} and {MCP}\nchild:\nforever:", mcp_config="one")
        self.one.wait_for(lambda message: data_of(message).get("type") == "offspring")
        for canary in (self.token, secret, KEY, MCP):
            self.assertNotIn(canary, commands())
        self.one.request("agent_kill", project_id=self.project_id)
        self.one.wait_for_state(self.project_id, "IDLE")
        self.execute(f"stderr: failed with {KEY} and {MCP}\nexit: 3", mcp_config="one")
        self.one.wait_for_state(self.project_id, "ERROR")
        error = next(data_of(one) for one in reversed(self.one.messages) if one["type"] == "error")
        self.assertIn("failed with", json.dumps(error))
        for where, headers in (
            (f"/ws?token={self.token}", {}),
            (f"/{self.token}", {}),
            ("/ws", {"Authorization": f"Bearer {self.token}"}),
            ("/ws", {"Authorization": self.token}),
            ("/ws", {"Cookie": f"__Host-pocketagent={self.token}"}),
        ):
            status, body = self.inhabited.get(where, **headers)
            self.assertGreaterEqual(status, 400)
            self.assertNotIn(secret, body)
        for type, data in (
            (self.token, {}),
            ("execute", {"project_id": self.token, "prompt": "x"}),
            ("project_create", {"path": f"/{self.token}"}),
            ("execute", {"project_id": self.project_id, "prompt": "x", "options": {"mcp_config": "two"}}),
        ):
            with self.assertRaises(Refused):
                self.one.request(type, **data)
        self.inhabited.stop()
        self.assertIn("debug", self.inhabited.log)
        for canary in (secret, KEY, MCP):
            self.assertNotIn(canary, self.inhabited.log)
        kept = [path for path in self.inhabited.data_dir.rglob("*") if path.is_file()]
        self.assertGreater(len(kept), 4)
        for path in kept:
            # A prompt is kept as it was sent, and is what was said last; this one is the test's own. An error of the
            # server's is not.
            told = re.sub(rb'"last_words":"[^"]*"', b"", path.read_bytes()).splitlines()
            lines = [line for line in told if b'"client_message"' not in line]
            for canary in (secret, KEY, MCP):
                self.assertFalse([line for line in lines if canary.encode() in line], path)

    def test_the_environment_of_the_agent(self) -> None:
        """AR-12, AR-13, AR-15: exactly what the settings name, three descriptors, and our supervisor has no more."""
        self.execute("dump:\nforever:")
        dump = data_of(self.one.wait_for(lambda message: data_of(message).get("type") == "dump"))
        environ = dump["environ"]
        assert isinstance(environ, dict)
        self.assertEqual(environ.keys() - _ours(environ), GIVEN - {"POCKETAGENT_EXECUTION"})
        self.assertEqual(environ["ANTHROPIC_API_KEY"], KEY)
        self.assertNotIn('canary"', json.dumps([environ[name] for name in environ.keys() - PASSED.keys()]))
        children = Path(f"/proc/{self.inhabited.pid}/task/{self.inhabited.pid}/children").read_text().split()
        ours = {*map(int, children), *self.inhabited.children()}
        self.assertEqual(len(ours), 2)
        for pid in ours:
            self.assertEqual([one for one in _open(pid) if one.startswith(str(self.inhabited.data_dir))], [])
        pid = int(str(dump["pid"]))
        sockets = _sockets(self.inhabited.pid)
        wait_until(lambda: len(list(Path(f"/proc/{pid}/fd").iterdir())) >= 3, "it runs")
        self.assertLessEqual({int(fd.name) for fd in Path(f"/proc/{pid}/fd").iterdir()}, {0, 1, 2})
        self.assertEqual(_sockets(pid) & sockets, set())


def _ours(environ: Mapping[str, str]) -> set[str]:
    """What the server and Python's own start add."""
    return {name for name in environ if name.encode() + b"=" == MARKER or name == "LC_CTYPE"}


def _open(pid: int) -> set[str]:
    """What a process has open; it may close some of it meanwhile."""
    found = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(str(fd.readlink()))
    return found


def _sockets(pid: int) -> set[str]:
    return {where for where in _open(pid) if where.startswith("socket:")}
