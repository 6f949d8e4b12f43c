"""Tests of `pocketagent.inbound.rest`: the twins of the WebSocket's requests, on a real port."""

import json
from collections.abc import Mapping, Sequence

from attrs import define, evolve, field
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.trial.unittest import SynchronousTestCase, TestCase

from pocketagent.domain import commands
from pocketagent.domain.access import Scope
from pocketagent.domain.agent import Behavior, PermissionMode
from pocketagent.domain.commands import Command, Order
from pocketagent.domain.message import Direction, Entry
from pocketagent.domain.options import Options
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.replies import ExecutionAccepted, MessagesFound, Reply, Status
from pocketagent.inbound.answer import STATUSES
from pocketagent.inbound.rest import BASE, TWINS
from pocketagent.ports import IConnection
from pocketagent.wire import client, events
from tests.inbound.asking import Asking, Heard
from tests.inbound.house import DEVICE, House, listening
from tests.wire.test_server import STATE, TOLD, UUID

P = STATE.id
NOW = "2026-01-01T12:00:00.000000Z"

CASES: Sequence[tuple[str, str, object, Mapping[str, str], Command]] = (
    ("GET", "/projects", None, {}, commands.ListProjects()),
    ("POST", "/projects", {"path": "/a", "name": "n"}, {}, commands.CreateProject(path="/a", name="n")),
    ("GET", f"/projects/{P}", None, {}, commands.GetProject(project_id=P)),
    ("PATCH", f"/projects/{P}", {"archived": True}, {}, commands.UpdateProject(project_id=P, archived=True)),
    ("DELETE", f"/projects/{P}", None, {}, commands.DeleteProject(project_id=P)),
    ("PUT", f"/projects/{P}/trust", {"fingerprint": "f"}, {}, commands.TrustProject(project_id=P, fingerprint="f")),
    (
        "GET",
        f"/projects/{P}/messages?since=2026-01-01T12%3A00%3A00Z&until=2026-01-02T12:00:00%2B01:00&after_seq=1"
        "&before_seq=9&limit=2&direction=claude&types=agent_message&types=error&order=asc",
        None,
        {},
        commands.GetMessages(
            project_id=P,
            since="2026-01-01T12:00:00Z",
            until="2026-01-02T12:00:00+01:00",
            after_seq=1,
            before_seq=9,
            limit=2,
            direction=Direction.CLAUDE,
            types=("agent_message", "error"),
            order=Order.ASC,
        ),
    ),
    ("PUT", f"/projects/{P}/acknowledged", {"seq": 3}, {}, commands.AcknowledgeMessages(project_id=P, seq=3)),
    (
        "POST",
        f"/projects/{P}/executions",
        {"prompt": "x", "options": {"model": "opus"}, "queue": True},
        {"idempotency_key": UUID},
        commands.Execute(project_id=P, prompt="x", options=Options(model="opus"), queue=True, prompt_id=UUID),
    ),
    (
        "DELETE",
        f"/projects/{P}/executions/e-1",
        None,
        {},
        commands.RemoveFromQueue(project_id=P, execution_id="e-1"),
    ),
    ("POST", f"/projects/{P}/interrupt", None, {}, commands.Interrupt(project_id=P)),
    ("POST", f"/projects/{P}/kill", None, {}, commands.Kill(project_id=P)),
    ("POST", f"/projects/{P}/session", None, {}, commands.NewSession(project_id=P)),
    ("GET", f"/projects/{P}/agent", None, {}, commands.GetAgentInfo(project_id=P)),
    (
        "PATCH",
        f"/projects/{P}/agent",
        {"permission_mode": "plan"},
        {},
        commands.Configure(project_id=P, permission_mode=PermissionMode.PLAN),
    ),
    ("GET", f"/projects/{P}/context", None, {}, commands.GetContext(project_id=P)),
    (
        "POST",
        f"/projects/{P}/permissions/q-1",
        {"behavior": "deny", "message": "no"},
        {},
        commands.AnswerPermission(project_id=P, permission_id="q-1", behavior=Behavior.DENY, message="no"),
    ),
    ("DELETE", f"/projects/{P}/error", None, {}, commands.AcknowledgeError(project_id=P)),
    ("GET", "/agent", None, {}, commands.GetAgentInfo()),
    ("GET", "/health", None, {}, commands.CheckHealth()),
    ("GET", "/stats", None, {}, commands.GetStats()),
)
"""Each twin, and the command that it makes."""

