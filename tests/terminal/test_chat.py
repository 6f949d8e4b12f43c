"""A conversation on the screen, over the client and the services themselves, with an agent that the test steers."""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from importlib import import_module
from pathlib import Path

from attrs import define

from pocketagent.client import Server
from pocketagent.client.problems import NotMyServer, Unreachable
from pocketagent.domain.access import Scope
from pocketagent.domain.agent import Behavior, PermissionMode
from pocketagent.domain.commands import (
    AcknowledgeMessages,
    AnswerPermission,
    Configure,
    DeleteProject,
    Execute,
    Interrupt,
    JoinProject,
    Kill,
    LeaveProject,
)
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.terminal import chat
from pocketagent.terminal.chat import LEFT, MAX_BEFORE, NO_CONNECTION, REFUSED, Chat, Terminal
from pocketagent.terminal.person import MAX_DIGITS
from pocketagent.terminal.screen import GRACE
from pocketagent.wire import claude
from tests.client.loops import LoopTestCase
from tests.services.workshop import AT_REST, BUSY, INIT, OK, WorkshopCase, device
from tests.terminal.glass import Glass
from tests.terminal.served import Counter

PLACE = "/home/me/work"
HEAVY = (*chat.HEAVY, "rich", "markdown_it", "websockets", "cryptography")
for name in chat.HEAVY:
    import_module(name)

FIRST_SIGHT = f"""
import asyncio, sys
from pathlib import Path
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from pocketagent.terminal.chat import Chat, Terminal
from pocketagent.client.problems import Unreachable
from types import SimpleNamespace

async def dial(server):
    print("dialled", chat._desk.screen.stands.is_set())
    raise Unreachable("Nobody is there.")

def look(app):
    if chat._desk.screen.stands.is_set():
        return
    print("seen", [name for name in {HEAVY!r} if name in sys.modules])

with create_pipe_input() as pipe:
    chat = Chat(SimpleNamespace(), ".", Terminal(pipe, DummyOutput(), Path("/")), dial)
    chat._desk.screen.app.before_render += look
    print(asyncio.run(chat.run()), chat.farewell)
"""


