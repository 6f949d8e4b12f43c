"""Stored lines: what was said goes in and comes out byte by byte, and what is broken is told."""

import json

from hypothesis import given
from hypothesis.strategies import binary, dictionaries, floats, integers, none, recursive, sampled_from, text
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.message import Direction, Entry, timestamp
from pocketagent.wire import records

STAMP = "2026-01-01T12:00:00.123456Z"
VALUES = recursive(
    none() | integers() | floats(allow_nan=False, allow_infinity=False) | text(),
    lambda inner: dictionaries(text(), inner, max_size=3),
    max_leaves=5,
)


def entry(message: bytes, seq: int = 42) -> Entry:
    return Entry(seq, STAMP, Direction.CLAUDE, "agent_message", message)


class RecordTests(SynchronousTestCase):
    """`record` and `entry`."""

    def test_shape(self) -> None:
        """A record is the line that the protocol shows (section 4)."""
        self.assertEqual(
            records.record(entry(b'{"type":"assistant"}')),
            b'{"seq":42,"timestamp":"2026-01-01T12:00:00.123456Z","direction":"claude",'
            b'"type":"agent_message","message":{"type":"assistant"}}\n',
        )

    @given(dictionaries(text(), VALUES, max_size=4), integers(1, 10**12), sampled_from(Direction))
    def test_round_trip(self, data: dict[str, object], seq: int, direction: Direction) -> None:
        """Any message comes back as it was, on one line, and any JSON reader can read the record."""
        for ascii_only in (True, False):
            message = json.dumps(data, ensure_ascii=ascii_only).encode("utf-8", "replace")
            stored = Entry(seq, STAMP, direction, "client_message", message)
            line = records.record(stored)
            self.assertEqual(line.count(b"\n"), 1)
            self.assertEqual(records.entry(line), stored)
            self.assertEqual(json.loads(line)["message"], json.loads(message))

    def test_what_javascript_writes(self) -> None:
        """Half a surrogate pair, as JavaScript writes for a cut emoji, deep nesting, NUL, U+2028 are kept (ST-19)."""
        for message in (
            rb'{"cut":"\ud83d"}',
            b'{"deep":' + b"[" * 5000 + b"]" * 5000 + b"}",
            rb'{"nul":"\u0000","lines":"a\nb\u2028"}',
            '{"separator":"\u2028","name":"Grüße"}'.encode(),
            b'{"x": "}}\\n"  }',
        ):
            self.assertEqual(records.entry(records.record(entry(message))).message, message)

    def test_large(self) -> None:
        """A record of 16 MiB is like any other."""
        message = b'{"text":"' + b"x" * (16 << 20) + b'"}'
        self.assertEqual(records.entry(records.record(entry(message))).message, message)

    def test_cut_anywhere(self) -> None:
        """A line that was cut anywhere is no record, also inside of a character (ST-02)."""
        line = records.record(entry('{"text":"Grüße 😀"}'.encode()))
        for end in range(len(line)):
            with self.assertRaises(ValueError):
                records.entry(line[:end])
        for end in range(len(line) - 1):
            with self.assertRaises(ValueError):
                records.entry(line[:end] + b"\n")

    def test_bad(self) -> None:
        """What a client could not read as JSON is no record."""
        good = records.record(entry(b'{"a":"b"}'))
        for old, new in (
            (b'"b"', b'"\xff"'),
            (b'"b"', b'"\xed\xa0\xbd"'),
            (b'"b"', b"tru"),
            (b'"b"', b'"\x00"'),
            (b'"b"', b'"\\x"'),
            (b'{"a":"b"}', b"[1]"),
            (b'"seq":42', b'"seq":"42"'),
            (b'"seq":42,', b""),
        ):
            with self.assertRaises(ValueError):
                records.entry(good.replace(old, new))

    @given(binary(max_size=200))
    def test_anything(self, line: bytes) -> None:
        """Nothing but ValueError comes of any bytes."""
        try:
            records.entry(line)
        except ValueError:
            pass
        else:
            self.fail("Hypothesis has written a record.")

    def test_beginning(self) -> None:
        """How a record begins is told without its message, and nothing is told of other lines."""
        lines = b"xyz\n" + records.record(entry(b'{"broken'))
        self.assertEqual(records.beginning(lines, 4), records.Beginning(42, STAMP, "agent_message"))
        self.assertIsNone(records.beginning(lines))

    def test_times(self) -> None:
        """Any time that the clock gives can be stored."""
        for seconds in (0.0, 1767268800.123456, 253402300799.0):
            stored = entry(b"{}")._replace(timestamp=timestamp(seconds))
            line = records.record(stored)
            self.assertEqual(records.entry(line), stored)
            begins = records.beginning(line)
            self.assertEqual(begins and begins.timestamp, stored.timestamp)


class KeyTests(SynchronousTestCase):
    """`keys`."""

    def test_keys(self) -> None:
        """Each type has its keys, and nearly all have none."""
        both = b'{"execution_id":"e","prompt_id":"p"}'
        for type_, message, expected in (
            ("client_message", both, ("prompt:p", "accepted:e")),
            ("client_message", b'{"execution_id":"e","prompt_id":null}', ("accepted:e",)),
            ("prompt_dropped", both, ("dropped:e",)),
            ("error", b'{"code":"EXECUTION_FAILED","execution_id":"e"}', ("failed:e",)),
            ("error", b'{"code":"INTERNAL_ERROR","execution_id":null}', ()),
            ("error", b'{"code":"INTERNAL_ERROR"}', ()),
            ("project_state", both, (records.STATE,)),
            ("agent_message", both, ()),
            ("permission_request", both, ()),
        ):
            self.assertEqual(records.keys(type_, message), expected)

    def test_broken(self) -> None:
        """A message that is broken has no keys."""
        for message in (b"", b"[]", b'{"execution_id":5}', b"{" * 100_000):
            self.assertEqual(records.keys("client_message", message), ())


class MarksTests(SynchronousTestCase):
    """`marks`."""

    def test_round_trip(self) -> None:
        """Marks are read as they were written."""
        marks = records.Marks(journal_id="j", boot_id="b", clean=True, head_seq=7)
        self.assertEqual(records.marks(records.marks_record(marks)), marks)

    def test_newer(self) -> None:
        """What a newer server wrote is refused with a sentence, whatever else it holds (LI-09)."""
        with self.assertRaises(records.NewerVersion) as raised:
            records.marks(b'{"version":2,"shape":"unknown"}')
        self.assertIn("newer server", str(raised.exception))

    def test_broken(self) -> None:
        """Broken marks are told from newer ones."""
        for stored in (b"", b"{}", b'{"version":1}', b"\xff", b'{"version":"1"}', b"[" * 100_000):
            with self.assertRaises(ValueError):
                records.marks(stored)
