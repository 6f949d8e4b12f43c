# -*- test-case-name: tests.terminal.test_drawing -*-
"""What a person reads, as text for a terminal."""

import re
import subprocess
import sys
import time
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.agent import Behavior
from pocketagent.domain.events import Reason
from pocketagent.domain.text import UNSAFE
from pocketagent.terminal import drawing
from pocketagent.terminal.drawing import Pen
from pocketagent.terminal.paper import MIN_WIDTH
from pocketagent.terminal.shown import Answered, Call, Called, Ended, Failed, Notice, Prompted, Said, Shown, Thought
from pocketagent.wire.server import Question
from tests.terminal.test_prose import MARKDOWN
from tests.terminal.test_tools import NAMES, OBJECTS

ROOT = "/home/user/project"
SGR = re.compile(r"\x1b\[[0-9;]*m")

TEXTS = MARKDOWN | st.text()
NUMBERS = st.floats() | st.integers(-(10**20), 10**20)
ANSWERS = st.builds(
    Answered,
    question=st.builds(Question, st.text(), NAMES | TEXTS, OBJECTS, st.text()),
    behavior=st.sampled_from(Behavior),
    by=st.none() | TEXTS,
    reason=st.sampled_from(Reason),
)
CALLS = st.builds(
    Call,
    id=st.text(),
    name=NAMES | TEXTS,
    input=OBJECTS,
    began=st.floats(),
    parent=st.none() | st.just("t"),
    denied=st.none() | ANSWERS,
)
SHOWN: st.SearchStrategy[Shown] = st.one_of(
    st.builds(Prompted, by=TEXTS, text=TEXTS),
    st.builds(Said, text=MARKDOWN, begins=st.booleans()),
    st.builds(Thought, text=TEXTS),
    st.builds(
        Called,
        call=CALLS,
        output=TEXTS,
        is_error=st.booleans(),
        seconds=NUMBERS,
        details=OBJECTS,
        inner=st.integers(-5, 10**9),
    ),
    ANSWERS,
    st.builds(Ended, seconds=NUMBERS, cost_usd=st.none() | NUMBERS, outcome=TEXTS),
    st.builds(Failed, code=TEXTS, message=TEXTS, stderr=TEXTS),
    st.builds(Notice, text=TEXTS, lines=st.lists(TEXTS, max_size=4)),
)


def pen(width: int = 80, height: int = 24, color: bool = False, unicode: bool = True) -> Pen:
    return Pen(width=width, height=height, color=color, root=ROOT, unicode=unicode, me="laptop")


def lines(one: Shown, width: int = 80, unicode: bool = True) -> list[str]:
    """What is drawn, without colours and without the blank line before it."""
    gap, *rest, end = pen(width, unicode=unicode).shown(one).split("\n")
    assert (gap, end) == ("", "")
    return rest


def called(
    name: str,
    given: Mapping[str, object],
    output: str = "",
    is_error: bool = False,
    seconds: float = 0.1,
    details: Mapping[str, object] | None = None,
    parent: str | None = None,
    inner: int = 0,
) -> Called:
    return Called(Call("t", name, given, 0.0, parent), output, is_error, seconds, details or {}, inner)


def question(name: str, **given: object) -> Question:
    return Question("p", name, given, "")


