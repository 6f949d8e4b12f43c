"""Where a path really leads, and whether a project may lie there: on a real disk, hostile and slow ones included."""

import os
import socket
from collections.abc import Callable
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from pocketagent.domain.project import Place, Standing
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.outbound.directories.directories import Directories
from pocketagent.outbound.directories.looks import DEADLINE, LOOKS, Looks
from pocketagent.ports import IThreads
from tests.contracts import DirectoriesContract, Here
from tests.outbound.disks import in_small_file_system

T = TypeVar("T")


@implementer(IThreads)
class HangingThreads:
    """Threads whose work does not come back before it is let."""

    def __init__(self) -> None:
        self.waiting: list[Deferred[None]] = []

    async def run(self, work: Callable[[], T]) -> T:
        waiting: Deferred[None] = Deferred()
        self.waiting.append(waiting)
        await waiting
        return work()

    def let(self) -> None:
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            each.callback(None)


class Scene(TestCase):
    """A home with a root for projects in it, and a denied place."""

    def setUp(self) -> None:
        self.home = Path(os.path.realpath(self.mktemp()))
        self.root = self.home / "code"
        self.keys = self.home / ".ssh"
        for directory in (self.home, self.root, self.keys):
            directory.mkdir(parents=True, mode=0o755)
        self.clock = Clock()

    def directories(
        self,
        threads: IThreads | None = None,
        roots: list[Path] | None = None,
        denied: list[Path] | None = None,
        user: int | None = None,
    ) -> Directories:
        return Directories(
            Looks(threads or Here(), self.clock),
            roots=[str(root) for root in roots or [self.home]],
            denied=[str(place) for place in ([self.keys] if denied is None else denied)],
            home=str(self.home),
            user=os.geteuid() if user is None else user,
        )

    def place(self, path: Path | str, directories: Directories | None = None) -> Place:
        return self.successResultOf(Deferred.fromCoroutine((directories or self.directories()).look(str(path))))

    def no(self, path: Path | str, directories: Directories | None = None) -> str:
        """The message, once it is sure that it names no path but the one asked for."""
        looking = Deferred.fromCoroutine((directories or self.directories()).look(str(path)))
        refusal: Refusal = self.failureResultOf(looking, Refusal).value
        self.assertEqual(refusal.code, Code.INVALID_PATH)
        self.assertEqual(set(refusal.details), {"field", "path"})
        told = refusal.message + str(refusal.details["path"]).replace(str(path), "")
        self.assertNotIn(self.home.name, told)
        return refusal.message


class ContractTests(DirectoriesContract, Scene):
    """The contract, on the disk."""

    def setUp(self) -> None:
        super().setUp()
        self.numbers = count()

    def make_directories(self) -> Directories:
        return self.directories()

    def make_directory(self, name: str) -> str:
        (self.root / name).mkdir(parents=True, exist_ok=True)
        return str(self.root / name)

    def make_part(self, path: str) -> None:
        Path(path, ".mcp.json").write_text(f"{next(self.numbers)}")


