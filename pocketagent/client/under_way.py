# -*- test-case-name: tests.client.test_client -*-
"""What was asked and has no answer yet: in its order, and so much at once as the server takes."""

import asyncio
from collections.abc import Awaitable, Callable

from attrs import define, field

from pocketagent.client.problems import ConnectionLost
from pocketagent.client.subscription import Subscription
from pocketagent.domain import commands
from pocketagent.domain.commands import Command
from pocketagent.wire.server import Message

MAX_UNDER_WAY = 32
"""Requests at once: half of what the server takes before it stops reading (docs/protocol.md, Rates)."""
RATE_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds without a request after one too many: where the server does not say how many, and at most."""

REPEATABLE = (
    *(commands.ListProjects, commands.GetMessages, commands.GetAgentInfo, commands.GetContext, commands.CheckHealth),
    *(commands.GetStats, commands.JoinProject, commands.LeaveProject),
)
"""Asked again on the next connection when the reply was lost: they change nothing. So is a prompt with an id."""


@define(eq=False)
class Asked:
    """A request that has no answer yet. `answer`: None for what the client asks by itself, of which the next connection
    knows nothing. `state`: the first of the two replies to a join."""

    request_id: str
    command: Command
    payload: str
    answer: "asyncio.Future[Message] | None"
    subscription: Subscription | None
    is_sent: bool = False
    state: Message | None = None

    @property
    def is_repeatable(self) -> bool:
        if isinstance(self.command, commands.Execute):
            return self.command.prompt_id is not None
        return isinstance(self.command, REPEATABLE)

    def fail(self, problem: Exception) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(problem)
            self.answer.exception()  # heard by whoever asked, if somebody still waits


@define(eq=False)
class UnderWay:
    """See the module."""

    sleep: Callable[[float], Awaitable[None]]
    _asked: dict[str, Asked] = field(factory=dict, init=False)
    _changed: asyncio.Event = field(factory=asyncio.Event, init=False)
    _pause: float = field(default=0.0, init=False)

    def get(self, request_id: str) -> Asked | None:
        return self._asked.get(request_id)

    def put(self, asked: Asked) -> None:
        if isinstance(asked.command, commands.AcknowledgeMessages):
            self._forget_acknowledgement(asked.command.project_id)
        self._asked[asked.request_id] = asked
        self._changed.set()

    def remove(self, request_id: str) -> None:
        """It was answered, or is waited for no more."""
        self._asked.pop(request_id, None)
        self._changed.set()

    def one_too_many(self, asked: Asked, retry_after: float | None) -> None:
        """Nothing is asked for a while; then this again, before what was asked after it."""
        asked.is_sent = False
        self._pause = min(max(self._pause, retry_after or RATE_PAUSE), LONGEST_PAUSE)
        self._changed.set()

    async def next(self) -> Asked:
        """The next that is to be sent, as soon as there is room for one more."""
        while True:
            self._changed.clear()
            if self._pause:
                pause, self._pause = self._pause, 0.0
                await self.sleep(pause)
                continue
            asked = next((asked for asked in self._asked.values() if not asked.is_sent), None)
            if asked is not None and sum(asked.is_sent for asked in self._asked.values()) < MAX_UNDER_WAY:
                asked.is_sent = True
                if isinstance(asked.command, commands.AcknowledgeMessages):
                    del self._asked[asked.request_id]  # which has no reply
                return asked
            await self._changed.wait()

    def lost(self, reason: str) -> None:
        """The connection is gone: what must not be asked twice has failed, all else waits for the next one."""
        self._pause = 0.0
        for request_id, asked in list(self._asked.items()):
            if asked.answer is None:
                del self._asked[request_id]
            elif asked.is_sent and not asked.is_repeatable:
                del self._asked[request_id]
                asked.fail(ConnectionLost(f"{reason} Whether the server did what was asked is not known."))
            else:
                asked.is_sent = False

    def end(self, problem: Exception) -> None:
        """There will be no more connection."""
        for asked in self._asked.values():
            asked.fail(problem)
        self._asked.clear()

    def _forget_acknowledgement(self, project_id: str) -> None:
        """One that waits for a connection is out of date when the next one comes."""
        for request_id, asked in list(self._asked.items()):
            if isinstance(asked.command, commands.AcknowledgeMessages) and asked.command.project_id == project_id:
                del self._asked[request_id]
