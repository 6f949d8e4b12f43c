"""What was typed so far finds the likeliest file first."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.mentions import Tree, ranked

FILES = (
    "tests/test_app.py",
    "app.py",
    "pocketagent/app.py",
    "pocketagent/mapping.py",
    "docs/app",
    "app/notes.txt",
    "a/p/other-p.md",
    "README.md",
)
PATHS = st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=3).map("/".join)


class RankedTests(SynchronousTestCase):
    def found(self, query: str, files: tuple[str, ...] = FILES) -> list[str]:
        return list(ranked(Tree.of(files, False), query))

    def test_order(self) -> None:
        """The name itself, its beginning, a part of it, a part of the path, the letters in order; then the shortest."""
        self.assertEqual(
            self.found("App"),
            [
                "app", "docs/app", "app.py", "pocketagent/app.py", "tests/test_app.py", "pocketagent/mapping.py",
                "app/notes.txt", "a/p/other-p.md",
            ],
        )  # fmt: skip

    def test_letters(self) -> None:
        """Letters that stand apart are found, in the name before the path; in another order they are not."""
        self.assertEqual(self.found("rdm"), ["README.md"])
        self.assertEqual(self.found("ttapy")[0], "tests/test_app.py")
        self.assertEqual(self.found("mdr"), [])

    def test_path(self) -> None:
        """A query with a slash is a part of the path."""
        self.assertEqual(self.found("tests/t"), ["tests/test_app.py"])
        self.assertEqual(self.found("docs/"), ["docs/app"])

    def test_empty(self) -> None:
        """Without a query all is told, what lies nearest first; directories stand among the files, once each."""
        self.assertEqual(self.found("", ("b/c/d", "b/a", "Z", "a")), ["a", "b", "Z", "b/a", "b/c", "b/c/d"])

    @given(
        st.lists(st.text("ab/", min_size=1, max_size=6).filter(lambda path: "//" not in f"/{path}/"), max_size=8),
        st.text("aB/"),
    )
    def test_fits(self, files: list[str], query: str) -> None:
        """What is found has the letters of the query in their order, and all that has them is found."""

        def fits(path: str) -> bool:
            letters = iter(path.lower())
            return all(letter in letters for letter in query.lower())

        tree = Tree.of(files, False)
        self.assertEqual(set(ranked(tree, query)), {one.path for one in tree.names if fits(one.path)})
