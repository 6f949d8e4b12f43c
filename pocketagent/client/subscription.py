# -*- test-case-name: tests.client.test_subscription -*-
"""What one project says, as an async iterator: a cursor over its journal that outlives connections."""

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType

from pocketagent.client.problems import ConnectionLost, Unreachable
from pocketagent.domain.commands import JoinProject
from pocketagent.domain.replies import ProjectJoined, Replay
from pocketagent.wire import server
from pocketagent.wire.server import Message

MAX_MESSAGES = 4096
MAX_BYTES = 32 * 1024 * 1024
"""Of what came and was not taken yet. Over either bound the subscription lets go, and goes on from the journal when it
has been emptied: the same mechanism as after a lost connection."""


class Subscription:
    """The messages of one project, in their order, each event once, over any number of connections.

    Use it as a context manager, and iterate over it. What comes, besides events and partial output (protocol section
    4): after each joining, the first one and those after a lost connection, the two replies to it, `project_state` and
    `project_joined`. Partial output before them is void. Where `project_joined` says `gap`, everything from the oldest
    event that is kept follows, and what was had before is void too. It ends when the project is deleted.

    `seq` is the last event that came, to be given as `after_seq` another time; `journal_id` belongs to it.
    """

    def __init__(
        self,
        project_id: str,
        seq: int | None,
        journal_id: str | None,
        join: "Callable[[Subscription], None]",
        leave: "Callable[[Subscription], None]",
        patience: float,
    ) -> None:
        self.project_id = project_id
        self.seq = seq
        self.journal_id = journal_id
        self.is_behind = False
        self._join = join
        self._leave = leave
        self._patience = patience
        self._waiting: deque[Message] = deque()
        self._size = 0
        self._news = asyncio.Event()
        self._over = False
        self._problem: Exception | None = None
        self._joined: asyncio.Future[ProjectJoined] = asyncio.get_running_loop().create_future()

    @property
    def command(self) -> JoinProject:
        """How to join, or to join again."""
        journal_id = self.journal_id if self.seq is not None else None
        return JoinProject(project_id=self.project_id, after_seq=self.seq, journal_id=journal_id)

    async def __aenter__(self) -> "Subscription":
        """Join. Raises Refusal, Unreachable, or what the client has ended with."""
        try:
            self._join(self)
            async with asyncio.timeout(self._patience):
                await self._joined
        except TimeoutError:
            self._leave(self)
            raise Unreachable(f"The server did not answer within {self._patience:.0f} seconds.") from None
        except BaseException:
            self._leave(self)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave(self)

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> Message:
        """The next message. Raises StopAsyncIteration at the end of the project, and what a client ends with."""
        while not self._waiting:
            if self.is_behind and not self._over:
                self.is_behind = False
                self._join(self)
                continue
            if self._problem is not None:
                raise self._problem
            if self._over:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        message = self._waiting.popleft()
        self._size -= len(message.payload)
        return message

    # -- for the client ---------------------------------------------------------------------------------------

    def joined(self, state: Message, message: Message) -> None:
        """The two replies to a join have come."""
        told = server.value_of(message, ProjectJoined)
        if self.seq is None:
            self.seq = told.head_seq
        elif told.replay is Replay.GAP:
            self.seq = told.first_seq - 1
        self.journal_id = told.journal_id
        self._keep(state)
        self._keep(message)
        if not self._joined.done():
            self._joined.set_result(told)

    def hear(self, message: Message) -> bool:
        """Something came; False when there is no room for it, and nothing more is taken until all was read."""
        if self.is_behind or self._over:
            return True
        if message.seq is not None:
            if self.seq is not None and message.seq <= self.seq:
                return True
            if self._waiting and (len(self._waiting) >= MAX_MESSAGES or self._size + len(message.payload) > MAX_BYTES):
                self.is_behind = True
                return False
            self.seq = message.seq
        elif len(self._waiting) >= MAX_MESSAGES:
            return True  # partial output, of which the whole will come
        self._keep(message)
        if message.type == "project_deleted":
            self.end(None)
        return True

    def end(self, problem: Exception | None) -> None:
        """Nothing more will come, for this reason."""
        self._over = True
        self._problem = self._problem or problem
        self._news.set()
        if not self._joined.done():
            self._joined.set_exception(problem or ConnectionLost("The project was deleted, or left."))
            self._joined.exception()  # heard by whoever joins, if somebody still waits

    def _keep(self, message: Message) -> None:
        self._waiting.append(message)
        self._size += len(message.payload)
        self._news.set()
