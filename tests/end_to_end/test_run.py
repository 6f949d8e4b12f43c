"""`pocketagent run` as a process of its own, against a real server."""

import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.end_to_end.client import Client, wait_until
from tests.end_to_end.desk import Desk, DeskTestCase, Ran, Relay
from tests.end_to_end.house import House
from tests.end_to_end.shared_house import SharedHouse
from tests.end_to_end.test_turns import data_of

TOOL = 'say: before\ntool: Bash {"command": "make test"}\nsay: after'


def raw(message: dict[str, object]) -> str:
    """A step of the scripted CLI: exactly this line."""
    return f"raw: {json.dumps(json.dumps(message) + chr(10))}\n"


def piece(text: str) -> str:
    """A step: partial output of a text."""
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
    return raw({"type": "stream_event", "event": delta, "parent_tool_use_id": None})


def begin() -> str:
    """A step: a message with a text begins."""
    start = {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": []}}
    return raw({"type": "stream_event", "event": start, "parent_tool_use_id": None})


def whole(text: str) -> str:
    """A step: the text as it is in the end."""
    message = {"id": "m", "role": "assistant", "content": [{"type": "text", "text": text}]}
    return raw({"type": "assistant", "message": message, "parent_tool_use_id": None, "uuid": f"u-{text[:20]}"})


class RunTests(DeskTestCase):
    def setUp(self) -> None:
        self.inhabited = SharedHouse.lent(self).house
        self.desk_ = self.desk(self.inhabited)
        self.project_id = self.create(self.inhabited, "app")

    def ran(self, prompt: str, *options: str) -> Ran:
        return self.desk_.run("run", "app", prompt, *options)

    def is_executing(self) -> bool:
        (project,) = json.loads(self.done(self.desk_.run("projects", "--json")))
        return str(project["state"]) == "EXECUTING"


class WordsTests(RunTests):
    def test_words(self) -> None:
        """What the agent says stands on stdout, each text on lines of its own, and nothing else does."""
        ran = self.ran("say: hello wide world\nthink: hm\nsay: two")
        self.assertEqual(self.done(ran), "hello wide world\ntwo\n")

    def test_notices(self) -> None:
        """Tools are told on stderr, and not with --quiet."""
        self.assertIn("Bash make test", self.ran(TOOL, "--permission", "allow").err)
        self.assertEqual(self.ran(TOOL, "--permission-mode", "dontAsk", "--quiet"), Ran(0, "before\nafter\n", ""))

    def test_exact_bytes(self) -> None:
        """Piped, the words are what the agent said, byte by byte, whatever they would do to a terminal."""
        text = "\x1b[2J \u202e \N{WOMAN} \x9b tab\tü"
        ran = self.ran(begin() + piece("\x1b[2J \u202e ") + piece("\N{WOMAN} ") + whole(text))
        self.assertEqual(self.done(ran), f"{text}\n")

    def test_harmless(self) -> None:
        """On a terminal nothing of what comes from outside acts on it."""
        running = self.desk_.start("run", "app", whole("\x1b[2J red\u202e"), terminal=True, out=None)
        running.wait_until(lambda: "red" in running.err)
        self.assertEqual(running.ended().code, 0)
        self.assertNotIn("\x1b[2J", running.err)
        self.assertNotIn("\u202e", running.err)

    def test_pieces_come_at_once(self) -> None:
        """The words are there while the agent still writes them; the whole message repeats none."""
        script = begin() + piece("one ") + "pause: 60\n"
        running = self.desk_.start("run", "app", script)
        running.wait_for("one ")
        self.assertEqual(running.out, "one ")
        running.press_ctrl_c()
        self.assertEqual(running.ended().out, "one \n")

    def test_stdin(self) -> None:
        """Without a prompt, or with -, it stands on stdin."""
        self.assertEqual(self.done(self.desk_.run("run", "app", given="say: from stdin\n")), "from stdin\n")
        self.assertEqual(self.done(self.desk_.run("run", "app", "-", given="say: again")), "again\n")

    def test_json(self) -> None:
        """With --json each message of this execution is a line, as the server sent it, from its prompt to its end."""
        self.done(self.ran("say: of another one"))
        messages = [json.loads(line) for line in self.done(self.ran("say: one two", "--json")).splitlines()]
        self.assertEqual(messages[0]["type"], "client_message")
        self.assertEqual(messages[-1]["type"], "project_state")
        self.assertEqual(messages[-1]["data"]["state"], "IDLE")
        numbers = [message["seq"] for message in messages if "seq" in message]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
        texts = [one["data"]["result"] for one in messages if one["data"].get("type") == "result"]
        self.assertEqual(texts, ["one two"])
        pieces = [one for one in messages if one["data"].get("type") == "stream_event"]
        self.assertTrue(pieces and all("seq" not in one for one in pieces))

    def test_nobody_reads(self) -> None:
        """Who stops reading, as `head` does, ends the command without a word; the turn goes on."""
        reader, writer = os.pipe()
        running = self.desk_.start("run", "app", "say: one\nhold: closed\nsay: two\nsay: three", out=writer)
        os.close(writer)
        self.assertEqual(os.read(reader, 3), b"one")
        os.close(reader)
        self.inhabited.release("app", "closed")
        self.assertEqual(running.ended().code, 1)
        self.assertNotIn("pocketagent:", running.err)
        wait_until(lambda: not self.is_executing(), "the end of the turn")
        self.assertIn("three", self.done(self.desk_.run("log", "app")))

    def test_a_slow_reader(self) -> None:
        """A reader who is slow gets every word, once, however much was said in between."""
        text = "0123456789" * 50
        steps = "".join(f"{begin()}{piece(text[:250])}{piece(text[250:])}{whole(text)}" for _ in range(25))
        other = self.client(self.inhabited)
        other.join(self.project_id)
        reader, writer = os.pipe()
        running = self.desk_.start("run", "app", "--quiet", given=steps + "lines: 2000 1000", out=writer)
        os.close(writer)
        other.wait_for_state(self.project_id, "EXECUTING")
        other.wait_for_state(self.project_id, "IDLE")
        time.sleep(1)
        with os.fdopen(reader, "rb") as file:
            said = file.read().split(b"\n")
        self.assertEqual(running.ended().code, 0)
        self.assertEqual(said[:25], [text.encode()] * 25)
        self.assertEqual([len(one) for one in said[25:]], [*[len(said[25])] * 2000, 0])

    def test_paths(self) -> None:
        """A project is meant by a path in it, too, and `.` is the working directory."""
        below = self.inhabited.home / "app" / "src"
        below.mkdir()
        self.assertEqual(self.done(self.desk_.run("run", str(below), "say: here")), "here\n")


class ExitCodeTests(RunTests):
    def test_failed(self) -> None:
        """1: the agent failed, or its process died, or it reached its bound."""
        self.assertIn("529", self.failed(self.ran("say: x\nerror: 529"), 1))
        self.assertIn("its last words: so sorry", self.failed(self.ran("stderr: so sorry\nexit: 3"), 1).lower())
        self.assertIn("limit", self.failed(self.ran("bound: max_budget_usd"), 1))

    def test_misunderstood(self) -> None:
        """2: what makes no sense is said before anything is sent."""
        for words in (
            ("run",), ("run", "app", "x", "--timeout", "soon"), ("run", "app", "x", "--max-budget-usd", "-1"),
            ("run", "app", "x", "--permission", "perhaps"), ("run", "app", "x", "--permission-mode", "wild"),
        ):  # fmt: skip
            self.assertEqual(self.desk_.run(*words).code, 2, words)
        self.assertIn("empty", self.failed(self.desk_.run("run", "app", given=" \n"), 2))
        self.assertIn("model", self.failed(self.ran("x", "--model", "no model"), 2))
        self.assertIn("no terminal", self.failed(self.ran("x", "--permission", "ask"), 2))

    def test_refused(self) -> None:
        """4: the server says no, and its sentence says why."""
        self.assertEqual(
            self.failed(self.desk_.run("run", "ap", "x"), 4), "There is no project 'ap'. Did you mean 'app'?"
        )
        self.assertIn("allow_bypass", self.failed(self.ran("x", "--permission-mode", "bypassPermissions"), 4))
        running = self.desk_.start("run", "app", "say: busy\nforever:")
        running.wait_for("busy")
        self.assertIn("An execution runs", self.failed(self.ran("say: x"), 4))
        self.done(self.desk_.run("kill", "app"))

    def test_forbidden(self) -> None:
        """4: a device that may only read gives the agent no work."""
        reader = self.desk(self.inhabited, scope="read")
        self.assertIn("execute", self.failed(reader.run("run", "app", "say: x"), 4))

    def test_timeout(self) -> None:
        """124: the turn took longer than --timeout."""
        self.assertIn("time bound", self.failed(self.ran("say: x\nforever:", "--timeout", "1s"), 124))

    def test_interrupted(self) -> None:
        """5: Ctrl-C interrupts the turn, and the command waits for its end."""
        running = self.desk_.start("run", "app", "say: busy\nforever:")
        running.wait_for("busy")
        running.press_ctrl_c()
        ran = running.ended()
        self.assertEqual((ran.out, self.failed(ran, 5)), ("busy\n", "The turn was interrupted."))
        self.assertFalse(self.is_executing())

    def test_killed(self) -> None:
        """5: a second Ctrl-C kills the turn with its process."""
        running = self.desk_.start("run", "app", "deaf:\nsay: busy\nhang:")
        running.wait_for("busy")
        running.press_ctrl_c()
        running.wait_for("interrupting")
        running.press_ctrl_c()
        self.assertEqual(self.failed(running.ended(), 5), "The turn was killed.")
        self.assertEqual(self.inhabited.children(), {})

    def test_left(self) -> None:
        """5: a third Ctrl-C ends the command in any case, also when the server does not answer any more."""
        running = self.desk_.start("run", "app", "say: busy\nforever:")
        running.wait_for("busy")
        os.kill(self.inhabited.pid, signal.SIGSTOP)
        try:
            for word in ("interrupting", "killing"):
                running.press_ctrl_c()
                running.wait_for(word)
            running.press_ctrl_c()
            self.assertEqual(running.ended().code, 5)
        finally:
            os.kill(self.inhabited.pid, signal.SIGCONT)

    def test_killed_by_another(self) -> None:
        """5: it is told as well when somebody else has ended the turn."""
        for how, word in (("interrupt", "interrupted"), ("kill", "killed")):
            running = self.desk_.start("run", "app", f"say: busy {how}\nforever:")
            running.wait_for(f"busy {how}")
            self.done(self.desk_.run(how, "app"))
            self.assertIn(word, self.failed(running.ended(), 5))

    def test_attach(self) -> None:
        """With --attach the agent is given files; one that can be none, or is not there, ends it before it begins."""
        picture, text = self.inhabited.directory / "a picture.png", self.inhabited.directory / "notes.txt"
        picture.write_bytes(b"\x89PNG\r\n\x1a\n and so on")
        text.write_text("Grüße")
        self.assertEqual(self.done(self.ran("say: seen", "--attach", str(picture), "--attach", str(text))), "seen\n")
        records = map(json.loads, self.done(self.desk_.run("log", "app", "--json")).splitlines())
        (told,) = [one.get("data", one.get("message")) for one in records if one["type"] == "client_message"]
        self.assertEqual([one["name"] for one in told["attachments"]], ["a picture.png", "notes.txt"])
        for wrong, word in ((sys.executable, "cannot be attached"), ("nowhere.png", "No such file")):
            self.assertIn(word, self.failed(self.ran("say: never", "--attach", wrong), 2))

    def test_queue(self) -> None:
        """With --queue it waits for what runs there, and tells of its own execution only."""
        first = self.desk_.start("run", "app", "say: first\nhold: queued")
        first.wait_for("first")
        second = self.desk_.start("run", "app", "say: second", "--queue")
        second.wait_for("queue")
        self.inhabited.release("app", "queued")
        self.assertEqual((self.done(second.ended()), self.done(first.ended())), ("second\n", "first\n"))

    def test_dropped(self) -> None:
        """5: a prompt that waits is dropped when what runs is killed; Ctrl-C takes it out, and the turn of another
        goes on."""
        first = self.desk_.start("run", "app", "say: first\nforever:")
        first.wait_for("first")
        for end in ("ctrl-c", "kill"):
            waiting = self.desk_.start("run", "app", "say: never", "--queue")
            waiting.wait_for("waits in the queue")
            if end == "kill":
                self.done(self.desk_.run("kill", "app"))
            else:
                waiting.press_ctrl_c()
            ran = waiting.ended()
            self.assertIn("dropped", self.failed(ran, 5))
            self.assertEqual(ran.out, "")
        self.assertEqual(first.ended().code, 5)

    def test_deleted(self) -> None:
        """4: a project that was deleted is one that is not there."""
        self.done(self.desk_.run("delete", "app", "--yes"))
        self.failed(self.ran("say: x"), 4)


class PermissionTests(RunTests):
    def test_allowed(self) -> None:
        """--permission allow says yes to everything, and tells it."""
        ran = self.ran(TOOL, "--permission", "allow")
        self.assertEqual(self.done(ran), "before\nafter\n")
        self.assertIn("allowed: Bash make test", ran.err)

    def test_denied(self) -> None:
        """Without a terminal, as with --permission deny, nothing is allowed, and that is told."""
        for options in ((), ("--permission", "deny")):
            ran = self.ran(TOOL, *options)
            self.assertEqual(self.done(ran), "before\nafter\n")
            self.assertIn("denied: Bash make test", ran.err)
            self.assertIn("failed: Nobody is here", ran.err)

    def test_asked(self) -> None:
        """At a terminal the person is asked, with the command, and stdin and stdout are free for other things."""
        for answer, word in (("y", "allowed"), ("n", "denied")):
            running = self.desk_.start("run", "app", given=TOOL, terminal=True)
            running.wait_for("Allow? [y/n] ")
            self.assertIn("Bash: make test", running.err)
            running.type("what\n")
            running.wait_for("what\r\n\r\nBash: make test\r\nAllow? [y/n] ")
            running.type(f"{answer}\n")
            self.assertEqual(self.done(running.ended()), "before\nafter\n")
            self.assertIn(word, running.err)

    def test_typed_ahead(self) -> None:
        """What was typed before the question was no answer to it."""
        running = self.desk_.start("run", "app", given=f"say: x\nhold: typed\n{TOOL}", terminal=True)
        running.wait_until(lambda: running.out == "x\n")
        running.type("y\n")
        self.inhabited.release("app", "typed")
        running.wait_for("Allow? [y/n] ")
        time.sleep(0.5)
        self.assertNotIn("allowed", running.err)
        running.type("n\n")
        self.assertEqual(running.ended().code, 0)
        self.assertIn("denied", running.err)

    def test_answered_elsewhere(self) -> None:
        """When another device has answered, the person is no longer asked, and the turn goes on."""
        other = self.client(self.inhabited)
        other.join(self.project_id)
        running = self.desk_.start("run", "app", TOOL, terminal=True)
        running.wait_for("Allow? [y/n] ")
        data = other.wait_for(lambda message: message["type"] == "permission_request")["data"]
        assert isinstance(data, dict)
        asked = {"permission_id": data["permission_id"], "behavior": "allow"}
        other.request("permission_response", project_id=self.project_id, **asked)
        self.assertEqual(self.done(running.ended()), "before\nafter\n")
        self.assertIn("no longer asked", running.err)

    def test_a_choice(self) -> None:
        """What the agent lets a person choose is shown with its choices, and a number, or other words, answer it."""
        options = [{"label": "red", "description": ""}, {"label": "blue", "description": ""}]
        questions = [{"question": "Which colour?", "header": "Colour", "options": options, "multiSelect": False}]
        prompt = f"tool: AskUserQuestion {json.dumps({'questions': questions})}\nsay: end"
        for answer, chosen in (("2", "blue"), ("neither", "neither")):
            running = self.desk_.start("run", "app", prompt, "--json", terminal=True)
            running.wait_for("your own words: ")
            self.assertIn("  2  blue", running.err)
            running.type(f"{answer}\n")
            ran = running.ended()
            self.assertEqual(ran.code, 0)
            self.assertIn(chosen, "".join(line for line in ran.out.splitlines() if "tool_result" in line))
        self.assertIn("denied", self.ran(prompt, "--permission", "allow").err)


class ReconnectTests(RunTests):
    def words(self) -> Sequence[str]:
        return [f"word{number} " for number in range(40)]

    def listeners(self, watching: Client) -> object:
        """How many hear events now."""
        return data_of(watching.request("server_stats"))["subscriptions"]

    def test_a_lost_connection(self) -> None:
        """The connection is lost again and again, in the middle of texts: no word is missing, none comes twice."""
        relay = Relay.to(self.inhabited.port)
        self.addCleanup(relay.cut)
        self.connect(self.desk_, self.inhabited, "shaky", port=relay.port)
        # Each loss is in the middle of a text, which waits for it; the next text waits for who comes back.
        losses = {"word2": "word0", "word13": "word12", "word25": "word24"}
        script = ""
        for begun in range(0, 40, 4):
            part = self.words()[begun : begun + 4]
            script += f"hold: {part[0].strip()}\n" if part[0].strip() in losses.values() else ""
            script += begin()
            for word in part:
                script += piece(word) + (f"hold: {word.strip()}\n" if word.strip() in losses else "pause: 0.05\n")
            script += whole("".join(part))
        running = self.desk_.start("run", "app", script)
        watching = self.client(self.inhabited)
        watching.join(self.project_id)
        for word, first in losses.items():
            wait_until(lambda: self.listeners(watching) == 2, "it listens, too")
            self.inhabited.release("app", first)
            watching.wait_for(lambda one, word=word: one["type"] == "agent_message" and f"{word} " in str(one))  # type: ignore[misc]
            relay.cut()
            wait_until(lambda: self.listeners(watching) == 1, "it is lost")
            self.inhabited.release("app", word)
            running.wait_until(lambda: "Trying again" in running.err)
            time.sleep(0.3)  # some more is said meanwhile
            relay.mend()
        ran = running.ended(60)
        self.assertEqual(self.done(ran).split(), [word.strip() for word in self.words()])
        self.assertEqual(ran.out.count("\n"), 10)
        self.assertGreaterEqual(relay.accepted, 4)
        self.assertIn("connected again", ran.err)

    def test_a_server_that_is_killed(self) -> None:
        """The server is killed in the middle of a text and comes back: all that was said was told, once, and 5 says
        that the turn was cut off."""
        running = self.desk_.start("run", "app", f"say: one two\n{begin()}{piece('three ')}pause: 60\nsay: four")
        running.wait_for("three ")
        self.inhabited.stop(signal.SIGKILL)
        running.wait_for("Trying again")
        self.inhabited.start()
        ran = running.ended(60)
        self.assertIn("The server stopped while this execution ran", self.failed(ran, 5))
        self.assertEqual(ran.out, "one two\nthree \n")

    def test_a_question_over_a_lost_connection(self) -> None:
        """A question that came while the connection was away is asked and answered."""
        relay = Relay.to(self.inhabited.port)
        self.addCleanup(relay.cut)
        self.connect(self.desk_, self.inhabited, "shaky", port=relay.port)
        other = self.client(self.inhabited)
        other.join(self.project_id)
        prompt = f"say: x\nhold: lost\n{TOOL}"
        running = self.desk_.start("run", "app", prompt, "--permission", "allow")
        running.wait_for("x\n")
        relay.cut()
        self.inhabited.release("app", "lost")
        other.wait_for(lambda message: message["type"] == "permission_request")
        relay.mend()
        self.assertEqual(self.done(running.ended()), "x\nbefore\nafter\n")

    def test_revoked(self) -> None:
        """3: a device that is revoked meanwhile is told so; the turn goes on without it."""
        other = self.client(self.inhabited)
        other.join(self.project_id)
        running = self.desk_.start("run", "app", "say: x\nhold: revoked\nsay: y")
        running.wait_for("x\n")
        self.inhabited.command("token", "revoke", "desk")
        self.assertIn("revoked", self.failed(running.ended(), 3))
        self.inhabited.release("app", "revoked")
        other.wait_for(lambda message: data_of(message).get("result") == "y")


class SecretTests(RunTests):
    def test_the_token_is_seen_nowhere(self) -> None:
        """While commands run, the token stands in the arguments and the environment of no process."""
        running = self.desk_.start("run", "app", "say: busy\nforever:")
        running.wait_for("busy")
        (secret,) = self.desk_.secrets
        for entry in Path("/proc").iterdir():
            for name in ("cmdline", "environ"):
                try:
                    found = (entry / name).read_bytes() if entry.name.isdigit() else b""
                except OSError:
                    continue
                self.assertNotIn(secret.encode(), found)
        running.press_ctrl_c()
        self.assertEqual(running.ended().code, 5)


class RealCliTests(DeskTestCase):
    """With the real CLI against the stand-in of the Messages API."""

    def setUp(self) -> None:
        self.inhabited: House = SharedHouse.lent(self, real=True).house
        self.desk_: Desk = self.desk(self.inhabited)
        self.create(self.inhabited, "app")

    def test_words(self) -> None:
        """The words of the real CLI come once each, with a tool in between that is allowed."""
        path = self.inhabited.home / "app" / "note.txt"
        script = f'say: hello wide world\ntool: Write {{"file_path": "{path}", "content": "kept"}}\nthen:\nsay: written'
        ran = self.desk_.run("run", "app", script, "--permission", "allow")
        self.assertEqual(self.done(ran), "hello wide world\nwritten\n")
        self.assertEqual(path.read_text(), "kept")

    def test_denied(self) -> None:
        """What is denied is not done, and the agent hears why."""
        path = self.inhabited.home / "app" / "note.txt"
        script = f'tool: Write {{"file_path": "{path}", "content": "kept"}}\nthen:\nsay: so not'
        ran = self.desk_.run("run", "app", script, "--permission", "deny")
        self.assertEqual((self.done(ran), path.exists()), ("so not\n", False))
        self.assertIn("denied: Write", ran.err)

    def test_a_long_text_over_a_lost_connection(self) -> None:
        """A long text, of which the connection loses the middle, is complete to the byte."""
        relay = Relay.to(self.inhabited.port)
        self.addCleanup(relay.cut)
        self.connect(self.desk_, self.inhabited, "shaky", port=relay.port)
        running = self.desk_.start("run", "app", "fill: 3000000 1000\nsay: end")
        running.wait_until(lambda: len(running.out) > 200_000)
        relay.cut()
        running.wait_until(lambda: "Trying again" in running.err)
        relay.mend()
        out = self.done(running.ended(120))
        said = [json.loads(line)["data"] for line in self.done(self.desk_.run("log", "app", "--json")).splitlines()]
        texts = [one["message"]["content"][0]["text"] for one in said if one.get("type") == "assistant"]
        self.assertEqual([len(text) for text in texts], [3_000_000, 3])
        self.assertEqual(out, "".join(text if text.endswith("\n") else f"{text}\n" for text in texts))

    def test_interrupted(self) -> None:
        """Ctrl-C interrupts the real CLI."""
        running = self.desk_.start("run", "app", "say: begun\nhold: for ever")
        running.wait_for("begun")
        running.press_ctrl_c()
        self.failed(running.ended(), 5)

    def test_failed(self) -> None:
        """An error of the API is a failure, told in one sentence."""
        self.assertIn("400", self.failed(self.desk_.run("run", "app", "error: 400"), 1))
