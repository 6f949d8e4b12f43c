"""The rules for what a client may say, each driven through a socket: a rule that nobody calls is no rule (AR-19)."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import uuid4

from tests.end_to_end.client import Client, Refused
from tests.end_to_end.house import House, HouseTestCase
from tests.end_to_end.shared_house import SharedHouse
from tests.end_to_end.test_turns import begin, data_of

MiB = 1024 * 1024


class RuleTests(HouseTestCase):
    """With the scripted CLI, and a server with its default bounds."""

    def setUp(self) -> None:
        self.inhabited = SharedHouse.lent(self).house
        self.one = self.client(self.inhabited)
        self.project_id = begin(self.one, self.inhabited, "work")

    def code(self, client: Client, type: str, **data: object) -> str:
        refused = self.assertRaises(Refused, client.request, type, **data)
        return str(refused.code)

    def execute(self, prompt: str, **options: object) -> str:
        """The code with which a prompt is refused."""
        return self.code(self.one, "execute", project_id=self.project_id, prompt=prompt, options=options)

    def test_execute(self) -> None:
        """AR-02, AR-05, AR-08, AR-09, JS-09, JS-14: no prompt and no option beyond its rule reaches the agent."""
        bad: Mapping[str, Sequence[object]] = {
            "model": ("--settings=/tmp/x", "a b", "a\n", "", "x" * 300, 5),
            "fallback_model": ("-p", "$(id)", "a;b"),
            "allowed_tools": (
                *(["Read,Bash(*)"], ["Read Bash"], ["Bash("], ["-x"], ["Bash(--settings=/x)"]),
                *(["Read"] * 10_000, "Read"),
            ),
            "disallowed_tools": (["Read\0"],),
            "permission_mode": ("root", "--plan", True),
            "effort": ("--high", "HIGH;", ""),
            "mcp_config": ("unknown", "../x", "{}"),
            "timeout": (0, -1, 1e9, "5"),
            "max_budget_usd": (0, -0.5, "1"),
            "allowed_tolls": (["Read"],),
            "append_system_prompt": ("x\0",),
        }
        for option, values in bad.items():
            for value in values:
                with self.subTest(option=option, value=str(value)[:80]):
                    answer = self.execute("x", **{option: value})
                    self.assertEqual(answer, "INVALID_MESSAGE")
        for prompt in ("", " \n\t", "a\0b"):
            with self.subTest(prompt=prompt):
                self.assertEqual(self.execute(prompt), "INVALID_MESSAGE")
        self.assertEqual(self.execute("x" * 100_001), "MESSAGE_TOO_LARGE")
        self.assertEqual(self.execute("x", dangerously_skip_permissions=True), "FORBIDDEN")
        self.assertEqual(self.execute("x", permission_mode="bypassPermissions"), "FORBIDDEN")
        self.assertEqual(self.execute("x", add_dirs=["/etc"]), "INVALID_PATH")
        self.assertEqual(self.one.events(self.project_id), [])
        self.assertEqual(self.inhabited.children(), {})

    def test_paths(self) -> None:
        """PA-01, PA-03, PA-05, PA-09: what may not be a project is refused with its code, and nothing is made of it."""
        home = self.inhabited.home
        (home / "file").write_text("x")
        (home / "link").symlink_to("/etc")
        (home / "a\nb").mkdir()
        own = [str(self.inhabited.data_dir), str(home.parent)]
        names = ["file", "gone", "link", "a\nb", "../x"]
        for path in ("work", "~/x", "/etc", f"{home}x", "/" + "x" * 5000, *(f"{home}/{name}" for name in names), *own):
            with self.subTest(path=path[:60]):
                self.assertEqual(self.code(self.one, "project_create", path=path), "INVALID_PATH")
        self.assertEqual(self.code(self.one, "project_create", path=str(home / "work")), "PROJECT_EXISTS")
        inside = home / "work" / "deeper"
        inside.mkdir()
        self.assertEqual(self.code(self.one, "project_create", path=str(inside)), "PROJECT_NESTING")
        listed = data_of(self.one.request("project_list"))
        self.assertEqual(listed["total"], 1)

    def test_scopes(self) -> None:
        """AU-17, AU-25: a device's rights are the server's record, whatever a message claims."""
        token = self.inhabited.token("reader", "read")
        reader = self.inhabited.connect(token)
        self.addCleanup(reader.close)
        claim = {"scope": "admin", "scopes": ["admin"], "device": {"scopes": ["admin"]}}
        for type, data in (
            ("execute", {"prompt": "x"}),
            ("agent_kill", {}),
            ("project_delete", {}),
            ("project_create", {"path": str(self.inhabited.project("other"))}),
        ):
            answer = self.code(reader, type, project_id=self.project_id, **data, **claim)
            self.assertEqual(answer, "FORBIDDEN")

    def test_no_way_in_without_a_token(self) -> None:
        """AU-23, OR-04, CH-20: there is nothing to set up or to sign in to from outside; what there is asks who comes,
        also whoever comes from this machine, as an agent would."""
        self.assertIn(self.inhabited.get("/")[0], (200, 503))  # the web client, or that it was not built
        for path in ("/setup", "/register", "/login", "/api/v1/setup"):
            self.assertEqual(self.inhabited.get(path)[0], 404)
        for path in ("/api/v1/devices", "/api/v1/projects", "/metrics"):
            self.assertEqual(self.inhabited.get(path)[0], 401)
        self.assertEqual(self.inhabited.get("/api/v1/pair")[0], 405)
        self.assertEqual(self.inhabited.get("/ws")[0] // 100, 4)
        cookie = self.inhabited.get(
            "/ws",
            Connection="Upgrade",
            Upgrade="websocket",
            Cookie="__Host-pocketagent=pa_0_0",
            Origin=f"https://127.0.0.1:{self.inhabited.port}",
            **{"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg=="},
        )
        self.assertEqual(cookie[0], 401)

    def test_a_large_line_arrives(self) -> None:
        """FL-05: a line larger than any message that a client may send is delivered whole, and read back whole."""
        size = 15 * MiB
        self.one.request("execute", project_id=self.project_id, prompt=f"lines: 1 {size}")
        self.one.wait_for_state(self.project_id, "IDLE", "ERROR")
        (large,) = [event for event in self.one.events(self.project_id) if len(json.dumps(event)) > size]
        page = data_of(
            self.one.request(
                "get_messages", project_id=self.project_id, after_seq=int(str(large["seq"])) - 1, limit=1, order="asc"
            )
        )
        messages = page["messages"]
        assert isinstance(messages, list)
        self.assertEqual([record["message"] for record in messages], [large["data"]])

    def test_many_read_back(self) -> None:
        """FL-08: many clients that ask for all of a long history get it page by page, in bounded memory."""
        self.one.request("execute", project_id=self.project_id, prompt=f"lines: 40000 {1024}")
        self.one.wait_for_state(self.project_id, "IDLE", deadline=60)
        token = self.inhabited.token("crowd", "read")
        clients = [self.inhabited.connect(token) for _ in range(20)]
        before = memory(self.inhabited)
        for client in clients:
            self.addCleanup(client.close)
            for _ in range(10):
                client.send("get_messages", project_id=self.project_id, limit=1000)
        for client in clients:
            messages = data_of(client.wait_for(lambda message: message["type"] == "messages_response"))["messages"]
            assert isinstance(messages, list)
            self.assertEqual(len(messages), 1000)
        self.assertLess(memory(self.inhabited) - before, 150 * MiB)

    def test_a_prompt_once(self) -> None:
        """A prompt sent again under its id, also by another device, is answered with the same execution."""
        prompt_id = str(uuid4())
        other = self.client(self.inhabited)
        first = data_of(self.one.request("execute", project_id=self.project_id, prompt="once", prompt_id=prompt_id))
        again = data_of(other.request("execute", project_id=self.project_id, prompt="once", prompt_id=prompt_id))
        self.assertEqual((again["execution_id"], again["duplicate"]), (first["execution_id"], True))
        self.one.wait_for_state(self.project_id, "IDLE")
        prompts = [event for event in self.one.events(self.project_id) if event["type"] == "client_message"]
        self.assertEqual(len(prompts), 1)


def memory(house: House) -> int:
    """Bytes of the server's process in memory."""
    for line in Path(f"/proc/{house.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")
