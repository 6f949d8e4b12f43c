# -*- test-case-name: tests.test_logs -*-
"""How a credential looks in a text, so that none is ever written down."""

import re

SECRET = re.compile(
    r"""
    (?P<device>       pac?_[0-9a-f]{16}_          )  [0-9a-f]+
    | (?P<pairing> \b pair_                      )  [0-9a-f]{8,}
    | (?P<bearer>  \b bearer\s+                   )  [^\s"',;]+
    | (?P<query>   [?&#][a-z_]*(?:token|code|key|secret)= )  [^&\s"']+
    | (?P<header>  \b (?:authorization|cookie|x-api-key)["']?\s*[:=]\s*["']? )  [^\r\n"']+
    | (?P<api_key>    sk-ant-                     )  [a-z0-9_-]+
    """,
    re.IGNORECASE | re.VERBOSE | re.ASCII,
)
"""A group holds what is left of it so that a person can tell what it was."""

MASK = "[masked]"


def masked(text: str) -> str:
    """The text with every credential in it made useless. To be called before anything is cut: half a token is no longer
    known as one."""
    return SECRET.sub(lambda found: "".join(filter(None, found.groups())) + MASK, text)
