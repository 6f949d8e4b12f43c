# -*- test-case-name: tests.terminal.test_tools -*-
"""What the agent does with its tools, in the words of a person."""

import json
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.agent import Answer, Behavior
from pocketagent.domain.events import Reason
from pocketagent.domain.text import UNSAFE
from pocketagent.terminal.shown import Answered, Call, Called
from pocketagent.terminal.tools import MAX_OUTCOME, MAX_SUBJECT, counted, headline, one_line, outcome
from pocketagent.wire.orders import permission_answer
from pocketagent.wire.server import Question

ROOT = "/home/user/project"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        *(
            "Bash",
            "Read",
            "Write",
            "Edit",
            "MultiEdit",
            "NotebookEdit",
            "Grep",
            "Glob",
            "WebFetch",
            "WebSearch",
            "Task",
        ),
        *("TodoWrite", "AskUserQuestion", "ExitPlanMode", "TaskUpdate", "Skill", "mcp__a__b", "mcp__", "Unheard"),
    ]
)
KEYS = st.sampled_from(
    [
        *("command", "file_path", "path", "pattern", "content", "old_string", "new_string", "edits", "todos", "offset"),
        *(
            "limit",
            "questions",
            "answers",
            "structuredPatch",
            "lines",
            "oldStart",
            "newStart",
            "status",
            "plan",
            "pages",
        ),
        *("file", "numLines", "mode", "numFiles", "code", "bytes", "stdout", "stderr", "results", "taskId", "type"),
    ]
)
_RECORDS = st.dictionaries(KEYS, JSON, max_size=3)
OBJECTS = st.dictionaries(KEYS | st.text(max_size=8), JSON | _RECORDS | st.lists(_RECORDS, max_size=3), max_size=5)
"""Tools, and inputs and results that look like theirs."""


def told(name: str, **given: object) -> tuple[str, str]:
    title, subject = headline(name, given, ROOT)
    return title, subject


def did(
    name: str, output: str = "", is_error: bool = False, given: Mapping[str, object] = {}, **details: object
) -> str:
    return outcome(Called(Call("t", name, given, 0.0), output, is_error, 1.0, details))


