"""The file of the log: rotated by whomever, no line is lost or torn."""

import os
import shutil
import threading
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.logfile import RotatedFile


class RotatedFileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp())

    def opened(self, size: int = 0, files: int = 2) -> RotatedFile:
        file = RotatedFile(str(self.path), size, files)
        self.addCleanup(file.close)
        return file

    def old(self, number: int) -> Path:
        return Path(f"{self.path}.{number}")

    def test_renamed(self) -> None:
        """AD-09: who renames it needs no signal: the next line stands in a new file."""
        file = self.opened()
        file.write(b"one\n")
        self.path.rename(self.old(1))
        file.write(b"two\n")
        self.assertEqual((self.old(1).read_bytes(), self.path.read_bytes()), (b"one\n", b"two\n"))

    def test_cut_off(self) -> None:
        """AD-09: who copies and truncates it gets no hole of zeros: the next line stands at the beginning."""
        file = self.opened()
        file.write(b"one\n")
        shutil.copyfile(self.path, self.old(1))
        os.truncate(self.path, 0)
        file.write(b"two\n")
        self.assertEqual(self.path.read_bytes(), b"two\n")

    def test_rotated(self) -> None:
        """After its size a new file is begun; as many old ones are kept as were wanted."""
        file = self.opened(size=8)
        for number in range(8):
            file.write(b"line%d\n" % number)
        self.assertEqual(self.path.read_bytes(), b"line6\nline7\n")
        self.assertEqual(self.old(1).read_bytes(), b"line4\nline5\n")
        self.assertEqual(self.old(2).read_bytes(), b"line2\nline3\n")
        self.assertFalse(self.old(3).exists())

    def test_at_its_bound(self) -> None:
        """A file of exactly its size is full; one byte less, and another line goes in."""
        file = self.opened(size=5, files=0)
        file.write(b"1234")
        file.write(b"5")
        self.assertEqual(self.path.read_bytes(), b"12345")
        file.write(b"6")
        self.assertEqual((self.path.read_bytes(), self.old(1).exists()), (b"6", False))

    def test_goes_on(self) -> None:
        """A server that starts again writes on behind what is there."""
        self.path.write_bytes(b"one\n")
        self.opened().write(b"two\n")
        self.assertEqual(self.path.read_bytes(), b"one\ntwo\n")

    def test_private(self) -> None:
        """A new file is for its owner alone, whatever the umask; what somebody has planted there is not followed."""
        self.addCleanup(os.umask, os.umask(0))
        self.opened()
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        self.path.unlink()
        self.path.symlink_to(self.old(1))
        self.assertRaises(OSError, RotatedFile, str(self.path), 0, 0)

    def test_cannot_be_written(self) -> None:
        """A line that cannot be written is lost, and stops nothing; the next is tried again."""
        file = self.opened()
        self.path.unlink()
        self.path.mkdir()
        file.write(b"lost\n")
        self.path.rmdir()
        file.write(b"found\n")
        self.assertEqual(self.path.read_bytes(), b"found\n")

    def test_threads(self) -> None:
        """Lines of several threads stay whole while files change."""
        file = self.opened(size=500, files=100)
        line = b"x" * 20 + b"\n"
        threads = [threading.Thread(target=lambda: [file.write(line) for _ in range(200)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        written = b"".join(path.read_bytes() for path in self.path.parent.glob(f"{self.path.name}*"))
        self.assertEqual(written.splitlines(keepends=True), [line] * 800)
