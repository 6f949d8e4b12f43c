"""What a person reads of a project, from what the server tells; the agent says what the real CLI once said."""

import json
import uuid
from collections.abc import Sequence
from typing import cast

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.agent import Behavior
from pocketagent.domain.attachment import MediaType
from pocketagent.domain.commands import AnswerPermission, Interrupt, Kill, NewSession, RemoveFromQueue
from pocketagent.domain.events import Reason, State
from pocketagent.terminal.calls import MAX_CALLS, UNFINISHED
from pocketagent.terminal.conversation import Conversation
from pocketagent.terminal.outcomes import outcome
from pocketagent.terminal.shown import Answered, Call, Called, Ended, Failed, Notice, Prompted, Said, Shown, Thought
from pocketagent.wire.server import Message
from tests.services.workshop import done
from tests.terminal.asked import JSON
from tests.terminal.followed import FollowedCase, Follower, transcript

DEEP = 10_000
ASIDES = (
    *("api_retry", "status", "informational", "notification", "hook_response", "task_notification"),
    *("model_refusal_fallback", "plugin_install", "local_command_output"),
)


def line(**said: object) -> bytes:
    return json.dumps(said).encode()


def piece(text: str, kind: str = "text") -> bytes:
    delta = {"type": f"{kind}_delta", kind: text}
    return line(type="stream_event", event={"type": "content_block_delta", "delta": delta}, parent_tool_use_id=None)


def spoken(*blocks: object, inside: str | None = None, **more: object) -> bytes:
    return line(type="assistant", message={"content": blocks}, parent_tool_use_id=inside, **more)


def text(words: str, inside: str | None = None, **more: object) -> bytes:
    return spoken({"type": "text", "text": words}, inside=inside, **more)


def use(number: int, inside: str | None = None) -> bytes:
    given = {"type": "tool_use", "id": f"t{number}", "name": "Bash", "input": {"command": "make"}}
    return spoken(given, inside=inside)


def returned(number: int, content: object = "ok", **more: object) -> bytes:
    block = {"type": "tool_result", "tool_use_id": f"t{number}", "content": content, **more}
    return line(type="user", message={"content": [block]}, parent_tool_use_id=None)


def asking(number: int) -> bytes:
    request = {"subtype": "can_use_tool", "tool_name": "Bash", "input": {}, "tool_use_id": f"t{number}"}
    return line(type="control_request", request_id=f"p{number}", request=request)


def result(cost: float | None = 0.5, **more: object) -> bytes:
    return line(type="result", total_cost_usd=cost, is_error=False, **more)


START = line(type="stream_event", event={"type": "message_start"}, parent_tool_use_id=None)
BUSY = line(type="system", subtype="session_state_changed", state="running")
AT_REST = line(type="system", subtype="session_state_changed", state="idle")


