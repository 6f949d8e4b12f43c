"""The client library against the whole server: the real CLI, lost connections, a killed server, a revoked device."""

import asyncio
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from pocketagent.client import Client, Code, ConnectionLost, Message, Phase, Question, Refusal, Subscription, TurnedAway
from pocketagent.domain.commands import Order
from pocketagent.domain.events import State
from pocketagent.domain.options import Options
from pocketagent.domain.replies import Status
from pocketagent.wire.server import value
from tests.end_to_end.client import DEADLINE
from tests.end_to_end.house import ROOT, House, HouseTestCase
from tests.end_to_end.shared_house import SharedHouse

T = TypeVar("T")

PROMPT_ID = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"


def run(story: Coroutine[Any, Any, T]) -> T:
    """Let it happen, within the deadline."""

    async def bounded() -> T:
        async with asyncio.timeout(2 * DEADLINE):
            return await story

    return asyncio.run(bounded())


async def until(events: Subscription, state: State) -> Sequence[Message]:
    """What comes up to and including the event that tells of this state."""
    found = []
    async for message in events:
        found.append(message)
        if message.seq and message.type == "project_state" and message.data["state"] == state:
            return found
    raise AssertionError(f"the project never was {state}")


def seqs(messages: Sequence[Message]) -> Sequence[int]:
    return [message.seq for message in messages if message.seq is not None]


def results(messages: Sequence[Message]) -> Sequence[object]:
    """What the agent said at the end of each turn."""
    return [message.data["result"] for message in messages if message.data.get("type") == "result"]


async def history(client: Client, project: str) -> Sequence[Message]:
    """The whole journal."""
    found: list[Message] = []
    while True:
        page = await client.get_messages(
            project, after_seq=found[-1].seq if found else 0, order=Order.ASC, limit=1000
        )  # fmt: skip
        found += page.messages
        if not page.has_more:
            return found


class RealTurnTests(HouseTestCase):
    """With the real CLI against the stand-in of the Messages API."""

    def setUp(self) -> None:
        shared = SharedHouse.lent(self, real=True)
        self.api, self.inhabited = shared.model, shared.house

    def test_a_turn_with_a_question(self) -> None:
        """A prompt is worked on, its question is answered, and a second client sees exactly the same."""
        path = self.inhabited.project("one")
        script = f'tool: Write {{"file_path": "{path}/note", "content": "kept"}}\nthen:\nsay: written'

        async def story() -> None:
            server = self.inhabited.library()
            async with Client(server) as one, Client(server) as two:
                project = (await one.create_project(str(path))).id
                async with one.events(project) as events, two.events(project) as theirs:
                    accepted = await one.execute(project, script)
                    self.assertEqual((accepted.status, accepted.duplicate), (Status.RUNNING, False))
                    seen = []
                    async for message in events:
                        seen.append(message)
                        if isinstance(question := value(message), Question):
                            self.assertEqual(question.tool_name, "Write")
                            await one.allow(project, question.permission_id)
                            with self.assertRaises(Refusal) as late:
                                await two.deny(project, question.permission_id)
                            self.assertEqual(late.exception.code, Code.PERMISSION_NOT_FOUND)
                            break
                    seen += await until(events, State.IDLE)
                    await until(theirs, State.EXECUTING)
                    heard = await until(theirs, State.IDLE)
                    self.assertEqual(results(seen), ["written"])
                    self.assertEqual(seqs(seen)[-len(seqs(heard)) :], seqs(heard))
                    self.assertTrue([one for one in seen if one.seq is None and one.type == "agent_message"])
                    kept = await history(two, project)
                    self.assertEqual(kept, [message for message in seen if message.seq is not None])
                self.assertEqual([one.id for one in await two.list_projects()], [project])

        run(story())
        self.assertEqual((path / "note").read_text(), "kept")

    def test_the_server_is_killed(self) -> None:
        """kill -9 in the middle of a turn, and a new start: every event comes once, in order; a prompt that was sent
        into the dying connection runs once, and so does one that was sent when it was dead."""

        async def story() -> None:
            async with Client(self.inhabited.library()) as client:
                project = (await client.create_project(str(self.inhabited.project("one")))).id
                async with client.events(project, after_seq=0) as events:
                    await client.execute(project, "say: begun\nhold: for ever")
                    seen = [*await until(events, State.EXECUTING)]
                    dying = asyncio.create_task(client.execute(project, "say: dying", queue=True))
                    await asyncio.sleep(0)
                    await asyncio.to_thread(self.inhabited.stop, signal.SIGKILL)
                    dead = asyncio.create_task(client.execute(project, "say: dead", queue=True))
                    await asyncio.to_thread(self.inhabited.start)
                    await dying
                    accepted = await dead
                    self.assertFalse(accepted.duplicate)
                    while "dead" not in results(seen):
                        seen += [await anext(events)]
                    seen += await until(events, State.IDLE)
                    self.assertEqual(seqs(seen), list(range(1, len(seqs(seen)) + 1)))
                    kept = await history(client, project)
                    self.assertEqual([message for message in seen if message.seq is not None], kept)
                    joined = [message for message in seen if message.type == "project_joined"]
                    self.assertEqual([message.data["replay"] for message in joined], ["complete"] * 2)
                    prompts = Counter(one.data["prompt"] for one in kept if one.type == "client_message")
                    self.assertEqual(prompts["say: dying"], 1)
                    self.assertEqual(prompts["say: dead"], 1)

        run(story())
        asked = Counter(self.api.prompts())
        self.assertEqual(asked["say: dead"], 1)
        self.assertLessEqual(asked["say: dying"], 1, "it was dropped with the queue, if it came before the end")

    def test_cut_again_and_again(self) -> None:
        """Prompts, one after the other, over a server that is killed every moment: each runs once at most, the last
        one's answer comes, and nothing that was said is missed."""

        async def story() -> None:
            async with Client(self.inhabited.library()) as client:
                project = (await client.create_project(str(self.inhabited.project("one")))).id
                async with client.events(project, after_seq=0) as events:
                    for number in range(3):
                        asking = asyncio.create_task(client.execute(project, f"say: {number}", queue=True))
                        await asyncio.sleep(number * 0.01)
                        await asyncio.to_thread(self.inhabited.stop, signal.SIGKILL)
                        await asyncio.to_thread(self.inhabited.start)
                        await asking
                    await client.execute(project, "say: last", queue=True)
                    seen: list[Message] = []
                    while "last" not in results(seen):
                        seen.append(await anext(events))
                    self.assertEqual(seqs(seen), list(range(1, len(seqs(seen)) + 1)))

        run(story())
        asked = Counter(self.api.prompts())
        self.assertEqual(asked["say: last"], 1)
        self.assertLessEqual(max(asked.values()), 1)


