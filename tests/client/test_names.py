"""What `pocketagent.client` offers: see docs/client.md."""

from twisted.trial.unittest import SynchronousTestCase

from pocketagent import client


class NamesTests(SynchronousTestCase):
    def test_each(self) -> None:
        """Every name that is offered is there, seen before it is used, and the same each time; another is not."""
        self.assertLessEqual(set(client.__all__), set(dir(client)))
        for name in client.__all__:
            found = getattr(client, name)
            self.assertEqual(found.__name__, name)
            self.assertIs(getattr(client, name), found)
        self.assertFalse(hasattr(client, "Nothing"))
