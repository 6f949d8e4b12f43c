"""Of directories is told which are projects, and which cannot be."""

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.browsing import Listing, Subdirectory, candidates
from pocketagent.domain.project import Place


def place(*inodes: int) -> Place:
    return Place("/" + "/".join(map(str, inodes)), tuple((1, inode) for inode in (0, *inodes)))


class CandidateTests(SynchronousTestCase):
    def test_judged(self) -> None:
        """By where they are: a project, in one, around one, or free; a link to a project is that project."""
        found = {
            "project": place(1, 2),
            "in it": place(1, 2, 3),
            "around": place(1),
            "free": place(4),
            "beside": place(1, 5),
        }
        found["link"] = Place("/other", place(1, 2).chain)
        listing = Listing("/x", None, [Subdirectory(name, each, name == "free") for name, each in found.items()], True)
        told = candidates(listing, {"p": place(1, 2), "q": place(9)})
        self.assertEqual((told.path, told.parent, told.truncated), ("/x", None, True))
        judged = {one.name: (one.path, one.project_id, one.nesting, one.git) for one in told.directories}
        self.assertEqual(
            judged,
            {
                "project": ("/1/2", "p", False, False),
                "in it": ("/1/2/3", None, True, False),
                "around": ("/1", None, True, False),
                "free": ("/4", None, False, True),
                "beside": ("/1/5", None, False, False),
                "link": ("/other", "p", False, False),
            },
        )
