"""The adapter drives a CLI: started as it should be, heard to its last word, and ended whatever it does."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import capturedLogs
from zope.interface.verify import verifyObject

from pocketagent.domain.agent import (
    Answer,
    Behavior,
    Context,
    LaunchOptions,
    Overlong,
    PermissionAsked,
    PermissionMode,
    SessionNamed,
    Spoken,
    TurnResult,
    Words,
)
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.outbound.agent.run import Waits
from pocketagent.outbound.agent.steps import STEPS, Step
from pocketagent.ports import IAgent, IRun
from tests.outbound.agent.living import dies, is_alive
from tests.outbound.agent.scripted import AgentTestCase, Listener, message

QUICK = tuple(Step(step.way, min(step.wait, 0.2) if step.wait < 10 else step.wait) for step in STEPS)
"""The steps, without much patience."""


class StartTests(AgentTestCase):
    async def _dump(self, starting: str = "", **claude: object) -> Mapping[str, Any]:
        run, listener = await self.start(self.claude(**claude), starting=starting)
        await self.prompt(run, "dump:")
        return await listener.find(type="dump")

    async def test_turn(self) -> None:
        """A process introduces itself, takes a prompt, and is heard to the end of the turn, in order."""
        claude = self.claude()
        verifyObject(IAgent, claude)
        launch = self.launch()
        run, listener = await self.start(claude, launch)
        verifyObject(IRun, run)
        self.assertEqual((run.launch, run.introduction.version, run.is_ending), (launch, "2.1.330", False))
        self.assertTrue(run.introduction.models)
        await self.prompt(run, "say: hello")
        await listener.rest()
        self.assertIn(launch.session_id, [each.session_id for each in listener.heard if isinstance(each, SessionNamed)])
        kinds = [type(each).__name__ for each in listener.heard]
        self.assertLess(kinds.index("SessionNamed"), kinds.index("TurnResult"))
        (result,) = [each for each in listener.heard if isinstance(each, TurnResult)]
        self.assertFalse(result.is_error)
        await run.stop()
        ending = await listener.end()
        self.assertEqual((ending.exit_code, ending.signal, run.is_ending), (0, None, True))

    async def test_prompts_stay_out_of_argv(self) -> None:
        """No text of a client stands in the command line, and each prompt arrives as it was written (AR-01)."""
        odd = ["--settings=/tmp/evil.json", "-p x", "--", "@file", "/command", "a\nb\r\0'\"`$(id);"]
        system = "--settings=/tmp/evil.json"
        launch = self.launch(LaunchOptions(append_system_prompt=system))
        run, listener = await self.start(launch=launch)
        for turn, text in enumerate(odd):
            await self.prompt(run, text)
            await listener.rest(turn + 1)
            said = [str(each) for each in listener.all(type="assistant")]
            self.assertIn(repr(f"You said: {text}")[1:-1], said[-1])
        await self.prompt(run, "dump:")
        dump: Any = await listener.find(type="dump")
        for text in odd[:2]:
            self.assertNotIn(text, dump["starting"])

    async def test_environment(self) -> None:
        """The environment is the list, our marks, and nothing else (AR-12, AR-13)."""
        canaries = ("PGPASSWORD", "REDIS_URL", "NOTIFY_SOCKET", "LISTEN_FDS", "SSH_AUTH_SOCK", "GITHUB_TOKEN", "COOKIE")
        dangers = ("CLAUDECODE", "NODE_OPTIONS", "LD_PRELOAD", "BASH_ENV", "PYTHONPATH", "GIT_DIR")
        wanted = {"LC_TIME": "C", "XDG_RUNTIME_DIR": "/x", "ANTHROPIC_BASE_URL": "http://127.0.0.1:1", "CLAUDE_X": "y"}
        self.ours |= dict.fromkeys((*canaries, *dangers), "x") | wanted | {"PATH": "relative:.::/usr/bin:/bin:../x:"}
        dump = await self._dump()
        marks = {"CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS", "POCKETAGENT_EXECUTION", "LC_CTYPE"}
        seen = {name: value for name, value in dump["environ"].items() if name not in marks}
        self.assertEqual(seen, {"HOME": str(self.home), "PATH": "/usr/bin:/bin", **wanted})

    async def test_environment_by_name(self) -> None:
        """What the settings name is passed on, and only that."""
        self.ours |= {"NODE_OPTIONS": "--max-old-space-size=1000", "SECRET": "x"}
        dump = await self._dump(pass_environment=["HOME", "NODE_*"])
        self.assertEqual(dump["environ"]["NODE_OPTIONS"], "--max-old-space-size=1000")
        self.assertTrue({"PATH", "SECRET"}.isdisjoint(dump["environ"]))

    async def test_how_it_is_started(self) -> None:
        """Descriptors 0 to 2 only (AR-15), no core, few files, umask 077, own session, no terminal (AR-16, CH-27)."""
        leak = os.open("/dev/null", os.O_RDONLY)
        self.addCleanup(os.close, leak)
        os.set_inheritable(leak, True)
        dump = await self._dump(limits={"core": 0, "nofile": 512})
        descriptors = {name for name, to in dump["fds"].items() if "/proc/" not in to}
        self.assertEqual((descriptors, dump["umask"], dump["tty"]), ({"0", "1", "2"}, 0o077, False))
        self.assertEqual((dump["limits"]["RLIMIT_CORE"], dump["limits"]["RLIMIT_NOFILE"]), ([0, 0], [512, 512]))
        self.assertEqual((dump["sid"], dump["pgid"]), (dump["pid"], dump["pid"]))
        self.assertIn("NoNewPrivs:\t1\n", dump["status"])
        self.assertEqual(dump["cwd"], str(self.project))

    async def test_secret_config(self) -> None:
        """An MCP configuration goes through a file for our eyes only, not through argv, and is gone at the end."""
        secret = "sk-mcp-0123456789"
        config = json.dumps({"mcpServers": {"x": {"env": {"PASSWORD": secret}}}})
        run, listener = await self.start(launch=self.launch(LaunchOptions(mcp_config=config)))
        (file,) = self.scratch.iterdir()
        self.assertEqual((file.read_text(), file.stat().st_mode & 0o777), (config, 0o600))
        self.assertEqual(self.scratch.stat().st_mode & 0o777, 0o700)
        await self.prompt(run, f"dump:\nstderr: {secret} was used")
        dump: Any = await listener.find(type="dump")
        self.assertIn(f"--mcp-config={file}", dump["argv"])
        self.assertNotIn(secret, dump["starting"])
        await listener.rest()
        await run.stop()
        self.assertEqual((await listener.end()).stderr, "*** was used\n")
        await self.threads().run(lambda: None)
        self.assertEqual(list(self.scratch.iterdir()), [])

    async def test_session_lost(self) -> None:
        """A conversation that cannot be resumed is told as such; nothing is alive after it (AR-17)."""
        launch = self.launch(resume=True)
        with self.assertRaises(Refusal) as caught:
            await self.start(launch=launch)
        self.assertEqual(caught.exception.code, Code.EXECUTION_FAILED)
        self.assertEqual(caught.exception.details["exit_code"], 1)
        self.assertIs(caught.exception.details["session_lost"], True)

    async def test_ends_before_it_is_ready(self) -> None:
        """An exit before the introduction ends the wait at once: code or signal, and what it complained of (AR-17)."""
        self.ours["ANTHROPIC_API_KEY"] = "sk-ant-secret"
        for starting, details in (
            ("stderr: no sk-ant-secret here\nexit: 127", {"exit_code": 127, "stderr": "no *** here\n"}),
            ("signal: 11", {"signal": 11, "stderr": ""}),
            ("exit: 0", {"exit_code": 0, "stderr": ""}),
        ):
            with self.assertRaises(Refusal) as caught:
                await self.start(starting=starting)
            self.assertEqual((caught.exception.code, caught.exception.details), (Code.EXECUTION_FAILED, details))

    async def test_never_ready(self) -> None:
        """A process that does not introduce itself in time is killed, with all that it has started."""
        listener = Listener()
        (self.project / ".scripted_cli").write_text("stubborn:\nmute:\ndaemon:")
        claude = self.claude(waits=Waits(introduction=1.0))
        with self.assertRaises(Refusal) as caught:
            await claude.start(self.launch(), listener)
        self.assertEqual(caught.exception.code, Code.EXECUTION_FAILED)
        self.assertEqual((listener.heard, listener.ending), ([], None))
        self.assertEqual(self._marked(b"POCKETAGENT_EXECUTION="), [])

    def _marked(self, mark: bytes) -> list[int]:
        """Living processes of this test's home whose environment has this."""
        home = b"HOME=" + os.fsencode(self.home)
        found = []
        for entry in Path("/proc").iterdir():
            try:
                environment = (entry / "environ").read_bytes() if entry.name.isdigit() else b""
            except OSError:
                continue
            if home in environment and mark in environment:
                found.append(int(entry.name))
        return found

    async def test_given_up(self) -> None:
        """A start that nobody waits for any more leaves nothing alive (CH-22)."""
        (self.project / ".scripted_cli").write_text("mute:")
        start = Deferred.fromCoroutine(self.claude().start(self.launch(), Listener()))
        while not self._marked(b"POCKETAGENT_EXECUTION="):
            await deferLater(reactor, 0.01)
        start.cancel()
        await start.addErrback(lambda failure: None)
        self.assertEqual(self._marked(b"POCKETAGENT_EXECUTION="), [])

    async def test_said_before_it_was_ready(self) -> None:
        """What a process says before it is ready is heard after, in order."""
        run, listener = await self.start(starting='lines: 100 200\nraw: "\\"x\\"\\n"')
        self.assertEqual(listener.heard, [])
        await self.prompt(run, "say: hello")
        await listener.rest()
        first = [message(each) for each in listener.heard if not isinstance(each, Words)][:101]
        self.assertEqual([each.get("n") for each in first], [*range(100), None])
        self.assertEqual(first[100], {"type": "raw", "text": '"x"'})


