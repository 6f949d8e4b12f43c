# -*- test-case-name: tests.inbound.test_routes -*-
"""Which path leads where, and what may be asked there. Paths are exact, and what is not listed does not exist.

    Route("GET", "/api/v1/things/{thing_id}", answer, Scope.READ, query=("limit",))

`answer` is `async (visit) -> Answer`. It is called when everything that can be judged without it was found good: the
path, the method, the query, the origin, the credential and its scope, the type and the length of the body.
"""

import re
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred

from pocketagent.domain.access import Device, Scope
from pocketagent.inbound.answer import JSON, Answer
from pocketagent.inbound.call import Call
from pocketagent.inbound.channel import REQUEST_TIME, Channel
from pocketagent.inbound.visitor import Visitor

MAX_SEGMENT = 128
"""Characters of a part of a path that is an id."""

_ID = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_SEGMENT}}}", re.ASCII)


@frozen
class Body:
    """What a request may carry: of one of these types, and so long. Where it is not `needed`, it may be left out.

    One that is `is_large` is handed over as it was read.
    """

    bound: int
    types: Sequence[str] = (JSON,)
    needed: bool = True
    seconds: float = REQUEST_TIME
    is_large: bool = False


@frozen
class Visit:
    """One request on its way to its answer. `path` and `query` hold what stands in the target, decoded.

    `asker` is who asks, for the services; of routes without a credential there is none. `large` is the body where that
    is large.
    """

    call: Call
    channel: Channel = field(repr=False)
    path: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    asker: Visitor | None
    body: bytes = field(repr=False)
    large: bytearray = field(repr=False, factory=bytearray)

    @property
    def device(self) -> Device:
        """Who asks, on a route that needs a credential."""
        assert self.asker is not None
        return self.asker.device


@frozen
class About:
    """What the description of the API says of a route; types are those of `wire.schema`, None for no body.

    `request`: the class whose fields the body has, but for those that stand in the path or `elsewhere`; `answer`: what
    comes with `status`; `also`: what other good ends there are. `asks`: the class of which the parameters are fields,
    or `parameters` with the schema of each, of which those that are `needed` must be there. `headers` may come with
    the request, each with its schema; `tells` are those of the answer, in words. `id` is made of method and path where
    it is not said.
    """

    summary: str
    request: type | None = None
    answer: object = None
    status: int = 200
    also: Mapping[int, object] = field(factory=dict)
    asks: type | None = None
    parameters: Mapping[str, Mapping[str, object]] = field(factory=dict)
    needed: Collection[str] = ()
    headers: Mapping[str, Mapping[str, object]] = field(factory=dict)
    tells: Mapping[str, str] = field(factory=dict)
    elsewhere: Collection[str] = ()
    id: str = ""
    content_type: str = JSON


Answering = Callable[[Visit], Coroutine["Deferred[Any]", Any, Answer | None]]
"""Answers a request; None where it has taken the connection over. May raise Refusal."""


@frozen(kw_only=True)
class Route:
    """One thing that may be asked.

    `path` may have parts in braces, which are ids. `scope`: what a device needs, None where no credential is looked
    at. `query`: the parameters that may stand in the target; no others do. `before` is called ahead of the
    credential, and may raise TurnedAway. `any_host`: also under a name that is not ours. `about` is what
    `openapi` makes its description of.
    """

    method: str
    path: str
    answer: Answering
    scope: Scope | None
    query: Sequence[str] = ()
    body: Body | None = None
    before: Callable[[Call, Channel], None] | None = None
    any_host: bool = False
    about: About | None = None
    takes_over: bool = False
    """Whether the connection becomes something else when all is well. Such a GET is no HEAD."""


@define
class _Node:
    """The routes whose paths begin alike."""

    nodes: dict[str, "_Node"] = field(factory=dict)
    variable: str = ""
    any_host: bool = False
    routes: dict[str, Route] = field(factory=dict)

    def down(self, part: str) -> "_Node":
        if part.startswith("{"):
            name = part[1:-1]
            assert self.variable in ("", name), part
            self.variable, part = name, "{}"
        return self.nodes.setdefault(part, _Node())


@frozen
class Place:
    """A path that exists. `routes` by method, HEAD among them; `methods` as the header Allow has them."""

    routes: Mapping[str, Route]
    path: Mapping[str, str]
    any_host: bool

    @property
    def methods(self) -> Sequence[str]:
        return tuple(self.routes)


@define(eq=False)
class Routes:
    """The table."""

    _root: _Node = field(init=False, factory=_Node)
    _exact: dict[str, Place] = field(init=False, factory=dict)
    _all: list[Route] = field(init=False, factory=list)

    @classmethod
    def of(cls, routes: Iterable[Route]) -> "Routes":
        self = cls()
        for route in routes:
            self.add(route)
        return self

    def __iter__(self) -> Iterator[Route]:
        return iter(self._all)

    def add(self, route: Route) -> None:
        node = self._root
        for part in route.path[1:].split("/"):
            node = node.down(part)
        assert route.method not in node.routes, route
        node.routes[route.method] = route
        if route.method == "GET" and not route.takes_over:
            node.routes["HEAD"] = route
        node.any_host = node.any_host or route.any_host
        self._all.append(route)
        if "{" not in route.path:
            self._exact[route.path] = Place(node.routes, {}, node.any_host)

    def find(self, path: str) -> Place | None:
        """Where a path leads; None for nowhere. Nothing in it is decoded: ids are letters, digits, - and _."""
        exact = self._exact.get(path)
        if exact is not None or not path.startswith("/"):
            return exact
        node: _Node | None = self._root
        found = {}
        for part in path[1:].split("/"):
            assert node is not None
            inner = node.nodes.get(part)
            if inner is None and node.variable and _ID.fullmatch(part):
                found[node.variable] = part
                inner = node.nodes["{}"]
            if inner is None:
                return None
            node = inner
        assert node is not None
        return Place(node.routes, found, node.any_host) if node.routes else None
