# -*- test-case-name: tests.outbound.journal.test_journal -*-
"""The journals on the disk: files of lines, appended to in one write a batch, read by number, time or key.

    ROOT/PROJECT_ID/journal.json                                   which journal, and whether it was closed in order
    ROOT/PROJECT_ID/kept.jsonl                                     what is found by key though its segment is gone
    ROOT/PROJECT_ID/logs/messages_YYYY-MM-DD_HH-MM-SS_SEQ.jsonl    segments, in the order of SEQ, the first number
    ROOT/PROJECT_ID/logs/messages_…_SEQ.idx                        the index of a complete segment
    ROOT/PROJECT_ID/logs/messages_…_SEQ.jsonl.torn-N               what a crash had torn

An append is a write to the page cache on the reactor thread; all else that touches the disk is done in threads.
"""

import os
from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from pocketagent.domain.measures import Measures
from pocketagent.outbound.disk import Disk, make_directory, reopen
from pocketagent.outbound.journal import marks
from pocketagent.outbound.journal.journal import FileJournal, Rules, Shared
from pocketagent.outbound.journal.repair import look
from pocketagent.outbound.journal.shelf import Shelf
from pocketagent.outbound.journal.tail import Tail
from pocketagent.ports import IJournals, IThreads, StorageUnavailable
from pocketagent.wire import records

INDEX_MEMORY = 32 << 20
"""Bytes of memory for the positions in segments that are complete, and as many for their keys; for all journals."""


@implementer(IJournals)
class FileJournals:
    """The journals below a directory, which is made when it is not there (its parent must be).

    `now` is the wall clock, `new_id` makes UUIDs, `boot_id` is the kernel's.
    """

    def __init__(
        self,
        root: str,
        *,
        threads: IThreads,
        reactor: IReactorTime,
        now: Callable[[], float],
        new_id: Callable[[], str],
        boot_id: str,
        rules: Rules | None = None,
        measures: Measures | None = None,
        disk: Disk = os,
    ) -> None:
        self._root = root
        self._open: set[str] = set()
        self._shared = Shared(
            disk=disk,
            shelf=Shelf(disk, INDEX_MEMORY),
            threads=threads,
            reactor=reactor,
            now=now,
            new_id=new_id,
            boot_id=boot_id,
            rules=rules or Rules(),
            measures=measures or Measures(),
        )

    async def open(self, project_id: str) -> "FileJournal":
        if not project_id or project_id.startswith(".") or "/" in project_id:
            raise ValueError("This is no id of a project.")
        if project_id in self._open:
            raise ValueError("This journal is open already.")
        self._open.add(project_id)
        journal = None
        try:
            journal = await self._shared.threads.run(lambda: self._look(project_id))
        except (OSError, records.NewerVersion) as problem:
            # Clients are told this: an OSError's own text names a path.
            reason = problem.strerror if isinstance(problem, OSError) else problem
            raise StorageUnavailable(f"The journal of project {project_id} cannot be opened: {reason}") from problem
        finally:
            if journal is None:
                self._open.discard(project_id)
        await journal.settle()
        return journal

    def _look(self, project_id: str) -> "FileJournal":
        """In a thread: the journal as the disk has it."""
        disk, directory = self._shared.disk, f"{self._root}/{project_id}"
        for path in (self._root, directory, f"{directory}/logs"):
            make_directory(disk, path)
        kept = marks.read(disk, f"{directory}/{marks.NAME}")
        found = look(disk, f"{directory}/logs")
        tail = None
        if found.segments:
            newest = found.segments[-1]
            tail = Tail.inheriting(disk, reopen(disk, newest.path, os.O_RDWR), newest)
        return FileJournal(self._shared, directory, found, kept, tail, closed=lambda: self._open.discard(project_id))
