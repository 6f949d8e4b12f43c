"""What is alive below, on terminals of every size."""

from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.formatted_text import ANSI, to_formatted_text
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.client.standing import Phase, Standing
from pocketagent.domain.agent import PermissionMode
from pocketagent.domain.events import Actor, ClientMessage, State
from pocketagent.domain.options import Options
from pocketagent.terminal.cells import width_of
from pocketagent.terminal.conversation import Conversation
from pocketagent.terminal.drawing import Pen
from pocketagent.terminal.shown import Call
from pocketagent.terminal.view import HINT, MAX_CALLS, MAX_WAITING, View, mode_in_words
from tests.terminal.asked import opened

WIDTH, HEIGHT = 60, 20


def plain(ansi: str) -> str:
    return "".join(fragment[1] for fragment in to_formatted_text(ANSI(ansi)))


def waiting(text: str) -> ClientMessage:
    return ClientMessage("e", None, text, Options(), Actor("1", "phone"), True)


class ViewCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.view = View(self.clock.seconds, self.clock.seconds)
        self.view.pen = Pen(width=WIDTH, height=2 * HEIGHT)
        self.view.status_line.standing = Standing(Phase.CONNECTED)

    @property
    def conversation(self) -> Conversation:
        return self.view.conversation

    def work(self) -> None:
        self.conversation.state, self.conversation.execution_id = State.EXECUTING, "e"

    def lines(self, width: int = WIDTH, height: int = HEIGHT) -> list[str]:
        return [line.rstrip() for line in plain(self.view.live(width, height)).split("\n")]

    def status(self, width: int = 100) -> str:
        return "".join(fragment[1] for fragment in self.view.status(width))


class LiveTests(ViewCase):
    def test_nothing(self) -> None:
        """While nothing is going on, and before anything can be drawn, nothing is there."""
        self.assertEqual(self.view.live(WIDTH, HEIGHT), "")
        self.assertEqual(self.view.card(WIDTH, HEIGHT), "")
        self.work()
        self.view.pen = None
        self.assertEqual(self.view.live(WIDTH, HEIGHT), "")

    def test_busy(self) -> None:
        """An agent that shows nothing else is busy with something, and it is seen that it goes on."""
        self.work()
        self.assertEqual(self.lines(), ["⠋ working …"])
        self.conversation.is_thinking = True
        self.clock.advance(0.1)
        self.assertEqual(self.lines(), ["⠙ thinking …"])
        self.conversation.doing = "Write\x1b"
        self.assertEqual(self.lines(), ["⠙ Write\\x1b …"])
        self.view.unicode = False
        self.assertEqual(self.lines(), ["/ Write\\x1b ..."])

    def test_writing(self) -> None:
        """The text that is being written is drawn below what stands of it, and anew only when something has changed."""
        self.work()
        self.conversation.writing.add("One.\n\nTwo")
        self.assertEqual(self.lines(), ["", "  Two"])
        drawn = self.view._drawn
        self.lines()
        self.assertIs(self.view._drawn, drawn)
        self.conversation.writing.drop()
        self.conversation.writing.add("Two")
        self.assertEqual(self.lines(), ["", "● Two"])

    def test_resized(self) -> None:
        """A text is drawn for the terminal as it is now."""
        self.work()
        self.conversation.writing.add("some words " * 20)
        self.assertGreater(len(self.lines(20)), len(self.lines(80)))
        self.assertLessEqual(max(map(width_of, self.lines(20))), 20)

    def test_height(self) -> None:
        """What is newest of a long text is seen, with all that stands below it; there are no more lines than room."""
        self.work()
        self.conversation.writing.add("\n".join(f"- {number}" for number in range(100)))
        self.conversation.calls.begin(Call("t", "Bash", {"command": "make"}, 0.0))
        lines = self.lines(height=8)
        self.assertEqual(len(lines), 8)
        self.assertIn("99", lines[-2])
        self.assertIn("make", lines[-1])

    def test_calls(self) -> None:
        """The newest tools at work have a line each; while a question is open it is all that matters."""
        self.work()
        for number in range(MAX_CALLS + 1):
            self.conversation.calls.begin(Call(str(number), "Bash", {"command": f"make {number}"}, 0.0))
        self.assertEqual(len(self.lines()), MAX_CALLS)
        self.assertNotIn("make 0", str(self.lines()))
        self.view.asks = opened("Bash", {"command": "make"})
        self.assertEqual(self.view.live(WIDTH, HEIGHT), "")

    def test_prompts(self) -> None:
        """Prompts that wait, and those that the server has not heard of, have a line each; of many, how many more."""
        self.conversation.waiting = {str(at): waiting(f"do\n{at}\x1b") for at in range(MAX_WAITING)}
        self.view.sending = ["one", "two"]
        queue = [f"  {at + 1}. do {at}\\x1b (waits)" for at in range(MAX_WAITING)]
        self.assertEqual(self.lines(), [*queue, "  1. one (not sent yet)", "  2. two (not sent yet)"])
        self.conversation.waiting["more"] = waiting("more")
        self.assertIn("  and 1 more (waits)", self.lines())

    @given(
        st.lists(st.text(max_size=80) | st.just("宽" * 50) | st.just("a " * 1000), max_size=7),
        st.text(max_size=10),
        st.integers(1, 200),
        st.booleans(),
    )
    def test_widths(self, prompts: list[str], doing: str, width: int, unicode: bool) -> None:
        """No line of ours is wider than the terminal."""
        self.setUp()
        self.work()
        self.view.unicode = unicode
        self.conversation.doing = doing
        self.conversation.waiting = {str(at): waiting(text) for at, text in enumerate(prompts)}
        self.view.sending = prompts
        self.assertEqual([line for line in self.lines(width) if width_of(line) > width], [])

    def test_long_prompt(self) -> None:
        """Of a prompt that does not fit, the beginning is seen, and that there is more."""
        self.view.sending = ["many words " * 1000, " " * 1000 + "x"]
        for line in self.lines(40):
            self.assertIn("…", line)
            self.assertTrue(line.endswith("(not sent yet)"))