class TranscriptTests(FollowedCase):
    """What the real CLI said, as a person reads it."""

    def test_plain_turn(self) -> None:
        """A prompt, a thought, what the agent says, once, and how long it took."""
        self.play("plain_turn")
        self.assertEqual(
            self.one.shown,
            [Prompted("phone", "do it"), Thought("hm"), Said("hello world"), Ended(23.0, 0.00062)],
        )
        self.assertEqual((self.one.conversation.model, self.one.conversation.mode), ("claude-opus-5-5", "default"))

    def test_permission_allowed(self) -> None:
        """A tool that needed a permission is shown with who gave it; the wait is not the tool's, nor the turn's."""
        self.play("permission_allowed", at=self.answering(Behavior.ALLOW))
        self.assertEqual(self.one.kinds(), ["Prompted", "Answered", "Called", "Said", "Ended"])
        _, answered, called, _, ended = self.one.shown
        assert isinstance(answered, Answered)
        assert isinstance(called, Called)
        self.assertEqual((answered.behavior, answered.by, answered.reason), (Behavior.ALLOW, "phone", Reason.ANSWERED))
        self.assertEqual((called.call.name, called.is_error, called.seconds), ("Write", False, 2.0))
        self.assertEqual(called.details["type"], "create")
        self.assertEqual(ended, Ended(28.0, 0.0010400000000000001))
        self.assertEqual(self.one.conversation.questions, {})

    def test_permission_denied(self) -> None:
        """A tool that a person denied is told once, with who did and why; the turn goes on."""
        self.play("permission_denied", at=self.answering(Behavior.DENY))
        (called,) = self.one.all(Answered, Called)
        assert isinstance(called, Called)
        assert called.call.denied is not None
        self.assertEqual((called.call.denied.behavior, called.call.denied.by), (Behavior.DENY, "phone"))
        self.assertEqual((called.output, called.is_error), ("No.", True))
        self.assertEqual(self.one.kinds()[-2:], ["Said", "Ended"])

    def test_question(self) -> None:
        """What was answered to a question of the agent stands in the details of the call."""
        self.play("ask_user_question", at=self.answering(Behavior.ALLOW))
        (called,) = self.one.all(Called)
        self.assertEqual(cast(Called, called).call.name, "AskUserQuestion")
        self.assertIn("answers", cast(Called, called).details)

    def test_interrupt(self) -> None:
        """An interrupted turn is told as such, with the words that came; the next one is as any."""

        def interrupt(said: bytes) -> None:
            if b'" words"' in said:
                self.ask(Interrupt(project_id=self.project_id))

        self.play("interrupt", ["one", "two"], interrupt)
        self.assertEqual(self.one.kinds(), ["Prompted", "Said", "Ended"] * 2)
        self.assertEqual(self.one.shown[1:3], [Said("some words"), Ended(18.0, 0.00046, "interrupted")])
        self.assertEqual(cast(Ended, self.one.shown[-1]).outcome, "")

    def test_interrupt_at_question(self) -> None:
        """A question of an interrupted turn is no longer open; that its tool was cut off is told once."""

        def interrupt(said: bytes) -> None:
            if b'"can_use_tool"' in said:
                self.ask(Interrupt(project_id=self.project_id))

        self.play("interrupt_at_permission", at=interrupt)
        self.assertEqual(self.one.conversation.questions, {})
        (called,) = self.one.all(Answered, Called)
        self.assertEqual(outcome(cast(Called, called)), "interrupted")
        self.assertEqual(cast(Ended, self.one.shown[-1]).outcome, "interrupted")

    def test_results(self) -> None:
        """However many results there are while the agent is busy, its turn ends once, with all that it cost."""
        for name, words in (("interrupt_with_queue", "atwothree"), ("two_prompts", "onemoretwo")):
            before = len(self.one.shown)
            self.play(name)
            self.assertEqual("".join(one.text for one in self.one.shown[before:] if isinstance(one, Said)), words)
            self.assertEqual(self.one.kinds()[before:].count("Ended"), 1)
        self.assertAlmostEqual(sum(cast(Ended, one).cost_usd or 0.0 for one in self.one.all(Ended)), 0.00104 + 0.00114)

    def test_subagent(self) -> None:
        """A subagent's calls are shown inside of its own; what it says is not what the agent says."""
        self.play("subagent", at=self.answering(Behavior.ALLOW))
        task, inner = (cast(Called, one) for one in self.one.all(Called))
        self.assertEqual((task.call.name, task.call.parent), ("Task", None))
        self.assertEqual((inner.call.name, inner.call.parent), ("Bash", task.call.id))
        self.assertEqual(self.one.said(), "fineDone.")
        self.assertEqual(self.one.all(Notice), [Notice("A subagent in the background reports:", ["Done."])])
        self.assertEqual(self.one.kinds().count("Ended"), 1)

    def test_background_task(self) -> None:
        """The end of a background task is told, and the turn that the agent begins by itself has no prompt."""
        self.play("background_task", ["do it", None])
        self.assertEqual(
            self.one.kinds(), ["Prompted", "Called", "Said", "Ended", "Notice", "Said", "Ended"], self.one.shown
        )
        self.assertEqual(self.one.shown[4], Notice('Background command "d" completed (exit code 0)', []))
        self.assertEqual(cast(Ended, self.one.shown[-1]).seconds, 11.0)

    def test_clear(self) -> None:
        """A new conversation is told, and its cost is counted anew."""
        self.play("clear", ["one", "/clear", "two"])
        self.assertEqual(
            self.one.kinds(),
            ["Prompted", "Said", "Ended", "Prompted", "Notice", "Ended", "Prompted", "Said", "Ended"],
        )
        costs = [cast(Ended, one).cost_usd for one in self.one.all(Ended)]
        self.assertEqual(costs, [0.0005200000000000001, 0.0, 0.0005200000000000001])

    def test_set_model(self) -> None:
        """What the CLI prints in the name of a person is told; a mode that it tells is the mode."""
        self.play("set_model")
        self.assertIn(Notice("Set model to `claude-opus-5-5`", []), self.one.shown)
        self.assertEqual(self.one.conversation.mode, "plan")

    def test_cut_emoji(self) -> None:
        """Half a character is shown as it came, once."""
        self.play("cut_emoji")
        self.assertEqual(self.one.all(Said), [Said("cut \ud83d"), Said("x")])

    def test_api_error(self) -> None:
        """A failure is told with its code; the next prompt is as any."""
        self.play("api_error", ["one", "two"])
        self.assertEqual(self.one.kinds(), ["Prompted", "Said", "Failed", "Prompted", "Said", "Ended"])
        self.assertEqual(cast(Failed, self.one.shown[2]).code, "EXECUTION_FAILED")

    def test_prompt_while_a_tool_runs(self) -> None:
        """A prompt that waits is shown when it begins, and by whom, and not before."""
        waiting = []

        def queue(said: bytes) -> None:
            if b'"tool_use"' in said and b'"assistant"' in said:
                waiting.append(self.queue("then this"))
                self.assertEqual([one.prompt for one in self.one.conversation.waiting.values()], ["then this"])

        self.play("prompt_while_a_tool_runs", at=queue)
        self.assertEqual(self.one.kinds(), ["Prompted", "Called", "Said", "Ended", "Prompted"])
        self.assertEqual(self.one.shown[-1], Prompted("tablet", "then this"))
        self.assertEqual(self.one.conversation.waiting, {})
        self.assertEqual(self.one.conversation.execution_id, waiting[0])

    def test_attached(self) -> None:
        """A prompt is shown with the names of what it came with."""
        adding = self.shop.services.attachments.add(self.project_id, "notes", MediaType.TEXT, b"x", self.asker)
        kept = self.successResultOf(done(adding))
        self.execute(self.project_id, "look", attachments=(kept.id,))
        self.assertEqual(self.one.shown, [Prompted("phone", "look", ("notes",))])

    def test_configure_while_running(self) -> None:
        """A model that is changed in the middle is told where it happened."""
        self.play("configure_while_running")
        self.assertEqual(self.one.kinds(), ["Prompted", "Said", "Notice", "Said", "Ended"])


