# -*- test-case-name: tests.services.test_attachments -*-
"""Attachments: uploaded to a project, named by its prompts, handed to the agent, removed.

One at a time in each project: what is counted stays counted, and none is removed while a prompt takes it up.
"""

import hashlib
from collections.abc import Callable, Coroutine, Sequence
from typing import TypeVar

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger

from pocketagent.domain.attachment import (
    MAX_TOGETHER,
    Attached,
    Attachment,
    Content,
    Enclosure,
    MediaType,
    harmless,
    looks_like,
    not_found,
    unknown,
)
from pocketagent.domain.message import timestamp
from pocketagent.domain.refusals import Code, Refusal, invalid, no_storage
from pocketagent.ports import IAttachments, IConnection, IThreads, StorageUnavailable
from pocketagent.services.audit import Audit, asked
from pocketagent.services.conversation import Conversation
from pocketagent.services.projects import Projects

DAY = 86400

T = TypeVar("T")

_log = Logger()


@frozen(kw_only=True)
class Room:
    """What the settings allow: bytes of one, how many and how many bytes in a project, days that they are kept (0:
    without end)."""

    size: int
    count: int
    total: int
    days: int = 0


@define(eq=False)
class Attachments:
    """See the module. All methods that clients call raise Refusal: PROJECT_NOT_FOUND, STORAGE_UNAVAILABLE, and what
    they say."""

    _store: IAttachments
    _projects: Projects
    _threads: IThreads
    _audit: Audit
    _room: Room
    _now: Callable[[], float]
    _new_id: Callable[[], str]
    _turns: dict[str, DeferredLock] = field(factory=dict)

    async def all(self, project_id: str) -> Sequence[Attachment]:
        """The oldest first."""
        self._projects.conversation(project_id)
        return await self._all(project_id)

    async def find(self, project_id: str, attachment_id: str) -> Attachment:
        """What is known of one. Raises Refusal(ATTACHMENT_NOT_FOUND)."""
        self._projects.conversation(project_id)
        return _one(attachment_id, await self._all(project_id))

    async def read(self, project_id: str, found: Attachment) -> bytes:
        """The bytes of one that was found. Raises Refusal(ATTACHMENT_NOT_FOUND) where it is gone, or broken."""
        content = await self._read(project_id, found.id)
        if content is None:
            raise not_found(found.id)
        return content

    async def add(
        self, project_id: str, name: str, media_type: MediaType, content: Content, asker: IConnection
    ) -> Attachment:
        """Keep a new one. Raises Refusal: INVALID_MESSAGE where it is not what it is said to be, MESSAGE_TOO_LARGE,
        RESOURCE_LIMIT."""
        # Before anything waits: a large text is hashed, and compared with its type, in a thread.
        sha256 = await self._threads.run(lambda: hashlib.sha256(content).hexdigest())
        attachment = Attachment(
            id=self._new_id(),
            name=harmless(name, media_type),
            media_type=media_type,
            size=len(content),
            sha256=sha256,
            created_at=timestamp(self._now()),
        )
        deed = asked("attachment_add", asker, project_id=project_id, details=_described(attachment))
        return await self._audit.record(deed, lambda: self._add(project_id, attachment, content))

    async def remove(self, project_id: str, attachment_id: str, asker: IConnection) -> None:
        """Raises Refusal: ATTACHMENT_NOT_FOUND; PROCESS_ACTIVE while a prompt that runs or waits names it."""
        details = {"attachment_id": attachment_id[:64]}
        deed = asked("attachment_remove", asker, project_id=project_id, details=details)
        await self._audit.record(deed, lambda: self._remove(project_id, attachment_id))

    async def using(
        self,
        conversation: Conversation,
        ids: Sequence[str],
        work: Callable[[Sequence[Attached]], Coroutine[Deferred[object], object, T]],
    ) -> T:
        """Do something with these, of which none is removed meanwhile. Raises Refusal: INVALID_MESSAGE for one that is
        not there, MESSAGE_TOO_LARGE."""
        if not ids:
            return await work(())
        project_id = conversation.project.id
        turn = await self._turn(project_id)
        try:
            known = {one.id: one for one in await self._all(project_id)}
            missing = [each for each in ids if each.lower() not in known]
            if missing:
                raise unknown(missing[0])
            named = tuple(Attached.of(known[each.lower()]) for each in ids)
            if sum(one.size for one in named) > MAX_TOGETHER:
                raise Refusal(
                    Code.MESSAGE_TOO_LARGE,
                    f"The attachments of one prompt have at most {MAX_TOGETHER} bytes together.",
                    field="data.attachments",
                    limit=MAX_TOGETHER,
                )
            return await work(named)
        finally:
            turn.release()

    async def enclosures(self, project_id: str, named: Sequence[Attached]) -> Sequence[Enclosure]:
        """What the agent is handed. Raises Refusal: EXECUTION_FAILED where one was lost."""
        found = []
        for one in named:
            content = await self._read(project_id, one.id)
            if content is None:
                raise Refusal(
                    Code.EXECUTION_FAILED,
                    "An attachment of this prompt is broken, or gone from the server's disk: upload it again.",
                    attachment_id=one.id,
                )
            found.append(Enclosure(one.name, one.media_type, content))
        return found

    async def forget_old(self) -> None:
        """Remove what the settings of retention no longer keep; never what a prompt that runs or waits names."""
        if not self._room.days:
            return
        oldest = timestamp(self._now() - self._room.days * DAY)
        for conversation in self._projects.conversations:
            project_id = conversation.project.id
            turn = await self._turn(project_id)
            try:
                used = _used(conversation)
                for one in await self._all(project_id):
                    if one.created_at < oldest and one.id not in used:
                        await self._store.remove(project_id, one.id)
            except (Refusal, StorageUnavailable) as problem:
                _log.warn("old attachments of {id} were not removed: {why}", id=project_id, why=str(problem))
            finally:
                turn.release()

    async def _add(self, project_id: str, attachment: Attachment, content: Content) -> Attachment:
        self._projects.conversation(project_id)
        if not content:
            raise invalid("", "There is nothing in the body: it is the attachment itself.")
        if attachment.size > self._room.size:
            raise Refusal(
                Code.MESSAGE_TOO_LARGE,
                f"An attachment has at most {self._room.size} bytes.",
                limit=self._room.size,
            )
        media_type = attachment.media_type
        if not await self._threads.run(lambda: looks_like(media_type, content)):
            raise invalid("", f"The body is no {media_type.value}, by what stands in it.")
        turn = await self._turn(project_id)
        try:
            self._check_room(await self._all(project_id), attachment)
            try:
                await self._store.save(project_id, attachment, content)
            except StorageUnavailable:
                self._projects.conversation(project_id)  # deleted meanwhile?
                raise no_storage() from None
        finally:
            turn.release()
        self._projects.conversation(project_id)
        return attachment

    def _check_room(self, kept: Sequence[Attachment], new: Attachment) -> None:
        if len(kept) >= self._room.count:
            message = f"The project has {self._room.count} attachments already: remove one first."
            raise Refusal(Code.RESOURCE_LIMIT, message, limit=self._room.count)
        if sum(one.size for one in kept) + new.size > self._room.total:
            message = f"The attachments of a project have at most {self._room.total} bytes: remove some first."
            raise Refusal(Code.RESOURCE_LIMIT, message, limit=self._room.total)

    async def _remove(self, project_id: str, attachment_id: str) -> None:
        conversation = self._projects.conversation(project_id)
        turn = await self._turn(project_id)
        try:
            if attachment_id in _used(conversation):
                raise Refusal(
                    Code.PROCESS_ACTIVE,
                    "A prompt that runs, or waits, names this attachment: wait for its end.",
                    attachment_id=attachment_id,
                )
            try:
                if not await self._store.remove(project_id, attachment_id):
                    raise not_found(attachment_id)
            except StorageUnavailable:
                raise no_storage() from None
        finally:
            turn.release()

    async def _turn(self, project_id: str) -> DeferredLock:
        """Have a project to ourselves; whoever has it releases it."""
        turn = self._turns.setdefault(project_id, DeferredLock())
        await turn.acquire()
        return turn

    async def _all(self, project_id: str) -> Sequence[Attachment]:
        try:
            return await self._store.all(project_id)
        except StorageUnavailable:
            raise no_storage() from None

    async def _read(self, project_id: str, attachment_id: str) -> bytes | None:
        try:
            return await self._store.read(project_id, attachment_id)
        except StorageUnavailable:
            raise no_storage() from None


def _used(conversation: Conversation) -> set[str]:
    """What prompts that run or wait name."""
    core = conversation.machine.core
    under_way = [*core.queue, *([core.execution] if core.execution is not None else [])]
    return {one.id for execution in under_way for one in execution.attachments}


def _one(attachment_id: str, kept: Sequence[Attachment]) -> Attachment:
    for one in kept:
        if one.id == attachment_id:
            return one
    raise not_found(attachment_id)


def _described(one: Attachment) -> dict[str, object]:
    return {"attachment_id": one.id, "media_type": one.media_type.value, "size": one.size, "sha256": one.sha256}
