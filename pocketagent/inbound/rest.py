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
from pocketagent.domain.events import ProjectState
from pocketagent.domain.refusals import invalid
from pocketagent.domain.replies import MessagesFound, Reply
from pocketagent.inbound.answer import Answer
from pocketagent.inbound.gate import Headers
from pocketagent.inbound.routes import Body, Route, Visit
from pocketagent.ports import IConnection
from pocketagent.wire import client, events

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
    the name of its field. `more` makes the headers of an answer out of its command and its reply.
    """

    method: str
    path: str
    name: str
    status: int = 200
    query: Sequence[str] = ()
    headers: Mapping[str, str] = field(factory=dict)
    body: bool = False
    has_tag: bool = False
    more: Callable[[Command, Reply], Headers] | None = None

    @property
    def wanted(self) -> "type[Command]":
        return client.COMMANDS[self.name]


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
    Twin(method="GET", path="/projects", name="project_list", has_tag=True),
    Twin(method="POST", path="/projects", name="project_create", status=201, body=True, more=_of_project),
    Twin(method="GET", path=_PROJECT, name="project_get", has_tag=True),
    Twin(method="PATCH", path=_PROJECT, name="project_update", body=True),
    Twin(method="DELETE", path=_PROJECT, name="project_delete"),
    Twin(method="PUT", path=f"{_PROJECT}/trust", name="project_trust", body=True),
    Twin(method="GET", path=f"{_PROJECT}/messages", name="get_messages", query=_PAGE, has_tag=True, more=_next_page),
    Twin(method="PUT", path=f"{_PROJECT}/acknowledged", name="message_ack", status=204, body=True),
    Twin(
        method="POST",
        path=f"{_PROJECT}/executions",
        name="execute",
        status=202,
        headers={"prompt_id": "Idempotency-Key"},
        body=True,
        more=_of_execution,
    ),
    Twin(method="DELETE", path=f"{_PROJECT}/executions/{{execution_id}}", name="queue_remove"),
    Twin(method="POST", path=f"{_PROJECT}/interrupt", name="agent_interrupt"),
    Twin(method="POST", path=f"{_PROJECT}/kill", name="agent_kill"),
    Twin(method="POST", path=f"{_PROJECT}/session", name="agent_new_session"),
    Twin(method="GET", path=f"{_PROJECT}/agent", name="agent_info"),
    Twin(method="PATCH", path=f"{_PROJECT}/agent", name="agent_configure", body=True),
    Twin(method="GET", path=f"{_PROJECT}/context", name="agent_context"),
    Twin(method="POST", path=f"{_PROJECT}/permissions/{{permission_id}}", name="permission_response", body=True),
    Twin(method="DELETE", path=f"{_PROJECT}/error", name="error_acknowledge"),
    Twin(method="GET", path="/agent", name="agent_info"),
    Twin(method="GET", path="/health", name="health_check"),
    Twin(method="GET", path="/stats", name="server_stats"),
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
        about=twin,
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
