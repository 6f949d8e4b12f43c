# -*- test-case-name: tests.outbound.test_web_client -*-
"""The web client as it was built: its files, read once, when the server starts. Blocks."""

import os
import stat
from collections.abc import Mapping

MAX_FILES = 500
MAX_BYTES = 16 * 1024 * 1024
"""Of all files together: they are kept in memory. A build has about 70 files of 1.3 MB."""


class WebClientUnusable(Exception):
    """Why the files are not taken: the end of a sentence."""


def read(directory: str) -> Mapping[str, bytes]:
    """The files below a directory by their paths from there, such as `assets/main-1a2b.js`; none where it does not
    exist. Links are left out. Raises WebClientUnusable where there are too many, or one cannot be read.
    """
    found: dict[str, bytes] = {}
    left = MAX_BYTES
    for folder, _, names in os.walk(directory):
        for name in sorted(names):
            path = f"{folder}/{name}"
            try:
                content = _content(path, left)
            except OSError as error:
                raise WebClientUnusable(f"{path} cannot be read ({error.strerror})") from None
            if content is None:
                continue
            left -= len(content)
            if left < 0 or len(found) == MAX_FILES:
                raise WebClientUnusable(f"there are over {MAX_FILES} files, or {MAX_BYTES} bytes, in {directory}")
            found[os.path.relpath(path, directory)] = content
    return found


def _content(path: str, most: int) -> bytes | None:
    """Of a file, one byte more than `most` at most; None of anything else."""
    if not stat.S_ISREG(os.lstat(path).st_mode):
        return None
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        return file.read(most + 1)
