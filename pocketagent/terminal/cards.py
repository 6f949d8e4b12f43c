# -*- test-case-name: tests.terminal.test_cards -*-
"""What the agent asks, as a card: what it would do, and the keys that answer.

card = card_of(question, may_answer=True, root="/home/me/project")
card.render(80, 24)
card.press("y")      # Answer(behavior=ALLOW)
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pocketagent.domain.agent import Behavior, PermissionMode
from pocketagent.domain.permission_updates import Destination, PermissionUpdate, UpdateKind
from pocketagent.terminal.answering import Answer, Card, Entry
from pocketagent.terminal.choices import ChoicesCard, asked_of
from pocketagent.terminal.inputs import as_json, edit_of, fields_of
from pocketagent.terminal.offers import Offer, offers_of
from pocketagent.terminal.sheet import MARK, Choice, Picture, Sheet, Words
from pocketagent.wire import foreign
from pocketagent.wire.server import Question

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["Answer", "Card", "Entry", "PermissionCard", "PlanCard", "card_of"]

MAX_REMARK = 300
"""Characters of what is said about a question: nothing of that may push what would run out of sight."""
MAX_DIRECT = 160
"""Characters of an offer that is granted with one key; a longer one is read in the list first."""

MAX_DIFFED = 100_000
"""Characters of an input that is drawn as a diff; a longer one is shown as it is."""

MAX_PLAN = 20_000
"""Characters of a plan that is drawn as Markdown; a longer one is shown as it was written."""

WAITS = "Waits for somebody who may answer."

_ALLOWED = Answer(behavior=Behavior.ALLOW)
_ASKS = {
    "Bash": ("Run this command?", ""),
    "Edit": ("Edit {}?", "file_path"),
    "MultiEdit": ("Edit {}?", "file_path"),
    "NotebookEdit": ("Edit {}?", "notebook_path"),
    "Write": ("Write {}?", "file_path"),
    "Read": ("Read {}?", "file_path"),
    "WebFetch": ("Fetch {}?", "url"),
    "WebSearch": ("Search the web for {}?", "query"),
}
"""What is asked about the tools that everybody knows, and which field says about what."""
_DRAWN = {
    "Edit": ("old_string", "new_string"),
    "MultiEdit": ("edits",),
    "NotebookEdit": ("new_source",),
    "Write": ("content",),
}
"""What of an input a diff shows."""


def card_of(question: Question, may_answer: bool, root: str, unicode: bool = True) -> Card:
    """The card for a question. `root`: the directory of its project, as the agent names it. `unicode`: whether the
    signs may be more than ASCII."""
    if question.tool_name == "AskUserQuestion" and (asked := asked_of(question.input)):
        return ChoicesCard(question, may_answer, unicode, asked)
    if question.tool_name == "ExitPlanMode":
        return PlanCard(question, may_answer, unicode)
    return PermissionCard(question, may_answer, unicode, root)


class PermissionCard(Card):
    """May the agent use this tool, in this way?"""

    def __init__(self, question: Question, may_answer: bool, unicode: bool, root: str) -> None:
        super().__init__(question, may_answer, unicode)
        self._root = root
        rules = question.request.get("suppress_always_allow_rule") is not True
        self._offers = offers_of(question.suggestions, root, rules)
        self._title, told = self._asks()
        self._body = [*self._remarks(), *self._what(told)]
        self._chosen: int | None = None
        """Which offer is marked, while the list of them is open."""

    def _pressed(self, key: str) -> Answer | None:
        if self._chosen is not None:
            return self._pressed_in_list(key, self._chosen)
        if key == "y":
            return _ALLOWED
        if key == "a" and self._offers:
            if self._is_direct:
                return _granted(self._offers[0])
            self._chosen = 0
            self._turned()
        if key == "e":
            self._edit()
        return None

    def _pressed_in_list(self, key: str, chosen: int) -> Answer | None:
        picked = chosen if key == "enter" else _digit(key)
        if picked is not None:
            if picked >= len(self._offers):
                return None
            self._chosen = None
            return _granted(self._offers[picked])
        if key in ("up", "down"):
            self._chosen = (chosen + (1 if key == "down" else -1)) % len(self._offers)
            self._turned()
        if key == "escape":
            self._chosen = None
            self._turned()
        return None

    @property
    def _is_direct(self) -> bool:
        """Whether there is one offer, and a line that says all of it."""
        words = [offer.words for offer in self._offers]
        return len(words) == 1 and len(words[0]) <= MAX_DIRECT and "\n" not in words[0]

    def _edit(self) -> None:
        edit = edit_of(self.question.tool_name, self.question.input)
        if edit is None:
            self.problem = "This input is too long to be changed here."
            return

        def taken(text: str) -> Answer:
            changed = edit.changed(text)
            return _ALLOWED if changed is None else Answer(behavior=Behavior.ALLOW, updated_input=changed)

        self._open(Entry(f"{edit.label} It runs when you send it.", edit.text, several_lines=True), taken)

    # -- what is seen ---------------------------------------------------------------------------------------

    def sheet(self) -> Sheet:
        if self._chosen is not None and self.entry is None:
            return self._list(self._title, self._chosen)
        return Sheet(
            self._title,
            self._body,
            () if self.entry or not self.may_answer else self._choices(),
            _note(self),
            self.problem,
        )

    def _choices(self) -> Sequence[Choice]:
        always: tuple[Choice, ...] = ()
        if self._is_direct:
            always = (Choice("a", self._offers[0].words),)
        elif self._offers:
            always = (Choice("a", "allow for longer, in ways to choose from", "for longer"),)
        return (
            Choice("y", "allow once"),
            *always,
            Choice("e", "change it first", "change"),
            Choice("n", "deny, and say why if you like", "deny"),
        )

    def _list(self, title: str, chosen: int) -> Sheet:
        signs = [MARK if number == chosen else " " for number in range(len(self._offers))]
        rows = [
            Words(offer.words, "bold" if number == chosen else "", f"{signs[number]} {number + 1}  ")
            for number, offer in enumerate(self._offers)
        ]
        last = len(self._offers)
        keys = Choice("1" if last == 1 else f"1-{last}", "allow it now, and this from now on", "allow")
        return Sheet(title, rows, (keys, Choice("esc", "back")), "", self.problem, chosen)

    def _asks(self) -> tuple[str, str]:
        """What is asked, and the field of the input that this says whole."""
        name = self.question.tool_name
        words, field = _ASKS.get(name, ("", ""))
        subject = _place(self.question.input.get(field), self._root)
        if words and (subject or not field):
            shown = _cut(subject)
            return words.format(shown), field if shown == subject else ""
        shown = self.question.display_name or name
        return f"Use {_cut(name)}{f' ({_cut(shown)})' if shown != name else ''}?", ""

    def _remarks(self) -> Sequence[Words]:
        """What the agent and its CLI say about it."""
        question, request = self.question, self.question.request
        said = [_text(request.get("title")), question.description or _text(question.input.get("description"))]
        own = [Words(_cut(text), "dim") for text in dict.fromkeys(said) if text.strip() and text not in self._title]
        reasons = [
            ("Why it asks: ", request.get("decision_reason")),
            ("Because of: ", request.get("blocked_path")),
            ("A rule says to ask: ", request.get("matched_ask_rule")),
            ("MCP server: ", request.get("mcp_server")),
        ]
        given = [Words(_cut(_text(value)), "", lead, "dim") for lead, value in reasons if value]
        if request.get("agent_id"):
            given.append(Words("A subagent asks.", "dim"))
        remarks = [*own, *given]
        return [*remarks, Words("")] if remarks else []

    def _what(self, told: str) -> Sequence[Words | Picture]:
        """The input, but for the field that is told already."""
        question, input = self.question, self.question.input
        command, description = input.get("command"), _text(input.get("description"))
        if question.tool_name == "Bash" and isinstance(command, str):
            known = description in ("", _cut(question.description or description))
            return [Words(command, "bold", "$ "), *fields_of(input, ("command", "description" if known else ""))]
        drawn = _diff(question.tool_name, input, self.unicode)
        if drawn is None:
            return fields_of(input, (told,))
        once = [name for name in ("replace_all",) if input.get(name) is False]  # as every edit is
        return [drawn, *fields_of(input, (told, *_DRAWN[question.tool_name], *once))]


class PlanCard(Card):
    """The agent has planned: shall it go on?"""

    refusing = Entry("What should change? The agent goes on planning. It may be empty.", several_lines=True)

    def __init__(self, question: Question, may_answer: bool, unicode: bool) -> None:
        super().__init__(question, may_answer, unicode)
        self._body = _plan(question.input, unicode)

    def _pressed(self, key: str) -> Answer | None:
        mode = {"y": PermissionMode.DEFAULT, "a": PermissionMode.ACCEPT_EDITS}.get(key)
        if mode is None:
            return None
        update = PermissionUpdate(type=UpdateKind.SET_MODE, destination=Destination.SESSION, mode=mode)
        return Answer(behavior=Behavior.ALLOW, updated_permissions=(update,))

    def sheet(self) -> Sheet:
        choices = (
            Choice("y", "go on, and ask before every edit", "go on"),
            Choice("a", "go on, and allow all edits in this session", "go on, allow edits"),
            Choice("n", "keep planning, and say what should change", "keep planning"),
        )
        shown = () if self.entry or not self.may_answer else choices
        return Sheet("Go on with this plan?", self._body, shown, _note(self), self.problem)


def _diff(name: str, input: Mapping[str, object], unicode: bool) -> Picture | None:
    """The edit as a diff; None where it is none, or where a diff would not show all of it."""
    from pocketagent.terminal.diffs import MAX_COLUMNS, MAX_KEPT_LINES, Kind, diff_of, draw

    if name not in _DRAWN or len(as_json(input, None) or "") > MAX_DIFFED:
        return None
    edits = input.get("edits") if name == "MultiEdit" else [{field: input.get(field) for field in _DRAWN[name]}]
    if not isinstance(edits, list) or not all(_is_plain(edit) for edit in edits):
        return None
    diff = diff_of(name, input, {})
    if diff is None or not diff.hunks:
        return None
    lines = [line for hunk in diff.hunks for line in hunk]
    changed = sum(line.kind is not Kind.CONTEXT for line in lines)
    if changed < diff.added + diff.removed or any(len(line.text) > MAX_COLUMNS for line in lines):
        return None
    return Picture(lambda: draw(diff, MAX_KEPT_LINES, unicode))


def _is_plain(edit: object) -> bool:
    """Whether a diff says everything about it."""
    known = {name for names in _DRAWN.values() for name in names}
    return isinstance(edit, dict) and all(name in known and isinstance(edit[name], str) for name in edit)


def _plan(input: Mapping[str, object], unicode: bool) -> Sequence[Words | Picture]:
    plan = input.get("plan")
    if not isinstance(plan, str) or not plan.strip():
        return [Words("The agent did not send its plan along.", "dim"), *fields_of(input)]
    if len(plan) > MAX_PLAN:
        return [Words(plan)]

    def draw() -> "RenderableType":
        from pocketagent.terminal.prose import Prose

        return Prose(plan, unicode)

    return [Picture(draw)]


def _note(card: Card) -> str:
    if card.entry:
        return f"{card.entry.label} esc goes back."
    return "" if card.may_answer else WAITS


def _granted(offer: Offer) -> Answer:
    return Answer(behavior=Behavior.ALLOW, updated_permissions=(offer.update,))


def _digit(key: str) -> int | None:
    return int(key) - 1 if len(key) == 1 and key in "123456789" else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else as_json(value, None) or ""


def _cut(text: str) -> str:
    """A text as one line that is not too long; of a long one the beginning and the end."""
    line = " ".join(text[: 100 * MAX_REMARK].split())
    if len(line) <= MAX_REMARK:
        return line
    half = MAX_REMARK // 2
    return f"{line[:half]} ... {line[-half:]}"


def _place(value: object, root: str) -> str:
    """A path inside of the project as it is called there."""
    path = foreign.text(value) or ""
    inside = f"{root.rstrip('/')}/"
    return path.removeprefix(inside) if root else path
