# -*- test-case-name: tests.cli.test_entries -*-
"""The messages of a project as lines of a log."""

from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.cli.entries import MAX_BRIEF, Line, about, brief, lines, outcome_of, whole
from pocketagent.wire.server import Message, Question

PHONE = {"id": "d", "name": "phone"}


def shown(type_: str, **data: object) -> list[Line]:
    return list(lines(Message(type_, data, seq=1)))


def assistant(*content: Mapping[str, object], parent: str | None = None) -> dict[str, object]:
    return {"type": "assistant", "message": {"content": list(content)}, "parent_tool_use_id": parent}


class LinesTests(SynchronousTestCase):
    def test_people(self) -> None:
        """Prompts and answers are told with the name of the device, and prompts with what they came with."""
        self.assertEqual(shown("client_message", prompt="do", by=PHONE, queued=False), [Line("phone", "> do")])
        self.assertEqual(shown("client_message", prompt="do", by=PHONE, queued=True)[0].text, "> do (it waits)")
        attached = [{"id": "1", "name": "a.png", "media_type": "image/png", "size": 1}, {"id": "2", "name": "b.txt"}]
        (line,) = shown("client_message", prompt="look", by=PHONE, queued=False, attachments=attached)
        self.assertEqual(line.text, "> look\n+ a.png\n+ b.txt")
        self.assertEqual(
            shown("permission_resolved", behavior="deny", by=PHONE, reason="answered"), [Line("phone", "no")]
        )
        self.assertEqual(
            shown("permission_resolved", behavior="deny", by=None, reason="expired"), [Line("server", "no (expired)")]
        )

    def test_the_agent(self) -> None:
        """The agent's words are told, and its tools in brief; what only programs need is not."""
        text, call = (
            {"type": "text", "text": "one\ntwo"},
            {"type": "tool_use", "name": "Read", "input": {"file_path": "/x"}},
        )
        self.assertEqual(
            shown("agent_message", **assistant(text, call)),
            [Line("agent", "one\ntwo"), Line("agent", "Read /x", is_mild=True)],
        )
        self.assertEqual(shown("agent_message", type="system", subtype="init"), [])
        self.assertEqual(shown("project_state", state="IDLE"), [])
        self.assertEqual(shown("never_heard_of"), [])

    def test_a_subagent(self) -> None:
        """Of a subagent its tools are told, and its words are the agent's own matter."""
        call = {"type": "tool_use", "name": "Read", "input": {}}
        found = shown("agent_message", **assistant({"type": "text", "text": "x"}, call, parent="t"))
        self.assertEqual(found, [Line("agent", "  Read", is_mild=True)])

    def test_the_server(self) -> None:
        """What the server did is told as its own."""
        self.assertEqual(
            shown("error", code="EXECUTION_FAILED", message="Bad."), [Line("server", "EXECUTION_FAILED: Bad.")]
        )
        self.assertEqual(
            shown("agent_configured", model="opus", permission_mode=None)[0].text, "from now on: model opus"
        )
        for kind in ("prompt_dropped", "process_killed", "session_reset"):
            self.assertEqual(shown(kind)[0].who, "server")


class BriefTests(SynchronousTestCase):
    def test_one_line(self) -> None:
        """A tool is told in one line that acts on no terminal, however long its input is."""
        self.assertEqual(about("Bash", {"description": "d", "command": "a\n b\x1b[2J"}), r"Bash a b\x1b[2J")
        self.assertEqual(about("Odd", {"x": 1}), 'Odd {"x": 1}')
        self.assertEqual(len(about("Bash", {"command": "x" * 1000})), len("Bash ") + MAX_BRIEF)

    def test_failed(self) -> None:
        """A tool that failed is told with the beginning of what it said."""
        block = {"type": "tool_result", "is_error": True, "content": [{"type": "text", "text": "no\nfile"}]}
        self.assertEqual(brief({"type": "user", "message": {"content": [block]}}), "failed: no file")
        self.assertIsNone(brief({"type": "user", "message": {"content": [{**block, "is_error": False}]}}))

    def test_outcome(self) -> None:
        """The end of a turn has its time and its price, or what went wrong."""
        self.assertEqual(outcome_of({"duration_ms": 1500, "total_cost_usd": 0.25}), "1.5 s, $0.2500 so far")
        self.assertEqual(outcome_of({"is_error": True, "errors": ["a", "b"]}), "a; b")
        self.assertEqual(outcome_of({"is_error": True}), "failed")
        self.assertEqual(
            outcome_of({"is_error": True, "subtype": "error_max_turns", "duration_ms": 1500}),
            "stopped at the limit of turns, 1.5 s",
        )
        self.assertEqual(outcome_of({"subtype": "success", "is_error": False}), "done")

    def test_whole(self) -> None:
        """Who is asked sees all of what is asked."""
        question = Question("q", "Bash", {"command": "a\nb", "description": "d"}, "")
        self.assertEqual(whole(question), "Bash: a\nb")
        odd = Question("q", "Bash", {"command": "a", "dangerouslyDisableSandbox": True}, "")
        self.assertIn("dangerouslyDisableSandbox", whole(odd))
        self.assertIn("x" * 5000, whole(Question("q", "Write", {"file_path": "/x", "content": "x" * 5000}, "")))
