"""A CLI that does what none should, under the whole server: the project ends in the right state, nothing is left alive,
and the server serves on."""

import os
import signal
import time
from pathlib import Path

from tests.end_to_end.client import Client, Message, wait_until
from tests.end_to_end.house import HouseTestCase
from tests.end_to_end.shared_house import SharedHouse
from tests.end_to_end.test_turns import begin, data_of


def alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class MisbehaviourTests(HouseTestCase):
    def setUp(self) -> None:
        self.inhabited = SharedHouse.lent(self, "--warm-time=0").house
        self.one = self.client(self.inhabited)

    def _turn(self, script: str, starting: str = "", **options: object) -> tuple[str, Message]:
        """Execute a script in a project of its own, up to its end: the project's id and its last state."""
        name = f"p{len(os.listdir(self.inhabited.home))}"  # noqa: PTH208
        self.inhabited.project(name, starting)
        project_id = begin(self.one, self.inhabited, name)
        self.one.request("execute", project_id=project_id, prompt=script, options=options)
        return project_id, self.one.wait_for_state(project_id, "IDLE", "ERROR")

    def _said(self, project_id: str) -> list[dict[str, object]]:
        return [data_of(event) for event in self.one.events(project_id) if event["type"] == "agent_message"]

    def _code(self, state: Message) -> object:
        error = data_of(state)["error"]
        return error["code"] if isinstance(error, dict) else None

    def _offspring(self, project_id: str) -> list[int]:
        return [int(str(data["pid"])) for data in self._said(project_id) if data.get("type") == "offspring"]

    def test_descendants_die_with_their_process(self) -> None:
        """CH-02, CH-03, CH-04: a child, a daemon and one that holds stdout are dead before a process' end is told."""
        project_id, state = self._turn("child:\ndaemon:\nheir:\nexit: 0")
        self.assertEqual(data_of(state)["state"], "ERROR")
        pids = self._offspring(project_id)
        self.assertEqual(len(pids), 3)
        self.assertEqual([pid for pid in pids if alive(pid)], [])

    def test_a_stubborn_process_is_killed(self) -> None:
        """CH-01: one that ignores SIGTERM and the end of its stdin is killed with all it started."""
        name = self.inhabited.project("stubborn").name
        project_id = begin(self.one, self.inhabited, name)
        self.one.request("execute", project_id=project_id, prompt="stubborn:\ndaemon:\nhang:")
        self.one.wait_for(lambda message: data_of(message).get("type") == "offspring")
        self.one.request("agent_kill", project_id=project_id)
        self.one.wait_for_state(project_id, "IDLE")
        self.assertEqual([pid for pid in self._offspring(project_id) if alive(pid)], [])
        self.assertEqual(self.inhabited.children(), {})

    def test_deaths(self) -> None:
        """CH-08, CH-15, AR-17: however it dies, the project is in ERROR, and the error says with what."""
        for script, starting, detail, value in (
            ("half: 7", "", "exit_code", 7),
            ("exit: 0", "", "exit_code", 0),
            ("signal: 9", "", "signal", 9),
            ("say: x", "exit: 3", "exit_code", 3),
        ):
            project_id, state = self._turn(script, starting)
            self.assertEqual((data_of(state)["state"], self._code(state)), ("ERROR", "EXECUTION_FAILED"), script)
            errors = [data_of(event) for event in self.one.events(project_id) if event["type"] == "error"]
            details = errors[-1]["details"]
            assert isinstance(details, dict)
            self.assertEqual(details[detail], value, script)

    def test_odd_lines_are_kept_and_the_turn_goes_on(self) -> None:
        """CH-07, CH-11, CH-12: what is no JSON object is kept as raw, and everything else as it came."""
        odd = (
            "bad_utf8:\nunknown:\nnan:\ndeep:\ntwice:\nnot_an_object:\nerror_line:\nsurrogate:\nsplit:\nutf16:\nsay: on"
        )
        project_id, state = self._turn(odd)
        self.assertEqual(data_of(state)["state"], "IDLE")
        said = self._said(project_id)
        self.assertEqual([data["result"] for data in said if data.get("type") == "result"], ["on"])
        self.assertTrue([data for data in said if data.get("type") == "raw" and "base64" in data])
        self.assertTrue([data for data in said if data.get("type") == "never_heard_of"])

    def test_a_line_over_the_bound(self) -> None:
        """CH-06: a 15 MB line is passed on whole; of a 50 MB one only its size is told, and the turn goes on."""
        project_id, state = self._turn("line: 15000000\nline: 50000000\nsay: on")
        self.assertEqual(data_of(state)["state"], "IDLE")
        codes = [data_of(event).get("code") for event in self.one.events(project_id) if event["type"] == "error"]
        self.assertEqual(codes, ["LINE_TOO_LARGE"])
        self.assertEqual([data["result"] for data in self._said(project_id) if data.get("type") == "result"], ["on"])

    def test_a_flood_on_stderr(self) -> None:
        """CH-09: it is drained; neither side waits for the other."""
        _, state = self._turn("stderr: 100000000\nsay: on")
        self.assertEqual(data_of(state)["state"], "IDLE")

    def test_silence_ends_at_the_time_bound(self) -> None:
        """CH-05, CH-16, CH-17: one that hangs, has closed its output, or stopped itself ends with EXECUTION_TIMEOUT."""
        for script in ("hang:", "close_output:", "freeze:"):
            _, state = self._turn(script, timeout=1)
            self.assertEqual(self._code(state), "EXECUTION_TIMEOUT", script)
            self.assertEqual(self.inhabited.children(), {}, script)

    def test_a_person_may_take_their_time(self) -> None:
        """CH-16: the wait for a person does not count to the time of an execution."""
        project_id = begin(self.one, self.inhabited, "asks")
        script = "tool: Write {}\nsay: done"
        self.one.request("execute", project_id=project_id, prompt=script, options={"timeout": 3})
        asked = data_of(self.one.wait_for(lambda message: message["type"] == "permission_request"))
        time.sleep(3.2)
        answer = {"permission_id": asked["permission_id"], "behavior": "allow"}
        self.one.request("permission_response", project_id=project_id, **answer)
        self.assertEqual(data_of(self.one.wait_for_state(project_id, "IDLE", "ERROR"))["state"], "IDLE")

    def test_how_it_is_started(self) -> None:
        """AR-01, AR-12, AR-15: no text of a client in argv; the environment built up; three descriptors; a session."""
        prompt = "dump:\nsay: --settings=/tmp/evil.json $(id)"
        project_id, _ = self._turn(prompt)
        dump = next(data for data in self._said(project_id) if data.get("type") == "dump")
        self.assertNotIn("evil", str(dump["argv"]) + str(dump["starting"]))
        environ = dump["environ"]
        assert isinstance(environ, dict)
        self.assertEqual(environ.keys() & {"PYTHONPATH", "LD_PRELOAD", "NODE_OPTIONS"}, set())
        fds = dump["fds"]
        assert isinstance(fds, dict)
        self.assertEqual({int(fd) for fd, where in fds.items() if "/proc/" not in where} - {0, 1, 2}, set())
        self.assertFalse(dump["tty"])
        self.assertNotEqual(dump["sid"], os.getsid(0))


