# -*- test-case-name: tests.terminal.test_composer -*-
"""Where a person writes: the text, what was written before, and what could be meant."""

import contextlib
import fcntl
import io
import itertools
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from pocketagent.domain.text import UNSAFE, escaped
from pocketagent.terminal.cells import cut

MAX_REMEMBERED = 1000
"""Prompts that are remembered from one start to the next; beyond it, the newer half of them stays."""
MAX_SIZE = 4 * 1024 * 1024
"""Bytes of the file that remembers them, with the same consequence."""
MAX_SHOWN = 60
"""Cells of what stands beside a completion."""


def composer(history: History, completer: Completer, submit: Callable[[str], None]) -> Buffer:
    """A text of several lines; `submit` gets it when the person is done."""

    def accept(buffer: Buffer) -> bool:
        submit(buffer.text)
        return False  # which empties the buffer

    return Buffer(
        multiline=True,
        history=history,
        completer=completer,
        complete_while_typing=True,
        enable_history_search=False,
        accept_handler=accept,
        name="composer",
    )


def remembered(path: Path | None) -> History:
    """What was written before: from this file, which only we can read, or of this start alone where there is none."""
    if path is None:
        return InMemoryHistory()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        history = Remembered(path)
        history.shorten()
        return history
    except OSError:
        return InMemoryHistory()


class Remembered(FileHistory):
    """A file that several terminals add to, each a prompt at a time. What cannot be kept is remembered until the end.

    It is the file of prompt_toolkit: `+` before each line of a prompt, `#` before the time.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))

    def store_string(self, string: str) -> None:
        with contextlib.suppress(OSError), self._locked() as file:
            file.write(_kept(string))

    def shorten(self) -> None:
        """Keep to the bounds. Raises OSError where the file can be neither made nor read."""
        with self._locked() as file:
            kept = [_kept(text) for text in self.load_history_strings()]  # newest first
            if len(kept) > MAX_REMEMBERED or sum(map(len, kept)) > MAX_SIZE:
                sizes = itertools.accumulate(map(len, kept))
                newest = [text for text, size in zip(kept, sizes, strict=True) if size <= MAX_SIZE // 2]
                file.truncate(0)
                file.write(b"".join(reversed(newest[: MAX_REMEMBERED // 2])))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[io.FileIO]:
        """The file, to add to, while nobody else does. A pipe or a device is none."""
        descriptor = os.open(self.filename, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
        with io.FileIO(descriptor, "r+") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError("This is no file.")
            os.fchmod(descriptor, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield file


def _kept(text: str) -> bytes:
    lines = "".join(f"+{line}\n" for line in text.split("\n"))
    return f"\n# {datetime.now()}\n{lines}".encode("utf-8", "replace")


class Words(Completer):
    """Completes a command, and what may stand behind it.

    `commands`: a name with its slash -> what it does; `arguments`: the name of a command -> the words that may follow,
    each with what it means. Both are asked each time, for they become known while the client runs.
    """

    def __init__(
        self,
        commands: Callable[[], Mapping[str, str]],
        arguments: Mapping[str, Callable[[], Mapping[str, str]]],
    ) -> None:
        self._commands = commands
        self._arguments = arguments

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        text = document.text_before_cursor
        if not text.startswith("/") or "\n" in text:
            return []
        command, space, rest = text.partition(" ")
        if not space:
            return _matching(self._commands(), text)
        words = self._arguments.get(command)
        return _matching(words(), rest.lstrip()) if words else []


def _matching(words: Mapping[str, str], begun: str) -> Sequence[Completion]:
    """Those that begin so, then those that only have it in them. A word that nobody could have typed is none."""
    low = begun.lower()
    known = [word for word in words if not UNSAFE.search(word)]
    first = [word for word in known if word.lower().startswith(low)]
    inside = [word for word in known if low.lstrip("/") in word.lower() and not word.lower().startswith(low)]
    return [
        Completion(word, -len(begun), display_meta=cut(escaped(words[word]), MAX_SHOWN)) for word in [*first, *inside]
    ]
