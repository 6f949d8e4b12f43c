"""Tests of `pocketagent.inbound.directories`, on a real port."""

from attrs import define, evolve, field

from pocketagent.domain.access import Scope
from pocketagent.domain.browsing import Candidate, Candidates, Prospect
from pocketagent.domain.project import Standing, invalid_path
from pocketagent.inbound.directories import routes
from tests.inbound.house import DEVICE
from tests.inbound.test_rest import RestCase

PATH = "/api/v1/directories"


@define(eq=False)
class Browsing:
    """Remembers what it was asked."""

    asked: list[tuple[str | None, bool]] = field(factory=list)

    async def inside(self, path: str | None, hidden: bool) -> Candidates:
        self.asked.append((path, hidden))
        return Candidates(path, None, [Candidate("ü", "/ü", None, git=True, nesting=False)], truncated=False)

    async def prospect(self, path: str) -> Prospect:
        if path != "/ü b":
            raise invalid_path("There is no such directory.", path)
        return Prospect(state=Standing.UNTRUSTED, fingerprint="f", files=(".mcp.json",), problem="No.")


class DirectoryRouteTests(RestCase):
    async def open(self) -> None:
        self.browsing = Browsing()
        self.house.more = routes(self.browsing)
        await super().open()

    async def test_look(self) -> None:
        """The parameters are the path and whether hidden ones are wanted; without them the roots are told."""
        heard = await self.asking.ask("GET", PATH)
        directory = {"name": "ü", "path": "/ü", "project_id": None, "git": True, "nesting": False}
        self.assertEqual(heard.json, {"path": None, "parent": None, "directories": [directory], "truncated": False})
        await self.asking.ask("GET", f"{PATH}?path=%2Fhome&hidden=true")
        self.assertEqual(self.browsing.asked, [(None, False), ("/home", True)])
        for bad in ("hidden=1", "path=a&path=b", "other=1"):
            self.assertEqual((await self.asking.ask("GET", f"{PATH}?{bad}")).status, 400, bad)

    async def test_trust(self) -> None:
        """What would be trusted is told of the path that is given, and one must be."""
        heard = await self.asking.ask("GET", f"{PATH}/trust?path=/%C3%BC+b")
        self.assertEqual(
            heard.json, {"state": "untrusted", "fingerprint": "f", "files": [".mcp.json"], "problem": "No."}
        )
        heard = await self.asking.ask("GET", f"{PATH}/trust?path=/other")
        self.assertEqual((heard.status, heard.code), (400, "INVALID_PATH"))
        heard = await self.asking.ask("GET", f"{PATH}/trust")
        self.assertEqual((heard.status, heard.code), (400, "INVALID_MESSAGE"))

    async def test_scope(self) -> None:
        """Only who may create projects may look."""
        self.house.access.device = evolve(DEVICE, scope=Scope.EXECUTE)
        for path in (PATH, f"{PATH}/trust?path=/"):
            self.assertEqual((await self.asking.ask("GET", path)).status, 403)
        self.assertEqual(self.browsing.asked, [])
