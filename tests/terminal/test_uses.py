# -*- test-case-name: tests.terminal.test_uses -*-
"""The use of a tool, as text for a terminal."""

from rich.cells import cell_len
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.agent import Behavior
from pocketagent.domain.events import Reason
from pocketagent.terminal import uses
from pocketagent.terminal.diffs import MAX_DIFF_LINES
from pocketagent.terminal.paper import MIN_WIDTH
from pocketagent.terminal.shown import Answered, Call, Called
from tests.terminal.test_drawing import ROOT, called, lines, question


class UsesTests(SynchronousTestCase):
    def test_calls(self) -> None:
        """A call that is over is one line: what was done, what came of it, how long it took."""
        one = called("Bash", {"command": "make test"}, "a\nb\n", seconds=3.21)
        self.assertEqual(lines(one), ["● Bash(make test) · 2 lines · 3.2 s"])
        self.assertEqual(lines(called("TodoWrite", {})), ["● Todos"])
        self.assertEqual(lines(called("Bash", {"command": "x"}, "a", parent="p")), ["  └ Bash(x) · 1 line"])

    def test_time_of_calls(self) -> None:
        """A call is told with its time from one second on."""
        for seconds, end in (uses.SHORT - 0.01, "1 line"), (uses.SHORT, "1.0 s"):
            self.assertTrue(lines(called("X", {}, "a", seconds=seconds))[0].endswith(end))

    def test_narrow(self) -> None:
        """Where there is little room, the subject is cut in its middle, and the time is left out."""
        one = called("Bash", {"command": "make " + "x" * 50 + " test"}, "a\nb\n", seconds=3.21)
        self.assertEqual(lines(one, 50), ["● Bash(make xxxxxxxxxxx…xx test) · 2 lines · 3.2 s"])
        self.assertEqual(lines(one, 30), ["● Bash(make xxx…est) · 2 lines"])
        self.assertEqual(lines(one, MIN_WIDTH), ["● Bash · 2 lines"])
        for width in range(MIN_WIDTH, 60):
            (line,) = lines(one, width)
            self.assertLessEqual(cell_len(line), width)

    def test_errors(self) -> None:
        """A command that failed is shown with its last lines."""
        output = "Exit code 2\n" + "\n".join(f"l{at}" for at in range(uses.ERROR_LINES + 3))
        found = lines(called("Bash", {"command": "make"}, output, True))
        self.assertEqual(found[:2], ["● Bash(make) · exit 2", "  … 4 more lines before"])
        self.assertEqual(found[2:], [f"  l{at}" for at in range(3, 3 + uses.ERROR_LINES)])

    def test_short_errors(self) -> None:
        """An error of one line stands where the outcome stands, and only there."""
        self.assertEqual(lines(called("Bash", {"command": "x"}, "No.", True)), ["● Bash(x) · No."])
        self.assertEqual(lines(called("Bash", {"command": "x"}, "Exit code 1\na", True))[1:], ["  a"])

    def test_edits(self) -> None:
        """An edit is shown with what it changes."""
        one = called("Edit", {"file_path": f"{ROOT}/a.py", "old_string": "a", "new_string": "b"})
        self.assertEqual(lines(one), ["● Edit(a.py) · +1 −1", "  - a", "  + b"])
        self.assertEqual(lines(one, unicode=False), ["* Edit(a.py) - +1 -1", "  - a", "  + b"])

    def test_bounds_of_edits(self) -> None:
        """Of an edit the first lines are shown, of a new file fewer."""
        for name, argument, bound in (
            ("Write", "content", uses.NEW_FILE_LINES),
            ("Edit", "new_string", MAX_DIFF_LINES),
        ):
            self.assertEqual(len(lines(called(name, {argument: "x\n" * bound}))), 1 + bound)
            found = lines(called(name, {argument: "x\n" * (bound + 1)}))
            self.assertEqual((len(found), found[-1]), (2 + bound, "  … 1 more line"))

    def test_todos(self) -> None:
        """A list of things to do is one to tick off."""
        todos = [{"content": one, "status": one} for one in ("completed", "in_progress", "pending")]
        expected = ["● Todos · 1 of 3 done", "  ☑ completed", "  ▶ in_progress", "  ☐ pending"]
        self.assertEqual(lines(called("TodoWrite", {"todos": todos})), expected)
        self.assertEqual(lines(called("TodoWrite", {"todos": todos[:1] * uses.TODOS}))[-1], "  ☑ completed")
        self.assertEqual(lines(called("TodoWrite", {"todos": todos[:1] * (uses.TODOS + 1)}))[-1], "  … 1 more line")

    def test_questions_and_plans(self) -> None:
        """What was asked is shown with its answers, a plan with its text."""
        asked = {"questions": [{"question": "Which?"}]}
        found = lines(called("AskUserQuestion", asked, details={"answers": {"Which?": ["A", "B"]}}))
        self.assertEqual(found, ["● Question(Which?)", "  Which? → A, B"])
        self.assertEqual(lines(called("ExitPlanMode", {"plan": "1. *a*"})), ["● Plan · approved", "  1. a"])
        plan = "- a\n" * uses.PLAN_LINES
        self.assertEqual(lines(called("ExitPlanMode", {"plan": plan}))[-1], "  • a")
        self.assertEqual(lines(called("ExitPlanMode", {"plan": plan + "- a"}))[-1], "  … 1 more line")

    def test_answers(self) -> None:
        """An answer is one line: to what, which, by whom, and why when it was no person."""
        bash = question("Bash", command="make")
        for one, expected in (
            (Answered(bash, Behavior.ALLOW, "phone", Reason.ANSWERED), "✓ Bash(make) · allowed by phone"),
            (Answered(bash, Behavior.DENY, "laptop", Reason.ANSWERED), "✗ Bash(make) · denied by you"),
            (Answered(bash, Behavior.DENY, None, Reason.EXPIRED), "✗ Bash(make) · denied: nobody answered in time"),
            (
                Answered(bash, Behavior.CANCELLED, None, Reason.INTERRUPTED),
                "· Bash(make) · no longer asked: interrupted",
            ),
            (Answered(question("AskUserQuestion"), Behavior.ALLOW, "a", Reason.ANSWERED), "✓ Question · answered by a"),
        ):
            self.assertEqual(lines(one), [expected])

    def test_denied(self) -> None:
        """A call that was denied is one line: by whom, and the reason where there is one; a longer one stands below."""
        by_you = Answered(question("Bash"), Behavior.DENY, "laptop", Reason.ANSWERED)
        by_nobody = Answered(question("Bash"), Behavior.DENY, None, Reason.EXPIRED)
        stock = "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was …"
        for answer, parent, output, expected in (
            (by_you, None, "Not today.", ["✗ Bash(make) · denied by you: Not today."]),
            (by_you, None, stock, ["✗ Bash(make) · denied by you"]),
            (by_you, None, "", ["✗ Bash(make) · denied by you"]),
            (by_you, "t0", "No.", ["  └ ✗ Bash(make) · denied by you: No."]),
            (by_nobody, None, "Nobody answered in time.", ["✗ Bash(make) · denied: nobody answered in time"]),
            (by_you, None, "No:\n1. x", ["✗ Bash(make) · denied by you: No: …", "  No:", "  1. x"]),
        ):
            call = Call("t", "Bash", {"command": "make"}, 0.0, parent, answer)
            self.assertEqual(lines(Called(call, output, True, 9.0)), expected)
        call = Call("t", "Bash", {"command": "make"}, 0.0, None, by_you)
        self.assertEqual(lines(Called(call, "No.", True, 9.0), unicode=False), ["x Bash(make) - denied by you: No."])

    def test_reasons(self) -> None:
        """Every reason has its words."""
        self.assertEqual(set(uses._REASONS), set(Reason))
