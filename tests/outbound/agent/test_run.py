"""The conversation with a process, on a clock of our own."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from pocketagent.domain.agent import (
    Answer,
    Behavior,
    Context,
    Ending,
    Introduction,
    Launch,
    LaunchOptions,
    PermissionMode,
    Spoken,
)
from pocketagent.domain.attachment import Enclosure, MediaType
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.outbound.agent.child import MAX_UNWRITTEN, Over
from pocketagent.outbound.agent.run import MAX_EARLY, MAX_REASON, Run
from pocketagent.outbound.agent.steps import Moment
from pocketagent.ports import IRun
from tests.contracts import Here
from tests.outbound.agent.scripted import Listener, message

LAUNCH = Launch(
    run_id="run", project_id="p", path="/p", identity=(1, 2), session_id="s", resume=False, trusted=True,
    options=LaunchOptions(append_system_prompt="be brief"),
)  # fmt: skip
DEFAULT = PermissionMode.DEFAULT

T = TypeVar("T")


class Counting(Here):
    """Threads that are none, and count what they were given."""

    count = 0

    async def run(self, work: Callable[[], T]) -> T:
        self.count += 1
        return await super().run(work)


class FakeChild:
    """A process that does nothing by itself. `written`: the objects on the lines of its stdin."""

    def __init__(self) -> None:
        self.dead = Moment()
        self.stderr = b""
        self.written: list[Any] = []
        self.done: list[str] = []
        self.paused = False
        self.full = False

    def write(self, data: bytes) -> bool:
        if not self.full:
            self.written.append(json.loads(data))
        return not self.full

    def close_input(self) -> None:
        self.done.append("close")

    def terminate(self) -> None:
        self.done.append("terminate")

    def kill(self) -> None:
        self.done.append("kill")

    def abandon(self) -> None:
        self.done.append("abandon")

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False


class RunTests(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.child = FakeChild()
        self.listener = Listener()
        self.run_ = Run(LAUNCH, self.listener, self.clock, hidden=["hunter22"])
        self.run_.attach(self.child)

    def _say(self, *messages: object) -> None:
        self.run_.heard(b"".join(json.dumps(each).encode() + b"\n" for each in messages))

    def _settle(self, error: str | None = None, **response: object) -> None:
        """Answer the last control request."""
        request_id = self.child.written[-1]["request_id"]
        said: dict[str, object] = {"subtype": "success", "request_id": request_id, "response": response}
        if error is not None:
            said = {"subtype": "error", "request_id": request_id, "error": error}
        self._say({"type": "control_response", "response": said})

    def _begin(self) -> None:
        """As far as a run that serves."""
        introducing = Deferred.fromCoroutine(self.run_.introduce())
        self._settle(current_permission_mode="default")
        self.successResultOf(introducing)
        self.clock.advance(0)
        self.child.written.clear()

    def _prompt(
        self, text: str = "hello", model: str | None = None, mode: PermissionMode = DEFAULT
    ) -> "Deferred[None]":
        return Deferred.fromCoroutine(self.run_.prompt("uuid", text, model, mode))

    def _asked(self) -> Sequence[Mapping[str, object]]:
        """The control requests that were written, without their ids."""
        return [each["request"] for each in self.child.written if each["type"] == "control_request"]

    def _refusal(self, result: "Deferred[Any]") -> Refusal:
        refusal = self.failureResultOf(result, Refusal).value
        assert isinstance(refusal, Refusal)
        return refusal

    # -- the introduction

    def test_introduction(self) -> None:
        """It is asked to introduce itself, with the system prompt, and what it says is kept."""
        verifyObject(IRun, self.run_)
        introducing = Deferred.fromCoroutine(self.run_.introduce())
        self.assertEqual(self._asked(), [{"subtype": "initialize", "hooks": None, "appendSystemPrompt": "be brief"}])
        self._settle(claude_code_version="2.1.330", models=[{"value": "opus"}, 7], commands="odd")
        self.successResultOf(introducing)
        self.assertEqual(self.run_.introduction, Introduction("2.1.330", [{"value": "opus"}], None))

    def test_never(self) -> None:
        """Without an introduction the wait ends after a minute."""
        introducing = Deferred.fromCoroutine(self.run_.introduce())
        self.clock.advance(59)
        self.assertNoResult(introducing)
        self.clock.advance(1)
        self.assertEqual(self._refusal(introducing).code, Code.EXECUTION_FAILED)

    def test_refuses_to_begin(self) -> None:
        """An error instead of an introduction is passed on in its own words, no secret among them."""
        introducing = Deferred.fromCoroutine(self.run_.introduce())
        self._settle(error="bad hunter22")
        self.assertIn("bad ***", self._refusal(introducing).message)

    def test_ended_before(self) -> None:
        """An end before the introduction is told with what is known of it, and with who finds out more; the listener
        hears nothing."""
        introducing = Deferred.fromCoroutine(self.run_.introduce())
        self._say({"type": "user"})
        self.child.stderr = b"hunter22 is wrong"
        self.child.dead.happen()
        self.run_.over(Over(exit_code=1))
        refusal = self._refusal(introducing)
        self.assertEqual(refusal.details, {"exit_code": 1, "stderr": "*** is wrong"})
        self.assertIn("`pocketagent doctor`", refusal.message)
        self.assertEqual((self.listener.heard, self.listener.ending), ([], None))

    def test_session_lost(self) -> None:
        """A conversation that is not found is known by the result or by stderr."""
        lost = "No conversation found with session ID: s"
        for result, stderr in (({"errors": [lost], "is_error": True}, b""), ({"is_error": True}, lost.encode())):
            self.setUp()
            introducing = Deferred.fromCoroutine(self.run_.introduce())
            self._say({"type": "result", **result})
            self.child.stderr = stderr
            self.run_.over(Over(exit_code=1))
            self.assertIs(self._refusal(introducing).details["session_lost"], True)

    def test_not_started(self) -> None:
        """A process that could not be started is refused with the system's reason (CH-21)."""
        for number, code in ((11, Code.RESOURCE_LIMIT), (12, Code.RESOURCE_LIMIT), (8, Code.EXECUTION_FAILED)):
            self.setUp()
            introducing = Deferred.fromCoroutine(self.run_.introduce())
            self.run_.over(Over(failure=("fork", number)))
            self.assertEqual(self._refusal(introducing).code, code)

    def test_early(self) -> None:
        """What is said before and with the introduction is heard on the next round, in order."""
        introducing = Deferred.fromCoroutine(self.run_.introduce())
        self._say({"type": "user", "n": 1})
        self._settle()
        self._say({"type": "user", "n": 2})
        self.successResultOf(introducing)
        self.assertEqual((self.listener.heard, self.child.paused), ([], True))
        self.clock.advance(0)
        self.assertEqual([message(each)["n"] for each in self.listener.heard], [1, 2])
        self.assertFalse(self.child.paused)

    def test_too_much_before(self) -> None:
        """A process that says too much before its introduction is not read any more."""
        Deferred.fromCoroutine(self.run_.introduce()).addErrback(lambda failure: None)
        for _ in range(17):
            self.run_.heard(b"x" * (MAX_EARLY // 16 - 1) + b"\n")
        self.assertTrue(self.child.paused)
        self.clock.advance(60)

    # -- hearing

    def test_ready(self) -> None:
        """A listener that is ready at once costs no pause; one that is not is waited for."""
        self._begin()
        self._say({"type": "user"})
        self.assertFalse(self.child.paused)
        self.listener.hold = True
        self._say({"type": "user"})
        self.assertTrue(self.child.paused)
        self.listener.go_on()
        self.assertFalse(self.child.paused)

    def test_deferreds(self) -> None:
        """A listener may answer with a Deferred, fired or not; one that fails is logged, and the reading goes on."""
        self._begin()
        for result, paused in ((Deferred[None](), True), (Deferred[None](), False)):
            self.listener.said = lambda utterances, result=result: result  # type: ignore[method-assign, misc]
            if not paused:
                result.callback(None)
            self._say({"type": "user"})
            self.assertIs(self.child.paused, paused)
            if paused:
                result.errback(ValueError("the listener failed"))
                self.assertFalse(self.child.paused)
                self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_half_a_line(self) -> None:
        """Half a line at the end is heard, marked."""
        self._begin()
        self.run_.heard(b'{"type":"us')
        self.assertEqual(self.listener.heard, [])
        self.run_.closed()
        self.assertEqual(message(self.listener.heard[0]), {"type": "raw", "text": '{"type":"us', "partial": True})

    def test_unsupported(self) -> None:
        """A request that nobody knows here is answered with an error at once."""
        self._begin()
        self._say({"type": "control_request", "request_id": "q", "request": {"subtype": "hook_callback"}})
        (answer,) = self.child.written
        self.assertEqual((answer["response"]["request_id"], answer["response"]["subtype"]), ("q", "error"))
        self.assertEqual(self.listener.heard, [])

    def test_misnamed(self) -> None:
        """A session id that is no UUID is logged, and not what it was (AR-10)."""
        self._begin()
        with capturedLogs() as events:
            self._say({"type": "system", "subtype": "init", "session_id": "--settings=x"})
        self.assertEqual(len(events), 1)
        self.assertNotIn("--settings", str(events))
        self.assertIsInstance(self.listener.heard[0], Spoken)

    def test_ending(self) -> None:
        """The end is told once, with what the process complained of, masked."""
        self._begin()
        self.child.stderr = b"x hunter22"
        self.child.dead.happen()
        self.assertTrue(self.run_.is_ending)
        self.run_.over(Over(signal=9))
        self.assertEqual(self.listener.ending, Ending(None, 9, "x ***"))

    # -- prompts

    def test_enclosures(self) -> None:
        """The line of a prompt with attachments is made in a thread; any other is made at once."""
        threads = Counting()
        self.run_ = Run(LAUNCH, self.listener, self.clock, threads=threads)
        self.run_.attach(self.child)
        self._begin()
        picture = Enclosure("a.png", MediaType.PNG, b"x" * 5_000_000)
        self.successResultOf(Deferred.fromCoroutine(self.run_.prompt("uuid", "hello", None, DEFAULT, [picture])))
        (told,) = self.child.written
        self.assertEqual([block["type"] for block in told["message"]["content"]], ["image", "text"])
        self.successResultOf(self._prompt())
        self.assertEqual(threads.count, 1)

    def test_too_much_enclosed(self) -> None:
        """A line that is larger than what may wait for the CLI is refused, and nothing is written."""
        self._begin()
        text = Enclosure("a.txt", MediaType.TEXT, b"\x1b" * 3_000_000)
        prompting = Deferred.fromCoroutine(self.run_.prompt("uuid", "hello", None, DEFAULT, [text]))
        refusal = self._refusal(prompting)
        self.assertEqual((refusal.code, refusal.details["limit"]), (Code.EXECUTION_FAILED, MAX_UNWRITTEN))
        self.assertEqual(self.child.written, [])

    def test_prompt(self) -> None:
        """Model and mode that are in force already are not set again."""
        self._begin()
        self.successResultOf(self._prompt())
        (said,) = self.child.written
        self.assertEqual((said["type"], said["uuid"], said["message"]["content"]), ("user", "uuid", "hello"))

    def test_model_and_mode_first(self) -> None:
        """What must be set is set, and confirmed, before the prompt is handed over; after that it is known."""
        self._begin()
        prompting = self._prompt(model="opus", mode=PermissionMode.PLAN)
        self._settle()
        self.assertEqual(
            self._asked(),
            [{"subtype": "set_model", "model": "opus"}, {"subtype": "set_permission_mode", "mode": "plan"}],
        )
        self.assertNoResult(prompting)
        self._settle(mode="plan")
        self.successResultOf(prompting)
        self.assertEqual(self.child.written[-1]["type"], "user")
        self.child.written.clear()
        self.successResultOf(self._prompt(model="opus", mode=PermissionMode.PLAN))
        self.assertEqual(self._asked(), [])
        back = self._prompt(mode=PermissionMode.PLAN)
        self.assertEqual(self._asked(), [{"subtype": "set_model", "model": None}])
        self._settle()
        self.successResultOf(back)

    def test_mode_changed_by_itself(self) -> None:
        """The mode is what the CLI said last: by an approved plan it may have changed."""
        self._begin()
        self._say({"type": "system", "subtype": "status", "permissionMode": "acceptEdits"})
        prompting = self._prompt()
        self.assertEqual(self._asked(), [{"subtype": "set_permission_mode", "mode": "default"}])
        self._settle()
        self.successResultOf(prompting)
        self._say({"type": "system", "subtype": "init", "permissionMode": "plan"})
        self.successResultOf(self._prompt(mode=PermissionMode.PLAN))

    def test_model_changed_by_hand(self) -> None:
        """After a `/model` nobody knows the model, so it is set again."""
        self._begin()
        self.successResultOf(self._prompt("/model haiku"))
        prompting = self._prompt()
        self.assertEqual(self._asked(), [{"subtype": "set_model", "model": None}])
        self._settle()
        self.successResultOf(prompting)
        self.child.written.clear()
        self.successResultOf(self._prompt())
        self.assertEqual(self._asked(), [])

    def test_refused(self) -> None:
        """A model or mode that is refused, or not confirmed in 10 s, is a refusal; the prompt is not handed over, and
        the next prompt sets it again."""
        self._begin()
        prompting = self._prompt(model="nonsense")
        self._settle(error="no such model")
        refusal = self._refusal(prompting)
        self.assertEqual((refusal.code, refusal.details), (Code.EXECUTION_FAILED, {"model": "nonsense"}))
        self.assertIn("no such model", refusal.message)
        prompting = self._prompt(model="nonsense", mode=PermissionMode.PLAN)
        self._settle()
        self.clock.advance(10)
        self.assertEqual(self._refusal(prompting).details, {"permission_mode": "plan"})
        self.assertNotIn("user", [each["type"] for each in self.child.written])
        self.child.written.clear()
        prompting = self._prompt(model="nonsense", mode=PermissionMode.PLAN)
        self.assertEqual(self._asked(), [{"subtype": "set_permission_mode", "mode": "plan"}])
        self._settle()
        self.successResultOf(prompting)

    def test_reason_masked_before_it_is_cut(self) -> None:
        """A secret at the edge of the CLI's own words is not told by half."""
        self._begin()
        prompting = self._prompt(model="nonsense")
        self._settle(error="x" * (MAX_REASON - 4) + "hunter22")
        self.assertNotIn("hunt", self._refusal(prompting).message)

    def test_ended_meanwhile(self) -> None:
        """A process that ends while the model is set does not leave the prompt waiting."""
        self._begin()
        prompting = self._prompt(model="opus")
        self.child.dead.happen()
        self.run_.over(Over(exit_code=0))
        self.assertEqual(self._refusal(prompting).code, Code.EXECUTION_FAILED)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_no_room_in_stdin(self) -> None:
        """A prompt for a process that reads nothing is refused; an answer is dropped with a line in the log."""
        self._begin()
        self.child.full = True
        self.assertEqual(self._refusal(self._prompt()).code, Code.EXECUTION_FAILED)
        with capturedLogs() as events:
            self.run_.answer("q", b"{}", Answer(Behavior.DENY, message="a secret of mine"))
        self.assertEqual(len(events), 1)
        self.assertNotIn("a secret of mine", str(events))

    def test_configure(self) -> None:
        """What is None is left as it is; what is given is set at once."""
        self._begin()
        self.successResultOf(Deferred.fromCoroutine(self.run_.configure(None, None)))
        configuring = Deferred.fromCoroutine(self.run_.configure("opus", None))
        self._settle()
        self.successResultOf(configuring)
        configuring = Deferred.fromCoroutine(self.run_.configure(None, PermissionMode.BYPASS))
        self._settle(error="not launched so")
        self.assertIn("not launched so", self._refusal(configuring).message)
        self.assertEqual(len(self._asked()), 2)

    # -- questions

    def test_interrupt(self) -> None:
        """An interrupt is confirmed by the CLI's answer within 2 s, and by nothing else."""
        self._begin()
        for answer, confirmed in ((self._settle, True), (lambda: self._settle(error="no"), False)):
            asking = Deferred.fromCoroutine(self.run_.interrupt())
            answer()
            self.assertIs(self.successResultOf(asking), confirmed)
        asking = Deferred.fromCoroutine(self.run_.interrupt())
        self.clock.advance(2)
        self.assertIs(self.successResultOf(asking), False)
        self._settle()

    def test_context(self) -> None:
        """The context is what the CLI says of it within 5 s, else nothing."""
        self._begin()
        answers: Sequence[tuple[Callable[[], None], Context | None]] = (
            (lambda: self._settle(totalTokens=7, maxTokens=10), Context(7, 10)),
            (lambda: self._settle(totalTokens="7"), None),
            (lambda: self._settle(error="no"), None),
            (lambda: self.clock.advance(5), None),
        )
        for answer, context in answers:
            asking = Deferred.fromCoroutine(self.run_.context())
            answer()
            self.assertEqual(self.successResultOf(asking), context)

    # -- the end

    def test_kill(self) -> None:
        """A kill interrupts, and waits for the result of the turn before it closes stdin, but no longer than 2 s."""
        self._begin()
        self.successResultOf(self._prompt())
        killing = Deferred.fromCoroutine(self.run_.kill())
        self.assertEqual((self._asked(), self.child.done), ([{"subtype": "interrupt"}], []))
        self._settle()
        self.assertEqual(self.child.done, [])
        self._say({"type": "result", "is_error": True})
        self.assertEqual(self.child.done, ["close"])
        self.clock.advance(1)
        self.clock.advance(5)
        self.assertEqual(self.child.done, ["close", "terminate", "kill"])
        self.assertNoResult(killing)
        self.child.dead.happen()
        self.successResultOf(killing)

    def test_kill_unheard(self) -> None:
        """An interrupt that nobody hears costs 2 s."""
        self._begin()
        self._say({"type": "system", "subtype": "session_state_changed", "state": "running"})
        Deferred.fromCoroutine(self.run_.kill())
        self.clock.advance(1.9)
        self.assertEqual(self.child.done, [])
        self.clock.advance(0.1)
        self.assertEqual(self.child.done, ["close"])
        self.child.dead.happen()

    def test_kill_idle(self) -> None:
        """Where no turn is under way there is nothing to interrupt."""
        self._begin()
        self.successResultOf(self._prompt())
        self._say({"type": "system", "subtype": "session_state_changed", "state": "idle"})
        Deferred.fromCoroutine(self.run_.kill())
        self.assertEqual((self._asked(), self.child.done), ([], ["close"]))
        self.child.dead.happen()

    def test_stop(self) -> None:
        """A stop begins with the end of stdin; then no prompt is taken any more."""
        self._begin()
        stopping = Deferred.fromCoroutine(self.run_.stop())
        self.assertEqual((self.child.done, self.run_.is_ending), (["close"], True))
        self.assertEqual(self._refusal(self._prompt()).code, Code.EXECUTION_FAILED)
        self.child.dead.happen()
        self.successResultOf(stopping)

    def test_no_timer_is_left(self) -> None:
        """A run that is over has no timers."""
        self._begin()
        Deferred.fromCoroutine(self.run_.interrupt())
        Deferred.fromCoroutine(self.run_.kill())
        self.child.dead.happen()
        self.run_.over(Over(exit_code=0))
        self.assertEqual(self.clock.getDelayedCalls(), [])
