# -*- test-case-name: tests.inbound.test_searching -*-
"""Search in a conversation on HTTP."""

from collections.abc import Sequence
from typing import Protocol as Shape

import msgspec

from pocketagent.domain.access import Scope
from pocketagent.domain.fields import MAX_SEQ
from pocketagent.domain.refusals import invalid
from pocketagent.domain.searching import HITS, MAX_HITS, MAX_WANTED, Hits
from pocketagent.inbound import query
from pocketagent.inbound.answer import Answer
from pocketagent.inbound.rest import BASE
from pocketagent.inbound.routes import About, Route, Visit


class Searching(Shape):
    """Who searches. Raises Refusal."""

    async def find(self, project_id: str, wanted: str, before: int | None, limit: int) -> Hits: ...


FIND = About(
    "Look for something in the conversation, from its end",
    answer=Hits,
    parameters={
        "query": {"type": "string", "minLength": 1, "maxLength": MAX_WANTED, "pattern": r"\S"},
        "before_seq": {"type": "integer", "minimum": 0, "maximum": MAX_SEQ},
        "limit": {"type": "integer", "minimum": 1, "maximum": MAX_HITS, "default": HITS},
    },
    needed=("query",),
)


def routes(searching: Searching) -> Sequence[Route]:
    async def find(visit: Visit) -> Answer:
        wanted = query.only(visit.query, "query") or ""
        if not wanted.strip() or len(wanted) > MAX_WANTED:
            raise invalid("data.query", f"`query` has 1 to {MAX_WANTED} characters, and not only blanks.")
        before = query.whole(visit.query, "before_seq", 0, MAX_SEQ)
        limit = query.whole(visit.query, "limit", 1, MAX_HITS) or HITS
        found = await searching.find(visit.path["project_id"], wanted, before, limit)
        return Answer(200, msgspec.json.encode(found))

    path = f"{BASE}/projects/{{project_id}}/search"
    names = ("query", "before_seq", "limit")
    return [Route(method="GET", path=path, answer=find, scope=Scope.READ, query=names, about=FIND)]
