# -*- test-case-name: tests.client.test_pairing -*-
"""A link of `pocketagent pair` -> the token of this device; the code is sent to no other server than the link's."""

import json

from attrs import frozen

from pocketagent.client.exchange import MAX_ANSWER, Asked, post
from pocketagent.client.link import OPEN_TIMEOUT
from pocketagent.client.problems import Problem, TurnedAway, Unreachable
from pocketagent.client.server import address
from pocketagent.domain.access import TOKEN
from pocketagent.wire.links import Link

PATH = "/api/v1/pair"

_STRANGER = (
    "What answers at {url} has the key {seen}, the link names {named}: somebody stands between you and your server, or "
    "the link is that of another one. Nothing was sent."
)


@frozen
class Paired:
    """What a device was given. `scope` is what it may do: `read`, `execute`, `admin`, and so on."""

    token: str
    name: str
    scope: str


def pair(link: Link, name: str, ca: str | None = None, timeout: float = OPEN_TIMEOUT) -> Paired:
    """Exchange the code for a token; `name` is what this device calls itself. Blocks.

    The server is known by the fingerprint of the link; where that has none by `ca`, a file of PEM certificates, or by
    the system's authorities. Raises NotMyServer before anything is said to another; Unreachable, TurnedAway, Problem.
    """
    asked = Asked(
        url=address(link.origin),
        path=PATH,
        body=json.dumps({"code": link.code, "name": name}).encode(),
        headers={"Content-Type": "application/json"},
        fingerprint=link.fingerprint,
        ca=ca,
        stranger=_STRANGER.format(named=link.fingerprint, seen="{seen}", url="{url}"),
        timeout=timeout,
    )
    return _understood(*post(asked))


def _understood(status: int, body: bytes) -> Paired:
    try:
        said = json.loads(body) if len(body) <= MAX_ANSWER else {}
        if status == 201:
            paired = Paired(said["token"], said["device"]["name"], said["device"]["scope"])
            if TOKEN.fullmatch(paired.token):
                return paired
        message, details = str(said["data"]["message"]), said["data"]["details"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Unreachable(f"What answers there is not a Pocket Agent Server (HTTP status {status}).") from None
    if status in (429, 503):
        raise Unreachable(message)
    if status in (401, 403, 421):
        raise TurnedAway(message, str(details.get("reason", "")))
    raise Problem(message)