class ProgramTests(AgentTestCase):
    async def _refused(self, **changes: object) -> Refusal:
        with self.assertRaises(Refusal) as caught:
            await self.claude(**changes).start(self.launch(), Listener())
        for path in (str(self.folder), str(self.program)):
            self.assertNotIn(path, str(caught.exception) + str(caught.exception.details))
        refusal: Refusal = caught.exception
        return refusal

    async def test_none(self) -> None:
        """Without a CLI, or when it has gone, the refusal says how to install one (AR-17)."""
        self.assertFalse(self.claude(path=None).available)
        for path in (None, str(self.folder / "gone"), str(self.folder)):
            refusal = await self._refused(path=path)
            self.assertEqual(refusal.code, Code.CLAUDE_NOT_FOUND)
            self.assertIn("npm install -g @anthropic-ai/claude-code", refusal.message)

    async def test_not_executable(self) -> None:
        """A file that is no program is not found (AR-17)."""
        self.program.chmod(0o644)
        self.assertEqual((await self._refused()).code, Code.CLAUDE_NOT_FOUND)

    async def test_no_format(self) -> None:
        """What the kernel does not take for a program is refused with the reason (CH-21)."""
        self.program.write_text("no program")
        refusal = await self._refused()
        self.assertEqual(refusal.code, Code.EXECUTION_FAILED)
        self.assertIn("Exec format error", refusal.message)

    async def test_replaceable(self) -> None:
        """A CLI that another user could have replaced is not started (AR-14); nor one behind such a link."""
        link = self.folder / "link"
        link.symlink_to(self.program)
        self.program.chmod(0o757)
        for path in (self.program, link):
            self.assertEqual((await self._refused(path=str(path))).code, Code.EXECUTION_FAILED)
        self.program.chmod(0o755)
        self.folder.chmod(0o777)
        self.assertEqual((await self._refused()).code, Code.EXECUTION_FAILED)
        self.folder.chmod(0o755)
        await self.start(self.claude(path=str(link)))

    async def test_checked_at_each_start(self) -> None:
        """A CLI that is replaced later is not started any more (AR-14)."""
        claude = self.claude()
        await self.start(claude)
        self.program.chmod(0o777)
        with self.assertRaises(Refusal):
            await claude.start(self.launch(), Listener())

    async def test_not_from_the_project(self) -> None:
        """A `claude` in the project's directory is not the one that is started (AR-14)."""
        (self.project / "claude").write_text("#!/bin/sh\nexit 99\n")
        (self.project / "claude").chmod(0o755)
        self.ours["PATH"] = ".:/usr/bin:/bin"
        run, listener = await self.start()
        await self.prompt(run, "say: hello")
        await listener.rest()

    async def test_directory_replaced(self) -> None:
        """The CLI runs in the very directory that was checked, and in no other (PA-04)."""
        launch = self.launch()
        self.project.rename(self.folder / "old")
        (self.folder / "new").mkdir()
        for place in (None, "new", "old"):
            if place is not None:
                self.project.unlink(missing_ok=True)
                self.project.symlink_to(self.folder / place)
            with self.assertRaises(Refusal) as caught:
                await self.claude().start(launch, Listener())
            self.assertEqual(caught.exception.code, Code.EXECUTION_FAILED)

    async def test_no_room(self) -> None:
        """When there is no room for a process, that is RESOURCE_LIMIT, and no descriptor is left open (CH-21)."""
        claude, launch = self.claude(), self.launch()
        await claude.probe()  # brings up what else needs descriptors, once
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        taken = [os.open("/dev/null", os.O_RDONLY)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (taken[0] + 100, hard))
        self._fill(taken)
        for free in range(11):
            with self.assertRaises(Refusal) as caught:
                await claude.start(launch, Listener())
            self.assertEqual((caught.exception.code, self._fill(taken)), (Code.RESOURCE_LIMIT, free))
            for _ in range(free + 1):
                os.close(taken.pop())
        for each in taken:
            os.close(each)

    def _fill(self, taken: list[int]) -> int:
        """Take all descriptors that are left; how many they were."""
        before = len(taken)
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(taken[0]))
        return len(taken) - before