class RootsTests(Scene):
    """Projects lie in the allowed roots, by their names and by where they really are."""

    def test_names_with_dots(self) -> None:
        """A name may begin with two dots; a component that is only them is refused (PA-01)."""
        (self.root / "..foo").mkdir()
        self.assertEqual(self.place(self.root / "..foo").path, str(self.root / "..foo"))
        self.assertIn("'..'", self.no(f"{self.root}/../code"))

    def test_by_components(self) -> None:
        """What only begins with the root's letters is outside (PA-05)."""
        evil = self.home / "code-evil"
        evil.mkdir()
        self.no(evil, self.directories(roots=[self.root]))

    def test_outside_is_not_looked_up(self) -> None:
        """A path outside the roots costs no look at the disk: its answer is the same whether it is there or not."""
        threads = HangingThreads()
        directories = self.directories(threads, roots=[self.root])
        first = Deferred.fromCoroutine(directories.look("/etc"))
        threads.let()  # the roots themselves are looked up once
        self.failureResultOf(first, Refusal)
        self.assertEqual(self.no("/etc", directories), self.no("/nonexistent", directories))
        self.assertEqual(threads.waiting, [])

    def test_swapped_meanwhile(self) -> None:
        """PA-04: while somebody swaps a component for a link that leads out, and back again, what is found is always
        the directory inside, under its own name; or nothing is."""
        way, aside, link = self.root / "way", self.root / "aside", self.root / "link"
        (way / "app").mkdir(parents=True)
        (self.home / "outside" / "app").mkdir(parents=True)
        link.symlink_to(self.home / "outside")
        directories = self.directories(roots=[self.root])
        inside = self.place(way / "app", directories)
        is_over = Event()

        def swap() -> None:
            while not is_over.is_set():
                for old, new in ((way, aside), (link, way), (way, link), (aside, way)):
                    old.rename(new)

        swapping = Thread(target=swap)
        swapping.start()
        found: set[Place | None] = set()
        try:
            for _ in range(300):
                looking = Deferred.fromCoroutine(directories.look(str(way / "app")))
                looking.addErrback(lambda failure: failure.trap(Refusal) and None)
                found.add(self.successResultOf(looking))
        finally:
            is_over.set()
            swapping.join()
        self.assertLessEqual(found, {inside, None})

    def test_links(self) -> None:
        """A link in any component is followed and judged by where it leads; the real path is told (PA-03)."""
        inside = self.root / "real" / "inner"
        inside.mkdir(parents=True)
        (self.root / "link").symlink_to("real")
        (self.root / "again").symlink_to(self.root / "link" / ".." / "real" / "." / "inner")
        real = self.place(inside)
        self.assertEqual(self.place(self.root / "link" / "inner"), real)
        self.assertEqual(self.place(self.root / "again"), real)

    def test_links_to_outside(self) -> None:
        """A link that leads out of the roots is refused with one answer, whatever is there, or is not."""
        outside = self.home / "outside"
        (outside / "directory").mkdir(parents=True)
        (outside / "file").touch()
        answers = set()
        for number, target in enumerate(("directory", "file", "nothing", "nothing/../at/all", "file/below")):
            link = self.root / f"link{number}"
            link.symlink_to(outside / target)
            answers.add(self.no(link, self.directories(roots=[self.root])))
        (self.root / "up").symlink_to("../..")
        answers.add(self.no(self.root / "up" / self.home.name / "outside", self.directories(roots=[self.root])))
        self.assertEqual(len(answers), 1)

    def test_loop(self) -> None:
        """Links in a circle are refused."""
        (self.root / "a").symlink_to("b")
        (self.root / "b").symlink_to("a")
        self.assertIn("links", self.no(self.root / "a"))

    def test_linked_root(self) -> None:
        """A root may be a link itself: projects below it are named by their real path, and so again."""
        link = self.home / "work"
        link.symlink_to(self.root)
        (self.root / "project").mkdir()
        directories = self.directories(roots=[link])
        place = self.place(link / "project", directories)
        self.assertEqual(place.path, str(self.root / "project"))
        self.assertEqual(self.place(place.path, directories), place)

    def test_chain(self) -> None:
        """The pairs are those of every directory from the root on, as `stat` has them."""
        project = self.root / "project"
        project.mkdir()
        stats = [path.stat() for path in (*reversed(project.parents), project)]
        self.assertEqual(self.place(project).chain, tuple((each.st_dev, each.st_ino) for each in stats))


