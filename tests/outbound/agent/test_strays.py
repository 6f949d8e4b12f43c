"""What carries a mark is found and killed, and nothing else."""

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.outbound.agent.strays import kill_marked
from tests.outbound.agent.living import is_alive


class StraysTests(SynchronousTestCase):
    def _start(self, **environment: str) -> "subprocess.Popen[bytes]":
        code = "import os, time; os.write(1, b'x'); time.sleep(3600)"
        process = subprocess.Popen([sys.executable, "-S", "-c", code], env=environment, stdout=subprocess.PIPE)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        assert process.stdout is not None
        self.addCleanup(process.stdout.close)
        process.stdout.read(1)
        return process

    def test_marked(self) -> None:
        """A process dies when exactly this name and value stand in its environment."""
        marked = self._start(TEST_MARK="7f3a-one")
        others = [self._start(TEST_MARK="7f3a-one-more"), self._start(A="TEST_MARK=7f3a-one"), self._start()]
        self.assertEqual(kill_marked(b"TEST_MARK=7f3a-one"), 0)
        self.assertEqual(marked.wait(), -9)
        self.assertEqual([is_alive(other.pid) for other in others], [True] * 3)

    def test_none(self) -> None:
        """Where nothing carries the mark there is nothing to wait for."""
        self.assertEqual(kill_marked(b"TEST_MARK=nobody", patience=0), 0)