class CardTests(ViewCase):
    def test_ours(self) -> None:
        """A question of our own is asked in words that fit, wide ones too, and before a card of the agent's."""
        self.view.confirms = "/home/宽宽宽宽/\x1b is no project yet: make it one?"
        self.view.asks = opened("Bash", {"command": "make"})
        lines = self.view.card(20, HEIGHT).split("\n")
        self.assertLess(max(map(width_of, lines)), 20)
        self.assertTrue(" ".join(lines).endswith("one? [y/n]"))
        self.assertIn("\\x1b", self.view.card(100, HEIGHT))

    def test_the_agents(self) -> None:
        """A card of the agent's is drawn within its room."""
        self.view.asks = opened("Bash", {"command": "make"})
        card = self.view.card(WIDTH, HEIGHT)
        self.assertIn("make", plain(card))
        self.assertLessEqual(len(card.split("\n")), HEIGHT + 1)


class StatusTests(ViewCase):
    def test_works(self) -> None:
        """While the agent works the line tells how it was set up, and for how long it works."""
        self.work()
        self.conversation.name, self.conversation.mode, self.conversation.model = "app", "acceptEdits", "opus"
        self.view.mode, self.view.model = PermissionMode.PLAN, "haiku"
        self.clock.advance(5)
        line = self.status()
        self.assertIn("app · working 5 s", line)
        self.assertIn("accepts edits · opus", line)

    def test_rests(self) -> None:
        """While it rests the line tells how the next prompt is run."""
        self.conversation.name, self.conversation.mode, self.conversation.model = "app", "acceptEdits", "opus"
        self.assertTrue(self.status().endswith("asks first · opus"))
        self.view.mode, self.view.model = PermissionMode.PLAN, "haiku"
        self.assertTrue(self.status().endswith("plans only · haiku"))
        self.conversation.waiting["e"] = waiting("x")
        self.assertIn("app · idle +1", self.status())
        self.view.asks = opened("Bash", {"command": "make"})
        self.assertIn("waits for you", self.status())

    def test_hint(self) -> None:
        """A hint stays for a moment, and no longer."""
        self.view.hint("Look.")
        self.clock.advance(HINT)
        self.assertIn("Look.", self.status())
        self.clock.advance(0.1)
        self.assertNotIn("Look.", self.status())

    def test_words(self) -> None:
        """What stands in the empty composer says what a text does now; every mode has its words."""
        at_rest = self.view.placeholder(WIDTH)
        self.assertEqual(self.view.placeholder(20), "What should the age…")
        self.work()
        self.assertNotEqual(self.view.placeholder(WIDTH), at_rest)
        for width in range(-2, 80):
            self.assertLessEqual(width_of(self.view.placeholder(width)), max(0, width))
        self.assertEqual(len({mode_in_words(mode) for mode in PermissionMode}), len(PermissionMode))
