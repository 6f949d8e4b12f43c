"""What the CLI would run by itself in a directory: found wherever it looks, in one fingerprint, never run."""

import json
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.outbound.directories.startup_parts import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_GIT_FILE,
    MAX_LOOKS,
    MAX_NAMED,
    startup_parts,
)

HOOK = json.dumps({"hooks": {"SessionStart": [{"hooks": [{"type": "command", "command": "touch ran"}]}]}})


class StartupPartsTests(SynchronousTestCase):
    """A project two levels below a repository's top, in a home."""

    def setUp(self) -> None:
        self.home = Path(os.path.realpath(self.mktemp()))
        self.top = self.home / "top"
        self.path = self.top / "middle" / "project"
        self.path.mkdir(parents=True)
        # What lies above the place of the tests is not theirs.
        self.before = self.read()
        self.assertEqual(self.before, ("", ()))

    def read(self, path: Path | None = None) -> tuple[str, tuple[str, ...]]:
        return startup_parts(str(path or self.path), str(self.home / ".claude"))

    def put(self, name: str, content: str | bytes = "x", below: Path | None = None) -> Path:
        file = (below or self.path) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    def counts(self, *names: str) -> str:
        """The fingerprint, once it is sure that it covers just these."""
        fingerprint, found = self.read()
        self.assertEqual(found, names)
        self.assertRegex(fingerprint, "^[0-9a-f]{64}$")
        return fingerprint

    def cannot_be_approved(self) -> tuple[str, ...]:
        fingerprint, found = self.read()
        self.assertEqual(fingerprint, "")
        self.assertNotEqual(found, ())
        return found

    def test_each_part(self) -> None:
        """Each part counts, and another content is another fingerprint."""
        for name in (
            ".claude/settings.json",
            ".claude/settings.local.json",
            ".mcp.json",
            ".claude/agents/a.md",
            ".claude/agents/deep/er/a.md",
            ".claude/commands/run.md",
            ".claude/hooks/start.sh",
            ".claude/plugins/p/plugin.json",
            ".claude/skills/s/SKILL.md",
            ".claude/workflows/w.js",
        ):
            file = self.put(name, HOOK)
            first = self.counts(name)
            file.write_text(HOOK.replace("ran", "run"))
            self.assertNotEqual(self.counts(name), first)
            file.write_text(HOOK)
            self.assertEqual(self.counts(name), first)
            file.unlink()
        self.assertEqual(self.read(), ("", ()))

    def test_no_parts(self) -> None:
        """What only instructs the agent, or is the project's own work, is no such part."""
        for name in ("CLAUDE.md", ".claude/CLAUDE.md", ".claude/rules/r.md", "sub/.claude/settings.json", "hooks/x.sh"):
            self.put(name, HOOK)
        self.put(".claude/settings.json", '{"permissions": {"allow": ["Bash(ls)"]}, "model": "opus"}')
        self.assertEqual(self.read(), ("", ()))

    def test_saved_rules(self) -> None:
        """Permission rules that the CLI saves do not change the fingerprint."""
        self.put(".claude/settings.json", HOOK)
        before = self.counts(".claude/settings.json")
        self.put(".claude/settings.local.json", '{"permissions": {"allow": ["Bash(ls)"]}}')
        self.put(".claude/settings.json", json.dumps({**json.loads(HOOK), "permissions": {"deny": ["Read"]}}))
        self.assertEqual(self.counts(".claude/settings.json"), before)

    def test_names_count(self) -> None:
        """The same content under another name, or in one file instead of two, is another fingerprint."""
        self.put(".claude/agents/a.md", "one")
        first = self.counts(".claude/agents/a.md")
        (self.path / ".claude/agents/a.md").rename(self.path / ".claude/agents/b.md")
        second = self.counts(".claude/agents/b.md")
        self.put(".claude/agents/a.md", "")
        third = self.counts(".claude/agents/a.md", ".claude/agents/b.md")
        self.assertEqual(len({first, second, third}), 3)

    def test_above(self) -> None:
        """The CLI looks into the directories above as well: what stands there counts, by its relative name."""
        self.put(".mcp.json", below=self.top)
        self.put(".claude/settings.local.json", HOOK, below=self.top)
        self.put(".claude/skills/s/SKILL.md", below=self.top / "middle")
        self.counts("../../.claude/settings.local.json", "../../.mcp.json", "../.claude/skills/s/SKILL.md")

    def test_own_settings(self) -> None:
        """The person's own `~/.claude` counts nowhere; a `.mcp.json` beside it does, because the CLI takes it."""
        self.put(".claude/settings.json", HOOK, below=self.home)
        self.put(".claude/agents/mine.md", below=self.home)
        self.assertEqual(self.read(), ("", ()))
        self.put(".mcp.json", below=self.home)
        self.counts("../../../.mcp.json")

    def test_worktree(self) -> None:
        """A file `.git` leads the CLI to another checkout, real or made up: what stands there counts."""
        main = self.home / "main"
        git = main / ".git" / "worktrees" / "w"
        git.mkdir(parents=True)
        (git / "commondir").write_text("../..\n")
        self.put(".claude/settings.local.json", HOOK, below=main)
        (self.top / ".git").write_text(f"gitdir: {git}\n")
        absolute = self.counts("../../../main/.claude/settings.local.json")
        (self.top / ".git").write_text("gitdir: ../main/.git/worktrees/w")
        self.assertEqual(self.counts("../../../main/.claude/settings.local.json"), absolute)

    def test_odd_git_files(self) -> None:
        """A file `.git` that is nonsense, or none, is left alone, and nobody waits for it."""
        git = self.path / ".git"
        for content in (b"", b"gitdir:", b"gitdir: \x00", b"\xff", b"gitdir: /nonexistent", b"gitdir: " + b"x" * 9000):
            git.write_bytes(content)
            self.assertEqual(self.read(), ("", ()))
        git.unlink()
        os.mkfifo(git)
        self.assertEqual(self.read(), ("", ()))

    def test_git_files_as_the_cli_reads_them(self) -> None:
        """What JavaScript trims, in a file `.git` or its `commondir`, hides no checkout; what is too long to be read
        cannot be approved. The CLI (2.1.330) follows all of these, and runs the hooks that it finds there."""
        git = self.home / "checkout" / ".git" / "worktrees" / "w"
        self.put(".claude/settings.local.json", HOOK, self.home / "checkout")
        self.put("commondir", "\ufeff../..\u00a0", git)
        for pointer in (
            f"\ufeffgitdir: {git}\n",
            f"\ngitdir:\t{git}",
            f"gitdir:\u00a0{git}\u2028",
            f"gitdir: {git}" + "\n" * 9000,
        ):
            file = self.put(".git", pointer, self.top)
            self.counts("../../../checkout/.claude/settings.local.json")
        file.write_text(f"gitdir: {git}" + "\n" * MAX_GIT_FILE)
        self.assertEqual(self.cannot_be_approved(), ("../../.git",))
        file.write_text(f"gitdir: {git}")
        self.put("commondir", "../.." + " " * MAX_GIT_FILE, git)
        self.assertEqual(self.cannot_be_approved(), ("../../.git",))

    def test_named_like_a_link(self) -> None:
        """A file whose name says that it is a link does not take the place of a link in the fingerprint."""
        shared = self.put("shared.sh", "first", self.home)
        self.put(".claude/hooks/run.sh (a link)", "harmless")
        (self.path / ".claude" / "hooks" / "run.sh").symlink_to(shared)
        names = (".claude/hooks/run.sh (a link)",) * 2
        first = self.counts(*names)
        shared.write_text("second")
        self.assertNotEqual(self.counts(*names), first)

    def test_links(self) -> None:
        """A link counts by what it leads to and by where, and is named as a link; one that leads nowhere is nothing."""
        shared = self.put("shared/skill.md", "one", below=self.home)
        link = self.path / ".claude" / "skills" / "s.md"
        link.parent.mkdir(parents=True)
        link.symlink_to(shared)
        first = self.counts(".claude/skills/s.md (a link)")
        shared.write_text("two")
        second = self.counts(".claude/skills/s.md (a link)")
        link.unlink()
        link.symlink_to(os.path.relpath(shared, link.parent))
        third = self.counts(".claude/skills/s.md (a link)")
        self.assertEqual(len({first, second, third}), 3)
        link.unlink()
        link.symlink_to("nowhere")
        self.assertEqual(self.read(), ("", ()))

    def test_linked_directories(self) -> None:
        """What lies behind a link to a directory counts, and the link does."""
        self.put("shared/deep/skill.md", below=self.home)
        (self.path / ".claude").mkdir()
        (self.path / ".claude" / "skills").symlink_to(self.home / "shared")
        self.counts(".claude/skills (a link)", ".claude/skills/deep/skill.md")
        (self.path / ".claude" / "skills").unlink()
        (self.path / ".claude").rmdir()
        self.put("elsewhere/settings.json", HOOK, below=self.home)
        (self.path / ".claude").symlink_to(self.home / "elsewhere")
        self.counts(".claude/settings.json")

    def test_loops(self) -> None:
        """Links in a circle end at a bound, and cannot be approved."""
        agents = self.path / ".claude" / "agents"
        agents.mkdir(parents=True)
        for number in range(5):
            (agents / f"loop{number}").symlink_to(agents)
        self.cannot_be_approved()

    def test_not_readable(self) -> None:
        """A FIFO or a device in the place of a part cannot be approved, and nobody waits for it."""
        for name in (".mcp.json", ".claude/settings.json", ".claude/agents/a.md"):
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            os.mkfifo(file)
            self.assertEqual(self.cannot_be_approved(), (name,))
            file.unlink()
            file.symlink_to("/dev/zero")
            self.cannot_be_approved()
            file.unlink()
        self.assertEqual(self.read(), ("", ()))

    def test_bounds(self) -> None:
        """Too many files, too many bytes, too deep: it cannot be approved, and the names stay few."""
        agents = self.path / ".claude" / "agents"
        agents.mkdir(parents=True)
        huge = agents / "huge.md"
        huge.touch()
        os.truncate(huge, MAX_BYTES + 1)
        self.assertEqual(self.cannot_be_approved(), (".claude/agents/huge.md",))
        huge.unlink()
        deep = agents / "/".join("d" * (MAX_DEPTH + 1))
        self.put("a.md", below=deep)
        self.cannot_be_approved()
        (agents / "d").rename(self.home / "d")
        for number in range(MAX_NAMED + 1):
            (agents / f"{number:04}").touch()
        fingerprint, found = self.read()
        self.assertEqual((len(found), found[-1], len(fingerprint)), (MAX_NAMED + 1, "and 1 more", 64))
        for number in range(MAX_LOOKS):
            (agents / f"{number:04}").touch()
        self.assertLess(len(self.cannot_be_approved()), MAX_NAMED + 2)

    def test_odd_names(self) -> None:
        """Names are told without what could play tricks on a terminal, and still count as they are."""
        self.put(".claude/agents/a\n\x1b[2J\udcff\u202e.md")
        first = self.counts(".claude/agents/a\ufffd\ufffd[2J\ufffd\ufffd.md")
        (self.path / ".claude" / "agents").joinpath("a\n\x1b[2J\udcff\u202e.md").unlink()
        self.put(".claude/agents/a\r\x1b[2J\udcfe\u202e.md")
        self.assertNotEqual(self.counts(".claude/agents/a\ufffd\ufffd[2J\ufffd\ufffd.md"), first)
