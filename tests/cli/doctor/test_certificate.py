# -*- test-case-name: tests.cli.doctor.test_certificate -*-
"""The certificate, given or made, in every state that it can be in."""

from collections.abc import Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.cli.doctor.certificate import Shown, examine_given, examine_made, files
from pocketagent.cli.doctor.finding import Finding, Verdict
from pocketagent.cli.doctor.running import Running
from pocketagent.outbound import authority
from pocketagent.outbound.certificates import load
from pocketagent.outbound.data_directory import prepared
from tests.outbound.pems import DAY, NOW, Pair, write

HOST = "pocket.example.org"
MACHINE = ("localhost", "127.0.0.1", "::1", HOST)


class CertificateTestCase(SynchronousTestCase):
    def checked(self, findings: Sequence[Finding]) -> Sequence[Finding]:
        for one in findings:
            self.assertEqual(bool(one.advice), one.verdict is not Verdict.OK, one)
        return findings


class GivenTests(CertificateTestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).resolve()
        self.directory.mkdir(mode=0o700)
        self.certificate, self.key = self.directory / "certificate.pem", self.directory / "key.pem"

    def put(self, pair: Pair) -> None:
        write(self.certificate, pair.pem)
        write(self.key, pair.key_pem)

    def looked(self, *names: str, now: float = NOW) -> Sequence[Finding]:
        chosen = bool(names)
        found = examine_given(str(self.certificate), str(self.key), names or MACHINE, chosen, now)
        return self.checked(list(found))

    def refused(self, now: float = NOW) -> Finding:
        (found,) = self.looked(now=now)
        self.assertEqual(found.verdict, Verdict.PROBLEM)
        return found

    def test_good(self) -> None:
        """One that can be used is told with its end and its names."""
        self.put(Pair(HOST))
        (found,) = self.looked()
        self.assertEqual(found.words, f"{self.certificate}, good until 2027-04-15 (90 days), for {HOST}")

    def test_expired(self) -> None:
        """One that has expired is a problem, one that soon will a warning; a short life is no reason."""
        self.put(Pair(HOST))
        for now, verdict in (
            (NOW + 75 * DAY, Verdict.OK),
            (NOW + 77 * DAY, Verdict.WARNING),
            (NOW + 90 * DAY, Verdict.PROBLEM),
        ):
            (found,) = self.looked(now=now)
            self.assertEqual((found.verdict, "certbot renew" in found.advice), (verdict, verdict is not Verdict.OK))
        self.put(Pair(HOST, ends=5 * DAY))
        self.assertEqual([self.looked(now=NOW + days * DAY)[0].verdict for days in (3, 4)], ["ok", "warning"])

    def test_not_yet(self) -> None:
        """One that is not valid yet is a problem, most likely of the clock."""
        self.put(Pair(HOST))
        self.assertIn("clock", self.refused(now=NOW - 2 * DAY).advice)

    def test_readable_key(self) -> None:
        """A key that others may read is a problem with the command that mends it."""
        self.put(Pair(HOST))
        self.key.chmod(0o644)
        self.assertEqual(self.refused().advice, f"chmod 600 {self.key}")

    def test_wrong_key(self) -> None:
        """A key of another certificate, one that is broken and one that is missing are problems that name the file."""
        self.put(Pair(HOST))
        write(self.key, Pair(HOST).key_pem)
        self.assertIn(str(self.key), self.refused().words)
        write(self.key, b"nonsense")
        self.assertIn(str(self.key), self.refused().words)
        self.key.unlink()
        self.assertIn(f"ls -l {self.certificate} {self.key}", self.refused().advice)

    def test_no_certificate(self) -> None:
        """A certificate that is missing or broken is a problem."""
        self.put(Pair(HOST))
        write(self.certificate, self.certificate.read_bytes()[:100])
        self.assertIn(str(self.certificate), self.refused().words)
        self.certificate.unlink()
        self.assertIn(str(self.certificate), self.refused().words)

    def test_names(self) -> None:
        """Names that were set are held against the certificate's, without regard to letters and forms."""
        self.put(Pair(HOST))
        self.assertEqual(len(self.looked(HOST.upper(), "localhost", "127.0.0.1")), 1)
        _, names = self.looked(HOST, "other.example.org", "2001:db8::1")
        self.assertEqual((names.check, names.verdict), ("names", Verdict.WARNING))
        self.assertIn("not for other.example.org, 2001:db8::1", names.words)

    def test_wildcard(self) -> None:
        """A star stands for one part of a name, and for a whole one."""
        self.put(Pair("*.example.org"))
        self.assertEqual(len(self.looked(HOST)), 1)
        for name in "example.org", "a.b.example.org":
            self.assertEqual(len(self.looked(name)), 2)

    def test_not_our_names(self) -> None:
        """Where the server goes by none of its certificate's names, the option that makes it so is told."""
        self.put(Pair("away.example.org"))
        for names in (), (HOST,):
            _, found = self.looked(*names)
            self.assertEqual((found.verdict, found.advice), (Verdict.WARNING, "--name away.example.org"))


class MadeTests(CertificateTestCase):
    def setUp(self) -> None:
        self.data = prepared(str(Path(self.mktemp()).absolute()))
        self.certificate, self.key = map(Path, files(self.data))

    def make(self, *names: str) -> None:
        authority.keep(str(self.certificate.parent), names or MACHINE, NOW)

    def looked(self, now: float = NOW, running: Running | None = None, names: Sequence[str] = MACHINE) -> Finding:
        (found,) = self.checked(list(examine_made(self.data, names, running, now)))
        return found

    def test_none_yet(self) -> None:
        """Before the first start there is none, and nothing is made by looking."""
        self.assertEqual(self.looked().verdict, Verdict.OK)
        self.assertFalse(self.key.exists())

    def test_good(self) -> None:
        """The server's own is told with its end; what is shown in the file is what is loaded."""
        self.make()
        found = self.looked()
        self.assertEqual(found.verdict, Verdict.OK)
        self.assertIn("(396 days)", found.words)
        shown, loaded = Shown.read(str(self.certificate)), load(str(self.certificate), str(self.key), NOW)
        assert shown is not None
        self.assertEqual(
            (shown.fingerprint, shown.begins, shown.ends), (loaded.fingerprint, loaded.begins, loaded.ends)
        )

    def test_due(self) -> None:
        """What the server mends when it starts is well where none runs; where one runs, it has to be started again."""
        self.make()
        spoiled = [
            ("due", NOW + 380 * DAY, MACHINE),
            ("over", NOW + 400 * DAY, MACHINE),
            ("for other names", NOW, [*MACHINE, "192.0.2.9"]),
        ]
        for what, now, names in spoiled:
            self.assertEqual(self.looked(now, None, names).verdict, Verdict.OK, what)
            found = self.looked(now, Running(0), names)
            self.assertEqual(found.verdict, Verdict.WARNING, what)
            self.assertIn("restart", found.advice)
        self.certificate.unlink()
        self.assertEqual([self.looked(running=one).verdict for one in (None, Running(0))], ["ok", "warning"])

    def test_key(self) -> None:
        """What is wrong with its key the server does not mend: clients have pinned it."""
        self.make()
        self.key.chmod(0o640)
        self.assertEqual(
            self.looked(), Finding("certificate", Verdict.PROBLEM, self.looked().words, f"chmod 600 {self.key}")
        )
        self.key.chmod(0o600)
        self.key.write_text("broken")
        found = self.looked()
        self.assertEqual(found.verdict, Verdict.PROBLEM)
        self.assertIn(f"mv {self.key}", found.advice)
