# -*- test-case-name: tests.wire.test_permissions -*-
"""What the CLI asks a permission for, read for people: its words are theirs, its JSON stays as it wrote it."""

import msgspec
from attrs import frozen
from msgspec import Raw, Struct

from pocketagent.wire import foreign


@frozen
class Permission:
    """A permission request as clients are shown it. `input` and `suggestions` are JSON as the CLI wrote it."""

    tool_name: str
    display_name: str | None
    input: bytes
    description: str | None
    suggestions: bytes
    tool_use_id: str | None


class _Parts(Struct, gc=False):
    input: Raw = Raw(b"{}")
    permission_suggestions: Raw = Raw(b"[]")


_decode_parts = msgspec.json.Decoder(_Parts).decode


def permission(request: bytes) -> Permission:
    """Read `PermissionAsked.request`; what is missing or of another type than it should be comes as empty."""
    said = foreign.load(request)
    given, suggestions = said.get("input"), said.get("permission_suggestions")
    try:
        parts = _decode_parts(request)
        raw_input, raw_suggestions = bytes(parts.input), bytes(parts.permission_suggestions)
    except foreign.ODD:
        raw_input, raw_suggestions = foreign.dump(given) or b"{}", foreign.dump(suggestions) or b"[]"
    return Permission(
        tool_name=foreign.text(said.get("tool_name")) or "",
        display_name=foreign.text(said.get("display_name")),
        input=raw_input if isinstance(given, dict) else b"{}",
        description=foreign.text(said.get("description")),
        suggestions=raw_suggestions if isinstance(suggestions, list) else b"[]",
        tool_use_id=foreign.text(said.get("tool_use_id")),
    )
