"""Text with colours in it, as prompt_toolkit takes it."""

from collections.abc import Iterable, Sequence

from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.formatted_text import ANSI, OneStyleAndTextTuple, to_formatted_text
from prompt_toolkit.layout.controls import FormattedTextControl
from rich.color import ColorSystem
from rich.style import Style
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.terminal.ansi import fragments_of, window
from pocketagent.terminal.drawing import Pen
from pocketagent.terminal.shown import Call, Called, Failed, Prompted, Said, Shown

COLOURS = ("red", "bright_black", "default", "#102030", "color(200)")
SYSTEMS = (ColorSystem.STANDARD, ColorSystem.EIGHT_BIT, ColorSystem.TRUECOLOR)
TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs")) | st.just("\n"), max_size=20)
FLAGS = st.none() | st.booleans()
STYLES = st.builds(
    Style,
    color=st.none() | st.sampled_from(COLOURS),
    bgcolor=st.none() | st.sampled_from(COLOURS),
    bold=FLAGS,
    dim=FLAGS,
    italic=FLAGS,
    underline=FLAGS,
    strike=FLAGS,
    reverse=FLAGS,
)


def cells(fragments: Iterable[OneStyleAndTextTuple]) -> Sequence[tuple[str, str]]:
    """Each character with its style."""
    return [(" ".join(fragment[0].split()), character) for fragment in fragments for character in fragment[1]]


def heard(text: str) -> Sequence[tuple[str, str]]:
    """The same from prompt_toolkit's own reader."""
    return cells(to_formatted_text(ANSI(text)))


class FragmentsTests(SynchronousTestCase):
    @given(st.lists(st.tuples(TEXTS, STYLES), max_size=6), st.sampled_from(SYSTEMS))
    def test_rich(self, parts: list[tuple[str, Style]], system: ColorSystem) -> None:
        """What rich writes means what it means to prompt_toolkit's own reader."""
        text = "".join(style.render(part, color_system=system) for part, style in parts)
        self.assertEqual(cells(fragments_of(text)), heard(text))

    def test_pen(self) -> None:
        """So does what a conversation is drawn with, in few fragments."""
        pen = Pen(width=60, height=30)
        call = Call("t", "Edit", {"file_path": "/a", "old_string": "one", "new_string": "two"}, 0.0)
        shown: Sequence[Shown] = (
            Prompted("phone", "do it"),
            Said("# A **bold** title\n\n`code` and 宽 text\n\n```python\nx = 1\n```\n"),
            Called(call, "", False, 2.0),
            Failed("EXECUTION_FAILED", "It failed.", "why"),
        )
        for one in shown:
            text = pen.shown(one)
            self.assertIn("\x1b[", text)
            self.assertEqual(cells(fragments_of(text)), heard(text))
            self.assertLess(len(fragments_of(text)), len(heard(text)) / 2)

    def test_plain(self) -> None:
        """A text without colours is one fragment; none is none that shows."""
        self.assertEqual(fragments_of("two\nlines"), [("", "two\nlines")])
        self.assertEqual(cells(fragments_of("")), [])


class WindowTests(SynchronousTestCase):
    def test_height(self) -> None:
        """A window has as many lines as its text, but for an end of line at the end, and none for an empty one."""
        for text, lines in {"": 0, "\n": 0, "one": 1, "one\n": 1, "one\n\ntwo": 3, "\x1b[1mone\x1b[0m\n": 1}.items():
            height = window(lambda text=text: text).preferred_height(80, 24)  # type: ignore[misc]
            self.assertEqual((height.preferred, height.max), (lines, lines), text)

    def test_changes(self) -> None:
        """It shows its text as it is each time it is drawn, and reads it anew only when it has changed."""
        texts = iter(["one", "\x1b[1mtwo\x1b[0m", "\x1b[1mtwo\x1b[0m"])
        control = window(lambda: next(texts)).content
        assert isinstance(control, FormattedTextControl) and callable(control.text)
        first, second, third = (control.text() for _ in range(3))
        self.assertEqual((first, second), ([("", "one")], [("", ""), ("bold", "two")]))
        self.assertIs(second, third)

    def test_keys(self) -> None:
        """It takes keys only where it was made for them."""
        for takes_keys in (True, False):
            self.assertEqual(window(str, takes_keys).content.is_focusable(), takes_keys)
