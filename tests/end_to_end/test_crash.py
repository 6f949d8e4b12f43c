"""kill -9 of the server at any moment: nothing lives on, nothing told is lost, nothing runs twice."""

import json
import random
import signal
import time
import uuid
from collections.abc import Mapping, Sequence

from attrs import define, field

from tests.end_to_end.client import Client, Message, wait_until
from tests.end_to_end.house import House, HouseTestCase
from tests.end_to_end.test_turns import begin, data_of

SEED = 20
"""Of the random moments. A failure names its round: the moments before it are the same in every run."""


@define(eq=False)
class Witness:
    """A client that watches one project, and what it was told until the server died."""

    client: Client
    house: House
    project_id: str
    journal_id: object = None
    accepted: dict[str, str] = field(factory=dict)

    @classmethod
    def of(cls, client: Client, house: House, name: str) -> "Witness":
        project_id = begin(client, house, name)
        (joined,) = [one for one in client.messages if one["type"] == "project_joined"][-1:]
        return cls(client, house, project_id, data_of(joined)["journal_id"])

    def send(self, prompt: str, **data: object) -> str:
        """Execute; the prompt's id."""
        prompt_id = str(uuid.uuid4())
        self.accepted[prompt_id] = prompt
        self.client.request("execute", project_id=self.project_id, prompt=prompt, prompt_id=prompt_id, **data)
        return prompt_id

    def told(self) -> Mapping[object, Message]:
        """The numbered events that came, by number."""
        return {one["seq"]: one for one in self.client.events(self.project_id)}


class CrashTestCase(HouseTestCase):
    def crash(self, house: House) -> None:
        """kill -9, see that all is dead, start again."""
        house.stop(signal.SIGKILL)
        wait_until(lambda: not house.children(), "every process of the server is dead", 10)  # five times the promise
        house.start()

    def check(self, witness: Witness, client: Client, where: str = "") -> Sequence[Message]:
        """What holds for a project after a crash; its journal."""
        project_id = witness.project_id
        joined = data_of(client.join(project_id))
        self.assertEqual(joined["journal_id"], witness.journal_id, where)
        records = client.history(project_id)
        self.assertEqual([one["seq"] for one in records], list(range(1, len(records) + 1)), where)
        for seq, event in witness.told().items():
            record = records[int(str(seq)) - 1]
            self.assertEqual(record["message"], event["data"], f"{where}: event {seq} was told and is another now")
            self.assertEqual(record["timestamp"], event["timestamp"], where)
        opened = {one["permission_id"] for one in of_type(records, "permission_request")}
        resolved = {one["permission_id"] for one in of_type(records, "permission_resolved")}
        self.assertEqual(opened, resolved, where)
        begun = {one["execution_id"] for one in of_type(records, "client_message") if not one["queued"]}
        waiting = {one["execution_id"] for one in of_type(records, "client_message") if one["queued"]}
        begun |= {one["execution_id"] for one in of_type(records, "project_state") if one["state"] == "EXECUTING"}
        dropped = {one["execution_id"] for one in of_type(records, "prompt_dropped")}
        self.assertEqual(waiting - begun, dropped, where)
        self.assertNotIn("EXECUTING", joined["state"], where)
        for prompt_id, prompt in witness.accepted.items():
            again = data_of(client.request("execute", project_id=project_id, prompt=prompt, prompt_id=prompt_id))
            self.assertTrue(again["duplicate"], where)
            self.assertIn(again["status"], ("done", "failed", "dropped"), where)
        self.assertEqual(client.history(project_id), records, f"{where}: a prompt sent again has run something")
        return records

    def check_interrupted(self, records: Sequence[Message]) -> None:
        """It was at work when the server died: the journal ends with what became of it."""
        last = [one["type"] for one in records[-2:]]
        self.assertEqual(last, ["error", "project_state"])
        error, state = (record_of(one) for one in records[-2:])
        self.assertEqual(error["code"], "EXECUTION_INTERRUPTED")
        self.assertEqual((state["state"], state["queued"], state["pending_permissions"]), ("ERROR", [], 0))


def record_of(record: Message) -> dict[str, object]:
    message = record["message"]
    assert isinstance(message, dict)
    return message


def of_type(records: Sequence[Message], type: str) -> list[dict[str, object]]:
    """The messages of the records of this type."""
    return [record_of(one) for one in records if one["type"] == type]