class ProbeTests(AgentTestCase):
    def _says(self, script: str) -> None:
        self.program.write_text(f"#!/bin/sh\n{script}\n")

    async def test_version(self) -> None:
        """The CLI is asked for its version once, in the built-up environment."""
        claude = self.claude()
        self.assertEqual((claude.available, claude.version), (True, None))
        await claude.probe()
        self.assertEqual((claude.available, claude.version), (True, "2.1.330"))

    async def test_too_old(self) -> None:
        """A CLI below the floor is not used, and the refusal says which is needed (AR-17)."""
        self._says("echo '2.1.127 (Claude Code)'")
        claude = self.claude()
        await claude.probe()
        self.assertEqual((claude.available, claude.version), (False, "2.1.127"))
        self.assertIn("2.1.128", claude.fault)
        with self.assertRaises(Refusal) as caught:
            await claude.start(self.launch(), Listener())
        self.assertEqual(caught.exception.code, Code.CLAUDE_NOT_FOUND)
        self.assertIn("2.1.128", caught.exception.message)

    async def test_old(self) -> None:
        """A CLI that should be updated is used, with a warning in the log."""
        for version, warnings in (("2.1.217", 1), ("2.1.218", 0)):
            self._says(f"echo '{version} (Claude Code)'")
            claude = self.claude()
            with capturedLogs() as events:
                await claude.probe()
            self.assertTrue(claude.available)
            self.assertEqual("update it" in claude.fault, bool(warnings))
            self.assertEqual([event["log_level"].name for event in events], ["warn"] * warnings)

    async def test_odd(self) -> None:
        """A CLI that does not say its version is not used; one that says more than it beside is."""
        for script, version in (
            ("exit 127", None),
            ("echo hello", None),
            ("echo 'Update available! Run: npm i'; echo '2.1.250 (Claude Code)'", "2.1.250"),
        ):
            self._says(script)
            claude = self.claude()
            await claude.probe()
            self.assertEqual((claude.available, claude.version), (version is not None, version))

    async def test_hangs(self) -> None:
        """A CLI that does not answer is not used, and is killed."""
        self._says(f"echo $$ > {self.folder}/pid; sleep 3600")
        claude = self.claude(probe_wait=0.5)
        await claude.probe()
        self.assertFalse(claude.available)
        self.assertTrue(dies(int((self.folder / "pid").read_text())))

    async def test_none(self) -> None:
        """Where there is none there is nothing to ask."""
        claude = self.claude(path=None)
        await claude.probe()
        self.assertEqual((claude.available, claude.version), (False, None))
        self.assertIn("not found", claude.fault)

    async def test_leftovers(self) -> None:
        """Secrets that a killed server has left are removed at the next start."""
        self.scratch.mkdir()
        (self.scratch / "x.handed.json").write_text("secret")
        (self.scratch / "other").write_text("not ours")
        await self.claude().probe()
        self.assertEqual([file.name for file in self.scratch.iterdir()], ["other"])


