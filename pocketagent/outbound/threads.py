"""The pool of threads for what could block: fsync, path checks, reading history."""

from collections.abc import Callable
from contextvars import copy_context
from typing import TypeVar

from attrs import define
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from pocketagent.ports import IThreads

T = TypeVar("T")


@implementer(IThreads)
@define(eq=False)
class Threads:
    """Work in a `ThreadPool` that its owner starts and stops."""

    _reactor: IReactorFromThreads
    _pool: ThreadPool

    async def run(self, work: Callable[[], T]) -> T:
        result: T = await deferToThreadPool(self._reactor, self._pool, copy_context().run, work)
        return result
