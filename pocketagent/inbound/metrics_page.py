# -*- test-case-name: tests.inbound.test_metrics_page -*-
"""`/metrics`, for Prometheus: with a token of that scope on the one port, or alone on a port of this machine."""

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred

from pocketagent.domain.access import Scope
from pocketagent.inbound.answer import Answer
from pocketagent.inbound.routes import Route, Visit

Read = Callable[[str], Coroutine["Deferred[Any]", Any, tuple[str, bytes]]]
"""What an Accept header asks for -> the content type and the text."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""The names of the port for this machine alone: a page of another name that was made to lead here is turned away."""


def route(read: Read, scope: Scope | None = Scope.METRICS) -> Route:
    """Where it is read. `scope` None: by everybody who comes, which only the port for this machine alone may offer."""

    async def answer(visit: Visit) -> Answer:
        content_type, text = await read(",".join(visit.call.headers.get("accept", ())))
        return Answer(200, text, content_type=content_type)

    return Route(method="GET", path="/metrics", answer=answer, scope=scope)