REPLIES: Mapping[str, Reply] = {name: reply for reply in TOLD if (name := client.REPLIES[type(reply)])}  # type: ignore[misc]
REPLIES = {**REPLIES, "messages_response": MessagesFound([], UUID, 9, 1, False)}
OF: Mapping[str, str | None] = {
    "project_list": "project_list_response",
    "project_delete": "project_deleted",
    "get_messages": "messages_response",
    "message_ack": None,
    "execute": "execution_accepted",
    "queue_remove": "prompt_dropped",
    "agent_interrupt": "agent_interrupted",
    "agent_kill": "process_killed",
    "agent_new_session": "session_reset",
    "agent_info": "agent_info",
    "agent_configure": "agent_configured",
    "agent_context": "agent_context",
    "permission_response": "permission_resolved",
    "health_check": "health_status",
    "server_stats": "server_stats",
}
NAMES = {kind: name for name, kind in client.COMMANDS.items()}


@define(eq=False)
class Dispatch:
    """Answers each command with a reply that fits, or as the test says."""

    asked: list[Command] = field(factory=list)
    askers: list[IConnection] = field(factory=list)
    replies: Sequence[Reply] | None = None
    failure: BaseException | None = None

    async def do(self, command: Command, asker: IConnection) -> Sequence[Reply]:
        self.asked.append(command)
        self.askers.append(asker)
        if self.failure is not None:
            raise self.failure
        if self.replies is not None:
            return self.replies
        name = OF.get(NAMES[type(command)], "project_state")
        return () if name is None else [STATE if name == "project_state" else REPLIES[name]]


class RestCase(TestCase):
    timeout = 20

    def setUp(self) -> Deferred[None]:  # type: ignore[override]
        self.dispatch = Dispatch()
        self.house = House(IReactorTime(installed), dispatch=self.dispatch)  # type: ignore[arg-type]
        self.house.access.device = evolve(DEVICE, scope=Scope.ADMIN)
        return Deferred.fromCoroutine(self.open())

    async def open(self) -> None:
        self.front = self.house.door()
        self.port = await listening(self.front)
        self.addCleanup(self.close)
        self.asking = await Asking.of(self.port)

    async def close(self) -> None:
        self.asking.leave()
        await maybeDeferred(self.port.stopListening)
        await self.front.close_all(1001, "over", 0.1)

    async def ask(self, method: str, path: str, body: object = None, **more: object) -> Heard:
        """Ask on the one connection, which stays."""
        return await self.asking.ask(method, BASE + path, body, **more)


