"""How the server stops, and what keeps it from starting: one line, exit code 1, and nothing left behind."""

import contextlib
import os
import signal
import socket
import stat
import time
from collections.abc import Sequence
from pathlib import Path

from tests.end_to_end.client import wait_until
from tests.end_to_end.house import House, HouseTestCase
from tests.end_to_end.test_turns import begin, data_of

STOP = 15.0
"""Seconds within which the server ends (protocol section 6)."""


class StopTests(HouseTestCase):
    def test_while_it_works(self) -> None:
        """SIGTERM: executions are stopped and told, the queue dropped, then 1001, all within 15 s, nothing alive."""
        house = self.house()
        token = house.token()
        client = self.client(house, token)
        stubborn, asking = (begin(client, house, name) for name in ("stubborn", "asking"))
        client.request("execute", project_id=stubborn, prompt="stubborn:\ndaemon:\nheir:\nhang:")
        client.wait_for(lambda message: data_of(message).get("type") == "offspring")
        client.request("execute", project_id=asking, prompt="tool: Write {}")
        client.request("execute", project_id=asking, prompt="say: later", queue=True)
        client.wait_for(lambda message: message["type"] == "permission_request")
        began = time.monotonic()
        self.assertEqual(house.stop(), -signal.SIGTERM)
        self.assertLess(time.monotonic() - began, STOP)
        self.assertEqual(house.children(), {})
        self.assertEqual(client.closed(), 1001)
        for project_id in (stubborn, asking):
            *_, error, state = client.events(project_id)
            self.assertEqual(data_of(error)["code"], "EXECUTION_INTERRUPTED")
            self.assertEqual(data_of(state)["state"], "ERROR")
        types = [one["type"] for one in client.events(asking)]
        self.assertEqual(types[-3:], ["prompt_dropped", "error", "project_state"])
        self.assertIn("permission_resolved", types)
        told = {project_id: client.events(project_id) for project_id in (stubborn, asking)}
        house.start()
        client = self.client(house, token)
        for project_id, events in told.items():
            head = data_of(client.join(project_id))["head_seq"]
            self.assertEqual(head, events[-1]["seq"])

    def test_twice(self) -> None:
        """LI-02: a second SIGTERM, and a SIGINT, in the middle of the stop leave no process behind either."""
        house = self.house()
        client = self.client(house)
        project_id = begin(client, house, "one")
        client.request("execute", project_id=project_id, prompt="stubborn:\ndaemon:\nhang:")
        client.wait_for(lambda message: data_of(message).get("type") == "offspring")
        began = time.monotonic()
        for by in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
            os.kill(house.pid, by)
            time.sleep(0.3)
        house.stop()
        self.assertLess(time.monotonic() - began, STOP)
        wait_until(lambda: not house.children(), "nothing is alive", 10)
        self.assertEqual(client.closed(), 1001)
        error = [data_of(one) for one in client.events(project_id) if one["type"] == "error"]
        self.assertEqual([one["code"] for one in error], ["EXECUTION_INTERRUPTED"])

    def test_during_the_start(self) -> None:
        """LI-02: SIGTERM at any moment of the start ends it at once, and the next one is well."""
        house = self.house(start=False)
        house.project("one")
        for number in range(5):
            house.launch()
            time.sleep(0.2 * number)
            began = time.monotonic()
            house.stop()
            self.assertLess(time.monotonic() - began, STOP)
        wait_until(lambda: not house.children(), "nothing is left of what the starts had begun", STOP)
        house.start()
        self.assertEqual(data_of(self.client(house).request("health_check"))["status"], "healthy")


class StartTests(HouseTestCase):
    """What stands in the way is told on one line."""

    def refused(self, house: House) -> str:
        """Start; the line with which it ends."""
        before = len(house.log)
        house.launch()
        self.assertEqual(house.wait(), 1)
        lines = house.log[before:].splitlines()
        self.assertEqual(len(lines), 1, lines)
        self.assertTrue(lines[0].startswith("pocketagent: "), lines)
        return str(lines[0])

    def test_a_second_server(self) -> None:
        """ST-15: one on the same data directory is refused, the first serves on; a dead holder's lock is free."""
        first = self.house()
        client = self.client(first)
        second = self.house(start=False)
        second.options = (f"--data-dir={first.data_dir}",)
        self.assertIn(str(first.data_dir), self.refused(second))
        client.request("project_list")
        first.stop(signal.SIGKILL)
        second.start()

    def test_a_port_that_is_taken(self) -> None:
        """LI-08: the line names the port."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            house = self.house(start=False)
            house.port = taken.getsockname()[1]
            self.assertIn(str(house.port), self.refused(house))

    def test_settings_that_are_wrong(self) -> None:
        """LI-05: a misspelt, impossible, contradicting or unreadable setting is named, wherever it stands."""
        for text, environment, options, named in (
            ("prot = 1", {}, (), "prot"),
            ("port = 99999", {}, (), "port"),
            ('allow_bypass = "no"', {}, (), "allow_bypass"),
            ("port = ", {}, (), "settings.toml"),
            ("", {"PA_PROT": "1"}, (), "PA_PROT"),
            ("", {"PA_PERMISSION_TIMEOUT": "soon"}, (), "PA_PERMISSION_TIMEOUT"),
            ("", {}, ("--prot=1",), "prot"),
            ("", {}, ("--host=0.0.0.0", "--plaintext"), "plaintext"),
            ("", {}, ("--certificate=/nowhere/cert.pem",), "private"),
        ):
            house = self.house("--config=settings.toml", *options, environment=environment, start=False)
            (house.directory / "settings.toml").write_text(text)
            self.assertIn(named, self.refused(house))

    def test_as_root(self) -> None:
        """LI-06: root is refused without the flag."""
        if os.geteuid() != 0:
            self.skipTest("only root can try this")
        house = self.house(start=False)
        house.as_root = ()
        self.assertIn("root", self.refused(house))


class ModeTests(HouseTestCase):
    def test_umask_of_nobody(self) -> None:
        """ST-17: whatever the umask, all that the server keeps is for its user alone."""
        house = self.house("--config=settings.toml", start=False)
        (house.directory / "settings.toml").write_text(
            '[mcp_configs.one.mcpServers.one]\ncommand = "true"\nenv = { KEY = "sesame" }\n'
        )
        before = os.umask(0)
        try:
            house.start()
        finally:
            os.umask(before)
        client = self.client(house)
        project_id = begin(client, house, "one")
        client.request("execute", project_id=project_id, prompt="dump:\nforever:", options={"mcp_config": "one"})
        dump = data_of(client.wait_for(lambda message: data_of(message).get("type") == "dump"))
        wrong = [(path, oct(mode)) for path, mode in _modes(house.data_dir) if mode & 0o077]
        self.assertEqual(wrong, [])
        self.assertTrue([path for path, _ in _modes(house.data_dir) if path.suffix == ".jsonl"])
        handed = [word.partition("=")[2] for word in dump["argv"] if "mcp-config" in word]  # type: ignore[attr-defined]
        self.assertEqual([_mode(Path(path)) & 0o077 for path in handed], [0])


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def _modes(top: Path) -> Sequence[tuple[Path, int]]:
    """Of all directories and files that stay: one that another takes the place of meanwhile may be gone by now."""
    found = []
    for path in (top, *top.rglob("*")):
        with contextlib.suppress(FileNotFoundError):
            if not path.is_symlink():
                found.append((path, _mode(path)))
    return found
