"""The last line, in every state and on every width."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.client.standing import Phase, Standing
from pocketagent.domain.events import State
from pocketagent.terminal.cells import width_of
from pocketagent.terminal.status import MODES, Status, spelt

WIDE = "宽" * 30
EVERY = product(Phase, State, (False, True), (0, 12), ("", "app", WIDE), ("", "a hint"), (False, True))


def text_of(status: Status, width: int = 100, now: float = 0.0, unicode: bool = True) -> str:
    return "".join(text for _, text in status.line(width, now, unicode))


def connected(**more: object) -> Status:
    return Status(standing=Standing(Phase.CONNECTED), **more)  # type: ignore[arg-type]  # a test's own


class WidthTests(SynchronousTestCase):
    def test_every_state(self) -> None:
        """In no state and on no terminal the line is wider than there is room."""
        for phase, state, is_asking, queued, project, hint, unicode in EVERY:
            status = Status(
                *(Standing(phase), 5.0, project, state, is_asking, 4000.0, "bypassPermissions", "claude-opus-5-5"),
                *(12.5, 150_000, 200_000, queued, hint),
            )
            for width in (0, 1, 2, 20, 21, 25, 33, 40, 55, 80, 120, 200):
                line = text_of(status, width, unicode=unicode)
                self.assertLessEqual(width_of(line), width)
                self.assertEqual("\n" in line, False)
                if not unicode and project != WIDE:
                    self.assertTrue(line.isascii(), line)

    @given(st.text(st.characters(), max_size=60), st.text(st.characters(), max_size=60), st.integers(0, 200))
    def test_any_name(self, name: str, model: str, width: int) -> None:
        """Whatever a project and a model are called, the line has room and is one line that acts on no terminal."""
        line = text_of(connected(project=name, model=model, mode=name, hint=model), width)
        self.assertLessEqual(width_of(line), width)
        self.assertEqual([character for character in line if character < " "], [])

    def test_unknown_mode(self) -> None:
        """A mode that this version does not know is told by its name, which never becomes a style."""
        parts = connected(mode="new bg:mode").line(100, 0.0)
        self.assertIn(("class:status", "new bg:mode"), parts)


class WordsTests(SynchronousTestCase):
    def test_all(self) -> None:
        """With room, everything is told: the connection, the project, what it does, the mode, the model, what it has
        cost, how full the conversation is."""
        status = connected(
            project="app", mode="plan", model="claude-opus-5-5", cost_usd=1.5, total_tokens=50_000, max_tokens=200_000
        )
        line = text_of(status)
        self.assertTrue(line.startswith("● · app · idle   "))
        self.assertTrue(line.endswith("  plans only · opus-5-5 · $1.50 · 25% context"))
        self.assertEqual(width_of(line), 100)

    def test_does(self) -> None:
        """What a project does is a word of its own; that it waits for a person comes before that it works."""
        working = {"project": "app", "state": State.EXECUTING, "seconds": 63.0}
        self.assertIn("app · working 1 m 03 s", text_of(connected(**working)))
        self.assertIn("app · waits for you +2", text_of(connected(**working, is_asking=True, queued=2)))
        self.assertIn("app · error", text_of(connected(project="app", state=State.ERROR)))

    def test_connection(self) -> None:
        """A connection that is not there is told with when it is tried next, which is never in the past."""
        waiting = Status(Standing(Phase.WAITING), retry_at=5.0)
        self.assertEqual(text_of(waiting, now=2.0).rstrip(), "● no connection, next try in 3 s")
        self.assertEqual(text_of(waiting, now=9.0).rstrip(), "● no connection, next try now")
        self.assertEqual(text_of(Status(), unicode=False).rstrip(), "* connecting")
        self.assertEqual(text_of(Status(Standing(Phase.CLOSED))).rstrip(), "● not connected")

    def test_hint(self) -> None:
        """A hint takes the place of all that is less pressing."""
        line = text_of(connected(project="app", mode="plan", cost_usd=1.5, hint="Ctrl-D leaves."))
        self.assertTrue(line.endswith("  Ctrl-D leaves."))
        self.assertNotIn("plans", line)

    def test_narrow(self) -> None:
        """With less and less room the figures go first, then the model, the mode, the project's name; what it does
        stays, as long as it can."""
        status = connected(
            project="a-long-name", is_asking=True, mode="plan", model="opus", cost_usd=1.5, total_tokens=1, max_tokens=2
        )
        for width, line in {
            74: "● · a-long-name · waits for you    plans only · opus · $1.50 · 50% context",
            60: "● · a-long-name · waits for you    plans only · opus · $1.50",
            48: "● · a-long-name · waits for you       plans only",
            42: "● · a-long-name · waits for you  plans on…",
            41: "● · a-long-name · waits for you",
            31: "● · a-long-name · waits for you",
            25: "● · a-lo… · waits for you",
            24: "● · a-l… · waits for you",
            23: "● · waits for you",
            16: "● · waits for y…",
        }.items():
            self.assertEqual(text_of(status, width), line)

    def test_wide_name(self) -> None:
        """A name is cut by the cells that it takes."""
        self.assertEqual(text_of(connected(project=WIDE), 20), "● · 宽宽宽宽… · idle")

    def test_context(self) -> None:
        """A conversation that gets full is told in another colour; one of unknown size not at all."""
        styles = []
        for tokens in (70, 71, 90, 91):
            line = connected(total_tokens=tokens, max_tokens=100).line(80, 0.0)
            styles.append(line[-1][0])
        self.assertEqual(styles, ["class:status", "class:status.fair", "class:status.fair", "class:status.bad"])
        self.assertNotIn("context", text_of(connected(total_tokens=5, max_tokens=0)))

    def test_modes(self) -> None:
        """Every mode has its words; one that is not known is told as it is."""
        for mode, words in MODES.items():
            self.assertIn(words, text_of(connected(mode=mode)))
        self.assertIn("new\\x1b", text_of(connected(mode="new\x1b")))

    def test_spelt(self) -> None:
        """A duration is told in the two largest units that it has."""
        told = [spelt(seconds) for seconds in (0, 59.9, 60, 3599, 3600, 7500)]
        self.assertEqual(told, ["0 s", "59 s", "1 m 00 s", "59 m 59 s", "1 h 00 m", "2 h 05 m"])
