# -*- test-case-name: tests.outbound.journal.test_marks -*-
"""`journal.json`: which journal this is, and whether it was closed in order. What reads or writes it may block: call it
in a thread."""

from collections.abc import Callable

from pocketagent.outbound.disk import Disk, load, save
from pocketagent.outbound.journal.repair import Found
from pocketagent.wire import records

NAME = "journal.json"
MAX_SIZE = 1 << 16


def read(disk: Disk, path: str) -> records.Marks | None:
    """What the file says; None without a good one. Raises OSError, and NewerVersion."""
    try:
        return records.marks(load(disk, path, MAX_SIZE))
    except (FileNotFoundError, ValueError):
        return None


class Marks:
    """Of one open journal. `kept`: what the file says; `found`: what the other files hold. Methods raise OSError."""

    def __init__(
        self,
        disk: Disk,
        path: str,
        boot_id: str,
        new_id: Callable[[], str],
        kept: records.Marks | None,
        found: Found,
    ) -> None:
        is_new = kept is None or _is_doubtful(kept, found, boot_id)
        self.journal_id = new_id() if kept is None or is_new else kept.journal_id
        self._disk = disk
        self._path = path
        self._boot_id = boot_id
        self._new_id = new_id
        self._kept = kept

    @property
    def are_clean(self) -> bool:
        """Whether the file says that the journal was closed in order."""
        return self._kept is not None and self._kept.clean

    @property
    def are_settled(self) -> bool:
        """Whether it says so of this very journal."""
        return self._kept is not None and self._kept.clean and self._kept.journal_id == self.journal_id

    def opened(self) -> None:
        """The journal is going to be written to."""
        self._keep(clean=False, head_seq=0)

    def closed(self, head_seq: int) -> None:
        """It was closed in order, with this as its newest number."""
        self._keep(clean=True, head_seq=head_seq)

    def renew(self) -> None:
        """Told entries are gone, so this is another journal."""
        self.journal_id = self._new_id()
        self.opened()

    def _keep(self, clean: bool, head_seq: int) -> None:
        marks = records.Marks(journal_id=self.journal_id, boot_id=self._boot_id, clean=clean, head_seq=head_seq)
        if marks != self._kept:
            save(self._disk, self._path, (records.marks_record(marks),))
            self._kept = marks


def _is_doubtful(marks: records.Marks, found: Found, boot_id: str) -> bool:
    """Whether entries that were told may be gone: after a power loss, or when whole records or files are."""
    if found.lost:
        return True
    return found.head_seq < marks.head_seq if marks.clean else marks.boot_id != boot_id
