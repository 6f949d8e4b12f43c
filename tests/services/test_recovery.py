"""A server that was killed, at whatever moment: nothing silently IDLE, nothing run again, the conversation goes on."""

import json
from collections.abc import Sequence
from typing import Any

from pocketagent.domain.agent import (
    Behavior,
    Overlong,
    PermissionAsked,
    SessionNamed,
    Spoken,
    TurnResult,
)
from pocketagent.domain.commands import (
    AcknowledgeError,
    AnswerPermission,
    Execute,
    GetContext,
    Kill,
    NewSession,
    UpdateProject,
)
from pocketagent.domain.events import State
from pocketagent.domain.message import Entry
from pocketagent.domain.refusals import Code
from pocketagent.domain.replies import AgentContext, ExecutionAccepted, Status
from tests.services.workshop import AT_REST, BUSY, INIT, OK, SESSION, Workshop, WorkshopCase, done, new_id

CLEARED = "99999999-2222-4333-8444-555555555555"
ODD = rb'{"tool_name":"Bash","input":{"text":"\ud83d"}}'


def init(session_id: str) -> SessionNamed:
    return SessionNamed(b'{"type":"system","subtype":"init","session_id":"%b"}' % session_id.encode(), session_id)


def result(session_id: str) -> TurnResult:
    line = b'{"type":"result","is_error":false,"session_id":"%b"}' % session_id.encode()
    return TurnResult(line, session_id, False, False, 0, 0.5, ())


def read(entry: Entry) -> Any:
    return json.loads(entry.message)


class RecoveryCase(WorkshopCase):
    def setUp(self) -> None:
        super().setUp()
        self.project_id = self.project()

    def restart(self) -> None:
        self.successResultOf(done(self.shop.restart()))
        self.asker = self.shop.connect()

    @property
    def state(self) -> State:
        return self.conversation(self.project_id).state

    def kept(self) -> list[str]:
        return [entry.type for entry in self.shop.journals.entries(self.project_id)]


