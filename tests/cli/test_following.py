# -*- test-case-name: tests.cli.test_following -*-
"""One execution, told by the messages of its project: values in, values out."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.cli.following import DONE, FAILED, STOPPED, TIMED_OUT, UNKNOWN, Ended, Execution, Heard, Noticed, Words
from pocketagent.wire.server import Message, Question

OURS, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
JOURNAL, ANOTHER = "33333333-3333-4333-8333-333333333333", "44444444-4444-4444-8444-444444444444"

KEYS = st.sampled_from(["type", "message", "content", "event", "delta", "text", "uuid"])
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
)
"""What JSON can be."""


def state(execution_id: str | None, seq: int | None = 1) -> Message:
    data = {
        "id": "p", "name": "app", "path": "/app", "archived": False, "session_id": None, "created_at": "",
        "last_active": "", "journal_id": JOURNAL, "head_seq": 0, "execution_id": execution_id, "queued": [],
        "state": "EXECUTING" if execution_id else "IDLE", "error": None, "pending_permissions": 0,
        "trust": {"state": "trusted", "fingerprint": "", "files": []}, "subscribers": 1,
    }  # fmt: skip
    return Message("project_state", data, seq=seq)


def said(data: dict[str, object], seq: int | None = 1) -> Message:
    return Message("agent_message", data, seq=seq)


def event(**event: object) -> Message:
    return said({"type": "stream_event", "event": event, "parent_tool_use_id": None}, seq=None)


def start() -> Message:
    return event(type="content_block_start", index=0, content_block={"type": "text", "text": ""})


def piece(text: str) -> Message:
    return event(type="content_block_delta", index=0, delta={"type": "text_delta", "text": text})


def whole(text: str, parent: str | None = None, uuid: str | None = None) -> Message:
    message = {"role": "assistant", "content": [{"type": "text", "text": text}]}
    return said({"type": "assistant", "message": message, "parent_tool_use_id": parent, "uuid": uuid})


def result(**more: object) -> Message:
    return said({"type": "result", "subtype": "success", "is_error": False, "result": "end", **more})


def error(code: str, message: str, **details: object) -> Message:
    return Message("error", {"code": code, "message": message, "details": details, "execution_id": OURS}, seq=1)


def joined(journal_id: str, replay: str = "complete", head: int = 9, first: int = 1) -> Message:
    data = {
        "project_id": "p", "journal_id": journal_id, "state": "IDLE", "session_id": None, "head_seq": head,
        "first_seq": first, "acked_seq": 0, "replay": replay,
    }  # fmt: skip
    return Message("project_joined", data, request_id="r")


def reply(execution_id: str | None) -> Message:
    return Message("project_state", state(execution_id).data, request_id="r")


def heard(*messages: Message, execution: Execution | None = None) -> Sequence[Heard]:
    one = execution or Execution(OURS)
    return [found for message in messages for found in one.hear(message)]


def words(*messages: Message) -> str:
    """What stands on stdout when these were said in the execution, and it went on."""
    return "".join(one.text for one in heard(state(OURS), *messages) if isinstance(one, Words))


def end(*messages: Message) -> Ended:
    *_, last = heard(state(OURS), *messages, state(None))
    assert isinstance(last, Ended)
    return last


class WordsTests(SynchronousTestCase):
    def test_pieces_and_the_whole(self) -> None:
        """What came in pieces is not repeated by the whole."""
        self.assertEqual(words(start(), piece("one "), piece("two"), whole("one two")), "one two\n")

    def test_only_the_whole(self) -> None:
        """A text of which no piece came is told whole; one that ends its line does not end it twice."""
        self.assertEqual(words(whole("one"), whole("two\n"), whole("")), "one\ntwo\n")

    def test_the_rest(self) -> None:
        """A text of which some pieces came is told to its end."""
        self.assertEqual(words(start(), piece("one "), joined(JOURNAL), whole("one two")), "one two\n")

    def test_given_up(self) -> None:
        """Pieces of a text that the agent gave up stay; what it says instead begins a line."""
        self.assertEqual(words(start(), piece("on"), start(), piece("two"), whole("two")), "on\ntwo\n")
        self.assertEqual(words(start(), piece("on"), whole("two")), "on\ntwo\n")
        self.assertEqual(words(start(), piece("The"), start(), piece("The cat"), whole("The cat")), "The\nThe cat\n")

    def test_the_next_begins_early(self) -> None:
        """The whole of a text may come when the next has begun already."""
        self.assertEqual(
            words(start(), piece("one"), start(), piece("tw"), whole("one"), piece("o"), whole("two")), "one\ntwo\n"
        )

    def test_cut_characters(self) -> None:
        """A character that was cut in two between pieces is whole, and half a one is none."""
        self.assertEqual(words(start(), piece("a\ud83d"), piece("\ude00b"), whole("a\U0001f600b")), "a\U0001f600b\n")
        self.assertEqual(words(whole("a\ud83d")), "a\ufffd\n")
        self.assertEqual(words(start(), piece("a\ud83d"), whole("a\ud83d")), "a\ufffd\n")

    def test_subagents(self) -> None:
        """What a subagent says is not the answer."""
        inner = said({"type": "stream_event", "event": piece("x").data["event"], "parent_tool_use_id": "t"}, None)
        self.assertEqual(words(inner, whole("x", parent="t"), whole("y")), "y\n")

    def test_others(self) -> None:
        """What was said before the execution began, or after its end, is not its own."""
        one = Execution(OURS)
        messages = (whole("a"), state(OTHER), whole("b"), state(None), state(OURS), whole("c"), state(None), whole("d"))
        self.assertEqual([each for each in heard(*messages, execution=one) if isinstance(each, Words)], [Words("c\n")])

    def test_no_text(self) -> None:
        """A turn in which nothing was said tells its result, as of a command of the CLI."""
        found = heard(state(OURS), result(result="Total cost: 0"), state(None))
        self.assertIn(Words("Total cost: 0\n"), found)
        self.assertNotIn(Words("end\n"), heard(state(OURS), whole("x"), result(), state(None)))

    @given(st.lists(st.lists(st.text("ab \n", min_size=1), min_size=1), max_size=6), st.data())
    def test_every_word_once(self, texts: list[list[str]], data: st.DataObject) -> None:
        """However many of the last pieces of a text are lost, each text is told once."""
        messages = []
        for pieces in texts:
            arrived = data.draw(st.integers(0, len(pieces)))
            messages += [start(), *map(piece, pieces[:arrived]), whole("".join(pieces))]
        wanted = ["".join(pieces) for pieces in texts]
        self.assertEqual(words(*messages), "".join(text if text.endswith("\n") else f"{text}\n" for text in wanted))

    @given(ODD)
    def test_whatever_it_says(self, odd: object) -> None:
        """What the agent says in a form that nobody has heard of is passed over."""
        for kind in ("assistant", "user", "result", "stream_event", "system"):
            heard(state(OURS), said({"type": kind, "message": odd, "event": odd, "errors": odd, "result": odd}))
            if isinstance(odd, dict):
                heard(state(OURS), said({"type": kind, **{str(key): value for key, value in odd.items()}}))


class EndTests(SynchronousTestCase):
    def test_done(self) -> None:
        """A turn with a result that is no error is complete."""
        self.assertEqual(end(whole("x"), result()), Ended(DONE))

    def test_failed(self) -> None:
        """A failure has the server's sentence, and the agent's last words."""
        self.assertEqual(
            end(error("EXECUTION_FAILED", "It died.", stderr="oh\n")), Ended(FAILED, "It died. Its last words: oh")
        )
        self.assertEqual(end(error("CLAUDE_NOT_FOUND", "None.")), Ended(FAILED, "None."))
        self.assertEqual(end(error("NEVER_HEARD_OF", "New.")), Ended(FAILED, "New."))
        self.assertEqual(end(error("EXECUTION_TIMEOUT", "Long.")), Ended(TIMED_OUT, "Long."))
        self.assertEqual(end(error("EXECUTION_INTERRUPTED", "Stop.")), Ended(STOPPED, "Stop."))

    def test_bound(self) -> None:
        """A bound that was reached is no success."""
        found = end(result(is_error=True, subtype="error_max_budget_usd", result=None))
        self.assertEqual(found, Ended(FAILED, "The agent stopped at the limit of cost."))

    def test_stopped(self) -> None:
        """Interrupted, killed and dropped are told apart."""
        aborted = result(is_error=True, subtype="error_during_execution")
        self.assertEqual(end(aborted), Ended(STOPPED, "The turn was interrupted."))
        self.assertEqual(end(), Ended(STOPPED, "The turn was interrupted."))
        killed = Message("process_killed", {"execution_id": OURS}, seq=1)
        self.assertEqual(end(killed), Ended(STOPPED, "The turn was killed."))
        dropped = Message("prompt_dropped", {"execution_id": OURS, "reason": "removed"}, seq=1)
        self.assertEqual(
            heard(state(OTHER), dropped), [Ended(STOPPED, "The prompt was dropped from the queue (removed).")]
        )

    def test_a_line_too_large(self) -> None:
        """A line that is left out ends nothing."""
        self.assertEqual(heard(state(OURS), error("LINE_TOO_LARGE", "Left out.")), [Noticed("Left out.")])
        self.assertEqual(end(error("LINE_TOO_LARGE", "Left out."), result()), Ended(DONE))

    def test_the_next_one(self) -> None:
        """It has ended when another one runs."""
        self.assertEqual(heard(state(OURS), result(), state(OTHER))[-1], Ended(DONE))

    def test_another_journal(self) -> None:
        """When the journal is another one, what was told is not told again, and an end that is lost is said to be."""
        again = (joined(JOURNAL), state(OURS), whole("one", uuid="u"), reply(OURS), joined(ANOTHER, "gap", head=3))
        replayed = (state(OURS, seq=1), whole("one", uuid="u"), whole("two", uuid="v"), result(), state(None, seq=4))
        texts = [each.text for each in heard(*again, *replayed) if isinstance(each, Words)]
        self.assertEqual(texts, ["one\n", "two\n"])
        self.assertEqual(heard(*again, *replayed)[-1], Ended(DONE))
        lost = (joined(JOURNAL), state(OURS), reply(None), joined(ANOTHER, "gap", head=1), state(None, seq=1))
        found = heard(*lost)[-1]
        assert isinstance(found, Ended)
        self.assertEqual(found.code, UNKNOWN)
        empty = (joined(JOURNAL), state(OURS), reply(None), joined(ANOTHER, "gap", head=0, first=1))
        self.assertIsInstance(heard(*empty)[-1], Ended)

    def test_questions(self) -> None:
        """What is asked in the execution is passed on, and nothing of another one."""
        asked = Message("permission_request", {
            "permission_id": "q", "tool_name": "Bash", "input": {"command": "make"}, "expires_at": "", "request": {},
        }, seq=1)  # fmt: skip
        self.assertEqual(heard(state(OTHER), asked), [])
        (question,) = heard(state(OURS), asked)
        assert isinstance(question, Question)
        self.assertEqual(question.input, {"command": "make"})

    def test_concerns(self) -> None:
        """Messages are of the execution from its prompt to the state that ends it, replies never."""
        one = Execution(OURS)
        prompt = Message("client_message", {"execution_id": OURS}, seq=1)
        messages = (state(OTHER), whole("x"), prompt, state(OURS), whole("y"), joined(JOURNAL), state(None))
        found = []
        for message in messages:
            one.hear(message)
            found.append(one.concerns(message))
        self.assertEqual(found, [False, False, True, True, True, False, True])
