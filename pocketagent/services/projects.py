# -*- test-case-name: tests.services.test_projects -*-
"""Projects: created, listed, changed, trusted, deleted; and the conversation of each."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import PurePosixPath

from attrs import define, evolve, field
from twisted.internet.defer import DeferredLock
from twisted.logger import Logger

from pocketagent.domain.commands import CreateProject, DeleteProject, TrustProject, UpdateProject
from pocketagent.domain.events import Failure, ProjectState, State
from pocketagent.domain.execution import Machine
from pocketagent.domain.message import timestamp
from pocketagent.domain.project import MAX_NAME, Place, Project, Standing, Trust, check_nesting, project_name
from pocketagent.domain.refusals import Code, Refusal, invalid, no_storage
from pocketagent.domain.replies import ProjectDeleted, ProjectListed
from pocketagent.domain.turn import Core
from pocketagent.ports import IConnection, IDirectories, IJournal, IJournals, IProjects, StorageUnavailable
from pocketagent.services.conversation import Conversation
from pocketagent.services.notices import Notices
from pocketagent.services.recovery import recount, recover
from pocketagent.services.runs import Runner
from pocketagent.services.saving import Saving
from pocketagent.services.subscriptions import Subscriptions
from pocketagent.services.watching import Watching
from pocketagent.wire import client

_log = Logger()

_NO_TRUST = Trust(Standing.UNTRUSTED, "", ())


@define(eq=False)
class Projects:
    """Every project of this server. `converse` makes the conversation and the runner of one."""

    _store: IProjects
    _saving: Saving
    _journals: IJournals
    _directories: IDirectories
    _subscriptions: Subscriptions
    _watching: Watching
    _converse: Callable[[Project, Trust, IJournal, Machine, str], tuple[Conversation, Runner]]
    _machine: Callable[[], Machine]
    _now: Callable[[], float]
    _new_id: Callable[[], str]
    _limit: int
    _notices: Notices
    runners: dict[str, Runner] = field(factory=dict)
    _conversations: dict[str, Conversation] = field(factory=dict)
    _places: dict[str, Place] = field(factory=dict)
    _faulty: dict[str, Project] = field(factory=dict)
    _creating: DeferredLock = field(factory=DeferredLock)

    @property
    def conversations(self) -> Sequence[Conversation]:
        return tuple(self._conversations.values())

    @property
    def places(self) -> Mapping[str, Place]:
        """Where each project lies, by its id."""
        return self._places

    def conversation(self, project_id: str) -> Conversation:
        """Raises Refusal: PROJECT_NOT_FOUND; STORAGE_UNAVAILABLE when its data cannot be read."""
        found = self._conversations.get(project_id)
        if found is not None:
            return found
        if project_id in self._faulty:
            raise Refusal(Code.STORAGE_UNAVAILABLE, self._faulty[project_id].fault, project_id=project_id)
        raise _not_found(project_id)

    def core_of(self, project_id: str) -> Core | None:
        """What the machine of a project knows; None where there is no such project."""
        found = self._conversations.get(project_id)
        return found.machine.core if found is not None else None

    # -- the start ------------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Take up every project where the last server left it."""
        for project in await self._store.all():
            if project.fault:
                self._faulty[project.id] = project
                _log.error("project {id} cannot be used: {fault}", id=project.id, fault=project.fault)
                continue
            try:
                conversation = await self._take_up(project)
            except StorageUnavailable as problem:
                self._faulty[project.id] = evolve(project, fault=f"Its journal cannot be read: {problem}")
                _log.error("project {id} cannot be used: {problem}", id=project.id, problem=str(problem))
                continue
            await conversation.restarted()
            if conversation.project.usage.counted_seq < project.usage.counted_seq:
                # A power loss took what was counted: the same numbers come again, and stand for something else.
                await self._saving.keep(conversation)
            elif conversation.project.usage != project.usage:
                self._saving.soon(conversation)

    async def _take_up(self, project: Project) -> Conversation:
        try:
            self._places[project.id] = await self._directories.look(project.path)
        except Refusal:
            # The directory is gone, for now perhaps; the project and its journal stay.
            self._places[project.id] = Place(project.path, (project.identity,))
        trust = await self._directories.trust(project.path, project.approved)
        journal = await self._journals.open(project.id)
        core, last_active = await recover(journal)
        project = evolve(project, usage=await recount(journal, project.usage))
        machine = self._machine()
        machine.core = evolve(core, usage=project.usage)
        return self._install(project, trust, journal, machine, last_active or project.created_at)

    def _install(
        self, project: Project, trust: Trust, journal: IJournal, machine: Machine, last_active: str
    ) -> Conversation:
        conversation, runner = self._converse(project, trust, journal, machine, last_active)
        self._conversations[project.id] = conversation
        self.runners[project.id] = runner
        return conversation

    async def forget_old(self) -> None:
        """Remove what the settings of retention no longer keep."""
        for conversation in self.conversations:
            try:
                await conversation.journal.forget()
            except StorageUnavailable as problem:
                _log.warn("old messages of {id} were not removed: {why}", id=conversation.project.id, why=str(problem))

    async def close(self) -> None:
        """Save what is to be saved and close every journal."""
        await self._saving.flush()
        for conversation in self.conversations:
            await self._close(conversation)

    # -- what clients ask -----------------------------------------------------------------------------------

    async def create(self, command: CreateProject, asker: IConnection) -> ProjectState:
        """Raises Refusal: INVALID_PATH, PROJECT_EXISTS, PROJECT_NESTING, RESOURCE_LIMIT, STORAGE_UNAVAILABLE."""
        place = await self._directories.look(command.path)
        name = project_name(command.name or PurePosixPath(place.path).name[:MAX_NAME] or "project")
        trust = await self._directories.trust(place.path, command.trust or "")
        if command.trust is not None and trust.fingerprint != command.trust:
            raise _changed(trust, "data.trust")
        # One at a time: of two creations of one directory one wins.
        await self._creating.acquire()
        try:
            if len(self._conversations) + len(self._faulty) >= self._limit:
                raise Refusal(
                    Code.RESOURCE_LIMIT,
                    f"There are {self._limit} projects already: delete one first.",
                    limit=self._limit,
                )
            check_nesting(place, tuple(self._places.items()))
            project = Project(
                id=self._new_id(),
                name=name,
                path=place.path,
                identity=place.identity,
                created_at=timestamp(self._now()),
                approved=command.trust or "",
            )
            try:
                await self._store.save(project)
                journal = await self._journals.open(project.id)
            except StorageUnavailable:
                with suppress(StorageUnavailable):
                    await self._store.remove(project.id)
                raise no_storage() from None
            self._places[project.id] = place
            conversation = self._install(project, trust, journal, self._machine(), project.created_at)
        finally:
            self._creating.release()
        state = conversation.project_state()
        self._subscriptions.broadcast(client.reply(state, timestamp(self._now()), project.id, None), but=asker)
        self._notices.project_created(project)
        return state

    async def update(self, command: UpdateProject) -> ProjectState:
        conversation = self.conversation(command.project_id)
        changes: dict[str, str | bool] = {}
        if command.name is not None:
            changes["name"] = project_name(command.name)
        if command.archived is not None:
            changes["archived"] = command.archived
        if not changes:
            raise invalid("data", "Say what to change: `name`, `archived` or both.")
        await self._saving.change(conversation, changes)
        return conversation.project_state()

    async def trust(self, command: TrustProject) -> ProjectState:
        """Approve the state that the fingerprint names. Raises Refusal(INVALID_MESSAGE) when it has changed."""
        conversation = self.conversation(command.project_id)
        trust = await self._directories.trust(conversation.project.path, command.fingerprint)
        if trust.fingerprint != command.fingerprint:
            raise _changed(trust, "data.fingerprint")
        await self._saving.change(conversation, {"approved": command.fingerprint}, trust)
        return conversation.project_state()

    async def look_again(self, conversation: Conversation) -> Trust:
        """What the directory would run by itself now, against what was approved, here or by `pocketagent trust`."""
        await self._saving.take_up(conversation)
        trust = await self._directories.trust(conversation.project.path, conversation.project.approved)
        if trust != conversation.trust:
            await conversation.update({}, trust)
        return trust

    def list(self) -> ProjectListed:
        states = [conversation.project_state() for conversation in self._conversations.values()]
        states += [_faulty_state(project) for project in self._faulty.values()]
        return ProjectListed(states, len(states))

    async def delete(self, command: DeleteProject) -> ProjectDeleted:
        """Remove journal and metadata, never the directory. Raises Refusal: PROCESS_ACTIVE, STORAGE_UNAVAILABLE."""
        project_id = command.project_id
        if project_id in self._faulty:
            await self._saving.remove(project_id)
            if self._faulty.pop(project_id, None) is None:
                raise _not_found(project_id)
        else:
            conversation = self.conversation(project_id)

            def step(machine: Machine) -> None:
                machine.check_at_rest()
                conversation.forget()

            await conversation.obey(step)
            runner = self.runners[project_id]
            runner.retire()
            await runner.gone()
            del self._conversations[project_id], self.runners[project_id]
            await self._close(conversation)
            try:
                await self._saving.remove(project_id)
            except Refusal:
                await self._revive(conversation, runner)
                raise
            self._watching.forget(conversation)
            self._subscriptions.dismiss(conversation.audience)
        self._places.pop(project_id, None)
        gone = ProjectDeleted(project_id)
        self._subscriptions.broadcast(client.reply(gone, timestamp(self._now()), project_id, None))
        self._notices.project_deleted(project_id)
        return gone

    async def _revive(self, conversation: Conversation, runner: Runner) -> None:
        """The project could not be deleted: it goes on, with everyone who had joined."""
        project = conversation.project
        try:
            conversation.revive(await self._journals.open(project.id))
        except StorageUnavailable as problem:
            self._faulty[project.id] = evolve(project, fault=f"Its journal cannot be read: {problem}")
            self._watching.forget(conversation)
            self._subscriptions.dismiss(conversation.audience)
            return
        self._conversations[project.id] = conversation
        self.runners[project.id] = runner

    async def _close(self, conversation: Conversation) -> None:
        try:
            await conversation.journal.close()
        except StorageUnavailable as problem:
            _log.error("the journal of {id}: {why}", id=conversation.project.id, why=str(problem))


def _not_found(project_id: str) -> Refusal:
    return Refusal(
        Code.PROJECT_NOT_FOUND, "There is no such project: `project_list` shows them.", project_id=project_id[:64]
    )


def _changed(trust: Trust, where: str) -> Refusal:
    return Refusal(
        Code.INVALID_MESSAGE,
        "The parts of this directory that can run code are not, or no longer, those of the fingerprint: look again.",
        field=where,
        fingerprint=trust.fingerprint,
        files=list(trust.files),
    )


def _faulty_state(project: Project) -> ProjectState:
    return ProjectState(
        id=project.id,
        name=project.name,
        path=project.path,
        archived=project.archived,
        state=State.ERROR,
        session_id=None,
        created_at=project.created_at,
        last_active=project.created_at,
        journal_id="",
        head_seq=0,
        execution_id=None,
        queued=(),
        error=Failure(Code.STORAGE_UNAVAILABLE, project.fault),
        pending_permissions=0,
        trust=_NO_TRUST,
        subscribers=0,
    )
