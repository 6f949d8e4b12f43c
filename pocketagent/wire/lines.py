# -*- test-case-name: tests.wire.test_lines -*-
"""Bytes, cut anywhere, to whole lines. Linear in the input, and bounded however long a line is."""

from collections.abc import Sequence

from attrs import define, field

from pocketagent.domain.agent import Overlong

MAX_LINE = 16 * 1024 * 1024
"""Bytes of a line of the agent: what a message of ours may hold (protocol section 1)."""


@define(eq=False)
class Lines:
    """Lines end with a newline, which is not part of them. Of a line over `size` only its length is told."""

    size: int = MAX_LINE
    _pieces: list[bytes] = field(factory=list, init=False)
    _held: int = field(default=0, init=False)

    def feed(self, data: bytes) -> Sequence[bytes | Overlong]:
        """The lines that this data ends, in order. What is left waits for more.

        The work is one `split` for each call, whatever the number of lines; a line that comes in many pieces is
        searched once and joined once.
        """
        pieces = data.split(b"\n")
        last = pieces.pop()
        if not pieces:
            self._hold(last)
            return ()
        lines: list[bytes | Overlong] = list(pieces)
        if self._held:
            self._hold(pieces[0])
            lines[0] = self._release()
        if len(data) > self.size:
            lines = [self._within(line) for line in lines]
        if last:
            self._hold(last)
        return lines

    def rest(self) -> bytes | Overlong | None:
        """What came after the last newline, once; None when there was nothing. For the end of the input."""
        return self._release() if self._held else None

    def _within(self, line: bytes | Overlong) -> bytes | Overlong:
        return Overlong(len(line)) if isinstance(line, bytes) and len(line) > self.size else line

    def _hold(self, piece: bytes) -> None:
        self._held += len(piece)
        if self._held > self.size:
            self._pieces.clear()
        else:
            self._pieces.append(piece)

    def _release(self) -> bytes | Overlong:
        line = Overlong(self._held) if self._held > self.size else b"".join(self._pieces)
        self._pieces.clear()
        self._held = 0
        return line