class WorkingCase(FollowedCase):
    """The agent is at work on its first prompt, and has said nothing yet."""

    def setUp(self) -> None:
        super().setUp()
        self.execution_id = self.execute(self.project_id, "do it").execution_id
        self.says(BUSY)
        self.one.shown.clear()

    def rest(self) -> None:
        self.says(result(), AT_REST)


class HappenedTests(WorkingCase):
    """What happens in a project besides what the agent says."""

    def test_dropped(self) -> None:
        """A prompt that is taken out of the queue is told with its words, and why."""
        waiting = self.queue("two\nlines")
        self.ask(RemoveFromQueue(project_id=self.project_id, execution_id=waiting))
        self.assertEqual(self.one.shown, [Notice("A prompt in the queue was dropped (removed):", ["two", "lines"])])
        self.assertEqual(self.one.conversation.waiting, {})

    def test_order(self) -> None:
        """What waits stands in the order in which it will begin."""
        self.queue("one")
        self.queue("two")
        self.assertEqual([one.prompt for one in self.one.conversation.waiting.values()], ["one", "two"])
        self.rest()
        self.assertEqual([one.prompt for one in self.one.conversation.waiting.values()], ["two"])

    def test_killed(self) -> None:
        """A turn that was killed is told as such, and so are a tool that it did not finish and what waited."""
        self.queue("later")
        self.says(use(1))
        killing = self.asking(Kill(project_id=self.project_id))
        self.run_.dies(signal=9)
        self.successResultOf(killing)
        self.assertEqual(self.one.kinds(), ["Notice", "Called", "Ended"])
        _, called, ended = self.one.shown
        assert isinstance(called, Called)
        self.assertEqual((called.output, called.is_error), (UNFINISHED, True))
        self.assertEqual(cast(Ended, ended).outcome, "killed")
        self.assertEqual((self.one.conversation.state, [*self.one.conversation.calls]), (State.IDLE, []))
        self.execute(self.project_id, "again")
        self.says(BUSY)
        self.rest()
        self.assertEqual(cast(Ended, self.one.shown[-1]).outcome, "")

    def test_nothing_done(self) -> None:
        """A turn that ends without a result was interrupted, however early: it is not told as done."""
        interrupting = self.asking(Interrupt(project_id=self.project_id))
        self.run_.dies(exit_code=0)
        self.successResultOf(interrupting)
        self.assertEqual(self.one.conversation.state, State.IDLE)
        self.assertEqual(cast(Ended, self.one.shown[-1]).outcome, "interrupted")

    def test_complaint(self) -> None:
        """What an agent complains of while it is interrupted is no failure: it was interrupted."""
        interrupting = self.asking(Interrupt(project_id=self.project_id))
        self.says(line(type="result", is_error=True, result="API Error"), AT_REST)
        self.successResultOf(interrupting)
        self.assertEqual(cast(Ended, self.one.shown[-1]).outcome, "interrupted")

    def test_bound_of_turns(self) -> None:
        """A turn that ended at its bound is told with which one."""
        self.says(result(subtype="error_max_turns"), AT_REST)
        self.assertEqual(cast(Ended, self.one.shown[-1]).outcome, "stopped at the limit of turns")

    def test_failed(self) -> None:
        """A failure is told with the agent's own last words, behind the tools that it did not finish."""
        self.says(use(1))
        self.run_.dies(exit_code=1)
        self.assertEqual(self.one.kinds(), ["Called", "Failed"])
        self.assertEqual(cast(Failed, self.one.shown[-1]).stderr, "its last words")
        self.assertEqual(self.one.conversation.state, State.ERROR)

    def test_overlong(self) -> None:
        """A line that was left out is told, and is no failure: the tools go on."""
        told = {"code": "LINE_TOO_LARGE", "message": "Left out.", "details": {"size": 1}, "execution_id": None}
        self.says(use(1))
        self.one.take([Message("error", told, "", self.project_id, None, self.one.conversation.seq + 1)])
        self.assertEqual(self.one.shown, [Notice("Left out.")])
        self.assertEqual(len([*self.one.conversation.calls]), 1)

    def test_unkept(self) -> None:
        """A failure that cannot be kept is told at once, and not again when it is kept."""
        error = next(one for one in self._storage_fails() if one.type == "error")
        self.assertEqual(self.one.kinds(), ["Failed"])
        self.assertEqual(self.one.conversation.state, State.ERROR)
        self.assertIsNone(error.seq)
        self.one.take([evolve(error, seq=self.one.conversation.seq + 1)])
        self.assertEqual(self.one.kinds(), ["Failed"])
        self.one.take([evolve(error, seq=self.one.conversation.seq + 1)])
        self.assertEqual(self.one.kinds(), ["Failed", "Failed"])

    def _storage_fails(self) -> Sequence[Message]:
        before = len(self.one.messages)
        self.shop.journals.writing.fails_at = self.shop.journals.writing.passed + 1
        self.says(text("lost"))
        return self.one.messages[before:]

    def test_by_itself(self) -> None:
        """A turn that the agent begins by itself is measured from its own beginning."""
        self.rest()
        self.shop.clock.advance(1000)
        self.says(BUSY)
        self.assertEqual(self.one.conversation.state, State.EXECUTING)
        self.assertEqual(self.one.conversation.since, self.shop.clock.seconds())
        self.rest()
        self.assertEqual(cast(Ended, self.one.shown[-1]).seconds, 2.0)

    def test_new_session(self) -> None:
        """A new conversation that a person wants is told."""
        self.rest()
        self.ask(NewSession(project_id=self.project_id))
        self.assertEqual(self.one.shown[-1], Notice("A new conversation begins with the next prompt."))

    def test_denied_and_killed(self) -> None:
        """A denied tool that returns nothing any more is told as denied, and not as unfinished."""
        self.says(use(1), asking(1))
        self.ask(AnswerPermission(project_id=self.project_id, permission_id="p1", behavior=Behavior.DENY))
        self.assertEqual(self.one.shown, [])
        killing = self.asking(Kill(project_id=self.project_id))
        self.run_.dies(signal=9)
        self.successResultOf(killing)
        self.assertEqual(self.one.kinds(), ["Answered", "Ended"])

    def test_asked_and_killed(self) -> None:
        """A tool that was killed before anybody answered is told once, as not asked for any more."""
        self.says(use(1), asking(1))
        killing = self.asking(Kill(project_id=self.project_id))
        self.run_.dies(signal=9)
        self.successResultOf(killing)
        self.assertEqual(self.one.kinds(), ["Answered", "Ended"])
        answered = cast(Answered, self.one.shown[0])
        self.assertEqual((answered.behavior, answered.by), (Behavior.CANCELLED, None))

    def test_waits(self) -> None:
        """The time for which a person was waited for counts for no tool, for no subagent around it, and for no turn:
        once where two questions were open together."""
        self.says(use(1), use(2, inside="t1"), use(3), asking(2))
        self.shop.clock.advance(20)
        self.says(asking(3))
        self.shop.clock.advance(20)
        for permission_id in ("p3", "p2"):
            allow = AnswerPermission(project_id=self.project_id, permission_id=permission_id, behavior=Behavior.ALLOW)
            self.ask(allow)
            self.shop.clock.advance(5)
        self.says(returned(2), returned(3), returned(1))
        self.rest()
        seconds = {one.call.id: one.seconds for one in self.one.all(Called) if isinstance(one, Called)}
        self.assertEqual(seconds, {"t2": 6.0, "t3": 12.0, "t1": 57.0 - 46.0})
        self.assertEqual(cast(Ended, self.one.shown[-1]).seconds, 61.0 - 46.0)

    def test_costs(self) -> None:
        """The cost is the turn's own: the CLI counts from the beginning of the conversation, older ones from that of
        the process; where nobody knows what was before, none is told."""
        late = self.follow(Conversation(), 1)
        for cost in (0.25, 0.75, 0.5, None):
            self.says(BUSY, result(cost), AT_REST)
        self.assertEqual([cast(Ended, one).cost_usd for one in self.one.all(Ended)], [0.25, 0.5, 0.5, None])
        self.assertEqual([cast(Ended, one).cost_usd for one in late.all(Ended)], [0.5, 0.5, None])


