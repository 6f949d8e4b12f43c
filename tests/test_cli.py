# -*- test-case-name: tests.test_cli -*-
"""The `pocketagent` command: tokens and trust, on the files of a data directory."""

import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import define, evolve, field
from twisted.trial.unittest import SynchronousTestCase

from pocketagent import cli
from pocketagent.domain.access import TOKEN, Device, Scope
from pocketagent.domain.message import timestamp
from pocketagent.domain.project import Project
from pocketagent.outbound.files import DeviceFiles, ProjectFiles
from pocketagent.outbound.startup_parts import startup_parts
from pocketagent.version import VERSION

NOON = 1_767_268_800.0
"""2026-01-01 12:00 UTC."""


@define
class Run:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@define(eq=False)
class Machine:
    """A data directory, a clock and a person who answers."""

    data_dir: Path
    now: float = NOON
    answers: list[str] = field(factory=list)
    asked: Callable[[], object] = lambda: None
    counter: int = 0

    def run(self, *words: str, options: bool = True) -> Run:
        out, err = io.StringIO(), io.StringIO()
        console = cli.Console(
            environment={"PA_DATA_DIR": str(self.data_dir), "HOME": str(self.data_dir.with_suffix(".home"))},
            out=out,
            err=err,
            ask=self.ask,
            now=lambda: self.now,
            random_hex=self.random_hex,
        )
        return Run(cli.main(words, console), out.getvalue(), err.getvalue())

    def ask(self) -> str:
        if not self.answers:
            raise EOFError
        self.asked()
        return self.answers.pop(0)

    def random_hex(self, size: int) -> str:
        self.counter += 1
        return f"{self.counter:0{2 * size}x}"

    @property
    def devices(self) -> Sequence[Device]:
        return DeviceFiles(f"{self.data_dir}/devices").all()


class CommandTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.machine = Machine(Path(self.mktemp()).absolute())

    def done(self, *words: str) -> str:
        """Run a command that succeeds; what stood on stdout."""
        run = self.machine.run(*words)
        self.assertEqual((run.code, run.err if run.code else ""), (0, ""))
        return run.out

    def failed(self, *words: str) -> str:
        """Run a command that fails: exit code 1, nothing on stdout, and on stderr the one line that is returned."""
        run = self.machine.run(*words)
        self.assertEqual((run.code, run.out, run.err.count("\n")), (1, "", 1))
        self.assertTrue(run.err.startswith("pocketagent: "), run.err)
        return run.err

    def misunderstood(self, *words: str) -> str:
        """Run a command that makes no sense: exit code 2, and stderr says why."""
        err = io.StringIO()
        self.patch(sys, "stderr", err)  # argparse knows no other
        self.assertEqual(self.assertRaises(SystemExit, self.machine.run, *words).code, 2)
        return err.getvalue()


