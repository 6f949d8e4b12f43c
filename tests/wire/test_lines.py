"""Bytes, cut anywhere, become whole lines."""

import tracemalloc
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.agent import Overlong
from pocketagent.wire.lines import Lines


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The data in pieces, cut at these places."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


class LinesTests(SynchronousTestCase):
    @settings(deadline=None)
    @given(st.binary(), st.lists(st.integers(0, 10_000)))
    def test_any_cut(self, data: bytes, places: list[int]) -> None:
        """However the data is cut, the same lines come out, and nothing of it is lost."""
        lines = Lines()
        heard = [line for piece in cut(data, places) for line in lines.feed(piece)]
        *whole, rest = data.split(b"\n")
        self.assertEqual(heard, whole)
        self.assertEqual(lines.rest(), rest or None)

    @settings(deadline=None)
    @given(
        st.lists(st.integers(0, 40).map(lambda size: b"x" * size), max_size=12),
        st.lists(st.integers(0, 10_000)),
        st.integers(1, 30),
    )
    def test_overlong_anywhere(self, given: list[bytes], places: list[int], size: int) -> None:
        """A line over the bound is told with its true size, in its place, and the next line is fine."""
        lines = Lines(size)
        data = b"".join(line + b"\n" for line in given)
        heard = [line for piece in cut(data, places) for line in lines.feed(piece)]
        self.assertEqual(heard, [line if len(line) <= size else Overlong(len(line)) for line in given])
        self.assertIsNone(lines.rest())

    def test_the_bound_itself(self) -> None:
        """A line of exactly the bound passes."""
        lines = Lines(4)
        self.assertEqual(lines.feed(b"1234\n12345\n1234"), [b"1234", Overlong(5)])
        self.assertEqual(lines.feed(b"\n"), [b"1234"])

    def test_rest_overlong(self) -> None:
        """A half line over the bound is told with its size, and only once."""
        lines = Lines(4)
        self.assertEqual(lines.feed(b"123"), ())
        self.assertEqual(lines.feed(b"456"), ())
        self.assertEqual(lines.rest(), Overlong(6))
        self.assertIsNone(lines.rest())

    def test_no_memory_for_the_overlong(self) -> None:
        """Of a line over the bound nothing is held, however long it grows."""
        lines = Lines(1_000_000)
        piece = b"x" * 100_000
        for _ in range(20):
            lines.feed(piece)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        for _ in range(1000):
            lines.feed(bytes(piece))
        self.assertLess(tracemalloc.get_traced_memory()[1], 200_000)
        self.assertEqual(lines.feed(b"\n"), [Overlong(102_000_000)])

    def test_work_is_linear(self) -> None:
        """A line that comes in many pieces is not searched or copied anew with each of them."""
        lines = Lines()
        piece = b"x" * 1000
        for _ in range(16_000):
            lines.feed(piece)
        pieces = lines._pieces
        self.assertTrue(all(held is piece for held in pieces))
        self.assertEqual(lines.feed(b"\n"), [b"x" * 16_000_000])
