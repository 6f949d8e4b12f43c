"""Keep, tell, do: in this order, all of it or nothing, whatever fails and however long it takes."""

import json
from collections.abc import Callable

from attrs import define, field
from twisted.internet.defer import Deferred

from pocketagent.domain.agent import Behavior, Launch, Overlong, PermissionAsked, PermissionWithdrawn, Spoken
from pocketagent.domain.commands import (
    AcknowledgeError,
    AnswerPermission,
    Command,
    DeleteProject,
    Execute,
    Interrupt,
    JoinProject,
    Kill,
    NewSession,
    RemoveFromQueue,
    UpdateProject,
)
from pocketagent.domain.events import ProjectState, State
from pocketagent.domain.message import Partial
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.replies import ProjectJoined
from pocketagent.ports import IAgentListener
from tests.services.workshop import (
    AT_REST,
    BUSY,
    INIT,
    OK,
    FakeAgent,
    FakeConnection,
    FakeRun,
    Workshop,
    WorkshopCase,
)


@define(eq=False)
class Onlooker(FakeAgent):
    """Notes how much the listener had been told when a process was asked for."""

    listener: FakeConnection | None = None
    told: list[list[str]] = field(factory=list)

    async def start(self, launch: Launch, listener: IAgentListener) -> FakeRun:
        if self.listener is not None:
            self.told.append(self.listener.heard())
        return await super().start(launch, listener)


class OrderTests(WorkshopCase):
    def setUp(self) -> None:
        self.agent = Onlooker()
        self.shop = Workshop(agent=self.agent)
        self.asker = self.shop.connect()
        self.project_id = self.project()
        self.listener = self.agent.listener = self.join(self.project_id)

    def test_keep_tell_do(self) -> None:
        """Nothing is told before it is kept, and nothing is done before it is told."""
        self.shop.journals.writing.slow = True
        executing = self.asking(Execute(project_id=self.project_id, prompt="x"))
        self.assertEqual((self.listener.heard(), self.agent.runs), ([], []))
        self.assertNoResult(executing)
        self.shop.journals.writing.open_all()
        self.successResultOf(executing)
        self.assertEqual(self.agent.told, [["client_message", "project_state"]])

    def test_one_write_a_batch(self) -> None:
        """What comes in one read is kept with one write and told in one batch, partial output in its place."""
        self.execute(self.project_id)
        self.listener.batches.clear()
        before = self.shop.journals.writing.passed
        self.run_.says(Partial(b"1", None, True, False), Spoken(b"2"), Partial(b"3", None, False, True), BUSY, OK)
        self.assertEqual(self.shop.journals.writing.passed, before + 1)
        (batch,) = self.listener.batches
        self.assertEqual([item.message for item in batch.items], [b"1", b"2", b"3", BUSY.line, OK.line])

    def test_partials_are_not_kept(self) -> None:
        """Partial output alone is told without touching the journal."""
        self.execute(self.project_id)
        before = self.shop.journals.writing.passed
        self.run_.says(Partial(b"{}", None, True, False))
        self.assertEqual((self.shop.journals.writing.passed, self.listener.heard()[-1]), (before, "…"))

    def test_one_at_a_time(self) -> None:
        """While something is being kept nothing else happens to the project."""
        self.shop.journals.writing.slow = True
        executing = self.asking(Execute(project_id=self.project_id, prompt="x"))
        other = self.asking(Execute(project_id=self.project_id, prompt="y"))
        deleting = self.asking(DeleteProject(project_id=self.project_id))
        self.assertEqual(len(self.shop.journals.writing), 1)
        self.shop.journals.writing.open_all()
        self.successResultOf(executing)
        for refused in (other, deleting):
            problem = self.failureResultOf(refused, Refusal).value
            assert isinstance(problem, Refusal)
            self.assertIs(problem.code, Code.PROCESS_ACTIVE)

    def test_nothing_is_read_meanwhile(self) -> None:
        """The agent is read from again once what it said was kept and told (FL-06)."""
        self.execute(self.project_id)
        self.shop.journals.writing.slow = True
        said = self.run_.says(BUSY)
        assert isinstance(said, Deferred)
        self.assertNoResult(said)
        self.shop.journals.writing.open_all()
        self.successResultOf(said)

    def test_durable(self) -> None:
        """A prompt, and every state of rest, is made durable; what is said in between need not be."""
        durable: list[bool] = []
        journal = self.conversation(self.project_id).journal
        append = journal.append

        class Noting:
            def __getattr__(self, name: str) -> object:
                return getattr(journal, name)

            async def append(self, drafts: object, durable_: bool = False) -> object:
                durable.append(durable_)
                return await append(drafts, durable_)  # type: ignore[arg-type]  # passed on as it came

        self.conversation(self.project_id).journal = Noting()  # type: ignore[assignment]  # all of it, by delegation
        self.execute(self.project_id)
        self.run_.says(BUSY, INIT)
        self.run_.says(OK)
        self.run_.says(AT_REST)
        self.assertEqual(durable, [True, False, False, True])


