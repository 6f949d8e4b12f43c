"""The kept form of projects and devices: whole, of this version, or refused with a reason."""

import json
from collections.abc import Callable

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.access import Device, Kind, Scope
from pocketagent.domain.pairing import Pairing
from pocketagent.domain.project import Project
from pocketagent.domain.sighting import Address, Sighting
from pocketagent.domain.usage import DAYS, Spending, Usage
from pocketagent.wire import stored, stored_project

PROJECT = Project(
    id="0d9a6f0e-8a51-4f1e-9d5e-2f6f5f1b7c11",
    name="Grüße „Welt“",
    path="/home/dev/weird \u202e'name",
    identity=(2049, 2**64 - 1),
    created_at="2026-01-01T12:00:00.000001Z",
    archived=True,
    approved="ab" * 32,
    acked={"00112233445566ff": 7},
    usage=Usage({"2026-01-31": Spending(cost_usd=0.5, turns=2, input_tokens=7)}, 2.25, 1.25, 42),
)
DEVICE = Device(
    id="00112233445566ff",
    name="My phone",
    scope=Scope.EXECUTE,
    secret_hash="0f" * 32,
    created_at=1767268800.5,
    expires_at=1770000000.0,
)
PAIRING = Pairing("aa112233445566ff", "0e" * 32, Scope.READ, "Tablet", 3600.0, 1767268800.5)

WRONG_PROJECT: dict[str, list[object]] = {
    "id": [1, None, "../../home/dev/x", PROJECT.id.upper(), PROJECT.id.replace("-", ""), ""],
    "name": ["", " padded ", "x" * 129, "line\nbreak", 3],
    "path": ["relative", "/a/../b", "~/x", "/a\nb", "/" + "x" * 5000, None],
    "identity": [[1], [1, 2, 3], [1.5, 2], [-1, 2], "1,2", None],
    "created_at": ["yesterday", "2026-01-01T12:00:00Z", 5],
    "archived": ["false", 0, None],
    "approved": ["AB" * 32, "ab", None],
    "acked": [{"device": -1}, {"device": "1"}, []],
    "cost_usd": ["1", -1, None],
    "usage": [
        None,
        {"days": {}, "cost_usd": 1},
        {"days": {}, "cost_usd": -1, "counted_seq": 1},
        {"days": {"today": {}}, "cost_usd": 1, "counted_seq": 1},
        {"days": {"2026-01-31": {"turns": "1"}}, "cost_usd": 1, "counted_seq": 1},
        {"days": {f"{1000 + n}-01-01": {} for n in range(DAYS + 1)}, "cost_usd": 1, "counted_seq": 1},
    ],
    "version": ["1", 1.5, None, 0, -1],
}
WRONG_DEVICE: dict[str, list[object]] = {
    "id": ["../passwd", "00112233445566FF", "00112233445566ff\n", 5, ""],
    "name": ["", " ", "x" * 65, "a\x00b"],
    "scope": ["root", "", ["admin"], None],
    "secret_hash": ["", "0f", "0F" * 32, None],
    "created_at": ["now", -1, None],
    "expires_at": ["never", -1, False],
    "expired": [0, "no", None],
    "kind": ["robot", "", None],
    "version": ["1", True, 0],
}


