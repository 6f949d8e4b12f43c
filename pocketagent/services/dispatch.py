# -*- test-case-name: tests.services.test_dispatch -*-
"""A command -> the service that does it, once the scope is checked: the one table (the brief's router)."""

from collections.abc import Sequence
from typing import assert_never

from attrs import define

from pocketagent.domain import commands
from pocketagent.domain.commands import Command
from pocketagent.domain.refusals import Code, Refusal, no_storage
from pocketagent.domain.replies import Reply
from pocketagent.ports import IConnection, StorageUnavailable
from pocketagent.services.audit import Audit
from pocketagent.services.executions import Executions
from pocketagent.services.health import Health
from pocketagent.services.history import History
from pocketagent.services.projects import Projects
from pocketagent.services.watching import Watching


@define(eq=False)
class Dispatch:
    """Who does what."""

    _projects: Projects
    _executions: Executions
    _history: History
    _health: Health
    _watching: Watching
    _audit: Audit

    async def do(self, command: Command, asker: IConnection) -> Sequence[Reply]:
        """Carry it out and return what the asker is told, after everybody was told what happened.

        Raises Refusal: FORBIDDEN when the device's scope does not cover the command, else as the service says. Whatever
        comes of it: of a command that changes something there is a record.
        """
        return await self._audit.witness(command, asker, lambda: self._do(command, asker))

    async def _do(self, command: Command, asker: IConnection) -> Sequence[Reply]:
        if not asker.device.scope.covers(command.scope):
            raise Refusal(
                Code.FORBIDDEN,
                f"This needs the scope `{command.scope}`; this device has `{asker.device.scope}`.",
                needed=command.scope,
            )
        try:
            return await self._carry_out(command, asker)
        except StorageUnavailable:
            raise no_storage() from None

    async def _carry_out(self, command: Command, asker: IConnection) -> Sequence[Reply]:
        reply: Reply
        match command:
            case commands.JoinProject():
                return await self._history.join(command, asker)
            case commands.AcknowledgeMessages():
                await self._history.acknowledge(command, asker)
                return ()
            case commands.CreateProject():
                reply = await self._projects.create(command, asker)
            case commands.UpdateProject():
                reply = await self._projects.update(command)
            case commands.TrustProject():
                reply = await self._projects.trust(command)
            case commands.ListProjects():
                if command.subscribe is not None:
                    self._watching.set(asker, command.subscribe)
                reply = self._projects.list()
            case commands.GetProject():
                reply = self._projects.conversation(command.project_id).project_state(requests=True)
            case commands.DeleteProject():
                reply = await self._projects.delete(command)
            case commands.LeaveProject():
                reply = await self._history.leave(command, asker)
            case commands.Execute():
                reply = await self._executions.execute(command, asker)
            case commands.RemoveFromQueue():
                reply = await self._executions.remove(command)
            case commands.Configure():
                reply = await self._executions.configure(command, asker)
            case commands.Interrupt():
                reply = await self._executions.interrupt(command)
            case commands.Kill():
                reply = await self._executions.kill(command)
            case commands.NewSession():
                reply = await self._executions.new_session(command)
            case commands.AnswerPermission():
                reply = await self._executions.answer(command, asker)
            case commands.AcknowledgeError():
                reply = await self._executions.acknowledge(command)
            case commands.GetMessages():
                reply = await self._history.get_messages(command)
            case commands.GetAgentInfo():
                reply = await self._health.info(command)
            case commands.GetContext():
                reply = await self._executions.context(command)
            case commands.CheckHealth():
                reply = await self._health.check()
            case commands.GetStats():
                reply = await self._health.stats(command, asker)
            case _:
                assert_never(command)
        return (reply,)
