# -*- test-case-name: tests.client.test_attaching -*-
"""A file -> an attachment of a project, which its prompts may name. Over HTTP, with the same key and the same token."""

import json
from pathlib import PurePath
from urllib.parse import quote

from pocketagent.client.exchange import MAX_ANSWER, Asked, post
from pocketagent.client.problems import Problem, TurnedAway, Unreachable
from pocketagent.client.server import Server
from pocketagent.domain.attachment import MediaType, looks_like
from pocketagent.domain.fields import is_uuid
from pocketagent.domain.refusals import Code, Refusal

TIMEOUT = 60.0
"""Seconds without a sign of the other side."""

_STRANGER = "What answers at {url} has the key {seen}, and not that of your server. Nothing was sent."


def attach(server: Server, project_id: str, content: bytes, name: str = "", media_type: MediaType | None = None) -> str:
    """Upload it; its id. Blocks. `media_type`: by what stands in it, where that is not said.

    Raises Refusal as the server says, or where it is nothing that can be one; NotMyServer, TurnedAway, Unreachable,
    Problem.
    """
    if not is_uuid(project_id):
        raise Problem("That is not the id of a project.")
    asked = Asked(
        url=server.url,
        path=f"/api/v1/projects/{project_id}/attachments",
        body=content,
        headers={
            "Authorization": f"Bearer {server.token}",
            "Content-Type": (media_type or media_type_of(content)).value,
            "Attachment-Name": quote(PurePath(name).name[:256], safe="", errors="replace"),
        },
        fingerprint=server.fingerprint,
        ca=server.ca,
        stranger=_STRANGER,
        timeout=TIMEOUT,
    )
    return _understood(*post(asked))


def media_type_of(content: bytes) -> MediaType:
    """What it is, by what stands in it. Raises Refusal(INVALID_MESSAGE)."""
    for media_type in MediaType:
        if looks_like(media_type, content):
            return media_type
    raise Refusal(Code.INVALID_MESSAGE, "It is no PNG, JPEG, GIF or WebP picture, no PDF and no text in UTF-8.")


def _understood(status: int, body: bytes) -> str:
    try:
        said = json.loads(body) if len(body) <= MAX_ANSWER else {}
        if status == 201 and is_uuid(said["id"]):
            return str(said["id"])
        message, code, details = str(said["data"]["message"]), said["data"]["code"], said["data"]["details"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Unreachable(f"What answers there is not a Pocket Agent Server (HTTP status {status}).") from None
    if status in (401, 421):
        raise TurnedAway(message, str(details.get("reason", "")))
    if code in set(Code):
        raise Refusal(Code(code), message, **details)
    raise Problem(message)
