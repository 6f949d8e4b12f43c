"""What a person can read of an event, and what of a query must stand in a line that has it."""

import json
import sys

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.message import Entry
from pocketagent.wire.searching import LAST_CAPITAL, MAX_DEPTH, sieve, texts


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


class SieveTests(SynchronousTestCase):
    def lets_through(self, wanted: str, text: str) -> bool:
        line = json.dumps({"text": text}, ensure_ascii=False).encode()
        return sieve(wanted).lets_through(line)

    def test_part(self) -> None:
        """What must be there is the longest part that JSON writes as it is, whatever case it has in the text, in every
        script; there is nothing to go by where capitals are longer."""
        for wanted, text in (
            ('say "Hello World"', "HELLO WORLD"),
            ("a\nbc", "BC"),
            ("\u00e4rger", "\u00c4RGER"),
            ("\u043c\u0438\u0440", "\u041c\u0418\u0420"),
            ("\u1f00\u03b3\u03ac\u03c0\u03b7", "\u1f08\u0393\u0386\u03a0\u0397"),
            ("\u4f60\u597d", "\u4f60\u597d"),
        ):
            self.assertTrue(self.lets_through(wanted, text), wanted)
            self.assertFalse(self.lets_through(wanted, text[:-1]), wanted)
            self.assertEqual(len(sieve(wanted).parts), 1)
        for wanted in ("", '\n"', "\u00df", "\ud800"):
            self.assertTrue(sieve(wanted).is_open, wanted)
        self.assertEqual(len(sieve("10 k\u03c9").parts), 2)

    def test_every_letter(self) -> None:
        """Every capital that there is, alone and among others, is found by its small letter."""
        for number in range(sys.maxunicode + 1):
            capital = chr(number)
            if (small := capital.lower()) != capital:
                self.assertLessEqual(number, LAST_CAPITAL)
                for before, behind in (("", ""), ("x", ""), ("", "x"), ("x", "x")):
                    self.assertTrue(self.lets_through(before + small + behind, before + capital + behind), capital)

    @given(
        st.text(
            st.sampled_from('aBiI\u0130\u0307k\u212a\u00e4\u00c4\u00df\u1e9e\u03a3\u03c3\u03c2\u4f60"\\\n/<\U0001f600 ')
        ),
        st.data(),
    )
    def test_nothing_is_missed(self, text: str, data: st.DataObject) -> None:
        """Whatever stands in a text in lower case is let through, as JSON is written by JavaScript and by us."""
        lower = text.lower()
        start = data.draw(st.integers(0, len(lower)))
        wanted = lower[start : data.draw(st.integers(start, len(lower)))]
        if wanted.lower() in lower:
            self.assertTrue(self.lets_through(wanted, text))