class DeniedTests(Scene):
    """No project lies in a denied place, or around one."""

    def test_in_and_around(self) -> None:
        """The place itself, one in it, and those around it are refused, each with its reason; one beside it is not."""
        (self.keys / "inner").mkdir()
        for path in (self.keys, self.keys / "inner"):
            self.assertIn("lies in a place", self.no(path))
        self.assertIn("In this directory lies", self.no(self.home))
        self.assertIn("In this directory lies", self.no("/", self.directories(roots=[Path("/")])))
        beside = self.home / ".sshx"
        beside.mkdir()
        self.place(beside)

    def test_through_links(self) -> None:
        """It is refused by whatever link it is reached, and wherever the denied name itself leads."""
        (self.root / "link").symlink_to(self.keys)
        self.no(self.root / "link")
        secret = self.root / "secret"
        secret.mkdir()
        denied = self.home / "denied"
        denied.symlink_to(secret)
        self.assertIn("lies in a place", self.no(secret, self.directories(denied=[denied])))
        self.assertIn("In this directory", self.no(self.root, self.directories(denied=[denied])))

    def test_not_there_yet(self) -> None:
        """A denied place that does not exist yet is denied by its name."""
        gone = self.root / "later" / "keys"
        (self.root / "later").mkdir()
        self.assertIn("In this directory", self.no(self.root / "later", self.directories(denied=[gone])))

    def test_denied_file(self) -> None:
        """A denied file denies the directories around it."""
        file = self.root / "project" / "key"
        file.parent.mkdir()
        file.touch()
        self.assertIn("In this directory", self.no(file.parent, self.directories(denied=[file])))

    def test_by_inode(self) -> None:
        """What another mount shows elsewhere is the same place."""
        said = in_small_file_system(
            """
            import os, subprocess
            from twisted.internet.defer import Deferred
            from twisted.internet.task import Clock
            from pocketagent.domain.refusals import Refusal
            from pocketagent.outbound.directories.directories import Directories
            from pocketagent.outbound.directories.looks import Looks
            from tests.contracts import Here
            for name in ("keys/inner", "code/shown", "code/around"):
                os.makedirs(name)
            os.chmod(".", 0o755)
            subprocess.run(["mount", "--bind", "keys", "code/shown"], check=True)
            looks = Looks(Here(), Clock())
            directories = Directories(looks, roots=["/mnt/code"], denied=["/mnt/keys"], home="/nowhere")
            def look(path):
                Deferred.fromCoroutine(directories.look(path)).addCallbacks(
                    lambda place: print(place.path), lambda failure: print(failure.value.message.split(",")[0]))
            for path in ("/mnt/code/shown", "/mnt/code/shown/inner", "/mnt/code/around"):
                look(path)
            subprocess.run(["mount", "--bind", ".", "code/around"], check=True)
            look("/mnt/code/around")
            """
        )
        if said is None:
            self.skipTest("No small file system can be made here: unshare needs user namespaces.")
        inside = "This lies in a place that is kept from agents"
        self.assertEqual(
            said.splitlines(), [inside, inside, "/mnt/code/around", "In this directory lies what is kept from agents"]
        )


class KindTests(Scene):
    """Only a directory that is this user's business."""

    def test_not_a_directory(self) -> None:
        """A file, a FIFO, a socket, a device, what lies below one, a name that is too long: refused, and nobody waits
        for it (PA-09)."""
        (self.root / "file").touch()
        os.mkfifo(self.root / "fifo")
        here = Path.cwd()
        os.chdir(self.root)  # the name of a socket is short
        try:
            with socket.socket(socket.AF_UNIX) as bound:
                bound.bind("socket")
        finally:
            os.chdir(here)
        for name in ("file", "fifo", "socket", "file/below", "x" * 256):
            self.no(self.root / name)
        self.assertIn("no directory", self.no("/dev/null", self.directories(roots=[Path("/dev")])))

    def test_odd_names(self) -> None:
        """Dashes, quotes, dollars and letters that turn the direction are data (PA-10)."""
        for name in ("-rf", "--settings=x", "a'b\"c`d$(e)", "\u202egnp.exe", "Grüße 😀", " ", "*", "\\"):
            (self.root / name).mkdir()
            self.assertEqual(self.place(self.root / name).path, str(self.root / name))

    def test_names_that_are_no_text(self) -> None:
        """Control characters and bytes that are no UTF-8 are refused, also at the end of a link (PA-10)."""
        for number, name in enumerate((b"line\nbreak", b"latin-\xe9", b"\x1b[2J")):
            (self.root / os.fsdecode(name)).mkdir()
            link = self.root / f"link{number}"
            link.symlink_to(os.fsdecode(name))
            self.assertIn("not plain text", self.no(link))
            looking = self.directories().look(f"{self.root}/{os.fsdecode(name)}")
            self.failureResultOf(Deferred.fromCoroutine(looking), Refusal)

    def test_another_owner(self) -> None:
        """A directory of another user is refused, but root's is not, nor anybody's to a server that is root (PA-15)."""
        if os.geteuid() == 0:
            os.chown(self.root, 1234, -1)
        owner = self.root.stat().st_uid
        self.assertIn("another user", self.no(self.root, self.directories(user=owner + 1)))
        for user in (owner, 0):
            self.place(self.root, self.directories(user=user))
        self.place("/usr", self.directories(roots=[Path("/usr")], user=owner))

    def test_writable_by_everybody(self) -> None:
        """A directory that every user may write into is refused, sticky or not; one for a group is not (PA-15)."""
        for bits in (0o777, 0o1777):
            self.root.chmod(bits)
            self.assertIn("chmod o-w", self.no(self.root))
        self.root.chmod(0o775)
        self.place(self.root)