class HeadlineTests(SynchronousTestCase):
    def test_files(self) -> None:
        """A file in the project is told from its directory, and which part of it is read."""
        path = f"{ROOT}/src/app.py"
        for found, expected in (
            (told("Read", file_path=path), ("Read", "src/app.py")),
            (told("Read", file_path=path, offset=10, limit=41), ("Read", "src/app.py (lines 10–50)")),
            (told("Read", file_path=path, limit=1), ("Read", "src/app.py (line 1)")),
            (told("Read", file_path=path, offset=10), ("Read", "src/app.py (from line 10)")),
            (told("Read", file_path="a.pdf", pages="1-5"), ("Read", "a.pdf (pages 1-5)")),
            (told("Edit", file_path=path), ("Edit", "src/app.py")),
            (told("MultiEdit", file_path=path), ("Edit", "src/app.py")),
            (told("Write", file_path="/etc/hosts"), ("Write", "/etc/hosts")),
            (told("Write", file_path=f"{ROOT}-old/a"), ("Write", f"{ROOT}-old/a")),
            (told("NotebookEdit", notebook_path=f"{ROOT}/a.ipynb", cell_id="c1"), ("Edit", "a.ipynb (cell c1)")),
            (told("LS", path=ROOT), ("List", ".")),
        ):
            self.assertEqual(found, expected)

    def test_searches(self) -> None:
        """A search is told with what is looked for, and where."""
        for found, expected in (
            (told("Grep", pattern="TODO", path=f"{ROOT}/src"), ("Grep", '"TODO" in src')),
            (told("Grep", pattern="TODO", path=ROOT, glob="*.py"), ("Grep", '"TODO" (*.py)')),
            (told("Glob", pattern="**/*.py"), ("Glob", "**/*.py")),
            (told("Glob", pattern="*.py", path=f"{ROOT}/src"), ("Glob", "*.py in src")),
            (told("WebFetch", url="https://a.b/c", prompt="What?"), ("Fetch", "https://a.b/c")),
            (told("WebSearch", query="cats"), ("Search", '"cats"')),
        ):
            self.assertEqual(found, expected)

    def test_commands(self) -> None:
        """Of a command of several lines the first is told; one that is only broken into lines is one."""
        self.assertEqual(told("Bash", command="make test"), ("Bash", "make test"))
        self.assertEqual(told("Bash", command="cat <<E\nx\nE"), ("Bash", "cat <<E …"))
        self.assertEqual(told("Bash", command="make \\\n  test"), ("Bash", "make test"))

    def test_others(self) -> None:
        """Every tool has a line of its own."""
        for found, expected in (
            (told("Task", description="Find it", subagent_type="Explore"), ("Task", "Explore: Find it")),
            (told("Agent", description="Find it", subagent_type="general-purpose"), ("Agent", "Find it")),
            (told("TodoWrite", todos=[]), ("Todos", "")),
            (told("TaskCreate", subject="Fix it"), ("New task", "Fix it")),
            (told("TaskUpdate", taskId="3", status="completed"), ("Task", "#3 completed")),
            (told("Skill", skill="pdf", args="a.pdf"), ("Skill", "pdf a.pdf")),
            (told("AskUserQuestion", questions=[{"question": "A?"}, {"question": "B?"}]), ("Question", "A? (+1)")),
            (told("ExitPlanMode", plan="# P"), ("Plan", "")),
            (told("BashOutput", bash_id="b1"), ("Output", "b1")),
            (told("KillShell", shell_id="b1"), ("Stop", "b1")),
            (told("mcp__github__create_issue", body="x", title="A bug"), ("github · create_issue", "A bug")),
            (told("mcp__my_server__a__b"), ("my_server · a__b", "")),
        ):
            self.assertEqual(found, expected)

    def test_unknown(self) -> None:
        """A tool that is not known here is told by its most telling argument."""
        self.assertEqual(told("Deploy", force=True, path=f"{ROOT}/a"), ("Deploy", "a"))
        self.assertEqual(told("Deploy", stage="live"), ("Deploy", "stage: live"))
        self.assertEqual(told("Deploy", query={"a": [1]}), ("Deploy", '{"a": [1]}'))
        self.assertEqual(told("Deploy"), ("Deploy", ""))

    @given(NAMES | st.text(), OBJECTS)
    def test_anything(self, name: str, given: Mapping[str, object]) -> None:
        """Whatever the agent says: short harmless lines."""
        for part in headline(name, given, ROOT):
            self.assertIsNone(UNSAFE.search(part))
            self.assertLessEqual(len(part), MAX_SUBJECT)


class OneLineTests(SynchronousTestCase):
    def test_the_bound(self) -> None:
        """A line of exactly the bound stays; a longer one is cut to it, and shows that."""
        self.assertEqual(one_line("x" * 10, 10), "x" * 10)
        self.assertEqual(one_line("x" * 11, 10), "x" * 8 + " …")
        self.assertEqual(one_line("x" * 1000, 10), "x" * 8 + " …")

    def test_first(self) -> None:
        """It is the first line that says something, without its indentation."""
        self.assertEqual(one_line("\n\n  a\tb  \n", 10), "a b")
        self.assertEqual(one_line("a\nb", 10), "a …")
        self.assertEqual(one_line("", 10), "")


