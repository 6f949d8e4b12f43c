"""Which directories may be a project, and what one is called."""

from pathlib import PurePosixPath

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.project import (
    MAX_NAME,
    MAX_PATH,
    Place,
    Standing,
    check_nesting,
    check_path,
    is_within,
    judged,
    project_name,
)
from pocketagent.domain.refusals import Code, Refusal


class PathTests(SynchronousTestCase):
    """What a client may name, before anything is looked up."""

    def refused(self, path: str) -> Refusal:
        with self.assertRaises(Refusal) as caught:
            check_path(path)
        refusal: Refusal = caught.exception
        self.assertEqual((refusal.code, refusal.details["field"]), (Code.INVALID_PATH, "data.path"))
        self.assertTrue(refusal.message.endswith("."))
        return refusal

    def test_whole_paths(self) -> None:
        """A whole path is taken; slashes more and single dots change nothing."""
        for path in ("/home/dev/x", "//home/dev/x", "///home//dev/./x/", "/home/dev/x/."):
            self.assertEqual(check_path(path), PurePosixPath("/home/dev/x"))
        self.assertEqual(check_path("/"), PurePosixPath("/"))

    def test_two_dots(self) -> None:
        """A component `..` is refused anywhere; dots in a name are a name (PA-01)."""
        for path in ("/..", "/../etc", "/home/..", "/home/../x", "/home/x/../", "/a/b/..//c"):
            self.assertIn("..", self.refused(path).message)
        for path in ("/..foo", "/foo..", "/...", "/a..b/c", "/.git", "/~", "/home/~dev"):
            check_path(path)

    def test_relative(self) -> None:
        """A relative path, an empty one and a tilde are refused, each with what to do instead."""
        self.assertIn("whole path", self.refused("home/dev").message)
        self.assertIn("whole path", self.refused("").message)
        self.assertIn("whole path", self.refused("file:///home").message)
        for path in ("~", "~/x", "~dev/x"):
            self.assertIn("home directory", self.refused(path).message)

    def test_control_characters(self) -> None:
        """Control characters are refused, and do not come back in the details."""
        for character in ("\x00", "\n", "\r", "\t", "\x1b", "\x7f", "\x85", "\x9b"):
            refusal = self.refused(f"/home/a{character}b")
            self.assertEqual(refusal.details["path"], "/home/a?b")

    def test_data(self) -> None:
        """Quotes, dollars, dashes, letters of every script and direction are data (PA-10)."""
        for name in ("-rf", "a'b\"c`d$(e)", "\u202egnp.exe", "\u2028", "Grüße 😀", " ", "*?[x]", "a\\b", "%2e%2e"):
            self.assertEqual(check_path(f"/x/{name}").name, name)

    def test_bytes_that_are_no_text(self) -> None:
        """A lone surrogate, which bytes that are no UTF-8 turn into, is refused."""
        for path in ("/\ud800", "/latin-\udce9"):
            self.assertEqual(self.refused(path).details["path"], "")

    def test_length(self) -> None:
        """4096 bytes are the bound, not characters; of more than that little comes back."""
        check_path("/" + "x" * (MAX_PATH - 1))
        check_path("/" + "ü" * (MAX_PATH // 2 - 1))
        for path in ("/" + "x" * MAX_PATH, "/" + "ü" * (MAX_PATH // 2)):
            self.assertLessEqual(len(str(self.refused(path).details["path"])), 64)

    @settings(deadline=None)
    @given(st.text(max_size=60))
    def test_any_text(self, text: str) -> None:
        """What is taken is a whole path without `..`; everything else is an INVALID_PATH, never another exception."""
        try:
            path = check_path(text)
        except Refusal as refusal:
            self.assertEqual(refusal.code, Code.INVALID_PATH)
        else:
            self.assertTrue(path.is_absolute())
            self.assertNotIn("..", path.parts)
            self.assertEqual(check_path(str(path)), path)


class WithinTests(SynchronousTestCase):
    """Roots are compared by components."""

    def test_components(self) -> None:
        """A root holds itself and what lies below; what only begins with its letters is outside (PA-05)."""
        roots = (PurePosixPath("/home/dev"), PurePosixPath("/srv"))
        for path, expected in (
            ("/home/dev", True),
            ("/home/dev/x/y", True),
            ("/srv/x", True),
            ("/home/dev-evil", False),
            ("/home", False),
            ("/", False),
            ("/srvx", False),
            ("/home/dev/../x", True),  # so `check_path` comes first
        ):
            self.assertEqual(is_within(PurePosixPath(path), roots), expected, path)
        self.assertFalse(is_within(PurePosixPath("/home"), ()))
        self.assertTrue(is_within(PurePosixPath("/home"), (PurePosixPath("/"),)))


def place(path: str, *inodes: int) -> Place:
    return Place(path, tuple((1, inode) for inode in inodes))


class NestingTests(SynchronousTestCase):
    """No project is, holds or lies in another, whatever the names say."""

    others = (("p1", place("/home/dev/one", 1, 2, 3, 10)), ("p2", place("/home/dev/two", 1, 2, 3, 20)))

    def refused(self, new: Place) -> Refusal:
        with self.assertRaises(Refusal) as caught:
            check_nesting(new, self.others)
        refusal: Refusal = caught.exception
        return refusal

    def test_beside(self) -> None:
        """Beside others, or where there are none, it is fine; the same inode on another device is another directory."""
        check_nesting(place("/home/dev/three", 1, 2, 3, 30), self.others)
        check_nesting(place("/home/dev/one", 1, 2, 3, 10), ())
        check_nesting(Place("/mnt/x", ((1, 1), (2, 10))), self.others)

    def test_same(self) -> None:
        """The same directory is told with its project, by another name as well."""
        for path in ("/home/dev/one", "/mnt/shown"):
            refusal = self.refused(place(path, 1, 7, 10))
            self.assertEqual(refusal.code, Code.PROJECT_EXISTS)
            self.assertEqual(refusal.details, {"project_id": "p1", "path": "/home/dev/one"})

    def test_inside_and_around(self) -> None:
        """Inside one or around one is told with that one, by inodes."""
        for new, project_id, word in (
            (place("/home/dev/two/deep/er", 1, 2, 3, 20, 5, 6), "p2", "inside"),
            (place("/elsewhere/er", 1, 9, 20, 5, 6), "p2", "inside"),
            (place("/home/dev", 1, 2, 3), "p1", "around"),
            (place("/", 1), "p1", "around"),
        ):
            refusal = self.refused(new)
            self.assertEqual((refusal.code, refusal.details["project_id"]), (Code.PROJECT_NESTING, project_id))
            self.assertIn(word, refusal.message)


class TrustTests(SynchronousTestCase):
    """What parts that run code are worth."""

    def test_judged(self) -> None:
        """Without parts: trusted. With: only in the approved state, which must have a fingerprint."""
        state, other = "ab" * 32, "cd" * 32
        for fingerprint, files, approved, expected in (
            ("", (), "", Standing.TRUSTED),
            ("", (), state, Standing.TRUSTED),
            (state, (".mcp.json",), state, Standing.TRUSTED),
            (state, (".mcp.json",), "", Standing.UNTRUSTED),
            (state, (".mcp.json",), other, Standing.UNTRUSTED),
            ("", (".mcp.json",), "", Standing.UNTRUSTED),
            ("", (".mcp.json",), state, Standing.UNTRUSTED),
        ):
            trust = judged(fingerprint, files, approved)
            self.assertEqual((trust.state, trust.fingerprint, trust.files), (expected, fingerprint, files))


class NameTests(SynchronousTestCase):
    """Names are for people."""

    def test_names(self) -> None:
        """Blanks around a name are cut off; nothing, too much, and what moves a cursor is refused."""
        self.assertEqual(project_name("  Grüße 😀 "), "Grüße 😀")
        self.assertEqual(project_name("x" * MAX_NAME), "x" * MAX_NAME)
        for text in ("", " \t", "x" * (MAX_NAME + 1), "a\nb", "\x1b[2J", "\u202eabc", "\ud800"):
            with self.assertRaises(Refusal) as caught:
                project_name(text)
            self.assertEqual(caught.exception.code, Code.INVALID_MESSAGE)
            self.assertEqual(caught.exception.details["field"], "data.name")