class RestartTests(RecoveryCase):
    def test_last_words(self) -> None:
        """What was said last is known again: from the state that told it, or from what was said since."""
        self.execute(self.project_id, "Hello")
        self.turn()
        self.restart()
        self.assertEqual(self.conversation(self.project_id).told.last_words, "Hello")
        self.execute(self.project_id, "And now?")
        line = b'{"type":"assistant","message":{"content":[{"type":"text","text":"Now this."}]}}'
        self.run_.says(BUSY, init(SESSION), Spoken(line), Spoken(b'{"type":"user"}'))
        self.restart()
        self.assertEqual(self.conversation(self.project_id).told.last_words, "Now this.")

    def test_at_rest(self) -> None:
        """What was at rest is as it was, and nothing is told of the restart."""
        self.execute(self.project_id)
        self.run_.says(BUSY, init(SESSION), result(SESSION), AT_REST)
        before = self.kept()
        self.restart()
        self.assertEqual((self.state, self.kept()), (State.IDLE, before))
        self.assertEqual(self.ask(GetContext(project_id=self.project_id)), AgentContext(None, None, 0.0))
        self.execute(self.project_id)
        self.assertEqual((self.run_.launch.session_id, self.run_.launch.resume), (SESSION, True))

    def test_executing(self) -> None:
        """What was at work is ERROR: questions are closed, the queue is dropped, and nothing is run again (LI-03)."""
        self.execute(self.project_id)
        self.execute(self.project_id, queue=True)
        self.run_.says(BUSY, init(SESSION), PermissionAsked("q", ODD))
        before = len(self.kept())
        self.restart()
        ends = self.shop.journals.entries(self.project_id)[before:]
        self.assertEqual(
            [entry.type for entry in ends], ["permission_resolved", "prompt_dropped", "error", "project_state"]
        )
        self.assertEqual([read(entry).get("reason") for entry in ends[:2]], ["restart", "restart"])
        self.assertEqual(read(ends[2])["code"], Code.EXECUTION_INTERRUPTED)
        self.assertEqual((self.state, self.shop.agent.runs), (State.ERROR, []))
        late = AnswerPermission(project_id=self.project_id, permission_id="q", behavior=Behavior.ALLOW)
        self.assertIs(self.refusal(late).code, Code.PERMISSION_NOT_FOUND)
        self.execute(self.project_id)
        self.assertEqual((self.run_.launch.session_id, self.run_.launch.resume), (SESSION, True))

    def test_told_once(self) -> None:
        """A second restart tells nothing more."""
        self.execute(self.project_id)
        self.restart()
        before = self.kept()
        self.restart()
        self.assertEqual((self.kept(), self.state), (before, State.ERROR))
        error = self.conversation(self.project_id).project_state().error
        assert error is not None
        self.assertIs(error.code, Code.EXECUTION_INTERRUPTED)
        self.ask(AcknowledgeError(project_id=self.project_id))
        self.restart()
        self.assertIs(self.state, State.IDLE)

    def test_newest_session(self) -> None:
        """The conversation to go on with is the newest that the agent named, also where no state told it yet."""
        self.execute(self.project_id)
        self.run_.says(BUSY, init(SESSION), result(SESSION), AT_REST)
        self.execute(self.project_id, "/clear")
        self.run_.says(BUSY, init(CLEARED), Spoken(b'{"type":"assistant"}'))
        self.restart()
        self.execute(self.project_id)
        self.assertEqual((self.run_.launch.session_id, self.run_.launch.resume), (CLEARED, True))

    def test_left_session(self) -> None:
        """A conversation that was left is not gone on with, whatever its process said later."""
        self.execute(self.project_id)
        self.run_.says(BUSY, init(SESSION), result(SESSION), AT_REST)
        old = self.run_
        self.ask(NewSession(project_id=self.project_id))
        self.execute(self.project_id)
        old.says(result(SESSION))
        self.restart()
        self.execute(self.project_id)
        self.assertFalse(self.run_.launch.resume)
        self.assertNotEqual(self.run_.launch.session_id, SESSION)

    def test_unnamed_session(self) -> None:
        """A conversation that the agent never named is begun under a new name."""
        self.execute(self.project_id)
        first = self.run_.launch.session_id
        self.restart()
        self.execute(self.project_id)
        self.assertFalse(self.run_.launch.resume)
        self.assertNotEqual(self.run_.launch.session_id, first)

    def test_forgotten_session(self) -> None:
        """A conversation that was ended on purpose stays ended."""
        self.execute(self.project_id)
        self.run_.says(BUSY, init(SESSION), result(SESSION), AT_REST)
        self.run_.dies()
        self.ask(NewSession(project_id=self.project_id))
        self.restart()
        self.execute(self.project_id)
        self.assertFalse(self.run_.launch.resume)

    def test_beginning_is_forgotten(self) -> None:
        """An execution so long that retention has removed its beginning is found all the same, never silently IDLE."""
        self.execute(self.project_id)
        self.run_.says(BUSY, init(SESSION), *(Spoken(b'{"type":"assistant"}') for _ in range(10)))
        journal = self.shop.journals._journals[self.project_id]
        journal.retained = 3
        self.successResultOf(done(journal.forget()))
        self.restart()
        self.assertIs(self.state, State.ERROR)

    def test_long_turn(self) -> None:
        """However much was said since, the state is found."""
        self.execute(self.project_id)
        for _ in range(3):
            self.run_.says(*(Spoken(b'{"type":"assistant"}') for _ in range(300)))
        self.restart()
        self.assertIs(self.state, State.ERROR)

    def test_unreadable(self) -> None:
        """Records that cannot be read, and states of another version, keep no server from starting."""
        self.execute(self.project_id)
        self.run_.says(BUSY, init(SESSION), Spoken(b'{"type":"system","subtype":"init","session_id":7}'), Overlong(99))
        entries = list(self.shop.journals.entries(self.project_id))
        odd = entries[1]._replace(message=b'{"state":"SLEEPING"}')
        for replaced in (odd, Entry(2, entries[1].timestamp, "server", "error", b'{"code":"UNREADABLE"}')):
            self.shop.journals.fill(self.project_id, [entries[0], replaced, *entries[2:]])
            self.restart()
            self.execute(self.project_id)
            self.run_.dies()

    def test_time_of_the_newest(self) -> None:
        """`last_active` is when the newest event was kept."""
        self.shop.clock.advance(100)
        self.execute(self.project_id)
        self.turn()
        newest = self.shop.journals.entries(self.project_id)[-1].timestamp
        self.shop.clock.advance(100)
        self.restart()
        self.assertEqual(self.conversation(self.project_id).last_active, newest)

    def test_disk_full_at_the_start(self) -> None:
        """Where the end of an execution cannot be kept at the start, it is told as soon as it can."""
        self.execute(self.project_id)
        before = len(self.kept())
        for conversation in self.shop.services.projects.conversations:
            conversation.forget()
        self.shop.journals.crash()
        self.shop.journals.writing.fails_at = 1
        self.shop.start()
        self.successResultOf(done(self.shop.services.projects.load()))
        self.asker = self.shop.connect()
        self.assertEqual((self.state, len(self.kept())), (State.ERROR, before))
        self.shop.clock.advance(1)
        self.assertEqual(self.kept()[before:], ["error", "project_state"])
        self.execute(self.project_id)


