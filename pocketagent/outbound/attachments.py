# -*- test-case-name: tests.outbound.test_attachments -*-
"""Attachments on the disk: one file each, in its project's directory, which begins with a line about the rest.

So it is there whole or not at all, and goes with the project. `AttachmentFiles` blocks; the server calls it by way of
`FileAttachments`, in threads.
"""

import os
from collections.abc import Sequence

from attrs import define
from twisted.logger import Logger
from zope.interface import implementer

from pocketagent.domain.attachment import Attachment, Content
from pocketagent.domain.fields import is_uuid
from pocketagent.outbound.disk import Disk, check_directory, make_directory, read, reopen, save, sync_directory
from pocketagent.ports import IAttachments, IThreads, StorageUnavailable
from pocketagent.wire import stored, stored_project

PLACE = "attachments"
SUFFIX = ".attachment"
TEMPORARY = ".tmp"
MAX_FIRST = 4096
"""Bytes of the first line of a file."""

_log = Logger()


@define(eq=False)
class AttachmentFiles:
    """`<root>/<project>/attachments/<id>.attachment`. Everything here blocks."""

    _root: str
    _disk: Disk = os

    def all(self, project_id: str) -> Sequence[Attachment]:
        """As `IAttachments.all`."""
        found = [one for each in self._ids(project_id) if (one := self._look(project_id, each)) is not None]
        return sorted(found, key=lambda one: (one.created_at, one.id))

    def save(self, project_id: str, attachment: Attachment, content: Content) -> None:
        """As `IAttachments.save`."""
        path = self._path(project_id, attachment.id)
        if path is None:
            raise ValueError("Projects and attachments have UUIDs as their ids.")
        try:
            # Not where the project is gone: then there is no directory for this one to be in.
            make_directory(self._disk, f"{self._root}/{project_id}/{PLACE}")
            save(self._disk, path, [stored.encode_attachment(attachment), memoryview(content)])
        except OSError as error:
            raise _unavailable(error) from error

    def read(self, project_id: str, attachment_id: str) -> bytes | None:
        """As `IAttachments.read`."""
        opened = self._open(project_id, attachment_id)
        if opened is None:
            return None
        fd, attachment, start = opened
        try:
            content = read(self._disk, fd, start, start + attachment.size)
        except OSError as error:
            raise _unavailable(error) from error
        finally:
            self._disk.close(fd)
        return content if len(content) == attachment.size else None

    def remove(self, project_id: str, attachment_id: str) -> bool:
        """As `IAttachments.remove`."""
        path = self._path(project_id, attachment_id)
        if path is None:
            return False
        try:
            self._disk.unlink(path)
            sync_directory(self._disk, f"{self._root}/{project_id}/{PLACE}")
        except FileNotFoundError:
            return False
        except OSError as error:
            raise _unavailable(error) from error
        return True

    def tidy(self) -> None:
        """Remove what a crash left half-written. Only while nobody saves: at the start."""
        try:
            projects = [name for name in self._disk.listdir(self._root) if stored_project.is_project_id(name)]
        except OSError as error:
            raise _unavailable(error) from error
        for project_id in projects:
            try:
                for name in self._names(project_id):
                    if name.endswith(SUFFIX + TEMPORARY):
                        self._disk.unlink(f"{self._root}/{project_id}/{PLACE}/{name}")
            except OSError as error:
                _log.warn("attachments of {id}: {reason}", id=project_id, reason=error.strerror)

    def _path(self, project_id: str, attachment_id: str) -> str | None:
        if not stored_project.is_project_id(project_id) or not _is_id(attachment_id):
            return None
        return f"{self._root}/{project_id}/{PLACE}/{attachment_id}{SUFFIX}"

    def _names(self, project_id: str) -> Sequence[str]:
        directory = f"{self._root}/{project_id}/{PLACE}"
        try:
            check_directory(self._disk, directory)
            return self._disk.listdir(directory)
        except (FileNotFoundError, NotADirectoryError):
            return ()

    def _ids(self, project_id: str) -> Sequence[str]:
        if not stored_project.is_project_id(project_id):
            return ()
        try:
            names = self._names(project_id)
        except OSError as error:
            raise _unavailable(error) from error
        return [each for name in names if name.endswith(SUFFIX) and _is_id(each := name.removesuffix(SUFFIX))]

    def _look(self, project_id: str, attachment_id: str) -> Attachment | None:
        opened = self._open(project_id, attachment_id)
        if opened is None:
            return None
        fd, attachment, _ = opened
        self._disk.close(fd)
        return attachment

    def _open(self, project_id: str, attachment_id: str) -> tuple[int, Attachment, int] | None:
        """The file with what it says of itself, and where the content begins; None for none that can be used."""
        path = self._path(project_id, attachment_id)
        if path is None:
            return None
        try:
            fd = reopen(self._disk, path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unavailable(error) from error
        try:
            first, newline, _ = read(self._disk, fd, 0, MAX_FIRST).partition(b"\n")
            attachment = stored.decode_attachment(first)
            start = len(first) + len(newline)
            if attachment.id != attachment_id or self._disk.fstat(fd).st_size != start + attachment.size:
                raise ValueError("it is cut off, or that of another one")
        except ValueError as error:
            self._disk.close(fd)
            _log.warn("the attachment {id} cannot be used: {reason}", id=attachment_id, reason=str(error))
            return None
        except OSError as error:
            self._disk.close(fd)
            raise _unavailable(error) from error
        return fd, attachment, start


@implementer(IAttachments)
@define(eq=False)
class FileAttachments:
    """Attachments in files, by way of the threads."""

    _threads: IThreads
    _files: AttachmentFiles

    async def all(self, project_id: str) -> Sequence[Attachment]:
        return await self._threads.run(lambda: self._files.all(project_id))

    async def save(self, project_id: str, attachment: Attachment, content: Content) -> None:
        await self._threads.run(lambda: self._files.save(project_id, attachment, content))

    async def read(self, project_id: str, attachment_id: str) -> bytes | None:
        return await self._threads.run(lambda: self._files.read(project_id, attachment_id))

    async def remove(self, project_id: str, attachment_id: str) -> bool:
        return await self._threads.run(lambda: self._files.remove(project_id, attachment_id))


def _is_id(text: str) -> bool:
    return is_uuid(text) and text == text.lower()


def _unavailable(error: OSError) -> StorageUnavailable:
    return StorageUnavailable(error.strerror or type(error).__name__)
