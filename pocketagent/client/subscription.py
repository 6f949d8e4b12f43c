# -*- test-case-name: tests.client.test_subscription -*-
"""What one project says, as an async iterator: a cursor over its journal that outlives connections."""

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType

from pocketagent.client.problems import ConnectionLost, Unreachable
from pocketagent.domain.commands import JoinProject
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.replies import ProjectJoined, Replay
from pocketagent.wire import server
from pocketagent.wire.server import Message

MAX_MESSAGES = 4096
MAX_BYTES = 32 * 1024 * 1024
"""Of what came and was not taken yet; one message in any case. Over either bound the subscription lets go, and goes on
from the journal when it has been emptied: the same mechanism as after a lost connection."""


class Subscription:
    """The messages of one project, in their order, each event once, over any number of connections.

    Use it as a context manager, and iterate over it. What comes, besides events and partial output (protocol section
    4): after each joining, the first one and those after a lost connection, the two replies to it, `project_state` and
    `project_joined`, which have a `request_id`. Partial output before them is void. Where `project_joined` says `gap`,
    everything from the oldest event that is kept follows, and what was had before is void too. It ends when the project
    is deleted.

    `seq` is the last event that was taken, to be given as `after_seq` another time; `journal_id` belongs to it.
    """

    def __init__(
        self,
        project_id: str,
        seq: int | None,
        journal_id: str | None,
        join: "Callable[[Subscription], None]",
        leave: "Callable[[Subscription], None]",
        patience: float,
        max_messages: int = MAX_MESSAGES,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.project_id = project_id
        self.seq = seq
        self.journal_id = journal_id
        self.is_behind = False
        self._join = join
        self._leave = leave
        self._patience = patience
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        # Where the server stands, which is ahead of what was taken by what waits.
        self._cursor = seq
        self._journal_id = journal_id
        self._hears = False
        self._waiting: deque[tuple[Message, int | None, str | None]] = deque()
        self._size = 0
        self._news = asyncio.Event()
        self._over = False
        self._problem: Exception | None = None
        self._joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> "Subscription":
        """Join. Raises Refusal, Unreachable, Problem where there is a subscription already, or what the client has
        ended with."""
        try:
            self._join(self)
            async with asyncio.timeout(self._patience):
                await self._joined
        except TimeoutError:
            self._leave(self)
            raise Unreachable(f"The project was not joined within {self._patience:g} seconds.") from None
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
        if not self._joined.done():
            raise RuntimeError("A subscription has to be entered first: async with client.events(…) as events.")
        while not self._waiting:
            if self._over:
                raise self._problem or StopAsyncIteration
            if self.is_behind:
                self.is_behind = False
                self._join(self)
            self._news.clear()
            await self._news.wait()
        message, self.seq, self.journal_id = self._waiting.popleft()
        self._size -= len(message.payload)
        return message

    # -- for the client ---------------------------------------------------------------------------------------

    @property
    def command(self) -> JoinProject:
        """How to join, or to join again."""
        journal_id = self._journal_id if self._cursor is not None else None
        return JoinProject(project_id=self.project_id, after_seq=self._cursor, journal_id=journal_id)

    @property
    def wants_to_join(self) -> bool:
        """Whether it would take what comes on a new connection."""
        return not (self.is_behind or self._over)

    def joined(self, state: Message, message: Message) -> None:
        """The two replies to a join have come: from here on, what comes is meant for it. Raises Unintelligible."""
        told = server.value_of(message, ProjectJoined)
        if self._cursor is None:
            self._cursor = told.head_seq
        elif told.replay is Replay.GAP:
            self._cursor = told.first_seq - 1
        self._journal_id = told.journal_id
        self._hears = True
        self._keep(state)
        self._keep(message)
        if not self._joined.done():
            self._joined.set_result(None)

    def refused(self, refusal: Refusal) -> None:
        """The server did not let it join. Where it once did, the project was deleted meanwhile."""
        self.end(None if self._joined.done() and refusal.code is Code.PROJECT_NOT_FOUND else refusal)

    def lost(self) -> None:
        """The connection is gone: what waits is taken first, then it joins again."""
        self._hears = False
        self.is_behind = bool(self._waiting)

    def hear(self, message: Message) -> bool:
        """Something came; False when there is no room for it: nothing more is heard until all was taken."""
        if message.type == "project_deleted" and self._joined.done():
            if not self._over:
                self._keep(message)
                self.end(None)
            return True
        # Before the replies to a join, what comes belongs to a subscription that was let go.
        if not self._hears or self._over:
            return True
        if message.seq is not None and self._cursor is not None and message.seq <= self._cursor:
            return True
        if self._waiting and not self._has_room(message):
            if message.seq is None:
                return True  # partial output, of which the whole will come
            self._hears = False
            self.is_behind = True
            return False
        if message.seq is not None:
            self._cursor = message.seq
        self._keep(message)
        return True

    def end(self, problem: Exception | None) -> None:
        """Nothing more will come, for this reason."""
        if self._over:
            return
        self._over = True
        self._problem = problem
        self._news.set()
        if not self._joined.done():
            self._joined.set_exception(problem or ConnectionLost("The project was left before it was joined."))
            self._joined.exception()  # heard by whoever joins, if somebody still waits

    def _has_room(self, message: Message) -> bool:
        return len(self._waiting) < self._max_messages and self._size + len(message.payload) <= self._max_bytes

    def _keep(self, message: Message) -> None:
        self._waiting.append((message, self._cursor, self._journal_id))
        self._size += len(message.payload)
        self._news.set()