class NothingTests(WorkshopCase):
    def test_refusal_leaves_nothing(self) -> None:
        """What is refused is not kept, not told, not done, and changes nothing."""
        project_id = self.project()
        listener = self.join(project_id)

        def refused(*asked: Command) -> None:
            core, told = self.conversation(project_id).machine.core, len(listener.batches)
            for command in asked:
                self.refusal(command)
                self.assertIs(self.conversation(project_id).machine.core, core)
                self.assertEqual(self.conversation(project_id).machine.outbox, [])
            self.assertEqual(len(listener.batches), told)

        answer = AnswerPermission(project_id=project_id, permission_id="q", behavior=Behavior.ALLOW)
        drop = RemoveFromQueue(project_id=project_id, execution_id="e")
        refused(Interrupt(project_id=project_id), Kill(project_id=project_id), answer, drop)
        refused(AcknowledgeError(project_id=project_id))
        self.execute(project_id)
        run = self.run_
        refused(Execute(project_id=project_id, prompt="x"), NewSession(project_id=project_id), answer, drop)
        refused(DeleteProject(project_id=project_id))
        for _ in range(2):
            self.execute(project_id, queue=True)
        refused(Execute(project_id=project_id, prompt="x", queue=True))
        self.assertEqual((len(self.shop.agent.runs), len(run.prompts), run.answers, run.killed), (1, 1, [], False))

    def test_unkept_command(self) -> None:
        """A command that cannot be kept is refused; the state, the name and the store are as before."""
        project_id = self.project()
        self.shop.journals.fails = True
        for command in (
            Execute(project_id=project_id, prompt="x"),
            UpdateProject(project_id=project_id, name="other"),
            NewSession(project_id=project_id),
        ):
            self.assertIs(self.refusal(command).code, Code.STORAGE_UNAVAILABLE)
        conversation = self.conversation(project_id)
        self.assertEqual((conversation.state, conversation.project.name), (State.IDLE, "work"))
        kept = self.stored(project_id)
        assert kept is not None
        self.assertEqual(kept.name, "work")
        self.shop.journals.fails = False
        self.execute(project_id)

    def test_join_sees_what_was_told(self) -> None:
        """While a prompt is being kept a join still tells the state before it, and that stays so if it is refused."""
        project_id = self.project()
        self.shop.journals.writing.slow = True
        self.shop.journals.writing.fails_at = 1
        executing = self.asking(Execute(project_id=project_id, prompt="x"))
        state, joined = self.ask_all(JoinProject(project_id=project_id))
        assert isinstance(state, ProjectState) and isinstance(joined, ProjectJoined)
        self.assertEqual((state.state, state.head_seq, joined.state, joined.head_seq), (State.IDLE, 0, State.IDLE, 0))
        self.shop.journals.writing.open_all()
        self.failureResultOf(executing, Refusal)
        self.assertEqual(self.asker.heard(), [])

    def test_deleted(self) -> None:
        """What an agent says, or its end, after the project was deleted is let go, and no timer is left."""
        project_id = self.project()
        self.execute(project_id)
        self.turn()
        run = self.run_
        deleting = self.asking(DeleteProject(project_id=project_id))
        run.says(BUSY, PermissionAsked("q", b"{}"))
        run.dies()
        self.successResultOf(deleting)
        self.shop.clock.advance(5)
        self.assertEqual(self.shop.clock.getDelayedCalls(), [])


