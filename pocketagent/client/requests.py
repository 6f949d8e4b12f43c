# -*- test-case-name: tests.client.test_requests -*-
"""All that can be asked of a server, one method each: arguments -> a command -> what the server answered, typed."""

import uuid
from collections.abc import Mapping, Sequence
from typing import TypeVar

from pocketagent.client.problems import Problem
from pocketagent.domain import commands
from pocketagent.domain.agent import Behavior, PermissionMode
from pocketagent.domain.commands import Command, Order
from pocketagent.domain.events import (
    AgentConfigured,
    PermissionResolved,
    ProcessKilled,
    ProjectState,
    PromptDropped,
    SessionReset,
)
from pocketagent.domain.message import Direction
from pocketagent.domain.options import NO_OPTIONS, Options
from pocketagent.domain.permission_updates import PermissionUpdate
from pocketagent.domain.replies import (
    AgentContext,
    AgentInfo,
    AgentInterrupted,
    ExecutionAccepted,
    HealthStatus,
    ProjectDeleted,
    ProjectListed,
    ServerStats,
)
from pocketagent.wire import server as wire
from pocketagent.wire.server import Message, Page, Unintelligible

T = TypeVar("T")


class Requests:
    """What a `Client` can ask; each method raises what `request` raises, and Refusal for what cannot be meant."""

    __slots__ = ()

    async def request(self, command: Command) -> Message:
        """Ask anything; the reply as it came."""
        raise NotImplementedError

    async def _typed(self, command: Command, kind: type[T]) -> T:
        reply = await self.request(command)
        try:
            return wire.value_of(reply, kind)
        except Unintelligible as unknown:
            raise Problem(str(unknown)) from None

    # -- projects ---------------------------------------------------------------------------------------------

    async def list_projects(self) -> Sequence[ProjectState]:
        return (await self._typed(commands.ListProjects(), ProjectListed)).projects

    async def get_project(self, project_id: str) -> ProjectState:
        return await self._typed(commands.GetProject(project_id=project_id), ProjectState)

    async def create_project(self, path: str, name: str | None = None, trust: str | None = None) -> ProjectState:
        return await self._typed(commands.CreateProject(path=path, name=name, trust=trust), ProjectState)

    async def update_project(
        self, project_id: str, name: str | None = None, archived: bool | None = None
    ) -> ProjectState:
        command = commands.UpdateProject(project_id=project_id, name=name, archived=archived)
        return await self._typed(command, ProjectState)

    async def trust_project(self, project_id: str, fingerprint: str) -> ProjectState:
        command = commands.TrustProject(project_id=project_id, fingerprint=fingerprint)
        return await self._typed(command, ProjectState)

    async def delete_project(self, project_id: str) -> None:
        await self._typed(commands.DeleteProject(project_id=project_id), ProjectDeleted)

    # -- executions -------------------------------------------------------------------------------------------

    async def execute(
        self,
        project_id: str,
        prompt: str,
        options: Options = NO_OPTIONS,
        queue: bool = False,
        prompt_id: str | None = None,
        attachments: Sequence[str] = (),
    ) -> ExecutionAccepted:
        """Give the agent work. `prompt_id`, a UUID, makes a prompt run at most once, however often it is sent; it has
        one in any case, so that a connection which dies meanwhile makes no difference. `attachments`: ids of what was
        uploaded to the project."""
        command = commands.Execute(
            project_id=project_id,
            prompt=prompt,
            options=options,
            queue=queue,
            prompt_id=prompt_id or str(uuid.uuid4()),
            attachments=tuple(attachments),
        )
        return await self._typed(command, ExecutionAccepted)

    async def remove_from_queue(self, project_id: str, execution_id: str) -> PromptDropped:
        command = commands.RemoveFromQueue(project_id=project_id, execution_id=execution_id)
        return await self._typed(command, PromptDropped)

    async def configure(
        self, project_id: str, model: str | None = None, permission_mode: PermissionMode | None = None
    ) -> AgentConfigured:
        command = commands.Configure(project_id=project_id, model=model, permission_mode=permission_mode)
        return await self._typed(command, AgentConfigured)

    async def interrupt(self, project_id: str) -> bool:
        """End the running turn; whether the agent has confirmed that."""
        return (await self._typed(commands.Interrupt(project_id=project_id), AgentInterrupted)).confirmed

    async def kill(self, project_id: str) -> ProcessKilled:
        return await self._typed(commands.Kill(project_id=project_id), ProcessKilled)

    async def new_session(self, project_id: str) -> SessionReset:
        return await self._typed(commands.NewSession(project_id=project_id), SessionReset)

    async def allow(
        self,
        project_id: str,
        permission_id: str,
        updated_input: Mapping[str, object] | None = None,
        updated_permissions: Sequence[PermissionUpdate] = (),
    ) -> PermissionResolved:
        command = commands.AnswerPermission(
            project_id=project_id,
            permission_id=permission_id,
            behavior=Behavior.ALLOW,
            updated_input=updated_input,
            updated_permissions=tuple(updated_permissions),
        )
        return await self._typed(command, PermissionResolved)

    async def deny(
        self, project_id: str, permission_id: str, message: str = "", interrupt: bool = False
    ) -> PermissionResolved:
        command = commands.AnswerPermission(
            project_id=project_id,
            permission_id=permission_id,
            behavior=Behavior.DENY,
            message=message,
            interrupt=interrupt,
        )
        return await self._typed(command, PermissionResolved)

    async def acknowledge_error(self, project_id: str) -> ProjectState:
        return await self._typed(commands.AcknowledgeError(project_id=project_id), ProjectState)

    # -- looking ----------------------------------------------------------------------------------------------

    async def get_messages(
        self,
        project_id: str,
        *,
        since: str | None = None,
        until: str | None = None,
        after_seq: int | None = None,
        before_seq: int | None = None,
        limit: int = 100,
        direction: Direction | None = None,
        types: Sequence[str] | None = None,
        order: Order = Order.DESC,
    ) -> Page:
        command = commands.GetMessages(
            project_id=project_id,
            since=since,
            until=until,
            after_seq=after_seq,
            before_seq=before_seq,
            limit=limit,
            direction=direction,
            types=None if types is None else tuple(types),
            order=order,
        )
        return await self._typed(command, Page)

    async def agent_info(self, project_id: str | None = None) -> AgentInfo:
        return await self._typed(commands.GetAgentInfo(project_id=project_id), AgentInfo)

    async def agent_context(self, project_id: str) -> AgentContext:
        return await self._typed(commands.GetContext(project_id=project_id), AgentContext)

    async def health_check(self) -> HealthStatus:
        return await self._typed(commands.CheckHealth(), HealthStatus)

    async def server_stats(self) -> ServerStats:
        return await self._typed(commands.GetStats(), ServerStats)
