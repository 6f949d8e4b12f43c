# -*- test-case-name: tests.terminal.test_choices -*-
"""The agent's own questions: chosen, ticked, written, one after the other."""

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.agent import Behavior
from pocketagent.terminal.answering import Answer
from pocketagent.terminal.cards import card_of
from pocketagent.terminal.choices import MAX_HEADER, MAX_OPTIONS, MAX_QUESTIONS, asked_of
from tests.terminal.asked import ROOT, asked, opened, press, recorded, text_of

ONE = {
    "question": "Which database?",
    "header": "Database",
    "options": [{"label": "PostgreSQL", "description": "Runs already."}, {"label": "SQLite", "description": "A file."}],
    "multiSelect": False,
}
MANY = {
    "question": "Which checks?",
    "header": "Checks",
    "options": [{"label": "ruff"}, {"label": "mypy", "preview": "a.py: error\n1 error"}, {"label": "trial"}],
    "multiSelect": True,
}


def answered(*questions: object, **answers: object) -> Answer:
    """The answer that gives these for the questions, in their order."""
    given = dict(
        zip([str(one["question"]) for one in questions if isinstance(one, dict)], answers.values(), strict=True)
    )
    return Answer(behavior=Behavior.ALLOW, updated_input={"questions": list(questions), "answers": given})


class OneTests(SynchronousTestCase):
    def test_enter(self) -> None:
        """Enter answers with the option that is marked, at first the first one."""
        card = opened("AskUserQuestion", {"questions": [ONE]})
        self.assertEqual(card.press("enter"), answered(ONE, a="PostgreSQL"))

    def test_marked(self) -> None:
        """Up, down and numbers move the mark, around both ends."""
        for keys in ("down",), ("2",), ("up", "up"), ("down", "down", "down", "down"), ("2", "9", "0", "space"):
            card = opened("AskUserQuestion", {"questions": [ONE]})
            self.assertEqual(press(card, *keys, "enter"), answered(ONE, a="SQLite"), keys)

    def test_own(self) -> None:
        """Something else is written: with o, or with enter on the last row."""
        for keys in ("o",), ("up", "enter"), ("3", "enter"):
            card = opened("AskUserQuestion", {"questions": [ONE]})
            self.assertIsNone(press(card, *keys))
            self.assertIsNotNone(card.entry)
            self.assertEqual(card.submit(" DuckDB\n"), answered(ONE, a="DuckDB"))

    def test_own_empty(self) -> None:
        """An answer of one's own says something."""
        card = opened("AskUserQuestion", {"questions": [ONE]})
        card.press("o")
        self.assertIsNone(card.submit(" "))
        self.assertIsNotNone(card.entry)
        self.assertIn("has to say something", text_of(card))

    def test_no_answer(self) -> None:
        """n denies, with what the agent should do instead."""
        card = opened("AskUserQuestion", {"questions": [ONE]})
        card.press("n")
        self.assertEqual(card.submit("Decide yourself."), Answer(behavior=Behavior.DENY, message="Decide yourself."))

    def test_without_options(self) -> None:
        """A question without options is answered with words."""
        bare = {"question": "What is it called?"}
        card = opened("AskUserQuestion", {"questions": [bare]})
        card.press("enter")
        self.assertEqual(card.submit("Bob"), answered(bare, a="Bob"))

    def test_surrogate(self) -> None:
        """Half of a surrogate pair in what was asked does not stop the answer."""
        card = opened("AskUserQuestion", {"questions": [{"question": "a\ud800", "options": [{"label": "b\udfff"}]}]})
        self.assertEqual(card.press("enter"), answered({"question": "a?", "options": [{"label": "b?"}]}, a="b?"))

    def test_seen(self) -> None:
        """What is asked is seen, with every option and what is said about it."""
        seen = text_of(opened("AskUserQuestion", {"questions": [ONE]}))
        for part in (
            "The agent asks: Database",
            "Which database?",
            "❯ 1  PostgreSQL",
            "Runs already.",
            "3  something else",
        ):
            self.assertIn(part, seen)
        self.assertNotIn("1 of 1", seen)

    def test_mark_is_seen(self) -> None:
        """Where there is little room, the marked option is seen."""
        options = [{"label": f"option {number}.", "description": "said\n" * 5} for number in range(30)]
        card = opened("AskUserQuestion", {"questions": [{"question": "Which?", "options": options}]})
        for number in range(30):
            self.assertIn(f"option {number}.", text_of(card, 60, 8))
            card.press("down")
        self.assertIn("something else", text_of(card, 60, 8))

    def test_reader(self) -> None:
        """Who may not answer sees all questions, and no key answers."""
        card = card_of(asked("AskUserQuestion", {"questions": [ONE, MANY]}), False, ROOT)
        for key in "enter", "o", "n", "1", "down", "space":
            self.assertIsNone(card.press(key))
            self.assertIsNone(card.entry)
        for part in "Which database?", "· SQLite", "Which checks?", "· trial", "Waits for somebody who may answer.":
            self.assertIn(part, text_of(card))