class StreamTests(WorkingCase):
    """What is streamed and then comes whole."""

    def test_once(self) -> None:
        """A text is shown part by part while it is written, each once, and the rest when it comes whole."""
        self.says(START, piece("One.\n\nTw"), piece("o.\n"))
        self.assertEqual(self.one.shown, [Said("One.\n\n")])
        self.assertEqual(self.one.conversation.writing.rest, "Two.\n")
        self.says(text("One.\n\nTwo.\nThree."))
        self.assertEqual(self.one.shown, [Said("One.\n\n"), Said("Two.\nThree.", False)])
        self.assertEqual(self.one.conversation.writing.rest, "")

    @given(st.lists(st.sampled_from(["One.", "\n\n", "\n", "- two", "```", " ", "# three"]), max_size=20))
    def test_word_for_word(self, pieces: list[str]) -> None:
        """However a text comes, what is shown of it is the text, but for blanks around nothing."""
        conversation = Conversation()
        heard = [
            Message("agent_message", json.loads(one)) for one in (START, *map(piece, pieces), text("".join(pieces)))
        ]
        shown = [one for message in heard for one in conversation.hear(message)]
        said = "".join(one.text for one in shown if isinstance(one, Said))
        self.assertEqual(said.rstrip(), "".join(pieces).rstrip())
        self.assertEqual(
            [one.begins for one in shown if isinstance(one, Said)], [True, False, *[False] * 20][: len(shown)]
        )

    def test_lost(self) -> None:
        """A connection that is lost in the middle of a text shows nothing twice and misses nothing."""
        self.says(START, piece("One.\n\nTwo"))
        self.lose(self.one)
        self.says(piece(" more.\n\n"), text("One.\n\nTwo more.\n\nThree."), use(1), returned(1))
        self.queue("next")
        self.rest()
        self.says(BUSY, START, piece("Four.\n\n"))
        self.join_again(self.one)
        self.says(text("Four.\n\nFive."))
        self.rest()
        self.assertEqual(self.one.said(), "One.\n\nTwo more.\n\nThree.Four.\n\nFive.")
        self.assertEqual(
            self.one.kinds(), ["Said", "Said", "Called", "Ended", "Prompted", "Said", "Ended"], self.one.shown
        )

    def test_void(self) -> None:
        """What was being written when a message begins anew, or the turn ends, is void."""
        self.says(START, piece("half"), START)
        self.assertEqual(self.one.conversation.writing.rest, "")
        self.says(piece("half"))
        self.rest()
        self.assertEqual(self.one.conversation.writing.rest, "")
        self.assertEqual(self.one.said(), "")

    def test_inside(self) -> None:
        """What a subagent writes, says and thinks is not shown as the agent's."""
        inner = json.loads(piece("inner\n\n")) | {"parent_tool_use_id": "t1"}
        self.says(use(1), line(**inner), text("inner", inside="t1"), use(2, "t1"), returned(2), returned(1))
        self.assertEqual(self.one.kinds(), ["Called", "Called"])
        self.assertEqual(cast(Called, self.one.shown[-1]).inner, 1)

    def test_doing(self) -> None:
        """What the agent is busy with is told in words, until it does something else."""
        told = []
        block = {"type": "content_block_start", "content_block": {"type": "tool_use", "name": "Write"}}
        for said in (
            line(type="system", subtype="api_retry", attempt=1, max_retries=10),
            START,
            line(type="stream_event", event=block, parent_tool_use_id=None),
            use(1),
            line(type="system", subtype="status", status="compacting"),
            line(type="system", subtype="status", status=None),
        ):
            self.says(said)
            told.append(self.one.conversation.doing)
        self.assertEqual(
            told, ["waiting for the API (try 1 of 10)", "", "Write", "", "compacting the conversation", ""]
        )
        self.says(START, piece("hm", "thinking"))
        self.assertTrue(self.one.conversation.is_thinking)
        self.says(spoken({"type": "thinking", "thinking": "hm"}))
        self.assertFalse(self.one.conversation.is_thinking)

    def test_limit(self) -> None:
        """What the account's limit has come to is told when it changes."""
        for status in ("allowed", "allowed_warning", "allowed_warning", "rejected", "allowed", "rejected"):
            self.says(line(type="rate_limit_event", rate_limit_info={"status": status, "rateLimitType": "five_hour"}))
        told = [cast(Notice, one).text for one in self.one.shown]
        reached = "The account's limit of five hours is reached."
        self.assertEqual(told, ["The account's limit of five hours is near.", reached, reached])

    def test_commands(self) -> None:
        """What a command of the CLI's own prints is shown: each line as one, and whole."""
        said = {"local_command_source": "<local-command-stdout>…</local-command-stdout>"}
        self.says(text("Cost: $1\nTime: 2 s\n\n| a |\n|---|", **said))
        self.assertEqual(self.one.shown, [Said("Cost: $1  \nTime: 2 s\n\n| a |  \n|---|")])

    def test_task_of_a_call(self) -> None:
        """The end of a task is not told where the call that waits for it returns the same."""
        ended = {"type": "system", "subtype": "task_notification", "summary": "done", "tool_use_id": "t1"}
        self.says(use(1), line(**ended), returned(1), line(**ended))
        self.assertEqual(self.one.kinds(), ["Called", "Notice"])

    def test_bound(self) -> None:
        """Of more calls than are kept in mind, the oldest is no longer shown."""
        self.says(*(use(number) for number in range(MAX_CALLS)))
        self.assertEqual(len([*self.one.conversation.calls]), MAX_CALLS)
        self.says(use(MAX_CALLS))
        self.assertEqual(len([*self.one.conversation.calls]), MAX_CALLS)
        self.says(returned(0), returned(1), returned(MAX_CALLS))
        self.assertEqual([cast(Called, one).call.id for one in self.one.shown], ["t1", f"t{MAX_CALLS}"])

    def test_outputs(self) -> None:
        """A tool's texts are its output, and of an image, that there is one."""
        image = [{"type": "text", "text": "seen"}, {"type": "image", "source": {}}]
        self.says(use(1), returned(1, image), use(2), returned(2, None, is_error=True))
        one, two = (cast(Called, one) for one in self.one.shown)
        self.assertEqual((one.output, one.is_error, two.output, two.is_error), ("seen\n[image]", False, "", True))