class LibraryTests(HouseTestCase):
    """With the scripted CLI."""

    def test_a_revoked_device(self) -> None:
        """A device that is revoked hears that wherever it waits, within a second or so, and does not come back."""
        house = SharedHouse.lent(self).house
        token = house.token("phone")
        told: list[Phase] = []

        async def story() -> None:
            async with Client(house.library(token), lambda standing: told.append(standing.phase)) as client:
                project = (await client.create_project(str(house.project("one")))).id
                async with client.events(project) as events:
                    for _ in range(2):
                        await anext(events)
                    waiting = asyncio.create_task(events.__anext__())
                    await asyncio.to_thread(house.command, "token", "revoke", client.established.device.id)
                    with self.assertRaises(TurnedAway):
                        await waiting
                    with self.assertRaises(TurnedAway):
                        await client.list_projects()
            with self.assertRaises(TurnedAway) as again:
                await Client(house.library(token)).__aenter__()
            self.assertEqual(again.exception.reason, "unknown")

        run(story())
        self.assertEqual(told, [Phase.CONNECTING, Phase.CONNECTED, Phase.CLOSED])

    def test_a_slow_reader(self) -> None:
        """30 MB for a reader who comes late, and keeps little: it misses nothing, and the client never holds more."""
        house = SharedHouse.lent(self).house

        async def story() -> None:
            async with Client(house.library(), max_messages=500, max_bytes=2_000_000) as client:
                project = (await client.create_project(str(house.project("one")))).id
                async with client.events(project) as events:
                    await client.execute(project, "lines: 10000 3000\nsay: end")
                    while not events.is_behind:
                        await asyncio.sleep(0.01)
                    seen, size = [*await until(events, State.EXECUTING)], 0
                    while "end" not in results(seen[-1:]):
                        seen.append(await anext(events))
                        size += len(seen[-1].payload)
                        if len(seen) % 200 == 0:
                            await asyncio.sleep(0.05)
                        self.assertLessEqual(events._size, 2_000_000)
                    await until(events, State.IDLE)
                    self.assertEqual(seqs(seen), list(range(1, len(seqs(seen)) + 1)))
                    self.assertGreater(size, 30_000_000)
                    joined = [message for message in seen if message.type == "project_joined"]
                    self.assertGreater(len(joined), 2)

        run(story())

    def test_more_than_is_allowed(self) -> None:
        """Far more requests at once than the server allows: each is answered, in time."""
        house = self.house("--requests-per-second=100", "--request-burst=20")

        async def story() -> None:
            async with Client(house.library()) as client:
                found = await asyncio.gather(*(client.list_projects() for _ in range(150)))
                self.assertEqual(found, [[]] * 150)
                self.assertEqual((await client.server_stats()).connections, 1)

        run(story())

    def test_a_server_without_tls(self) -> None:
        """On this machine a server without TLS can be used as well; another server's answer to a prompt id is told."""
        house = self.house(plaintext=True)

        async def story() -> None:
            async with Client(house.library()) as client:
                project = (await client.create_project(str(house.project("one")))).id
                async with client.events(project) as events:
                    first = await client.execute(project, "say: x", Options(timeout=60), prompt_id=PROMPT_ID)
                    await until(events, State.IDLE)
                    second = await client.execute(project, "say: x", Options(timeout=60), prompt_id=PROMPT_ID)
                    self.assertEqual(second.execution_id, first.execution_id)
                    self.assertEqual((second.duplicate, second.status), (True, Status.DONE))
                    await client.delete_project(project)
                    types = [message.type async for message in events]
                    self.assertEqual(types[-1], "project_deleted")
                    with self.assertRaises(Refusal):
                        await client.kill(project)

        run(story())

    def test_the_server_stops(self) -> None:
        """Over an orderly stop and a start: what was under way is told, what can be asked again is answered."""
        house = SharedHouse.lent(self).house

        async def story() -> None:
            async with Client(house.library()) as client:
                project = (await client.create_project(str(house.project("one")))).id
                async with client.events(project) as events:
                    await client.execute(project, "pause: 60")
                    await until(events, State.EXECUTING)
                    await asyncio.to_thread(house.stop)
                    seen = await until(events, State.ERROR)
                    self.assertEqual(
                        [one.data["code"] for one in seen if one.type == "error"], [Code.EXECUTION_INTERRUPTED]
                    )
                    listing = asyncio.create_task(client.list_projects())
                    await asyncio.to_thread(house.start)
                    self.assertEqual([one.state for one in await listing], [State.ERROR])
                    await client.acknowledge_error(project)
                    await until(events, State.IDLE)
            with self.assertRaises(ConnectionLost):
                await client.list_projects()

        run(story())


