# -*- test-case-name: tests.cli.test_output -*-
"""What a command writes while it goes on listening: results to stdout, notices to stderr, in one order.

A thread writes, so that whoever reads slowly, or has stopped a terminal, holds up neither the connection nor Ctrl-C.
"""

import asyncio
import io
import os
import queue
import threading
from typing import TextIO

from attrs import define, field

from pocketagent.cli.console import Console
from pocketagent.domain.text import UNSAFE, escaped, harmless

MAX_UNWRITTEN = 256 * 1024
"""Characters that wait to be written; with more, the command waits."""
DIM, PLAIN = "\x1b[2m", "\x1b[0m"


def for_reader(text: str, stream: TextIO) -> str:
    """A text from outside: harmless to a terminal, and untouched for a file or a program."""
    return harmless(text) if stream.isatty() else text


def json_for_reader(line: str, stream: TextIO) -> str:
    """The same for JSON, which it still is then: what is unsafe there stands in texts only."""
    return UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", line) if stream.isatty() else line


@define(eq=False)
class Output:
    """The way to the reader, from within a running event loop.

    `is_slow`: it has happened that the reader took nothing for so long that there was no room. `error`: why nothing can
    be written any more.
    """

    console: Console
    is_slow: bool = field(default=False, init=False)
    error: OSError | None = field(default=None, init=False)
    _unwritten: int = field(default=0, init=False)
    _in_line: bool = field(default=False, init=False)
    _loop: asyncio.AbstractEventLoop = field(factory=asyncio.get_running_loop, init=False)
    _changed: asyncio.Event = field(factory=asyncio.Event, init=False)
    _queue: "queue.SimpleQueue[tuple[TextIO, str]]" = field(factory=queue.SimpleQueue, init=False)

    def __attrs_post_init__(self) -> None:
        self.console.out.flush()
        # Not waited for at the end: it may be stuck with a reader who does nothing.
        threading.Thread(target=self._write, daemon=True).start()

    def put(self, text: str) -> None:
        """For stdout, as it is for its reader. Raises OSError when that cannot be written any more."""
        if self.error is not None:
            raise self.error
        if text:
            self._in_line = not text.endswith("\n")
            self._enqueue(self.console.out, text)

    def notice(self, text: str, is_dim: bool = True) -> None:
        """A line for the person, on a line of its own also where both streams are one terminal."""
        err = self.console.err
        line = escaped(text)
        if is_dim and err.isatty() and "NO_COLOR" not in self.console.environment:
            line = f"{DIM}{line}{PLAIN}"
        begins = "\n" if self._in_line and err.isatty() and self.console.out.isatty() else ""
        self._enqueue(err, f"{begins}{line}\n")
        self._in_line = self._in_line and not begins

    def ask(self, text: str) -> None:
        """For the person, who is asked: several lines, and the last one is not ended."""
        begins = "\n" if self._in_line and self.console.out.isatty() else ""
        self._enqueue(self.console.err, begins + harmless(text))
        self._in_line = False

    async def room(self) -> None:
        """Wait until the reader has taken enough. Raises OSError when it takes nothing any more."""
        await self._until(MAX_UNWRITTEN)

    async def written(self) -> None:
        """Wait until the reader has taken all. Raises OSError."""
        await self._until(0)

    async def _until(self, size: int) -> None:
        while self._unwritten > size and self.error is None:
            self._changed.clear()
            await self._changed.wait()
        if self.error is not None:
            raise self.error

    def _enqueue(self, stream: TextIO, text: str) -> None:
        self._unwritten += len(text)
        self.is_slow = self.is_slow or self._unwritten > MAX_UNWRITTEN
        self._queue.put((stream, text))

    def _write(self) -> None:
        while True:
            stream, text = self._queue.get()
            error = None
            try:
                _put(stream, text)
            except OSError as found:
                # Whoever closed stderr does not want notices.
                error = found if stream is self.console.out else None
            try:
                self._loop.call_soon_threadsafe(self._took, len(text), error)
            except RuntimeError:
                return  # the loop is closed

    def _took(self, size: int, error: OSError | None) -> None:
        self._unwritten -= size
        self.error = self.error or error
        self._changed.set()


def _put(stream: TextIO, text: str) -> None:
    """Write all of it now. Past the stream's own buffer: its lock would be held at the end of the program."""
    try:
        fd = stream.fileno()
    except (io.UnsupportedOperation, AttributeError):
        stream.write(text)
        return
    data = text.encode(errors="replace")
    while data:
        data = data[os.write(fd, data) :]
