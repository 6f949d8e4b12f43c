"""What of the CLI's settings could run code."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.wire.claude_settings import HARMLESS, MAX_PARSED, code

HOOKS = {"SessionStart": [{"hooks": [{"type": "command", "command": "touch /tmp/ran"}]}]}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def written(value: object) -> bytes:
    return json.dumps(value).encode()


class CodeTests(SynchronousTestCase):
    """The fingerprint of a project rests on what this returns."""

    def test_harmless(self) -> None:
        """Settings that choose words and models, and rules that the CLI saves, are no code."""
        rules = {"allow": ["Bash(npm test)"], "deny": [], "ask": ["Edit"], "defaultMode": "acceptEdits"}
        self.assertEqual(code(written({"permissions": rules})), b"")
        self.assertEqual(code(written({**dict.fromkeys(HARMLESS, "x"), "permissions": rules})), b"")
        self.assertEqual(code(b"{}"), b"")
        self.assertEqual(code(written({"hooks": {}, "enabledMcpjsonServers": []})), b"")

    def test_code(self) -> None:
        """Each setting that can run something counts, and so does one that nobody knows."""
        for key, value in {
            "hooks": HOOKS,
            "apiKeyHelper": "sh -c x",
            "env": {"PATH": "/evil"},
            "statusLine": {"type": "command", "command": "x"},
            "awsAuthRefresh": "x",
            "awsCredentialExport": "x",
            "otelHeadersHelper": "x",
            "enabledPlugins": {"a@b": True},
            "extraKnownMarketplaces": {"b": {}},
            "enableAllProjectMcpServers": True,
            "enabledMcpjsonServers": ["x"],
            "inventedTomorrow": "x",
            "disableAllHooks": False,
            "__proto__": {"hooks": HOOKS},
            "Model": "x",
            "": "x",
        }.items():
            self.assertIn(json.dumps(key).encode(), code(written({key: value, "model": "opus"})))

    def test_permissions(self) -> None:
        """Of `permissions` only the rules and the mode are harmless: other directories bring their skills along."""
        for permissions in ({"additionalDirectories": ["/tmp"]}, {"new": 1}, ["allow"], "all", True):
            self.assertNotEqual(code(written({"permissions": permissions})), b"", permissions)
        self.assertEqual(code(written({"permissions": {"additionalDirectories": []}})), b"")

    def test_rules_do_not_change_it(self) -> None:
        """A rule more, another order or other blanks leave it as it is; another hook does not."""
        before = code(written({"hooks": HOOKS, "env": {"A": "1", "B": "2"}}))
        after = {"model": "x", "env": {"B": "2", "A": "1"}, "permissions": {"allow": ["Bash(ls)"]}, "hooks": HOOKS}
        self.assertEqual(code(json.dumps(after, indent=4).encode()), before)
        self.assertNotEqual(code(written({"hooks": HOOKS, "env": {"A": "1", "B": "3"}})), before)

    def test_not_plain(self) -> None:
        """What is no plain JSON object counts whole: comments, a byte order mark, another encoding, a list, depth,
        size; so does an empty file."""
        hooks = written({"hooks": HOOKS})
        for text in (
            b"// comment\n" + hooks,
            b"\xef\xbb\xbf" + hooks,
            '{"hooks": {}}'.encode("utf-16"),
            b"[" + hooks + b"]",
            hooks[:-1],
            b'{"model": NaN}',
            b'{"model": "\xff"}',
            b'{"model": ' + b"[" * 50_000,
            b'{"model": "' + b"x" * MAX_PARSED + b'"}',
            b"null",
        ):
            self.assertEqual(code(text), text)
        self.assertNotEqual(code(b""), b"")

    def test_equal_keys(self) -> None:
        """Of two equal keys the last counts, as for the CLI."""
        hooks = written(HOOKS)
        self.assertEqual(code(b'{"hooks": %s, "hooks": {}}' % hooks), b"")
        self.assertEqual(code(b'{"hooks": {}, "hooks": %s}' % hooks), code(b'{"hooks": %s}' % hooks))

    @settings(deadline=None)
    @given(st.dictionaries(st.text(max_size=5), JSON, max_size=4))
    def test_any_other_key_counts(self, found: dict[str, object]) -> None:
        """Whatever stands under a key that is not known to be harmless is in the result, unchanged."""
        result = code(written(found))
        kept = json.loads(result) if result else {}
        counting = {
            key: value
            for key, value in found.items()
            if key not in HARMLESS and key != "permissions" and value != {} and value != []
        }
        self.assertEqual(kept, counting)

    @settings(deadline=None)
    @given(st.binary(max_size=100))
    def test_any_bytes(self, text: bytes) -> None:
        """No bytes bring an exception."""
        code(text)
