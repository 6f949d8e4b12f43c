# -*- test-case-name: tests.cli.doctor.test_running -*-
"""The server that runs on this data directory, as the kernel shows it to its own user."""

import os
import resource
from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen

from pocketagent.outbound.data_directory import holder


@frozen
class Running:
    """`process` is 0 where the lock does not tell; `environment` is the one that it was started with, None where it
    cannot be seen."""

    process: int
    environment: Mapping[str, str] | None = field(default=None, repr=False)

    @classmethod
    def on(cls, data_dir: str) -> "Running | None":
        """The one that holds this data directory."""
        process = holder(data_dir)
        return None if process is None else cls(process, _environment(process))

    @property
    def name(self) -> str:
        """To go on with after "a server"."""
        return f" (process {self.process})" if self.process else ""

    @property
    def open_files(self) -> tuple[int, int] | None:
        """How many it may open, soft and hard; None where that cannot be seen."""
        if self.environment is None:
            return None
        try:
            return resource.prlimit(self.process, resource.RLIMIT_NOFILE)
        except OSError:
            return None


def _environment(process: int) -> Mapping[str, str] | None:
    """Of a process that is a server, and our own user's: root must not run the CLI as another user would have it. In a
    container its number may be another's here."""
    place = Path(f"/proc/{process}")
    try:
        if place.stat().st_uid != os.geteuid() or b"pocketagent" not in (place / "cmdline").read_bytes():
            return None
        block = (place / "environ").read_bytes()
    except OSError:
        return None
    pairs = (entry.decode(errors="surrogateescape").partition("=") for entry in block.split(b"\0"))
    return {name: value for name, _, value in pairs if name}
