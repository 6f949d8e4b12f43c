"""`pocketagent audit`, on the files of a data directory."""

import json
from pathlib import Path

from pocketagent.domain.deeds import Deed, Origin
from pocketagent.outbound.audit import AuditFiles
from tests.cli.house import NOON, CommandTestCase

DEED = Deed(action="execute", origin=Origin.DEVICE, actor_name="phone", address="192.0.2.7", project_id="p")


class AuditTests(CommandTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.machine.data_dir.mkdir(0o700)
        self.files = AuditFiles(f"{self.machine.data_dir}/audit", lambda: self.machine.now)

    @property
    def path(self) -> Path:
        (path,) = self.machine.data_dir.glob("audit/*.jsonl")
        return path

    def wrong(self, *words: str) -> str:
        """What stands on stdout where something is wrong."""
        run = self.machine.run("audit", "verify", *words)
        self.assertEqual((run.code, run.err.count("\n")), (1, 1))
        return run.out

    def test_verify(self) -> None:
        """A log that is as it was written is said to be so, with its newest record to be noted."""
        self.assertIn("no records", self.done("audit", "verify"))
        records = self.files.append([DEED] * 3)
        said, head = self.done("audit", "verify").splitlines()
        self.assertIn("3 records, 1 to 3", said)
        self.assertEqual(head, f"3:{records[-1].hash}")

    def test_changed(self) -> None:
        """What was changed is told with its place; the exit code says so to a script."""
        self.files.append([DEED] * 3)
        self.path.write_bytes(self.path.read_bytes().replace(b'"ok"', b'"no"', 1))
        self.assertIn("line 1 (record 1) is not as it was written", self.wrong())

    def test_gone(self) -> None:
        """What was taken out of the middle or from the end is missed."""
        self.files.append([DEED] * 3)
        lines = self.path.read_bytes().splitlines(keepends=True)
        self.path.write_bytes(lines[0] + lines[2])
        self.assertIn("1 are missing", self.wrong())
        self.path.write_bytes(lines[0] + lines[1])
        self.assertIn("record 3, which was the newest, is gone", self.wrong())

    def test_written_anew(self) -> None:
        """A whole log that was written anew is found by a record that somebody has noted."""
        self.files.append([DEED] * 3)
        head = self.done("audit", "verify").splitlines()[1]
        self.done("audit", "verify", "--head", head)
        for path in self.machine.data_dir.glob("audit/*"):
            path.unlink()
        self.machine.now += 1
        self.files.append([DEED] * 5)
        self.done("audit", "verify")
        self.assertIn("record 3 is gone, or is not the one", self.wrong("--head", head))
        self.assertEqual(self.machine.run("audit", "verify", "--head", "x").code, 2)

    def test_torn(self) -> None:
        """What a crash has torn is no fault of anybody's, and said."""
        self.files.append([DEED])
        self.path.write_bytes(self.path.read_bytes() + b'{"seq')
        run = self.machine.run("audit", "verify")
        self.assertEqual(run.code, 0)
        self.assertIn("torn", run.err)

    def test_older_files(self) -> None:
        """Where the oldest files were moved away it is said from where on the log was looked at."""
        files = AuditFiles(f"{self.machine.data_dir}/audit", lambda: NOON, file_size=1)
        for _ in range(3):
            files.append([DEED])
        (self.machine.data_dir / "audit" / "audit_000000000001.jsonl").unlink()
        run = self.machine.run("audit", "verify")
        self.assertIn("2 records, 2 to 3", run.out)
        self.assertIn("before record 2", run.err)

    def test_show(self) -> None:
        """A record is a row: when, who, from where, what, about what, with which result."""
        self.files.append([DEED])
        head, row = self.done("audit", "show").splitlines()
        self.assertEqual(head.split(), ["TIME", "WHO", "FROM", "ACTION", "WHAT", "RESULT"])
        self.assertEqual(row.split()[2:], ["phone", "192.0.2.7", "execute", "p", "ok"])

    def test_why(self) -> None:
        """Where a reason was written down it stands with the result."""
        self.files.append([Deed(action="pairing_end", origin=Origin.SERVER, details={"reason": "wrong_codes"})])
        self.assertIn("ok (wrong_codes)", self.done("audit", "show"))

    def test_since(self) -> None:
        """What was before a time is left out; as JSON the records are those of the file."""
        self.files.append([DEED])
        self.machine.now += 7200
        self.files.append([Deed(action="kill", origin=Origin.DEVICE)])
        (line,) = self.done("audit", "show", "--since", "1h", "--json").splitlines()
        self.assertEqual(json.loads(line)["action"], "kill")
        self.assertEqual(line, self.path.read_text().splitlines()[1])

    def test_harmless(self) -> None:
        """AD-01: nothing in a name acts on the terminal."""
        self.files.append(
            [Deed(action="x", origin=Origin.DEVICE, actor_name="a\x1b[31m\nb", details={"reason": "\x1b"})]
        )
        self.assertNotIn("\x1b", self.done("audit", "show"))


class RecordingTests(CommandTestCase):
    """AD-06: what is done on the machine stands in the log, too."""

    def deeds(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.done("audit", "show", "--json").splitlines()]

    def test_devices(self) -> None:
        """Each command about devices has its one record, and no secret is in it."""
        token = self.done("token", "create", "--name", "phone", "--scope", "read").strip()
        (device,) = self.machine.devices
        self.done("devices", "rename", "phone", "tablet")
        self.done("devices", "expire", "tablet", "1h")
        self.done("devices", "revoke", "tablet")
        found = self.deeds()
        self.assertEqual(
            [one["action"] for one in found], ["token_create", "device_update", "device_update", "device_revoke"]
        )
        self.assertEqual({one["device_id"] for one in found}, {device.id})
        self.assertEqual({(one["origin"], one["outcome"]) for one in found}, {("machine", "ok")})
        self.assertEqual(found[0]["details"], {"name": "phone", "scope": "read", "kind": "program", "expires_at": None})
        self.assertNotIn(token[-64:], json.dumps(found))

    def test_unwritable(self) -> None:
        """AD-03: what cannot be written down is not done; but a right is taken away all the same, and that is said."""
        self.done("token", "create", "--name", "phone")
        for path in self.machine.data_dir.glob("audit/*"):
            path.unlink()
        (self.machine.data_dir / "audit").rmdir()
        (self.machine.data_dir / "audit").write_text("in the way")
        self.assertIn("nothing was done", self.failed("token", "create", "--name", "tablet"))
        self.assertEqual([device.name for device in self.machine.devices], ["phone"])
        run = self.machine.run("devices", "revoke", "phone")
        self.assertEqual((run.code, list(self.machine.devices)), (0, []))
        self.assertIn("does not stand in the audit log", run.err)