class PageTests(HouseTestCase):
    """The programs of docs/client.md, run as a person runs them."""

    def program(self, house: House, number: int) -> str:
        """One of them, for the server of this house."""
        page = (ROOT / "docs" / "client.md").read_text()
        found = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        assert len(found) == 2
        assert found[number].count("8443") == 1
        return str(found[number]).replace("8443", str(house.port))

    def ask(
        self, house: House, number: int, *words: str, said: str = "", **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        built: Mapping[str, str] = {**house.environment, "TOKEN": house.token(), "FINGERPRINT": house.fingerprint}
        return subprocess.run(
            [sys.executable, "-c", self.program(house, number), *words],
            cwd=house.directory, env={**built, **environment}, input=said, capture_output=True, text=True,
            timeout=DEADLINE, check=False,
        )  # fmt: skip

    def inhabited(self) -> House:
        return SharedHouse.lent(self, real=True).house

    def test_the_first_program(self) -> None:
        """It makes a project, or finds it, prints the agent's answer, and passes a person's answers on."""
        house = self.inhabited()
        path = house.project("tried")
        first = self.ask(house, 0, str(path), "say: hello")
        self.assertEqual((first.stdout, first.stderr, first.returncode), ("hello\n", "", 0))
        script = f'tool: Write {{"file_path": "{path}/note", "content": "kept"}}\nthen:\nsay: written'
        second = self.ask(house, 0, str(path), script, said="y\n")
        self.assertIn("Write", second.stdout)
        self.assertIn("written\n", second.stdout)
        self.assertEqual((second.stderr, second.returncode, (path / "note").read_text()), ("", 0, "kept"))

    def test_what_goes_wrong(self) -> None:
        """A failed execution, a refusal and another server are each a sentence and exit code 1."""
        house = SharedHouse.lent(self).house
        path = str(house.project("failed"))
        for run_, words in (
            (self.ask(house, 0, path, "exit: 3"), "ended before its turn was complete"),
            (self.ask(house, 0, "/nowhere", "say: x"), "Projects may not lie there"),
            (self.ask(house, 0, path, "say: x", FINGERPRINT="A" * 43 + "="), "The server's key has changed"),
        ):
            self.assertIn(words, run_.stderr)
            self.assertEqual((run_.stderr.count("\n"), run_.returncode), (1, 1))

    def test_from_twisted(self) -> None:
        """A Twisted program on asyncio's loop asks the agent, and prints what it said."""
        house = self.inhabited()
        with_project = self.ask(house, 0, str(house.project("one")), "say: x")
        self.assertEqual(with_project.returncode, 0, with_project.stderr)

        async def find() -> str:
            async with Client(house.library()) as client:
                return (await client.list_projects())[0].id

        asked = self.ask(house, 1, run(find()), "say: hello from afar")
        self.assertEqual((asked.stdout, asked.stderr, asked.returncode), ("hello from afar\n", "", 0))
