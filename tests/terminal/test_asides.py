"""What the CLI tells besides: what of it a person reads."""

from collections.abc import Mapping
from datetime import datetime

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.terminal.asides import asides, command_output, limit, printed
from pocketagent.terminal.shown import Notice, Said

BACK = 1_795_000_000


class AsidesTests(SynchronousTestCase):
    def told(self, subtype: str, **said: object) -> list[Said | Notice]:
        return list(asides({"type": "system", "subtype": subtype, **said}))

    def test_told(self) -> None:
        """What changes how the conversation goes on is told in a sentence, with the CLI's own words below it."""
        cases: Mapping[str, tuple[Mapping[str, object], Notice]] = {
            "status": (
                {"compact_result": "failed", "compact_error": "Too long."},
                Notice("The conversation could not be compacted.", ["Too long."]),
            ),
            "informational": ({"content": "one\ntwo", "level": "warning"}, Notice("one", ["two"])),
            "notification": ({"text": "one", "priority": "low"}, Notice("one", [])),
            "task_notification": (
                {"summary": " ", "status": "stopped"},
                Notice("Something in the background has ended."),
            ),
            "hook_response": (
                {"outcome": "error", "hook_name": "Stop", "stderr": "no such file\n"},
                Notice("A hook failed: Stop", ["no such file"]),
            ),
            "model_refusal_fallback": (
                {"original_model": "one", "fallback_model": "two"},
                Notice("one declined, two answers instead.", []),
            ),
            "plugin_install": (
                {"status": "failed", "name": "p", "error": "gone"},
                Notice("A plugin could not be installed: p", ["gone"]),
            ),
        }
        for subtype, (said, notice) in cases.items():
            self.assertEqual(repr(self.told(subtype, **said)), repr([Notice(notice.text, list(notice.lines))]))
        for subtype in ("compact_boundary", "session_writes_lost"):
            self.assertEqual(len(self.told(subtype)), 1)

    def test_other_types(self) -> None:
        """A login that failed, a new conversation, and what is no JSON are told."""
        for said in (
            {"type": "auth_status", "error": "no"},
            {"type": "conversation_reset", "trigger": "clear"},
            {"type": "raw", "text": "Segmentation fault"},
        ):
            self.assertEqual(len(list(asides(said))), 1)

    def test_not_told(self) -> None:
        """What no person needs is not told: what is going well, what the CLI itself would hide, what is not known."""
        self.assertEqual(
            [
                *self.told("status", status="requesting"),
                *self.told("informational", content="x", level="info"),
                *self.told("hook_response", outcome="success", stdout="x"),
                *self.told("task_notification", summary="x", skip_transcript=True),
                *self.told("task_notification", summary="x", ambient=True),
                *self.told("plugin_install", status="started"),
                *self.told("notification", text=" \n"),
                *self.told("thinking_tokens"),
                *asides({"type": "auth_status", "isAuthenticating": True}),
                *asides({"type": "prompt_suggestion", "suggestion": "x"}),
            ],
            [],
        )

    def test_limit(self) -> None:
        """A limit is told with what it is, how it stands and until when; while all is well, nothing is."""
        self.assertEqual(limit({"status": "allowed", "resetsAt": BACK}), "")
        self.assertEqual(limit({}), "")
        until = datetime.fromtimestamp(BACK).astimezone().strftime("on %d %B at %H:%M")
        self.assertEqual(
            limit({"status": "rejected", "rateLimitType": "seven_day", "resetsAt": BACK}),
            f"The account's limit of seven days is reached. It is lifted {until}.",
        )
        self.assertEqual(
            limit({"status": "odd", "rateLimitType": "new", "resetsAt": 2**33}), "The account's limit (new) says odd."
        )

    def test_printed(self) -> None:
        """What a command has printed is told without its colours; a text that only speaks of it is none."""
        said = "<local-command-stdout>Set \x1b[1mmodel\x1b[22m</local-command-stdout>"
        problem = "<local-command-stderr>but</local-command-stderr>"
        self.assertEqual(list(printed(said + problem)), [Notice("Set model", []), Notice("but", [])])
        self.assertEqual(list(printed("<local-command-stdout>cut")), [Notice("cut", [])])
        self.assertEqual(list(printed("<local-command-stdout> </local-command-stdout>")), [])
        self.assertEqual(list(printed("See <local-command-stdout>this</local-command-stdout>")), [])

    def test_output(self) -> None:
        """Lines of a command's output stay lines, and its Markdown stays what it is."""
        self.assertEqual(command_output("a: 1\nb: 2\n\n\x1b[2m| c |\x1b[0m"), Said("a: 1  \nb: 2\n\n| c |"))
        self.assertEqual(self.told("local_command_output", content="a\nb"), [Said("a  \nb")])
        self.assertEqual(self.told("local_command_output", content=" "), [])
        self.assertIsNone(command_output("\x1b[0m\n"))
