# -*- test-case-name: tests.services.test_usage -*-
"""What the agents of all projects have used, day by day."""

from collections.abc import Callable, Sequence

from attrs import define

from pocketagent.domain.message import timestamp
from pocketagent.domain.usage import SpendingFound, Usage
from pocketagent.ports import IThreads
from pocketagent.services.projects import Projects

DAY = 86400.0


@define(eq=False)
class Bookkeeping:
    """`now` in seconds since 1970."""

    _projects: Projects
    _threads: IThreads
    _now: Callable[[], float]

    async def last(self, days: int) -> SpendingFound:
        """Of the last days (UTC), today among them; the oldest first, and of one day by project."""
        first = timestamp(self._now() - (days - 1) * DAY)[:10]
        used = [(conversation.project.id, conversation.told.usage) for conversation in self._projects.conversations]
        # Of a hundred projects a year has 36,600 of them.
        return await self._threads.run(lambda: _found(used, first))


def _found(used: Sequence[tuple[str, Usage]], first: str) -> SpendingFound:
    found = [one for project_id, usage in used for one in usage.since(first, project_id)]
    return SpendingFound(sorted(found, key=lambda one: (one.day, one.project_id)))
