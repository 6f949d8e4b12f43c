"""What the CLI says is understood, and passed on untouched."""

import base64
import json
import math
from collections.abc import Mapping
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.agent import (
    Activity,
    BackgroundTasks,
    Overlong,
    PermissionAsked,
    PermissionWithdrawn,
    SessionNamed,
    Spoken,
    TurnResult,
    Utterance,
    Words,
)
from pocketagent.domain.message import Partial
from pocketagent.domain.turn import MAX_WORDS
from pocketagent.domain.usage import Spending
from pocketagent.wire import claude
from pocketagent.wire.claude import MAX_COST, MAX_TOKENS, Answered, Misnamed, ModeTold, Unsupported, hear
from pocketagent.wire.lines import MAX_LINE

ID = "0a4d2e9e-1111-4222-8333-123456789abc"
TRANSCRIPTS = sorted(Path(__file__).with_name("transcripts").glob("*.jsonl"))


def strict(line: bytes) -> object:
    """Read JSON as a strict reader does; ValueError otherwise."""

    def refuse(word: str) -> object:
        raise ValueError(word)

    return json.loads(line.decode(), parse_constant=refuse)


def line_of(utterance: Utterance) -> bytes | None:
    """The bytes that are kept of it."""
    match utterance:
        case Spoken(line) | SessionNamed(line) | TurnResult(line) | Activity(line) | BackgroundTasks(line):
            return line
        case Partial(message):
            return message
    return None


def one(line: bytes) -> Utterance:
    """The utterance of a line that has just one."""
    (utterance,) = hear([line]).utterances
    return utterance


def say(**said: object) -> bytes:
    return json.dumps(said).encode()