class TwinTests(RestCase):
    async def test_every_twin(self) -> None:
        """Each request makes the command of its twin, and answers with the data of the reply, on one connection."""
        for method, path, body, headers, command in CASES:
            heard = await self.ask(method, path, body, **headers)
            self.assertEqual(self.dispatch.asked.pop(), command)
            twin = next(one for one in TWINS if one.method == method and one.wanted is type(command))
            self.assertEqual(heard.status, twin.status, heard)
            name = OF.get(twin.name, "project_state")
            if name is None:
                self.assertEqual(heard.body, b"")
            else:
                reply = STATE if name == "project_state" else REPLIES[name]
                self.assertEqual(heard.body, events.data(reply))
        self.assertEqual({id(asker) for asker in self.dispatch.askers}.__len__(), 1)

    async def test_every_request_has_a_twin(self) -> None:
        """What the WebSocket can be asked can be asked here; joining and leaving are the event stream."""
        self.assertEqual({twin.name for twin in TWINS} | {"project_join", "project_leave"}, set(client.COMMANDS))
        self.assertEqual(len(CASES), len(TWINS))

    async def test_head(self) -> None:
        """HEAD is answered where GET is: the same headers, no body."""
        whole = await self.ask("GET", f"/projects/{P}")
        heard = await self.ask("HEAD", f"/projects/{P}")
        self.assertEqual((heard.status, heard.body), (200, b""))
        for name in ("content-length", "etag", "content-type"):
            self.assertEqual(heard.header(name), whole.header(name))
        self.assertEqual((await self.ask("HEAD", f"/projects/{P}/kill")).status, 405)

    async def test_location(self) -> None:
        """What was made, and what goes on, has a place where it can be seen."""
        heard = await self.ask("POST", "/projects", {"path": "/a"})
        self.assertEqual((heard.status, heard.header("location")), (201, f"{BASE}/projects/{P}"))
        heard = await self.ask("POST", f"/projects/{P}/executions", {"prompt": "x"})
        self.assertEqual((heard.status, heard.header("location")), (202, f"{BASE}/projects/{P}"))

    async def test_pages(self) -> None:
        """A page of history that is not the last links to the next: the same question, behind its last record."""
        entries = [Entry(seq, NOW, "claude", "agent_message", b"{}") for seq in (7, 6)]
        self.dispatch.replies = [MessagesFound(entries, UUID, 9, 1, True)]
        heard = await self.ask("GET", f"/projects/{P}/messages?limit=2&types=a&types=b%20c&since=2026-01-01T00:00:00Z")
        link = heard.header("link") or ""
        self.assertEqual(
            link,
            f"<{BASE}/projects/{P}/messages?since=2026-01-01T00%3A00%3A00Z&before_seq=6&limit=2&types=a&types=b%20c"
            '&order=desc>; rel="next"',
        )
        await self.asking.ask("GET", link[1 : link.index(">")])
        first, second = self.dispatch.asked
        assert isinstance(first, commands.GetMessages)
        assert isinstance(second, commands.GetMessages)
        self.assertEqual((second.types, second.before_seq, second.since), (("a", "b c"), 6, first.since))
        heard = await self.ask("GET", f"/projects/{P}/messages?order=asc&after_seq=3")
        self.assertIn("after_seq=6", heard.header("link") or "")
        self.dispatch.replies = [MessagesFound(entries, UUID, 9, 1, False)]
        self.assertIsNone((await self.ask("GET", f"/projects/{P}/messages")).header("link"))

    async def test_tags(self) -> None:
        """Who has what is there already, by its tag, is told just that."""
        for path in ("/projects", f"/projects/{P}", f"/projects/{P}/messages"):
            tag = (await self.ask("GET", path)).header("etag")
            assert tag is not None
            for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
                heard = await self.ask("GET", path, if_none_match=known)
                self.assertEqual((heard.status, heard.body, heard.header("etag")), (304, b"", tag), known)
            self.assertEqual((await self.ask("GET", path, if_none_match='"other"')).status, 200)

    async def test_idempotency_key(self) -> None:
        """RE-14: the header is the `prompt_id`; what comes of it a second time is answered the same way."""
        self.dispatch.replies = [ExecutionAccepted("e", 0, Status.DONE, True)]
        heard = await self.ask("POST", f"/projects/{P}/executions", {"prompt": "x"}, idempotency_key=UUID)
        self.assertEqual((heard.status, heard.json["duplicate"]), (202, True))
        heard = await self.ask(
            "POST", f"/projects/{P}/executions", {"prompt": "x", "prompt_id": UUID}, idempotency_key=UUID
        )
        self.assertEqual(heard.status, 202)
        other = UUID.replace("1", "2")
        heard = await self.ask(
            "POST", f"/projects/{P}/executions", {"prompt": "x", "prompt_id": other}, idempotency_key=UUID
        )
        self.assertEqual((heard.status, heard.code), (400, "INVALID_MESSAGE"))
        heard = await self.ask("POST", f"/projects/{P}/executions", {"prompt": "x"}, idempotency_key="no uuid")
        self.assertEqual((heard.status, heard.code), (400, "INVALID_MESSAGE"))


