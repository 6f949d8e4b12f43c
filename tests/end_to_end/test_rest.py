"""The API over HTTP with foreign clients: the whole way of a prompt, streams that lose nothing, the same refusals."""

import asyncio
import json
import signal
import time
import uuid
from functools import partial
from typing import cast

import aiohttp

from tests.end_to_end.asking import Asking, Event, Stream
from tests.end_to_end.client import Refused
from tests.end_to_end.house import House, HouseTestCase
from tests.end_to_end.shared_house import SharedHouse
from tests.end_to_end.test_permissions import call


class RestTestCase(HouseTestCase):
    def asking(self, house: House, token: str | None = None) -> Asking:
        asking = Asking.of(house, token)
        self.addCleanup(asking.close)
        return asking

    def stream(self, house: House, token: str, project_id: str, after: int | None = None, query: str = "") -> Stream:
        stream = Stream.of(house, token, project_id, after, query)
        self.addCleanup(stream.close)
        return stream

    def begin(self, asking: Asking, house: House, name: str) -> str:
        made = asking.ask("POST", "/projects", {"path": str(house.project(name))})
        self.assertEqual((made.status, made.headers["location"]), (201, f"/api/v1/projects/{made.body['id']}"))
        return str(made.body["id"])


def is_question(event: Event) -> bool:
    return event.name == "permission_request"


