# -*- test-case-name: tests.inbound.test_handshake -*-
"""How a WebSocket is asked for: the upgrade of RFC 6455, and what is spoken on it."""

import base64
import binascii
import re

from attrs import frozen

from pocketagent.domain.refusals import Code
from pocketagent.inbound.call import Call
from pocketagent.inbound.turned_away import TurnedAway, bad_request

MAX_SUBPROTOCOLS = 16
SUBPROTOCOL = "pocketagent.v1"

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)


@frozen
class Upgrade:
    """What a WebSocket needs of the request that it begins with."""

    key: str
    subprotocol: str | None


def upgrade(call: Call) -> Upgrade:
    """A well-formed request for a WebSocket of RFC 6455. Raises TurnedAway (400, 426)."""
    if call.length or "expect" in call.headers:
        raise bad_request("This request takes no body.")
    if call.version != "HTTP/1.1":
        raise bad_request("A WebSocket needs HTTP/1.1.")
    upgrades = [word.lower() for word in call.words("upgrade")]
    if "websocket" not in upgrades or "upgrade" not in [word.lower() for word in call.words("connection")]:
        raise _upgrade_required("Only WebSockets begin here: ask for an upgrade.")
    if call.headers.get("sec-websocket-version", ()) != ["13"]:
        raise _upgrade_required("Only version 13 of WebSocket is spoken here.")
    return Upgrade(_key(call), _subprotocol(call))


def _upgrade_required(message: str) -> TurnedAway:
    headers = [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
    return TurnedAway(426, Code.INVALID_MESSAGE, message, headers)


def _key(call: Call) -> str:
    key = call.only("sec-websocket-key") or ""
    try:
        nonce = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        nonce = b""
    if len(nonce) != 16 or len(key) != 24:
        raise bad_request("Sec-WebSocket-Key is not 16 bytes in base64.")
    return key


def _subprotocol(call: Call) -> str | None:
    if "sec-websocket-protocol" not in call.headers:
        return None
    offered = call.words("sec-websocket-protocol")
    well_formed = all(_TOKEN.fullmatch(word) for word in offered)
    if not well_formed or len(offered) > MAX_SUBPROTOCOLS or len(set(offered)) != len(offered):
        raise bad_request(f"Sec-WebSocket-Protocol is not a list of up to {MAX_SUBPROTOCOLS} different words.")
    return SUBPROTOCOL if SUBPROTOCOL in offered else None