class CrashTests(RecoveryCase):
    """The journal is cut off behind each of its entries in turn, as a crash may do."""

    def a_day(self) -> tuple[Sequence[Entry], Sequence[tuple[str, str]]]:
        """All that was kept, and the prompts by their ids."""
        prompts: list[tuple[str, str]] = []

        def execute(prompt: str, queue: bool = False) -> None:
            prompts.append((new_id(), prompt))
            self.execute(self.project_id, prompt, prompt_id=prompts[-1][0], queue=queue)

        execute("one")
        self.run_.says(BUSY, init(SESSION), PermissionAsked("q", ODD), PermissionAsked("r", b"{}"))
        execute("two", queue=True)
        execute("three", queue=True)
        self.ask(AnswerPermission(project_id=self.project_id, permission_id="q", behavior=Behavior.ALLOW))
        self.run_.says(Spoken(b'{"type":"assistant"}'), Overlong(99), result(SESSION), AT_REST)
        self.run_.says(BUSY, init(SESSION), result(SESSION), AT_REST)
        self.run_.says(BUSY, PermissionAsked("s", b"{}"))
        execute("four", queue=True)
        self.run_.dies(1)
        execute("five")
        self.run_.says(BUSY, init(CLEARED), result(CLEARED), AT_REST)
        self.ask(UpdateProject(project_id=self.project_id, archived=True))
        self.run_.dies()
        self.ask(NewSession(project_id=self.project_id))
        execute("six")
        self.run_.says(BUSY)
        execute("seven", queue=True)
        self.asking(Kill(project_id=self.project_id))
        self.run_.dies(None, 9)
        execute("eight")
        self.run_.dies(1)
        self.ask(NewSession(project_id=self.project_id))
        return self.shop.journals.entries(self.project_id), prompts

    def test_everywhere(self) -> None:
        """Every question is closed, every prompt has an end that is told, and the project goes on."""
        entries, prompts = self.a_day()
        for cut in range(len(entries) + 1):
            prefix = entries[:cut]
            self.shop = Workshop(projects=self.shop.projects, directories=self.shop.directories)
            self.shop.journals.fill(self.project_id, prefix)
            self.restart()
            self.check(prefix, prompts)

    def check(self, prefix: Sequence[Entry], prompts: Sequence[tuple[str, str]]) -> None:
        core = self.conversation(self.project_id).machine.core
        self.assertEqual((core.execution, core.queue, core.permissions), (None, (), ()), prefix[-1:])
        kept = self.shop.journals.entries(self.project_id)
        self.assertEqual(kept[: len(prefix)], prefix)
        self.assertEqual([entry.seq for entry in kept], list(range(1, len(kept) + 1)))
        states = [read(entry) for entry in kept if entry.type == "project_state"]
        if states:
            self.assertEqual(states[-1]["state"], core.state)
            self.assertEqual((states[-1]["queued"], states[-1]["pending_permissions"]), ([], 0))
        asked = [read(entry)["permission_id"] for entry in kept if entry.type == "permission_request"]
        closed = [read(entry)["permission_id"] for entry in kept if entry.type == "permission_resolved"]
        self.assertCountEqual(asked, closed)

        accepted = {read(entry)["prompt_id"]: read(entry)["execution_id"] for entry in prefix if is_prompt(entry)}
        for prompt_id, prompt in prompts:
            if prompt_id not in accepted:
                continue
            (again,) = self.ask_all(Execute(project_id=self.project_id, prompt=prompt, prompt_id=prompt_id))
            assert isinstance(again, ExecutionAccepted)
            self.assertIn(again.status, (Status.DONE, Status.FAILED, Status.DROPPED))
            if again.status is Status.DONE:
                self.assertTrue(came_to_rest(prefix, again.execution_id), (prompt, prefix[-1]))
        self.assertEqual(self.shop.agent.runs, [])

        self.execute(self.project_id, "it goes on")
        launch = self.run_.launch
        self.assertEqual(
            (launch.session_id, launch.resume), (session_of(prefix) or launch.session_id, bool(session_of(prefix)))
        )
        self.run_.says(BUSY, INIT, OK, AT_REST)
        self.assertIs(self.state, State.IDLE)


def is_prompt(entry: Entry) -> bool:
    return entry.type == "client_message"


def came_to_rest(entries: Sequence[Entry], execution_id: str) -> bool:
    """Whether a state of rest follows the one in which it ran."""
    states = [read(entry) for entry in entries if entry.type == "project_state"]
    ran = [number for number, state in enumerate(states) if state["execution_id"] == execution_id]
    return bool(ran) and any(state["state"] == "IDLE" for state in states[ran[0] :])


def session_of(entries: Sequence[Entry]) -> str | None:
    """The newest that was named since the last reset."""
    session_id = None
    for entry in entries:
        if entry.type == "session_reset":
            session_id = None
        elif entry.type == "agent_message" and "session_id" in read(entry):
            session_id = read(entry)["session_id"]
    return session_id
