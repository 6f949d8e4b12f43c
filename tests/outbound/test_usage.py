"""What processes use, with all that they start, while they live and after."""

import os
import subprocess
import sys
import time

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.outbound.usage import Descendants, descendants

BUSY = """
import time
while time.process_time() < 0.2:
    pass
print(flush=True)
input()
"""
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"


class DescendantsTests(SynchronousTestCase):
    def test_a_tree(self) -> None:
        """Children's children count, alive; what they have used still counts once they are gone, and never becomes
        less. Their memory is gone with them."""
        whole = Descendants()
        before = whole.usage()
        process = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        self.assertEqual(len(set(descendants(process.pid))), 1)
        alive = whole.usage()
        self.assertGreater(alive.memory_bytes, before.memory_bytes + 10**6)
        self.assertGreater(alive.cpu_seconds, before.cpu_seconds + 0.15)
        process.stdin.write(b"\n")
        process.stdin.close()
        process.wait()
        process.stdout.close()
        after = whole.usage()
        self.assertGreaterEqual(after.cpu_seconds, alive.cpu_seconds)
        self.assertLess(after.memory_bytes, alive.memory_bytes)

    def test_nobody(self) -> None:
        """A process without children, and one that is gone, have no descendants."""
        gone = subprocess.Popen(["/bin/true"])
        gone.wait()
        self.assertEqual(list(descendants(gone.pid)), [])
        self.assertNotIn(os.getpid(), list(descendants(os.getpid())))

    def test_quick(self) -> None:
        """It takes milliseconds."""
        began = time.process_time()
        Descendants().usage()
        self.assertLess(time.process_time() - began, 0.5)