class OutcomeTests(SynchronousTestCase):
    def test_lines(self) -> None:
        """What a tool returned is counted."""
        self.assertEqual(did("Bash", "a\nb\n"), "2 lines")
        self.assertEqual(did("Bash", "", stdout="a\n", stderr="b\nc"), "3 lines")
        self.assertEqual(did("Bash", "(Bash completed with no output)"), "no output")
        self.assertEqual(did("mcp__a__b", "x"), "1 line")
        self.assertEqual(did("Read", "a\nb", type="text", file={"numLines": 50}), "50 lines")
        self.assertEqual(did("Read", "", type="image", file={}), "image")

    def test_found(self) -> None:
        """A search is told by what it found."""
        self.assertEqual(did("Grep", mode="files_with_matches", numFiles=4), "4 files")
        self.assertEqual(did("Grep", mode="content", numFiles=0, numLines=7), "7 lines")
        self.assertEqual(did("Grep", mode="count", numFiles=2, numMatches=9), "9 matches")
        self.assertEqual(did("Glob", numFiles=100, truncated=True), "100 files and more")
        self.assertEqual(did("WebFetch", code=200, bytes=2048), "200 · 2.0 KB")
        self.assertEqual(did("WebSearch", results=[{"content": [{}, {}]}, "text"]), "2 results")

    def test_edits(self) -> None:
        """An edit is told by its lines: those of a new file, or those that came and went."""
        patch = [{"lines": ["+a", "+b", "-c", " d"]}]
        self.assertEqual(did("Edit", structuredPatch=patch), "+2 −1")
        self.assertEqual(did("Edit", given={"old_string": "a", "new_string": "b\nc"}), "+2 −1")
        self.assertEqual(did("Write", given={"content": "a\nb\n"}, type="create", structuredPatch=[]), "2 lines")

    def test_errors(self) -> None:
        """An error is told by its exit code, or by its first line."""
        self.assertEqual(did("Bash", "Exit code 2\nmake: no rule", True), "exit 2")
        self.assertEqual(did("Bash", "No.", True), "No.")
        self.assertEqual(
            did("Read", "<tool_use_error>File does not exist.</tool_use_error>", True), "File does not exist."
        )
        # As the CLI says for what was cut off, too; nobody has denied it.
        self.assertEqual(did("Edit", "The user doesn't want to proceed with this tool use. The …", True), "interrupted")
        self.assertEqual(did("Bash", "[Request interrupted by user]", True), "interrupted")
        self.assertEqual(did("Bash", "", True), "failed")

    def test_denied(self) -> None:
        """Of a call that a person denied the reason is told, and nothing where none was given."""
        answer = Answered(Question("p", "Bash", {}, ""), Behavior.DENY, "laptop", Reason.ANSWERED)
        line = json.loads(permission_answer("p", b"{}", Answer(Behavior.DENY)))
        ours = line["response"]["response"]["message"]
        for output, expected in (
            ("Not today.", "Not today."),
            ("Exit code 2", "Exit code 2"),
            ("The user doesn't want to proceed with this tool use. The …", ""),
            (ours, ""),
        ):
            call = Call("t", "Bash", {}, 0.0, denied=answer)
            self.assertEqual(outcome(Called(call, output, True, 1.0)), expected)

    def test_delegated(self) -> None:
        """Of a subagent it is told how much it did."""
        self.assertEqual(did("Task", isAsync=True), "in the background")
        self.assertEqual(did("Task", totalToolUseCount=3, totalTokens=30_500), "3 calls · 30.5k tokens")
        self.assertEqual(did("Bash", backgroundTaskId="b1", stdout=""), "in the background")
        self.assertEqual(did("TodoWrite", given={"todos": [{"status": "completed"}, {}]}), "1 of 2 done")

    @given(NAMES | st.text(), OBJECTS, OBJECTS, st.text(), st.booleans())
    def test_anything(
        self, name: str, given: Mapping[str, object], details: Mapping[str, object], output: str, is_error: bool
    ) -> None:
        """Whatever the agent says: a short harmless line."""
        found = outcome(Called(Call("t", name, given, 0.0), output, is_error, 1.0, details))
        self.assertIsNone(UNSAFE.search(found))
        self.assertLessEqual(len(found), MAX_OUTCOME)


class CountedTests(SynchronousTestCase):
    def test_counted(self) -> None:
        """One is one; more are many."""
        self.assertEqual(
            [counted(1, "line"), counted(0, "line"), counted(1200, "match"), counted(2, "entry")],
            ["1 line", "0 lines", "1,200 matches", "2 entries"],
        )
