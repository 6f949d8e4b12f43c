"""A child's complaints are shown without the secrets that it was handed."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.outbound.agent.masking import SHOWN, secrets, tail


class MaskingTests(SynchronousTestCase):
    def test_which(self) -> None:
        """Secrets are the values of names that sound like one, passwords in addresses, and all texts of an MCP
        configuration; what is short is a word, not a secret."""
        environment = {
            "ANTHROPIC_API_KEY": "sk-ant-1",
            "CLAUDE_CODE_OAUTH_TOKEN": "token-22",
            "ANTHROPIC_CUSTOM_HEADERS": "Authorization: x",
            "HTTPS_PROXY": "http://me:hunter22@proxy:8080",
            "ANTHROPIC_AUTH_TOKEN": "short",
            "HOME": "/home/somebody",
        }
        config = '{"mcpServers":{"x":{"args":["--pass","from-args"],"env":{"A":"from-env"}}}}'
        found = {"sk-ant-1", "token-22", "Authorization: x", "hunter22"}
        self.assertEqual(set(secrets(environment, None)), found)
        self.assertEqual(set(secrets(environment, config)), found | {"--pass", "from-args", "from-env"})
        self.assertEqual(secrets({}, "no json"), ["no json"])

    def test_longest_first(self) -> None:
        """A secret that holds another one is masked whole."""
        hidden = secrets({"A_KEY": "secret", "B_KEY": "secret-and-more"}, None)
        self.assertEqual(tail(b"x secret-and-more secret", hidden), "x *** ***")

    @settings(deadline=None)
    @given(st.binary(max_size=4 * SHOWN), st.integers(0, SHOWN))
    def test_bound(self, stderr: bytes, repeat: int) -> None:
        """It is the last 2 KiB at most, and valid UTF-8, whatever the child wrote."""
        shown = tail(stderr + b"\xf0\x9f\x91\xa9" * repeat, ())
        self.assertLessEqual(len(shown.encode()), SHOWN)

    def test_masked_before_it_is_cut(self) -> None:
        """A secret at the edge is not shown by half."""
        shown = tail(b"secret-one" + b"x" * (SHOWN - 4), ["secret-one"])
        self.assertNotIn("one", shown)
