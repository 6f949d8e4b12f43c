"""Tests of `pocketagent.inbound.usage`, on a real port."""

from attrs import define, field

from pocketagent.domain.usage import DAYS, Spending, SpendingFound, Usage
from pocketagent.inbound.usage import USUAL, routes
from tests.inbound.test_rest import RestCase

PATH = "/api/v1/usage"


@define(eq=False)
class Bookkeeping:
    asked: list[int] = field(factory=list)

    async def last(self, days: int) -> SpendingFound:
        self.asked.append(days)
        usage = Usage().counted("2026-01-31", 0.5, Spending(input_tokens=1, output_tokens=2))
        return SpendingFound(usage.since("", "p"))


class UsageRouteTests(RestCase):
    async def open(self) -> None:
        self.bookkeeping = Bookkeeping()
        self.house.more = routes(self.bookkeeping)
        await super().open()

    async def test_show(self) -> None:
        """So many days as are asked for, and thirty where nobody says how many."""
        heard = await self.asking.ask("GET", PATH)
        tokens = {"input_tokens": 1, "output_tokens": 2, "cache_read_tokens": 0, "cache_creation_tokens": 0}
        day = {"day": "2026-01-31", "project_id": "p", "cost_usd": 0.5, "turns": 1, **tokens}
        self.assertEqual(heard.json, {"days": [day]})
        await self.asking.ask("GET", f"{PATH}?days={DAYS}")
        self.assertEqual(self.bookkeeping.asked, [USUAL, DAYS])
        for bad in ("days=0", f"days={DAYS + 1}", "days=x"):
            self.assertEqual((await self.asking.ask("GET", f"{PATH}?{bad}")).status, 400, bad)