class StoryTests(RestTestCase):
    def test_a_prompt_and_its_questions(self) -> None:
        """Created, asked, streamed, a question answered, interrupted, looked back: all over HTTP, with the real CLI."""
        house = SharedHouse.lent(self, real=True).house
        token = house.token()
        asking = self.asking(house, token)
        project_id = self.begin(asking, house, "one")
        project = f"/projects/{project_id}"
        stream = self.stream(house, token, project_id)
        path = house.home / "one" / "written"
        key = str(uuid.uuid4())
        prompt = call("Write", file_path=str(path), content="by the agent") + "\nthen:\nsay: it is written"
        accepted = asking.ask("POST", f"{project}/executions", {"prompt": prompt}, Idempotency_Key=key)
        self.assertEqual((accepted.status, accepted.headers["location"]), (202, f"/api/v1{project}"))

        question = stream.wait_for(is_question).data["data"]
        assert isinstance(question, dict)
        state = asking.ask("GET", project).body
        self.assertEqual((state["state"], state["pending_permissions"]), ("EXECUTING", [question]))
        answered = asking.ask("POST", f"{project}/permissions/{question['permission_id']}", {"behavior": "allow"})
        self.assertEqual((answered.status, answered.body["behavior"]), (200, "allow"))
        again = asking.ask("POST", f"{project}/permissions/{question['permission_id']}", {"behavior": "deny"})
        self.assertEqual((again.status, again.code), (404, "PERMISSION_NOT_FOUND"))
        stream.wait_for_state("IDLE")
        self.assertEqual(path.read_text(), "by the agent")
        self.assertIn("it is written", json.dumps([event.data for event in stream.events]))
        self.assertTrue(any(event.id is None and event.name == "agent_message" for event in stream.events))

        self.look_around(asking, house, project_id)
        repeated = asking.ask("POST", f"{project}/executions", {"prompt": prompt}, Idempotency_Key=key)
        expected = {"execution_id": accepted.body["execution_id"], "position": 0, "status": "done", "duplicate": True}
        self.assertEqual((repeated.status, repeated.body), (202, expected))

        asking.ask("POST", f"{project}/executions", {"prompt": call("Write", file_path=str(path), content="x")})
        stream.wait_for(is_question)
        busy = asking.ask("POST", f"{project}/executions", {"prompt": "say: x"})
        self.assertEqual((busy.status, busy.code), (409, "PROCESS_ACTIVE"))
        self.assertEqual(asking.ask("POST", f"{project}/interrupt").body, {"confirmed": True})
        stream.wait_for_state("IDLE")

        found, link = [], f"/api/v1{project}/messages?order=asc&limit=7"
        while link:
            page = asking.ask("GET", link)
            messages = page.body["messages"]
            assert isinstance(messages, list)
            found += messages
            link = page.headers.get("link", "")[1:].partition(">")[0]
        told = [(event.id, event.name, event.data["data"]) for event in stream.events if event.id is not None]
        self.assertEqual([(one["seq"], one["type"], one["message"]) for one in found], told)

        tag = asking.ask("GET", project).headers["etag"]
        self.assertEqual(asking.ask("GET", project, If_None_Match=tag).status, 304)
        self.assertEqual(asking.ask("PUT", f"{project}/acknowledged", {"seq": told[-1][0]}).status, 204)
        self.assertEqual(asking.ask("DELETE", project).status, 200)
        self.assertEqual([event.name for event in stream.rest()], ["project_deleted", "closed"])
        self.assertEqual(asking.ask("GET", project).code, "PROJECT_NOT_FOUND")

    def look_around(self, asking: Asking, house: House, project_id: str) -> None:
        """After one turn: what it cost, what it said last, where that stands, its file, and the directory around it."""
        project = f"/projects/{project_id}"
        state = asking.ask("GET", project).body
        (day,) = cast(list[dict[str, float]], asking.ask("GET", "/usage").body["days"])
        self.assertEqual((state["last_words"], day["turns"]), ("it is written", 1))
        self.assertEqual(day["cost_usd"], state["cost_usd"])
        self.assertGreater(min(day["cost_usd"], day["input_tokens"], day["output_tokens"]), 0)
        hits = cast(list[dict[str, object]], asking.ask("GET", f"{project}/search?query=IS+WRITTEN").body["hits"])
        self.assertEqual(
            [(hit["type"], hit["direction"]) for hit in hits],
            [("agent_message", "claude"), ("client_message", "client")],
        )
        files = asking.ask("GET", f"{project}/files?query=WRIT").body["files"]
        self.assertEqual(files, [{"path": "written", "directory": False}])
        found = asking.ask("GET", f"/directories?path={house.home}").body["directories"]
        told = {one["name"]: (one["project_id"], one["nesting"]) for one in cast(list[dict[str, object]], found)}
        self.assertEqual(told["one"], (project_id, False))
        trust = asking.ask("GET", f"/directories/trust?path={house.home}/one").body
        self.assertEqual(trust, {"state": "trusted", "fingerprint": "", "files": [], "problem": None})

    def test_another_library(self) -> None:
        """aiohttp asks many things at once on a few connections, and reads a stream beside it."""
        house = SharedHouse.lent(self).house
        token = house.token()

        async def talk() -> list[int]:
            headers = {"Authorization": f"Bearer {token}"}
            connector = aiohttp.TCPConnector(limit=4, ssl=False)
            base = f"https://127.0.0.1:{house.port}/api/v1/"
            async with aiohttp.ClientSession(base, headers=headers, connector=connector) as session:
                async with session.post("projects", json={"path": str(house.project("one"))}) as made:
                    project_id = (await made.json())["id"]
                async with session.get(f"projects/{project_id}/events") as stream:
                    asked = [session.get(f"projects/{project_id}") for _ in range(50)]
                    answers = await asyncio.gather(*asked)
                    statuses = [answer.status for answer in answers]
                    for answer in answers:
                        answer.release()
                    body = {"prompt": "say: hello"}
                    async with session.post(f"projects/{project_id}/executions", json=body) as accepted:
                        statuses.append(accepted.status)
                    async for line in stream.content:
                        if line.startswith(b"data:") and b'"IDLE"' in line and b'"seq"' in line:
                            return statuses
            return []

        self.assertEqual(asyncio.run(talk()), [200] * 50 + [202])


