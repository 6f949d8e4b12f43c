"""Only strict JSON is read, and whatever else comes is refused without harm (threats 5.2)."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain import commands
from pocketagent.domain.commands import Execute
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.wire import client
from pocketagent.wire.client import MAX_CONTAINERS, MAX_DEPTH, Unreadable, decode
from tests.wire.test_client import EVERY, NOW, PROMPT_ID, ClientCase, Fields, execute, said


class JsonTests(ClientCase):
    def test_not_one_document(self) -> None:
        """What is not exactly one JSON document in UTF-8 is refused (JS-01)."""
        good = b'{"type":"health_check"}'
        decode(b" \r\n\t" + good + b" \n")
        for payload in (
            b"",
            b"   ",
            b"hello",
            b"{",
            good[:-1],
            b'{"type":"health_check',
            b'{"type":"health_check",}',
            b"{'type':'health_check'}",
            b"\xef\xbb\xbf" + good,
            good.decode().encode("utf-16"),
            good.decode().encode("utf-32"),
            good.decode().encode("utf-16-le"),
            good + good,
            good + b"x",
            good + b"\0",
            b'{"type":"health_check"}//',
            b'{"type":"health_check","data":{"a":"\xff"}}',
            b'{"type":"health_check","data":{"a":"\xc0\xaf"}}',
            b'{"type":"health_check","data":{"a":"\n"}}',
        ):
            self.refused(payload)

    def test_top_level(self) -> None:
        """The message is an object, and its `data` too (JS-02)."""
        for payload in (b"[]", b'[{"type":"health_check"}]', b'"health_check"', b"1", b"null", b"true"):
            self.refused(payload)
        odd: tuple[object, ...] = ([], "x", 1, True, 0, False, "")
        for data in odd:
            self.refused(said("health_check", data), "data")

    def test_depth(self) -> None:
        """64 levels are read; 65 and 100 000 are refused, without recursion and in time linear in them (JS-03)."""
        for brackets in ((b"[", b"]"), (b'{"a":', b"}")):
            opening, closing = brackets
            for depth, is_good in ((MAX_DEPTH, True), (MAX_DEPTH + 1, False), (100_000, False)):
                inside = depth - 2
                nested = opening * inside + b"1" + closing * inside
                payload = b'{"type":"health_check","data":{"x":' + nested + b"}}"
                if is_good:
                    decode(payload)
                else:
                    self.refused(payload)
        self.refused(b"[" * 2_000_000)
        self.refused(b'{"a":' * 400_000)
        self.refused(b'"' * 2_000_000)
        self.refused(b'{"type":"' + b"\\" * 2_000_001)
        self.refused(b"]" * 1000 + b"[" * 1000)

    def test_brackets_in_texts_do_not_nest(self) -> None:
        """What stands in a text is text."""
        prompt = '[{"' * 100 + "\\" * 7 + '"]}' * 50
        request = decode(said("execute", {"project_id": "p", "prompt": prompt}))
        assert isinstance(request.command, Execute)
        self.assertEqual(request.command.prompt, prompt)

    def test_containers(self) -> None:
        """A message holds a bounded number of objects and arrays."""
        room = MAX_CONTAINERS - 3
        payload = b'{"type":"health_check","data":{"x":[%b]}}'
        decode(payload % b",".join([b"[]"] * room))
        self.refused(payload % b",".join([b"{}"] * (room + 1)))
        self.refused(payload % b",".join([b"[]"] * 500_000))

    def test_no_numbers(self) -> None:
        """NaN, the infinities and what only a float could not hold are refused, wherever they stand (JS-05)."""
        for number in (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999"):
            for payload in (
                b'{"type":"execute","data":{"project_id":"p","prompt":"x","options":{"timeout":%b}}}',
                b'{"type":"health_check","ignored":[%b]}',
            ):
                self.refused(payload % number)

    def test_whole_numbers(self) -> None:
        """A whole number is exact or refused; a float, a text and a truth are none (JS-06, JS-08)."""
        for number in (b"0", b"-0", b"%d" % (2**63 - 1)):
            command = decode(b'{"type":"message_ack","project_id":"p","data":{"seq":%b}}' % number).command
            assert isinstance(command, commands.AcknowledgeMessages)
            self.assertIs(type(command.seq), int)
            self.assertEqual(command.seq, int(number))
        for number in (
            b"%d" % 2**63,
            b"%d" % (-(2**63) - 1),
            b"-1",
            b"9" * 4301,
            b"-" + b"9" * 100_000,
            b"1.0",
            b"1e2",
            b"true",
            b"false",
            b'"10"',
            b"null",
            b"[1]",
            b"01",
            b"+1",
            b"0x10",
            b"1_000",
        ):
            self.refused(b'{"type":"message_ack","project_id":"p","data":{"seq":%b}}' % number)

    def test_limit(self) -> None:
        """The size of a page is a whole number from 1 to 1000 (JS-08)."""
        for limit in (1, 1000):
            decode(said("get_messages", {"project_id": "p", "limit": limit}))
        for bad in (0, -1, 1001, 10**9, "10", 1.0, 10.5, True, None, [10]):
            self.refused(said("get_messages", {"project_id": "p", "limit": bad}), "data.limit")

    def test_truths(self) -> None:
        """A truth is true or false and nothing like it."""
        odd: tuple[object, ...] = (0, 1, "true", "yes", None, [])
        for bad in odd:
            self.refused(said("execute", {"project_id": "p", "prompt": "x", "queue": bad}), "data.queue")
            self.refused(execute(dangerously_skip_permissions=bad))

    def test_fractions(self) -> None:
        """A time or a sum is a number above 0, whole or not."""
        for good in (1, 0.5, 1e9):
            decode(execute(timeout=good, max_budget_usd=good))
        odd: tuple[object, ...] = (0, -1, -0.0, "5", True, [], 10**400)
        for bad in odd:
            self.refused(execute(timeout=bad))
            self.refused(execute(max_budget_usd=bad))

    def test_lone_surrogates(self) -> None:
        """Half of a surrogate pair is refused anywhere (JS-07), escaped or raw; a whole pair is one character."""
        for payload in (
            rb'{"type":"execute","project_id":"p","data":{"prompt":"\ud800"}}',
            rb'{"type":"execute","project_id":"p","data":{"prompt":"\uDC00\uD800"}}',
            rb'{"type":"execute","project_id":"\udfff","data":{"prompt":"x"}}',
            rb'{"type":"project_create","data":{"path":"/a/\ud83d"}}',
            rb'{"type":"health_check","request_id":"\ud83d"}',
            rb'{"type":"\ud83d"}',
            rb'{"type":"health_check","\ud83d":1}',
            rb'{"type":"health_check","data":{"x":[{"\ud83dx":1}]}}',
            rb'{"type":"permission_response","project_id":"p","data":{"permission_id":"q","behavior":"allow",'
            rb'"updated_input":{"a":["\ud83d"]}}}',
            b'{"type":"health_check","request_id":"\xed\xa0\x80"}',
        ):
            self.refused(payload)
        command = decode(rb'{"type":"execute","project_id":"p","data":{"prompt":"\ud83d\ude00 \\ud83d"}}').command
        assert isinstance(command, Execute)
        self.assertEqual(command.prompt, "\U0001f600 \\ud83d")

    def test_nul(self) -> None:
        """A NUL is refused in a prompt, a system prompt and every value that has a pattern (JS-07)."""
        self.refused(said("execute", {"project_id": "p", "prompt": "a\0b"}), "data.prompt")
        self.refused(execute(append_system_prompt="a\0b"), "data.options.append_system_prompt")
        for name in ("model", "fallback_model", "mcp_config", "effort"):
            self.refused(execute(**{name: "a\0b"}), f"data.options.{name}")
        self.refused(execute(allowed_tools=["Read\0"]))
        self.refused(execute(allowed_tools=["Bash(a\0b)"]))
        self.refused(said("execute", {"project_id": "p", "prompt": "x", "prompt_id": PROMPT_ID[:-1] + "\0"}))

    def test_twice(self) -> None:
        """A field that stands twice in one object is refused at any depth."""
        for payload in (
            b'{"type":"health_check","type":"agent_kill"}',
            b'{"type":"health_check","type":"health_check"}',
            b'{"type":"health_check","data":{"a":1,"a":1}}',
            b'{"type":"health_check","x":[{"y":{"a":1,"b":2,"\\u0061":3}}]}',
            b'{"type":"execute","project_id":"p","data":{"prompt":"x","options":{"timeout":1,"timeout":2}}}',
        ):
            self.refused(payload)
        decode(b'{"type":"health_check","data":{"a":{"a":1},"b":{"a":1}}}')

    def test_unknown_type(self) -> None:
        """An unknown type is refused, and one that is no text (JS-09)."""
        for bad in ("", "Execute", "execute ", "x" * 1_000_000, "__class__", "\x1b[31m"):
            self.refused(said(bad), "type")
        for odd in (None, 7, ["execute"], {"execute": 1}, True):
            self.refused(said(odd), "type")
        self.refused(b"{}", "type")

    def test_unknown_field(self) -> None:
        """An unknown field is refused where a slip could be unsafe, and else ignored (JS-09)."""
        decode(said("agent_kill", {"project_id": "p", "force": True}, traceparent="x"))
        decode(said("execute", {"project_id": "p", "prompt": "x", "colour": "red"}))
        self.refused(execute(dangerously_skip_permission=True), "data.options.dangerously_skip_permission")
        self.refused(execute(**{"x" * 1_000_000: 1}))
        answer = {"project_id": "p", "permission_id": "q", "behavior": "allow"}
        self.refused(said("permission_response", {**answer, "updatedInput": {}}), "data.updatedInput")
        update = {"type": "addRules", "destination": "session", "behavior": "allow", "rules": [{"toolName": "Bash"}]}
        decode(said("permission_response", {**answer, "updated_permissions": [update]}))
        for bad in ({**update, "rule": 1}, {**update, "rules": [{"toolName": "Bash", "rule_content": "ls"}]}):
            self.refused(said("permission_response", {**answer, "updated_permissions": [update, bad]}))

    def test_wrong_words(self) -> None:
        """A word outside its list is refused, and the error repeats no more than a little of it."""
        for bad in ("Plan", "", "x" * 1_000_000):
            self.refused(execute(permission_mode=bad), "data.options.permission_mode")
        for bad in ("asc ", "random"):
            self.refused(said("get_messages", {"project_id": "p", "order": bad}), "data.order")
        self.refused(said("get_messages", {"project_id": "p", "direction": "nobody"}), "data.direction")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
_NAMES = sorted({name for fields, _ in EVERY.values() for name in fields} | {"subscribe"})
_OPTIONS = sorted(EVERY["execute"][0]["options"])  # type: ignore[call-overload]  # it is a mapping, as one can see
_UPDATES = ["type", "destination", "rules", "behavior", "mode", "directories"]
_DATA = st.dictionaries(st.sampled_from(_NAMES), JSON, max_size=4) | st.fixed_dictionaries(
    {"project_id": st.just("p"), "prompt": st.just("x"), "permission_id": st.just("q"), "behavior": st.just("allow")},
    optional={
        "options": st.dictionaries(st.sampled_from(_OPTIONS), JSON, max_size=3),
        "updated_permissions": st.lists(st.dictionaries(st.sampled_from(_UPDATES), JSON, max_size=4), max_size=2),
        "updated_input": JSON,
    },
)


class AnythingTests(SynchronousTestCase):
    def tried(self, payload: bytes) -> None:
        try:
            request = decode(payload)
        except Unreadable as problem:
            json.loads(client.error(problem, NOW, problem.project_id, problem.request_id))
        else:
            client.error(Refusal(Code.INTERNAL_ERROR, ""), NOW, request.project_id, request.request_id)

    @settings(max_examples=200)
    @given(st.binary(max_size=200))
    def test_bytes(self, payload: bytes) -> None:
        """Whatever bytes come, they are understood or Unreadable."""
        self.tried(payload)

    @settings(max_examples=150, deadline=None)
    @given(st.sampled_from(sorted(client.COMMANDS)), _DATA, st.dictionaries(st.sampled_from(_NAMES), JSON, max_size=2))
    def test_json(self, name: str, data: Fields, beside: Fields) -> None:
        """Whatever JSON comes, it is understood or Unreadable, and can be answered."""
        self.tried(json.dumps({"type": name, "data": data, **beside}).encode())

    @settings(max_examples=200)
    @given(st.sampled_from(sorted(client.COMMANDS)), st.data())
    def test_cut_and_flipped(self, name: str, data: st.DataObject) -> None:
        """A good message that was damaged is understood or Unreadable."""
        payload = bytearray(said(name, EVERY[name][0], request_id="r"))
        where = data.draw(st.integers(0, len(payload) - 1))
        payload[where] = data.draw(st.integers(0, 255))
        self.tried(bytes(payload))
        self.tried(bytes(payload[:where]))
