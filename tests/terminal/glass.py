"""A terminal in memory, for the tests of what is drawn on one: keys go in, and what a person sees is read.

async with Glass.made(80, 24) as glass:
    screen = Screen(…, input=glass.pipe, output=glass.output)
    await glass.type("some words", "enter")
    glass.text
"""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import pyte
from attrs import define, field
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output.vt100 import Vt100_Output

from tests.end_to_end import terminal

SCROLLBACK = 5000
PRESS = 0.2
"""Seconds from one key to the next: longer than is waited for what may follow an escape."""
POLL = 0.6
"""Seconds within which prompt_toolkit sees that the terminal has another size."""
BRACKETED_PASTE = 2004 << 5
"""As pyte keeps the mode."""
KEYS: Mapping[str, bytes] = {
    **terminal.KEYS,
    "alt-enter": b"\x1b\r",
    "ctrl-j": b"\n",
    "ctrl-l": b"\x0c",
    "shift-tab": b"\x1b[Z",
    "left": b"\x1b[D",
    "delete": b"\x1b[3~",
}


class _Paper(io.StringIO):
    """A file whose text goes elsewhere."""

    def __init__(self, take: Callable[[str], None]) -> None:
        super().__init__()
        self._take = take

    def write(self, text: str) -> int:
        self._take(text)
        return len(text)


@define(eq=False)
class Glass:
    """See the module. `raw`: all that was written on it. `watch` is called each time that something was."""

    pipe: PipeInput
    columns: int
    rows: int
    raw: str = ""
    watch: Callable[[], None] = lambda: None
    output: Vt100_Output = field(init=False)
    _screen: pyte.HistoryScreen = field(init=False)
    _stream: pyte.Stream = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._screen = pyte.HistoryScreen(self.columns, self.rows, SCROLLBACK, 0.5)
        self._stream = pyte.Stream(self._screen)
        self.output = Vt100_Output(
            _Paper(self.take), lambda: Size(rows=self.rows, columns=self.columns), "xterm", enable_cpr=False
        )

    @classmethod
    @contextlib.asynccontextmanager
    async def made(cls, columns: int = 60, rows: int = 20) -> AsyncIterator["Glass"]:
        with create_pipe_input() as pipe:
            yield cls(pipe, columns, rows)

    def take(self, text: str) -> None:
        """A program writes."""
        self.raw += text
        self._stream.feed(text.replace("\n", "\r\n"))  # which is what the line discipline does
        self.watch()

    # -- what a person does -------------------------------------------------------------------------------------

    async def type(self, *keys: str) -> None:
        """Press keys one after the other: a name of KEYS, or a text as it is."""
        for key in keys:
            self.pipe.send_bytes(KEYS.get(key, key.encode()))
            await asyncio.sleep(PRESS)

    async def paste(self, text: str) -> None:
        await self.type(f"\x1b[200~{text}\x1b[201~")

    async def resize(self, columns: int, rows: int) -> None:
        """The terminal has another size: its lines are cut, not laid out anew; of its rows the empty ones below the
        cursor go first, then those on top scroll away."""
        cursor, empty = self._screen.cursor, self._screen.lines - 1 - self._screen.cursor.y
        leaving = max(0, self._screen.lines - rows - empty)
        at = cursor.x, cursor.y - leaving
        for _ in range(leaving):
            self._screen.cursor_position(self._screen.lines)
            self._screen.index()
        for row in [row for row in self._screen.buffer if row >= rows]:
            del self._screen.buffer[row]
        self._screen.lines = rows
        self._screen.resize(rows, columns)
        cursor.x, cursor.y = min(at[0], columns - 1), at[1]
        self.columns, self.rows = columns, rows
        await asyncio.sleep(POLL)

    # -- what a person sees -------------------------------------------------------------------------------------

    @property
    def above(self) -> Sequence[str]:
        """What has scrolled away."""
        lines = self._screen.history.top
        return ["".join(line[x].data for x in range(max(line, default=-1) + 1)).rstrip() for line in lines]

    @property
    def lines(self) -> Sequence[str]:
        """The screen without the empty lines at its end."""
        lines = [line.rstrip() for line in self._screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    @property
    def text(self) -> str:
        return "\n".join([*self.above, *self.lines])

    @property
    def flat(self) -> str:
        """All words of it, whatever lines they stand on."""
        return " ".join(self.text.split())

    @property
    def last_line(self) -> str:
        """What stands lowest: the status line."""
        return self.lines[-1] if self.lines else ""

    @property
    def cursor(self) -> tuple[int, int]:
        """Its column and its row."""
        return self._screen.cursor.x, self._screen.cursor.y

    @property
    def has_cursor(self) -> bool:
        return not self._screen.cursor.hidden

    @property
    def takes_pastes(self) -> bool:
        """Whether a text that is pasted comes marked as one."""
        return BRACKETED_PASTE in self._screen.mode

    def colour_of(self, words: str) -> str:
        """The colour in which these words stand on the screen."""
        for row, line in enumerate(self._screen.display):
            if words in line:
                return str(self._screen.buffer[row][line.index(words)].fg)
        raise AssertionError(f"{words!r} does not stand there:\n{self.text}")

    async def sees(self, wanted: "str | Callable[[Glass], object]", seconds: float = 5.0) -> None:
        """Wait until this text is there, or this is true."""
        is_there = wanted if callable(wanted) else lambda _: wanted in self.flat
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not is_there(self):
            if loop.time() > end:
                raise AssertionError(f"not within {seconds} s: {wanted!r}\n{self.text}")
            await asyncio.sleep(PRESS)
