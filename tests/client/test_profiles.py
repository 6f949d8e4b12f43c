# -*- test-case-name: tests.client.test_profiles -*-
"""Profiles of servers, on a real disk."""

import json
import os
import resource
import stat
from pathlib import Path

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.client import Problem, Server
from pocketagent.client.profiles import MAX_SIZE, Profile, Profiles, profile_name

TOKEN = "pa_0123456789abcdef_" + "7" * 64
HOME = Profile("home", "wss://localhost:8443/ws", TOKEN, fingerprint="A" * 43 + "=")
WORK = Profile("work", "wss://work.example:443/ws", TOKEN, ca="/etc/ca.pem")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class ProfilesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute() / "config" / "pocketagent"
        self.profiles = Profiles(self.directory)

    @property
    def file(self) -> Path:
        return self.directory / "profiles" / "home.json"

    def refused(self, name: str | None = "home") -> str:
        """The sentence with which a profile cannot be used; it never has the token in it."""
        sentence = str(self.assertRaises(Problem, self.profiles.get, name))
        self.assertNotIn("7777", sentence)
        return sentence

    def test_kept(self) -> None:
        """What was saved is there, also for the next process."""
        self.profiles.save(HOME)
        self.profiles.save(WORK)
        again = Profiles(self.directory)
        self.assertEqual((again.get("home"), again.get("work"), again.names()), (HOME, WORK, ["home", "work"]))
        self.assertEqual(again.get("work").server, Server(WORK.url, TOKEN, ca="/etc/ca.pem"))

    def test_private(self) -> None:
        """Files are 0600 and directories 0700, whatever the umask, the missing ones above included."""
        for umask in (0o000, 0o777, 0o022):
            directory = Path(self.mktemp()).absolute() / "config" / "pocketagent"
            before = os.umask(umask)
            try:
                Profiles(directory).save(HOME)
                Profiles(directory).choose("home")
            finally:
                os.umask(before)
            files = {directory / "profiles" / "home.json", directory / "default"}
            self.assertEqual({mode(path) for path in files}, {0o600})
            directories = {directory, directory / "profiles", directory.parent}
            self.assertEqual({mode(path) for path in directories}, {0o700})
            self.assertEqual({path for path in directory.rglob("*") if path.is_file()}, files)

    def test_narrowed(self) -> None:
        """Our own directory, found open, is closed to others; the one above it is left alone."""
        self.directory.mkdir(parents=True)
        self.directory.chmod(0o755)
        self.directory.parent.chmod(0o755)
        self.profiles.save(HOME)
        self.assertEqual((mode(self.directory), mode(self.directory.parent)), (0o700, 0o755))

    def test_whole_or_not_at_all(self) -> None:
        """A profile that cannot be written leaves the one before, and nothing beside it."""
        self.profiles.save(HOME)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
        try:
            self.assertRaises(OSError, self.profiles.save, evolve(HOME, token="other"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        self.assertEqual(self.profiles.get("home"), HOME)
        self.assertEqual(os.listdir(self.file.parent), ["home.json"])  # noqa: PTH208

    def test_secret(self) -> None:
        """The token stands in no repr."""
        self.assertNotIn("7777", repr(HOME) + repr(HOME.server) + str(HOME))

    def test_first_use(self) -> None:
        """Without any profile a person is told what to do first."""
        self.assertIn("`pocketagent connect` first", self.refused(None))
        self.assertIn("`pocketagent connect` first", self.refused("home"))
        self.assertEqual((self.profiles.names(), self.profiles.default()), ((), None))

    def test_unknown(self) -> None:
        """A name that does not exist is told with those that do."""
        self.profiles.save(HOME)
        self.assertEqual(self.refused("hom"), "There is no profile 'hom'; known are: home.")
        self.assertRaises(Problem, self.profiles.choose, "hom")
        self.assertRaises(Problem, self.profiles.remove, "../default")

    def test_default(self) -> None:
        """The only profile is the default one; among several it is the chosen one, or none until one is chosen."""
        self.profiles.save(HOME)
        self.assertEqual(self.profiles.get(None), HOME)
        self.profiles.save(WORK)
        self.assertIn("--profile (home, work)", self.refused(None))
        self.profiles.choose("work")
        self.assertEqual(self.profiles.get(None), WORK)
        self.profiles.remove("work")
        self.assertEqual(self.profiles.get(None), HOME)

    def test_name(self) -> None:
        """A name is one of a file, and leads nowhere else."""
        for good in ("home", "my.host", "a_b-c", "__1", "192.168.0.1"):
            self.assertEqual(profile_name(good), good)
        for bad in ("", ".", "..", ".hidden", "a/b", "-x", "ü", "a b", "a\n", "x" * 65):
            self.assertRaises(ValueError, profile_name, bad)
        self.assertRaises(ValueError, self.profiles.save, evolve(HOME, name="../x"))

    def test_broken(self) -> None:
        """A file that is no profile is told with its path and what to do, in one line."""
        self.profiles.save(HOME)
        whole = json.loads(self.file.read_text())
        for content in (
            *("", "{", "[]", "null", '"x"', "[" * 100_000, "\x00"),
            *(json.dumps(whole | {"token": 7777}), json.dumps(whole | {"url": "ws://far.example"})),
            json.dumps({"name": "home", "url": whole["url"]}),
            "x" * (MAX_SIZE + 1),
        ):
            self.file.write_text(content)
            sentence = self.refused()
            self.assertNotIn("\n", sentence)
            self.assertEqual(self.profiles.names(), ["home"])
        self.file.write_bytes(b"\xff\xfe")
        self.assertIn(str(self.file), self.refused())
        self.profiles.save(HOME)
        self.assertEqual(self.profiles.get("home"), HOME)

    def test_no_file(self) -> None:
        """What is no file is told, and nothing waits for it."""
        self.profiles.save(HOME)
        self.file.unlink()
        os.mkfifo(self.file, 0o600)
        self.assertIn("no file of a profile", self.refused())
        self.file.unlink()
        self.file.mkdir()
        self.assertIn("home.json", self.refused())

    def test_read_by_others(self) -> None:
        """A file that others may read is refused, with the command that mends it."""
        self.profiles.save(HOME)
        for bits in (0o640, 0o604, 0o620, 0o666):
            self.file.chmod(bits)
            self.assertTrue(self.refused().endswith(f"chmod 600 {self.file}"))
        self.file.chmod(0o600)
        self.file.parent.chmod(0o770)
        self.assertTrue(self.refused().endswith(f"chmod 700 {self.file.parent}"))
        self.file.parent.chmod(0o500)
        self.assertEqual(self.profiles.get("home"), HOME)
        self.file.parent.chmod(0o700)

    def test_odd_default(self) -> None:
        """A default that names no profile is as none."""
        self.profiles.save(HOME)
        self.profiles.choose("home")
        (self.directory / "default").write_bytes(b"\xffnobody\n")
        self.assertEqual(self.profiles.default(), "home")
        self.profiles.save(WORK)
        self.assertEqual(self.profiles.default(), None)

    def test_other_files(self) -> None:
        """Files of other programs in the directory are no profiles."""
        self.profiles.save(HOME)
        for name in (".tmp-x.json", "home.json~", "a b.json", "README"):
            (self.file.parent / name).write_text("")
        self.assertEqual(self.profiles.names(), ["home"])
