"""What a permission is asked for is read for people."""

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.wire.permissions import Permission, permission


class PermissionTests(SynchronousTestCase):
    def test_whole(self) -> None:
        """A request is read into what people are shown; input and suggestions stay as the CLI wrote them."""
        request = (
            b'{"subtype":"can_use_tool","tool_name":"Bash","display_name":"Bash!","input":{"n": 1.0},"description":"d",'
            b'"permission_suggestions":[{"a": 1}],"tool_use_id":"toolu_1","requires_user_interaction":true}'
        )
        self.assertEqual(
            permission(request),
            Permission("Bash", "Bash!", b'{"n": 1.0}', "d", b'[{"a": 1}]', "toolu_1"),
        )

    def test_empty(self) -> None:
        """What is missing, or of another type than it should be, comes as empty."""
        nothing = Permission("", None, b"{}", None, b"[]", None)
        wrong = b'{"tool_name":1,"input":[],"display_name":{},"permission_suggestions":{},"tool_use_id":[]}'
        for request in (b"{}", b"[]", b"null", b"", b"\xff", wrong):
            self.assertEqual(permission(request), nothing)

    def test_half_an_emoji(self) -> None:
        """A lone surrogate stays in the input, and is replaced where people are shown text."""
        request = b'{"tool_name":"Write \\ud83d","input":{"text":"\\ud83d"},"permission_suggestions":["\\ud83d"]}'
        self.assertEqual(
            permission(request),
            Permission("Write ?", None, b'{"text":"\\ud83d"}', None, b'["\\ud83d"]', None),
        )
