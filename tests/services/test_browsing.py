"""Who looks for a directory is told which are projects, and what would be trusted."""

from pocketagent.domain.browsing import Candidates
from pocketagent.domain.commands import DeleteProject
from pocketagent.domain.project import Standing
from pocketagent.domain.refusals import Code, Refusal
from tests.services.workshop import WorkshopCase, done


class BrowsingTests(WorkshopCase):
    def inside(self, path: str | None) -> Candidates:
        return self.successResultOf(done(self.shop.services.browsing.inside(path, False)))

    def test_projects(self) -> None:
        """As soon as a directory is a project it is told as one, and no longer once the project is deleted."""
        self.shop.directories.make("/home/me/other")
        project_id = self.project("/home/me/work")
        told = {one.name: (one.project_id, one.nesting) for one in self.inside("/home/me").directories}
        self.assertEqual(told, {"other": (None, False), "work": (project_id, False)})
        self.assertEqual([one.nesting for one in self.inside("/home").directories], [True])
        self.ask(DeleteProject(project_id=project_id))
        self.assertEqual([one.nesting for one in self.inside("/home").directories], [False])

    def test_roots(self) -> None:
        """Without a path the roots are told."""
        found = self.inside(None)
        self.assertEqual((found.path, [one.path for one in found.directories]), (None, ["/"]))

    def test_trust(self) -> None:
        """What would run by itself is told before there is a project, with the fingerprint that creates one with it."""
        path = self.shop.directories.make("/home/me/work", {".mcp.json": b"{}"})
        browsing = self.shop.services.browsing
        trust = self.successResultOf(done(browsing.trust(path)))
        self.assertEqual((trust.state, trust.files), (Standing.UNTRUSTED, (".mcp.json",)))
        refusal = self.failureResultOf(done(browsing.trust("/nonexistent")), Refusal).value
        self.assertEqual(refusal.code, Code.INVALID_PATH)
