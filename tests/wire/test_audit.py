"""Tests of `pocketagent.wire.audit`: lines that nobody can change unseen."""

import json

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.deeds import FIRST, Deed, Origin, Record
from pocketagent.wire.audit import MAX_LINE, MAX_TEXT, Broken, Chain, decode, decode_head, encode, encode_head

NOW = "2026-01-01T12:00:00.000000Z"
DEED = Deed(
    action="execute",
    origin=Origin.DEVICE,
    actor_id="0123456789abcdef",
    actor_name="phone",
    address="192.0.2.7",
    project_id="p",
    execution_id="e",
    details={"prompt_sha256": "ab" * 32, "options": {"model": "opus"}, "queue": False},
)
TOKEN = "pa_0123456789abcdef_" + "d" * 64


def chained(count: int) -> tuple[list[bytes], list[Record]]:
    """So many lines, without their ends, and the records in them."""
    lines, records, previous = [], [], FIRST
    for seq in range(1, count + 1):
        line, record = encode(seq, NOW, evolve(DEED, execution_id=f"e{seq}"), previous)
        previous = record.hash
        lines.append(line[:-1])
        records.append(record)
    return lines, records


class LineTests(SynchronousTestCase):
    def test_round(self) -> None:
        """What is written is read back, and is a line of JSON for any other program."""
        line, record = encode(7, NOW, DEED, FIRST)
        self.assertEqual(decode(line[:-1]), record)
        self.assertEqual((record.seq, record.timestamp, record.deed, record.previous), (7, NOW, DEED, FIRST))
        self.assertEqual(json.loads(line)["details"]["options"], {"model": "opus"})
        self.assertEqual(line.count(b"\n"), 1)

    @given(st.text(), st.text())
    def test_any_text(self, name: str, value: str) -> None:
        """AD-01: whatever stands in a name or a detail, it is one line of ASCII that reads back."""
        line, record = encode(1, NOW, evolve(DEED, actor_name=name, details={name: value}), FIRST)
        self.assertTrue(line.endswith(b"\n") and line[:-1].decode("ascii").isprintable())
        self.assertEqual(decode(line[:-1]), record)

    def test_no_credential(self) -> None:
        """AD-02: a token in the wrong place is masked, also where it would be cut."""
        details = {"path": f"/{TOKEN}", "list": [TOKEN], TOKEN: 1, "late": "x" * (MAX_TEXT - 30) + TOKEN}
        line, _ = encode(1, NOW, evolve(DEED, project_id=TOKEN, details=details), FIRST)
        self.assertNotIn(b"dddd", line)

    def test_bounds(self) -> None:
        """A record is never longer than its bound: details that are too much leave their hash."""
        line, record = encode(1, NOW, evolve(DEED, details={f"d{n}": "x" * MAX_TEXT for n in range(40)}), FIRST)
        self.assertLessEqual(len(line), MAX_LINE)
        self.assertEqual(set(record.deed.details), {"left_out_bytes", "left_out_sha256"})

    def test_details_are_plain(self) -> None:
        """What is no plain value is a mistake of ours, and never guessed at."""
        self.assertRaises(TypeError, encode, 1, NOW, evolve(DEED, details={"x": object()}), FIRST)


class ChainTests(SynchronousTestCase):
    def taken(self, lines: list[bytes]) -> list[str]:
        """What is found to be wrong."""
        chain, faults = Chain(), []
        for line in lines:
            try:
                chain.take(line)
            except Broken as fault:
                faults.append(str(fault))
        return faults

    def test_whole(self) -> None:
        """A chain holds from its beginning, and from any later record on."""
        lines, records = chained(5)
        self.assertEqual(self.taken(lines), [])
        self.assertEqual(self.taken(lines[2:]), [])
        chain = Chain()
        self.assertEqual([chain.take(line) for line in lines], records)

    @given(st.integers(0, 4), st.data())
    def test_changed(self, which: int, data: st.DataObject) -> None:
        """A byte that is another one is found, wherever it stands."""
        lines, _ = chained(5)
        at = data.draw(st.integers(0, len(lines[which]) - 1))
        byte = data.draw(st.integers(0, 255).filter(lambda each: each != lines[which][at]))
        lines[which] = lines[which][:at] + bytes([byte]) + lines[which][at + 1 :]
        self.assertNotEqual(self.taken(lines), [])

    def test_left_out(self) -> None:
        """A record that was taken out, doubled or moved is found, once."""
        lines, _ = chained(5)
        (fault,) = self.taken([*lines[:2], *lines[3:]])
        self.assertIn("1 are missing", fault)
        self.assertEqual(len(self.taken([*lines[:2], lines[1], *lines[2:]])), 1)
        self.assertNotEqual(self.taken([lines[1], lines[0], *lines[2:]]), [])

    def test_written_anew(self) -> None:
        """One that was written anew with a hash of its own does not fit to the next."""
        lines, records = chained(3)
        lines[1] = encode(2, NOW, evolve(DEED, outcome="FORBIDDEN"), records[0].hash)[0][:-1]
        (fault,) = self.taken(lines)
        self.assertIn("record 3", fault)

    def test_false_beginning(self) -> None:
        """The first record of all has nothing before it."""
        self.assertEqual(len(self.taken([encode(1, NOW, DEED, "a" * 64)[0][:-1]])), 1)

    def test_head(self) -> None:
        """The head reads back, and is always as long; what is no head is none."""
        self.assertEqual(decode_head(encode_head(7, "a" * 64)), (7, "a" * 64))
        self.assertEqual(len(encode_head(1, FIRST)), len(encode_head(10**11, FIRST)))
        for data in b"", b"x", b"7 " + b"a" * 64, encode_head(7, "a" * 64)[:-2]:
            self.assertIsNone(decode_head(data))
