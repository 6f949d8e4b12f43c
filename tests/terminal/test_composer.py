"""Where a person writes: what is completed, what is remembered."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.history import InMemoryHistory
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.terminal import composer as subject
from pocketagent.terminal.cells import width_of
from pocketagent.terminal.composer import MAX_REMEMBERED, MAX_SHOWN, MAX_SIZE, Words, composer, remembered

WORDS = Words(
    lambda: {"/mode": "how much it asks", "/model": "which model", "/compact": "make \x1b[31mroom\n", "/bad\nname": ""},
    {"/model": lambda: {"opus": "Opus", "haiku": "宽" * MAX_SHOWN}, "/mode": dict},
)

WRITER = """
import sys
from pathlib import Path
from pocketagent.terminal.composer import remembered
history = remembered(Path(sys.argv[1]))
for number in range(50):
    history.store_string("\\n".join(f"{sys.argv[2]} {number}" for _ in range(200)))
"""


def offered(text: str) -> Sequence[str]:
    return [one.text for one in WORDS.get_completions(Document(text), CompleteEvent())]


class WordsTests(SynchronousTestCase):
    def test_commands(self) -> None:
        """A command is completed from its beginning, whatever its case, then from what is in it."""
        self.assertEqual(offered("/"), ["/mode", "/model", "/compact"])
        self.assertEqual(offered("/MO"), ["/mode", "/model"])
        self.assertEqual(offered("/del"), ["/model"])
        self.assertEqual(offered("/x"), [])

    def test_arguments(self) -> None:
        """What may stand behind a command is completed, as far as it is known."""
        self.assertEqual(offered("/model "), ["opus", "haiku"])
        self.assertEqual(offered("/model  op"), ["opus"])
        self.assertEqual([offered(text) for text in ("/mode p", "/compact x", "/x y")], [[], [], []])

    def test_not(self) -> None:
        """A text that is no command is not completed: a sentence, several lines."""
        self.assertEqual([offered(text) for text in ("", "mode", " /mode", "/mode\n", "/model \n")], [[]] * 5)

    def test_replaced(self) -> None:
        """What is chosen takes the place of what was typed of it."""
        for text, result in {"/MO": "/mode", "/model ha": "/model haiku", "/model  ha": "/model  haiku"}.items():
            first = next(iter(WORDS.get_completions(Document(text), CompleteEvent())))
            self.assertEqual(text[: len(text) + first.start_position] + first.text, result)

    def test_harmless(self) -> None:
        """What the server says of a word acts on no terminal and has its room; a word that cannot be typed is none."""
        (compact,) = WORDS.get_completions(Document("/compact"), CompleteEvent())
        self.assertEqual(compact.display_meta_text, "make \\x1b[31mroom\\n")
        (haiku,) = WORDS.get_completions(Document("/model h"), CompleteEvent())
        self.assertLessEqual(width_of(haiku.display_meta_text), MAX_SHOWN)

    @given(st.text())
    def test_anything(self, text: str) -> None:
        """Whatever is typed can be completed or not."""
        offered(text)
        offered("/" + text)


class ComposerTests(SynchronousTestCase):
    def test_submit(self) -> None:
        """What is written is handed over whole and remembered, and the composer is empty again."""
        got: list[str] = []
        buffer = composer(InMemoryHistory(), WORDS, got.append)
        buffer.text = "two\nlines"
        buffer.validate_and_handle()
        self.assertEqual((got, buffer.text), (["two\nlines"], ""))
        self.assertEqual(buffer.history.get_strings(), ["two\nlines"])


class RememberedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp()) / "deep" / "history"

    def store(self, *texts: str) -> None:
        history = remembered(self.path)
        for text in texts:
            history.store_string(text)

    def known(self) -> list[str]:
        """What the next start remembers, newest first."""
        return list(remembered(self.path).load_history_strings())

    def mode(self, path: Path) -> int:
        return path.stat().st_mode & 0o777

    def test_private(self) -> None:
        """The file, and the directory that was made for it, are ours alone; a file that was not becomes so."""
        self.store("one")
        self.assertEqual((self.mode(self.path), self.mode(self.path.parent)), (0o600, 0o700))
        self.path.chmod(0o644)
        self.assertEqual(self.known(), ["one"])
        self.assertEqual(self.mode(self.path), 0o600)

    def test_what_was_written(self) -> None:
        """A prompt is remembered as it was written, several lines and odd ones too; half a character as a mark."""
        texts = ["one", "two\nlines", "", "# three\n+four\n\n", " 宽 \t", "\x1b[31m"]
        self.store(*texts, "cut \ud83d")
        self.assertEqual(self.known(), ["cut ?", *reversed(texts)])

    def test_bound(self) -> None:
        """As many prompts as the bound are kept; of more, the newer half."""
        self.store(*(str(number) for number in range(MAX_REMEMBERED)))
        self.assertEqual(len(self.known()), MAX_REMEMBERED)
        self.store("more")
        known = self.known()
        self.assertEqual((len(known), known[0], known[1]), (MAX_REMEMBERED // 2, "more", str(MAX_REMEMBERED - 1)))
        self.assertEqual(self.mode(self.path), 0o600)

    def test_size(self) -> None:
        """As many bytes as the bound are kept; of more, the newer half."""
        size = len(subject._kept(""))
        self.store("a" * (MAX_SIZE // 2 - size), "b" * (MAX_SIZE // 2 - size))
        self.assertEqual(len(self.known()), 2)
        self.store("c")
        self.assertEqual(self.known(), ["c"])
        self.store("d" * MAX_SIZE)
        self.assertEqual(self.known(), [])

    def test_nowhere(self) -> None:
        """Without a file that can be used, what is written is remembered until the end, and nothing is raised."""
        self.path.parent.mkdir(parents=True)
        taken = self.path.parent / "taken"
        taken.write_text("a file")
        os.mkfifo(self.path.parent / "pipe")
        for path in (None, self.path.parent, taken / "history", self.path.parent / "pipe", Path("/dev/null")):
            history = remembered(path)
            self.assertIsInstance(history, InMemoryHistory)
            history.append_string("one")
            self.assertEqual(history.get_strings(), ["one"])
        self.assertEqual(taken.read_text(), "a file")

    def test_gone(self) -> None:
        """A file that cannot be written any more takes nothing away from the person: it goes on being remembered."""
        history = remembered(self.path)
        self.path.unlink()
        self.path.mkdir()
        history.append_string("one")
        self.assertEqual(history.get_strings(), ["one"])

    def test_several(self) -> None:
        """What several terminals write at once is all there, each prompt whole."""
        self.path.parent.mkdir(parents=True)
        command = [sys.executable, "-c", WRITER, str(self.path.absolute())]
        environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
        writers = [subprocess.Popen([*command, name], env=environment) for name in ("a", "b")]
        self.assertEqual([writer.wait() for writer in writers], [0, 0])
        expected = {"\n".join(f"{name} {number}" for _ in range(200)) for name in "ab" for number in range(50)}
        known = self.known()
        self.assertEqual((set(known), len(known)), (expected, 100))
