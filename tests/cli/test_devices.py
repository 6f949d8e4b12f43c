"""`pocketagent devices`, on the files of a data directory."""

import json

from attrs import evolve

from pocketagent.domain.sighting import Sighting
from pocketagent.outbound.files import DeviceFiles
from pocketagent.outbound.sightings import SightingsFile
from tests.cli.house import NOON, CommandTestCase


class ListTests(CommandTestCase):
    def test_table(self) -> None:
        """The list tells who may come in and until when, and no secret."""
        secret = self.done("token", "create", "--name", "phone").strip()[-64:]
        self.machine.now += 60
        self.done("token", "create", "--name", "guest", "--scope", "read", "--expires", "30m")
        self.machine.now += 3600
        out = self.done("devices")
        rows = [line.split("  ") for line in out.splitlines()]
        head = ["ID", "NAME", "SCOPE", "CREATED", "EXPIRES", "LAST SEEN", "AS"]
        self.assertEqual([cell.strip() for cell in rows[0] if cell], head)
        self.assertRegex(out, r"(?m)^\w{16}  phone  admin  2026-01-01 12:00  never    never$")
        self.assertRegex(out, r"(?m)^\w{16}  guest  read   2026-01-01 12:01  over     never$")
        for text in out, self.done("devices", "list", "--json"):
            self.assertNotIn(secret, text)
            self.assertNotIn(self.machine.devices[0].secret_hash, text)

    def test_json(self) -> None:
        """--json is for programs; no devices are an empty list."""
        self.machine.data_dir.mkdir()
        self.assertEqual(json.loads(self.done("devices", "list", "--json")), [])
        self.done("token", "create", "--name", "guest", "--scope", "read", "--expires", "1d")
        (one,) = json.loads(self.done("devices", "list", "--json"))
        self.assertEqual(one.pop("id"), self.machine.devices[0].id)
        self.assertEqual(
            one,
            {
                "name": "guest",
                "scope": "read",
                "kind": "program",
                "created_at": "2026-01-01T12:00:00.000000Z",
                "expires_at": "2026-01-02T12:00:00.000000Z",
                "over": False,
                "last_seen": None,
                "client": None,
            },
        )

    def test_last_seen(self) -> None:
        """When each was last seen, and as what, is what the server has kept."""
        self.done("token", "create", "--name", "phone")
        (device,) = self.machine.devices
        SightingsFile(f"{self.machine.data_dir}/seen.json").save({device.id: Sighting(NOON + 120, "browser")})
        self.assertRegex(self.done("devices"), r"(?m)  never    2026-01-01 12:02  browser$")
        (one,) = json.loads(self.done("devices", "--json"))
        self.assertEqual((one["last_seen"], one["client"]), ("2026-01-01T12:02:00.000000Z", "browser"))

    def test_ways_to_say_it(self) -> None:
        """The list is what `devices` shows by itself, and what `token list` shows; an option may stand before or behind
        the action."""
        self.done("token", "create", "--name", "phone")
        for words in (["devices"], ["devices", "list"]):
            self.assertEqual(self.done(*words), self.done("token", "list"))
            self.assertEqual(self.done(*words, "--json"), self.done("token", "list", "--json"))
        there, other = str(self.machine.data_dir), self.mktemp()
        self.machine.environment["PA_DATA_DIR"] = other
        for words in (
            ["--data-dir", there, "list"],
            ["list", "--data-dir", there],
            ["--json", "list", "--data-dir", there],
        ):
            self.assertIn("phone", self.done("devices", *words))

    def test_no_directory(self) -> None:
        """A data directory that is not there is told, not made: it is the wrong one."""
        self.assertIn(str(self.machine.data_dir), self.failed("devices", "list"))
        self.assertFalse(self.machine.data_dir.exists())

    def test_option(self) -> None:
        """--data-dir comes before PA_DATA_DIR."""
        self.done("token", "create", "--name", "a")
        other = self.mktemp()
        self.assertIn(other, self.failed("devices", "list", "--data-dir", other))