class CreateTests(CommandTestCase):
    def test_token(self) -> None:
        """The token stands alone on stdout; the server's files hold only its hash."""
        out = self.done("token", "create", "--name", " Ada's phone ")
        found = TOKEN.fullmatch(out.removesuffix("\n"))
        assert found is not None, out
        (device,) = self.machine.devices
        self.assertEqual((device.id, device.name, device.scope), (found["id"], "Ada's phone", Scope.ADMIN))
        self.assertTrue(device.proves(found["secret"]))
        self.assertEqual((device.created_at, device.expires_at), (NOON, None))
        kept = b"".join(path.read_bytes() for path in self.machine.data_dir.rglob("*") if path.is_file())
        self.assertNotIn(found["secret"].encode(), kept)

    def test_private(self) -> None:
        """Whatever the umask, nobody else can read what was kept."""
        self.addCleanup(os.umask, os.umask(0))
        self.done("token", "create", "--name", "a")
        for path in [self.machine.data_dir, *self.machine.data_dir.rglob("*")]:
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)

    def test_random(self) -> None:
        """Outside of tests a token has 256 random bits: no two are alike."""
        tokens = set()
        for _ in range(2):
            out = io.StringIO()
            environment = {"PA_DATA_DIR": str(self.machine.data_dir)}
            words = ["token", "create", "--name", "a"]
            self.assertEqual(cli.main(words, cli.Console(environment, out, io.StringIO())), 0)
            found = TOKEN.fullmatch(out.getvalue().strip())
            assert found is not None
            tokens |= {found["id"], found["secret"]}
        self.assertEqual(len(tokens), 4)

    def test_scope_and_expiry(self) -> None:
        """Scope and end are the person's choice."""
        self.done("token", "create", "--name", "guest", "--scope", "read", "--expires", "12h")
        (device,) = self.machine.devices
        self.assertEqual((device.scope, device.expires_at), (Scope.READ, NOON + 12 * 3600))

    def test_expiry(self) -> None:
        """A time is a positive whole number with a unit, and bounded (AU-05)."""
        self.assertEqual([cli.expiry(text) for text in ("30m", "90d", "1w")], [1800, 90 * 86400, 7 * 86400])
        self.assertEqual(cli.expiry("2y"), 2 * 365 * 86400)
        for text in (
            "nan",
            "inf",
            "-1d",
            "0d",
            "1",
            "d",
            "",
            "1.5h",
            "1e400d",
            "9" * 400 + "d",
            "101y",
            "1d ",
            "\u0661d",
        ):
            self.assertIn("90d", self.misunderstood("token", "create", "--name", "a", f"--expires={text}"))

    def test_bad_name(self) -> None:
        """A name is short and printable; scopes are the three."""
        for name in "", " ", "a\nb", "\x1b[31m", "x" * 65, "\ud800":
            self.assertIn("name", self.misunderstood("token", "create", f"--name={name}"))
        self.misunderstood("token", "create", "--name", "a", "--scope", "owner")
        self.misunderstood("token", "create")

    def test_if_none(self) -> None:
        """--if-none makes the first device and never a second."""
        self.assertTrue(self.done("token", "create", "--if-none", "--name", "first"))
        self.assertEqual(self.done("token", "create", "--if-none", "--name", "second"), "")
        self.assertEqual([device.name for device in self.machine.devices], ["first"])

    def test_bound(self) -> None:
        """The number of devices is bounded."""
        self.patch(cli, "MAX_DEVICES", 1)
        self.done("token", "create", "--name", "a")
        self.assertIn("revoke", self.failed("token", "create", "--name", "b"))

    def test_broken(self) -> None:
        """A broken device stops the command with its name, and is left as it is."""
        self.done("token", "create", "--name", "a")
        (path,) = self.machine.data_dir.glob("devices/*")
        path.write_text("{")
        for words in ("create", "--name", "b"), ("list",), ("revoke", "a"):
            self.assertIn(path.stem, self.failed("token", *words))
        self.assertEqual(path.read_text(), "{")

    def test_unwritable(self) -> None:
        """What cannot be the data directory is told on one line."""
        self.machine.data_dir.write_text("a file")
        self.failed("token", "create", "--name", "a")


