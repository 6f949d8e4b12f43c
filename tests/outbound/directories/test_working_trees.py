"""The files of a project by name, on a real disk and with the real git; hostile repositories included."""

import hashlib
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pocketagent.config import Config
from pocketagent.domain.mentions import Mentions
from pocketagent.domain.refusals import Refusal
from pocketagent.outbound.directories import looks, working_trees
from pocketagent.outbound.directories.working_trees import FRESH, LOOKS, TREES, WorkingTrees
from tests.contracts import Here, WorkingTreesContract
from tests.outbound.directories.test_directories import HangingThreads

GIT = shutil.which("git")


class TreeCase(TestCase):
    git: str | None = GIT

    def setUp(self) -> None:
        if self.git is None and GIT is not None:
            return
        if GIT is None:
            self.skipTest("git is not installed")

    def make_trees(self) -> WorkingTrees:
        self.clock = Clock()
        return WorkingTrees(Here(), self.clock, git=self.git)

    def make_tree(self, *files: str) -> str:
        root = Path(os.path.realpath(self.mktemp()))
        root.mkdir()
        if self.git is not None:
            self.run_git(root, "init", "-q")
        self.write(root, *files)
        return str(root)

    def write(self, root: Path | str, *files: str) -> None:
        for name in files:
            path = Path(root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")

    def run_git(self, root: Path | str, *words: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", "-C", str(root), *who, *words], check=True, capture_output=True)

    def find(self, path: str, query: str = "", limit: int = 100, trees: WorkingTrees | None = None) -> Mentions:
        return self.successResultOf(Deferred.fromCoroutine((trees or self.make_trees()).find(path, query, limit)))

    def names(self, path: str, query: str = "", trees: WorkingTrees | None = None) -> list[str]:
        return [one.path for one in self.find(path, query, trees=trees).files]


def index_of(names: list[str], blob: str) -> bytes:
    """An index of git (version 2) with these names, which git itself would not write."""
    content = b"DIRC" + struct.pack(">II", 2, len(names))
    for name in sorted(os.fsencode(name) for name in names):
        entry = struct.pack(">10I", *[0] * 6, 0o100644, 0, 0, 0) + bytes.fromhex(blob)
        entry += struct.pack(">H", len(name)) + name
        content += entry + bytes(8 - len(entry) % 8)
    return content + hashlib.sha1(content, usedforsecurity=False).digest()


class ContractTests(TreeCase, WorkingTreesContract):
    """The contract, in a repository."""


class WithoutGitTests(TreeCase, WorkingTreesContract):
    """The contract, and what a walk leaves out."""

    git = None

    def test_walk(self) -> None:
        """What is in no repository by its nature is left out, and so is what a link leads to."""
        path = self.make_tree("a/b.py", "node_modules/x/y.js", ".git/config", "a/__pycache__/b.pyc", ".hidden/c")
        Path(path, "link").symlink_to("/etc")
        self.assertEqual(self.names(path), [".hidden", "a", "link", ".hidden/c", "a/b.py"])

    def test_bounds(self) -> None:
        """So many files are listed, and it is said that there are more; a walk that takes too long is cut short."""
        self.patch(working_trees, "MAX_FILES", 3)
        path = self.make_tree("a", "b", "c")
        self.assertFalse(self.find(path).truncated)
        self.write(path, "d")
        found = self.find(path)
        self.assertEqual(([one.path for one in found.files], found.truncated), (["a", "b", "c"], True))
        self.patch(working_trees, "LIST_TIME", -1.0)
        self.assertEqual(self.find(path), Mentions([], truncated=True))

    def test_one_huge_directory(self) -> None:
        """Of one directory no more entries are looked at than are listed in all, and one more to know that."""
        self.patch(working_trees, "MAX_FILES", 3)
        path = self.make_tree(*"abcdefgh")
        looked = 0
        scandir = os.scandir

        class Counted:
            def __init__(self, path: str) -> None:
                self.entries = scandir(path)

            def __enter__(self) -> Iterator[os.DirEntry[str]]:
                return iter(self)

            def __exit__(self, *why: object) -> None:
                self.entries.close()

            def __iter__(self) -> Iterator[os.DirEntry[str]]:
                nonlocal looked
                for entry in self.entries:
                    looked += 1
                    yield entry

        self.patch(os, "scandir", Counted)
        found = self.find(path)
        self.assertEqual((len(found.files), found.truncated, looked), (3, True, 4))


class GitTests(TreeCase):
    def test_ignored(self) -> None:
        """What is tracked or new is found; what is ignored, or was deleted, is not."""
        path = self.make_tree("kept.py", "gone.py", "build/out.o", "node_modules/x.js")
        Path(path, ".gitignore").write_text("build/\n*.log\n")
        self.run_git(path, "add", "-A", "-f", "kept.py", "gone.py", "node_modules")
        self.run_git(path, "commit", "-qm", "x")
        self.write(path, "new ü.py", "a.log")
        Path(path, "gone.py").unlink()
        self.assertEqual(self.names(path), [".gitignore", "kept.py", "new ü.py"])

    def test_part_of_a_repository(self) -> None:
        """A project below the root of a repository is told its own files, under its own names."""
        path = self.make_tree("app/src/main.py", "app/main.log", "other.py", ".gitignore")
        Path(path, ".gitignore").write_text("*.log")
        self.assertEqual(self.names(f"{path}/app"), ["src", "src/main.py"])

    def test_ignored_as_a_whole(self) -> None:
        """A project that its repository ignores has its files, too: git knows none of them."""
        path = self.make_tree("app/main.py", ".gitignore")
        Path(path, ".gitignore").write_text("app/")
        self.assertEqual(self.names(f"{path}/app"), ["main.py"])

    def test_inner_repository(self) -> None:
        """A repository in it is a directory, and stays closed."""
        path = self.make_tree("a.py", "inner/b.py")
        self.run_git(f"{path}/inner", "init", "-q")
        found = self.find(path).files
        self.assertEqual([(one.path, one.directory) for one in found], [("a.py", False), ("inner", True)])

    def test_hostile(self) -> None:
        """Nothing that a repository's own settings name is started, and nothing of ours is in the environment."""
        path = self.make_tree("a.py")
        ran = Path(path, "ran")
        program = Path(path, "evil.sh")
        program.write_text(f"#!/bin/sh\nenv >>{ran}\n")
        program.chmod(0o755)
        hooks = Path(path, ".git", "hooks")
        hooks.mkdir(exist_ok=True)
        shutil.copy(program, hooks / "post-index-change")
        self.run_git(path, "add", "-A")
        for name in ("core.fsmonitor", "core.sshCommand", "core.pager", "pager.ls-files", "filter.x.clean"):
            self.run_git(path, "config", name, str(program))
        Path(path, ".git", "included").write_text(f"[core]\nfsmonitor = {program}\nhooksPath = {path}\n")
        self.run_git(path, "config", "include.path", "included")
        Path(path, ".gitattributes").write_text("* filter=x\n")
        ran.unlink(missing_ok=True)
        self.assertEqual(self.names(path, "a.py"), ["a.py"])
        self.assertFalse(ran.exists())
        subprocess.run(["git", "-C", path, "status"], capture_output=True, check=False)
        self.assertTrue(ran.exists(), "the settings would run something, if they were heard")

    def test_outside(self) -> None:
        """A repository that says that its files are elsewhere is not believed; a path behind a link is not told."""
        outside = self.make_tree("secret.txt")
        path = self.make_tree("a/secret.txt", "b.py")
        self.run_git(path, "add", "-A")
        shutil.rmtree(f"{path}/a")
        Path(path, "a").symlink_to(outside)
        self.assertEqual(self.names(path), ["a", "b.py"])
        self.run_git(path, "config", "core.worktree", outside)
        self.assertEqual(self.names(path), ["a", "b.py"])

    def test_forged_index(self) -> None:
        """An index that names what lies outside is not believed: git itself would list it."""
        path = self.make_tree("a.py", "x/y.py")
        outside = Path(path).parent / f"{Path(path).name}.secret"
        outside.write_text("")
        names = [str(outside), f"x/../../{outside.name}", "..", "x/..", "x/.", "x//y.py"]
        blank = subprocess.run(["git", "-C", path, "hash-object", "-w", "a.py"], check=True, capture_output=True).stdout
        Path(path, ".git", "index").write_bytes(index_of([*names, "a.py"], blank.decode().strip()))
        listed = subprocess.run(["git", "-C", path, "ls-files"], check=True, capture_output=True).stdout
        self.assertIn(str(outside), listed.decode().splitlines())
        self.assertEqual(self.names(path), ["a.py", "x", "x/y.py"])

    def test_slow_or_loud(self) -> None:
        """A git that fails, hangs or writes without end is ended, and the directory is walked."""
        path = self.make_tree("a.py")
        shutil.rmtree(f"{path}/.git")
        self.patch(working_trees, "LIST_TIME", 0.2)
        self.patch(working_trees, "MAX_OUTPUT", 10_000)
        for what in ("exit 1", "exec sleep 60", "exec yes", "kill -9 $$"):
            program = Path(os.path.realpath(self.mktemp()))
            program.write_text(f"#!/bin/sh\n{what}\n")
            program.chmod(0o755)
            trees = WorkingTrees(Here(), Clock(), git=str(program))
            self.assertEqual(self.names(path, trees=trees), ["a.py"], what)
        trees = WorkingTrees(Here(), Clock(), git="/nonexistent")
        self.assertEqual(self.names(path, trees=trees), ["a.py"])

    def test_list_is_kept(self) -> None:
        """For a few seconds a list is used again, for a few directories; what is no longer there is not told."""
        path, trees = self.make_tree("a", "b"), self.make_trees()
        self.assertEqual(self.names(path, trees=trees), ["a", "b"])
        self.write(path, "c")
        Path(path, "a").unlink()
        self.clock.advance(FRESH - 0.1)
        self.assertEqual(self.names(path, trees=trees), ["b"])
        self.clock.advance(0.2)
        self.assertEqual(self.names(path, trees=trees), ["b", "c"])
        for _ in range(TREES):
            self.names(self.make_tree("x"), trees=trees)
        self.write(path, "d")
        self.assertEqual(self.names(path, trees=trees), ["b", "c", "d"])

    def test_list_is_shared(self) -> None:
        """Who asks while a directory is being listed waits for that list, or for its refusal."""
        path, threads = self.make_tree("a", "b"), HangingThreads()
        trees = WorkingTrees(threads, Clock(), git=self.git)
        asked = [Deferred.fromCoroutine(trees.find(path, query, 5)) for query in ("a", "b", "")]
        self.assertEqual(len(threads.waiting), 1)
        while threads.waiting:
            threads.let()
        found = [[one.path for one in self.successResultOf(each).files] for each in asked]
        self.assertEqual(found, [["a"], ["b"], ["a", "b"]])
        shutil.rmtree(path)
        trees = WorkingTrees(threads, Clock(), git=self.git)
        asked = [Deferred.fromCoroutine(trees.find(path, "", 5)) for _ in range(2)]
        threads.let()
        for each in asked:
            self.failureResultOf(each, Refusal)

    def test_hanging(self) -> None:
        """On a disk that hangs, files and directories together leave threads for all else."""
        threads = HangingThreads()
        trees = WorkingTrees(threads, Clock(), git=self.git)
        for number in range(LOOKS + 2):
            Deferred.fromCoroutine(trees.find(f"/mount/{number}", "", 5))
        self.assertEqual(len(threads.waiting), LOOKS)
        self.assertLess(LOOKS + looks.LOOKS, Config().threads)

    def test_moved(self) -> None:
        """A project's directory that has become a link is not followed."""
        path, other = self.make_tree("a"), self.make_tree("secret")
        shutil.rmtree(path)
        Path(path).symlink_to(other)
        self.failureResultOf(Deferred.fromCoroutine(self.make_trees().find(path, "", 5)), Refusal)