class FailingTests(WorkshopCase):
    """Storage fails at one step of a day's work, whichever: nothing told is lost, and the project goes on."""

    def day(self, project_id: str) -> list[Callable[[], object]]:
        def ask(command: Command) -> None:
            self.asking(command).addErrback(lambda failure: failure.trap(Refusal) and None)

        def says(*utterances: object) -> None:
            run = self.shop.agent.runs[-1] if self.shop.agent.runs else None
            if run is not None and not run.is_ending:
                run.says(*utterances)  # type: ignore[arg-type]  # utterances, all of them

        def dies() -> None:
            for run in self.shop.agent.runs:
                if run.is_ending and run not in self.dead:
                    self.dead.append(run)
                    run.dies(None, 9)

        answer = AnswerPermission(project_id=project_id, permission_id="q", behavior=Behavior.ALLOW)
        return [
            lambda: ask(Execute(project_id=project_id, prompt="one")),
            lambda: ask(Execute(project_id=project_id, prompt="two", queue=True)),
            lambda: says(BUSY, INIT, Partial(b"{}", None, True, False)),
            lambda: says(PermissionAsked("q", b"{}"), Spoken(b'{"n":1}')),
            lambda: ask(answer),
            lambda: says(PermissionAsked("r", b"{}"), PermissionWithdrawn("r"), Overlong(99)),
            lambda: says(OK, AT_REST),
            lambda: says(BUSY, INIT, OK),
            lambda: says(AT_REST),
            lambda: ask(UpdateProject(project_id=project_id, name="other")),
            lambda: ask(NewSession(project_id=project_id)),
            dies,
            lambda: ask(Execute(project_id=project_id, prompt="three")),
            lambda: says(BUSY, INIT),
            lambda: ask(Kill(project_id=project_id)),
            dies,
        ]

    def setUp(self) -> None:
        super().setUp()
        self.dead: list[FakeRun] = []

    def test_at_every_step(self) -> None:
        """Every number is told once and in order; only STORAGE_UNAVAILABLE and its state are told without one."""
        step = 0
        while True:
            step += 1
            self.shop = Workshop()
            self.asker = self.shop.connect()
            self.dead = []
            project_id = self.project()
            listener = self.join(project_id)
            self.shop.journals.writing.fails_at = step
            for work in self.day(project_id):
                work()
            if self.shop.journals.writing.passed < step:
                break
            for run in self.shop.agent.runs:
                if run.is_ending and run not in self.dead:
                    run.dies(None, 9)
            self.shop.clock.advance(1)
            self.assertEqual(listener.seqs(), list(range(1, self.conversation(project_id).journal.head_seq + 1)), step)
            self.assertEqual(
                [message.get("type") for message in listener.sent], ["error", "project_state"][: len(listener.sent)]
            )
            self.assertFalse(self.conversation(project_id).owes)
            if self.conversation(project_id).state is State.EXECUTING:
                self.asking(Kill(project_id=project_id))
                self.run_.dies(None, 9)
            self.execute(project_id, "it goes on")
            self.assertEqual(self.run_.prompts[-1][1], "it goes on")
        self.assertGreater(step, 12)

    def test_retries_although_the_agent_chatters(self) -> None:
        """What is owed is tried every second, whatever a dying process goes on to say, and none of that is told."""
        project_id = self.project()
        listener = self.join(project_id)
        self.execute(project_id)
        self.run_.says(BUSY)
        self.shop.journals.fails = True
        self.run_.says(Spoken(b'{"lost":1}'))
        for _ in range(3):
            self.shop.clock.advance(0.25)
            self.run_.says(AT_REST, BUSY, PermissionAsked("q", b"{}"), OK)
        self.shop.journals.fails = False
        self.shop.clock.advance(0.25)
        self.assertFalse(self.conversation(project_id).owes)
        self.assertEqual(listener.heard()[-2:], ["error", "project_state"])
        self.assertIs(self.conversation(project_id).state, State.ERROR)
        (unkept,) = [message["data"] for message in listener.sent if message["type"] == "error"]
        kept = [item for batch in listener.batches for item in batch.items][-2]
        self.assertEqual(unkept, json.loads(kept.message))

    def test_at_rest(self) -> None:
        """What a warm agent says of itself and cannot be kept ends its process; the project stays as it was."""
        project_id = self.project()
        self.execute(project_id)
        self.turn()
        listener = self.join(project_id)
        self.shop.journals.fails = True
        self.run_.says(BUSY)
        self.assertTrue(self.run_.killed)
        self.run_.says(INIT, OK)
        self.run_.dies(None, 9)
        self.assertEqual((self.conversation(project_id).state, listener.heard(), listener.sent), (State.IDLE, [], []))
        self.shop.journals.fails = False
        self.execute(project_id)
        self.assertTrue(self.run_.launch.resume)

    def test_gone_while_owing(self) -> None:
        """A server that stops while something is owed does not go on trying."""
        project_id = self.project()
        self.execute(project_id)
        self.shop.journals.fails = True
        self.run_.says(Spoken(b"{}"))
        self.conversation(project_id).forget()
        self.shop.clock.advance(10)
        self.assertEqual(self.shop.clock.getDelayedCalls(), [])
        self.run_.dies(None, 9)
