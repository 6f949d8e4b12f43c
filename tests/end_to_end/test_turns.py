"""The server's main job, whole: clients over TLS, the real CLI, a journal, a restart."""

import signal

from tests.end_to_end.client import Client, Message, Refused
from tests.end_to_end.house import House, HouseTestCase
from tests.end_to_end.shared_house import SharedHouse


def data_of(message: Message) -> dict[str, object]:
    data = message["data"]
    assert isinstance(data, dict)
    return data


def begin(client: Client, house: House, name: str) -> str:
    """Create a project and join it; its id."""
    project_id = str(data_of(client.request("project_create", path=str(house.project(name))))["id"])
    client.join(project_id)
    return project_id


class RealTurnTests(HouseTestCase):
    """With the real CLI against the stand-in of the Messages API."""

    def setUp(self) -> None:
        shared = SharedHouse.lent(self, real=True)
        self.model_, self.inhabited = shared.model, shared.house

    def test_everyone_hears_everything_in_order(self) -> None:
        """A prompt of one client is worked on, and all who joined hear the same events, without a gap."""
        one, two = self.client(self.inhabited), self.client(self.inhabited)
        project_id = begin(one, self.inhabited, "shared")
        two.join(project_id)
        one.request("execute", project_id=project_id, prompt="say: hello wide world")
        for client in (one, two):
            client.wait_for_state(project_id, "EXECUTING")
            client.wait_for_state(project_id, "IDLE")
        events = one.events(project_id)
        self.assertEqual(events, two.events(project_id))
        numbers = [int(str(event["seq"])) for event in events]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
        said = [data_of(event) for event in events if event["type"] == "agent_message"]
        self.assertEqual([data["result"] for data in said if data["type"] == "result"], ["hello wide world"])
        partial = [one for one in two.messages if one["type"] == "agent_message" and "seq" not in one]
        self.assertTrue(all(data_of(message)["type"] == "stream_event" for message in partial))
        self.assertTrue(partial)

    def test_a_permission_is_asked_and_answered(self) -> None:
        """The agent waits for a person; with the permission the tool runs, in the project's directory."""
        client = self.client(self.inhabited)
        project_id = begin(client, self.inhabited, "asked")
        path = self.inhabited.home / "asked" / "note.txt"
        script = f'tool: Write {{"file_path": "{path}", "content": "kept"}}\nthen:\nsay: written'
        client.request("execute", project_id=project_id, prompt=script)
        asked = data_of(client.wait_for(lambda message: message["type"] == "permission_request"))
        self.assertEqual(asked["tool_name"], "Write")
        self.assertFalse(path.exists())
        answer = {"permission_id": asked["permission_id"], "behavior": "allow"}
        client.request("permission_response", project_id=project_id, **answer)
        client.wait_for_state(project_id, "IDLE")
        self.assertEqual(path.read_text(), "kept")
        with self.assertRaises(Refused) as again:
            client.request("permission_response", project_id=project_id, **answer)
        self.assertEqual(again.exception.code, "PERMISSION_NOT_FOUND")

    def test_an_interrupt_ends_the_turn_and_nothing_else(self) -> None:
        """An interrupted turn leaves the project IDLE, and the next prompt goes on in the same conversation."""
        client = self.client(self.inhabited)
        project_id = begin(client, self.inhabited, "stopped")
        client.request("execute", project_id=project_id, prompt="say: begun\nhold: for ever")
        client.wait_for(lambda message: data_of(message).get("type") == "assistant")
        self.assertEqual(data_of(client.request("agent_interrupt", project_id=project_id))["confirmed"], True)
        client.wait_for_state(project_id, "IDLE")
        client.request("execute", project_id=project_id, prompt="say: again")
        client.wait_for_state(project_id, "IDLE")
        sessions = {data_of(event).get("session_id") for event in client.events(project_id)
                    if data_of(event).get("subtype") == "init"}  # fmt: skip
        self.assertEqual(len(sessions), 1)

    def test_a_conversation_goes_on_after_a_restart(self) -> None:
        """After a restart of the server the agent still knows what was said, and clients miss nothing."""
        client = self.client(self.inhabited)
        project_id = begin(client, self.inhabited, "restarted")
        client.request("execute", project_id=project_id, prompt="say: first")
        client.wait_for_state(project_id, "IDLE")
        before = client.events(project_id)
        self.assertEqual(self.inhabited.stop(), -signal.SIGTERM)
        self.assertEqual(client.closed(), 1001)
        self.inhabited.start()
        client = self.client(self.inhabited)
        self.assertEqual(data_of(client.join(project_id, after_seq=0))["replay"], "complete")
        client.wait_for(lambda message: message.get("seq") == before[-1]["seq"])
        self.assertEqual(client.events(project_id)[-len(before) :], before)
        client.request("execute", project_id=project_id, prompt="say: second")
        client.wait_for_state(project_id, "EXECUTING")
        client.wait_for_state(project_id, "IDLE")
        self.assertEqual(list(self.model_.prompts()), ["say: first", "say: second"])