class StoredTests(SynchronousTestCase):
    """Round trips, and everything that is refused."""

    def refused(self, decode: Callable[[bytes], object], data: bytes) -> str:
        with self.assertRaises(ValueError) as caught:
            decode(data)
        text = str(caught.exception)
        self.assertLess(len(text), 300)
        self.assertNotIn("\n", text)
        return text

    def test_round_trip(self) -> None:
        """What was kept comes back equal, and ends with a newline for those who look at it."""
        self.assertEqual(stored_project.decode_project(stored_project.encode_project(PROJECT)), PROJECT)
        for device in (DEVICE, evolve(DEVICE, expires_at=None), DEVICE.ended()):
            data = stored.encode_device(device)
            self.assertEqual(stored.decode_device(data), device)
            self.assertTrue(data.endswith(b"}\n"))

    def test_older_device(self) -> None:
        """A device that was kept before there were browsers is a program."""
        good = json.loads(stored.encode_device(evolve(DEVICE, kind=Kind.BROWSER)))
        self.assertEqual(stored.decode_device(json.dumps(good).encode()).kind, Kind.BROWSER)
        del good["kind"]
        self.assertEqual(stored.decode_device(json.dumps(good).encode()), DEVICE)

    def test_pairing(self) -> None:
        """A pairing comes back equal, with the wrong codes that were counted elsewhere; what is none is refused."""
        for pairing in (PAIRING, evolve(PAIRING, name=None, device_lifetime=None)):
            self.assertEqual(stored.decode_pairing(stored.encode_pairing(pairing), 0), pairing)
        good = json.loads(stored.encode_pairing(PAIRING))
        self.assertEqual(stored.decode_pairing(json.dumps(good).encode(), 3), evolve(PAIRING, wrong=3))
        for change in ({"id": "../x"}, {"name": " a"}, {"scope": "root"}, {"code_hash": "0"}, {"wrong": 0}):
            self.refused(lambda data: stored.decode_pairing(data, 0), json.dumps(good | change).encode())

    def test_sightings_and_address(self) -> None:
        """So do sightings, and the address of the server."""
        seen = {DEVICE.id: Sighting(5.5, "browser")}
        self.assertEqual(stored.decode_sightings(stored.encode_sightings(seen)), seen)
        address = Address(("my.host", "::1"), 8443, "kJ8=")
        self.assertEqual(stored.decode_address(stored.encode_address(address)), address)
        self.refused(stored.decode_address, stored.encode_address(address).replace(b"8443", b"0"))

    def test_fault_is_not_kept(self) -> None:
        """A fault is found anew at every start and never written."""
        self.assertEqual(
            stored_project.decode_project(stored_project.encode_project(evolve(PROJECT, fault="broken"))).fault, ""
        )

    def test_wrong_values(self) -> None:
        """A value of the wrong type or out of its range is refused, each on its own."""
        for decode, data, table in (
            (stored_project.decode_project, stored_project.encode_project(PROJECT), WRONG_PROJECT),
            (stored.decode_device, stored.encode_device(DEVICE), WRONG_DEVICE),
        ):
            good = json.loads(data)
            self.assertEqual(set(table), set(good) - ({"expires_at"} - set(table)))
            for key, values in table.items():
                for value in values:
                    self.refused(decode, json.dumps({**good, key: value}).encode())

    def test_missing_and_unknown(self) -> None:
        """Every field must be there, but those that older servers did not write, and no other may."""
        for decode, data in (
            (stored_project.decode_project, stored_project.encode_project(PROJECT)),
            (stored.decode_device, stored.encode_device(DEVICE)),
        ):
            good = json.loads(data)
            for key in set(good) - {"kind", "usage"}:
                self.refused(decode, json.dumps({k: v for k, v in good.items() if k != key}).encode())
            self.refused(decode, json.dumps({**good, "surprise": 1}).encode())

    def test_cut_anywhere(self) -> None:
        """A text that was cut off is refused wherever the cut is; without its last newline it is still whole."""
        data = stored.encode_device(DEVICE)
        for end in range(len(data) - 1):
            self.refused(stored.decode_device, data[:end])
        self.assertEqual(stored.decode_device(data[:-1]), DEVICE)

    def test_newer_version(self) -> None:
        """A newer form is named as such, whatever else it holds."""
        self.assertIn("newer", self.refused(stored_project.decode_project, b'{"version": 2, "shape": "other"}'))
        self.assertIn("newer", self.refused(stored.decode_device, b'{"version": 99}'))

    def test_numbers_that_are_none(self) -> None:
        """NaN, Infinity and numbers beyond a double are no times (AU-05)."""
        for number in (b"NaN", b"Infinity", b"-Infinity", b"1e400"):
            data = stored.encode_device(DEVICE).replace(b"1770000000.0", number)
            self.refused(stored.decode_device, data)

    def test_deep_nesting(self) -> None:
        """Ten thousand brackets are refused, not recursed into."""
        self.refused(stored_project.decode_project, b'{"version":' + b"[" * 10_000)
        self.refused(stored_project.decode_project, b'{"x":' + b"[" * 10_000)

    @settings(deadline=None)
    @given(st.binary(max_size=200))
    def test_any_bytes(self, data: bytes) -> None:
        """No bytes bring another exception than ValueError."""
        for decode in (stored_project.decode_project, stored.decode_device):
            with self.assertRaises(ValueError):
                decode(data)
