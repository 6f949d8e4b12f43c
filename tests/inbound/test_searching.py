"""Tests of `pocketagent.inbound.searching`, on a real port."""

from attrs import define, field

from pocketagent.domain.searching import HITS, MAX_HITS, MAX_WANTED, Hit, Hits
from pocketagent.inbound.searching import routes
from tests.inbound.test_rest import RestCase

PATH = "/api/v1/projects/p/search"


@define(eq=False)
class Searching:
    asked: list[tuple[str, str, int | None, int]] = field(factory=list)

    async def find(self, project_id: str, wanted: str, before: int | None, limit: int) -> Hits:
        self.asked.append((project_id, wanted, before, limit))
        return Hits([Hit(7, "t", "agent_message", "claude", "…ü…")], 7, True)


class SearchRouteTests(RestCase):
    async def open(self) -> None:
        self.searching = Searching()
        self.house.more = routes(self.searching)
        await super().open()

    async def test_find(self) -> None:
        """What is looked for must be given; from where on, and how much, may be."""
        heard = await self.asking.ask("GET", f"{PATH}?query=%C3%BC+x")
        hit = {"seq": 7, "timestamp": "t", "type": "agent_message", "direction": "claude", "snippet": "…ü…"}
        self.assertEqual(heard.json, {"hits": [hit], "searched_to": 7, "has_more": True})
        longest = "x" * MAX_WANTED
        await self.asking.ask("GET", f"{PATH}?query={longest}&before_seq=0&limit={MAX_HITS}")
        self.assertEqual(self.searching.asked, [("p", "ü x", None, HITS), ("p", longest, 0, MAX_HITS)])
        for bad in ("", "?query=", "?query=+", f"?query={longest}x", "?query=x&limit=0", "?query=x&before_seq=-1"):
            self.assertEqual((await self.asking.ask("GET", f"{PATH}{bad}")).status, 400, bad)
