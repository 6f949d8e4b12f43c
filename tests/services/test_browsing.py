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
        trust = self.successResultOf(done(browsing.prospect(path)))
        self.assertEqual((trust.state, trust.files, trust.problem), (Standing.UNTRUSTED, (".mcp.json",), None))
        refusal = self.failureResultOf(done(browsing.prospect("/nonexistent")), Refusal).value
        self.assertEqual(refusal.code, Code.INVALID_PATH)

    def test_no_prospect(self) -> None:
        """That a directory on the way can be no project is told as that, and is no error: nothing of it is trusted."""
        path = self.shop.directories.make("/home/me")
        self.shop.directories.barred.add(path)
        found = self.successResultOf(done(self.shop.services.browsing.prospect(path)))
        self.assertEqual((found.state, found.fingerprint), (Standing.UNTRUSTED, ""))
        self.assertIn("no place for a project", found.problem or "")
