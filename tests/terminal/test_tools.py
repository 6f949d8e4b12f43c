# -*- test-case-name: tests.terminal.test_tools -*-
"""What the agent does with its tools, in the words of a person."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.text import UNSAFE
from pocketagent.terminal.tools import MAX_SUBJECT, counted, headline, one_line

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


class CountedTests(SynchronousTestCase):
    def test_counted(self) -> None:
        """One is one; more are many."""
        self.assertEqual(
            [counted(1, "line"), counted(0, "line"), counted(1200, "match"), counted(2, "entry")],
            ["1 line", "0 lines", "1,200 matches", "2 entries"],
        )