class SuddenDeathTests(HouseTestCase):
    def test_nothing_outlives_the_server(self) -> None:
        """LI-03: after kill -9 of the server all is dead within 2 s; the next start says what was interrupted."""
        house = self.house()
        client: Client = self.client(house)
        project_id = begin(client, house, "one")
        client.request("execute", project_id=project_id, prompt="stubborn:\ndaemon:\nsay: x\nhang:")
        client.wait_for(lambda message: data_of(message).get("type") == "assistant")
        self.assertTrue(house.children())
        house.stop(signal.SIGKILL)
        wait_until(lambda: not house.children(), "every process of the server is dead", 10)  # five times the promise
        house.start()
        client = self.client(house)
        joined = data_of(client.join(project_id, after_seq=0))
        self.assertEqual(joined["state"], "ERROR")
        error = client.wait_for(lambda message: message["type"] == "error")
        self.assertEqual(data_of(error)["code"], "EXECUTION_INTERRUPTED")

    def test_a_supervisor_may_die(self) -> None:
        """CH-28: without its supervisor the tree dies all the same, and the project is in ERROR."""
        house = self.house()
        client = self.client(house)
        project_id = begin(client, house, "one")
        client.request("execute", project_id=project_id, prompt="daemon:\nhang:")
        client.wait_for(lambda message: data_of(message).get("type") == "offspring")
        tree = Path(f"/proc/{house.pid}/task/{house.pid}/children").read_text().split()
        self.assertEqual(len(tree), 1)
        os.kill(int(tree[0]), signal.SIGKILL)
        client.wait_for_state(project_id, "ERROR")
        wait_until(lambda: not house.children(), "the tree is dead", 10)