class ShownTests(SynchronousTestCase):
    def test_prompts(self) -> None:
        """A prompt stands behind a bar; before that the name of the device, where it is another one."""
        self.assertEqual(lines(Prompted("laptop", "a\nb\n")), ["› a", "  b"])
        self.assertEqual(lines(Prompted("phone", "word " * 4), 20), ["phone › word word", "  word word"])

    def test_attached(self) -> None:
        """What a prompt came with stands below it, by its name, each on a line of its own."""
        shown = Prompted("laptop", "look\n", ("screen.png", "a\nb" + "c" * 100))
        self.assertEqual(lines(shown), ["› look", "  + screen.png", "  + a …"])

    def test_text(self) -> None:
        """What the agent says is Markdown with a dot where it begins; a later part stands below it."""
        self.assertEqual(lines(Said("a **b**\n\nc")), ["● a b", "", "  c"])
        self.assertEqual(lines(Said("d", begins=False)), ["  d"])

    def test_thoughts(self) -> None:
        """A thought is folded to its first lines, with how much more there is."""
        self.assertEqual(lines(Thought("a\n\nb")), ["✻ a b"])
        words = drawing.THOUGHT_LINES * 9
        self.assertEqual(lines(Thought("w " * words), 20), ["✻" + " w" * 9, " " + " w" * 9])
        self.assertEqual(lines(Thought("w " * (words + 1)), 20)[-1], "  … 1 more word")

    def test_own_yes(self) -> None:
        """Whoever has allowed something sees what comes of it, and not that they have."""
        self.assertEqual(pen().shown(Answered(question("Bash"), Behavior.ALLOW, "laptop", Reason.ANSWERED)), "")

    def test_ends(self) -> None:
        """The end of a turn tells its time and its price, and what is to be known besides."""
        for one, expected in (
            (Ended(12.34, 0.031), "✓ 12.3 s · $0.03"),
            (Ended(65, None), "✓ 1 min 05 s"),
            (Ended(3725, 0.001), "✓ 1 h 02 min · <$0.01"),
            (Ended(59.99, 0.0), "✓ 1 min 00 s"),
            (Ended(3.0, None, "Stopped."), "✗ Stopped.  3.0 s"),
        ):
            self.assertEqual(lines(one), [expected])

    def test_failures(self) -> None:
        """A failure is told with the last words of the agent."""
        found = lines(Failed("AGENT_FAILED", "It broke.", "\n".join("abcdefghij"[: drawing.STDERR_LINES])))
        self.assertEqual(found, ["✗ It broke. (AGENT_FAILED)", *(f"  {one}" for one in "abcdefgh")])
        self.assertEqual(
            lines(Failed("", "", "a\n" * (drawing.STDERR_LINES + 1)))[:2], ["✗ It failed.", "  … 1 more line before"]
        )

    def test_notices(self) -> None:
        """A notice is a sentence with its lines below it."""
        self.assertEqual(lines(Notice("a", ["b", "c"])), ["· a", "    b", "    c"])
        self.assertEqual(lines(Notice("a", ["b"] * drawing.NOTICE_LINES))[-1], "    b")
        self.assertEqual(lines(Notice("a", ["b"] * (drawing.NOTICE_LINES + 1)))[-1], "    … 1 more line")

    def test_gaps(self) -> None:
        """Lines of one kind stand close; a blank line comes before everything else."""
        one, edit = called("Bash", {"command": "x"}, "a"), called("Edit", {"new_string": "b"})
        drawn = pen()
        found = [drawn.shown(each).startswith("\n") for each in (one, one, Notice("n"), edit, one, Said("a"), one)]
        self.assertEqual(found, [True, False, False, True, True, True, True])

    def test_colours(self) -> None:
        """What went well is green and what did not red; without colour there is no escape sequence."""
        good, bad = called("Bash", {"command": "x"}, "a"), called("Bash", {"command": "x"}, "a", True)
        self.assertIn("\x1b[32m● ", pen(color=True).shown(good))
        self.assertIn("\x1b[31m● ", pen(color=True).shown(bad))
        self.assertNotIn("\x1b", pen().shown(good))

    def test_hostile(self) -> None:
        """Escape sequences from outside are seen, and do nothing; nor does markup."""
        evil = "\x1b[2J\x1b]52;c;x\x07\u202e[bold]x[/bold]\r"
        for one in (
            *(Said(evil), Prompted(evil, evil, [evil]), Thought(evil), Notice(evil, [evil]), Failed(evil, evil, evil)),
            *(Ended(1, 1, evil), called(evil, {"command": evil}, evil), called("Bash", {"command": evil}, evil, True)),
            Answered(question(evil, command=evil), Behavior.DENY, evil, Reason.ANSWERED),
        ):
            found = pen(color=True).shown(one)
            self.assertIn("␛[2J␛]52;c;x␇\ufffd[bold]x[/bold]", found.replace("\n  ", ""), one)

    def test_ascii(self) -> None:
        """In a terminal without Unicode, our own signs are ASCII."""
        for one in (
            *(Prompted("p", "a"), Said("- a\n\n> b\n\n---\n"), Thought("w " * 1000), Ended(1, 1), Ended(1, 1, "x")),
            *(called("mcp__a__b", {"x": "y" * 500}), called("TodoWrite", {"todos": [{"content": "x"}] * 40})),
            *(called("Edit", {"new_string": "x\n" * 99}), Failed("x", "y", "z\n" * 99), Notice("a")),
            *(called("Read", {"file_path": "x", "offset": 1, "limit": 2}), called("Bash", {}, "x\n" * 99, True)),
            Answered(question("x"), Behavior.DENY, None, Reason.EXPIRED),
        ):
            found = pen(unicode=False).shown(one)
            self.assertTrue(found.isascii(), found)

    def test_resize(self) -> None:
        """After the terminal was resized, everything is drawn for its new width."""
        drawn = pen(80)
        drawn.shown(Said("word " * 8))
        drawn.resize(MIN_WIDTH, 10)
        self.assertEqual(drawn.shown(Said("word " * 4)), "\n● word word word\n  word\n")

    def test_narrowest(self) -> None:
        """A terminal of hardly any columns is drawn for as if it had a few more."""
        self.assertEqual(lines(Said("x" * 30), 1), lines(Said("x" * 30), MIN_WIDTH))

    @settings(deadline=None)
    @given(SHOWN, st.integers(1, 90), st.booleans(), st.booleans())
    def test_anything(self, one: Shown, width: int, color: bool, unicode: bool) -> None:
        """Whatever it holds, it is drawn: whole lines within the columns, with no escape sequences but for colours."""
        found = pen(width, color=color, unicode=unicode).shown(one)
        plain = SGR.sub("", found) if color else found
        self.assertTrue(found.endswith("\n"))
        self.assertLessEqual(set(UNSAFE.findall(plain)), {"\n"})
        for line in plain.split("\n"):
            self.assertLessEqual(cell_len(line), max(width, MIN_WIDTH), line)


