"""What kind of client a device is, by its own word."""

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.sighting import MAX_CLIENT, client_of


class ClientTests(SynchronousTestCase):
    """The beginning of a User-Agent, made harmless."""

    def test_kinds(self) -> None:
        """Every browser says it is Mozilla; a program says its name; who says nothing is unknown."""
        for said, kind in (
            ("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", "browser"),
            ("pocketagent/0.1.0", "pocketagent"),
            ("Python-urllib/3.11", "python-urllib"),
            ("curl", "curl"),
            (None, "unknown"),
            ("", "unknown"),
            ("\x1b[31mred", "unknown"),
            ("(comment)", "unknown"),
        ):
            self.assertEqual(client_of(said), kind, said)

    def test_bounded(self) -> None:
        """No more of it is kept than a word."""
        self.assertEqual(client_of("x" * 10_000), "x" * MAX_CLIENT)