class KeyTests(RestTestCase):
    def test_over_a_restart(self) -> None:
        """RE-14: a prompt sent again under its key, after the server was stopped and after it died, runs no second
        time: the answer names the execution that was, and what became of it."""
        house = SharedHouse.lent(self).house
        token = house.token()
        asking = self.asking(house, token)
        project_id = self.begin(asking, house, "one")
        executions = f"/projects/{project_id}/executions"
        done, cut = str(uuid.uuid4()), str(uuid.uuid4())
        first = asking.ask("POST", executions, {"prompt": "say: hello"}, Idempotency_Key=done)
        stream = self.stream(house, token, project_id, 0)
        stream.wait_for_state("EXECUTING")
        stream.wait_for_state("IDLE")
        second = asking.ask("POST", executions, {"prompt": "forever:"}, Idempotency_Key=cut)
        stream.wait_for_state("EXECUTING")
        for by in (signal.SIGKILL, signal.SIGTERM):
            house.stop(by)
            house.start()
            asking = self.asking(house, token)
            head = asking.ask("GET", f"/projects/{project_id}").body["head_seq"]
            for key, prompt, before, status in (
                (done, "say: hello", first, "done"),
                (cut, "forever:", second, "failed"),
            ):
                again = asking.ask("POST", executions, {"prompt": prompt}, Idempotency_Key=key)
                expected = {"execution_id": before.body["execution_id"], "position": 0, "status": status}
                self.assertEqual((again.status, again.body), (202, {**expected, "duplicate": True}))
            other = asking.ask("POST", executions, {"prompt": "another"}, Idempotency_Key=done)
            self.assertEqual((other.status, other.code), (400, "INVALID_MESSAGE"))
            self.assertEqual(asking.ask("GET", f"/projects/{project_id}").body["head_seq"], head)


