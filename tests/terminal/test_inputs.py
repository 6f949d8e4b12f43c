# -*- test-case-name: tests.terminal.test_inputs -*-
"""The input of a tool, read and changed by a person."""

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.text import UNSAFE
from pocketagent.terminal.answering import Unfit
from pocketagent.terminal.inputs import MAX_EDITED, MAX_FIELDS, MAX_SHORT, Edit, edit_of, fields_of


def editing(name: str, input: dict[str, object]) -> Edit:
    edit = edit_of(name, input)
    assert edit is not None
    return edit


class FieldsTests(SynchronousTestCase):
    def test_fields(self) -> None:
        """Texts stand as they are, the rest as JSON; a field may be left out."""
        shown = fields_of({"a": "x\ny", "b": True, "c": [1, None], "d": "z"}, ("d",))
        self.assertEqual(
            [(one.lead, one.text) for one in shown], [("a: ", "x\ny"), ("b: ", "true"), ("c: ", "[1, null]")]
        )

    def test_short(self) -> None:
        """What is longer than a line stands on several."""
        for size, lines in (MAX_SHORT, 1), (MAX_SHORT + 1, 3):
            (shown,) = fields_of({"a": ["x" * (size - len('[""]'))]})
            self.assertEqual(len(shown.text.split("\n")), lines)

    def test_many(self) -> None:
        """Of very many fields it says how many more there are."""
        for count, said in (MAX_FIELDS, "1"), (MAX_FIELDS + 1, "1 more fields are not shown."):
            self.assertEqual(fields_of({str(number): 1 for number in range(count)})[-1].text, said)

    def test_deep(self) -> None:
        """What is nested beyond all measure is said to be."""
        deep: object = 1
        for _ in range(100_000):
            deep = [deep]
        (shown,) = fields_of({"a": deep})
        self.assertIn("nested too deep", shown.text)
        self.assertIsNone(edit_of("x", {"a": deep}))


class EditTests(SynchronousTestCase):
    def test_one_field(self) -> None:
        """What a tool is used for is changed by itself; the rest of the input stays."""
        for name, field in (
            ("Bash", "command"),
            ("Write", "content"),
            ("Edit", "new_string"),
            ("NotebookEdit", "new_source"),
        ):
            edit = editing(name, {field: "a\tb\n", "other": 1})
            self.assertEqual(edit.text, "a\tb\n")
            self.assertEqual(edit.changed("c"), {field: "c", "other": 1})
            self.assertIsNone(edit.changed("a\tb\n"))

    def test_emptied(self) -> None:
        """A file can be left empty; a command cannot."""
        self.assertEqual(editing("Write", {"content": "a"}).changed(""), {"content": ""})
        self.assertRaises(Unfit, editing("Bash", {"command": "a"}).changed, " \n")

    def test_whole(self) -> None:
        """Any other input is changed as JSON."""
        edit = editing("x", {"a": [1]})
        self.assertEqual(json.loads(edit.text), {"a": [1]})
        self.assertEqual(edit.changed('{"b": "ä"}'), {"b": "ä"})

    def test_unchanged(self) -> None:
        """JSON that says the same is no change; true is not 1."""
        edit = editing("x", {"a": 1, "b": 2})
        self.assertIsNone(edit.changed(edit.text))
        self.assertIsNone(edit.changed('{"b": 2,\n"a": 1}'))
        self.assertEqual(edit.changed('{"a": true, "b": 2}'), {"a": True, "b": 2})

    def test_unfit(self) -> None:
        """What is no JSON object says what is wrong, and where."""
        edit = editing("x", {"a": 1})
        for text, said in (
            ('{"a": 1,\n b}', "line 2, column 2"),
            ("[1]", "no JSON object"),
            ("", "line 1, column 1"),
            ('{"a": NaN}', "no JSON"),
            ('{"a": 1e999}', "too large"),
            ('{"a": ' + "[" * 100_000, "no JSON"),
        ):
            self.assertIn(said, str(self.assertRaises(Unfit, edit.changed, text)))

    def test_too_long(self) -> None:
        """An input over the bound is not changed here."""
        spent = len(editing("Bash", {"command": ""}).text) + len(json.dumps({"command": ""}, indent=2))
        for size, fits in (MAX_EDITED - spent, True), (MAX_EDITED - spent + 1, False):
            self.assertEqual(edit_of("Bash", {"command": "x" * size}) is not None, fits)

    @given(st.text(st.characters()))
    def test_comes_back(self, text: str) -> None:
        """Whatever a text holds, it is offered harmless, and comes back as it was beside what is changed."""
        edit = editing("Bash", {"command": text, "a": 1})
        self.assertIsNone(UNSAFE.search(edit.text.replace("\n", "").replace("\t", "")))
        if edit.text != text:
            changed = edit.changed(edit.text.replace('"a": 1', '"a": 2', 1))
            expected = {"command": text, "a": 2}
            self.assertEqual(json.dumps(changed, sort_keys=True), json.dumps(expected, sort_keys=True))
