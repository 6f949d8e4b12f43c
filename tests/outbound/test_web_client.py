"""Tests of `pocketagent.outbound.web_client`."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.outbound.web_client import MAX_BYTES, MAX_FILES, WebClientUnusable, read


class ReadTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        (self.directory / "assets").mkdir(parents=True)

    def refused(self) -> str:
        return str(self.assertRaises(WebClientUnusable, read, str(self.directory)))

    def test_all(self) -> None:
        """Every file is read, by its path from there."""
        (self.directory / "index.html").write_bytes(b"page")
        (self.directory / "assets" / "main.js").write_bytes(b"script")
        self.assertEqual(read(str(self.directory)), {"index.html": b"page", "assets/main.js": b"script"})

    def test_not_built(self) -> None:
        """Where nothing was built there is nothing, and that is no error."""
        self.assertEqual(read(str(self.directory / "nowhere")), {})

    def test_only_files(self) -> None:
        """A link leads to nobody's secrets, and a pipe keeps nobody waiting."""
        (self.directory / "secret.txt").symlink_to("/etc/passwd")
        (self.directory / "more").symlink_to("/etc")
        os.mkfifo(self.directory / "pipe.txt")
        self.assertEqual(read(str(self.directory)), {})

    def test_how_many(self) -> None:
        """There may be so many files, and not one more."""
        for number in range(MAX_FILES):
            (self.directory / f"{number}.txt").touch()
        self.assertEqual(len(read(str(self.directory))), MAX_FILES)
        (self.directory / "assets" / "more.txt").touch()
        self.assertIn(f"over {MAX_FILES} files", self.refused())

    def test_how_large(self) -> None:
        """All together may have so many bytes, and not one more."""
        for name, size in ("assets/a.js", 1), ("index.html", MAX_BYTES - 1):
            (self.directory / name).touch()
            os.truncate(self.directory / name, size)
        self.assertEqual(len(read(str(self.directory))), 2)
        os.truncate(self.directory / "assets" / "a.js", 2)
        self.assertIn(f"{MAX_BYTES} bytes", self.refused())

    def test_unreadable(self) -> None:
        """A file that cannot be read is told by its name."""
        (self.directory / "index.html").touch()

        def no_open(*_: object) -> int:
            raise PermissionError(13, "Permission denied")

        self.patch(os, "open", no_open)
        self.assertIn("index.html cannot be read (Permission denied)", self.refused())
