# -*- test-case-name: tests.inbound.test_rest -*-
"""REST: every request of the WebSocket has a twin here (protocol section 8). A table, and the one way through it.

A twin makes the same command from a path, a query, headers and a JSON body, through the same validation, and hands it
to the same dispatch. Its answer is the `data` of the reply; a refusal is the same `error` object under its status.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol as Shape
from urllib.parse import quote

from attrs import field, frozen

from pocketagent.domain.commands import Command, Execute, GetMessages, Order
from pocketagent.domain.events import (
    AgentConfigured,
    PermissionResolved,
    ProcessKilled,
    ProjectState,
    PromptDropped,
    SessionReset,
)
from pocketagent.domain.refusals import invalid
from pocketagent.domain.replies import (
    AgentContext,
    AgentInfo,
    AgentInterrupted,
    ExecutionAccepted,
    HealthStatus,
    MessagesFound,
    ProjectDeleted,
    ProjectListed,
    Reply,
    ServerStats,
)
from pocketagent.inbound.answer import Answer
from pocketagent.inbound.routes import About, Body, Route, Visit
from pocketagent.inbound.turned_away import Headers
from pocketagent.ports import IConnection
from pocketagent.wire import client, events
from pocketagent.wire.schema import UUID

BASE = "/api/v1"

_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,30})", re.ASCII)


class Dispatch(Shape):
    """Where requests go."""

    async def do(self, command: Command, asker: IConnection) -> Sequence[Reply]:
        """Do what is asked, and return what the asker is told. Raises Refusal."""


@frozen(kw_only=True)
class Twin:
    """One request of the WebSocket as a request of HTTP.

    `query` and `headers` say what else of the request is a field of the command: a parameter of its name; a header, by
    the name of its field. `more` makes the headers of an answer out of its command and its reply, and `tells` explains
    them.
    """

    method: str
    path: str
    name: str
    words: str
    reply: type[Reply] | None
    status: int = 200
    query: Sequence[str] = ()
    headers: Mapping[str, str] = field(factory=dict)
    body: bool = False
    has_tag: bool = False
    more: Callable[[Command, Reply], Headers] | None = None
    tells: Mapping[str, str] = field(factory=dict)

    @property
    def wanted(self) -> type[Command]:
        return client.COMMANDS[self.name]

    def about(self) -> About:
        """As the description of the API has it."""
        # The project of `agent_info` is one with a path of its own.
        suffix = "_of_project" if self.name == "agent_info" and self.path != "/agent" else ""
        return About(
            self.words,
            request=self.wanted if self.body else None,
            answer=self.reply,
            status=self.status,
            also={304: None} if self.has_tag else {},
            asks=self.wanted if self.query else None,
            headers={header: {"type": "string", "pattern": UUID} for header in self.headers.values()},
            tells=self.tells,
            elsewhere=tuple(self.headers),
            id=self.name + suffix,
        )


def _of_project(_: Command, reply: Reply) -> Headers:
    assert isinstance(reply, ProjectState)
    return [("Location", f"{BASE}/projects/{reply.id}")]


def _of_execution(command: Command, reply: Reply) -> Headers:
    assert isinstance(command, Execute)
    return [("Location", f"{BASE}/projects/{command.project_id}")]


def _next_page(command: Command, reply: Reply) -> Headers:
    """The rest of what was asked for: the same range and filters, behind the last record of this page."""
    assert isinstance(command, GetMessages)
    assert isinstance(reply, MessagesFound)
    if not reply.has_more or not reply.messages:
        return ()
    last = reply.messages[-1].seq
    cursor = {"after_seq" if command.order is Order.ASC else "before_seq": last}
    pairs = []
    for name in _PAGE:
        value = cursor.get(name, getattr(command, name))
        for one in value if isinstance(value, tuple) else () if value is None else (value,):
            pairs.append(f"{name}={quote(str(one), safe='')}")
    return [("Link", f'<{BASE}/projects/{command.project_id}/messages?{"&".join(pairs)}>; rel="next"')]


_PAGE = ("since", "until", "after_seq", "before_seq", "limit", "direction", "types", "order")
_PROJECT = "/projects/{project_id}"

TWINS: Sequence[Twin] = (
    Twin(method="GET", path="/projects", name="project_list", words="All projects", reply=ProjectListed, has_tag=True),
    Twin(
        method="POST",
        path="/projects",
        name="project_create",
        words="Make a directory of the server's machine a project",
        reply=ProjectState,
        status=201,
        body=True,
        more=_of_project,
        tells={"Location": "Where the project is."},
    ),
    Twin(
        method="GET",
        path=_PROJECT,
        name="project_get",
        words="The state of a project, with its open permission requests",
        reply=ProjectState,
        has_tag=True,
    ),
    Twin(
        method="PATCH",
        path=_PROJECT,
        name="project_update",
        words="Rename a project, or mark it as archived",
        reply=ProjectState,
        body=True,
    ),
    Twin(
        method="DELETE",
        path=_PROJECT,
        name="project_delete",
        words="Remove a project, its journal included, never its directory",
        reply=ProjectDeleted,
    ),
    Twin(
        method="PUT",
        path=f"{_PROJECT}/trust",
        name="project_trust",
        words="Approve what a project's own files would run",
        reply=ProjectState,
        body=True,
    ),
    Twin(
        method="GET",
        path=f"{_PROJECT}/messages",
        name="get_messages",
        words="A page of the journal",
        reply=MessagesFound,
        query=_PAGE,
        has_tag=True,
        more=_next_page,
        tells={"Link": "The next page, where there is one."},
    ),
    Twin(
        method="PUT",
        path=f"{_PROJECT}/acknowledged",
        name="message_ack",
        words="The highest event that this device has shown",
        reply=None,
        status=204,
        body=True,
    ),
    Twin(
        method="POST",
        path=f"{_PROJECT}/executions",
        name="execute",
        words="Give the agent a prompt",
        reply=ExecutionAccepted,
        status=202,
        headers={"prompt_id": "Idempotency-Key"},
        body=True,
        more=_of_execution,
        tells={"Location": "Where to look what becomes of it."},
    ),
    Twin(
        method="DELETE",
        path=f"{_PROJECT}/executions/{{execution_id}}",
        name="queue_remove",
        words="Take a prompt out of the queue",
        reply=PromptDropped,
    ),
    Twin(
        method="POST",
        path=f"{_PROJECT}/interrupt",
        name="agent_interrupt",
        words="End the running turn",
        reply=AgentInterrupted,
    ),
    Twin(
        method="POST",
        path=f"{_PROJECT}/kill",
        name="agent_kill",
        words="End the running turn with everything that it has started",
        reply=ProcessKilled,
    ),
    Twin(
        method="POST",
        path=f"{_PROJECT}/session",
        name="agent_new_session",
        words="The next prompt begins a new conversation",
        reply=SessionReset,
    ),
    Twin(
        method="GET",
        path=f"{_PROJECT}/agent",
        name="agent_info",
        words="What the CLI has said of itself",
        reply=AgentInfo,
    ),
    Twin(
        method="PATCH",
        path=f"{_PROJECT}/agent",
        name="agent_configure",
        words="Change model or permission mode of what runs",
        reply=AgentConfigured,
        body=True,
    ),
    Twin(
        method="GET",
        path=f"{_PROJECT}/context",
        name="agent_context",
        words="How full the conversation is",
        reply=AgentContext,
    ),
    Twin(
        method="POST",
        path=f"{_PROJECT}/permissions/{{permission_id}}",
        name="permission_response",
        words="Answer a permission request",
        reply=PermissionResolved,
        body=True,
    ),
    Twin(method="DELETE", path=f"{_PROJECT}/error", name="error_acknowledge", words="Leave ERROR", reply=ProjectState),
    Twin(method="GET", path="/agent", name="agent_info", words="What the CLI has said of itself", reply=AgentInfo),
    Twin(method="GET", path="/health", name="health_check", words="How the server is", reply=HealthStatus),
    Twin(method="GET", path="/stats", name="server_stats", words="Figures of the server", reply=ServerStats),
)


def routes(dispatch: Dispatch, body_size: int) -> Sequence[Route]:
    """The table as routes."""
    return [_route(twin, dispatch, body_size) for twin in TWINS]


def _route(twin: Twin, dispatch: Dispatch, body_size: int) -> Route:
    async def answer(visit: Visit) -> Answer:
        command = client.command(twin.wanted, _given(twin, visit))
        assert visit.asker is not None
        replies = await dispatch.do(command, visit.asker)
        if not replies:
            return Answer(twin.status)
        (reply,) = replies
        headers = () if twin.more is None else twin.more(command, reply)
        found = Answer(twin.status, events.data(reply), headers)
        return tagged(visit, found) if twin.has_tag else found

    return Route(
        method=twin.method,
        path=BASE + twin.path,
        answer=answer,
        scope=twin.wanted.scope,
        query=twin.query,
        body=Body(body_size) if twin.body else None,
        about=twin.about(),
    )


def tagged(visit: Visit, answer: Answer) -> Answer:
    """The answer with a tag of what stands in it; or 304, when that is what the client has already."""
    tag = f'"{hashlib.blake2b(answer.body, digest_size=12).hexdigest()}"'
    headers = [("ETag", tag), ("Cache-Control", "private, no-cache")]
    if "if-none-match" in visit.call.headers:
        known = [word.removeprefix("W/") for word in visit.call.words("if-none-match")]
        if tag in known or "*" in known:
            return Answer(304, b"", headers)
    return answer.also(headers)


# -- from a request to the fields of a command --------------------------------------------------------------


def _given(twin: Twin, visit: Visit) -> Mapping[str, object]:
    """The fields, wherever they stand. Raises Refusal(INVALID_MESSAGE) where one stands twice and differs."""
    given = dict(client.parse(visit.body)) if visit.body else {}
    outside: dict[str, object] = dict(visit.path)
    for name, values in visit.query.items():
        outside[name] = _value(name, values)
    for name, header in twin.headers.items():
        value = visit.call.only(header.lower())
        if value is not None:
            outside[name] = value
    for name, found in outside.items():
        if given.get(name, found) != found:
            raise invalid(name, f"`{name}` stands in two places and differs.")
        given[name] = found
    return given


def _value(name: str, values: Sequence[str]) -> object:
    """A parameter as JSON would have it."""
    if name == "types":
        return list(values)
    if len(values) > 1:
        raise invalid(f"data.{name}", f"`{name}` stands twice.")
    (value,) = values
    if name in ("after_seq", "before_seq", "limit") and _WHOLE.fullmatch(value):
        return int(value)
    return value
