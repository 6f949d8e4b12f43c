"""Tests of `pocketagent.inbound.mentions`, on a real port."""

from attrs import define, field

from pocketagent.domain.mentions import MAX_MENTIONS, MAX_QUERY, MENTIONS, Mention, Mentions
from pocketagent.inbound.mentions import routes
from tests.inbound.test_rest import RestCase

PATH = "/api/v1/projects/p/files"


@define(eq=False)
class Mentioning:
    asked: list[tuple[str, str, int]] = field(factory=list)

    async def find(self, project_id: str, query: str, limit: int) -> Mentions:
        self.asked.append((project_id, query, limit))
        return Mentions([Mention("src/ü", True)], False)


class MentionRouteTests(RestCase):
    async def open(self) -> None:
        self.mentioning = Mentioning()
        self.house.more = routes(self.mentioning)
        await super().open()

    async def test_find(self) -> None:
        """The query may be left out or empty, and the number has a usual and a highest value."""
        heard = await self.asking.ask("GET", PATH)
        self.assertEqual(heard.json, {"files": [{"path": "src/ü", "directory": True}], "truncated": False})
        longest = "x" * MAX_QUERY
        await self.asking.ask("GET", f"{PATH}?query={longest}&limit={MAX_MENTIONS}")
        self.assertEqual(self.mentioning.asked, [("p", "", MENTIONS), ("p", longest, MAX_MENTIONS)])
        for bad in (f"query={longest}x", "limit=0", f"limit={MAX_MENTIONS + 1}", "limit=x"):
            self.assertEqual((await self.asking.ask("GET", f"{PATH}?{bad}")).status, 400, bad)
