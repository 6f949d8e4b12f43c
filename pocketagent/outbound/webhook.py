# -*- test-case-name: tests.outbound.test_webhook -*-
"""Webhooks: signed messages to the owner's own programs, wherever these are."""

import hashlib
import hmac
import os
import stat
from collections.abc import Callable

from attrs import define
from zope.interface import implementer

from pocketagent.domain.notices import Hook, HookMessage
from pocketagent.outbound.disk import Disk, load
from pocketagent.outbound.posting import Post, Whither
from pocketagent.ports import IWebhook, Tried, Verdict

TIMESTAMP, SIGNATURE = "Pocketagent-Timestamp", "Pocketagent-Signature"
DELIVERY, EVENT = "Pocketagent-Delivery", "Pocketagent-Event"

MIN_SECRET, MAX_SECRET = 16, 4096
"""Bytes."""


class WebhookUnusable(Exception):
    """Why a webhook cannot be used: one line for a person, without the URL and the secret."""


def secret_of(path: str, disk: Disk = os) -> bytes:
    """The secret in a file, without the end of its line. Raises WebhookUnusable. Blocks: at the start only."""
    try:
        secret = load(disk, path, MAX_SECRET).strip()
        mode = disk.lstat(path).st_mode
    except OSError as error:
        raise WebhookUnusable(f"webhooks: the secret {path} cannot be read: {error.strerror}.") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise WebhookUnusable(f"webhooks: others may read or write the secret {path}: `chmod 600` it.")
    if len(secret) < MIN_SECRET:
        raise WebhookUnusable(f"webhooks: the secret {path} has less than {MIN_SECRET} bytes.")
    return secret


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over the timestamp, a dot, and the body as it is sent."""
    return "sha256=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


@implementer(IWebhook)
@define(eq=False)
class SignedWebhook:
    """Every try is signed anew, with its own time."""

    _post: Post
    _now: Callable[[], float]
    _user_agent: str

    async def post(self, hook: Hook, message: HookMessage) -> Tried:
        timestamp = str(int(self._now()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": self._user_agent,
            EVENT: message.event.value,
            DELIVERY: message.id,
            TIMESTAMP: timestamp,
            SIGNATURE: signature(hook.secret, timestamp, message.body),
        }
        tried = await self._post.send(hook.url, headers, message.body, Whither.ANYWHERE)
        # A program that is not there today may be there tomorrow: for a webhook nothing is gone for ever.
        return Tried(Verdict.LATER) if tried.verdict is Verdict.GONE else tried
