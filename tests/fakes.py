"""Stand-ins for the ports that tests need in many places."""

from collections.abc import Callable
from typing import TypeVar

from zope.interface import implementer

from pocketagent.ports import IThreads

T = TypeVar("T")


@implementer(IThreads)
class NoThreads:
    """Work is done at once, where it is."""

    async def run(self, work: Callable[[], T]) -> T:
        return work()
