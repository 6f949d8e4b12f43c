# -*- test-case-name: tests.inbound.test_mentions -*-
"""The files of a project on HTTP: offered to who writes a prompt."""

from collections.abc import Sequence
from typing import Protocol as Shape

import msgspec

from pocketagent.domain.access import Scope
from pocketagent.domain.mentions import MAX_MENTIONS, MAX_QUERY, MENTIONS, Mentions
from pocketagent.domain.refusals import invalid
from pocketagent.inbound import query
from pocketagent.inbound.answer import Answer
from pocketagent.inbound.rest import BASE
from pocketagent.inbound.routes import About, Route, Visit


class Mentioning(Shape):
    """Who knows them. Raises Refusal."""

    async def find(self, project_id: str, query: str, limit: int) -> Mentions: ...


FIND = About(
    "Files and directories of a project whose paths fit",
    answer=Mentions,
    parameters={
        "query": {"type": "string", "maxLength": MAX_QUERY, "default": ""},
        "limit": {"type": "integer", "minimum": 1, "maximum": MAX_MENTIONS, "default": MENTIONS},
    },
)


def routes(mentioning: Mentioning) -> Sequence[Route]:
    async def find(visit: Visit) -> Answer:
        words = query.only(visit.query, "query") or ""
        if len(words) > MAX_QUERY:
            raise invalid("data.query", f"`query` has more than {MAX_QUERY} characters.")
        limit = query.whole(visit.query, "limit", 1, MAX_MENTIONS) or MENTIONS
        return Answer(200, msgspec.json.encode(await mentioning.find(visit.path["project_id"], words, limit)))

    path = f"{BASE}/projects/{{project_id}}/files"
    return [Route(method="GET", path=path, answer=find, scope=Scope.READ, query=("query", "limit"), about=FIND)]
