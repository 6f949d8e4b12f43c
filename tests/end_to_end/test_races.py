"""Several devices ask at once for what only one can have: one gets it, the others are told, and the state is right."""

import threading
from collections.abc import Callable, Sequence

from tests.end_to_end.client import Client, Refused
from tests.end_to_end.house import HouseTestCase
from tests.end_to_end.shared_house import SharedHouse
from tests.end_to_end.test_turns import begin, data_of

ROUNDS = 10
DEVICES = 4


class RaceTests(HouseTestCase):
    def setUp(self) -> None:
        self.inhabited = SharedHouse.lent(self).house
        token = self.inhabited.token()
        self.devices = [self.client(self.inhabited, token) for _ in range(DEVICES)]
        self.one = self.devices[0]

    def together(self, *asks: Callable[[], object]) -> Sequence[object]:
        """Do all of these at once; for each the code of its refusal, or None."""
        codes: list[object] = ["not answered"] * len(asks)
        ready = threading.Barrier(len(asks))

        def work(number: int, ask: Callable[[], object]) -> None:
            ready.wait()
            try:
                ask()
                codes[number] = None
            except Refused as refused:
                codes[number] = refused.code

        threads = [threading.Thread(target=work, args=one) for one in enumerate(asks)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return codes

    def at_rest(self, project_id: str) -> object:
        """The state in which the turn that runs ends."""
        return data_of(self.one.wait_for_state(project_id, "IDLE", "ERROR"))["state"]

    def test_executes(self) -> None:
        """CH-23: one runs, the others get PROCESS_ACTIVE, and the loser does not touch the state."""
        project_id = begin(self.one, self.inhabited, "one")

        def execute(device: Client) -> Callable[[], object]:
            return lambda: device.request("execute", project_id=project_id, prompt="say: x\nforever:")

        for _ in range(ROUNDS):
            codes = self.together(*(execute(device) for device in self.devices))
            self.assertEqual(sorted(map(str, codes)), ["None"] + ["PROCESS_ACTIVE"] * (DEVICES - 1))
            self.one.wait_for_state(project_id, "EXECUTING")
            self.one.request("agent_kill", project_id=project_id)
            self.assertEqual(self.at_rest(project_id), "IDLE")
        states = [data_of(one)["state"] for one in self.one.events(project_id) if one["type"] == "project_state"]
        self.assertEqual(states, ["EXECUTING", "IDLE"] * ROUNDS)

    def test_kills(self) -> None:
        """CH-22: killed by all at once, at any moment of a start, it ends once, and every one of them is answered."""
        project_id = begin(self.one, self.inhabited, "one")
        for number in range(ROUNDS):
            self.one.request("execute", project_id=project_id, prompt="daemon:\nforever:")
            self.one.take(number * 0.02)
            codes = self.together(
                *(lambda d=device: d.request("agent_kill", project_id=project_id) for device in self.devices)
            )
            self.assertLessEqual(set(codes), {None, "PROCESS_NOT_FOUND"})
            self.assertIn(None, codes)
            self.one.wait_for_state(project_id, "EXECUTING")
            self.assertEqual(self.at_rest(project_id), "IDLE")
            self.assertEqual(self.inhabited.children(), {})
        killed = [one for one in self.one.events(project_id) if one["type"] == "process_killed"]
        self.assertEqual(len(killed), ROUNDS)

    def test_deletes(self) -> None:
        """PA-16: none is deleted while it works; of a deletion and an execution one order wins, and nothing is left."""
        for number in range(ROUNDS):
            project_id = begin(self.one, self.inhabited, f"p{number}")
            two, three = self.devices[1:3]
            execute, first, second = self.together(
                lambda p=project_id: self.one.request("execute", project_id=p, prompt="forever:"),  # type: ignore[misc]
                lambda d=two, p=project_id: d.request("project_delete", project_id=p),  # type: ignore[misc]
                lambda d=three, p=project_id: d.request("project_delete", project_id=p),  # type: ignore[misc]
            )
            if execute is None:
                self.assertEqual((first, second), ("PROCESS_ACTIVE", "PROCESS_ACTIVE"))
                self.one.request("agent_kill", project_id=project_id)
                self.one.request("project_delete", project_id=project_id)
            else:
                self.assertEqual(execute, "PROJECT_NOT_FOUND")
                self.assertEqual(sorted(map(str, (first, second))), ["None", "PROJECT_NOT_FOUND"])
            self.assertTrue((self.inhabited.home / f"p{number}").is_dir())
        self.assertEqual(self.inhabited.children(), {})
        self.assertEqual(data_of(self.one.request("project_list"))["projects"], [])
        left = [one for one in (self.inhabited.data_dir / "projects").iterdir() if len(one.name) == 36]
        self.assertEqual(left, [])

    def test_creates(self) -> None:
        """PA-07: of several who make the same directory a project, or one in it, one wins."""
        for number in range(ROUNDS):
            outer = self.inhabited.project(f"p{number}")
            (outer / "inner").mkdir()
            paths = [outer, outer / "inner", outer, outer / "inner"]
            asks = zip(self.devices, paths, strict=True)
            codes = self.together(*(lambda d=d, p=p: d.request("project_create", path=str(p)) for d, p in asks))
            self.assertEqual(codes.count(None), 1, codes)
            self.assertLessEqual(set(codes), {None, "PROJECT_EXISTS", "PROJECT_NESTING"})
        self.assertEqual(data_of(self.one.request("project_list"))["total"], ROUNDS)

    def test_prompts_with_one_id(self) -> None:
        """A prompt that several devices send with one id at once runs once, and all are told of the same execution."""
        project_id = begin(self.one, self.inhabited, "one")
        for number in range(ROUNDS):
            prompt_id = f"0e3f4a52-9a4d-4d0e-8a55-{number:012d}"
            said: list[object] = []

            def execute(device: Client, prompt_id: str = prompt_id, said: list[object] = said) -> Callable[[], object]:
                def ask() -> None:
                    data = {"project_id": project_id, "prompt": "say: x", "prompt_id": prompt_id}
                    said.append(data_of(device.request("execute", **data))["execution_id"])

                return ask

            codes = self.together(*(execute(device) for device in self.devices))
            self.assertEqual(set(codes), {None})
            self.assertEqual(len(set(said)), 1)
            self.one.wait_for_state(project_id, "EXECUTING")
            self.assertEqual(self.at_rest(project_id), "IDLE")
        results = [one for one in self.one.events(project_id) if data_of(one).get("type") == "result"]
        self.assertEqual(len(results), ROUNDS)
