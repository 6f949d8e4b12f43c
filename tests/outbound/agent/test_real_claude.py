"""The adapter with the real CLI, which talks to a stand-in of the Messages API on this machine."""

import importlib.util
import json
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from pocketagent.domain.agent import Answer, Behavior, LaunchOptions, PermissionAsked, PermissionMode, TurnResult
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.ports import IRun
from tests.messages_api import MessagesApi
from tests.outbound.agent.living import is_alive
from tests.outbound.agent.scripted import AgentTestCase, Listener


def find() -> str | None:
    """The CLI of `claude-agent-sdk`, else the one on PATH."""
    found = importlib.util.find_spec("claude_agent_sdk")
    bundled = None if found is None or found.origin is None else Path(found.origin).with_name("_bundled") / "claude"
    return str(bundled) if bundled is not None and bundled.exists() else shutil.which("claude")


class RealClaudeTests(AgentTestCase):
    if find() is None:
        skip = "the Claude CLI is not installed (pip install claude-agent-sdk)"

    def setUp(self) -> None:
        super().setUp()
        self.program = Path(find() or "")
        self.api = MessagesApi(reactor)  # type: ignore[arg-type]
        self.addCleanup(self.api.listen().stopListening)
        self.ours |= {
            "ANTHROPIC_BASE_URL": self.api.url,
            "ANTHROPIC_API_KEY": "no-key",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        }

    async def _question(self, listener: Listener) -> PermissionAsked:
        await listener.until(lambda: any(isinstance(each, PermissionAsked) for each in listener.heard))
        return next(each for each in listener.heard if isinstance(each, PermissionAsked))

    def _results(self, listener: Listener) -> list[TurnResult]:
        return [each for each in listener.heard if isinstance(each, TurnResult)]

    async def test_conversation(self) -> None:
        """Prompts, model and mode, interrupts, a stop, and the conversation taken up by a new process."""
        claude = self.claude()
        await claude.probe()
        self.assertTrue(claude.available)
        launch = self.launch()
        run, listener = await self.start(claude, launch)
        self.assertEqual(run.introduction.version, claude.version)
        await run.prompt(str(uuid4()), "say: hello", "haiku", PermissionMode.ACCEPT_EDITS, ())
        await listener.rest()
        await run.prompt(str(uuid4()), "say: halfway\nhold: ever", None, PermissionMode.DEFAULT, ())
        await listener.until(lambda: any("halfway" in str(each) for each in listener.heard))
        self.assertTrue(await run.interrupt())
        await listener.rest(2)
        self.assertEqual([each.is_error for each in self._results(listener)], [False, True])
        context = await run.context()
        assert context is not None
        self.assertGreater(context.total_tokens, 0)
        await run.stop()
        self.assertIsNone((await listener.end()).signal)
        again = self.launch(resume=True)
        object.__setattr__(again, "session_id", launch.session_id)
        run, listener = await self.start(claude, again)
        await self.prompt(run, "say: still here")
        await listener.rest()
        self.assertFalse(self._results(listener)[0].is_error)

    async def test_lost_and_taken(self) -> None:
        """A conversation that is not there is told as lost; one that is there cannot be begun anew."""
        with self.assertRaises(Refusal) as caught:
            await self.start(launch=self.launch(resume=True))
        self.assertEqual(caught.exception.details["session_lost"], True)
        launch = self.launch()
        run, listener = await self.start(launch=launch)
        await self.prompt(run, "say: hello")
        await listener.rest()
        with self.assertRaises(Refusal) as caught:
            await self.start(launch=launch)
        self.assertEqual(caught.exception.code, Code.EXECUTION_FAILED)
        self.assertIn("already in use", str(caught.exception.details["stderr"]))

    async def test_permission(self) -> None:
        """A tool waits for its permission, and uses the input that a person has edited."""
        run, listener = await self.start()
        given = {"file_path": str(self.project / "a.txt"), "content": "one"}
        await self.prompt(run, f"tool: Write {json.dumps(given)}\nthen:\nsay: done")
        question = await self._question(listener)
        run.answer(question.permission_id, question.request, Answer(Behavior.ALLOW, given | {"content": "two"}))
        await listener.rest()
        self.assertEqual((self.project / "a.txt").read_text(), "two")

    async def test_half_an_emoji(self) -> None:
        """An input with a lone surrogate can be answered: the CLI goes on."""
        run, listener = await self.start()
        await self.prompt(run, 'tool: Bash {"command": "echo cut \\ud83d"}\nthen:\nsay: done')
        question = await self._question(listener)
        run.answer(question.permission_id, question.request, Answer(Behavior.ALLOW))
        await listener.rest()
        self.assertFalse(self._results(listener)[0].is_error)

    async def test_tools_by_flag(self) -> None:
        """Each tool that is allowed by its own flag needs no permission; one that is disallowed is not there."""
        options = LaunchOptions(
            allowed_tools=("Bash(touch one:*)", "Bash(touch two:*)"), disallowed_tools=("Write", "Edit")
        )
        run, listener = await self.start(launch=self.launch(options))
        await self.prompt(
            run, 'tool: Bash {"command":"touch one"}\nthen:\ntool: Bash {"command":"touch two"}\nthen:\nsay: x'
        )
        await listener.rest()
        self.assertTrue((self.project / "one").exists() and (self.project / "two").exists())
        tools = listener.all(subtype="init")[0]["tools"]
        assert isinstance(tools, list)
        self.assertTrue({"Write", "Edit"}.isdisjoint(tools) and "Bash" in tools)

    async def test_more_directories(self) -> None:
        """A directory that was added may be read like the project's own."""
        other = self.folder / "other"
        other.mkdir()
        (other / "a.txt").write_text("found it")
        run, listener = await self.start(launch=self.launch(LaunchOptions(add_dirs=(str(other),))))
        await self.prompt(run, f'tool: Read {{"file_path":"{other}/a.txt"}}\nthen:\nsay: done')
        await listener.rest()
        self.assertIn("found it", str(listener.all(type="user")))

    async def test_system_prompt(self) -> None:
        """A system prompt of a client reaches the model, and never the command line (AR-03)."""
        system = "--settings=/tmp/evil.json is my name"
        run, listener = await self.start(launch=self.launch(LaunchOptions(append_system_prompt=system)))
        await self.prompt(run, "say: hello")
        await listener.rest()
        self.assertIn(system, json.dumps([request.body for request in self.api.log]))

    async def test_mcp_server(self) -> None:
        """A configuration that is handed over in a file is used."""
        config = {"mcpServers": {"ours": {"command": "/bin/false", "args": []}}}
        options = LaunchOptions(mcp_config=json.dumps(config), strict_mcp_config=True)
        run, listener = await self.start(launch=self.launch(options))
        await self.prompt(run, "say: hello")
        await listener.rest()
        self.assertIn("ours", str(listener.all(subtype="init")[0]["mcp_servers"]))

    async def test_untrusted(self) -> None:
        """Of an untrusted project nothing runs by itself (P9): its hook leaves a mark only where it is trusted."""
        marker = self.folder / "marker"
        hook = {"hooks": [{"type": "command", "command": f"touch {marker}"}]}
        (self.project / ".claude").mkdir()
        (self.project / ".claude" / "settings.json").write_text(json.dumps({"hooks": {"SessionStart": [hook]}}))
        for trusted in (False, True):
            run, listener = await self.start(launch=self.launch(trusted=trusted))
            await self.prompt(run, "say: hello")
            await listener.rest()
            self.assertIs(marker.exists(), trusted)

    async def test_long_answer(self) -> None:
        """An answer of megabytes is heard whole, and the process still ends by itself."""
        run, listener = await self.start()
        await self.prompt(run, "fill: 3000000 100000")
        await listener.rest()
        (said,) = listener.all(type="assistant")
        self.assertGreater(len(str(said["message"])), 3_000_000)
        await run.stop()
        self.assertEqual((await listener.end()).exit_code, 0)

    async def _with_tools(self) -> tuple[IRun, Listener, Mapping[str, int]]:
        """A run in the middle of a Bash call that has started a daemon; the pids of shell and daemon."""
        run, listener = await self.start(launch=self.launch(LaunchOptions(allowed_tools=("Bash",))))
        files = {name: self.folder / name for name in ("shell", "daemon")}
        command = (
            f"(setsid sh -c 'trap \"\" TERM; echo $$ > {files['daemon']}; sleep 3600' &) ; "
            f"while [ ! -s {files['daemon']} ]; do sleep 0.01; done; echo $$ > {files['shell']}; sleep 3600"
        )
        await self.prompt(run, "tool: Bash " + json.dumps({"command": command, "timeout": 600000}))
        while not (files["shell"].exists() and files["shell"].read_text()):
            waiting: Deferred[None] = Deferred()
            reactor.callLater(0.02, waiting.callback, None)
            await waiting
        return run, listener, {name: int(file.read_text()) for name, file in files.items()}

    async def test_kill(self) -> None:
        """A kill in the middle of a tool ends the tool and what it has left behind (CH-02, CH-03)."""
        run, listener, pids = await self._with_tools()
        await run.kill()
        self.assertEqual([pid for pid in pids.values() if is_alive(pid)], [])
        await listener.end()
        self.assertTrue(self._results(listener))

    async def test_killed(self) -> None:
        """When the CLI is killed by somebody else, its tools die with it."""
        _, listener, pids = await self._with_tools()
        (claude,) = self._running(self.program)
        os.kill(claude, signal.SIGKILL)
        self.assertEqual((await listener.end()).signal, signal.SIGKILL)
        self.assertEqual([pid for pid in pids.values() if is_alive(pid)], [])

    def _running(self, program: Path) -> list[int]:
        """The processes of this test that run the program."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                environment = (entry / "environ").read_bytes() if entry.name.isdigit() else b""
                if os.fsencode(self.home) in environment and (entry / "exe").readlink() == program:
                    found.append(int(entry.name))
            except OSError:
                continue
        return found
