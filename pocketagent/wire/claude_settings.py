# -*- test-case-name: tests.wire.test_claude_settings -*-
"""Which part of a settings file of the CLI could run code: the trust in a project depends on that part alone."""

import msgspec

HARMLESS = frozenset(
    {
        "$schema",
        "alwaysThinkingEnabled",
        "attribution",
        "cleanupPeriodDays",
        "companyAnnouncements",
        "disabledMcpjsonServers",
        "effortLevel",
        "includeCoAuthoredBy",
        "language",
        "model",
        "outputStyle",
        "respectGitignore",
        "spinnerTipsEnabled",
        "theme",
        "verbose",
    }
)
"""Settings that choose words, colours and models, or only switch something off. Every other one counts as code, known
(hooks, env, apiKeyHelper, statusLine, awsAuthRefresh, enabledPlugins …) or not: the next version may know it."""

RULES = frozenset({"allow", "ask", "deny", "defaultMode", "disableBypassPermissionsMode"})
"""What the CLI itself saves of `permissions`: rules, and the mode, which the server sets before every prompt. Other
directories count: their skills are read."""

MAX_PARSED = 512 * 1024
"""Bytes: what is longer counts whole, unread."""

_PERMISSIONS = "permissions"


def code(settings: bytes) -> bytes:
    """The part that could run code, in one form however it is written; empty where there is none.

    What is no plain JSON object counts whole: the CLI may read it more kindly than we do.
    """
    if len(settings) > MAX_PARSED:
        return settings
    try:
        # Strict, and the last of two equal keys wins, as in JavaScript: what this accepts, the CLI reads alike.
        found = msgspec.json.decode(settings, type=dict[str, object])
        left = {key: value for key, value in found.items() if key not in HARMLESS and value not in ({}, [])}
        permissions = left.get(_PERMISSIONS)
        if isinstance(permissions, dict):
            others = {key: value for key, value in permissions.items() if key not in RULES and value not in ({}, [])}
            left = {key: value for key, value in left.items() if key != _PERMISSIONS}
            left |= {_PERMISSIONS: others} if others else {}
        return msgspec.json.encode(left, order="deterministic") if left else b""
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return settings or b" "