class StreamTests(RestTestCase):
    def test_over_a_killed_server(self) -> None:
        """LI-03: with the id of the last event nothing is missing and nothing comes twice, though the server died."""
        house = self.house(environment={"PA_SEGMENT_MESSAGES": "100"})
        token = house.token()
        asking = self.asking(house, token)
        project_id = self.begin(asking, house, "one")
        asking.ask("POST", f"/projects/{project_id}/executions", {"prompt": "lines: 3000 300 1000\nsay: end"})
        stream = self.stream(house, token, project_id, 0)
        got: list[Event] = []
        for _ in range(2):
            stream.wait_for(partial(self.is_beyond, len(got) + 200))
            house.stop(signal.SIGKILL)
            stream.rest()
            got += [event for event in stream.events if event.id is not None]
            self.assertEqual([event.id for event in got], list(range(1, len(got) + 1)))
            house.start()
            stream = self.stream(house, token, project_id, len(got))
            asking = self.asking(house, token)
            asking.ask("POST", f"/projects/{project_id}/executions", {"prompt": "lines: 3000 300 1000\nsay: end"})
        joined = stream.wait_for(lambda event: event.name == "project_joined").data["data"]
        assert isinstance(joined, dict)
        self.assertEqual(joined["replay"], "complete")
        stream.wait_for_state("EXECUTING")
        stream.wait_for_state("IDLE")
        got += [event for event in stream.events if event.id is not None]
        page = asking.ask("GET", f"/projects/{project_id}/messages?limit=1000").body
        self.assertEqual([event.id for event in got], list(range(1, int(str(page["head_seq"])) + 1)))
        other = self.stream(house, token, project_id, 0)
        other.wait_for(lambda event: event.id == got[-1].id)
        told = [event for event in other.events if event.id is not None]
        self.assertEqual(told, got)

    def is_beyond(self, number: int, event: Event) -> bool:
        return event.id is not None and event.id > number

    def test_a_gap_is_told(self) -> None:
        """A number beyond the journal, or another journal: everything comes, and the first word says so."""
        house = SharedHouse.lent(self).house
        token = house.token()
        asking = self.asking(house, token)
        project_id = self.begin(asking, house, "one")
        asking.ask("POST", f"/projects/{project_id}/executions", {"prompt": "say: x"})
        head = self.stream(house, token, project_id, 0).wait_for_state("IDLE").id
        assert head is not None
        for after, query in (
            (999, ""),
            (3, "?journal_id=00000000-0000-4000-8000-000000000000"),
            (None, "?after_seq=999"),
        ):
            stream = self.stream(house, token, project_id, after, query)
            joined = stream.wait_for(lambda event: event.name == "project_joined").data["data"]
            assert isinstance(joined, dict)
            self.assertEqual(joined["replay"], "gap")
            self.assertEqual(joined["head_seq"], head)
            stream.wait_for(lambda event: event.id == head)
            self.assertEqual(stream.numbers, list(range(1, head + 1)))

    def test_a_slow_reader(self) -> None:
        """Who reads nothing for a while costs the server no memory, and then hears everything, once."""
        house = SharedHouse.lent(self).house
        token = house.token()
        asking = self.asking(house, token)
        project_id = self.begin(asking, house, "one")
        slow = self.stream(house, token, project_id)
        steady = self.stream(house, token, project_id)
        asking.ask("POST", f"/projects/{project_id}/executions", {"prompt": "lines: 20000 2000\nsay: end"})
        steady.wait_for_state("EXECUTING")
        head = steady.wait_for_state("IDLE").id
        slow.wait_for(lambda event: event.id == head)
        self.assertEqual(slow.numbers, steady.numbers)

    def test_who_has_to_go(self) -> None:
        """AU-07: a revoked device's stream and its other connections end within a second; a stopping server says so."""
        house = SharedHouse.lent(self).house
        token = house.token("phone")
        other = house.token("other", "read")
        asking = self.asking(house, token)
        project_id = self.begin(asking, house, "one")
        stream, staying = self.stream(house, token, project_id), self.stream(house, other, project_id)
        idle = house.dial()
        self.addCleanup(idle.close)
        house.command("token", "revoke", "phone")
        began = time.monotonic()
        last = stream.rest()[-1]
        self.assertLess(time.monotonic() - began, 5)  # five times the promise
        self.assertEqual((last.name, last.data["code"]), ("closed", 4401))
        self.assertEqual(self.asking(house, token).ask("GET", "/stats").status, 401)
        house.stop()
        last = staying.rest()[-1]
        self.assertEqual((last.name, last.data["code"]), ("closed", 1001))