class ListTests(CommandTestCase):
    def test_table(self) -> None:
        """The list tells who may come in and until when, and no secret."""
        secret = self.done("token", "create", "--name", "phone").strip()[-64:]
        self.machine.now += 60
        self.done("token", "create", "--name", "guest", "--scope", "read", "--expires", "30m")
        self.machine.now += 3600
        out = self.done("token", "list")
        rows = [line.split("  ") for line in out.splitlines()]
        self.assertEqual([cell.strip() for cell in rows[0] if cell], ["ID", "NAME", "SCOPE", "CREATED", "EXPIRES"])
        self.assertRegex(out, r"(?m)^\w{16}  phone  admin  2026-01-01 12:00  never$")
        self.assertRegex(out, r"(?m)^\w{16}  guest  read   2026-01-01 12:01  over$")
        for text in out, self.done("token", "list", "--json"):
            self.assertNotIn(secret, text)
            self.assertNotIn(self.machine.devices[0].secret_hash, text)

    def test_json(self) -> None:
        """--json is for programs; no devices are an empty list."""
        self.machine.data_dir.mkdir()
        self.assertEqual(json.loads(self.done("token", "list", "--json")), [])
        self.done("token", "create", "--name", "guest", "--scope", "read", "--expires", "1d")
        (one,) = json.loads(self.done("token", "list", "--json"))
        self.assertEqual(one.pop("id"), self.machine.devices[0].id)
        self.assertEqual(
            one,
            {
                "name": "guest",
                "scope": "read",
                "created_at": "2026-01-01T12:00:00.000000Z",
                "expires_at": "2026-01-02T12:00:00.000000Z",
                "over": False,
            },
        )

    def test_no_directory(self) -> None:
        """A data directory that is not there is told, not made: it is the wrong one."""
        self.assertIn(str(self.machine.data_dir), self.failed("token", "list"))
        self.assertFalse(self.machine.data_dir.exists())

    def test_option(self) -> None:
        """--data-dir comes before PA_DATA_DIR."""
        self.done("token", "create", "--name", "a")
        other = self.mktemp()
        self.assertIn(other, self.failed("token", "list", "--data-dir", other))


class RevokeTests(CommandTestCase):
    def setUp(self) -> None:
        super().setUp()
        for name in "phone", "laptop", "laptop":
            self.done("token", "create", "--name", name)

    def test_by_name_and_id(self) -> None:
        """A device goes by its name or its id, and only that one."""
        first, second, third = self.machine.devices
        self.done("token", "revoke", "phone")
        self.assertEqual(self.machine.devices, [second, third])
        self.done("token", "revoke", third.id)
        self.assertEqual(self.machine.devices, [second])
        self.assertEqual(first.name, "phone")

    def test_ambiguous(self) -> None:
        """Where a name is not enough, the ids are told and nothing is done."""
        line = self.failed("token", "revoke", "laptop")
        for device in self.machine.devices[1:]:
            self.assertIn(device.id, line)
        self.assertEqual(len(self.machine.devices), 3)

    def test_unknown(self) -> None:
        """What is not there cannot be revoked, whatever it is called."""
        for name in "x", "../devices", "\x1b[31m", "":
            self.assertNotIn("\x1b", self.failed("token", "revoke", name))
        self.assertEqual(len(self.machine.devices), 3)


HOOK = {"hooks": {"SessionStart": [{"hooks": [{"type": "command", "command": "make \x1b[2J\u202e"}]}]}}


