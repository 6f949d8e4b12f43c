"""Clients that lose their connection, are slow, silent or many: each gets everything once, in the order of the log."""

import json
import socket
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.end_to_end.client import Client, Message, wait_until
from tests.end_to_end.house import House, HouseTestCase
from tests.end_to_end.shared_house import SharedHouse
from tests.end_to_end.test_turns import begin, data_of


def resident(house: House, what: str = "VmRSS") -> int:
    """Bytes of memory that the server has now (VmHWM: that it had at most)."""
    for line in Path(f"/proc/{house.pid}/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no {what}")


def cut(client: Client) -> None:
    """The connection is lost, as when a phone goes into a tunnel: no close frame, nothing."""
    client.socket.socket.shutdown(socket.SHUT_RDWR)
    client.socket.socket.close()


def numbers(events: Sequence[Message]) -> list[int]:
    return [int(str(event["seq"])) for event in events]


class ReconnectTests(HouseTestCase):
    def test_again_and_again_in_mid_stream(self) -> None:
        """FL-02, FL-10, ST-09: with `after_seq` and `journal_id` every event comes once, over several files, too."""
        house = self.house(environment={"PA_SEGMENT_MESSAGES": "500"})
        token = house.token()
        steady, shaky = self.client(house, token), self.client(house, token)
        project_id = begin(steady, house, "one")
        journal_id = data_of(shaky.join(project_id))["journal_id"]
        steady.request("execute", project_id=project_id, prompt="lines: 6000 500 2000\nhold: again\nsay: end")
        shaky.wait_for(lambda message: "seq" in message)
        got: list[Message] = []
        joined = "complete"
        for _ in range(6):
            shaky.take(0.3)
            got += shaky.events(project_id)
            cut(shaky)
            shaky = self.client(house, token)
            after = numbers(got)[-1]
            joined = str(data_of(shaky.join(project_id, after_seq=after, journal_id=journal_id))["replay"])
            self.assertEqual(joined, "complete")
        house.release("one", "again")
        shaky.wait_for_state(project_id, "IDLE")
        got += shaky.events(project_id)
        steady.wait_for_state(project_id, "EXECUTING")
        steady.wait_for_state(project_id, "IDLE")
        self.assertEqual(numbers(got), list(range(1, len(got) + 1)))
        self.assertEqual(got, steady.events(project_id))
        self.assertGreater(len(list(house.data_dir.glob("projects/*/logs/*.jsonl"))), 10)
        kept = [(one["seq"], one["type"], one["timestamp"], one["message"]) for one in steady.history(project_id)]
        self.assertEqual([(one["seq"], one["type"], one["timestamp"], one["data"]) for one in got], kept)

    def test_another_journal_begins_at_the_beginning(self) -> None:
        """With the id of another journal, or a number beyond the head, all that is kept comes, and `gap` says so."""
        house = SharedHouse.lent(self).house
        client = self.client(house)
        project_id = begin(client, house, "one")
        client.request("execute", project_id=project_id, prompt="say: x")
        client.wait_for_state(project_id, "IDLE")
        head = numbers(client.events(project_id))[-1]
        for wrong in ({"after_seq": 3, "journal_id": "00000000-0000-4000-8000-000000000000"}, {"after_seq": head + 1}):
            other = self.client(house)
            self.assertEqual(data_of(other.join(project_id, **wrong))["replay"], "gap")
            other.wait_for(lambda message: message.get("seq") == head)
            self.assertEqual(numbers(other.events(project_id)), list(range(1, head + 1)))

    def test_two_projects_on_one_connection(self) -> None:
        """Events of several projects come on one connection, each project's in its own order, until it is left."""
        house = SharedHouse.lent(self).house
        client = self.client(house)
        projects = [begin(client, house, name) for name in ("one", "two")]
        for project_id in projects:
            client.request("execute", project_id=project_id, prompt="lines: 500 300\nsay: end")
        for project_id in projects:
            wait_until(partial(_rested, client, project_id), "both are done")
            got = numbers(client.events(project_id))
            self.assertEqual(got, list(range(got[0], got[0] + len(got))))
        one, two = projects
        client.request("project_leave", project_id=one)
        before = len(client.events(one))
        for project_id in projects:
            client.request("execute", project_id=project_id, prompt="say: again")
        client.wait_for(lambda message: data_of(message).get("result") == "again" and message["project_id"] == two)
        self.assertEqual(len(client.events(one)), before)

    def test_a_sudden_loss_harms_nobody(self) -> None:
        """A connection that is lost in the middle of everything costs the others nothing."""
        house = SharedHouse.lent(self).house
        token = house.token()
        steady = self.client(house, token)
        project_id = begin(steady, house, "one")
        others = [self.client(house, token) for _ in range(10)]
        for other in others:
            other.join(project_id)
        steady.request("execute", project_id=project_id, prompt="lines: 5000 500\nsay: end")
        for other in others:
            cut(other)
        steady.wait_for_state(project_id, "EXECUTING")
        steady.wait_for_state(project_id, "IDLE")
        got = numbers(steady.events(project_id))
        self.assertEqual(got, list(range(got[0], got[0] + len(got))))
        stats = "connections"
        wait_until(lambda: data_of(steady.request("server_stats"))[stats] == 1, "the lost ones are forgotten")


