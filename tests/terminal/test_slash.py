"""Which texts are commands of the terminal's own."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.terminal.slash import OURS, SHORT, Slash, slash


class SlashTests(SynchronousTestCase):
    def test_ours(self) -> None:
        """A command of ours is known with what stands behind it, however it is spaced."""
        for text in ("/mode plan", "  /mode   plan  ", "/mode\tplan", "/mode plan\n"):
            self.assertEqual(slash(text), Slash("/mode", "plan"))
        self.assertEqual(slash("/project my  own app"), Slash("/project", "my  own app"))
        self.assertEqual([slash(name) for name in OURS], [Slash(name, "") for name in OURS])

    def test_short(self) -> None:
        """A short name is the command it stands for."""
        self.assertEqual([slash(name) for name in SHORT], [Slash(name, "") for name in SHORT.values()])

    def test_the_agents(self) -> None:
        """Every other text is meant for the agent: its own commands, a path, several lines, a command in a sentence."""
        for text in (
            "/compact",
            "/modes",
            "/Mode plan",
            "/usr/bin/x",
            "/",
            "",
            "  ",
            "say /help",
            "/help\nme",
            "/ help",
        ):
            self.assertIsNone(slash(text), text)

    @given(st.text())
    def test_anything(self, text: str) -> None:
        """Any text is either."""
        found = slash(text)
        self.assertTrue(found is None or found.name in OURS)
