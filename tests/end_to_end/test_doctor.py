# -*- test-case-name: tests.end_to_end.test_doctor -*-
"""`pocketagent doctor` beside a server that runs, as a person types it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping

from tests.end_to_end.client import DEADLINE, wait_until
from tests.end_to_end.house import COMMAND, House, HouseTestCase

NOT_ROOTS = ["data", "disk", "claude", "login", "certificate", "port", "clock", "files"]


class DoctorTests(HouseTestCase):
    def asked(self, house: House, *words: str, **environment: str) -> Mapping[str, Mapping[str, str]]:
        """What the doctor finds there, by the names of the checks."""
        settings = [f"--data-dir={house.data_dir}", "--host=127.0.0.1", f"--port={house.port}"]
        run = subprocess.run(
            [sys.executable, "-c", COMMAND, "doctor", "--json", *settings, *words],
            cwd=house.directory, env={**house.environment, **environment}, capture_output=True, text=True,
            timeout=DEADLINE, check=False,
        )  # fmt: skip
        self.assertEqual(run.stderr, "")
        told = json.loads(run.stdout)
        self.assertEqual(run.returncode, 1 if told["verdict"] == "problem" else 0)
        return {one["check"]: one for one in told["findings"]}

    def test_beside_a_server(self) -> None:
        """A server that is well is found well, by its own environment, and so is its CLI, the real one; the doctor
        disturbs nobody."""
        key = {"ANTHROPIC_API_KEY": "sk-stand-in", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
        house = self.house(claude=self.real_cli(), environment=key)
        client = self.client(house)
        found = self.asked(house, f"--claude={house.claude}", ANTHROPIC_API_KEY="")
        self.assertEqual({name: found[name]["verdict"] for name in NOT_ROOTS}, dict.fromkeys(NOT_ROOTS, "ok"), found)
        self.assertEqual(found["user"]["verdict"], "warning" if os.geteuid() == 0 else "ok")
        self.assertIn(f"(process {house.pid})", found["data"]["words"])
        self.assertIn("our server answers, healthy", found["port"]["words"])
        self.assertIn("api_key", found["login"]["words"])
        self.assertEqual(client.request("project_list")["type"], "project_list_response")

    def test_degraded(self) -> None:
        """What a running server says of itself is told: such as one without its CLI."""
        house = self.house("--claude=/nonexistent/claude")
        found = self.asked(house, "--claude=/nonexistent/claude")
        self.assertEqual((found["claude"]["verdict"], found["port"]["verdict"]), ("problem", "warning"))
        self.assertIn("degraded", found["port"]["words"])

    def test_stopped(self) -> None:
        """A server that hangs is a problem; after it was killed its port is free again, and the directory nobody's."""
        house = self.house()
        os.kill(house.pid, signal.SIGSTOP)
        try:
            found = self.asked(house, f"--claude={house.claude}")
        finally:
            os.kill(house.pid, signal.SIGCONT)
        self.assertEqual(found["port"]["verdict"], "problem")
        self.assertIn(f"(process {house.pid})", found["port"]["words"])
        house.stop(signal.SIGKILL)
        wait_until(lambda: "free" in self.asked(house)["port"]["words"], "the port")
        self.assertIn("no server runs", self.asked(house)["data"]["words"])
