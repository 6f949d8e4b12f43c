"""A terminal for the tests: a program on a pseudo-terminal, its screen as a person sees it, keys as they press them."""

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyte
from attrs import define, field

from tests.end_to_end.client import DEADLINE, TooLate

SCROLLBACK = 20_000
"""Lines that the terminal remembers above its screen."""
CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[78=>]|[\r\n\t\b\x0f]")
"""What the programs of ours may tell a terminal: no more than moving, erasing and colouring."""

KEYS: Mapping[str, bytes] = {
    "enter": b"\r",
    "newline": b"\n",
    "escape": b"\x1b",
    "tab": b"\t",
    "up": b"\x1b[A",
    "down": b"\x1b[B",
    "backspace": b"\x7f",
    "ctrl-c": b"\x03",
    "ctrl-d": b"\x04",
    "ctrl-o": b"\x0f",
    "ctrl-r": b"\x12",
    "ctrl-u": b"\x15",
    "ctrl-z": b"\x1a",
}


@define(eq=False)
class Terminal:
    """A program, and what stands on its screen. `raw`: all that it wrote."""

    pid: int
    _fd: int
    _screen: pyte.HistoryScreen
    _stream: pyte.Stream
    raw: bytes = b""
    status: int | None = None
    _decoder: codecs.IncrementalDecoder = field(factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"))

    @classmethod
    def start(
        cls, words: Sequence[str], directory: Path, environment: Mapping[str, str], columns: int = 80, rows: int = 30
    ) -> "Terminal":
        """Run a program in the foreground of a new terminal."""
        pid, fd = pty.fork()
        if pid == 0:
            try:
                os.chdir(directory)
                os.execvpe(words[0], list(words), dict(environment))  # noqa: S606  # there is no shell
            finally:
                os._exit(127)
        screen = pyte.HistoryScreen(columns, rows, SCROLLBACK, 0.5)
        terminal = cls(pid, fd, screen, pyte.Stream(screen))
        terminal.resize(columns, rows)
        return terminal

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._screen.resize(rows, columns)

    def type(self, *keys: str) -> None:
        """Press keys: a name of KEYS, or a text as it is."""
        for key in keys:
            os.write(self._fd, KEYS.get(key, key.encode()))

    @property
    def text(self) -> str:
        """The scrollback and the screen, without blanks at the ends of lines."""
        above = ["".join(line[x].data for x in range(self._screen.columns)) for line in self._screen.history.top]
        return "\n".join(line.rstrip() for line in [*above, *self._screen.display])

    def cells(self, row: int) -> Mapping[int, pyte.screens.Char]:
        """The cells of a row of the screen, with their colours, by column."""
        return self._screen.buffer[row]

    @property
    def flat(self) -> str:
        """All words of it, whatever lines they stand on."""
        return " ".join(self.text.split())

    @property
    def last_line(self) -> str:
        """What stands lowest: the status line."""
        return next((line.rstrip() for line in reversed(self._screen.display) if line.strip()), "")

    def wait_for(self, wanted: "str | Callable[[Terminal], object]", deadline: float = DEADLINE) -> None:
        """Read until this text is there, or this is true. Raises TooLate."""
        is_there = wanted if callable(wanted) else lambda _: wanted in self.flat
        end = time.monotonic() + deadline
        while not is_there(self):
            left = end - time.monotonic()
            if left < 0 or not self.read(left):
                if is_there(self):
                    return
                raise TooLate(f"not within {deadline} s: {wanted!r}\n{self.text}")

    def read(self, seconds: float) -> bool:
        """Take in what comes within this time; False when the program is at its end, or nothing came."""
        data = self.take(seconds)
        self._stream.feed(self._decoder.decode(data))
        return bool(data)

    def take(self, seconds: float) -> bytes:
        """What comes within this time, not drawn; empty when the program is at its end, or nothing came."""
        if not select.select([self._fd], [], [], max(0.0, seconds))[0]:
            return b""
        try:
            data = os.read(self._fd, 65536)
        except OSError:  # Linux says so when nobody has the other end any more
            data = b""
        self.raw += data
        return data

    def rest(self, seconds: float) -> None:
        """Take in what comes within this time: as long as a person takes to look."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.read(left)

    def end(self, deadline: float = DEADLINE) -> int:
        """Read until the program has ended; its exit code. Raises TooLate."""
        end = time.monotonic() + deadline
        while self.read(end - time.monotonic()):
            pass
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
                return self.status
            time.sleep(0.01)
        raise TooLate(f"the program did not end within {deadline} s\n{self.text}")

    def close(self) -> None:
        """End it, if it has not."""
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.status = -signal.SIGKILL
        os.close(self._fd)

    def uncontrolled(self) -> bytes:
        """What the program wrote that is no text and none of CONTROL: empty, unless something outside drove the
        terminal."""
        return bytes(byte for byte in CONTROL.sub(b"", self.raw) if byte < 32 or byte == 127)