class OutputTests(AgentTestCase):
    async def _hear(self, script: str, **claude: object) -> Listener:
        run, listener = await self.start(self.claude(**claude))
        await self.prompt(run, script)
        await listener.rest()
        return listener

    async def test_long_line(self) -> None:
        """A line of 16 MiB passes whole; of one that is longer only its size is told, and the next is fine (CH-06)."""
        listener = await self._hear("line: 16777216\nline: 50000000\nlines: 1 300")
        heard = [each for each in listener.heard if not isinstance(each, Words)]
        at = next(place for place, each in enumerate(heard) if isinstance(each, Overlong))
        before, after = heard[at - 1], heard[at + 1]
        assert isinstance(before, Spoken) and isinstance(after, Spoken)
        self.assertEqual((len(before.line), heard[at], len(after.line)), (16777216, Overlong(50000000), 299))

    async def test_bad_lines(self) -> None:
        """What is no UTF-8, no JSON or no object is kept as raw; whatever else passes; nothing ends the hearing
        (CH-07, CH-11, CH-12)."""
        listener = await self._hear(
            'bad_utf8:\nutf16:\nraw: "\\n"\nsplit:\nsurrogate:\nunknown:\nnan:\ndeep:\ntwice:\nnot_an_object:\n'
            "error_line:\nlines: 1 300"
        )
        self.assertEqual(len(listener.all(type="raw")), 10)
        self.assertEqual(len(listener.all(text="\N{WOMAN} split")), 1)
        self.assertEqual(len(listener.all(text="cut \ud83d")), 1)
        self.assertEqual(len(listener.all(type="error")), 1)
        self.assertEqual([each.get("value") for each in map(message, listener.heard) if "value" in each], [1, 2, 2])
        self.assertEqual(len(listener.all(n=0)), 1)

    async def test_many_lines(self) -> None:
        """Lines are heard in batches, all of them, in order."""
        listener = await self._hear("lines: 20000 300")
        self.assertEqual([each["n"] for each in map(message, listener.heard) if "n" in each], list(range(20000)))
        self.assertLess(listener.batches, 2000)

    async def test_flood_of_complaints(self) -> None:
        """A flood on stderr blocks nothing, and only its end is kept (CH-09)."""
        run, listener = await self.start()
        await self.prompt(run, "stderr: 300000000\nstderr: the last word")
        await listener.rest()
        await run.stop()
        stderr = (await listener.end()).stderr
        self.assertEqual((len(stderr), stderr[-14:]), (2048, "the last word\n"))

    async def test_not_ready(self) -> None:
        """Nothing more is read until the listener is ready, and nothing is lost by that, not even at the end."""
        run, listener = await self.start()
        listener.hold = True
        await self.prompt(run, "lines: 50000 300\nexit: 5")
        await listener.until(lambda: listener.batches == 1)
        heard = len(listener.heard)
        await deferLater(reactor, 0.3)
        self.assertEqual((listener.batches, len(listener.heard), listener.ending), (1, heard, None))
        listener.go_on()
        self.assertEqual((await listener.end()).exit_code, 5)
        self.assertEqual([each["n"] for each in map(message, listener.heard) if "n" in each], list(range(50000)))

    async def test_dead_but_not_heard(self) -> None:
        """The last words of the dead wait until the listener is ready; then comes the end."""
        run, listener = await self.start()
        listener.hold = True
        await self.prompt(run, "pause: 0.2\nlines: 100 300\nexit: 5")
        await run.kill()
        self.assertIsNone(listener.ending)
        listener.go_on()
        await listener.end()

    async def test_half_a_line(self) -> None:
        """Half a line is heard, marked, when the process dies in its middle (CH-08)."""
        run, listener = await self.start()
        await self.prompt(run, "half: 3")
        ending = await listener.end()
        self.assertEqual(ending.exit_code, 3)
        last = message(listener.heard[-1])
        self.assertEqual((last["type"], last["partial"]), ("raw", True))
        self.assertTrue(str(last["text"]).endswith('{"cont'))

    async def test_forged_session(self) -> None:
        """A session id that is no UUID is passed on as it was said, and named nowhere (AR-10)."""
        listener = await self._hear("forge: --settings=x")
        self.assertTrue(listener.all(subtype="init", session_id="--settings=x"))
        named = {each.session_id for each in listener.heard if isinstance(each, SessionNamed)}
        self.assertNotIn("--settings=x", named)

    async def test_unknown_request(self) -> None:
        """A request that the server does not know is answered with an error, so that the CLI goes on."""
        request = '{"type":"control_request","request_id":"q","request":{"subtype":"hook_callback"}}\\n'
        listener = await self._hear("raw: " + '"' + request.replace('"', '\\"') + '"\nsay: on')
        self.assertEqual(len(listener.all(type="control_request")), 0)


