# -*- test-case-name: tests.client.test_finding -*-
"""Which project a person means."""

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.client.finding import NoSuchProject, find
from pocketagent.domain.events import ProjectState, State
from pocketagent.domain.project import Standing, Trust


def project(number: int, name: str, path: str) -> ProjectState:
    return ProjectState(
        id=f"{number:08x}-0000-4000-8000-000000000000", name=name, path=path, archived=False, state=State.IDLE,
        session_id=None, created_at="", last_active="", journal_id="", head_seq=0, execution_id=None, queued=(),
        error=None, pending_permissions=0, trust=Trust(Standing.TRUSTED, "", ()), subscribers=0,
    )  # fmt: skip


APP = project(0xABC10001, "app", "/home/ada/code/app")
SITE = project(0xABD20002, "Site", "/home/ada/code/site")
TWIN, OTHER_TWIN = project(0x11, "twin", "/srv/one"), project(0x12, "twin", "/srv/two")
ALL = (APP, SITE, TWIN, OTHER_TWIN)


class FindTests(SynchronousTestCase):
    def meant(self, text: str, place: str = "/nowhere") -> ProjectState:
        return find(ALL, text, place)

    def unknown(self, text: str, place: str = "/nowhere") -> str:
        return str(self.assertRaises(NoSuchProject, self.meant, text, place))

    def test_id(self) -> None:
        """A project is meant by its id, or by a beginning of it that no other one has."""
        self.assertIs(self.meant(APP.id), APP)
        self.assertIs(self.meant(APP.id.upper()), APP)
        self.assertIs(self.meant("abc"), APP)
        self.assertIn(SITE.id, self.unknown("ab"))

    def test_name(self) -> None:
        """A name is meant as it is written, else without regard to upper and lower case."""
        self.assertIs(self.meant("app"), APP)
        self.assertIs(self.meant("site"), SITE)

    def test_same_name(self) -> None:
        """Two of one name are told with what tells them apart."""
        sentence = self.unknown("twin")
        for part in (TWIN.id, TWIN.path, OTHER_TWIN.id, OTHER_TWIN.path):
            self.assertIn(part, sentence)

    def test_path(self) -> None:
        """A path means the project in which it lies."""
        self.assertIs(self.meant(".", APP.path), APP)
        self.assertIs(self.meant("..", APP.path), APP)
        self.assertIs(self.meant("./src", f"{APP.path}/src"), APP)
        self.assertIn("create ./app2", self.unknown("./app2", f"{APP.path}2"))

    def test_path_elsewhere(self) -> None:
        """An absolute path is taken as it is written, too: the server may be another machine."""
        self.assertIs(self.meant("/srv/one/x/../y", "/private/srv/one/y"), TWIN)
        self.assertIn("/srv", self.unknown("/srv", "/srv"))

    def test_innermost(self) -> None:
        """Of two projects around a path the inner one is meant."""
        inner = project(0x13, "inner", f"{APP.path}/inner")
        self.assertIs(find((APP, inner), "./x", f"{inner.path}/x"), inner)

    def test_a_word_is_no_path(self) -> None:
        """A word that is no project means none, although the working directory lies in one: it may be a slip."""
        self.assertIn("Did you mean 'app'", self.unknown("apq", f"{APP.path}/apq"))
        self.assertIs(self.meant("sites", SITE.path), SITE)

    def test_nearest(self) -> None:
        """The nearest names are suggested; where none is near, what shows them all."""
        self.assertEqual(self.unknown("appp"), "There is no project 'appp'. Did you mean 'app'?")
        self.assertEqual(self.unknown("SIET"), "There is no project 'SIET'. Did you mean 'Site'?")
        self.assertIn("`pocketagent projects`", self.unknown("zzzzzz"))
        self.assertIn("`pocketagent create PATH`", str(self.assertRaises(NoSuchProject, find, (), "x", "/x")))

    def test_nothing(self) -> None:
        """No text means no project."""
        self.unknown("")
