"""The machine answers in time, or it is said that it does not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from pocketagent.outbound.host import DEADLINE, LinuxHost, Question
from pocketagent.ports import IHost, IThreads
from tests.fakes import NoThreads

T = TypeVar("T")


@implementer(IThreads)
@define(eq=False)
class StuckThreads:
    """Work is begun, and ends when the test says so."""

    begun: list[tuple[Callable[[], Any], Deferred[None]]] = field(factory=list)

    async def run(self, work: Callable[[], T]) -> T:
        end: Deferred[None] = Deferred()
        self.begun.append((work, end))
        await end
        return work()


def asked(question: Question[int]) -> Deferred[int | None]:
    return Deferred.fromCoroutine(question.answer())


class QuestionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.threads, self.clock = StuckThreads(), Clock()
        self.question = Question(self.threads, self.clock, lambda: 7)

    def test_one_thread(self) -> None:
        """However many ask, one thread looks, and all hear what it found; who asks after that has it looked anew."""
        answers = [asked(self.question) for _ in range(100)]
        ((_, end),) = self.threads.begun
        end.callback(None)
        self.assertEqual([self.successResultOf(one) for one in answers], [7] * 100)
        asked(self.question)
        self.assertEqual(len(self.threads.begun), 2)

    def test_hangs(self) -> None:
        """AD-08: what does not answer is given up in less than a second, by each who asks, and blocks one thread."""
        first = asked(self.question)
        self.clock.advance(DEADLINE - 0.01)
        second = asked(self.question)
        self.assertNoResult(first)
        self.clock.advance(0.01)
        self.assertIsNone(self.successResultOf(first))
        self.assertNoResult(second)
        self.clock.advance(DEADLINE)
        self.assertIsNone(self.successResultOf(second))
        self.assertEqual(len(self.threads.begun), 1)
        self.assertLess(DEADLINE, 1.0)

    def test_comes_back(self) -> None:
        """Once it answers after all, the next who asks is answered."""
        asked(self.question)
        self.clock.advance(DEADLINE)
        self.threads.begun[0][1].callback(None)
        again = asked(self.question)
        self.threads.begun[1][1].callback(None)
        self.assertEqual(self.successResultOf(again), 7)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_fails(self) -> None:
        """A disk that fails gives no answer, and nobody waits; a surprise stands in the log as well."""
        for problem, logged in ((OSError("io"), 0), (RuntimeError("surprise"), 1)):
            one = asked(self.question)
            self.threads.begun.pop()[1].errback(problem)
            self.assertIsNone(self.successResultOf(one))
            self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), logged)


class LinuxHostTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.host = LinuxHost(str(self.directory), NoThreads(), Clock())

    def fault(self) -> str | None:
        return self.successResultOf(Deferred.fromCoroutine(self.host.data_fault()))

    def test_port(self) -> None:
        """It is what the port says."""
        self.assertTrue(verifyObject(IHost, self.host))

    def test_figures(self) -> None:
        """Memory, free bytes and the use of children are figures of this machine."""
        self.assertGreater(self.host.memory_bytes(), 10**6)
        free = self.successResultOf(Deferred.fromCoroutine(self.host.free_bytes()))
        assert free is not None
        self.assertGreater(free, 0)
        usage = self.successResultOf(Deferred.fromCoroutine(self.host.usage()))
        assert usage is not None
        self.assertGreaterEqual(usage.cpu_seconds, 0)

    def test_data_directory(self) -> None:
        """A data directory that is there and can be written is well; one that is gone is told so, without its path."""
        self.assertEqual(self.fault(), "")
        self.directory.rmdir()
        self.assertEqual(self.fault(), "The data directory is gone.")
        free = self.successResultOf(Deferred.fromCoroutine(self.host.free_bytes()))
        self.assertIsNone(free)
