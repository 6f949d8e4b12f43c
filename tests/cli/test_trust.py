# -*- test-case-name: tests.cli.test_trust -*-
"""`pocketagent trust`, on the files of a data directory."""

import json
from pathlib import Path

from attrs import evolve

from pocketagent.cli import trust
from pocketagent.domain.message import timestamp
from pocketagent.domain.project import Project
from pocketagent.outbound.directories.startup_parts import startup_parts
from pocketagent.outbound.files import ProjectFiles
from tests.cli.house import NOON, CommandTestCase

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
        self.hook().write_text(json.dumps(HOOK) + "\n" * 1000 + " " * trust.SHOWN_BYTES)
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