def line(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def said(text: str) -> bytes:
    """The agent says something."""
    return line(type="assistant", message={"content": [{"type": "text", "text": text}]})


def used(call: str, command: str) -> bytes:
    """The agent uses a tool."""
    block = {"type": "tool_use", "id": call, "name": "Bash", "input": {"command": command}}
    return line(type="assistant", message={"content": [block]})


def returned(call: str, output: str) -> bytes:
    block = {"type": "tool_result", "tool_use_id": call, "content": output}
    return line(type="user", message={"content": [block]})


def question(name: str, command: str) -> bytes:
    """The agent asks for a permission."""
    request = {"subtype": "can_use_tool", "tool_name": "Bash", "input": {"command": command}, "tool_use_id": name}
    return line(type="control_request", request_id=name, request=request)


@define(eq=False)
class Talk:
    """A chat that goes on."""

    glass: Glass
    counter: Counter
    chat: Chat
    running: "asyncio.Task[int]"

    @property
    def draft(self) -> str:
        return self.chat._desk.screen.composer.text

    async def type(self, *keys: str) -> None:
        await self.glass.type(*keys)

    async def say(self, text: str) -> None:
        """Write it, and Enter."""
        await self.glass.type(text, "enter")

    async def ended(self) -> tuple[int, str]:
        return await self.running, self.chat.farewell

    async def rest(self, seconds: float = GRACE) -> None:
        await asyncio.sleep(seconds)

    def executed(self) -> Sequence[Execute]:
        """The prompts that it has sent."""
        return [command for command in self.counter.asked if isinstance(command, Execute)]


class ChatCase(LoopTestCase, WorkshopCase):
    def setUp(self) -> None:
        super().setUp()
        self.project_id = self.project(PLACE)

    def counter(self, scope: Scope = Scope.ADMIN) -> Counter:
        return Counter(self.shop, device(scope, "desk"))

    @contextlib.asynccontextmanager
    async def chat(
        self,
        wanted: str = ".",
        counter: Counter | None = None,
        place: str = PLACE,
        has_joined: bool = True,
        rows: int = 30,
    ) -> AsyncIterator[Talk]:
        counter = counter or self.counter()
        async with Glass.made(80, rows) as glass:
            clock = asyncio.get_running_loop().time
            terminal = Terminal(glass.pipe, glass.output, Path(place), clock=clock, now=self.shop.clock.seconds)
            started = Chat(Server("localhost", "pa_token"), wanted, terminal, counter)
            talk = Talk(glass, counter, started, asyncio.create_task(started.run()))
            try:
                if has_joined:
                    await glass.sees(lambda one: " · idle" in one.last_line or " · working" in one.last_line)
                yield talk
            finally:
                talk.running.cancel()
                await asyncio.wait([talk.running])

    def play(self, story: Callable[[Talk], Awaitable[None]], scope: Scope = Scope.ADMIN) -> None:
        async def whole() -> None:
            async with self.chat(counter=self.counter(scope)) as talk:
                await story(talk)

        self.tell(whole(), tidies=False)

    def answer_elsewhere(self, talk: Talk) -> None:
        """Another device allows what is asked."""
        (name,) = talk.chat._desk.conversation.questions
        self.ask(AnswerPermission(project_id=self.project_id, permission_id=name, behavior=Behavior.ALLOW))

    # -- the agent ----------------------------------------------------------------------------------------------

    def hears(self, *lines: bytes) -> None:
        """The CLI says it."""
        self.run_.says(*claude.hear(lines).utterances)
        self.shop.clock.advance(0)

    def begins(self) -> None:
        self.run_.says(BUSY, INIT)
        self.shop.clock.advance(0)

    def ends(self) -> None:
        self.run_.says(OK, AT_REST)
        self.shop.clock.advance(0)

    def prompts(self) -> Sequence[str]:
        return [prompt[1] for run in self.shop.agent.runs for prompt in run.prompts]


class FirstSightTests(ChatCase):
    def test_light(self) -> None:
        """The composer is seen before anything heavy is imported, and before anybody is dialled."""
        run = subprocess.run(
            [sys.executable, "-c", FIRST_SIGHT], capture_output=True, text=True, check=False, timeout=60
        )
        told = "seen []\ndialled True\n3 Nobody is there.\n"
        self.assertEqual((run.stdout, run.stderr), (told, ""))

    def test_before_the_connection(self) -> None:
        """What is written before there is a connection waits, and goes to the project that is joined; the terminal's
        own commands are answered as far as they can be."""

        async def story() -> None:
            self.shop.agent.slow = False
            counter = self.counter()
            let_in = asyncio.Event()

            async def dial(server: Server) -> object:
                await let_in.wait()
                return await counter(server)

            async with self.chat(counter=dial, has_joined=False) as talk:  # type: ignore[arg-type]  # it dials, too
                await talk.say("early")
                await talk.say("/kill")
                await talk.say("/mode")
                await talk.glass.sees("1. early (not sent yet)")
                self.assertIn("/kill needs a connection", talk.glass.flat)
                self.assertIn("The modes are", talk.glass.flat)
                self.assertIn("connecting", talk.glass.last_line)
                let_in.set()
                await talk.glass.sees("› early")
                self.assertNotIn("not sent yet", talk.glass.flat)
            self.assertEqual(self.prompts(), ["early"])
            self.assertEqual(counter.count(Execute), 1)

        self.tell(story())

    def test_what_was_said_before(self) -> None:
        """Who comes later reads what was said, and then what is said, once each."""

        async def story() -> None:
            for number in range(3):
                self.execute(self.project_id, f"prompt {number}")
                self.turn(said(f"answer {number}"))
            async with self.chat() as talk:
                self.execute(self.project_id, "prompt 3")
                self.turn(said("answer 3"))
                await talk.glass.sees("answer 3")
                for number in range(4):
                    for word in ("prompt", "answer"):
                        self.assertEqual(talk.glass.text.count(f"{word} {number}"), 1)
                self.assertNotIn("Earlier:", talk.glass.text)

        self.tell(story())

    def test_much_was_said_before(self) -> None:
        """Of much the last MAX_BEFORE pieces are shown, and how the rest is found."""

        async def story() -> None:
            for number in range(MAX_BEFORE):
                self.execute(self.project_id, f"prompt {number}.")
                self.turn(said(f"answer {number}."))
            async with self.chat() as talk:
                self.assertIn("Earlier: pocketagent log work", talk.glass.text)
                shown = [number for number in range(MAX_BEFORE) if f"answer {number}." in talk.glass.text]
                self.assertEqual(shown, list(range(MAX_BEFORE - MAX_BEFORE // 3, MAX_BEFORE)))

        self.tell(story())

    def test_in_the_middle(self) -> None:
        """Who comes while a question is open sees its card."""

        async def story() -> None:
            self.execute(self.project_id, "go")
            self.begins()
            self.hears(used("t", "make"), question("t", "make"))
            async with self.chat(has_joined=False) as talk:
                await talk.glass.sees("allow once")
                self.assertIn("waits for you", talk.glass.last_line)

        self.tell(story())


class PromptTests(ChatCase):
    def test_sent(self) -> None:
        """A prompt goes out once, with an id of its own; its answer is read as it comes."""

        async def story(talk: Talk) -> None:
            await talk.say("do it")
            (asked,) = talk.executed()
            self.assertEqual((asked.prompt, asked.queue, asked.options.permission_mode), ("do it", True, None))
            self.assertIsNotNone(asked.prompt_id)
            self.assertEqual(self.prompts(), ["do it"])
            self.begins()
            await talk.glass.sees("working")
            self.hears(said("**Done** it."))
            self.ends()
            await talk.glass.sees("● Done it.")
            await talk.glass.sees("✓")
            await talk.glass.sees(lambda one: "work · idle" in one.last_line)
            self.assertEqual(talk.glass.text.count("› do it"), 1)
            self.assertEqual(talk.counter.count(AcknowledgeMessages), 1)

        self.play(story)

    def test_not_sent_yet(self) -> None:
        """A prompt of which the server has said nothing is marked."""

        async def story(talk: Talk) -> None:
            self.shop.journals.writing.slow = True
            await talk.say("do it")
            self.assertIn("1. do it (not sent yet)", talk.glass.flat)
            self.shop.journals.writing.open_all()
            await talk.glass.sees("› do it")
            self.assertNotIn("not sent yet", talk.glass.flat)

        self.play(story)

    def test_refused(self) -> None:
        """A prompt that is refused stands in the composer again, and why; but not in the place of another one."""

        async def story(talk: Talk) -> None:
            await talk.say("x" * 2000)
            await talk.glass.sees("at most 1000 are taken")
            self.assertEqual(talk.draft, "x" * 2000)
            self.assertNotIn("not sent yet", talk.glass.flat)
            await talk.type("ctrl-u")
            self.shop.agent.slow = True
            await talk.say("first")
            await talk.type("second")
            self.shop.agent.refuses = Refusal(Code.EXECUTION_FAILED, "Not today.")
            self.shop.agent.starting[0].callback(None)
            await talk.glass.sees("Not today.")
            self.assertEqual(talk.draft, "second")

        self.play(story)

    def test_reader(self) -> None:
        """A device that may only read is told so, and keeps what it wrote."""

        async def story(talk: Talk) -> None:
            await talk.say("do it")
            await talk.glass.sees("needs the scope")
            self.assertEqual(talk.draft, "do it")
            self.assertEqual(self.prompts(), [])

        self.play(story, Scope.READ)

    def test_queue(self) -> None:
        """What is written while the agent works waits; /queue shows it, /drop takes one out."""

        async def story(talk: Talk) -> None:
            await talk.say("/queue")
            await talk.glass.sees("Nothing waits.")
            await talk.say("first")
            self.begins()
            await talk.say("second")
            await talk.say("third")
            await talk.glass.sees("1. second (waits) 2. third (waits)")
            await talk.glass.sees(lambda one: "+2" in one.last_line)
            await talk.say("/queue")
            await talk.glass.sees("The queue 1. second 2. third")
            for wrong in ("", "0", "3", "x", "-1", "²", "9" * MAX_DIGITS, "9" * 5000):
                await talk.type("ctrl-l")
                await talk.say(f"/drop {wrong}")
                self.assertIn("Say which", talk.glass.flat, wrong)
            await talk.say("/drop 1")
            await talk.glass.sees("dropped")
            await talk.glass.sees("1. third (waits)")
            self.ends()
            await talk.glass.sees("› third")

        self.play(story)


class TurnTests(ChatCase):
    def test_interrupt_and_kill(self) -> None:
        """Ctrl-C interrupts; a second time within the same turn it kills."""

        async def story(talk: Talk) -> None:
            await talk.say("do it")
            self.begins()
            await talk.type("draft", "ctrl-c")
            await talk.glass.sees("Ctrl-C again kills")
            self.assertEqual((self.run_.interrupts, self.run_.killed, talk.draft), (1, False, "draft"))
            await talk.type("ctrl-c")
            self.assertEqual((self.run_.interrupts, self.run_.killed), (1, True))
            self.run_.dies(None, 9)
            await talk.glass.sees("killed")
            await talk.type("ctrl-c")
            self.assertEqual(talk.draft, "")
            await talk.type("ctrl-c")
            await talk.glass.sees("Ctrl-D leaves.")
            self.assertEqual((talk.counter.count(Interrupt), talk.counter.count(Kill)), (1, 1))

        self.play(story)

    def test_interrupt_of_two_turns(self) -> None:
        """The next turn is interrupted first, too."""

        async def story(talk: Talk) -> None:
            for number in (1, 2):
                await talk.say(f"prompt {number}")
                self.begins()
                await talk.glass.sees(lambda one: "working" in one.last_line)
                await talk.type("ctrl-c")
                self.assertEqual((self.run_.interrupts, self.run_.killed), (number, False))
                self.ends()
                await talk.glass.sees(lambda one: "work · idle" in one.last_line)

        self.play(story)

    def test_mode(self) -> None:
        """Tab changes the mode of what runs now and of the next prompts; /mode names one, and a wrong one is told."""

        async def story(talk: Talk) -> None:
            await talk.type("tab")
            await talk.glass.sees(lambda one: "accepts edits" in one.last_line)
            await talk.say("do it")
            self.assertEqual(self.run_.prompts[0][3], PermissionMode.ACCEPT_EDITS)
            self.assertEqual(talk.counter.count(Configure), 0)
            self.begins()
            await talk.type("tab")
            self.assertEqual(self.run_.configured, [(None, PermissionMode.PLAN)])
            await talk.glass.sees(lambda one: "plans only" in one.last_line)
            await talk.say("/mode default")
            self.assertEqual(self.run_.configured[1:], [(None, PermissionMode.DEFAULT)])
            for wrong in ("/mode", "/mode wrong", "/mode Plan"):
                await talk.type("ctrl-l")
                await talk.say(wrong)
                self.assertIn("The modes are default, acceptEdits, plan", talk.glass.flat)
            await talk.say("/mode bypassPermissions")
            await talk.type("tab")
            self.assertEqual(self.run_.configured[2:], [(None, PermissionMode.ACCEPT_EDITS)])

        self.play(story)

    def test_model(self) -> None:
        """/model names the model of what runs now and of the next prompts; what is no name is told."""

        async def story(talk: Talk) -> None:
            await talk.say("/model opus")
            await talk.glass.sees(lambda one: "opus" in one.last_line)
            await talk.say("/model no name")
            await talk.glass.sees("not the name of a model")
            await talk.say("do it")
            self.assertEqual(self.run_.prompts[0][2], "opus")
            self.begins()
            await talk.say("/model haiku")
            self.assertEqual(self.run_.configured, [("haiku", None)])
            self.ends()
            await talk.say("/model")
            await talk.say("again")
            self.assertEqual(self.run_.prompts[1][2], None)

        self.play(story)

    def test_expand(self) -> None:
        """Ctrl-O shows all of the last call of a tool; before there was one, it says so."""

        async def story(talk: Talk) -> None:
            await talk.type("ctrl-o")
            await talk.glass.sees("No tool was used yet.")
            await talk.say("do it")
            self.begins()
            self.hears(used("t", "make"), returned("t", "\n".join(f"line {number}" for number in range(9))))
            await talk.glass.sees("● Bash(make)")
            self.assertNotIn("line 3", talk.glass.text)
            await talk.type("ctrl-o")
            await talk.glass.sees("line 0 line 1 line 2 line 3")
            self.assertIn('"command": "make"', talk.glass.text)

        self.play(story)


class CommandTests(ChatCase):
    def test_help(self) -> None:
        """/help shows the keys and the commands."""

        async def story(talk: Talk) -> None:
            await talk.say("/help")
            await talk.glass.sees("/quit")
            self.assertIn("Ctrl-O shows", talk.glass.flat)

        self.play(story)

    def test_quit(self) -> None:
        """/quit and Ctrl-D leave, and the agent goes on; nothing is left on the screen but what was said."""

        async def story(keys: Sequence[str]) -> None:
            async with self.chat() as talk:
                await talk.say("do it")
                self.begins()
                await talk.type(*keys)
                self.assertEqual(await talk.ended(), (LEFT, ""))
                self.assertEqual(talk.glass.lines[-2:], ["", "› do it"])
                self.assertTrue(talk.glass.has_cursor)
            self.ends()

        for keys in (["/quit", "enter"], ["ctrl-d"]):
            self.tell(story(keys))
            self.assertFalse(self.run_.is_ending)

    def test_new(self) -> None:
        """/new begins a new conversation; while the agent works, it is told that this is not the time."""

        async def story(talk: Talk) -> None:
            await talk.say("/new")
            await talk.glass.sees("A new conversation begins")
            await talk.say("/kill")
            await talk.glass.sees(lambda one: one.flat.count("·") > 2)

        self.play(story)

    def test_json(self) -> None:
        """/json shows the raw messages besides, and no longer when it is given again."""

        async def story(talk: Talk) -> None:
            await talk.say("/json")
            await talk.say("do it")
            self.begins()
            self.hears(said("one \x1b[31m"))
            await talk.glass.sees('"type":"client_message"')
            await talk.glass.sees("● one")
            self.assertNotIn("\x1b[31m", talk.glass.raw.split("client_message")[-1])
            await talk.say("/json")
            await talk.type("ctrl-l")
            self.hears(said("two"))
            await talk.glass.sees("● two")
            self.assertNotIn('"type"', "\n".join(talk.glass.lines))

        self.play(story)

    def test_agents_own(self) -> None:
        """What is no command of the terminal's goes to the agent."""

        async def story(talk: Talk) -> None:
            await talk.say("/compact now")
            self.assertEqual(self.prompts(), ["/compact now"])

        self.play(story)

    def test_agents_own_of_the_same_name(self) -> None:
        """What is the terminal's own is told in its own words, also where the agent has one of that name."""

        async def story(talk: Talk) -> None:
            talk.chat._desk.commands = {"/model": "the agent's words"}
            await talk.type("/mod", "tab")
            await talk.glass.sees("which model answers")
            self.assertNotIn("the agent's words", talk.glass.text)

        self.play(story)

    def test_trust(self) -> None:
        """/trust shows what would run by itself, and approves just that when the person says so."""

        async def story(talk: Talk) -> None:
            await talk.say("/trust")
            await talk.glass.sees("Nothing here runs by itself")
            self.shop.directories.make(PLACE, {".claude/settings.json": b"{}"})
            await talk.say("do it")  # which is when the server looks at them
            self.turn()
            for key, found in (("n", []), ("y", ["Approved"])):
                await talk.say("/trust")
                await talk.glass.sees("Approve them as they are now? [y/n]")
                self.assertIn(".claude/settings.json", talk.glass.text)
                await talk.rest()
                await talk.type("x", key)
                self.assertNotIn("[y/n]", talk.glass.text)
                self.assertEqual([word for word in ("Approved",) if word in talk.glass.text], found)
            await talk.type("words")
            self.assertEqual(talk.draft, "words")

        self.play(story)

    def test_trust_twice(self) -> None:
        """Of questions of our own one is asked after the other, and each is answered."""

        async def story(talk: Talk) -> None:
            self.shop.directories.make(PLACE, {".claude/settings.json": b"{}"})
            await talk.say("do it")
            self.turn()
            talk.glass.pipe.send_text("/trust\r/trust\r")
            for _ in range(2):
                await talk.glass.sees("[y/n]")
                await talk.rest()
                await talk.type("n")
            self.assertNotIn("[y/n]", talk.glass.text)
            await talk.type("words")
            self.assertEqual(talk.draft, "words")

        self.play(story)


class ProjectTests(ChatCase):
    def test_projects(self) -> None:
        """/projects shows them all."""

        async def story(talk: Talk) -> None:
            self.project("/home/me/other")
            await talk.say("/projects")
            await talk.glass.sees("other /home/me/other")
            self.assertIn("IDLE work /home/me/work", talk.glass.flat)

        self.play(story)

    def test_completed(self) -> None:
        """/project completes the projects as they are after each turn, those that others have made meanwhile, too."""

        async def story(talk: Talk) -> None:
            self.project("/home/me/other")
            await talk.say("do it")
            self.begins()
            self.ends()
            await talk.glass.sees("✓")
            await talk.type("/project ot")
            await talk.glass.sees("/home/me/other")

        self.play(story)

    def test_another_one(self) -> None:
        """/project NAME goes there: its history is shown, prompts go there, and the first one is left."""

        async def story(talk: Talk) -> None:
            other = self.project("/home/me/other")
            self.execute(other, "before")
            self.turn(said("there"))
            await talk.say("/project other")
            await talk.glass.sees(lambda one: "other · idle" in one.last_line)
            self.assertIn("● there", talk.glass.text)
            self.assertEqual(talk.counter.count(LeaveProject), 1)
            await talk.say("here")
            self.assertEqual([asked.project_id for asked in talk.executed()], [other])
            await talk.say("/project other")
            await talk.glass.sees("This is other already.")
            self.assertEqual(talk.counter.count(JoinProject), 2)

        self.play(story)

    def test_an_unknown_one(self) -> None:
        """A project that is not there is told, with what may be meant, and the chat stays where it is."""

        async def story(talk: Talk) -> None:
            for name in ("wrok", "/home/me"):
                await talk.type("ctrl-l")
                await talk.say(f"/project {name}")
                await talk.glass.sees("project")
                if name == "/home/me":
                    await talk.glass.sees("make it one? [y/n]")
                    await talk.rest()
                    await talk.type("n")
                else:
                    await talk.glass.sees("Did you mean 'work'?")
            await talk.say("still here")
            self.assertEqual(self.prompts(), ["still here"])
            self.assertEqual(talk.counter.count(LeaveProject), 0)

        self.play(story)

    def test_what_was_on_its_way(self) -> None:
        """A prompt that waits for its answer when the person goes elsewhere stays with its project."""

        async def story(talk: Talk) -> None:
            other = self.project("/home/me/other")
            self.shop.journals.writing.slow = True
            await talk.say("for work")
            await talk.say("/project other")
            await talk.glass.sees(lambda one: "other · idle" in one.last_line)
            self.shop.journals.writing.open_all()
            await talk.rest()
            self.assertEqual(
                [asked.project_id for asked in talk.executed()],
                [self.project_id],
            )
            self.assertNotIn("not sent yet", talk.glass.text)
            self.assertNotEqual(other, self.project_id)

        self.play(story)

    def test_gone_and_left_at_once(self) -> None:
        """Who goes to another project and leaves in the same moment is let go."""

        async def story(talk: Talk) -> None:
            self.project("/home/me/other")
            talk.glass.pipe.send_text("/project other\r\x04")
            self.assertEqual(await talk.ended(), (LEFT, ""))

        self.play(story)

    def test_deleted(self) -> None:
        """When the project is deleted the chat ends, and says so."""

        async def story(talk: Talk) -> None:
            self.ask(DeleteProject(project_id=self.project_id))
            self.assertEqual(await talk.ended(), (REFUSED, "The project work was deleted."))

        self.play(story)

    def test_none(self) -> None:
        """Where the project is not there at the beginning the chat ends, and says what may be meant."""

        async def story() -> None:
            async with self.chat("wrok", has_joined=False) as talk:
                code, farewell = await talk.ended()
                self.assertEqual(code, REFUSED)
                self.assertIn("Did you mean 'work'?", farewell)
            async with self.chat(place="/home/me/new", counter=self.counter(Scope.EXECUTE), has_joined=False) as talk:
                code, farewell = await talk.ended()
                self.assertEqual(code, REFUSED)
                self.assertIn("No project lies at or around /home/me/new", farewell)
            circle = Path(self.mktemp()).absolute()
            circle.symlink_to(circle)
            counter = self.counter(Scope.EXECUTE)
            async with self.chat(".", counter, str(circle), has_joined=False) as talk:
                code, farewell = await talk.ended()
                self.assertEqual(code, REFUSED)
                self.assertIn(f"No project lies at or around {circle}", farewell)

        self.tell(story())

    def test_made(self) -> None:
        """A directory that is no project becomes one if the person says so, and not before; else the chat ends."""

        async def story() -> None:
            self.shop.directories.make("/home/me/new")
            for key in ("n", "y"):
                async with self.chat(place="/home/me/new", has_joined=False) as talk:
                    await talk.glass.sees("/home/me/new is no project yet: make it one? [y/n]")
                    await talk.type(key)
                    self.assertIn("[y/n]", talk.glass.text)
                    await talk.rest()
                    await talk.type(key.upper())
                    if key == "n":
                        self.assertEqual(await talk.ended(), (LEFT, ""))
                    else:
                        await talk.glass.sees(lambda one: "new · idle" in one.last_line)

        self.tell(story())


class QuestionTests(ChatCase):
    async def asks(self, talk: Talk, *commands: str) -> None:
        """The agent asks for each of these."""
        await talk.say("go")
        self.begins()
        for command in commands:
            self.hears(used(command, command), question(command, command))
        await talk.glass.sees("Run this command?")
        await talk.rest()

    def answers(self) -> Sequence[tuple[str, Behavior]]:
        return [(name, answer.behavior) for name, answer in self.run_.answers]

    def test_answered(self) -> None:
        """The oldest question has the card; when it is answered, the next one has it."""

        async def story(talk: Talk) -> None:
            await self.asks(talk, "one", "two")
            self.assertIn("$ one", talk.glass.text)
            self.assertNotIn("$ two", talk.glass.text)
            self.assertIn("waits for you", talk.glass.last_line)
            await talk.type("y")
            await talk.glass.sees("$ two")
            await talk.type("n")  # too soon
            await talk.rest()
            await talk.type("n")
            await talk.glass.sees("Why not?")
            await talk.type("because", "enter")
            self.assertEqual(self.answers(), [("one", Behavior.ALLOW), ("two", Behavior.DENY)])
            self.hears(returned("two", "because"))
            await talk.glass.sees("✗ Bash(two) · denied by you: because")
            self.assertNotIn("Run this command?", talk.glass.text)
            await talk.type("next")
            self.assertEqual(talk.draft, "next")

        self.play(story)

    def test_allowed_for_longer(self) -> None:
        """A mode that was granted for the session is the one of the next prompt, too."""

        async def story(talk: Talk) -> None:
            await talk.say("go")
            self.begins()
            mode = {"type": "setMode", "mode": "acceptEdits", "destination": "session"}
            request = {"subtype": "can_use_tool", "tool_name": "Bash", "input": {"command": "touch x"}}
            more = {"permission_suggestions": [mode], "tool_use_id": "one"}
            self.hears(
                used("one", "touch x"), line(type="control_request", request_id="one", request={**request, **more})
            )
            await talk.glass.sees("allow all edits in this session")
            await talk.rest()
            await talk.type("a")
            self.ends()
            await talk.glass.sees(lambda one: "accepts edits" in one.last_line)
            await talk.say("and on")
            self.assertEqual(self.run_.prompts[-1][3], PermissionMode.ACCEPT_EDITS)

        self.play(story)

    def test_edited(self) -> None:
        """What is changed on the card is what runs."""

        async def story(talk: Talk) -> None:
            await self.asks(talk, "rm one")
            await talk.type("e", "ctrl-u", "rm two", "enter")
            ((_, answer),) = self.run_.answers
            self.assertEqual(answer.updated_input, {"command": "rm two"})

        self.play(story)

    def test_given_up(self) -> None:
        """Esc leads back from what is written to the card."""

        async def story(talk: Talk) -> None:
            await self.asks(talk, "one")
            await talk.type("n", "no", "escape", "y")
            self.assertEqual(self.answers(), [("one", Behavior.ALLOW)])

        self.play(story)

    def test_turned_away(self) -> None:
        """Tab leads to the composer, Esc back; a prompt that is written there goes out."""

        async def story(talk: Talk) -> None:
            await self.asks(talk, "one")
            await talk.type("tab", "yes", "enter")
            await talk.glass.sees("1. yes (waits)")
            self.assertEqual(self.answers(), [])
            await talk.type("escape", "y")
            self.assertEqual(self.answers(), [("one", Behavior.ALLOW)])

        self.play(story)

    def test_while_somebody_writes(self) -> None:
        """Whoever is writing goes on, and is told how to get to the question."""

        async def story(talk: Talk) -> None:
            await talk.say("go")
            self.begins()
            await talk.type("my ")
            self.hears(used("t", "make"), question("t", "make"))
            await talk.glass.sees("Esc goes to the question.")
            await talk.rest()
            await talk.type("y", "escape", "y")
            self.assertEqual((talk.draft, self.answers()), ("my y", [("t", Behavior.ALLOW)]))

        self.play(story)

    def test_answered_elsewhere(self) -> None:
        """When another device has answered, the card is gone, and what was being written for it."""

        async def story(talk: Talk) -> None:
            await self.asks(talk, "one")
            await talk.type("n", "half a rea")
            self.answer_elsewhere(talk)
            await talk.glass.sees("allowed by phone")
            self.assertNotIn("Run this command?", talk.glass.text)
            await talk.type("next")
            self.assertEqual(talk.draft, "next")

        self.play(story)

    def test_refused(self) -> None:
        """An answer that the server will not have is told, and the question is asked again."""

        async def story(talk: Talk) -> None:
            await self.asks(talk, "one")
            self.shop.journals.writing.fails_at = self.shop.journals.writing.passed + 1
            await talk.type("y")
            await talk.glass.sees("Run this command?")
            self.assertEqual(self.answers(), [])
            await talk.rest()
            await talk.type("y")
            self.assertEqual(self.answers(), [("one", Behavior.ALLOW)])
            self.assertNotIn("Run this command?", talk.glass.text)

        self.play(story)

    def test_reader(self) -> None:
        """Who may not answer sees what is asked, and that it waits for somebody else."""

        async def story(talk: Talk) -> None:
            self.execute(self.project_id, "go")
            self.begins()
            self.hears(used("t", "make"), question("t", "make"))
            await talk.glass.sees("Waits for somebody who may answer.")
            await talk.rest()
            await talk.type("y")
            self.assertEqual(talk.counter.count(AnswerPermission), 0)

        self.play(story, Scope.READ)

    def test_interrupted(self) -> None:
        """Ctrl-C interrupts while a question is open, too, and the question goes."""

        async def story(talk: Talk) -> None:
            await self.asks(talk, "one")
            await talk.type("ctrl-c")
            self.assertEqual(self.run_.interrupts, 1)

        self.play(story)


class ConnectionTests(ChatCase):
    def test_lost_and_back(self) -> None:
        """A connection that is lost is told; what was missed is shown when there is one again, and nothing twice."""

        async def story(talk: Talk) -> None:
            await talk.say("do it")
            self.begins()
            self.hears(said("one"))
            await talk.glass.sees("● one")
            talk.counter.closed.extend([Unreachable("Nobody is there.")] * 3)
            talk.counter.link.cut(1001)
            self.hears(said("two"))
            await talk.glass.sees("The server stops. Trying again.")
            self.assertIn("no connection", talk.glass.last_line)
            await talk.say("later")
            await talk.say("/kill")
            await talk.glass.sees("1. later (not sent yet)")
            self.assertIn("/kill needs a connection", talk.glass.flat)
            await talk.type("ctrl-c")
            await talk.glass.sees("There is no connection")
            await talk.type("tab")
            await talk.glass.sees("Connected again.", 30)
            await talk.glass.sees("● two")
            await talk.glass.sees("1. later (waits)")
            self.hears(said("three"))
            await talk.glass.sees("● three")
            for word in ("● one", "● two", "● three", "› do it"):
                self.assertEqual(talk.glass.text.count(word), 1, word)
            self.assertEqual((self.run_.interrupts, self.run_.killed, self.run_.configured), (0, False, []))
            self.ends()
            self.assertEqual(self.prompts(), ["do it", "later"])

        self.play(story)

    def test_lost_in_a_question(self) -> None:
        """A card outlives the connection with what is being written for it, as long as its question is open."""

        async def story(talk: Talk) -> None:
            await talk.say("go")
            self.begins()
            self.hears(used("t", "make"), question("t", "make"))
            await talk.glass.sees("Run this command?")
            await talk.rest()
            await talk.type("n", "not ")
            talk.counter.link.cut()
            self.hears(said("meanwhile"))
            await talk.glass.sees("● meanwhile", 30)
            await talk.type("now", "enter")
            ((_, answer),) = self.run_.answers
            self.assertEqual(answer.message, "not now")

        self.play(story)

    def test_answered_while_it_was_lost(self) -> None:
        """A question that was answered meanwhile is gone when the connection is back."""

        async def story(talk: Talk) -> None:
            await talk.say("go")
            self.begins()
            self.hears(used("t", "make"), question("t", "make"))
            await talk.glass.sees("Run this command?")
            talk.counter.link.cut()
            self.answer_elsewhere(talk)
            await talk.glass.sees("allowed by phone", 30)
            self.assertNotIn("Run this command?", talk.glass.text)

        self.play(story)

    def test_asked_and_answered_while_it_was_lost(self) -> None:
        """A question that was asked and answered meanwhile is told, and nobody is called to it."""

        async def story(talk: Talk) -> None:
            await talk.say("go")
            self.begins()
            other = self.join(self.project_id)
            talk.counter.link.cut()
            self.hears(used("t", "make"), question("t", "make"))
            self.ask(AnswerPermission(project_id=self.project_id, permission_id="t", behavior=Behavior.ALLOW), other)
            await talk.type("draft")
            await talk.glass.sees("allowed by browser", 30)
            self.assertNotIn("Esc goes to the question", talk.glass.last_line)

        self.play(story)

    def test_deleted_while_it_was_lost(self) -> None:
        """A project that was deleted meanwhile ends the chat."""

        async def story(talk: Talk) -> None:
            talk.counter.link.cut()
            self.ask(DeleteProject(project_id=self.project_id))
            self.assertEqual(await talk.ended(), (REFUSED, "The project work was deleted."))

        self.play(story)

    def test_revoked(self) -> None:
        """A device that is revoked is told, and the chat ends."""

        async def story(talk: Talk) -> None:
            talk.counter.link.cut(4401)
            code, farewell = await talk.ended()
            self.assertEqual(code, NO_CONNECTION)
            self.assertIn("revoked", farewell)
            self.assertEqual(talk.glass.lines, [])

        self.play(story)

    def test_none(self) -> None:
        """Where there is no connection at the beginning, or none that can be trusted, the chat ends and says why."""

        async def story() -> None:
            for problem in (Unreachable("Nobody is there."), NotMyServer("Another \x1bkey.")):
                counter = self.counter()
                counter.closed.append(problem)
                async with self.chat(counter=counter, has_joined=False) as talk:
                    self.assertEqual(await talk.ended(), (NO_CONNECTION, str(problem).replace("\x1b", "\\x1b")))

        self.tell(story())

    def test_cancelled(self) -> None:
        """A chat that is cancelled lets go of everything, and of the terminal."""

        async def story() -> None:
            async with self.chat() as talk:
                await talk.say("do it")
                talk.running.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await talk.running
                self.assertEqual(talk.glass.lines, ["", "› do it"])
                self.assertFalse(talk.glass.takes_pastes)

        self.tell(story())
