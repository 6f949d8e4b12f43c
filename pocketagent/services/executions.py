# -*- test-case-name: tests.services.test_executions -*-
"""Prompts: executed, queued, answered, interrupted, killed; each at most once by its `prompt_id`."""

from collections.abc import Callable, Mapping, Sequence

from attrs import define, evolve, field
from twisted.internet.defer import Deferred, DeferredList, DeferredLock
from twisted.internet.interfaces import IReactorTime

from pocketagent.domain.access import Scope
from pocketagent.domain.agent import Answer, Ending, LaunchOptions, PermissionMode
from pocketagent.domain.attachment import Attached
from pocketagent.domain.commands import (
    AcknowledgeError,
    AnswerPermission,
    Configure,
    Execute,
    GetContext,
    Interrupt,
    Kill,
    NewSession,
    RemoveFromQueue,
)
from pocketagent.domain.events import (
    Actor,
    AgentConfigured,
    PermissionResolved,
    ProcessKilled,
    ProjectState,
    PromptDropped,
    Reason,
    SessionReset,
    State,
)
from pocketagent.domain.execution import Machine
from pocketagent.domain.options import Options
from pocketagent.domain.permission_updates import Destination, PermissionUpdate, UpdateKind
from pocketagent.domain.refusals import Code, Refusal, invalid
from pocketagent.domain.replies import AgentContext, AgentInterrupted, ExecutionAccepted, Status
from pocketagent.domain.turn import Execution
from pocketagent.ports import IConnection, IDirectories
from pocketagent.services.attachments import Attachments
from pocketagent.services.conversation import Conversation
from pocketagent.services.projects import Projects
from pocketagent.services.runs import WarmProcesses
from pocketagent.services.saving import Saving
from pocketagent.wire import events


@define(eq=False)
class Bounds:
    """What the settings allow an execution. Sizes in characters, times in seconds; `mcp_configs`: text by name."""

    prompt_size: int
    executions: int
    timeout: float
    timeout_max: float
    allow_bypass: bool
    mcp_configs: Mapping[str, str] = field(repr=False)

    def timeout_of(self, asked: float | None) -> float:
        return self.timeout if asked is None else min(asked, self.timeout_max)