class JoinTests(WorkingCase):
    """Joining: history does not change how the project stands."""

    def test_late(self) -> None:
        """Who looks at the past and joins is where somebody is who was there all along."""
        self.says(text("One."), use(1), asking(1))
        self.queue("two")
        late = self.follow(pages=200)
        self.assertEqual(late.shown[1:], self.one.shown)
        self._same(late)
        allow = AnswerPermission(project_id=self.project_id, permission_id="p1", behavior=Behavior.ALLOW)
        self.ask(allow)
        self.says(returned(1))
        self.rest()
        self.assertEqual(late.shown[1:], self.one.shown)
        self._same(late)

    def test_replay(self) -> None:
        """Who joins behind the first event hears the same."""
        self.says(text("One."), use(1), asking(1))
        self.queue("two")
        late = self.follow()
        self.assertEqual(late.shown[1:], self.one.shown)
        self._same(late)

    def _same(self, late: Follower) -> None:
        mine, its = self.one.conversation, late.conversation
        for name in ("state", "execution_id", "since", "waiting", "questions", "calls", "model", "mode", "seq", "path"):
            self.assertEqual(getattr(its, name), getattr(mine, name), name)

    def test_beginning_too_far_back(self) -> None:
        """Of an execution that began before what is told, the time counts from the join on, and an open question is
        known."""
        self.says(use(1), asking(1))
        late = self.follow(Conversation(seq=self.one.conversation.seq))
        self.assertEqual(late.conversation.since, self.shop.clock.seconds())
        self.assertEqual(list(late.conversation.questions), ["p1"])

    def test_history(self) -> None:
        """While history is told, the project stands as the reply said, and no question of it pops up."""
        self.says(use(1), asking(1))
        allow = AnswerPermission(project_id=self.project_id, permission_id="p1", behavior=Behavior.ALLOW)
        self.ask(allow)
        self.rest()
        late = Conversation()
        stood = set()
        follower = self.follow()
        for message in follower.messages:
            late.hear(message)
            if late.head_seq:
                stood.add((late.state, late.execution_id, late.is_replaying and bool(late.questions)))
        self.assertEqual({one[:2] for one in stood}, {(State.IDLE, None)})
        self.assertIn((State.IDLE, None, True), stood)
        self.assertFalse(late.is_replaying)

    def test_missed(self) -> None:
        """What happened while there was no connection is told in its turn: an end, an answer, a prompt that was
        dropped, one that began."""
        waiting = self.queue("dropped")
        self.queue("next")
        self.says(use(1), asking(1))
        self.lose(self.one)
        self.ask(AnswerPermission(project_id=self.project_id, permission_id="p1", behavior=Behavior.ALLOW))
        self.ask(RemoveFromQueue(project_id=self.project_id, execution_id=waiting))
        self.says(returned(1))
        self.rest()
        self.says(BUSY)
        self.rest()
        self.join_again(self.one)
        self.assertEqual(self.one.kinds(), ["Answered", "Notice", "Called", "Ended", "Prompted", "Ended"])
        self.assertEqual(self.one.conversation.questions, {})

    def test_gap(self) -> None:
        """Where the server no longer has everything, that is told, and what is left is told from its beginning."""
        self.says(text("One."), use(1), asking(1))
        self.lose(self.one)
        before = len(self.one.messages)
        self.join_again(self.one, journal_id=str(uuid.uuid4()))
        self.assertFalse(self.one.conversation.is_replaying)
        self.assertEqual(self.one.kinds(), ["Said", "Notice", "Prompted", "Said"])
        self.assertEqual(
            ([call.id for call in self.one.conversation.calls], list(self.one.conversation.questions)), (["t1"], ["p1"])
        )
        again = Conversation(seq=1000)
        replaying = []
        for message in self.one.messages[before:]:
            again.hear(message)
            replaying.append(again.is_replaying)
        self.assertEqual(replaying[1:], [True] * (len(replaying) - 2) + [False])