class RefusalTests(RestTestCase):
    def test_the_same_codes(self) -> None:
        """RE-05: what the WebSocket refuses is refused here with the same code, details and sentence."""
        house = SharedHouse.lent(self).house
        token = house.token()
        asking, client = self.asking(house, token), self.client(house, token)
        project_id = self.begin(asking, house, "one")
        project = f"/projects/{project_id}"
        nowhere = str(uuid.uuid4())
        prompts: list[tuple[dict[str, object], int]] = [
            ({"prompt": ""}, 400),
            ({"prompt": "x\0"}, 400),
            ({"prompt": "x" * 100_001}, 413),
            ({"prompt": "x", "options": {"timeout": 1e9}}, 400),
            ({"prompt": "x", "options": {"unknown": 1}}, 400),
            ({"prompt": "x", "options": {"dangerously_skip_permissions": True}}, 403),
            ({"prompt": "x", "options": {"add_dirs": ["/etc"]}}, 400),
        ]
        cases: list[tuple[str, str, object, str, dict[str, object], int]] = [
            ("POST", "/projects", {"path": "one"}, "project_create", {"path": "one"}, 400),
            ("POST", "/projects", {"path": "/etc"}, "project_create", {"path": "/etc"}, 400),
            ("POST", "/projects", {"path": 1}, "project_create", {"path": 1}, 400),
            ("POST", "/projects", {}, "project_create", {}, 400),
            ("POST", "/projects", {"path": f"{house.home}/one"}, "project_create", {"path": f"{house.home}/one"}, 409),
            ("GET", f"/projects/{nowhere}", None, "project_get", {"project_id": nowhere}, 404),
            ("PATCH", project, {"name": ""}, "project_update", {"project_id": project_id, "name": ""}, 400),
            ("PATCH", project, {}, "project_update", {"project_id": project_id}, 400),
            (
                "PUT",
                f"{project}/trust",
                {"fingerprint": "x"},
                "project_trust",
                {"project_id": project_id, "fingerprint": "x"},
                400,
            ),
            ("POST", f"{project}/kill", None, "agent_kill", {"project_id": project_id}, 404),
            ("POST", f"{project}/interrupt", None, "agent_interrupt", {"project_id": project_id}, 404),
            (
                "DELETE",
                f"{project}/executions/x",
                None,
                "queue_remove",
                {"project_id": project_id, "execution_id": "x"},
                404,
            ),
            ("DELETE", f"{project}/error", None, "error_acknowledge", {"project_id": project_id}, 400),
            ("PATCH", f"{project}/agent", {}, "agent_configure", {"project_id": project_id}, 400),
            (
                "PATCH",
                f"{project}/agent",
                {"model": "x"},
                "agent_configure",
                {"project_id": project_id, "model": "x"},
                404,
            ),
            ("GET", f"{project}/messages?limit=0", None, "get_messages", {"project_id": project_id, "limit": 0}, 400),
            *(
                ("POST", f"{project}/executions", data, "execute", {"project_id": project_id, **data}, status)
                for data, status in prompts
            ),
            (
                "POST",
                f"{project}/permissions/x",
                {"behavior": "allow"},
                "permission_response",
                {"project_id": project_id, "permission_id": "x", "behavior": "allow"},
                404,
            ),
        ]
        for method, path, body, name, data, status in cases:
            answer = asking.ask(method, path, body)
            self.assertEqual(answer.status, status, (method, path, body, answer))
            self.assertEqual(answer.body["type"], "error")
            try:
                client.request(name, **data)
            except Refused as refused:
                told = answer.body["data"]
                assert isinstance(told, dict)
                self.assertEqual((told["code"], told["details"]), (refused.code, refused.details), (method, path))
            else:
                self.fail(f"{name} was not refused")

    def test_a_huge_length(self) -> None:
        """RE-01: a length of a terabyte is refused at once, and nothing is written anywhere."""
        house = self.house(plaintext=True)
        head = (
            f"POST /api/v1/projects HTTP/1.1\r\nHost: 127.0.0.1:{house.port}\r\n"
            f"Authorization: Bearer {house.token()}\r\n"
            "Content-Type: application/json\r\nContent-Length: 1000000000000\r\n\r\n"
        )
        with house.dial() as talk:
            talk.sendall(head.encode())
            heard = b""
            while data := talk.recv(65536):
                heard += data
            self.assertTrue(heard.startswith(b"HTTP/1.1 413 "), heard)
            self.assertIn(b"Connection: close", heard)

    def test_no_credential(self) -> None:
        """AU-01: without a credential nothing of the API answers."""
        house = self.house("--wrong-credentials-per-address=1000", "--wrong-credentials=1000")
        asking = self.asking(house)
        paths = asking.ask("GET", "/openapi.json").body["paths"]
        assert isinstance(paths, dict)
        for path, operations in paths.items():
            for method, operation in operations.items():
                if "security" not in operation:
                    continue
                for token in ("", "pa_0123456789abcdef_" + "5" * 64):
                    stranger = self.asking(house, token)
                    answer = stranger.ask(method.upper(), path.replace("{", "").replace("}", ""))
                    self.assertEqual((answer.status, answer.code), (401, "UNAUTHORIZED"), (method, path))
                    stranger.close()
