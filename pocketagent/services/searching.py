# -*- test-case-name: tests.services.test_searching -*-
"""Something is looked for in a conversation, from the newest event backwards."""

from collections.abc import Sequence
from functools import partial

from attrs import define, field
from twisted.internet.defer import DeferredSemaphore
from twisted.internet.interfaces import IReactorTime

from pocketagent.domain.message import Entry
from pocketagent.domain.searching import Hit, Hits, snippet
from pocketagent.ports import IThreads
from pocketagent.services.projects import Projects
from pocketagent.wire import searching

STEP = 2 * 1024 * 1024
"""Bytes of the journal that are looked through in one go, in a thread."""
STEPS = 64
"""Of one search, which may be gone on with."""
SEARCH_TIME = 2.0
"""Seconds after which a search begins no other step."""
AT_ONCE = 2
"""Searches that make a step, each in a thread; the others wait for their next one."""


@define(eq=False)
class Searching:
    _projects: Projects
    _threads: IThreads
    _clock: IReactorTime
    _turns: DeferredSemaphore = field(init=False, factory=lambda: DeferredSemaphore(AT_ONCE))

    async def find(self, project_id: str, wanted: str, before: int | None, limit: int) -> Hits:
        """The newest events below `before` that have it in what people read. Raises Refusal: PROJECT_NOT_FOUND,
        STORAGE_UNAVAILABLE."""
        journal = self._projects.conversation(project_id).journal
        beyond = journal.head_seq + 1
        at = beyond if before is None else min(before, beyond)
        end = self._clock.seconds() + SEARCH_TIME
        sieve = await self._threads.run(partial(searching.sieve, wanted))
        hits: list[Hit] = []
        for _ in range(STEPS):
            if at <= journal.first_seq:
                break
            await self._turns.acquire()
            try:
                entries, at = await journal.sifted(sieve, at, STEP)
                hits += await self._threads.run(partial(_hits, entries, wanted, limit - len(hits)))
            finally:
                self._turns.release()
            if len(hits) == limit:
                at = hits[-1].seq
            if len(hits) == limit or self._clock.seconds() >= end:
                break
        return Hits(hits, at, at > journal.first_seq)


def _hits(entries: Sequence[Entry], wanted: str, room: int) -> list[Hit]:
    found: list[Hit] = []
    for entry in entries:
        around = snippet(searching.texts(entry), wanted)
        if around is not None:
            found.append(Hit(entry.seq, entry.timestamp, entry.type, entry.direction, around))
            if len(found) == room:
                break
    return found