@define(eq=False)
class Executions:
    """The use cases around a project's machine."""

    _projects: Projects
    _saving: Saving
    _directories: IDirectories
    _attachments: Attachments
    _warm: WarmProcesses
    _bounds: Bounds
    _clock: IReactorTime
    _new_id: Callable[[], str]
    _is_stopping: bool = False
    _once: dict[tuple[str, str], DeferredLock] = field(factory=dict)

    # -- prompts --------------------------------------------------------------------------------------------

    async def execute(self, command: Execute, asker: IConnection) -> ExecutionAccepted:
        """Raises Refusal: PROCESS_ACTIVE, RESOURCE_LIMIT, MESSAGE_TOO_LARGE, FORBIDDEN, INVALID_*, STORAGE_…"""
        conversation = self._projects.conversation(command.project_id)
        if command.prompt_id is None:
            return await self._accept(conversation, command, None, asker)
        prompt_id = command.prompt_id.lower()
        # A double tap: the second waits until it is clear what becomes of the first.
        once = self._once.setdefault((command.project_id, prompt_id), DeferredLock())
        await once.acquire()
        try:
            known = await self._known(conversation, prompt_id, command)
            return known or await self._accept(conversation, command, prompt_id, asker)
        finally:
            once.release()
            if not once.locked:
                self._once.pop((command.project_id, prompt_id), None)

    async def _accept(
        self, conversation: Conversation, command: Execute, prompt_id: str | None, asker: IConnection
    ) -> ExecutionAccepted:
        self._check_size("data.prompt", command.prompt)
        launch = await self._resolve(command.options, asker)
        actor = _actor(asker)

        async def accept(attached: Sequence[Attached]) -> ExecutionAccepted:
            execution = Execution(
                self._new_id(), prompt_id, command.prompt, command.options, launch, actor, tuple(attached)
            )

            def step(machine: Machine) -> int:
                self._check_room(conversation)
                return machine.execute(execution, actor, command.queue)

            position = await conversation.obey(step)
            return ExecutionAccepted(execution.id, position, Status.QUEUED if position else Status.RUNNING, False)

        return await self._attachments.using(conversation, command.attachments, accept)

    async def _known(self, conversation: Conversation, prompt_id: str, command: Execute) -> ExecutionAccepted | None:
        """The answer to a prompt that was accepted before; None when this one is new."""
        entry = await conversation.journal.find(f"prompt:{prompt_id}")
        if entry is None:
            return None
        execution_id, known_prompt, attached = events.read_prompt(entry.message)
        if (known_prompt, attached) != (command.prompt, tuple(each.lower() for each in command.attachments)):
            raise invalid("data.prompt_id", "This `prompt_id` was used for another prompt: choose a new one.")
        core = conversation.machine.core
        waiting = [one.id for one in core.queue]
        if core.execution is not None and core.execution.id == execution_id:
            status = Status.RUNNING
        elif execution_id in waiting:
            return ExecutionAccepted(execution_id, waiting.index(execution_id) + 1, Status.QUEUED, True)
        elif await conversation.journal.find(f"dropped:{execution_id}") is not None:
            status = Status.DROPPED
        else:
            error = await conversation.journal.find(f"failed:{execution_id}")
            # The error of a line that is left out is the only one that ends nothing.
            is_failed = error is not None and events.read_code(error.message) != Code.LINE_TOO_LARGE
            status = Status.FAILED if is_failed else Status.DONE
        return ExecutionAccepted(execution_id, 0, status, True)

    def _check_size(self, where: str, text: str) -> None:
        if len(text) > self._bounds.prompt_size:
            raise Refusal(
                Code.MESSAGE_TOO_LARGE,
                f"The text has {len(text)} characters; at most {self._bounds.prompt_size} are taken.",
                field=where,
                limit=self._bounds.prompt_size,
            )

    def _check_room(self, conversation: Conversation) -> None:
        if self._is_stopping:
            raise Refusal(Code.EXECUTION_INTERRUPTED, "The server is stopping: send the prompt again in a moment.")
        running = sum(one.state is State.EXECUTING for one in self._projects.conversations)
        if conversation.state is not State.EXECUTING and running >= self._bounds.executions:
            raise Refusal(
                Code.RESOURCE_LIMIT,
                f"{self._bounds.executions} executions run already on this server: wait for one to end.",
                limit=self._bounds.executions,
            )

    async def _resolve(self, options: Options, asker: IConnection) -> LaunchOptions:
        """Paths and names of the options, checked against the settings and the asker's scope."""
        if options.append_system_prompt is not None:
            self._check_size("data.options.append_system_prompt", options.append_system_prompt)
        if options.bypasses_permissions:
            self._check_bypass(asker)
        if options.timeout is not None and options.timeout > self._bounds.timeout_max:
            raise invalid("data.options.timeout", f"`timeout` is at most {self._bounds.timeout_max:g} seconds.")
        config = None
        if options.mcp_config is not None:
            config = self._bounds.mcp_configs.get(options.mcp_config)
            if config is None:
                raise invalid("data.options.mcp_config", "The server's settings define no configuration of this name.")
        directories = [await self._look(path, "data.options.add_dirs") for path in options.add_dirs]
        return LaunchOptions(
            fallback_model=options.fallback_model,
            allowed_tools=options.allowed_tools,
            disallowed_tools=options.disallowed_tools,
            append_system_prompt=options.append_system_prompt,
            mcp_config=config,
            strict_mcp_config=options.strict_mcp_config,
            add_dirs=tuple(directories),
            bypass_permissions=options.bypasses_permissions,
            effort=options.effort,
            max_budget_usd=options.max_budget_usd,
        )

    async def _look(self, path: str, where: str) -> str:
        """The real path of a directory that an agent may use, named in this field of the request."""
        try:
            return (await self._directories.look(path)).path
        except Refusal as refusal:
            raise Refusal(refusal.code, refusal.message, **{**refusal.details, "field": where}) from None

    def _check_bypass(self, asker: IConnection) -> None:
        if not self._bounds.allow_bypass:
            raise Refusal(
                Code.FORBIDDEN,
                "This server does not allow bypassing permissions: its setting `allow_bypass` is off.",
                setting="allow_bypass",
            )
        _need(Scope.ADMIN, asker, "Bypassing permissions")

    async def remove(self, command: RemoveFromQueue) -> PromptDropped:
        conversation = self._projects.conversation(command.project_id)
        return await conversation.obey(lambda machine: machine.remove(command.execution_id))

    # -- the running execution ------------------------------------------------------------------------------

    async def configure(self, command: Configure, asker: IConnection) -> AgentConfigured:
        if command.permission_mode is PermissionMode.BYPASS:
            self._check_bypass(asker)
        conversation = self._projects.conversation(command.project_id)
        conversation.machine.check_running()
        await self._projects.runners[command.project_id].configure(command.model, command.permission_mode)
        return await conversation.obey(lambda machine: machine.configured(command.model, command.permission_mode))

    async def interrupt(self, command: Interrupt) -> AgentInterrupted:
        conversation = self._projects.conversation(command.project_id)
        await conversation.obey(Machine.interrupt)
        return AgentInterrupted(await self._projects.runners[command.project_id].interrupted())

    async def kill(self, command: Kill) -> ProcessKilled:
        conversation = self._projects.conversation(command.project_id)
        killed = await conversation.obey(Machine.kill)
        await self._projects.runners[command.project_id].gone()
        return killed

    async def answer(self, command: AnswerPermission, asker: IConnection) -> PermissionResolved:
        conversation = self._projects.conversation(command.project_id)
        updates = [await self._check_update(update, asker) for update in command.updated_permissions]
        answer = Answer(command.behavior, command.updated_input, updates, command.message, command.interrupt)
        actor = _actor(asker)
        return await conversation.obey(
            lambda machine: machine.answer(command.permission_id, answer, actor, Reason.ANSWERED)
        )

    async def _check_update(self, update: PermissionUpdate, asker: IConnection) -> Mapping[str, object]:
        """The rules of `options` hold here too; else FORBIDDEN, and the question stays open."""
        if update.mode is PermissionMode.BYPASS:
            self._check_bypass(asker)
        if update.destination is Destination.USER:
            _need(Scope.ADMIN, asker, "Changing the settings of the user")
        if update.type is UpdateKind.ADD_DIRECTORIES:
            try:
                places = [await self._look(path, "data.updated_permissions") for path in update.directories or ()]
            except Refusal as refusal:
                raise Refusal(Code.FORBIDDEN, refusal.message, **refusal.details) from None
            # Where they lead now: a link could be turned after it was checked.
            update = evolve(update, directories=tuple(places))
        return events.as_plain(update)

    async def new_session(self, command: NewSession) -> SessionReset:
        return await self._projects.conversation(command.project_id).obey(Machine.new_session)

    async def acknowledge(self, command: AcknowledgeError) -> ProjectState:
        conversation = self._projects.conversation(command.project_id)
        await conversation.obey(Machine.acknowledge)
        return conversation.project_state()

    async def context(self, command: GetContext) -> AgentContext:
        """How full the conversation is; null where no process is there to be asked."""
        conversation = self._projects.conversation(command.project_id)
        found = await self._projects.runners[command.project_id].context()
        cost = conversation.machine.core.usage.total_usd
        if found is None:
            return AgentContext(None, None, cost)
        return AgentContext(found.total_tokens, found.max_tokens, cost)

    # -- what follows from a change of state ----------------------------------------------------------------

    def changed(self, conversation: Conversation) -> None:
        """A project has come to rest, or works: mind its warm process and keep what it has used."""
        runner = self._projects.runners.get(conversation.project.id)
        if conversation.state is State.EXECUTING:
            if runner is not None:
                self._warm.wake(runner)
            return
        if runner is not None:
            runner.rested()
        usage = evolve(conversation.told.usage, counted_seq=conversation.project.usage.counted_seq)
        if usage != conversation.project.usage:
            # All that the journal has now is in it.
            usage = evolve(usage, counted_seq=conversation.journal.head_seq)
            conversation.project = evolve(conversation.project, usage=usage)
            self._saving.soon(conversation)

    async def shut_down(self, seconds: float) -> None:
        """Stop every execution and every process; what has not ended in time is told as interrupted all the same."""
        self._is_stopping = True
        conversations = self._projects.conversations
        for conversation in conversations:
            await conversation.shut_down()
        runners = [self._projects.runners[conversation.project.id] for conversation in conversations]
        for conversation, runner in zip(conversations, runners, strict=True):
            if conversation.state is not State.EXECUTING:
                runner.retire()
        gone = [Deferred.fromCoroutine(runner.gone()) for runner in runners]
        await DeferredList([one.addTimeout(seconds, self._clock) for one in gone], consumeErrors=True)
        for conversation in conversations:
            await conversation.ended(Ending(None, None, ""))
            conversation.forget()


def _actor(asker: IConnection) -> Actor:
    return Actor(asker.device.id, asker.device.name)


def _need(scope: Scope, asker: IConnection, what: str) -> None:
    if not asker.device.scope.covers(scope):
        raise Refusal(Code.FORBIDDEN, f"{what} needs the scope `{scope}`.", needed=scope)
