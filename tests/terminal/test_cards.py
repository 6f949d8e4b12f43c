# -*- test-case-name: tests.terminal.test_cards -*-
"""The cards of what the agent asks: every key, every text, and whatever may come as a question."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.agent import Behavior, PermissionMode
from pocketagent.domain.commands import AnswerPermission
from pocketagent.domain.permission_updates import Destination, PermissionUpdate, ToolRule, UpdateKind
from pocketagent.domain.text import UNSAFE
from pocketagent.terminal.answering import Answer
from pocketagent.terminal.cards import MAX_DIFFED, MAX_DIRECT, MAX_PLAN, MAX_REMARK, PermissionCard, card_of
from pocketagent.terminal.choices import ChoicesCard
from pocketagent.terminal.inputs import as_json
from pocketagent.wire import server
from tests.terminal.asked import JSON, KEYS, ROOT, asked, lines_of, opened, press, recorded, text_of

RULE = {
    "type": "addRules",
    "rules": [{"toolName": "Bash", "ruleContent": "make test"}],
    "behavior": "allow",
    "destination": "localSettings",
}
EDITS = {"type": "setMode", "mode": "acceptEdits", "destination": "session"}
RULE_UPDATE = PermissionUpdate(
    type=UpdateKind.ADD_RULES,
    destination=Destination.LOCAL,
    rules=(ToolRule(toolName="Bash", ruleContent="make test"),),
    behavior="allow",
)
EDITS_UPDATE = PermissionUpdate(
    type=UpdateKind.SET_MODE, destination=Destination.SESSION, mode=PermissionMode.ACCEPT_EDITS
)
ALLOWED = Answer(behavior=Behavior.ALLOW)
MAKE = {"command": "make test", "timeout": 5}


class PermissionTests(SynchronousTestCase):
    def test_once(self) -> None:
        """y allows it as it was asked."""
        self.assertEqual(opened("Bash", MAKE).press("y"), ALLOWED)

    def test_either_case(self) -> None:
        """A key is the same with shift."""
        self.assertEqual(opened("Bash", MAKE).press("Y"), ALLOWED)

    def test_always(self) -> None:
        """a grants the one thing that is suggested; the card says what it is."""
        card = opened("Bash", MAKE, suggestions=[RULE])
        self.assertIn("always allow `make test` here (kept in .claude/settings.local.json)", text_of(card))
        self.assertEqual(card.press("a"), Answer(behavior=Behavior.ALLOW, updated_permissions=(RULE_UPDATE,)))

    def test_several(self) -> None:
        """Of several suggestions a shows a list, and one of them is granted by its number, or with enter."""
        for keys in ("2",), ("down", "enter"), ("up", "enter"):
            card = opened("Bash", MAKE, suggestions=[RULE, EDITS])
            self.assertIsNone(card.press("a"))
            self.assertIn("2  allow all edits in this session", text_of(card))
            self.assertEqual(press(card, *keys), Answer(behavior=Behavior.ALLOW, updated_permissions=(EDITS_UPDATE,)))

    def test_list_keys(self) -> None:
        """In the list a number beyond it does nothing, nor does y; escape leaves it."""
        card = opened("Bash", MAKE, suggestions=[RULE, EDITS])
        card.press("a")
        self.assertIsNone(press(card, "3", "9", "y", "escape"))
        self.assertEqual(card.press("y"), ALLOWED)

    def test_nothing_to_grant(self) -> None:
        """Where nothing is suggested that can be understood, a is not there."""
        for suggestions in [], [{"type": "grantAll"}]:
            card = opened("Bash", MAKE, suggestions=suggestions)
            self.assertIsNone(card.press("a"))
            self.assertNotIn("allow for longer", text_of(card))

    def test_suppressed(self) -> None:
        """No rule is offered where the CLI says so."""
        card = opened("Bash", MAKE, suggestions=[RULE], request={"suppress_always_allow_rule": True})
        self.assertIsNone(card.press("a"))

    def test_long_offer(self) -> None:
        """What is said of an offer in more than a line is read in the list before it is granted."""
        spent = len("let the agent work in `` in this session")
        for name, direct in (
            ("d" * (MAX_DIRECT - spent), True),
            ("d" * (MAX_DIRECT - spent + 1), False),
            ("a\nb", False),
        ):
            update = {"type": "addDirectories", "directories": [name], "destination": "session"}
            card = opened("Bash", MAKE, suggestions=[update])
            self.assertEqual(card.press("a") is not None, direct)
            if not direct:
                self.assertIsNotNone(card.press("1"))

    def test_deny(self) -> None:
        """n asks why; what is written goes with the denial, also nothing."""
        card = opened("Bash", MAKE)
        self.assertIsNone(card.press("n"))
        self.assertEqual(card.entry, card.refusing)
        self.assertEqual(card.submit(" Use make lint. \n"), Answer(behavior=Behavior.DENY, message="Use make lint."))
        self.assertIsNone(card.entry)
        card.press("n")
        self.assertEqual(card.submit(""), Answer(behavior=Behavior.DENY))

    def test_escape(self) -> None:
        """Escape leaves an entry; where there is nothing to leave it does nothing."""
        card = opened("Bash", MAKE)
        self.assertIsNone(press(card, "n", "y", "enter"))
        self.assertIsNone(press(card, "escape", "escape"))
        self.assertIsNone(card.entry)
        self.assertIsNone(card.submit("late"))
        self.assertEqual(card.press("y"), ALLOWED)

    def test_lone_surrogate(self) -> None:
        """What is written can be sent, whatever the terminal gave."""
        card = opened("Bash", MAKE)
        card.press("n")
        self.assertEqual(card.submit("a\ud800"), Answer(behavior=Behavior.DENY, message="a?"))

    def test_change(self) -> None:
        """e gives the command to be changed; the rest of the input goes along."""
        card = opened("Bash", MAKE)
        card.press("e")
        assert card.entry is not None
        self.assertEqual(card.entry.text, "make test")
        expected = Answer(behavior=Behavior.ALLOW, updated_input={"command": "make lint", "timeout": 5})
        self.assertEqual(card.submit("make lint"), expected)

    def test_unchanged(self) -> None:
        """What was not changed runs as it was asked."""
        card = opened("Bash", MAKE)
        card.press("e")
        self.assertEqual(card.submit("make test"), ALLOWED)

    def test_unfit(self) -> None:
        """A text that does not fit stays in the entry, and the card says why, until the next key."""
        card = opened("Bash", MAKE)
        card.press("e")
        self.assertIsNone(card.submit("  "))
        assert card.entry is not None
        self.assertEqual(card.entry.text, "  ")
        self.assertIn("no command left", card.problem)
        self.assertIn("no command left", text_of(card))
        card.press("escape")
        self.assertEqual(card.problem, "")

    def test_too_long_to_change(self) -> None:
        """What is too long to be changed says so, and can still be answered."""
        card = opened("x", {"a": "b" * 300_000})
        card.press("e")
        self.assertIsNone(card.entry)
        self.assertIn("too long", text_of(card))
        self.assertEqual(card.press("y"), ALLOWED)

    def test_reader(self) -> None:
        """Who may not answer reads it, and no key answers."""
        card = card_of(asked("Bash", MAKE, suggestions=[RULE]), False, ROOT)
        for key in KEYS:
            self.assertIsNone(card.press(key))
            self.assertIsNone(card.entry)
        self.assertIn("$ make test", text_of(card))
        self.assertIn("Waits for somebody who may answer.", text_of(card))
        self.assertNotIn("allow once", text_of(card))

    def test_command(self) -> None:
        """An answer is the command that answers this question."""
        answer = Answer(behavior=Behavior.DENY, message="no", interrupt=True)
        expected = AnswerPermission(
            project_id="p", permission_id="q", behavior=Behavior.DENY, message="no", interrupt=True
        )
        self.assertEqual(answer.command("p", "q"), expected)


class SightTests(SynchronousTestCase):
    """What a person sees before allowing it."""

    def test_command(self) -> None:
        """A command is seen with all that goes with it, and why it is asked for."""
        card = opened(
            "Bash",
            {"command": "touch x", "description": "Touch it", "dangerouslyDisableSandbox": True},
            description="Touch it",
            request={"decision_reason": "Outside.", "blocked_path": "/etc", "agent_id": "a1"},
        )
        seen = text_of(card)
        for part in (
            *("Run this command?", "$ touch x", "dangerouslyDisableSandbox: true", "Why it asks: Outside."),
            *("Because of: /etc", "A subagent asks.", "y  allow once", "n  deny"),
        ):
            self.assertIn(part, seen)
        self.assertEqual(seen.count("Touch it"), 1)

    def test_edit(self) -> None:
        """An edit is seen as a diff, with the path as it is called in the project, and what the diff does not say."""
        seen = text_of(
            opened("Edit", {"file_path": f"{ROOT}/a.py", "old_string": "x = 1", "new_string": "y", "replace_all": True})
        )
        for part in "Edit a.py?", "- x = 1", "+ y", "replace_all: true":
            self.assertIn(part, seen)
        self.assertNotIn("old_string", seen)
        once = {"file_path": f"{ROOT}/a.py", "old_string": "x = 1", "new_string": "y", "replace_all": False}
        self.assertNotIn("replace_all", text_of(opened("Edit", once)))

    def test_no_diff(self) -> None:
        """What a diff would not show whole is shown as it is."""
        path = f"{ROOT}/a"
        for name, input, part in (
            ("Write", {"file_path": path, "content": "x" * 1001}, "content: x"),
            ("Edit", {"file_path": path, "old_string": ["a"], "new_string": "b"}, 'old_string: ["a"]'),
            ("MultiEdit", {"file_path": path, "edits": [{"old_string": "a", "new_string": "b", "all": 1}]}, '"all": 1'),
        ):
            self.assertIn(part, text_of(opened(name, input)), name)

    def test_long_diff(self) -> None:
        """An edit that is very long is no diff."""
        content = ("x" * 98 + "\n") * (MAX_DIFFED // 100 - 1)
        spent = len(as_json({"file_path": "a", "content": content}, None) or "")
        for size, is_diff in (MAX_DIFFED, True), (MAX_DIFFED + 1, False):
            seen = text_of(opened("Write", {"file_path": "a", "content": content + "y" * (size - spent)}))
            self.assertEqual("content: " not in seen, is_diff)

    def test_long_path(self) -> None:
        """A path that the title does not hold whole is seen below it."""
        for length, whole in (MAX_REMARK, True), (MAX_REMARK + 1, False):
            seen = text_of(opened("Write", {"file_path": "p" * length, "content": "hi"}))
            self.assertEqual("file_path: " not in seen, whole)

    def test_unknown_tool(self) -> None:
        """Of a tool that is not known here every field is seen."""
        card = opened("mcp__hub__open", {"title": "Bug", "labels": ["a"], "body": "x\ny"}, display_name="hub - open")
        seen = text_of(card)
        for part in "Use mcp__hub__open (hub - open)?", "title: Bug", 'labels: ["a"]', "body: x", "      y":
            self.assertIn(part, seen)

    def test_remarks_hide_nothing(self) -> None:
        """However much is said about it, what would run is seen."""
        request = dict.fromkeys(("title", "decision_reason", "blocked_path", "matched_ask_rule"), "word " * 10_000)
        seen = text_of(opened("Bash", {"command": "rm -rf /"}, description="x " * 10_000, request=request))
        self.assertIn("$ rm -rf /", seen)

    def test_read_whole(self) -> None:
        """With v everything is seen, page by page, in a small space, too."""
        for height in 5, 8, 20:
            card = opened("Bash", {"command": "\n".join(f"line {number}." for number in range(100))})
            seen = ""
            for _ in range(101):
                seen += text_of(card, 60, height)
                card.press("v")
            for number in range(100):
                self.assertIn(f"line {number}.", seen, height)

    def test_middle_folded(self) -> None:
        """At first the beginning and the end are seen, and how much is not."""
        seen = text_of(opened("Bash", {"command": "\n".join(f"line {number}." for number in range(100))}), 80, 20)
        for part in "line 0.", "line 99.", "more lines: v shows them":
            self.assertIn(part, seen)

    def test_ascii(self) -> None:
        """A terminal that knows only ASCII gets nothing else of ours."""
        edit = {"file_path": "a", "old_string": "x\n" * 100, "new_string": "y"}
        for question in (
            asked("Bash", MAKE, suggestions=[RULE, EDITS]),
            asked("Edit", edit),
            asked("ExitPlanMode", {"plan": "- a\n\n> b"}),
            asked("AskUserQuestion", {"questions": [{"question": "?", "options": [{"label": "a", "preview": "b"}]}]}),
        ):
            card = card_of(question, True, ROOT, unicode=False)
            for key in "", "a", "v":
                card.press(key)
                self.assertTrue(text_of(card, 80, 20).isascii(), text_of(card, 80, 20))


class RecordedTests(SynchronousTestCase):
    """What the real CLI asked."""

    def test_command(self) -> None:
        """Everything that it suggests for a command is offered in words."""
        card = card_of(recorded("permission_denied"), True, "/home/user/project")
        card.press("a")
        for part in (
            "1  always allow `touch x *` here (kept in .claude/settings.local.json)",
            "2  let the agent work in the project's own directory in this session",
            "3  allow all edits in this session",
        ):
            self.assertIn(part, text_of(card))

    def test_write(self) -> None:
        """A new file is seen as what comes, under its name, once."""
        card = card_of(recorded("permission_allowed"), True, "/home/user/project")
        self.assertIn("+ hi", text_of(card))
        self.assertEqual(text_of(card).count("a.txt"), 1)
        self.assertEqual(card.press("a"), Answer(behavior=Behavior.ALLOW, updated_permissions=(EDITS_UPDATE,)))


class PlanTests(SynchronousTestCase):
    def test_go_on(self) -> None:
        """y goes on and asks as usual, a goes on and allows edits."""
        for key, mode in ("y", PermissionMode.DEFAULT), ("a", PermissionMode.ACCEPT_EDITS):
            update = PermissionUpdate(type=UpdateKind.SET_MODE, destination=Destination.SESSION, mode=mode)
            expected = Answer(behavior=Behavior.ALLOW, updated_permissions=(update,))
            self.assertEqual(opened("ExitPlanMode", {"plan": "# Do it"}).press(key), expected)

    def test_keep_planning(self) -> None:
        """n says what should change."""
        card = opened("ExitPlanMode", {"plan": "# Do it"})
        card.press("n")
        self.assertEqual(card.submit("Smaller."), Answer(behavior=Behavior.DENY, message="Smaller."))

    def test_drawn(self) -> None:
        """The plan is drawn; one that is very long stands as it was written."""
        for size, drawn in (MAX_PLAN, True), (MAX_PLAN + 1, False):
            seen = text_of(opened("ExitPlanMode", {"plan": "**Do**".ljust(size)}))
            self.assertEqual("**Do**" not in seen, drawn)
            self.assertIn("Do", seen)

    def test_no_plan(self) -> None:
        """Without a plan the card says so, and shows what there is."""
        plans: list[dict[str, object]] = [{}, {"plan": 3}, {"plan": " "}]
        for input in plans:
            card = opened("ExitPlanMode", input)
            self.assertIn("did not send its plan along", text_of(card))
            self.assertIsNotNone(card.press("y"))


TEXT = st.text(st.characters(), max_size=60) | st.sampled_from(
    [
        "\x1b[2J\x9b\u202e",
        "a\tb\r\nc",
        "漢字" * 30,
        "# h\n\n&#8238; [x](http://a\u202e)\n",
        "x" * 900,
        "\n" * 90,
        "{}",
        " ",
    ]
)
OPTION = st.fixed_dictionaries({}, optional={"label": TEXT, "description": TEXT | JSON, "preview": TEXT | JSON})
QUESTION = st.fixed_dictionaries(
    {},
    optional={
        "question": TEXT | JSON,
        "header": TEXT | JSON,
        "options": st.lists(OPTION | JSON, max_size=12) | JSON,
        "multiSelect": st.booleans() | JSON,
    },
)
INPUT = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("command", "description", "file_path", "content", "old_string", "plan"), TEXT | JSON),
        **dict.fromkeys(("edits", "other", "\x1b[m"), JSON),
        "new_string": TEXT,
        "questions": st.lists(QUESTION | JSON, max_size=4) | JSON,
    },
)
SUGGESTION = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from([*UpdateKind, "odd"]),
        "destination": st.sampled_from([*Destination, "odd"]),
        "rules": st.lists(st.fixed_dictionaries({"toolName": TEXT}, optional={"ruleContent": TEXT}), max_size=9) | JSON,
        "mode": st.sampled_from([*PermissionMode, "odd"]),
        "behavior": st.sampled_from(["allow", "deny", "ask", "odd"]),
        "directories": st.lists(TEXT, max_size=9),
    },
) | st.lists(TEXT, max_size=300).map(
    lambda names: {"type": "addDirectories", "directories": names, "destination": "session"}
)
TOOLS = (
    *("Bash", "Edit", "Write", "MultiEdit", "NotebookEdit", "Read", "AskUserQuestion", "ExitPlanMode"),
    *("mcp__a__b", "x\x1b]0;t\x07"),
)
REQUEST = st.dictionaries(
    st.sampled_from(["title", "decision_reason", "blocked_path", "agent_id", "mcp_server", "matched_ask_rule"]),
    JSON | TEXT,
)


class AnythingTests(SynchronousTestCase):
    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        tool=st.sampled_from(TOOLS),
        input=INPUT,
        suggestions=st.lists(SUGGESTION, max_size=4),
        names=st.tuples(st.none() | TEXT, st.none() | TEXT),
        request=REQUEST,
        may_answer=st.booleans(),
        does=st.lists(st.sampled_from(KEYS) | st.tuples(TEXT), max_size=12),
        size=st.tuples(st.integers(-1, 90), st.integers(-1, 40)),
    )
    def test_anything(
        self,
        tool: str,
        input: dict[str, object],
        suggestions: list[dict[str, object]],
        names: tuple[str | None, str | None],
        request: dict[str, object],
        may_answer: bool,
        does: list[str | tuple[str]],
        size: tuple[int, int],
    ) -> None:
        """Whatever is asked and whatever is pressed: the card keeps its height, nothing of it acts on a terminal, and
        every answer can be sent."""
        question = asked(
            tool, input, suggestions=suggestions, display_name=names[0], description=names[1], request=request
        )
        card = card_of(question, may_answer, ROOT)
        for each in ("", *does):
            had_entry = card.entry is not None
            answer = card.press(each) if isinstance(each, str) else card.submit(each[0])
            if answer is not None:
                self.assertTrue(may_answer)
                server.request(answer.command("p", "q"), "1")
            lines = lines_of(card, *size)
            self.assertLessEqual(len(lines), max(size[1], 0))
            self.assertFalse([line for line in lines if UNSAFE.search(line)])
            if card.entry is not None and not had_entry and isinstance(card, PermissionCard):
                # Later it is what the person wrote.
                self.assertIsNone(UNSAFE.search(card.entry.text.replace("\n", "").replace("\t", "")))

    def test_kinds(self) -> None:
        """Questions of the agent's own have a card of theirs, unless there is nothing in them to answer."""
        fit = {"questions": [{"question": "Which?", "options": []}]}
        self.assertIsInstance(opened("AskUserQuestion", fit), ChoicesCard)
        unfit: list[dict[str, object]] = [{}, {"questions": []}, {"questions": [{"question": " "}]}, {"questions": "?"}]
        for input in unfit:
            self.assertIsInstance(opened("AskUserQuestion", input), PermissionCard)