class SlowDiskTests(Scene):
    """A disk that hangs costs a few threads and 5 s, and nothing else (PA-12)."""

    def setUp(self) -> None:
        super().setUp()
        self.threads = HangingThreads()
        self.slow = self.directories(self.threads)
        self.path = str(self.root)

    def look(self) -> Deferred[Place]:
        return Deferred.fromCoroutine(self.slow.look(self.path))

    def ready(self) -> None:
        first = self.look()
        self.threads.let()
        self.threads.let()
        self.successResultOf(first)

    def test_deadline(self) -> None:
        """After 5 s the asker is told; the answer that comes later hurts nobody."""
        self.ready()
        looking = self.look()
        self.clock.advance(DEADLINE - 0.1)
        self.assertNoResult(looking)
        self.clock.advance(0.1)
        refusal = self.failureResultOf(looking, Refusal).value
        self.assertEqual(refusal.code, Code.INVALID_PATH)
        self.assertIn("did not answer within 5 s", refusal.message)
        self.threads.let()
        self.ready()

    def test_hanging_roots(self) -> None:
        """The first look at the roots has the same deadline."""
        looking = self.look()
        self.clock.advance(DEADLINE)
        self.failureResultOf(looking, Refusal)
        self.threads.let()
        self.ready()

    def test_few_threads(self) -> None:
        """However many ask, at most four threads hang; who waits for one is told after 5 s, too; and when the disk is
        back everything is."""
        self.ready()
        looking = [self.look() for _ in range(LOOKS + 3)]
        self.assertEqual(len(self.threads.waiting), LOOKS)
        self.clock.advance(DEADLINE)
        for each in looking:
            self.failureResultOf(each, Refusal)
        late = self.look()
        self.assertEqual(len(self.threads.waiting), LOOKS)
        self.clock.advance(DEADLINE - 1)
        self.threads.let()
        self.assertEqual(len(self.threads.waiting), 1)
        self.clock.advance(1)
        self.failureResultOf(late, Refusal)
        self.threads.let()
        self.ready()

    def test_trust(self) -> None:
        """What a hanging directory would run is not known, so nothing of it is trusted, whatever was approved."""
        for approved in ("", "ab" * 32):
            trusting = Deferred.fromCoroutine(self.slow.trust(self.path, approved))
            self.clock.advance(DEADLINE)
            trust = self.successResultOf(trusting)
            self.assertEqual((trust.state, trust.fingerprint), (Standing.UNTRUSTED, ""))
            self.threads.let()

    def test_trust_in_what_is_gone(self) -> None:
        """Neither is what is not there, or is no directory."""
        (self.root / "file").touch()
        for name in ("gone", "file"):
            trust = self.successResultOf(Deferred.fromCoroutine(self.directories().trust(str(self.root / name), "")))
            self.assertEqual((trust.state, trust.fingerprint), (Standing.UNTRUSTED, ""))
