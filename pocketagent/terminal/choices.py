# -*- test-case-name: tests.terminal.test_choices -*-
"""The agent's own questions (`AskUserQuestion`), one after the other: each with options, or an answer of one's own."""

import json
from collections.abc import Mapping, Sequence

from attrs import define, field, frozen

from pocketagent.domain.agent import Behavior
from pocketagent.terminal.answering import Answer, Card, Entry, Unfit
from pocketagent.terminal.sheet import BESIDE, MARK, Choice, Sheet, Words
from pocketagent.wire import foreign
from pocketagent.wire.server import Question

MAX_QUESTIONS = 20
"""Of one card; the CLI asks up to 4 at a time. The rest are left without an answer."""
MAX_OPTIONS = 50
"""Of one question; the CLI gives up to 4. Instead of one beyond them a person can write an answer."""

MAX_HEADER = 100
"""Characters of what a question is about, as far as the title says it."""

OWN = "something else"


@frozen
class Option:
    """`preview`: what it would look like, as text."""

    label: str
    description: str = ""
    preview: str = ""


@frozen
class Asked:
    """One question of the agent. `several`: more than one option may be chosen."""

    text: str
    header: str
    options: Sequence[Option]
    several: bool


def asked_of(input: Mapping[str, object]) -> Sequence[Asked]:
    """The questions of an input that can be asked; without what is not as it should be."""
    found = [_asked(each) for each in _objects(input, "questions", MAX_QUESTIONS)]
    return [asked for asked in found if asked.text.strip()]


def _asked(given: Mapping[str, object]) -> Asked:
    options = [
        Option(_text(each, "label"), _text(each, "description"), _text(each, "preview"))
        for each in _objects(given, "options", MAX_OPTIONS)
    ]
    labelled = {option.label: option for option in options if option.label.strip()}
    return Asked(
        _text(given, "question"), _text(given, "header"), list(labelled.values()), given.get("multiSelect") is True
    )


@define
class _Reply:
    """What a person has chosen so far. `at`: which row is marked, the last being the answer of one's own."""

    at: int = 0
    ticked: set[int] = field(factory=set)
    own: str = ""


