"""Each method asks exactly one thing, with what it was given, and returns the answer as a value."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from attrs import define, evolve, field
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.client.requests import Requests
from pocketagent.domain import commands, events, replies
from pocketagent.domain.agent import Behavior, PermissionMode
from pocketagent.domain.commands import Command, Order
from pocketagent.domain.message import Direction
from pocketagent.domain.options import Options
from pocketagent.domain.permission_updates import Destination, PermissionUpdate, UpdateKind
from pocketagent.wire import client, server
from pocketagent.wire.client import Told
from pocketagent.wire.server import Message, Page
from tests.wire.test_server import NOW, STATE, TOLD, UUID

UPDATE = PermissionUpdate(type=UpdateKind.SET_MODE, destination=Destination.SESSION, mode=PermissionMode.PLAN)
PAGE = replies.MessagesFound([], UUID, 5, 1, False)


@define(eq=False)
class Asked(Requests):
    """Keeps what is asked, and answers with one thing."""

    reply: Told
    commands: list[Command] = field(factory=list)

    async def request(self, command: Command) -> Message:
        self.commands.append(command)
        return server.decode(client.reply(self.reply, NOW, "p", "r"))


def told(kind: type[Told]) -> Told:
    return next(one for one in TOLD if isinstance(one, kind))


Case = tuple[Callable[[Requests], Awaitable[object]], Command, Told, object]


def case(ask: Callable[[Requests], Awaitable[object]], command: Command, reply: Told, value: object = None) -> Case:
    return ask, command, reply, value


ACCEPTED, STATS = told(replies.ExecutionAccepted), told(replies.ServerStats)
DROPPED, CONFIGURED = told(events.PromptDropped), told(events.AgentConfigured)
INFO, CONTEXT, HEALTH = told(replies.AgentInfo), told(replies.AgentContext), told(replies.HealthStatus)
ALLOWED = told(events.PermissionResolved)

CASES: Sequence[Case] = (
    case(lambda ask: ask.list_projects(), commands.ListProjects(), replies.ProjectListed([STATE], 1), [STATE]),
    case(lambda ask: ask.create_project("/a"), commands.CreateProject(path="/a"), STATE),
    case(
        lambda ask: ask.create_project("/a", "n", "f"), commands.CreateProject(path="/a", name="n", trust="f"), STATE
    ),
    case(
        lambda ask: ask.update_project("p", archived=False),
        commands.UpdateProject(project_id="p", archived=False),
        evolve(STATE, archived=False),
    ),
    case(lambda ask: ask.trust_project("p", "f"), commands.TrustProject(project_id="p", fingerprint="f"), STATE),
    case(lambda ask: ask.get_project("p"), commands.GetProject(project_id="p"), STATE),
    case(
        lambda ask: _none(ask.delete_project("p")),
        commands.DeleteProject(project_id="p"),
        replies.ProjectDeleted("p"),
        "nothing",
    ),
    case(
        lambda ask: ask.execute("p", "x", Options(model="m"), True, UUID, [UUID]),
        commands.Execute(
            project_id="p", prompt="x", options=Options(model="m"), queue=True, prompt_id=UUID, attachments=(UUID,)
        ),
        ACCEPTED,
    ),
    case(
        lambda ask: ask.remove_from_queue("p", "e"),
        commands.RemoveFromQueue(project_id="p", execution_id="e"),
        DROPPED,
    ),
    case(
        lambda ask: ask.configure("p", "m", PermissionMode.PLAN),
        commands.Configure(project_id="p", model="m", permission_mode=PermissionMode.PLAN),
        CONFIGURED,
    ),
    case(
        lambda ask: ask.interrupt("p"), commands.Interrupt(project_id="p"), replies.AgentInterrupted(True), True
    ),
    case(lambda ask: ask.kill("p"), commands.Kill(project_id="p"), events.ProcessKilled("e")),
    case(lambda ask: ask.new_session("p"), commands.NewSession(project_id="p"), events.SessionReset("s")),
    case(
        lambda ask: ask.allow("p", "q", {"a": 1}, [UPDATE]),
        commands.AnswerPermission(
            project_id="p",
            permission_id="q",
            behavior=Behavior.ALLOW,
            updated_input={"a": 1},
            updated_permissions=(UPDATE,),
        ),
        ALLOWED,
    ),
    case(
        lambda ask: ask.deny("p", "q", "No.", True),
        commands.AnswerPermission(
            project_id="p", permission_id="q", behavior=Behavior.DENY, message="No.", interrupt=True
        ),
        ALLOWED,
    ),
    case(lambda ask: ask.acknowledge_error("p"), commands.AcknowledgeError(project_id="p"), STATE),
    case(
        lambda ask: ask.get_messages("p"), commands.GetMessages(project_id="p"), PAGE, Page([], UUID, 5, 1, False)
    ),
    case(
        lambda ask: ask.get_messages(
            "p", since=NOW, until=NOW, after_seq=1, before_seq=9, limit=5,
            direction=Direction.CLAUDE, types=["agent_message"], order=Order.ASC,
        ),
        commands.GetMessages(
            project_id="p", since=NOW, until=NOW, after_seq=1, before_seq=9, limit=5,
            direction=Direction.CLAUDE, types=("agent_message",), order=Order.ASC,
        ),
        PAGE,
        Page([], UUID, 5, 1, False),
    ),
    case(lambda ask: ask.agent_info(), commands.GetAgentInfo(), INFO),
    case(lambda ask: ask.agent_info("p"), commands.GetAgentInfo(project_id="p"), INFO),
    case(lambda ask: ask.agent_context("p"), commands.GetContext(project_id="p"), CONTEXT),
    case(lambda ask: ask.health_check(), commands.CheckHealth(), HEALTH),
    case(lambda ask: ask.server_stats(), commands.GetStats(), STATS),
)  # fmt: skip


async def _none(request: Awaitable[None]) -> object:
    await request
    return "nothing"


async def _found(asking: Awaitable[object]) -> object:
    return await asking


class RequestTests(SynchronousTestCase):
    def test_each(self) -> None:
        """The command, and the value of its answer."""
        for ask, command, reply, value in CASES:
            asked = Asked(reply)
            self.assertEqual(asyncio.run(_found(ask(asked))), reply if value is None else value)
            self.assertEqual(asked.commands, [command])

    def test_all(self) -> None:
        """Everything that the protocol has can be asked; what is joined and acknowledged is asked elsewhere."""
        elsewhere = {commands.JoinProject, commands.LeaveProject, commands.AcknowledgeMessages}
        self.assertEqual({type(command) for _, command, _, _ in CASES}, set(client.COMMANDS.values()) - elsewhere)
