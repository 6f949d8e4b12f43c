"""The files of a project are those of its directory."""

from pocketagent.domain.mentions import Mention, Mentions
from pocketagent.domain.refusals import Code, Refusal
from tests.services.workshop import WorkshopCase, done


class MentioningTests(WorkshopCase):
    def test_find(self) -> None:
        """They are looked for where the project lies; a project that is not there is told so."""
        project_id = self.project("/home/me/work")
        self.shop.trees.files["/home/me/work"] = ["a.py", "b.py"]
        mentions = self.shop.services.mentions
        found = self.successResultOf(done(mentions.find(project_id, "a", 5)))
        self.assertEqual(found, Mentions([Mention("a.py", False)], False))
        refusal = self.failureResultOf(done(mentions.find("p", "", 5)), Refusal).value
        self.assertEqual(refusal.code, Code.PROJECT_NOT_FOUND)