class ChoicesCard(Card):
    """What would the person have?"""

    refusing = Entry("What should the agent do instead? It may be empty.", several_lines=True)

    def __init__(self, question: Question, may_answer: bool, unicode: bool, asked: Sequence[Asked]) -> None:
        super().__init__(question, may_answer, unicode)
        self._asked = asked
        self._replies = [_Reply() for _ in asked]
        self._now = 0

    # -- what the person does -------------------------------------------------------------------------------

    def _pressed(self, key: str) -> Answer | None:
        asked, reply = self._asked[self._now], self._replies[self._now]
        last = len(asked.options)
        self._turned()
        if key in ("up", "down"):
            reply.at = (reply.at + (1 if key == "down" else -1)) % (last + 1)
        elif len(key) == 1 and key in "123456789" and int(key) <= last + 1:
            reply.at = int(key) - 1
            if asked.several and reply.at < last:
                reply.ticked ^= {reply.at}
        elif key == "o":
            self._write(reply, last)
        elif key == "space" and asked.several:
            if reply.at < last:
                reply.ticked ^= {reply.at}
            elif reply.own:
                reply.own = ""
            else:
                self._write(reply, last)
        elif key == "escape":
            self._now = max(0, self._now - 1)
        elif key == "enter":
            return self._chosen(asked, reply)
        return None

    def _chosen(self, asked: Asked, reply: _Reply) -> Answer | None:
        if reply.at == len(asked.options) and not reply.own:
            self._write(reply, reply.at)
            return None
        if asked.several and not reply.ticked and not reply.own:
            self.problem = "Nothing is chosen yet: space chooses."
            return None
        return self._went_on()

    def _write(self, reply: _Reply, row: int) -> None:
        reply.at = row

        def taken(text: str) -> Answer | None:
            if not text.strip():
                raise Unfit("An answer of your own has to say something.")
            reply.own = text.strip()
            return None if self._asked[self._now].several else self._went_on()

        self._open(Entry("Your own answer.", reply.own, several_lines=True), taken)

    def _went_on(self) -> Answer | None:
        """To the next question; after the last one this is the answer."""
        self._turned()
        if self._now + 1 < len(self._asked):
            self._now += 1
            return None
        answers = {asked.text: _given(asked, reply) for asked, reply in zip(self._asked, self._replies, strict=True)}
        return Answer(behavior=Behavior.ALLOW, updated_input=_sent({**self.question.input, "answers": answers}))

    # -- what the person sees -------------------------------------------------------------------------------

    def sheet(self) -> Sheet:
        if not self.may_answer:
            return self._unanswered()
        asked, reply = self._asked[self._now], self._replies[self._now]
        parts, marked = _rows(asked, reply)
        if asked.text != asked.header:
            parts, marked = [Words(asked.text, "bold"), Words(""), *parts], marked + 2
        if self.entry is not None:
            return Sheet(self._title(asked), parts, (), f"{self.entry.label} esc goes back.", self.problem, marked)
        return Sheet(self._title(asked), parts, self._choices(asked), "", self.problem, marked)

    def _title(self, asked: Asked) -> str:
        many = len(self._asked)
        progress = f" ({self._now + 1} of {many})" if many > 1 else ""
        return f"The agent asks{f': {header}' if (header := asked.header[:MAX_HEADER].strip()) else ''}{progress}"

    def _choices(self, asked: Asked) -> Sequence[Choice]:
        goes_on = "goes on" if self._now + 1 < len(self._asked) else "answers"
        rows = min(len(asked.options) + 1, 9)
        if asked.several:
            chooses = Choice("space", "chooses, or not", "choose")
        else:
            chooses = Choice(f"1-{rows}" if rows > 1 else "1", "marks, as up and down do", "mark")
        back = (Choice("esc", "goes back to the question before", "back"),) if self._now else ()
        return (
            chooses,
            Choice("enter", goes_on, goes_on),
            Choice("o", "writes something else", "write"),
            *back,
            Choice("n", "does not answer", "no answer"),
        )

    def _unanswered(self) -> Sheet:
        """All questions one below the other, for who can only read."""
        parts: list[Words] = []
        for asked in self._asked:
            parts += [Words("")] if parts else []
            parts.append(Words(asked.text, "bold"))
            for option in asked.options:
                parts.append(Words(option.label, "", "· "))
                parts += [Words(option.description, "dim", "  ")] if option.description else []
        return Sheet("The agent asks", parts, (), "Waits for somebody who may answer.", self.problem)


def _rows(asked: Asked, reply: _Reply) -> tuple[list[Words], int]:
    """The options below each other, what is known of each, and where the marked one stands."""
    rows: list[Words] = []
    marked = 0
    for number, option in enumerate([*asked.options, Option(OWN, reply.own)]):
        is_own = number == len(asked.options)
        here = number == reply.at
        lead = f"{MARK if here else ' '} {number + 1}  " if number < 9 else f"{MARK if here else ' '}    "
        if asked.several:
            lead += "[x] " if (reply.own if is_own else number in reply.ticked) else "[ ] "
        if here:
            marked = len(rows)
        rows.append(Words(option.label, "bold" if here else "", lead, "bold" if here else ""))
        if option.description:
            rows.append(Words(option.description, "" if is_own else "dim", " " * len(lead)))
        if here and option.preview:
            rows.append(Words(option.preview, "", f"{' ' * (len(lead) - 2)}{BESIDE} ", "dim", True))
    return rows, marked


def _given(asked: Asked, reply: _Reply) -> str | list[str]:
    own = [reply.own] if reply.own else []
    if asked.several:
        return [asked.options[number].label for number in sorted(reply.ticked)] + own
    return own[0] if reply.at == len(asked.options) else asked.options[reply.at].label


def _sent(input: Mapping[str, object]) -> Mapping[str, object]:
    """The input as it can be sent: half of a surrogate pair in it is replaced."""
    try:
        return foreign.mapping(json.loads(json.dumps(input, ensure_ascii=False).encode("utf-8", "replace")))
    except (ValueError, TypeError, RecursionError):
        return input


def _objects(given: Mapping[str, object], name: str, limit: int) -> Sequence[Mapping[str, object]]:
    values = given.get(name)
    return [each for each in values[:limit] if isinstance(each, dict)] if isinstance(values, list | tuple) else []


def _text(given: Mapping[str, object], name: str) -> str:
    return foreign.text(given.get(name)) or ""