class ConversationTests(AgentTestCase):
    async def test_permission(self) -> None:
        """A question is asked, answered, and the answer arrives; a second one is denied."""
        run, listener = await self.start()
        for number, (answer, said) in enumerate(
            (
                (Answer(Behavior.ALLOW), '"command": "ls"'),
                (Answer(Behavior.ALLOW, {"command": "pwd"}), '"command": "pwd"'),
                (Answer(Behavior.DENY, message="never"), "never"),
            )
        ):
            await self.prompt(run, 'tool: Bash {"command":"ls"}')
            question = await self._question(listener, number)
            run.answer(question.permission_id, question.request, answer)
            await listener.rest(number + 1)
            self.assertIn(said, str(listener.all(type="user")[-1]))

    async def _question(self, listener: Listener, number: int) -> PermissionAsked:
        asked: list[PermissionAsked] = []

        def enough() -> bool:
            asked[:] = [each for each in listener.heard if isinstance(each, PermissionAsked)]
            return len(asked) > number

        await listener.until(enough)
        return asked[number]

    async def test_interrupt(self) -> None:
        """An interrupt ends the turn and is confirmed; the process serves on."""
        run, listener = await self.start()
        await self.prompt(run, "say: x\nforever:")
        await listener.find(type="assistant")
        self.assertTrue(await run.interrupt())
        await listener.rest()
        await self.prompt(run, "say: on")
        await listener.rest(2)

    async def test_interrupt_unheard(self) -> None:
        """An interrupt that is not confirmed in time says so (no escalation by itself)."""
        run, listener = await self.start(self.claude(waits=Waits(interrupt=0.2), steps=QUICK))
        await self.prompt(run, "deaf:\nsay: x\nhang:")
        await listener.find(type="assistant")
        self.assertFalse(await run.interrupt())
        self.assertIsNone(listener.ending)

    async def test_context(self) -> None:
        """The CLI says how full the conversation is."""
        run, _ = await self.start()
        self.assertIsInstance(await run.context(), Context)

    async def test_mode_refused(self) -> None:
        """A mode that the CLI refuses is a refusal, and the prompt is not handed over."""
        run, listener = await self.start()
        with self.assertRaises(Refusal) as caught:
            await self.prompt(run, "say: never", PermissionMode.BYPASS)
        self.assertEqual(caught.exception.code, Code.EXECUTION_FAILED)
        await self.prompt(run, "say: hello")
        await listener.rest()
        self.assertNotIn("never", str(listener.all(type="assistant")))


