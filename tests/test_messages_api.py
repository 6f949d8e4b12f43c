"""The stand-in of the Messages API answers as its prompts say."""

import json
from urllib.request import Request, urlopen

from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.messages_api import Json, MessagesApi, prompt_of, script_of


def ask(url: str, body: Json) -> str:
    with urlopen(Request(f"{url}/v1/messages", data=json.dumps(body).encode()), timeout=10) as answer:  # noqa: S310
        return str(answer.read().decode())


class ScriptTests(SynchronousTestCase):
    def test_answers_are_counted_from_the_prompt(self) -> None:
        """The second answer is the one after `then:`, and beyond the last one the model is done."""
        text = 'tool: Bash {"command": "ls"}\nthen:\nsay: seen'
        self.assertEqual(script_of(text, 0), [("tool", 'Bash {"command": "ls"}')])
        self.assertEqual(script_of(text, 1), [("say", "seen")])
        self.assertEqual(script_of(text, 2), [("say", "Done.")])

    def test_the_prompt_is_what_the_person_wrote_last(self) -> None:
        """Reminders of the CLI, tool results and messages of the system are no prompt."""
        body: Json = {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "<system-reminder>say: no"}]},
                {"role": "user", "content": [{"type": "text", "text": "say: yes"}]},
                {"role": "system", "content": "say: neither"},
                {"role": "assistant", "content": [{"type": "tool_use"}]},
                {"role": "user", "content": [{"type": "tool_result", "content": "say: nor this"}]},
            ]
        }
        self.assertEqual(prompt_of(body), ("say: yes", 1))


class MessagesApiTests(TestCase):
    def setUp(self) -> None:
        self.api = MessagesApi(reactor)  # type: ignore[arg-type]
        self.addCleanup(self.api.listen().stopListening)

    async def _ask(self, prompt: str, stream: bool = False) -> str:
        body: Json = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": prompt}]}
        return await deferToThread(ask, self.api.url, body)

    async def test_a_whole_message(self) -> None:
        """Without `stream` the blocks come as one message, a tool's input as an object."""
        message = json.loads(await self._ask('say: a b\ntool: Write {"file_path": "/x"}'))
        text, tool = message["content"]
        self.assertEqual(text, {"type": "text", "text": "a b"})
        self.assertEqual((tool["name"], tool["input"]), ("Write", {"file_path": "/x"}))
        self.assertEqual(message["stop_reason"], "tool_use")

    async def test_a_stream(self) -> None:
        """With `stream` the events come in the API's order, and escapes pass as they stand."""
        answer = await self._ask('json: "\\ud83d"\nerror: 529', stream=True)
        names = [line[7:] for line in answer.splitlines() if line.startswith("event: ")]
        blocks = ["content_block_start", "content_block_delta", "content_block_stop"]
        self.assertEqual(names, ["message_start", "ping", *blocks, "error"])
        self.assertIn("\\ud83d", answer)

    async def test_a_hold_waits_until_it_is_released(self) -> None:
        """A held answer ends once its name is released; the log has the prompt, and never the key."""
        reactor.callLater(0.05, self.api.release, "gate")
        self.assertIn("after", await self._ask("hold: gate\nsay: after"))
        self.assertEqual(self.api.prompts, ["hold: gate\nsay: after"])
