"""The programs of the pages do what the pages say."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from pocketagent.wire.stored_project import is_project_id
from tests.end_to_end.client import DEADLINE
from tests.end_to_end.house import ROOT, House, HouseTestCase
from tests.end_to_end.shared_house import SharedHouse


def example(page: str, port: int) -> str:
    """The program of a page, for a server at this port."""
    found = re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    (program,) = found
    assert "8443" in program
    return str(program).replace("8443", str(port))


class ReadmeTests(HouseTestCase):
    """The library, in ten lines."""

    def test_it_lists_the_projects(self) -> None:
        """It prints the name and the state of each project."""
        house = SharedHouse.lent(self).house
        client = self.client(house)
        client.request("project_create", path=str(house.project("app")))
        run = subprocess.run(
            [sys.executable, "-c", example("README.md", house.port)],
            env={**house.environment, "TOKEN": house.token(), "FINGERPRINT": house.fingerprint},
            capture_output=True, text=True, timeout=DEADLINE, check=False,
        )  # fmt: skip
        self.assertEqual((run.stdout, run.stderr, run.returncode), ("app IDLE\n", "", 0))


class ProtocolTests(HouseTestCase):
    """`ask.py` of the protocol's page, run as a person runs it."""

    def ask(
        self, house: House, path: Path, prompt: str, said: str = "", **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run it with what a person would type, and the environment changed by that."""
        built: Mapping[str, str] = {**house.environment, "TOKEN": house.token(), "FINGERPRINT": house.fingerprint}
        return subprocess.run(
            [sys.executable, "-c", example("docs/protocol.md", house.port), str(path), prompt],
            cwd=house.directory, env={**built, **environment}, input=said, capture_output=True, text=True,
            timeout=DEADLINE, check=False,
        )  # fmt: skip

    def test_it_asks_the_real_cli(self) -> None:
        """It makes a project, prints the agent's answer, and passes a person's answers on to the agent."""
        house = SharedHouse.lent(self, real=True).house
        path = house.project("tried")
        first = self.ask(house, path, "say: hello")
        self.assertEqual((first.stdout, first.stderr, first.returncode), ("hello\n", "", 0))
        script = f'tool: Write {{"file_path": "{path}/note", "content": "kept"}}\nthen:\nsay: written'
        second = self.ask(house, path, script, said="y\n")
        self.assertIn("Write", second.stdout)
        self.assertIn("written\n", second.stdout)
        self.assertEqual((second.stderr, second.returncode, (path / "note").read_text()), ("", 0, "kept"))

    def test_it_is_told_of_errors(self) -> None:
        """An execution that failed is told on stderr, with exit code 1."""
        house = SharedHouse.lent(self).house
        run = self.ask(house, house.project("failed"), "exit: 3")
        self.assertIn("ended before its turn was complete", run.stderr)
        self.assertEqual(run.returncode, 1)

    def test_it_trusts_no_other_server(self) -> None:
        """With another fingerprint it ends before the token is sent, and nothing was asked."""
        house = SharedHouse.lent(self).house
        run = self.ask(house, house.project("wrong"), "say: hello", FINGERPRINT=44 * "A")
        self.assertEqual((run.stdout, run.stderr, run.returncode), ("", "This is not my server.\n", 1))
        self.assertFalse([one for one in (house.data_dir / "projects").iterdir() if is_project_id(one.name)])