class HearTests(SynchronousTestCase):
    def _raw(self, line: bytes) -> Mapping[str, object]:
        """What a line was wrapped into."""
        utterance = one(line)
        assert isinstance(utterance, Spoken), utterance
        said = strict(utterance.line)
        assert isinstance(said, dict) and said["type"] == "raw", said
        return said

    def test_untouched(self) -> None:
        """Any JSON object passes as it is, known type or not: order, spaces, numbers, double keys (CH-11, CH-12)."""
        for line in (
            b'{"message": {"b":1,  "a":1.0}, "type":"assistant"}',
            b'{"type":"never_heard_of"}',
            b'{"value":1}',
            b'{"type":3}',
            b'{"type":null,"subtype":[],"event":7,"parent_tool_use_id":{}}',
            b'{"type":"assistant","type":"user"}',
            b'{"type":"error","error":{"message":"x"}}',
            b'{"type":"assistant","n":1e999,"m":' + b"9" * 5000 + b"}",
            b'{"type":"user"}\r',
            b"{}",
            '{"type":"assistant","text":"\N{WOMAN}"}'.encode(),
        ):
            self.assertEqual(hear([line]), ([Spoken(line)], []))

    def test_half_an_emoji(self) -> None:
        """A lone surrogate, as JavaScript writes it, is valid JSON and passes untouched, whatever it stands in."""
        for line in (
            b'{"type":"assistant","text":"cut \\ud83d"}',
            b'{"type":"assistant","text":"\\udc00\\ud83d\\u0041"}',
            b'{"\\ud83d":1,"type":"\\ud83d"}',
        ):
            self.assertEqual(hear([line]), ([Spoken(line)], []))
        line = b'{"type":"stream_event","event":{"type":"message_stop","text":"\\ud83d"},"parent_tool_use_id":"toolu"}'
        self.assertEqual(hear([line]).utterances, [Partial(line, "toolu", False, True)])
        line = b'{"type":"system","subtype":"init","session_id":"%s","text":"\\ud83d"}' % ID.encode()
        self.assertEqual(hear([line]).utterances, [SessionNamed(line, ID)])

    def test_raw(self) -> None:
        """What is no JSON object is kept as text (CH-11): NaN, lists, words, what nests too deeply."""
        for line in (
            b'{"type":"assistant","value":NaN}',
            b'{"type":"assistant","value":-Infinity}',
            b'[{"type":"assistant"}]',
            b'"text"',
            b"null",
            b"plain words",
            b'{"type":"assistant"',
            b'{"type":"assistant"} {}',
            b'{"type":"a\tb"}',
            b'{"type":"assistant","value":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
            b"\xef\xbb\xbf{}",
        ):
            self.assertEqual(self._raw(line), {"type": "raw", "text": line.decode()})

    def test_blank(self) -> None:
        """An empty line says nothing."""
        self.assertEqual(hear([b"", b"\r", b"  "]), ([], []))

    def test_no_utf8(self) -> None:
        """Bytes that are no UTF-8 are replaced and kept beside; the lines around do not suffer (CH-07)."""
        good = '{"type":"assistant","text":"\N{WOMAN}"}'.encode()
        for bad in (
            b'{"type":"assistant","text":"\xff"}',
            b'{"type":"stream_event","\xff":1}',
            b'{"type":"assistant","text":"\xed\xa0\x80"}',
            '{"type":"assistant"}'.encode("utf-16"),
            b"\x80",
        ):
            heard = hear([good, bad, good])
            self.assertEqual([heard.utterances[0], heard.utterances[2]], [Spoken(good), Spoken(good)])
            said = self._raw(bad)
            self.assertEqual(said["text"], bad.decode("utf-8", "replace"))
            self.assertEqual(base64.b64decode(str(said["base64"])), bad)

    def test_no_borrowed_bytes(self) -> None:
        """Half a code point at the end of one line and half a one in the next are two bad lines."""
        first, second = b'{"a":"\xf0\x9f', b'\x91\xa9"}'
        kinds = [json.loads(line_of(each) or b"")["type"] for each in hear([first, second]).utterances]
        self.assertEqual(kinds, ["raw", "raw"])

    def test_overlong(self) -> None:
        """A line over the bound keeps its place among the others."""
        line = b'{"type":"user"}'
        self.assertEqual(hear([line, Overlong(9), line]).utterances, [Spoken(line), Overlong(9), Spoken(line)])

    def test_raw_has_a_bound_too(self) -> None:
        """What would be over the bound once it is wrapped is told like a line over the bound."""
        self.assertEqual(one(b"\x01" * (MAX_LINE // 4)), Overlong(MAX_LINE // 4))

    @settings(max_examples=300, deadline=None)
    @given(st.data())
    def test_nothing_breaks_a_strict_reader(self, data: st.DataObject) -> None:
        """Whatever was said, what is passed on is a JSON object to a strict reader, on one line."""
        whole = data.draw(st.sampled_from(SAMPLES))
        at = data.draw(st.integers(0, len(whole)))
        line = whole[:at] + data.draw(st.sampled_from(PIECES)) + whole[at + data.draw(st.integers(0, 3)) :]
        for utterance in hear([line.replace(b"\n", b" ")]).utterances:
            kept = line_of(utterance)
            if kept is not None:
                self.assertNotIn(b"\n", kept)
                self.assertIsInstance(strict(kept), dict)

    @settings(deadline=None)
    @given(st.lists(st.binary(max_size=50).map(lambda data: data.replace(b"\n", b""))))
    def test_nothing_raises(self, lines: list[bytes]) -> None:
        """Any bytes are heard, and each line that is not blank comes out as one utterance."""
        heard = hear(lines)
        self.assertEqual(len(heard.utterances) + len(heard.asides), sum(1 for line in lines if line.strip()))

    def test_any_type_anywhere(self) -> None:
        """Whatever stands in a field that is looked at, the line is heard, and passes untouched if it passes."""
        for kind, subtype in KINDS:
            for field in FIELDS:
                for value in ODD:
                    line = say(**{"type": kind, "subtype": subtype, "request_id": "r", field: value})
                    for utterance in hear([line]).utterances:
                        self.assertIn(line_of(utterance), (None, line))

    def test_errors_have_a_bound(self) -> None:
        """Of what the CLI says of an error no more is taken than people read."""
        errors = self._result(is_error=True, errors=["x" * 1_000_000] * 1000).errors
        self.assertLess(sum(map(len, errors)), 100_000)

    def test_partial(self) -> None:
        """A stream_event is partial output; where a message begins and ends is marked."""
        for kind, begins, ends in (
            ("message_start", True, False),
            ("content_block_delta", False, False),
            ("message_stop", False, True),
        ):
            line = say(type="stream_event", event={"type": kind}, parent_tool_use_id=None)
            self.assertEqual(one(line), Partial(line, None, begins, ends))
        line = say(type="stream_event", parent_tool_use_id="toolu_1")
        self.assertEqual(one(line), Partial(line, "toolu_1", False, False))

    def test_init(self) -> None:
        """An init names the session, if the name is a UUID; any other is passed on and not used (AR-10)."""
        line = say(type="system", subtype="init", session_id=ID, permissionMode="plan")
        self.assertEqual(hear([line]), ([SessionNamed(line, ID)], [ModeTold("plan")]))
        for name in ("--settings=x", "$(id)", "", "0" * 1_000_000, None, 7, ID + "\n", ID[:-1], "{" + ID + "}"):
            line = say(type="system", subtype="init", session_id=name)
            self.assertEqual(hear([line]), ([Spoken(line)], [Misnamed()]))

    def test_activity(self) -> None:
        """The agent is busy unless it says that it is idle; waiting for a person is busy."""
        for state, busy in (("running", True), ("requires_action", True), ("idle", False)):
            line = say(type="system", subtype="session_state_changed", state=state)
            activity = Activity(line, busy)
            self.assertEqual(hear([line]), ([activity], [activity]))

    def test_background(self) -> None:
        """Background tasks are counted."""
        for tasks, count in (([{}, {}], 2), ([], 0), (None, 0)):
            line = say(type="system", subtype="background_tasks_changed", tasks=tasks)
            self.assertEqual(one(line), BackgroundTasks(line, count))

    def test_status(self) -> None:
        """A status passes, and the adapter learns the mode that it names."""
        line = say(type="system", subtype="status", status=None, permissionMode="acceptEdits")
        self.assertEqual(hear([line]), ([Spoken(line)], [ModeTold("acceptEdits")]))
        line = say(type="system", subtype="status", status="requesting")
        self.assertEqual(hear([line]), ([Spoken(line)], []))

    def _result(self, **said: object) -> TurnResult:
        result = one(say(type="result", **said))
        assert isinstance(result, TurnResult)
        return result

    def test_result(self) -> None:
        """A result tells how the turn went."""
        line = say(
            session_id=ID, type="result", subtype="success", is_error=False, total_cost_usd=0.25, queued_turn_count=2
        )
        result = TurnResult(line, ID, False, False, 2, 0.25, ())
        self.assertEqual(hear([line]), ([result], [result]))

    def test_result_tokens(self) -> None:
        """The tokens of a turn are those that it names; what is no number of them is none."""
        usage = {
            "input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 4,
            "server_tool_use": {"web_search_requests": 5},
        }  # fmt: skip
        told = Spending(input_tokens=1, output_tokens=2, cache_read_tokens=3, cache_creation_tokens=4)
        self.assertEqual(self._result(usage=usage).tokens, told)
        odds: list[object] = [None, [], {"input_tokens": -1}, {"output_tokens": "7"}, {"input_tokens": MAX_TOKENS + 1}]
        for odd in odds:
            self.assertEqual(self._result(usage=odd).tokens, Spending())
        self.assertEqual(self._result(usage={"input_tokens": MAX_TOKENS}).tokens.input_tokens, MAX_TOKENS)
        self.assertIsNone(self._result(total_cost_usd=-0.5).cost_usd)
        self.assertIsNone(self._result(total_cost_usd=MAX_COST * 2).cost_usd)

    def test_words(self) -> None:
        """Of what was said in one read the last text of the agent itself is told besides, its beginning on one line."""

        def line(*blocks: object, **more: object) -> bytes:
            said = {"type": "assistant", "message": {"content": blocks}, **more}
            return json.dumps(said, separators=(",", ":")).encode()

        text = line({"type": "text", "text": "Well,\nthen. " + "x" * 300})
        use = line({"type": "tool_use", "input": {"type": "text"}})
        inner = line({"type": "text", "text": "No."}, parent_tool_use_id="toolu_1")
        said = hear([line({"type": "text", "text": "First."}), text, use, inner]).utterances
        self.assertEqual(len(said), 5)
        (words,) = [one for one in said if isinstance(one, Words)]
        self.assertTrue(words.text.startswith("Well, then. xxx") and len(words.text) == MAX_WORDS)
        for written, told in (
            ('\\"q\\" \\u00e4\\n\\ud83d\\ude00', '"q" \xe4 \U0001f600'),
            ("\\ud83d", "?"),
            ("\xe4" * 5000, "\xe4" * 128 + "…"),
            (" " * 5000 + "late", "…"),
        ):
            spoken = f'{{"type":"assistant","message":{{"content":[{{"type":"text","text":"{written}"}}]}}}}'
            self.assertEqual(hear([spoken.encode()]).utterances[1], Words(told))
        # What has no words of that kind tells none.
        for other in (
            use, inner, line({"type": "text", "text": " \n"}), line({"type": "text", "text": 7}),
            b'{"type":"assistant","message":{"content":"plain","x":{"type":"text"}}}',
            line({"type": "text", "text": "No."}).replace(b'"assistant"', b'"user"'),
        ):  # fmt: skip
            self.assertEqual([type(one) for one in hear([other]).utterances], [Spoken], other[:80])

    def test_result_failed(self) -> None:
        """A failure comes with the CLI's words: its errors, else the result itself. A bound is marked as one."""
        self.assertEqual(self._result(is_error=True, errors=["a", 7, "b"]).errors, ("a", "b"))
        self.assertEqual(self._result(is_error=True, result="API Error").errors, ("API Error",))
        self.assertEqual(self._result(is_error=False, result="fine").errors, ())
        for subtype, bound in (("error_max_turns", True), ("error_max_budget_usd", True), ("success", False)):
            self.assertIs(self._result(subtype=subtype).ended_at_bound, bound)
        self.assertEqual(self._result(is_error=True, errors=["cut \ud83d"]).errors, ("cut ?",))

    def test_result_odd(self) -> None:
        """Absurd values are none (CH-13): an infinite cost, a negative count, a name that is no UUID."""
        for cost in (math.inf, "7", True, None, [1]):
            line = json.dumps({"type": "result", "total_cost_usd": cost}).replace("Infinity", "1e999").encode()
            result = one(line)
            assert isinstance(result, TurnResult)
            self.assertIsNone(result.cost_usd)
        for count in (-1, True, "2", 1.5, 10**400, None):
            self.assertEqual(self._result(queued_turn_count=count).queued_turns, 0)
        self.assertIsNone(self._result(session_id="--settings=x").session_id)
        self.assertEqual(self._result(total_cost_usd=10**400).cost_usd, None)

    def test_permission_asked(self) -> None:
        """A permission request carries the CLI's own bytes."""
        request = b'{"subtype":"can_use_tool", "tool_name":"Bash","input":{"n":1.0}}'
        line = b'{"type":"control_request","request_id":"r1","request":' + request + b"}"
        self.assertEqual(hear([line]), ([PermissionAsked("r1", request)], []))

    def test_permission_asked_with_half_an_emoji(self) -> None:
        """A lone surrogate in the input of a tool does not lose the question."""
        line = b'{"type":"control_request","request_id":"r1","request":{"subtype":"can_use_tool","input":"\\ud83d"}}'
        asked = one(line)
        assert isinstance(asked, PermissionAsked)
        self.assertEqual(strict(asked.request), {"subtype": "can_use_tool", "input": "\ud83d"})

    def test_other_requests(self) -> None:
        """A request that the server does not know is the adapter's, to be answered with an error."""
        for request, subtype in (({"subtype": "hook_callback"}, "hook_callback"), ({}, ""), (None, ""), ([], "")):
            line = say(type="control_request", request_id="r2", request=request)
            self.assertEqual(hear([line]), ([], [Unsupported("r2", subtype)]))
        line = (
            b'{"type":"control_request","request_id":"r","request":{"subtype":"can_use_tool","a":"\\ud83d","n":1e999}}'
        )
        self.assertEqual(hear([line]), ([], [Unsupported("r", "can_use_tool")]))

    def test_requests_without_an_id(self) -> None:
        """What cannot be answered is passed on as it is."""
        for request_id in (None, "", 7, "x" * 1000, "a\nb", "\ud83d"):
            line = say(type="control_request", request_id=request_id, request={"subtype": "can_use_tool"})
            self.assertEqual(one(line), Spoken(line))
            line = say(type="control_cancel_request", request_id=request_id)
            self.assertEqual(one(line), Spoken(line))

    def test_withdrawn(self) -> None:
        """The CLI takes a question back."""
        self.assertEqual(one(say(type="control_cancel_request", request_id="r1")), PermissionWithdrawn("r1"))

    def test_answers(self) -> None:
        """The answers to our requests are the adapter's alone; a keep_alive is nobody's."""
        good = {"subtype": "success", "request_id": "1", "response": {"mode": "plan"}}
        bad = {"subtype": "error", "request_id": "2", "error": "no", "error_code": "invalid_mode"}
        lines = [say(type="control_response", response=good), say(type="control_response", response=bad)]
        heard = hear(
            [*lines, say(type="keep_alive"), say(type="control_response"), say(type="control_response", response=7)]
        )
        self.assertEqual(heard, ([], [Answered("1", {"mode": "plan"}, None), Answered("2", {}, "no")]))

    def test_order(self) -> None:
        """Utterances keep the order of the lines, whatever they are."""
        lines = [
            say(type="user", n=n) if n % 3 else say(type="system", subtype="init", session_id=ID) for n in range(9)
        ]
        self.assertEqual([line_of(utterance) for utterance in hear(lines).utterances], lines)

    def test_rest(self) -> None:
        """What the output ends with is a line if it is whole, and else half a one, marked so (CH-08)."""
        line = say(type="user")
        self.assertEqual(claude.hear_rest(line), ([Spoken(line)], []))
        self.assertEqual(claude.hear_rest(Overlong(5)), ([Overlong(5)], []))
        (half,) = claude.hear_rest(b'{"type":"assistant","text":"\xf0\x9f').utterances
        assert isinstance(half, Spoken)
        said = strict(half.line)
        assert isinstance(said, dict)
        self.assertEqual(
            (said["type"], said["partial"], sorted(said)), ("raw", True, ["base64", "partial", "text", "type"])
        )
        whole = say(type="control_response", response={"subtype": "success", "request_id": "1"})
        self.assertEqual(claude.hear_rest(whole), ([], [Answered("1", {}, None)]))

    def test_transcripts(self) -> None:
        """Every line of the real CLI is understood, and passed on byte by byte."""
        self.assertTrue(TRANSCRIPTS)
        for transcript in TRANSCRIPTS:
            lines = transcript.read_bytes().splitlines()
            utterances, asides = hear(lines)
            kept = [line_of(utterance) for utterance in utterances]
            ours = [b'"control_re', b'"control_cancel_request"', b'"keep_alive"']
            spoken = [line for line in lines if not any(b'"type":' + kind in line for kind in ours)]
            self.assertEqual([line for line in kept if line is not None], spoken, transcript.name)
            self.assertNotIn(Misnamed(), asides)
            turns = sum(1 for line in lines if b'"subtype":"init"' in line)
            self.assertEqual(turns, sum(1 for utterance in utterances if isinstance(utterance, SessionNamed)))


SAMPLES = [line for transcript in TRANSCRIPTS for line in transcript.read_bytes().splitlines() if len(line) < 3000]
PIECES = [
    *(b"", b"\\ud83d", b"\xff", b"NaN", b"1e999", b"-", b"\\", b'"', b"{", b"}", b"[", b"]", b",", b"\x00", b"\t"),
    *(b"\xed\xa0\x80", b"\\u00", b'"type":7,', b'"type":"result",', b'"type":"stream_event",', b"01", b"[" * 2000),
]
ODD: list[object] = [None, True, 7, 1.5, "x", [], {}, [[]], [{}], {"subtype": []}, {"request_id": {}}]
KINDS = [
    *((kind, None) for kind in ("assistant", "stream_event", "result", "control_request", "control_response")),
    *(("system", kind) for kind in ("init", "status", "session_state_changed", "background_tasks_changed")),
    *(("control_cancel_request", None), ("keep_alive", None)),
]
FIELDS = [
    *("type", "subtype", "session_id", "request_id", "request", "response", "event", "parent_tool_use_id", "state"),
    *("permissionMode", "tasks", "is_error", "errors", "result", "queued_turn_count", "total_cost_usd"),
]