class ManyTests(SynchronousTestCase):
    def test_ticked(self) -> None:
        """Space and numbers tick, and tick off; the answer is a list in the order of the options."""
        for keys in ("down", "down", "space", "up", "up", "space"), ("3", "1"), ("1", "2", "3", "2"):
            card = opened("AskUserQuestion", {"questions": [MANY]})
            self.assertEqual(press(card, *keys, "enter"), answered(MANY, a=["ruff", "trial"]), keys)

    def test_nothing_ticked(self) -> None:
        """Nothing is no choice: the card says how to make one."""
        card = opened("AskUserQuestion", {"questions": [MANY]})
        self.assertIsNone(card.press("enter"))
        self.assertIn("space chooses", text_of(card))

    def test_own(self) -> None:
        """An answer of one's own is one more of the list; space takes it away."""
        card = opened("AskUserQuestion", {"questions": [MANY]})
        press(card, "1", "4", "space")
        self.assertIsNone(card.submit("bandit"))
        self.assertIn("[x] something else", text_of(card))
        self.assertEqual(card.press("enter"), answered(MANY, a=["ruff", "bandit"]))
        self.assertEqual(press(card, "space", "up", "enter"), answered(MANY, a=["ruff"]))

    def test_preview(self) -> None:
        """What an option would look like is seen while it is marked."""
        card = opened("AskUserQuestion", {"questions": [MANY]})
        self.assertNotIn("a.py: error", text_of(card))
        card.press("down")
        self.assertIn("│ a.py: error\n", text_of(card))
        self.assertIn("│ 1 error\n", text_of(card))


class SeveralTests(SynchronousTestCase):
    def test_one_after_the_other(self) -> None:
        """Enter goes on to the next question, and says how far it is; the last one answers all."""
        card = opened("AskUserQuestion", {"questions": [ONE, MANY]})
        self.assertIn("(1 of 2)", text_of(card))
        self.assertIsNone(press(card, "2", "enter"))
        self.assertIn("The agent asks: Checks (2 of 2)", text_of(card))
        self.assertEqual(press(card, "1", "enter"), answered(ONE, MANY, a="SQLite", b=["ruff"]))

    def test_back(self) -> None:
        """Escape goes back to the question before, where what was chosen stands; at the first one it does nothing."""
        card = opened("AskUserQuestion", {"questions": [ONE, MANY]})
        press(card, "2", "enter", "3", "escape")
        self.assertIn("❯ 2  SQLite", text_of(card))
        self.assertEqual(press(card, "escape", "enter", "enter"), answered(ONE, MANY, a="SQLite", b=["trial"]))

    def test_own_goes_on(self) -> None:
        """What is written for one of several questions goes on to the next."""
        card = opened("AskUserQuestion", {"questions": [ONE, MANY]})
        card.press("o")
        self.assertIsNone(card.submit("DuckDB"))
        self.assertIn("(2 of 2)", text_of(card))
        self.assertEqual(press(card, "1", "enter"), answered(ONE, MANY, a="DuckDB", b=["ruff"]))

    def test_rest_of_the_input(self) -> None:
        """What else the input holds goes along; an answer that it brings does not."""
        card = opened("AskUserQuestion", {"questions": [ONE], "answers": {"x": "y"}, "metadata": {"source": "a"}})
        answer = card.press("enter")
        assert answer is not None
        expected = {"questions": [ONE], "answers": {"Which database?": "PostgreSQL"}, "metadata": {"source": "a"}}
        self.assertEqual(answer.updated_input, expected)


class AskedTests(SynchronousTestCase):
    def test_bounds(self) -> None:
        """As many questions and options are taken as there are bounds for."""
        options = [{"label": str(number)} for number in range(MAX_OPTIONS + 1)]
        for extra in 0, 1:
            asked = asked_of({"questions": [{"question": "?", "options": options[extra:]}] * (MAX_QUESTIONS + extra)})
            self.assertEqual(len(asked), MAX_QUESTIONS)
            self.assertEqual(len(asked[0].options), MAX_OPTIONS)
        self.assertEqual(len(asked_of({"questions": [{"question": "?", "options": options}]})[0].options), MAX_OPTIONS)

    def test_odd(self) -> None:
        """What is not as it should be is left out; of the same label twice the last is there."""
        odd = {"question": "?", "header": 3, "multiSelect": "yes", "options": [1, {}, {"label": "a"}, {"label": "a"}]}
        (found,) = asked_of({"questions": ["x", {"question": 1}, odd]})
        self.assertEqual((found.header, found.several, [one.label for one in found.options]), ("", False, ["a"]))

    def test_long_header(self) -> None:
        """A header that is long is cut in the title."""
        for size in MAX_HEADER, MAX_HEADER + 1:
            card = opened("AskUserQuestion", {"questions": [{"question": "?", "header": "h" * size}]})
            self.assertEqual(text_of(card, 200).count("h" * MAX_HEADER), 1)
            self.assertNotIn("h" * (MAX_HEADER + 1), text_of(card, 200))


class RecordedTests(SynchronousTestCase):
    def test_recorded(self) -> None:
        """The question that the real CLI asked is answered as it takes it."""
        question = recorded("ask_user_question")
        answer = press(card_of(question, True, ROOT), "2", "enter")
        expected = {**question.input, "answers": {"Which?": "B"}}
        self.assertEqual(answer, Answer(behavior=Behavior.ALLOW, updated_input=expected))
