# -*- test-case-name: tests.cli.test_tokens -*-
"""`pocketagent token create`, on the files of a data directory."""

import io
import os

from pocketagent.cli import tokens
from pocketagent.cli.console import Console
from pocketagent.cli.device_parser import expiry
from pocketagent.cli.main import main
from pocketagent.domain.access import TOKEN, Scope
from tests.cli.house import NOON, CommandTestCase


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
        found_tokens = set()
        for _ in range(2):
            out = io.StringIO()
            environment = {"PA_DATA_DIR": str(self.machine.data_dir)}
            words = ["token", "create", "--name", "a"]
            self.assertEqual(main(words, Console(environment, out, io.StringIO())), 0)
            found = TOKEN.fullmatch(out.getvalue().strip())
            assert found is not None
            found_tokens |= {found["id"], found["secret"]}
        self.assertEqual(len(found_tokens), 4)

    def test_scope_and_expiry(self) -> None:
        """Scope and end are the person's choice."""
        self.done("token", "create", "--name", "guest", "--scope", "read", "--expires", "12h")
        (device,) = self.machine.devices
        self.assertEqual((device.scope, device.expires_at), (Scope.READ, NOON + 12 * 3600))

    def test_expiry(self) -> None:
        """A time is a positive whole number with a unit, and bounded (AU-05)."""
        self.assertEqual([expiry(text) for text in ("30m", "90d", "1w")], [1800, 90 * 86400, 7 * 86400])
        self.assertEqual(expiry("2y"), 2 * 365 * 86400)
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
        self.patch(tokens, "MAX_DEVICES", 1)
        self.done("token", "create", "--name", "a")
        self.assertIn("revoke", self.failed("token", "create", "--name", "b"))

    def test_broken(self) -> None:
        """A broken device stops the command with its name, and is left as it is."""
        self.done("token", "create", "--name", "a")
        (path,) = self.machine.data_dir.glob("devices/*")
        path.write_text("{")
        self.assertIn(path.stem, self.failed("token", "create", "--name", "b"))
        self.assertEqual(path.read_text(), "{")

    def test_unwritable(self) -> None:
        """What cannot be the data directory is told on one line."""
        self.machine.data_dir.write_text("a file")
        self.failed("token", "create", "--name", "a")