class EndTests(AgentTestCase):
    async def _offspring(self, listener: Listener, number: int) -> list[int]:
        await listener.until(lambda: len(listener.all(type="offspring")) >= number)
        return [int(str(each["pid"])) for each in listener.all(type="offspring")]

    async def test_steps(self) -> None:
        """A CLI that ignores everything is killed, with all that it has started; killing twice is killing once
        (CH-01, CH-02, CH-03, CH-22)."""
        run, listener = await self.start(self.claude(steps=QUICK))
        await self.prompt(run, "stubborn:\nchild:\ndaemon:\nzombie:\nhang:")
        pids = await self._offspring(listener, 2)
        both = [Deferred.fromCoroutine(run.kill()), Deferred.fromCoroutine(run.kill())]
        for each in both:
            await each
        self.assertEqual([pid for pid in pids if is_alive(pid)], [])
        ending = await listener.end()
        self.assertEqual((ending.exit_code, ending.signal), (None, signal.SIGKILL))
        await run.kill()
        await run.stop()

    async def test_kill_begins_gently(self) -> None:
        """A kill interrupts first, so that the result of the turn is heard, and an obedient CLI ends by itself."""
        run, listener = await self.start()
        await self.prompt(run, "say: x\nforever:")
        await listener.find(type="assistant")
        await run.kill()
        ending = await listener.end()
        self.assertTrue([each for each in listener.heard if isinstance(each, TurnResult)])
        self.assertIsNone(ending.signal)

    async def test_terminated(self) -> None:
        """A CLI that does not hear the end of its stdin hears SIGTERM."""
        run, listener = await self.start(self.claude(steps=QUICK))
        await self.prompt(run, "deaf:\nsay: x\nhang:")
        await listener.find(type="assistant")
        await run.kill()
        self.assertEqual((await listener.end()).exit_code, 143)

    async def test_frozen(self) -> None:
        """A CLI that has stopped itself is killed too (CH-17)."""
        run, listener = await self.start(self.claude(steps=QUICK))
        await self.prompt(run, "stubborn:\ndeaf:\nsay: x\nfreeze:")
        await listener.find(type="assistant")
        await run.kill()
        self.assertEqual((await listener.end()).signal, signal.SIGKILL)

    async def test_heir(self) -> None:
        """When the CLI has ended, a daemon that holds its stdout is killed, and the end is told (CH-04)."""
        run, listener = await self.start()
        await self.prompt(run, "heir:\nexit: 0")
        pids = await self._offspring(listener, 1)
        self.assertEqual((await listener.end()).exit_code, 0)
        self.assertEqual([pid for pid in pids if is_alive(pid)], [])

    async def test_closed_output(self) -> None:
        """A CLI that closes its output and lives on is not taken for dead; a kill ends it (CH-05)."""
        run, listener = await self.start(self.claude(steps=QUICK))
        await self.prompt(run, "dump:\nclose_output:")
        dump = await listener.find(type="dump")
        await deferLater(reactor, 0.2)
        self.assertIsNone(listener.ending)
        await run.kill()
        await listener.end()
        self.assertFalse(is_alive(int(str(dump["pid"]))))

    async def test_dies_by_itself(self) -> None:
        """An exit or a signal in mid-turn is told as it was; later prompts are refused."""
        for script, end in (("exit: 7", (7, None)), ("signal: 9", (None, 9))):
            run, listener = await self.start()
            await self.prompt(run, script)
            ending = await listener.end()
            self.assertEqual((ending.exit_code, ending.signal), end)
            self.assertTrue(run.is_ending)
            with self.assertRaises(Refusal) as caught:
                await self.prompt(run, "say: x")
            self.assertEqual(caught.exception.code, Code.EXECUTION_FAILED)
            self.assertFalse(await run.interrupt())
            self.assertIsNone(await run.context())

    async def test_closed_stdin(self) -> None:
        """A CLI that ends while it is written to is no crash, and the prompt stands in no log (CH-15)."""
        run, listener = await self.start()
        with capturedLogs() as events:
            await self.prompt(run, "deaf:\npause: 0.3\nexit: 0")
            await self.prompt(run, "say: a secret of mine " + "x" * 2_000_000)
            await listener.end()
            run.answer("x", b"{}", Answer(Behavior.DENY, message="a secret of mine"))
        self.assertNotIn("a secret of mine", str(events))

    async def test_deaf(self) -> None:
        """A CLI that never reads blocks nobody, and has a bound: then prompts are refused (AR-18)."""
        run, listener = await self.start(self.claude(steps=QUICK))
        await self.prompt(run, "deaf:\nsay: x\nhang:")
        await listener.find(type="assistant")
        with self.assertRaises(Refusal) as caught:
            for _ in range(20):
                await self.prompt(run, "x" * 1_000_000)
        self.assertEqual(caught.exception.code, Code.EXECUTION_FAILED)
        await run.kill()

    async def test_supervisor_killed(self) -> None:
        """When the supervisor is killed, everything of this run is found and killed, and nobody saw how it ended
        (CH-28)."""
        run, listener = await self.start()
        await self.prompt(run, "dump:\nchild:\ndaemon:\nheir:\nforever:")
        dump = await listener.find(type="dump")
        pids = [*await self._offspring(listener, 3), int(str(dump["pid"]))]
        os.kill(int(str(dump["ppid"])), signal.SIGKILL)
        ending = await listener.end()
        self.assertEqual((ending.exit_code, ending.signal), (None, None))
        self.assertEqual([pid for pid in pids if is_alive(pid)], [])

    async def test_supervisor_stopped(self) -> None:
        """A supervisor that does not obey is killed itself at the last step, and the rest is hunted down."""
        steps = tuple(evolve(step, wait=min(step.wait, 0.2)) for step in STEPS[:-1]) + STEPS[-1:]
        run, listener = await self.start(self.claude(steps=steps))
        await self.prompt(run, "stubborn:\ndump:\ndaemon:\nhang:")
        dump = await listener.find(type="dump")
        pids = [*await self._offspring(listener, 1), int(str(dump["pid"]))]
        os.kill(int(str(dump["ppid"])), signal.SIGSTOP)
        await run.kill()
        self.assertEqual([pid for pid in pids if is_alive(pid)], [])
        await listener.end()

    async def test_server_killed(self) -> None:
        """After a kill -9 of the server nothing of its agents is alive (the dead-man switch)."""
        command = [sys.executable, "-m", "tests.outbound.agent.doomed", str(self.folder)]
        environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
        server = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3], env=environment)
        assert server.stdout is not None
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        pids = [int(pid) for pid in server.stdout.readline().split()]
        self.assertEqual((len(pids), [pid for pid in pids if not is_alive(pid)]), (5, []))
        server.kill()
        self.assertEqual([pid for pid in pids if not dies(pid)], [])