class RealCrashTests(CrashTestCase):
    def test_at_every_stage_of_a_turn(self) -> None:
        """LI-03: while the CLI starts, streams, runs a tool, asks, and while prompts wait: all dead, all told."""
        model = self.model()
        house = self.house(claude=self.real_cli(), environment=model.environment)
        client = self.client(house)
        stages = {name: Witness.of(client, house, name) for name in ("ask", "tool", "stream", "start")}
        asks, tool, stream, start = stages.values()

        asks.send("say: remember the apples")
        client.wait_for_state(asks.project_id, "IDLE")
        asks.send(f'tool: Write {{"file_path": "{house.home}/ask/note", "content": "no"}}\nthen:\nsay: written')
        client.wait_for(lambda message: message["type"] == "permission_request")
        asks.send("say: later", queue=True)
        asks.send("say: last", queue=True)

        script = "(setsid sleep 1000 >/dev/null 2>&1 &) ; sleep 1000 & touch begun; sleep 1000"
        call = json.dumps({"command": script})
        tool.send(f"tool: Bash {call}\nthen:\nsay: done", options={"allowed_tools": ["Bash"]})
        wait_until((house.home / "tool" / "begun").exists, "the tool runs")
        self.assertGreaterEqual(sum("sleep 1000" in one for one in house.children().values()), 3)

        stream.send("say: begun\nfill: 200000000 1000")
        client.wait_for(lambda message: message["project_id"] == stream.project_id and "seq" not in message)

        start.send("say: hello")
        self.crash(house)

        client = self.client(house)
        for name, witness in stages.items():
            self.check_interrupted(self.check(witness, client, name))
        resolved = of_type(client.history(asks.project_id), "permission_resolved")
        self.assertEqual([(one["behavior"], one["reason"]) for one in resolved], [("cancelled", "restart")])
        self.assertFalse((house.home / "ask" / "note").exists())

        client.request("execute", project_id=asks.project_id, prompt="say: what was it")
        client.wait_for_state(asks.project_id, "EXECUTING")
        client.wait_for_state(asks.project_id, "IDLE")
        self.assertIn("remember the apples", json.dumps(list(model.requests())[-1]))
        client.request("execute", project_id=start.project_id, prompt="say: from the beginning")
        client.wait_for_state(start.project_id, "IDLE", "ERROR")
        client.wait_for_state(start.project_id, "EXECUTING")
        self.assertEqual(data_of(client.wait_for_state(start.project_id, "IDLE", "ERROR"))["state"], "IDLE")


class ScriptedCrashTests(CrashTestCase):
    def test_at_random_moments(self) -> None:
        """LI-03: whenever it dies, what was told is in the journal, and what was accepted is never run again."""
        chance = random.Random(SEED)
        house = self.house(environment={"PA_SEGMENT_MESSAGES": "50"})  # and so in the middle of its rotation, too
        token = house.token()
        script = "child:\ndaemon:\nsay: one\nlines: 300 300 1000\ntool: Write {}\nsay: two"
        for number in range(5):
            client = self.client(house, token)
            witness = Witness.of(client, house, f"p{number}")
            witness.send(script, options={"permission_mode": chance.choice(["default", "acceptEdits"])})
            witness.send("say: three", queue=True)
            pause = chance.random() * 1.5
            client.take(pause)
            self.crash(house)
            self.assertEqual(client.closed(), 1006)
            client = self.client(house, token)
            where = f"round {number}, after {pause:.2f} s"
            records = self.check(witness, client, where)
            states = [data_of(one)["state"] for one in witness.told().values() if one["type"] == "project_state"]
            if states and states[-1] == "EXECUTING" and records[-1]["seq"] not in witness.told():
                self.check_interrupted(records)
            client.request("execute", project_id=witness.project_id, prompt="say: on")
            client.wait_for_state(witness.project_id, "EXECUTING")
            self.assertEqual(
                data_of(client.wait_for_state(witness.project_id, "IDLE", "ERROR"))["state"], "IDLE", where
            )

    def test_while_it_starts(self) -> None:
        """A server that dies while it repairs what the last crash left does no harm: the next one ends the work."""
        chance = random.Random(SEED)
        house = self.house()
        token = house.token()
        client = self.client(house, token)
        witness = Witness.of(client, house, "one")
        witness.send("tool: Write {}")
        client.wait_for(lambda message: message["type"] == "permission_request")
        house.stop(signal.SIGKILL)
        for _ in range(4):
            house.launch()
            time.sleep(0.3 + 0.5 * chance.random())
            house.stop(signal.SIGKILL)
        wait_until(lambda: not house.children(), "every process of the server is dead", 10)
        house.start()
        records = self.check(witness, self.client(house, token))
        self.check_interrupted(records)
        self.assertEqual(len(of_type(records, "error")), 1)
