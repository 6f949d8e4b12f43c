# -*- test-case-name: tests.services.test_usage -*-
"""What the agents of all projects have used, day by day."""

from collections.abc import Callable

from attrs import define

from pocketagent.domain.message import timestamp
from pocketagent.domain.usage import SpendingFound
from pocketagent.services.projects import Projects

DAY = 86400.0


@define(eq=False)
class Bookkeeping:
    """`now` in seconds since 1970."""

    _projects: Projects
    _now: Callable[[], float]

    def last(self, days: int) -> SpendingFound:
        """Of the last days (UTC), today among them; the oldest first, and of one day by project."""
        first = timestamp(self._now() - (days - 1) * DAY)[:10]
        found = [
            one
            for conversation in self._projects.conversations
            for one in conversation.told.usage.since(first, conversation.project.id)
        ]
        return SpendingFound(sorted(found, key=lambda one: (one.day, one.project_id)))