class RevokeTests(CommandTestCase):
    def setUp(self) -> None:
        super().setUp()
        for name in "phone", "laptop", "laptop":
            self.done("token", "create", "--name", name)

    def test_by_name_and_id(self) -> None:
        """A device goes by its name or its id, and only that one."""
        first, second, third = self.machine.devices
        self.done("devices", "revoke", "phone")
        self.assertEqual(self.machine.devices, [second, third])
        self.done("devices", "revoke", third.id)
        self.assertEqual(self.machine.devices, [second])
        self.assertEqual(first.name, "phone")

    def test_ambiguous(self) -> None:
        """Where a name is not enough, the ids are told and nothing is done."""
        line = self.failed("devices", "revoke", "laptop")
        for device in self.machine.devices[1:]:
            self.assertIn(device.id, line)
        self.assertEqual(len(self.machine.devices), 3)

    def test_unknown(self) -> None:
        """What is not there cannot be revoked, whatever it is called."""
        for name in "x", "../devices", "\x1b[31m", "":
            self.assertNotIn("\x1b", self.failed("devices", "revoke", name))
        self.assertEqual(len(self.machine.devices), 3)

    def test_last_admin(self) -> None:
        """Whoever takes the last admin's right is told how to make another: on the machine nobody is locked out."""
        for device in self.machine.devices[:-1]:
            self.assertNotIn("No device is left", self.machine.run("devices", "revoke", device.id).err)
        self.assertIn("No device is left", self.machine.run("token", "revoke", self.machine.devices[0].id).err)

    def test_another_is_broken(self) -> None:
        """A device whose file is broken keeps nobody else from being shown, changed and revoked; it is named, with what
        to do, and goes by its id. Nobody new is made meanwhile."""
        phone, laptop, broken = self.machine.devices
        file = self.machine.data_dir / "devices" / f"{broken.id}.json"
        file.write_text("{")
        for words in (("list",), ("rename", phone.id, "mine"), ("expire", laptop.id, "1d"), ("revoke", phone.id)):
            run = self.machine.run("devices", *words)
            self.assertEqual((run.code, run.err.count(file.name)), (0, 1), run.err)
            self.assertIn("devices revoke ID", run.err)
        self.assertIn(file.name, self.failed("token", "create", "--name", "new"))
        self.done("devices", "revoke", broken.id)
        self.assertEqual([device.id for device in self.machine.devices], [laptop.id])

    def test_while_it_is_changed(self) -> None:
        """What is revoked while it is changed stays away, and that is told."""
        device = self.machine.devices[0]
        self.patch(DeviceFiles, "change", lambda self, device: False)
        self.assertIn("meanwhile", self.failed("devices", "rename", device.id, "x"))


class ChangeTests(CommandTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.done("token", "create", "--name", "phone", "--scope", "read")

    def test_renamed(self) -> None:
        """A device is called otherwise and stays the same one."""
        (before,) = self.machine.devices
        self.done("devices", "rename", "phone", " Ada's phone ")
        self.assertEqual(list(self.machine.devices), [evolve(before, name="Ada's phone")])
        self.misunderstood("devices", "rename", "phone", "a\nb")
        self.failed("devices", "rename", "phone", "x")

    def test_expires(self) -> None:
        """A device gets an end from now on, another one, and none again."""
        self.machine.now += 60
        for text, end in (("30m", NOON + 60 + 1800), ("2y", NOON + 60 + 2 * 365 * 86400), ("never", None)):
            self.done("devices", "expire", "phone", text)
            self.assertEqual([device.expires_at for device in self.machine.devices], [end])
        self.misunderstood("devices", "expire", "phone", "soon")

    def test_over(self) -> None:
        """A device whose time is over does not come back (AU-06)."""
        self.done("devices", "expire", "phone", "30m")
        self.machine.now += 1800
        self.assertIn("over", self.failed("devices", "expire", "phone", "never"))
