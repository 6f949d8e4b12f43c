# -*- test-case-name: tests.client.test_watching -*-
"""Those who watch what belongs to no project alone: the changes of all projects, the server's figures."""

import asyncio
from collections.abc import Sequence

from attrs import define, field, frozen

from pocketagent.domain.commands import Command
from pocketagent.wire.server import Message

MAX_WATCHED = 10_000
"""Changes of projects, or figures, that wait for whoever watches: the oldest are dropped."""


@frozen(eq=False)
class Watcher:
    """One of them. `begin`: the command by which the server begins to tell. An empty place in the queue is the end."""

    begin: Command
    _types: frozenset[str]
    _queue: "asyncio.Queue[Message | None]" = field(factory=lambda: asyncio.Queue(MAX_WATCHED))

    def hear(self, message: Message) -> None:
        if message.type in self._types:
            self._put(message)

    def end(self) -> None:
        self._put(None)

    async def next(self) -> Message | None:
        """What was heard next; None at the end."""
        return await self._queue.get()

    def _put(self, message: Message | None) -> None:
        """In, and the oldest out where there is no room."""
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(message)


@define(eq=False)
class Watchers:
    """All of them over one client."""

    _all: list[Watcher] = field(factory=list)

    @property
    def begins(self) -> Sequence[Command]:
        """What the server has to be asked on a new connection, each once."""
        return [*dict.fromkeys(watcher.begin for watcher in self._all)]

    def add(self, begin: Command, *types: str) -> Watcher:
        """One who is told messages of these types that are no answer and have no `seq`."""
        watcher = Watcher(begin, frozenset(types))
        self._all.append(watcher)
        return watcher

    def remove(self, watcher: Watcher) -> bool:
        """Whether nobody is left for whom the server tells the same."""
        self._all.remove(watcher)
        return all(other.begin != watcher.begin for other in self._all)

    def hear(self, message: Message) -> None:
        for watcher in self._all:
            watcher.hear(message)

    def end(self) -> None:
        for watcher in self._all:
            watcher.end()
