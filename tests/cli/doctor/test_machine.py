# -*- test-case-name: tests.cli.doctor.test_machine -*-
"""The machine and its user."""

import os
import resource
from collections.abc import Mapping
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.cli.doctor.finding import Finding, Verdict
from pocketagent.cli.doctor.machine import examine_clock, examine_files, examine_user
from pocketagent.cli.doctor.running import Running
from pocketagent.version import RELEASED

NOW = RELEASED + 86400.0 * 30
NOWHERE: Mapping[str, str] = {"PATH": "/nonexistent"}


class UserTests(SynchronousTestCase):
    def test_root(self) -> None:
        """To be root is a warning, whatever the settings say."""
        for allowed in True, False:
            found = examine_user(0, allowed)
            self.assertEqual(found.verdict, Verdict.WARNING)
            self.assertEqual("would not start" in found.words, not allowed)

    def test_others(self) -> None:
        """Anybody else is well, with a name and without one."""
        self.assertEqual(examine_user(3_999_999_999, False).verdict, Verdict.OK)
        self.assertEqual(examine_user(1, False), Finding("user", Verdict.OK, "daemon"))


class ClockTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()
        self.logs = self.directory / "projects" / "5f0c1ad7" / "logs"
        self.logs.mkdir(parents=True)

    def looked(
        self, now: float = NOW, begins: float | None = None, environment: Mapping[str, str] = NOWHERE
    ) -> Finding:
        found = examine_clock(now, begins, str(self.directory), environment)
        self.assertEqual(bool(found.advice), found.verdict is not Verdict.OK, found)
        return found

    def timedatectl(self, script: str) -> Mapping[str, str]:
        program = self.directory / "timedatectl"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return {"PATH": f"{self.directory}:{os.defpath}"}

    def journal(self, moment: float) -> None:
        file = self.logs / "messages.jsonl"
        file.touch()
        os.utime(file, (moment, moment))

    def test_good(self) -> None:
        """A clock with which everything agrees is well."""
        self.journal(NOW - 10)
        self.assertEqual(self.looked(begins=NOW - 3600), Finding("clock", Verdict.OK, "2026-12-01 00:00 UTC"))

    def test_before_the_release(self) -> None:
        """A clock that stands before the program was made is wrong: such as one without a battery, at 1970."""
        for now in 0.0, RELEASED - 1.0:
            self.assertEqual(self.looked(now).verdict, Verdict.PROBLEM)

    def test_before_the_certificate(self) -> None:
        """A clock that stands before the certificate begins is a problem: clients would refuse it."""
        self.assertEqual(self.looked(begins=NOW + 1).verdict, Verdict.PROBLEM)

    def test_journal_of_tomorrow(self) -> None:
        """A journal that was written later than now is a warning; a minute is not worth a word."""
        self.journal(NOW + 30)
        self.assertEqual(self.looked().verdict, Verdict.OK)
        self.journal(NOW + 86400)
        found = self.looked()
        self.assertEqual(found.verdict, Verdict.WARNING)
        self.assertIn("2026-12-02", found.words)

    def test_no_data(self) -> None:
        """Without a data directory there is nothing to compare with."""
        self.directory = self.directory / "nothing"
        self.assertEqual(self.looked().verdict, Verdict.OK)

    def test_synchronised(self) -> None:
        """What the system says of its clock is told; a clock that nobody sets right is a warning."""
        self.assertTrue(self.looked(environment=self.timedatectl("echo yes")).words.endswith(", synchronised"))
        found = self.looked(environment=self.timedatectl("echo no"))
        self.assertEqual((found.verdict, found.advice), (Verdict.WARNING, "sudo timedatectl set-ntp true"))

    def test_silent(self) -> None:
        """Where the system does not say, as in a container, nothing is said of it."""
        for script in "echo 'no systemd' >&2; exit 1", "echo yes; exit 1", "echo nonsense", "":
            found = self.looked(environment=self.timedatectl(script))
            self.assertEqual(found, Finding("clock", Verdict.OK, "2026-12-01 00:00 UTC"), script)


class FilesTests(SynchronousTestCase):
    def test_limits(self) -> None:
        """What the connections may need is held against what the system allows, and a lower limit is a warning."""
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.assertEqual(examine_files(1, 1, None).verdict, Verdict.OK)
        self.assertIn("1,026 may be needed", examine_files(1, 1, None).words)
        if hard == resource.RLIM_INFINITY:
            return
        found = examine_files(hard, 1, None)
        self.assertEqual(found.verdict, Verdict.WARNING)
        self.assertIn(f"LimitNOFILE={hard + 1025}", found.advice)

    def test_of_the_server(self) -> None:
        """Where a server runs, its limits count; where they cannot be seen, ours stand for them."""
        mine = Running(os.getpid(), {})
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        lower = soft - 1
        resource.setrlimit(resource.RLIMIT_NOFILE, (lower, hard))
        for running in mine, Running(0), None:
            self.assertIn(f" {lower:,} are allowed", examine_files(1, 1, running).words)