class RefusalTests(RestCase):
    async def test_statuses(self) -> None:
        """RE-11: each refusal has the status of its code, and is the JSON object that the WebSocket has, no more."""
        for code, status in STATUSES.items():
            self.dispatch.failure = Refusal(code, "Because.", field="x")
            heard = await self.ask("GET", "/agent")
            if heard.is_last:
                self.assertEqual(status, 401)
                self.asking = await Asking.of(self.port)
            self.assertEqual(
                (heard.status, heard.error), (status, {"code": code, "message": "Because.", "details": {"field": "x"}})
            )
            self.assertEqual(heard.header("content-type"), "application/json")
            self.assertEqual(heard.header("retry-after"), "5" if status in (429, 503) else None)
        self.dispatch.failure = Refusal(Code.RATE_LIMITED, "Slow down.", retry_after=1.2)
        self.assertEqual((await self.ask("GET", "/agent")).header("retry-after"), "2")

    async def test_failure(self) -> None:
        """RE-11: what goes wrong inside is told by a reference only."""
        self.dispatch.failure = RuntimeError("/home/secret")
        heard = await self.ask("GET", "/agent")
        self.assertEqual((heard.status, heard.code), (500, "INTERNAL_ERROR"))
        self.assertNotIn(b"secret", heard.body)
        self.assertIn("reference", str(heard.error["details"]))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.dispatch.failure = None
        self.assertEqual((await self.ask("GET", "/agent")).status, 200)

    async def test_bodies(self) -> None:
        """RE-05: a body that the WebSocket would not take is not taken here, and the code is the same."""
        path = f"/projects/{P}/executions"
        for body in (
            b"",
            b"{",
            b"[]",
            b"null",
            b'{"prompt": 1}',
            b"{}",
            b'{"prompt": "x", "prompt": "y"}',
            b'{"prompt": NaN}',
            b'{"prompt": "\\ud800"}',
            b'{"prompt": "\xff"}',
            b'\xef\xbb\xbf{"prompt": "x"}',
            b'{"prompt": "x", "options": {"modle": "opus"}}',
            b'{"prompt": "x", "options": {"model": "--flag"}}',
            b'{"prompt": ' + b"[" * 65 + b"]" * 65 + b"}",
            b'{"prompt": "x", "project_id": "another"}',
        ):
            heard = await self.ask("POST", path, body)
            self.assertEqual((heard.status, heard.code), (400, "INVALID_MESSAGE"), body)
        self.assertEqual(self.dispatch.asked, [])
        self.assertEqual((await self.ask("POST", path, {"prompt": "x", "project_id": P, "unknown": 1})).status, 202)

    async def test_query(self) -> None:
        """Parameters are known, stand once, and are what the command takes."""
        for query in (
            "?limit=0",
            "?limit=1001",
            "?limit=1.0",
            "?limit=+1",
            "?limit=",
            "?limit",
            "?limit=1&limit=1",
            "?after_seq=-1",
            "?after_seq=99999999999999999999",
            "?order=up",
            "?since=yesterday",
            "?token=x",
            "?direction=%FF",
            "?order=%zz",
            "?" + "&".join(["types=a"] * 257),
            "?" + "&".join(["types=a"] * 500),
        ):
            heard = await self.ask("GET", f"/projects/{P}/messages{query}")
            self.assertEqual((heard.status, heard.code), (400, "INVALID_MESSAGE"), query)
        for path in ("/projects?", f"/projects/{P}?token=x"):
            self.assertEqual((await self.ask("GET", path)).status, 400)
        self.assertEqual(self.dispatch.asked, [])
        self.assertEqual((await self.ask("GET", f"/projects/{P}/messages?")).status, 200)

    async def test_scope(self) -> None:
        """Who may not do this learns so before a body is read."""
        self.house.access.device = DEVICE
        heard = await self.ask("DELETE", f"/projects/{P}")
        self.assertEqual(
            (heard.status, heard.code, heard.error["details"]), (403, "FORBIDDEN", {"needed": Scope.ADMIN})
        )
        self.assertEqual(self.dispatch.asked, [])


class TableTests(SynchronousTestCase):
    def test_every_code_has_a_status(self) -> None:
        """A new code without its status fails here."""
        self.assertEqual(set(STATUSES), set(Code))

    def test_encodable(self) -> None:
        """Every reply that a twin may have can be written."""
        for reply in TOLD:
            json.loads(events.data(reply))
