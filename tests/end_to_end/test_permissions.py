"""People and the real CLI: questions, answers, the queue, and how a turn is changed or ended."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path

from tests.end_to_end.client import Client, Message, Refused, wait_until
from tests.end_to_end.house import House, HouseTestCase, Model
from tests.end_to_end.shared_house import SharedHouse
from tests.end_to_end.test_turns import begin, data_of


def asked(client: Client) -> dict[str, object]:
    """The next question."""
    return data_of(client.wait_for(lambda message: message["type"] == "permission_request"))


def ended(client: Client, project_id: str) -> object:
    """The state in which the running turn ends."""
    return data_of(client.wait_for_state(project_id, "IDLE", "ERROR"))["state"]


def call(tool: str, **given: object) -> str:
    return f"tool: {tool} {json.dumps(given)}"


class RealCliTestCase(HouseTestCase):
    def setUp(self) -> None:
        self.model_: Model
        self.inhabited: House
        self.move_in()
        self.one = self.client(self.inhabited)
        self.project_id = begin(self.one, self.inhabited, "one")
        self.place: Path = self.inhabited.home / "one"

    def move_in(self) -> None:
        shared = SharedHouse.lent(self, real=True)
        self.model_, self.inhabited = shared.model, shared.house

    def execute(self, prompt: str, **data: object) -> dict[str, object]:
        return data_of(self.one.request("execute", project_id=self.project_id, prompt=prompt, **data))

    def answer(self, question: Mapping[str, object], behavior: str = "allow", **data: object) -> dict[str, object]:
        return data_of(self.respond(self.one, question, behavior, **data))

    def respond(self, client: Client, question: Mapping[str, object], behavior: str, **data: object) -> Message:
        return client.request(
            "permission_response",
            project_id=self.project_id, permission_id=question["permission_id"], behavior=behavior, **data,
        )  # fmt: skip

    def results(self) -> list[object]:
        """What the tools answered, as the model was told."""
        said = [data_of(event) for event in self.one.events(self.project_id) if event["type"] == "agent_message"]
        contents = [one["message"]["content"] for one in said if one["type"] == "user"]  # type: ignore[index]
        return [block for content in contents if isinstance(content, list) for block in content]


class PermissionTests(RealCliTestCase):
    def test_what_was_approved_is_what_runs(self) -> None:
        """CH-26: an edited input replaces the agent's whole; a denial's message reaches the model."""
        path, other = self.place / "asked", self.place / "edited"
        self.execute(call("Write", file_path=str(path), content="asked") + "\nthen:\nsay: done")
        self.answer(asked(self.one), updated_input={"file_path": str(other), "content": "edited"})
        self.assertEqual(ended(self.one, self.project_id), "IDLE")
        self.assertEqual((path.exists(), other.read_text()), (False, "edited"))

        self.execute(call("Write", file_path=str(path), content="x") + "\nthen:\nsay: done")
        resolved = self.answer(asked(self.one), "deny", message="Use the other file, please.")
        self.assertEqual((resolved["behavior"], resolved["reason"]), ("deny", "answered"))
        self.assertEqual(ended(self.one, self.project_id), "IDLE")
        self.assertFalse(path.exists())
        self.assertIn("Use the other file, please.", json.dumps(list(self.model_.requests())[-1]))

    def test_a_denial_may_end_the_turn(self) -> None:
        """`deny` with `interrupt` ends the turn: the project is IDLE, the next prompt goes on."""
        self.execute(call("Write", file_path=str(self.place / "x"), content="x") + "\nthen:\nsay: not reached")
        self.answer(asked(self.one), "deny", message="Stop.", interrupt=True)
        self.assertEqual(ended(self.one, self.project_id), "IDLE")
        self.execute("say: on")
        self.one.wait_for_state(self.project_id, "EXECUTING")
        self.assertEqual(ended(self.one, self.project_id), "IDLE")
        self.assertNotIn("not reached", json.dumps(self.one.events(self.project_id)[2:][-8:]))

    def test_always(self) -> None:
        """`updated_permissions` answers the next question of the same kind, too."""
        script = "\nthen:\n".join(call("Write", file_path=str(self.place / name), content="x") for name in "ab")
        self.execute(script + "\nthen:\nsay: done")
        update = {"type": "setMode", "mode": "acceptEdits", "destination": "session"}
        self.answer(asked(self.one), updated_permissions=[update])
        self.assertEqual(ended(self.one, self.project_id), "IDLE")
        questions = [one for one in self.one.events(self.project_id) if one["type"] == "permission_request"]
        self.assertEqual(len(questions), 1)
        self.assertTrue((self.place / "a").exists() and (self.place / "b").exists())

        self.execute(
            call("Bash", command="touch c") + "\nthen:\n" + call("Bash", command="touch d") + "\nthen:\nsay: x"
        )
        rules = [{"toolName": "Bash", "ruleContent": "touch:*"}]
        rule = {"type": "addRules", "rules": rules, "behavior": "allow", "destination": "session"}
        self.answer(asked(self.one), updated_permissions=[rule])
        self.assertEqual(ended(self.one, self.project_id), "IDLE")
        questions = [one for one in self.one.events(self.project_id) if one["type"] == "permission_request"]
        self.assertEqual(len(questions), 2)
        self.assertTrue((self.place / "c").exists() and (self.place / "d").exists())

    def test_what_no_answer_may_do(self) -> None:
        """AR-08: an answer neither bypasses permissions nor leaves the roots, and the question stays open."""
        self.execute(call("Write", file_path=str(self.place / "x"), content="x") + "\nthen:\nsay: done")
        question = asked(self.one)
        for update in (
            {"type": "setMode", "mode": "bypassPermissions", "destination": "session"},
            {"type": "addDirectories", "directories": ["/usr"], "destination": "session"},
        ):
            with self.assertRaises(Refused) as refused:
                self.answer(question, updated_permissions=[update])
            self.assertEqual(refused.exception.code, "FORBIDDEN")
        self.answer(question, "deny", message="no")
        self.assertEqual(ended(self.one, self.project_id), "IDLE")
        for options in ({"dangerously_skip_permissions": True}, {"permission_mode": "bypassPermissions"}):
            with self.assertRaises(Refused) as refused:
                self.execute("say: x", options=options)
            self.assertEqual(refused.exception.code, "FORBIDDEN")

    def test_a_question_of_the_agent(self) -> None:
        """AskUserQuestion is answered by its input with `answers`, and the model is told."""
        options = [{"label": "Red", "description": "warm"}, {"label": "Blue", "description": "cold"}]
        question = {"question": "Which colour?", "header": "Colour", "options": options, "multiSelect": False}
        self.execute(call("AskUserQuestion", questions=[question]) + "\nthen:\nsay: thank you")
        data = asked(self.one)
        self.assertEqual(data["tool_name"], "AskUserQuestion")
        given = data["input"]
        assert isinstance(given, dict)
        self.answer(data, updated_input=given | {"answers": {"Which colour?": "Blue"}})
        self.assertEqual(ended(self.one, self.project_id), "IDLE")
        told = json.dumps(list(self.model_.requests())[-1])
        self.assertIn("Blue", told.rpartition("tool_result")[2])

    def test_two_devices_answer_at_once(self) -> None:
        """CH-26: the first answer wins, the other device is told that nothing is open; both see one resolution."""
        other = self.client(self.inhabited)
        other.join(self.project_id)
        for number in range(5):
            path = self.place / str(number)
            self.execute(call("Write", file_path=str(path), content="x") + "\nthen:\nsay: done")
            question = asked(self.one)
            outcomes: dict[str, object] = {}

            def say(
                client: Client, behavior: str, question: Mapping[str, object] = question,
                outcomes: dict[str, object] = outcomes,
            ) -> None:  # fmt: skip
                try:
                    outcomes[behavior] = data_of(self.respond(client, question, behavior))["behavior"]
                except Refused as refused:
                    outcomes[behavior] = refused.code

            threads = [threading.Thread(target=say, args=one) for one in ((self.one, "allow"), (other, "deny"))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(ended(self.one, self.project_id), "IDLE")
            won = [behavior for behavior, outcome in outcomes.items() if outcome == behavior]
            self.assertEqual(len(won), 1, outcomes)
            self.assertIn("PERMISSION_NOT_FOUND", outcomes.values())
            self.assertEqual(path.exists(), won == ["allow"])
            resolved = [one for one in self.one.events(self.project_id) if one["type"] == "permission_resolved"]
            self.assertEqual(data_of(resolved[-1])["behavior"], won[0])
            self.assertEqual(len(resolved), number + 1)

    def test_a_reader_decides_nothing(self) -> None:
        """AU-25: a device with the scope `read` sees the question, and may not answer it."""
        reader = self.client(self.inhabited, self.inhabited.token("reader", "read"))
        reader.join(self.project_id)
        self.execute(call("Write", file_path=str(self.place / "x"), content="x") + "\nthen:\nsay: done")
        question = asked(reader)
        for words in (
            ("permission_response", {"permission_id": question["permission_id"], "behavior": "allow"}),
            ("execute", {"prompt": "x"}),
            ("agent_kill", {}),
            ("agent_interrupt", {}),
            ("project_delete", {}),
        ):
            with self.assertRaises(Refused) as refused:
                reader.request(words[0], project_id=self.project_id, **words[1])
            self.assertEqual(refused.exception.code, "FORBIDDEN", words)
        self.answer(question, "deny", message="no")
        self.assertEqual(ended(self.one, self.project_id), "IDLE")


class ExpiryTests(RealCliTestCase):
    def move_in(self) -> None:
        self.model_ = self.model()
        self.inhabited = self.house(
            "--permission-timeout=5", claude=self.real_cli(), environment=self.model_.environment
        )  # fmt: skip

    def test_nobody_answers(self) -> None:
        """CH-26: a question that nobody answers is denied at its time, and the turn goes on to its end."""
        self.execute(call("Write", file_path=str(self.place / "x"), content="x") + "\nthen:\nsay: went on")
        asked(self.one)
        self.assertEqual(ended(self.one, self.project_id), "IDLE")
        events = self.one.events(self.project_id)
        (resolved,) = [data_of(event) for event in events if event["type"] == "permission_resolved"]
        self.assertEqual((resolved["behavior"], resolved["reason"], resolved["by"]), ("deny", "expired", None))
        self.assertIn("went on", json.dumps(events))
        self.assertFalse((self.place / "x").exists())


class SteeringTests(RealCliTestCase):
    def test_configured_in_mid_turn(self) -> None:
        """`agent_configure` holds for the running execution: its mode, and the model of its next request."""
        hold = "say: first\nhold: configured\n" + call("Write", file_path=str(self.place / "x"), content="x")
        self.execute(hold + "\nthen:\nsay: done")
        self.one.wait_for(lambda message: data_of(message).get("type") == "stream_event")
        self.one.request(
            "agent_configure", project_id=self.project_id, permission_mode="acceptEdits", model="stand-in-of-a-model"
        )
        self.model_.release("configured")
        self.assertEqual(ended(self.one, self.project_id), "IDLE")
        types = [event["type"] for event in self.one.events(self.project_id)]
        self.assertIn("agent_configured", types)
        self.assertNotIn("permission_request", types)
        self.assertTrue((self.place / "x").exists())
        self.assertEqual(list(self.model_.requests())[-1]["model"], "stand-in-of-a-model")
        with self.assertRaises(Refused) as refused:
            self.one.request("agent_configure", project_id=self.project_id, permission_mode="plan")
        self.assertEqual(refused.exception.code, "PROCESS_NOT_FOUND")
        # The next prompt is asked for again: what was configured held for that one execution.
        self.execute(call("Write", file_path=str(self.place / "y"), content="x") + "\nthen:\nsay: done")
        self.answer(asked(self.one), "deny", message="no")
        self.assertEqual(ended(self.one, self.project_id), "IDLE")

    def test_the_time_of_an_execution(self) -> None:
        """CH-16: it ends with EXECUTION_TIMEOUT, its process is dead, and the next prompt is worked on."""
        self.execute("say: begun\nhold: for ever", options={"timeout": 1})
        self.assertEqual(ended(self.one, self.project_id), "ERROR")
        (error,) = [data_of(event) for event in self.one.events(self.project_id) if event["type"] == "error"]
        self.assertEqual(error["code"], "EXECUTION_TIMEOUT")
        wait_until(lambda: not self.inhabited.children(), "its process is dead")
        self.execute("say: done")
        self.one.wait_for_state(self.project_id, "EXECUTING")
        self.assertEqual(ended(self.one, self.project_id), "IDLE")

    def test_an_interrupt_at_a_question(self) -> None:
        """The open question is resolved as interrupted before the state that ends the turn."""
        self.execute(call("Write", file_path=str(self.place / "x"), content="x") + "\nthen:\nsay: not reached")
        asked(self.one)
        self.assertEqual(data_of(self.one.request("agent_interrupt", project_id=self.project_id))["confirmed"], True)
        self.assertEqual(ended(self.one, self.project_id), "IDLE")
        (resolved,) = [
            data_of(event) for event in self.one.events(self.project_id) if event["type"] == "permission_resolved"
        ]
        self.assertEqual((resolved["behavior"], resolved["reason"]), ("cancelled", "interrupted"))

    def test_a_kill_takes_the_children_along(self) -> None:
        """CH-02, CH-03: what a tool has started is dead when `process_killed` is told, daemons included."""
        script = "(setsid sleep 1000 >/dev/null 2>&1 &) ; nohup sleep 1000 >/dev/null 2>&1 & touch begun; sleep 1000"
        self.execute(call("Bash", command=script), options={"allowed_tools": ["Bash"]})
        wait_until((self.place / "begun").exists, "the tool runs")
        self.execute("say: dropped", queue=True)
        self.assertGreaterEqual(sum("sleep 1000" in one for one in self.inhabited.children().values()), 3)
        self.one.request("agent_kill", project_id=self.project_id)
        self.assertEqual(self.inhabited.children(), {})
        self.assertEqual(ended(self.one, self.project_id), "IDLE")
        types = [event["type"] for event in self.one.events(self.project_id)]
        self.assertEqual(types[-3:], ["prompt_dropped", "process_killed", "project_state"])
        with self.assertRaises(Refused) as refused:
            self.one.request("agent_kill", project_id=self.project_id)
        self.assertEqual(refused.exception.code, "PROCESS_NOT_FOUND")

    def test_a_new_session(self) -> None:
        """After `agent_new_session` the agent knows nothing of what was said before."""
        self.execute("say: remember the kumquats")
        self.assertEqual(ended(self.one, self.project_id), "IDLE")
        self.execute("say: held\nhold: session")
        with self.assertRaises(Refused) as refused:
            self.one.request("agent_new_session", project_id=self.project_id)
        self.assertEqual(refused.exception.code, "PROCESS_ACTIVE")
        self.model_.release("session")
        self.assertEqual(ended(self.one, self.project_id), "IDLE")
        reset = data_of(self.one.request("agent_new_session", project_id=self.project_id))
        self.assertTrue(reset["previous"])
        self.execute("say: who are you")
        self.one.wait_for_state(self.project_id, "EXECUTING")
        self.assertEqual(ended(self.one, self.project_id), "IDLE")
        self.assertNotIn("kumquats", json.dumps(list(self.model_.requests())[-1]))
        inits = [data_of(one) for one in self.one.events(self.project_id) if data_of(one).get("subtype") == "init"]
        self.assertEqual(inits[0]["session_id"], reset["previous"])
        self.assertNotEqual(inits[-1]["session_id"], reset["previous"])

    def test_the_queue(self) -> None:
        """Prompts that wait run in order, each by itself; an interrupt starts the next; one can be taken out."""
        self.execute("say: first\nhold: queue")
        with self.assertRaises(Refused) as refused:
            self.execute("say: refused")
        self.assertEqual(refused.exception.code, "PROCESS_ACTIVE")
        waiting = [self.execute(f"say: {word}", queue=True) for word in ("second", "out", "third")]
        self.assertEqual([one["position"] for one in waiting], [1, 2, 3])
        self.one.request("queue_remove", project_id=self.project_id, execution_id=waiting[1]["execution_id"])
        self.one.wait_for(lambda message: data_of(message).get("type") == "stream_event")
        self.one.request("agent_interrupt", project_id=self.project_id)
        for _ in range(3):
            self.assertEqual(ended(self.one, self.project_id), "IDLE")
        said = [data_of(event) for event in self.one.events(self.project_id) if event["type"] == "agent_message"]
        results = [data["result"] for data in said if data["type"] == "result" and not data["is_error"]]
        self.assertEqual(results, ["second", "third"])
        self.assertEqual(list(self.model_.prompts())[-2:], ["say: second", "say: third"])

    def test_a_prompt_is_run_once(self) -> None:
        """A prompt that is sent again answers with the same execution, while it runs and after it."""
        prompt_id = "0e3f4a52-9a4d-4d0e-8a55-0123456789ab"
        first = self.execute("say: once\nhold: once", prompt_id=prompt_id)
        again = self.execute("say: once\nhold: once", prompt_id=prompt_id)
        self.assertEqual((again["execution_id"], again["status"]), (first["execution_id"], "running"))
        self.model_.release("once")
        self.assertEqual(ended(self.one, self.project_id), "IDLE")
        again = self.execute("say: once\nhold: once", prompt_id=prompt_id)
        self.assertEqual((again["duplicate"], again["status"]), (True, "done"))
        with self.assertRaises(Refused) as refused:
            self.execute("say: another", prompt_id=prompt_id)
        self.assertEqual(refused.exception.code, "INVALID_MESSAGE")
        self.assertEqual(list(self.model_.prompts()), ["say: once\nhold: once"])

    def test_what_is_known_of_the_agent(self) -> None:
        """`agent_info` and `agent_context` tell what the CLI said of itself."""
        empty = data_of(self.one.request("agent_context", project_id=self.project_id))
        self.assertEqual((empty["total_tokens"], empty["max_tokens"]), (None, None))
        self.execute("say: hello")
        self.assertEqual(ended(self.one, self.project_id), "IDLE")
        info = data_of(self.one.request("agent_info", project_id=self.project_id))
        self.assertEqual(info["available"], True)
        self.assertTrue(info["version"] and info["models"] and info["commands"])
        self.assertIn("plan", str(info["permission_modes"]))
        context = data_of(self.one.request("agent_context", project_id=self.project_id))
        total, limit, cost = context["total_tokens"], context["max_tokens"], context["cost_usd"]
        assert isinstance(total, int) and isinstance(limit, int) and isinstance(cost, float)
        self.assertTrue(0 < total < limit and cost > 0)

    def test_an_error_of_the_api(self) -> None:
        """A turn that the API refuses is ERROR; the next prompt acknowledges it, and the same process serves on."""
        self.execute("error: 400")
        self.assertEqual(ended(self.one, self.project_id), "ERROR")
        before = set(self.inhabited.children())
        self.execute("say: on")
        self.one.wait_for_state(self.project_id, "EXECUTING")
        self.assertEqual(ended(self.one, self.project_id), "IDLE")
        self.assertEqual(set(self.inhabited.children()), before)
        states = [data_of(one)["state"] for one in self.one.events(self.project_id) if one["type"] == "project_state"]
        self.assertEqual(states[-4:], ["ERROR", "IDLE", "EXECUTING", "IDLE"])