class OddTests(SynchronousTestCase):
    """Whatever a message holds, nothing is raised."""

    def hear(self, data: object, kind: str = "agent_message") -> Sequence[Shown]:
        conversation = Conversation()
        conversation.calls.begin(Call("t1", "Task", {}, 0.0))
        told = data if isinstance(data, dict) else {"data": data}
        return [*conversation.hear(Message(kind, told, "", "p", None, 7)), *conversation.hear(END)]

    @given(JSON)
    def test_anything(self, data: object) -> None:
        """Any JSON at all is heard."""
        self.hear(data)

    @given(st.data())
    def test_in_each_place(self, data: st.DataObject) -> None:
        """Any JSON in any place of what the CLI says is heard."""
        name = data.draw(
            st.sampled_from(["plain_turn", "subagent", "set_model", "background_task", "permission_allowed"])
        )
        said = json.loads(data.draw(st.sampled_from(transcript(name))))
        self.hear(_changed(data, said))

    @given(st.data(), st.sampled_from(ASIDES))
    def test_in_each_aside(self, data: st.DataObject, subtype: str) -> None:
        """Any JSON in any field of what the CLI tells besides is heard."""
        names = ("content", "level", "text", "outcome", "stderr", "hook_name", "summary", "status", "attempt", "error")
        self.hear({"type": "system", "subtype": subtype, **{name: data.draw(JSON) for name in names}})

    @given(JSON, JSON, JSON)
    def test_limits(self, status: object, kind: object, resets: object) -> None:
        """Any JSON in a limit is heard."""
        info = {"status": status, "rateLimitType": kind, "resetsAt": resets}
        self.hear({"type": "rate_limit_event", "rate_limit_info": info})

    @given(
        st.data(), st.sampled_from(["project_state", "project_joined", "error", "client_message", "permission_request"])
    )
    def test_events(self, data: st.DataObject, kind: str) -> None:
        """An event of the server that is not as it should be says nothing."""
        self.hear(data.draw(JSON), kind)

    def test_deep(self) -> None:
        """What is nested deeper than anything can be read is heard in every place."""
        deep: object = []
        for _ in range(DEEP):
            deep = [deep]
        for name in ("content", "message", "event", "attempt", "total_cost_usd", "summary", "rate_limit_info", "text"):
            for kind in ("assistant", "user", "stream_event", "result", "raw", "rate_limit_event"):
                self.hear({"type": kind, name: deep})
            self.hear({"type": "system", "subtype": "api_retry", name: deep})
        self.hear(
            {"type": "user", "message": {"content": [{"type": "tool_result", "tool_use_id": "t1", "content": [deep]}]}}
        )

    def test_timestamps(self) -> None:
        """A timestamp that is none is the beginning of time."""
        for stamp in ("", "today", "0001-01-01T00:00:00", "9999-12-31T23:59:59", "\ud800"):
            Conversation().hear(Message("agent_message", {"type": "result"}, stamp, "p", None, 1))


END = Message("project_state", {}, "", "p", None, 8)


def _changed(data: st.DataObject, said: object) -> object:
    """The same, but for one place in which something else stands."""
    if isinstance(said, dict) and said and data.draw(st.integers(0, 3)):
        name = data.draw(st.sampled_from(sorted(said)))
        return {**said, name: _changed(data, said[name])}
    if isinstance(said, list) and said and data.draw(st.integers(0, 3)):
        return [_changed(data, said[0]), *said[1:]]
    return data.draw(JSON)
