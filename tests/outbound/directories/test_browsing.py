"""The directories in a directory, on a real disk: nothing is told that is outside the roots or kept from agents."""

import os
from collections.abc import Callable
from pathlib import Path

from twisted.internet.defer import Deferred

from pocketagent.domain.browsing import Listing
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.outbound.directories import browsing
from pocketagent.outbound.directories.directories import Directories
from pocketagent.outbound.directories.looks import DEADLINE
from tests.outbound.directories.test_directories import HangingThreads, Scene


class BrowsingTests(Scene):
    def inside(self, path: Path | str, directories: Directories | None = None, hidden: bool = True) -> Listing:
        looking = (directories or self.directories()).inside(str(path), hidden)
        return self.successResultOf(Deferred.fromCoroutine(looking))

    def names(self, path: Path | str, directories: Directories | None = None) -> list[str]:
        return [one.name for one in self.inside(path, directories).directories]

    def refused(self, path: Path | str, directories: Directories | None = None) -> str:
        looking = Deferred.fromCoroutine((directories or self.directories()).inside(str(path), False))
        refusal: Refusal = self.failureResultOf(looking, Refusal).value
        self.assertEqual(refusal.code, Code.INVALID_PATH)
        return refusal.message

    def test_denied(self) -> None:
        """What is kept from agents is not told, by whatever name; the directory around it can be looked at."""
        (self.root / "link").symlink_to(self.keys)
        (self.root / "inner").symlink_to(self.keys / "deep")
        (self.keys / "deep").mkdir()
        self.assertEqual(self.names(self.home), ["code"])
        self.assertEqual(self.names(self.root), [])
        for path in (self.keys, self.keys / "deep", self.root / "link"):
            self.assertIn("kept from agents", self.refused(path))

    def test_denied_is_not_told(self) -> None:
        """Below a denied place it is the same answer whether there is something, a file, or nothing; by a link too."""
        (self.keys / "id").write_text("")
        (self.keys / "deep").mkdir()
        (self.root / "link").symlink_to(self.keys)
        (self.root / "dangling").symlink_to(self.keys / "nothing")
        there = self.refused(self.keys / "deep")
        for path in (self.keys / "id", self.keys / "id" / "x", self.keys / "nothing", self.root / "dangling"):
            self.assertEqual(self.refused(path), there)
        for name in ("deep", "id", "nothing"):
            self.assertEqual(self.refused(self.root / "link" / name), there)
            self.assertEqual(self.no(self.keys / name), there)

    def test_outside(self) -> None:
        """What leads out of the roots is not told and cannot be looked at; a link within them is resolved."""
        inside, outside = self.root / "inside", self.home / "outside"
        for directory in (inside, outside):
            (directory / "below").mkdir(parents=True)
        (inside / "out").symlink_to(outside)
        (inside / "round").symlink_to(inside / "below")
        (inside / "nowhere").symlink_to("/nonexistent")
        (inside / "file").symlink_to(__file__)
        directories = self.directories(roots=[inside])
        found = self.inside(inside, directories)
        self.assertEqual(
            [(one.name, one.place.path) for one in found.directories],
            [("below", str(inside / "below")), ("round", str(inside / "below"))],
        )
        self.assertIsNone(found.parent)
        self.assertEqual(self.inside(inside / "below", directories).parent, str(inside))
        self.assertIn("leads out", self.refused(inside / "out", directories))
        self.assertIn("`roots`", self.refused(outside, directories))
        self.assertIn("`roots`", self.refused("/nonexistent", directories))

    def test_what_is_there(self) -> None:
        """Files are not told; where a repository begins is seen, whether .git is a directory or a file."""
        (self.root / "file").write_text("")
        os.mkfifo(self.root / "pipe")
        (self.root / "one" / ".git").mkdir(parents=True)
        (self.root / "two").mkdir()
        (self.root / "two" / ".git").write_text("gitdir: elsewhere")
        (self.root / "Three").mkdir()
        found = self.inside(self.root).directories
        self.assertEqual([(one.name, one.git) for one in found], [("one", True), ("Three", False), ("two", True)])
        self.assertIn("no directory", self.refused(self.root / "file"))

    def test_not_to_be_named(self) -> None:
        """A directory whose name no client could send is left out."""
        (self.root / "good").mkdir()
        Path(os.fsdecode(os.fsencode(self.root) + b"/\xff")).mkdir()
        (self.root / "line\nfeed").mkdir()
        self.assertEqual(self.names(self.root), ["good"])

    def test_roots(self) -> None:
        """The roots that are there are told once each, by where they lead."""
        (self.home / "link").symlink_to(self.root)
        directories = self.directories(roots=[self.home / "link", self.root, self.home / "not", self.keys])
        found = self.successResultOf(Deferred.fromCoroutine(directories.roots()))
        self.assertEqual([(one.name, one.place.path) for one in found.directories], [("code", str(self.root))])

    def test_moved(self) -> None:
        """A directory that becomes another one, or a link, after it was judged is not listed."""
        moved = self.root / "a"
        becomes: list[Callable[[], None]] = [moved.mkdir, lambda: moved.symlink_to(self.keys)]
        opened = os.open
        for number, become in enumerate(becomes):
            (moved / "b").mkdir(parents=True)

            def swap(path: str, flags: int, number: int = number, become: Callable[[], None] = become) -> int:
                moved.rename(self.root / f"{number}")
                become()
                return opened(path, flags)

            def watched(path: str, flags: int, dir_fd: int | None = None, swap: Callable[..., int] = swap) -> int:
                return swap(path, flags) if path == str(moved) else opened(path, flags, dir_fd=dir_fd)

            patched = self.patch(os, "open", watched)
            self.assertRegex(self.refused(moved), "moved|no directory")
            patched.restore()
            moved.rmdir() if not moved.is_symlink() else moved.unlink()

    def test_many_entries(self) -> None:
        """Of a directory with very many entries so many are looked through, and it is said that there are more."""
        self.patch(browsing, "MAX_ENTRIES", 10)
        for number in range(10):
            (self.root / f"{number}").mkdir()
        self.assertFalse(self.inside(self.root).truncated)
        (self.root / "more").mkdir()
        found = self.inside(self.root)
        self.assertEqual((len(found.directories), found.truncated), (10, True))

    def test_slow_disk(self) -> None:
        """Nobody waits longer than the deadline, for a directory or for the roots."""
        directories = self.directories(HangingThreads())
        for looking in (directories.inside(str(self.root), False), directories.roots()):
            waiting = Deferred.fromCoroutine(looking)
            self.clock.advance(DEADLINE)
            refusal: Refusal = self.failureResultOf(waiting, Refusal).value
            self.assertIn("did not answer", refusal.message)
