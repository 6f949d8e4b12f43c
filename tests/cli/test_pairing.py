"""`pocketagent pair`: what it shows, how it waits, and that nothing stays of it."""

import signal
from collections.abc import Callable

from attrs import evolve

from pocketagent.cli.qr import INK
from pocketagent.domain.access import Device, Kind, Scope, hash_of
from pocketagent.domain.pairing import LIFETIME, MAX_OPEN, MAX_WRONG, Pairing
from pocketagent.domain.sighting import Address
from pocketagent.outbound.audit import AuditFiles
from pocketagent.outbound.data_directory import DataDirectory
from pocketagent.outbound.files import DeviceFiles
from pocketagent.outbound.pairings import PairingFiles
from pocketagent.wire.audit import decode
from pocketagent.wire.links import Link, read_link
from tests.cli.house import NOON, CommandTestCase, Run

FINGERPRINT = "kJ8+" + "a/" * 19 + "b="
NAMES = ("localhost", "127.0.0.1", "laptop", "192.168.1.20")


class PairTests(CommandTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.found: list[Pairing] = []
        self.serve(Address(NAMES, 8443, FINGERPRINT))

    def serve(self, address: Address) -> None:
        """A server has the data directory and says where it is."""
        data = DataDirectory.open(str(self.machine.data_dir))
        self.addCleanup(data.close)
        data.publish(address)
        self.data = data

    @property
    def pairings(self) -> PairingFiles:
        return PairingFiles(f"{self.machine.data_dir}/pairings")

    def while_waiting(self, *steps: Callable[[Pairing], object]) -> None:
        """One of these after the other, each at a look of the command for its device."""
        left = list(steps)
        self.found.clear()

        def step() -> None:
            pairing = next(iter(self.pairings.all()), None)
            if pairing is not None and pairing not in self.found:
                self.found.append(pairing)
            if left:
                left.pop(0)(self.found[0])

        self.machine.meanwhile = step

    def come(self, pairing: Pairing) -> None:
        """What the server does when the code is sent."""
        self.pairings.take(pairing.id)
        device = Device(
            pairing.id, pairing.name or "Pixel", pairing.scope, hash_of(""), self.machine.now, kind=Kind.BROWSER
        )
        DeviceFiles(f"{self.machine.data_dir}/devices").save(device)

    def paired(self, *words: str) -> tuple[Link, Run]:
        """Run it to the end, which is a device that has come."""
        self.while_waiting(self.come)
        run = self.machine.run("pair", *words)
        self.assertEqual(run.code, 0, run.err)
        return read_link(run.out), run

    def refused(self, *words: str, code: int = 1) -> str:
        run = self.machine.run("pair", *words)
        self.assertEqual(run.code, code, run.err)
        self.assertEqual(self.pairings.all() if self.machine.data_dir.exists() else [], [])
        return run.err

    # -- what is shown --------------------------------------------------------------------------------------

    def test_link(self) -> None:
        """The link stands alone on stdout: the best address for others, the fingerprint, and a code of which the files
        keep only the hash."""
        link, run = self.paired()
        self.assertEqual((link.origin, link.fingerprint), ("https://192.168.1.20:8443", FINGERPRINT))
        self.assertEqual(run.out, f"{link}\n")
        self.assertEqual(self.found[0].code_hash, hash_of(link.code))
        self.assertNotIn(link.code, run.err)

    def test_rights(self) -> None:
        """Name, scope and end are the person's choice; what is not said is for the device, everything, and for ever."""
        self.paired()
        (one,) = self.found
        self.assertEqual((one.name, one.scope, one.device_lifetime), (None, Scope.ADMIN, None))
        self.paired("--name", "guest", "--scope", "read", "--expires", "12h")
        (one,) = self.found
        self.assertEqual((one.name, one.scope, one.device_lifetime), ("guest", Scope.READ, 12 * 3600.0))
        self.assertEqual(one.created_at, self.machine.now - 0.5)

    def test_host(self) -> None:
        """Another of the server's names is used where it is said, and another port, as a router forwards it."""
        for said, origin in (
            ("laptop", "https://laptop:8443"),
            ("LAPTOP:443", "https://laptop:443"),
            ("127.0.0.1", "https://127.0.0.1:8443"),
        ):
            self.assertEqual(self.paired("--host", said)[0].origin, origin)
        self.assertIn("192.168.1.20", self.refused("--host", "elsewhere"))
        self.assertIn("HOST:PORT", self.refused("--host", "a:b:c]", code=2))

    def test_ipv6(self) -> None:
        """An address of IPv6 goes with brackets and without."""
        self.data.publish(Address(("::1", "fd00::7"), 8443, FINGERPRINT))
        for said in ([], ["--host", "fd00::7"], ["--host", "[fd00::7]:8443"]):
            self.assertEqual(self.paired(*said)[0].origin, "https://[fd00::7]:8443")

    def test_this_machine_only(self) -> None:
        """Where no other machine could come it is said, and how to mend that."""
        self.data.publish(Address(("localhost", "127.0.0.1"), 8443, FINGERPRINT))
        link, run = self.paired()
        self.assertEqual(link.origin, "https://localhost:8443")
        self.assertIn("--name", run.err)

    def test_plaintext(self) -> None:
        """Without TLS this machine comes without, and another one through the proxy, of whose key nothing is known."""
        self.data.publish(Address(("localhost", "my.example.org"), 8080, None))
        link, run = self.paired()
        self.assertEqual((link.origin, link.fingerprint), ("https://my.example.org:443", None))
        self.assertIn("proxy", run.err)
        link, run = self.paired("--host", "localhost")
        self.assertEqual((link.origin, link.fingerprint), ("http://localhost:8080", None))

    def test_picture(self) -> None:
        """On a terminal there is a picture as well; where that is too small, the link alone, and why."""
        self.machine.has_screen = True
        self.machine.environment |= {"TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
        self.assertIn(INK, self.paired()[1].err)
        self.machine.environment["COLUMNS"] = "30"
        err = self.paired()[1].err
        self.assertNotIn(INK, err)
        self.assertIn("too small", err)

    # -- waiting --------------------------------------------------------------------------------------------

    def test_has_come(self) -> None:
        """When the device has come its name is told, made harmless, and what it may do."""
        run = self.paired("--scope", "execute")[1]
        self.assertIn("'Pixel'", run.err)
        self.assertIn("may: execute", run.err.splitlines()[-1])
        self.assertEqual(self.pairings.all(), [])

    def test_comes_slowly(self) -> None:
        """Between the use of the code and the device a moment may pass."""
        self.while_waiting(lambda pairing: self.pairings.take(pairing.id), lambda pairing: None, self.come)
        self.assertEqual(self.machine.run("pair").code, 0)

    def test_nobody(self) -> None:
        """After five minutes it is over, and nothing stays."""
        self.while_waiting()
        self.assertIn("nobody came within 5 minutes", self.refused())
        self.assertEqual(self.machine.now, NOON + LIFETIME)

    def test_clock_set_back(self) -> None:
        """Also when the clock of the wall was set back meanwhile: it is over then, as the server sees it."""

        def back(_: Pairing) -> None:
            self.machine.now -= 3600

        self.while_waiting(back)
        self.assertIn("nobody came", self.refused())

    def test_at_the_last_moment(self) -> None:
        """Who comes at the very end has come."""

        def late(pairing: Pairing) -> None:
            self.come(pairing)
            self.machine.now += LIFETIME

        self.while_waiting(late)
        self.assertEqual(self.machine.run("pair").code, 0)

    def test_guessed(self) -> None:
        """After five wrong codes it is over, and the person is told that somebody may be guessing (AU-12)."""

        def guess(pairing: Pairing) -> None:
            for _ in range(MAX_WRONG):
                self.pairings.count_wrong(pairing.id)

        self.while_waiting(guess)
        self.assertIn("guessing", self.refused())

    def test_gone(self) -> None:
        """A code that is gone without a device is told as that."""
        self.while_waiting(lambda pairing: self.pairings.take(pairing.id))
        self.assertIn("no device came of it", self.refused())

    def test_withdrawn(self) -> None:
        """Ctrl-C withdraws it, as does the end of the terminal: its code is worth nothing from then on."""

        def interrupted(_: Pairing) -> None:
            raise KeyboardInterrupt

        for step in (interrupted, lambda _: signal.raise_signal(signal.SIGHUP)):
            self.while_waiting(step)
            self.assertIn("Withdrawn", self.refused())
        self.assertEqual(signal.getsignal(signal.SIGHUP), signal.SIG_DFL)

    def test_withdrawn_too_late(self) -> None:
        """Ctrl-C when the device has just come tells that it has."""

        def both(pairing: Pairing) -> None:
            self.come(pairing)
            raise KeyboardInterrupt

        self.while_waiting(both)
        run = self.machine.run("pair")
        self.assertEqual(run.code, 0)
        self.assertIn("has come", run.err)

    def test_written_down(self) -> None:
        """AD-06: how a pairing ended without a device stands in the audit log, once, whoever has ended it."""

        def interrupted(_: Pairing) -> None:
            raise KeyboardInterrupt

        def guess(pairing: Pairing) -> None:
            for _ in range(MAX_WRONG):
                self.pairings.count_wrong(pairing.id)

        for steps in ((interrupted,), (guess,), ()):
            self.while_waiting(*steps)
            self.refused()
        self.pairings.save(Pairing("0" * 16, "0" * 64, Scope.READ, None, None, NOON - LIFETIME))
        self.paired()
        files = AuditFiles(f"{self.machine.data_dir}/audit", lambda: NOON)
        deeds = [decode(line[:-1]).deed for _, _, line in files.lines()]
        found = [(one.action, one.details.get("reason")) for one in deeds]
        made = ("pairing_create", None)
        ends = [("pairing_end", why) for why in ("withdrawn", "wrong_codes", "expired", "expired")]
        self.assertEqual(found, [made, ends[0], made, ends[1], made, ends[2], ends[3], made])
        self.assertTrue(all(one.device_id for one in deeds))

    # -- what stands in the way -----------------------------------------------------------------------------

    def test_no_server(self) -> None:
        """Without a running server there is nobody to come to."""
        self.data.close()
        self.assertIn("no server runs", self.refused())

    def test_bound(self) -> None:
        """So many may be waited for; what killed commands have left is removed, and counts for nothing."""
        one = Pairing("0" * 16, "0" * 64, Scope.READ, None, None, NOON)
        for number in range(MAX_OPEN - 1):
            self.pairings.save(evolve(one, id=f"aa{number:014x}"))
        self.pairings.save(evolve(one, id="f" * 16, created_at=NOON - LIFETIME))
        self.while_waiting(self.come)  # the id of its own is the lowest
        self.assertEqual(self.machine.run("pair").code, 0)
        self.assertEqual(len(self.pairings.all()), MAX_OPEN - 1)
        self.pairings.save(evolve(one, id="e" * 16))
        self.assertIn(str(MAX_OPEN), self.machine.run("pair").err)
        self.assertEqual(len(self.pairings.all()), MAX_OPEN)
