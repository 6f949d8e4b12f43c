"""What a person can read of an event, and what of a query must stand in a line that has it."""

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.message import Entry
from pocketagent.wire.searching import MAX_DEPTH, anchor, texts


def read(type_: str, **message: object) -> list[str]:
    return list(texts(Entry(1, "", "claude", type_, json.dumps(message).encode())))


def said(*content: object, type_: str = "assistant") -> list[str]:
    return read("agent_message", type=type_, message={"content": list(content)})


class TextTests(SynchronousTestCase):
    def test_texts(self) -> None:
        """Prompts, texts, thoughts, inputs and results of tools; nothing of ids, types and signatures."""
        self.assertEqual(read("client_message", prompt="Do it.", prompt_id="x"), ["Do it."])
        blocks = [
            {"type": "text", "text": "one"},
            {"type": "thinking", "thinking": "two", "signature": "x"},
            {"type": "tool_use", "id": "x", "name": "x", "input": {"a": "three", "b": [{"c": "four"}, 5]}},
            {"type": "tool_result", "content": "five", "tool_use_id": "x"},
            {"type": "tool_result", "content": [{"type": "text", "text": "six"}, {"type": "image", "source": "x"}]},
            {"type": "new", "text": "x"},
            "x",
        ]
        self.assertEqual(said(*blocks), ["one", "two", "three", "four", "five", "six"])
        self.assertEqual(read("agent_message", type="user", message={"content": "plain"}), ["plain"])
        for other in (
            read("agent_message", type="system", message={"content": "x"}),
            read("project_state", prompt="x"),
        ):
            self.assertEqual(other, [])

    def test_odd(self) -> None:
        """What is not as it should be is nothing, and nothing raises."""
        deep: object = "deep"
        for _ in range(MAX_DEPTH + 1):
            deep = [deep]
        odds: list[object] = [None, 7, {}, [None], [{"type": "text"}], [{"type": "text", "text": 7}], [{"type": []}]]
        for odd in odds:
            self.assertEqual(read("agent_message", type="assistant", message={"content": odd}), [])
        self.assertEqual(said({"type": "tool_use", "input": deep}), [])
        self.assertEqual(list(texts(Entry(1, "", "claude", "agent_message", b"{"))), [])

    def test_anchor(self) -> None:
        """The longest part that JSON writes as it is, whatever case it has in the text."""
        for wanted, part in (
            ("Hello", b"hello"),
            ('say "Hello World"', b"hello world"),
            ("a\nbc", b"bc"),
            ("\u00e4rger", b"rger"),
            ("\u043c\u0438\u0440", b""),
            ("\u4f60\u597d", "\u4f60\u597d".encode()),
            ("", b""),
        ):
            self.assertEqual(anchor(wanted), part, wanted)

    @given(st.text('aB\u00e4\u00c4\u4f60"\\\\\n/<\U0001f600 ', min_size=1, max_size=8), st.booleans())
    def test_nothing_is_missed(self, wanted: str, upper: bool) -> None:
        """A line that has it has the anchor, as JSON is written by JavaScript and by us."""
        text = wanted.upper() if upper else wanted
        if text.lower() == wanted.lower():
            line = json.dumps({"text": text}, ensure_ascii=False).encode()
            self.assertIn(anchor(wanted), line.lower())
