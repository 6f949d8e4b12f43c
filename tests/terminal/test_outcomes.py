# -*- test-case-name: tests.terminal.test_outcomes -*-
"""What came of the agent's tools, in the words of a person."""

import json
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.agent import Answer, Behavior
from pocketagent.domain.events import Reason
from pocketagent.domain.text import UNSAFE
from pocketagent.terminal.outcomes import MAX_OUTCOME, outcome
from pocketagent.terminal.shown import Answered, Call, Called
from pocketagent.wire.orders import permission_answer
from pocketagent.wire.server import Question
from tests.terminal.test_tools import NAMES, OBJECTS


def did(
    name: str, output: str = "", is_error: bool = False, given: Mapping[str, object] = {}, **details: object
) -> str:
    return outcome(Called(Call("t", name, given, 0.0), output, is_error, 1.0, details))


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
