# -*- test-case-name: tests.terminal.test_composer -*-
"""Where a person writes: the text, what was written before, and what could be meant."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from pocketagent.domain.text import escaped

MAX_REMEMBERED = 1000
"""Prompts that are remembered from one start to the next."""
MAX_SHOWN = 60
"""Characters of what stands beside a completion."""


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
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        history = FileHistory(str(path))
        newest = list(history.load_history_strings())  # newest first
        if len(newest) > MAX_REMEMBERED:
            path.write_bytes(b"")
            for text in reversed(newest[: MAX_REMEMBERED // 2]):
                history.store_string(text)
        return history
    except OSError:
        return InMemoryHistory()


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
    """Those that begin so, then those that only have it in them."""
    low = begun.lower()
    first = [word for word in words if word.lower().startswith(low)]
    inside = [word for word in words if low.lstrip("/") in word.lower() and word not in first]
    return [
        Completion(word, -len(begun), display=escaped(word), display_meta=escaped(words[word])[:MAX_SHOWN])
        for word in [*first, *inside]
    ]