def _rested(client: Client, project_id: str) -> bool:
    client.take(0.1)
    states = [data_of(one)["state"] for one in client.events(project_id) if one["type"] == "project_state"]
    return "EXECUTING" in states and states[-1] == "IDLE"


class PartialOutputTests(HouseTestCase):
    """Partial output of the real CLI (protocol section 4)."""

    def test_who_comes_in_mid_message(self) -> None:
        """It is not kept; who joins in mid-message gets it from the next message on, and the whole one in any case."""
        shared = SharedHouse.lent(self, real=True)
        model, house = shared.model, shared.house
        early, late = self.client(house), self.client(house)
        project_id = begin(early, house, "one")
        path = house.home / "one" / "note"
        script = (
            "say: first half\nhold: middle\nsay: second half\n"
            f'tool: Write {{"file_path": "{path}", "content": "x"}}\nthen:\nsay: another message'
        )
        early.request("execute", project_id=project_id, prompt=script, options={"permission_mode": "acceptEdits"})
        early.wait_for(lambda message: _event(message).get("type") == "content_block_stop")
        late.join(project_id, after_seq=0)
        model.release("middle")
        early.wait_for_state(project_id, "IDLE")
        late.wait_for_state(project_id, "EXECUTING")
        late.wait_for_state(project_id, "IDLE")
        self.assertEqual(_started(early), 2)
        self.assertEqual(_started(late), 1)
        self.assertIn("first half", json.dumps(early.events(project_id)))
        self.assertNotIn("second", json.dumps([one for one in late.messages if _event(one)]))
        self.assertIn("second half", json.dumps(late.events(project_id)))
        self.assertEqual("".join(_deltas(late)), "another message")
        self.assertEqual(early.events(project_id), late.events(project_id)[-len(early.events(project_id)) :])
        kept = early.history(project_id)
        self.assertNotIn("stream_event", json.dumps([one["message"] for one in kept if one["type"] == "agent_message"]))
        # In its place: every part of a message comes before the message that holds it.
        at = {kind: n for n, kind in reversed(list(enumerate(map(_kind, early.messages))))}
        self.assertLess(at["message_start"], at["assistant"])


def _event(message: Message) -> dict[str, object]:
    if "seq" in message or message["type"] != "agent_message":
        return {}
    event = data_of(message)["event"]
    assert isinstance(event, dict)
    return event


def _kind(message: Message) -> object:
    return _event(message).get("type") or data_of(message).get("type")


def _started(client: Client) -> int:
    return sum(_event(message).get("type") == "message_start" for message in client.messages)


def _deltas(client: Client) -> Sequence[str]:
    deltas = [_event(message).get("delta") for message in client.messages]
    return [str(delta["text"]) for delta in deltas if isinstance(delta, dict) and "text" in delta]


class SlowClientTests(HouseTestCase):
    def test_one_that_never_reads(self) -> None:
        """FL-01: 100 MB pass a client that reads nothing: it costs some MB, nobody is late, and it gets all at last."""
        house = SharedHouse.lent(self).house
        token = house.token()
        quick = self.client(house, token)
        project_id = begin(quick, house, "one")
        # Once without the slow one: the memory that a burst costs in any case, and the time it takes.
        alone = self._stream(quick, project_id)
        before = resident(house, "VmHWM")
        slow = self.client(house, token)  # its library reads 16 messages ahead, and then stops
        slow.join(project_id)
        beside = self._stream(quick, project_id)
        cost = resident(house, "VmHWM") - before
        self.assertLess(cost, 24 * 1024 * 1024)
        self.assertLess(beside, 5 * alone + 5)
        slow.wait_for_state(project_id, "EXECUTING")
        slow.wait_for_state(project_id, "IDLE", deadline=120)
        theirs = quick.events(project_id)
        ours = slow.events(project_id)
        self.assertEqual(numbers(ours), list(range(numbers(ours)[0], numbers(ours)[0] + len(ours))))
        self.assertTrue(ours == theirs[-len(ours) :], "the slow one got something else")

    def _stream(self, client: Client, project_id: str) -> float:
        began = time.monotonic()
        client.request("execute", project_id=project_id, prompt="lines: 10000 10000")
        client.wait_for_state(project_id, "EXECUTING")
        client.wait_for_state(project_id, "IDLE", deadline=120)
        return time.monotonic() - began
