"""Attachments on HTTP: what is known of them -> bodies of answers."""

from collections.abc import Sequence

import msgspec

from pocketagent.domain.attachment import Attachment


class AttachmentList(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `GET /api/v1/projects/ID/attachments`: the oldest first."""

    attachments: Sequence[Attachment]
    total: int


def one(attachment: Attachment) -> bytes:
    return msgspec.json.encode(attachment)


def several(attachments: Sequence[Attachment]) -> bytes:
    return msgspec.json.encode(AttachmentList(attachments=attachments, total=len(attachments)))