class WritingTests(SynchronousTestCase):
    def test_end(self) -> None:
        """Of a text that is being written, as much of the end is shown as has room."""
        room = 24 - drawing.RESERVED_LINES
        whole = "\n\n".join(f"p{at}" for at in range(room))
        found = pen().writing(whole).split("\n")
        self.assertIn(len(found), (room - 1, room))
        self.assertEqual(found[-1], f"  p{room - 1}")
        self.assertEqual(pen().writing("a **b**"), "● a b")
        self.assertEqual(pen().writing("a", begins=False), "  a")

    def test_low_terminal(self) -> None:
        """In a terminal of hardly any rows, there are a few lines nevertheless."""
        self.assertEqual(pen(height=1).writing("a\n\nb\n\nc\n\nd").split("\n"), ["  c", "", "  d"])

    def test_open_code(self) -> None:
        """A block of code whose begin is out of sight is still one; after its end it is none."""
        long = "```python\n" + "x = *y*\n" * 100
        self.assertEqual(pen().writing(long + "z = *y*").split("\n")[-1], "    z = *y*")
        self.assertEqual(pen().writing(long + "```\n" + "a\n" * 50 + "z *y*").split("\n")[-1].split()[-1], "y")

    def test_half_a_line(self) -> None:
        """A last line that may come to mean anything waits until it is known."""
        for half in "-", "1.", "==", "##", "```", "|":
            self.assertEqual(pen().writing(f"a\n{half}"), "● a")

    def test_empty(self) -> None:
        """Nothing is nothing."""
        self.assertEqual(pen().writing("").strip("● "), "")

    @settings(deadline=None)
    @given(TEXTS, st.integers(1, 90), st.integers(0, 40), st.booleans())
    def test_anything(self, text: str, width: int, height: int, color: bool) -> None:
        """Whatever is being written: no more lines than have room, with no escape sequences but for colours."""
        found = SGR.sub("", pen(width, height, color).writing(text))
        self.assertLessEqual(set(UNSAFE.findall(found)), {"\n"})
        room = max(drawing.MIN_WRITING_LINES, height - drawing.RESERVED_LINES)
        self.assertLessEqual(found.count("\n") + 1, room)


class CallTests(SynchronousTestCase):
    def test_running(self) -> None:
        """A tool that runs is one line with the time it has taken so far."""
        call = Call("t", "Bash", {"command": "make"}, 100.0)
        self.assertEqual(pen().call(call, 112.5)[2:], "Bash(make) · 12.5 s")
        self.assertEqual(pen().call(call, 100.5)[2:], "Bash(make)")
        self.assertEqual(pen(unicode=False).call(call, 112.0), "| Bash(make) - 12.0 s")

    def test_turns(self) -> None:
        """Its sign turns with the time."""
        call = Call("t", "Bash", {"command": "make"}, 100.0)
        self.assertEqual(len({pen().call(call, 100 + eighth / 8)[0] for eighth in range(5)}), 5)

    def test_clock_set_back(self) -> None:
        """A clock that was set back takes nothing away."""
        self.assertEqual(pen().call(Call("t", "X", {}, 100.0), 0.0)[2:], "X")

    @settings(deadline=None)
    @given(CALLS, st.floats(), st.integers(1, 90))
    def test_anything(self, call: Call, now: float, width: int) -> None:
        """Whatever the agent calls: one line within the columns."""
        found = SGR.sub("", pen(width, color=True).call(call, now))
        self.assertIsNone(UNSAFE.search(found))
        self.assertLessEqual(cell_len(found), max(width, MIN_WIDTH))


class SpeedTests(SynchronousTestCase):
    def test_long_text(self) -> None:
        """A text of 100 KB does not keep anybody waiting."""
        drawn = pen(color=True)
        drawn.shown(Said("```python\nx\n```"))
        paragraph = "Some **bold** text with `code` and a [link](http://x.y/z) in a paragraph that wraps.\n\n"
        for text in paragraph * 1200, "```python\n" + "def f(x): return x + 1  # comment\n" * 3000:
            began = time.process_time()
            drawn.shown(Said(text))
            self.assertLess(time.process_time() - began, 2.0)

    def test_start(self) -> None:
        """Markdown is loaded when there is some."""
        late = {"rich.markdown", "rich.syntax", "markdown_it", "pygments"}
        script = f"import sys, pocketagent.terminal.drawing; sys.exit(bool({late} & set(sys.modules)))"
        self.assertEqual(subprocess.run([sys.executable, "-c", script], check=False).returncode, 0)
