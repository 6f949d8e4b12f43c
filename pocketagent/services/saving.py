# -*- test-case-name: tests.services.test_saving -*-
"""What is kept of a project beside its journal: a change at once, what may be lost in a crash late and together."""

from collections.abc import Mapping
from contextlib import suppress

from attrs import define, evolve, field
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from pocketagent.domain.project import Project, Trust
from pocketagent.domain.refusals import Refusal, no_storage
from pocketagent.ports import IProjects, StorageUnavailable
from pocketagent.services.conversation import Conversation, deleted

SAVE_DELAY = 2.0
"""Seconds by which costs and acknowledgements are saved late, together."""

_log = Logger()


@define(eq=False)
class Saving:
    """One write at a time: none overwrites a newer one, or brings back what was deleted."""

    _store: IProjects
    _clock: IReactorTime
    _writing: DeferredLock = field(factory=DeferredLock)
    _unsaved: dict[Conversation, IDelayedCall] = field(factory=dict)

    async def change(
        self, conversation: Conversation, changes: Mapping[str, str | bool], trust: Trust | None = None
    ) -> None:
        """Save the project with these changes, then tell its state anew.

        Raises Refusal: STORAGE_UNAVAILABLE; PROJECT_NOT_FOUND when it was deleted meanwhile.
        """
        await self._writing.acquire()
        try:
            if not await self.take_up(conversation):
                raise deleted(conversation.project.id)
            await self._save(evolve(conversation.project, **changes))  # type: ignore[arg-type]  # names and types are ours
            try:
                await conversation.update(changes, trust)
            except Refusal:
                with suppress(Refusal):
                    await self._save(conversation.project)  # as it was before
                raise
        finally:
            self._writing.release()

    async def take_up(self, conversation: Conversation) -> bool:
        """What `pocketagent trust` may have approved meanwhile, so that it is not overwritten; whether the project is
        still kept. Raises Refusal(STORAGE_UNAVAILABLE)."""
        try:
            kept = await self._store.get(conversation.project.id)
        except StorageUnavailable:
            raise no_storage() from None
        if kept is not None and not kept.fault:
            conversation.project = evolve(conversation.project, approved=kept.approved)
        return kept is not None

    async def remove(self, project_id: str) -> None:
        """Remove what is kept, the journal too. Raises Refusal(STORAGE_UNAVAILABLE)."""
        await self._writing.acquire()
        try:
            await self._store.remove(project_id)
        except StorageUnavailable:
            raise no_storage() from None
        finally:
            self._writing.release()

    def soon(self, conversation: Conversation) -> None:
        """Save what has changed beside the journal and may be lost in a crash: what was used, and how far devices have
        read."""
        if conversation not in self._unsaved:
            self._unsaved[conversation] = self._clock.callLater(SAVE_DELAY, self._now, conversation)

    async def flush(self) -> None:
        """Save now what `soon` would have saved later."""
        unsaved, self._unsaved = self._unsaved, {}
        for conversation, call in unsaved.items():
            call.cancel()
            await self.keep(conversation)

    def _now(self, conversation: Conversation) -> None:
        del self._unsaved[conversation]
        Deferred.fromCoroutine(self.keep(conversation)).addErrback(
            lambda failure: _log.failure("while saving a project", failure)
        )

    async def keep(self, conversation: Conversation) -> None:
        """Save it now; where that cannot be, it is logged."""
        await self._writing.acquire()
        try:
            if await self.take_up(conversation):
                await self._save(conversation.project)
        except Refusal:
            _log.warn("project {id} could not be saved", id=conversation.project.id)
        finally:
            self._writing.release()

    async def _save(self, project: Project) -> None:
        try:
            await self._store.save(project)
        except StorageUnavailable:
            raise no_storage() from None