class TrustTests(CommandTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.done("token", "create", "--name", "a")  # which makes the data directory
        self.files = ProjectFiles(f"{self.machine.data_dir}/projects")
        self.path = Path(self.mktemp()).resolve()
        self.path.mkdir()
        found = self.path.stat()
        self.project = Project(
            id="5f0c1ad7-6d4d-4a39-8a3c-0a0e2a0a9f0b",
            name="app",
            path=str(self.path),
            identity=(found.st_dev, found.st_ino),
            created_at=timestamp(NOON),
        )
        self.files.save(self.project)

    def hook(self, name: str = "settings.json") -> Path:
        file = self.path / ".claude" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(HOOK, ensure_ascii=False))
        return file

    @property
    def approved(self) -> str:
        (project,) = self.files.all()
        return project.approved

    def fingerprint(self) -> str:
        return startup_parts(str(self.path), "/nonexistent")[0]

    def test_shown_and_approved(self) -> None:
        """The parts are shown, harmless to the terminal; on a yes exactly this state is approved."""
        self.hook()
        self.machine.answers = ["y"]
        run = self.machine.run("trust", str(self.path))
        self.assertEqual((run.code, run.out), (0, ""))
        self.assertIn(".claude/settings.json\n", run.err)
        self.assertIn(r"make \u001b[2J\u202e", run.err)
        self.assertNotIn("\u202e", run.err)
        self.assertEqual(self.approved, self.fingerprint())
        self.assertIn("trusted", self.machine.run("trust", str(self.path)).err)

    def test_no(self) -> None:
        """Any other answer, and none, approves nothing."""
        self.hook()
        for answers in ["n"], [""], ["yep"], []:
            self.machine.answers = answers
            run = self.machine.run("trust", str(self.path))
            self.assertEqual((run.code, self.approved), (1, ""))

    def test_yes(self) -> None:
        """--yes asks nothing, for scripts; a link to the directory and a relative path are as good."""
        self.hook()
        link = Path(self.mktemp())
        link.symlink_to(self.path)
        self.assertEqual(self.machine.run("trust", "--yes", str(link)).code, 0)
        self.assertEqual(self.approved, self.fingerprint())

    def test_changed_meanwhile(self) -> None:
        """What changes between the look and the yes is not approved."""
        file = self.hook()
        self.machine.answers = ["yes"]
        self.machine.asked = lambda: file.write_text(json.dumps({"apiKeyHelper": "./steal"}))
        run = self.machine.run("trust", str(self.path))
        self.assertEqual((run.code, self.approved), (1, ""))
        self.assertIn("changed", run.err)

    def test_renamed_meanwhile(self) -> None:
        """What the server has saved of the project meanwhile stays."""
        self.hook()
        self.machine.answers = ["y"]
        self.machine.asked = lambda: self.files.save(evolve(self.project, name="renamed"))
        self.assertEqual(self.machine.run("trust", str(self.path)).code, 0)
        (project,) = self.files.all()
        self.assertEqual((project.name, project.approved), ("renamed", self.fingerprint()))

    def test_long(self) -> None:
        """Of a long file the beginning is shown."""
        self.hook().write_text(json.dumps(HOOK) + "\n" * 1000 + " " * cli.SHOWN_BYTES)
        self.machine.answers = ["n"]
        run = self.machine.run("trust", str(self.path))
        self.assertIn("(more follows)", run.err)
        self.assertLess(run.err.count("\n"), 200)

    def test_nothing_hidden(self) -> None:
        """Of every part the content is shown, or it is said that it is not: a name that looks like a link's, or that
        cannot be written out, hides nothing."""
        hooks = self.path / ".claude" / "hooks"
        hooks.mkdir(parents=True)
        (hooks / "run.sh").write_text("harmless")
        (hooks / "run.sh (a link)").write_text("evil")
        (hooks / "odd\x1b.sh").write_text("unseen")
        (hooks / "there.sh").symlink_to(hooks / "run.sh")
        self.machine.answers = ["n"]
        run = self.machine.run("trust", str(self.path))
        shown = run.err.split("\n\n")
        self.assertIn("| evil", next(part for part in shown if "/run.sh (a link)\n" in part))
        self.assertIn("| harmless", next(part for part in shown if "/there.sh (a link)\n" in part))
        self.assertIn("cannot be shown", next(part for part in shown if "/odd" in part))

    def test_nothing(self) -> None:
        """A directory without such parts is trusted as it is."""
        run = self.machine.run("trust", str(self.path))
        self.assertEqual((run.code, self.approved), (0, ""))
        self.assertIn("nothing", run.err)

    def test_no_project(self) -> None:
        """Only what is a project can be approved."""
        self.assertIn("no project", self.failed("trust", str(self.path.parent)))
        self.assertIn("no project", self.failed("trust", "/nonexistent"))


class HelpTests(CommandTestCase):
    def test_version(self) -> None:
        """The version is a line on stdout."""
        self.assertEqual(self.done("version"), f"pocketagent {VERSION}\n")

    def test_help(self) -> None:
        """--help teaches with examples, for each command."""
        out = io.StringIO()
        self.patch(sys, "stdout", out)
        self.assertEqual(self.assertRaises(SystemExit, self.machine.run, "--help").code, 0)
        self.assertEqual(self.assertRaises(SystemExit, self.machine.run, "token", "create", "--help").code, 0)
        for part in "pocketagent token create --name phone", "PA_DATA_DIR", "a shell on this machine":
            self.assertIn(part, out.getvalue())

    def test_nothing(self) -> None:
        """Without a command the usage is printed."""
        self.assertIn("usage", self.misunderstood())
        self.assertIn("usage", self.misunderstood("token"))
