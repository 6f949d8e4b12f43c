# -*- test-case-name: tests.inbound.test_usage -*-
"""What was used on HTTP: dollars and tokens, by day and project."""

from collections.abc import Sequence
from typing import Protocol as Shape

import msgspec

from pocketagent.domain.access import Scope
from pocketagent.domain.usage import DAYS, SpendingFound
from pocketagent.inbound import query
from pocketagent.inbound.answer import Answer
from pocketagent.inbound.rest import BASE
from pocketagent.inbound.routes import About, Route, Visit

USUAL = 30
"""Days, where nobody says how many."""


class Bookkeeping(Shape):
    """Who counts."""

    async def last(self, days: int) -> SpendingFound: ...


SHOW = About(
    "What was used, by day and project",
    answer=SpendingFound,
    parameters={"days": {"type": "integer", "minimum": 1, "maximum": DAYS, "default": USUAL}},
)


def routes(bookkeeping: Bookkeeping) -> Sequence[Route]:
    async def show(visit: Visit) -> Answer:
        days = query.whole(visit.query, "days", 1, DAYS) or USUAL
        return Answer(200, msgspec.json.encode(await bookkeeping.last(days)))

    return [Route(method="GET", path=f"{BASE}/usage", answer=show, scope=Scope.READ, query=("days",), about=SHOW)]
