# -*- test-case-name: tests.domain.test_attachment -*-
"""An attachment: a picture, a document or a text that a prompt may name, and what it must look like to be one."""

import codecs
from collections.abc import Mapping
from enum import StrEnum

from attrs import field, frozen

from pocketagent.domain.refusals import Code, Refusal, invalid

MAX_ATTACHED = 16
"""Attachments of one prompt."""
MAX_TOGETHER = 10 * 1024 * 1024
"""Bytes of one prompt's attachments: as base64, with the prompt, they are one line to the agent."""
MAX_NAME = 128
"""Characters."""

Content = bytes | bytearray
"""The bytes of one, or the buffer that they were read into: they are not copied for being other bytes."""

_PIECE = 64 * 1024


class MediaType(StrEnum):
    """What an attachment may be: all that the Messages API takes."""

    PNG = "image/png"
    JPEG = "image/jpeg"
    GIF = "image/gif"
    WEBP = "image/webp"
    PDF = "application/pdf"
    TEXT = "text/plain"

    @property
    def is_image(self) -> bool:
        return self.value.startswith("image/")


_SUFFIXES: Mapping[MediaType, str] = {
    MediaType.PNG: "png",
    MediaType.JPEG: "jpg",
    MediaType.GIF: "gif",
    MediaType.WEBP: "webp",
    MediaType.PDF: "pdf",
    MediaType.TEXT: "txt",
}


@frozen(kw_only=True)
class Attachment:
    """What is known of one besides its bytes. `id` is a UUID of ours; times as `message.timestamp` makes them."""

    id: str
    name: str
    media_type: MediaType
    size: int
    sha256: str
    created_at: str


@frozen
class Attached:
    """One that a prompt names: what everybody is told of it."""

    id: str
    name: str
    media_type: MediaType
    size: int

    @classmethod
    def of(cls, one: Attachment) -> "Attached":
        return cls(one.id, one.name, one.media_type, one.size)


@frozen
class Enclosure:
    """One on its way to the agent, with its bytes."""

    name: str
    media_type: MediaType
    content: bytes = field(repr=False)


def looks_like(media_type: MediaType, content: Content) -> bool:
    """Whether the bytes are what their sender says that they are. Takes long over a large text: call it in a thread."""
    match media_type:
        case MediaType.PNG:
            return content.startswith(b"\x89PNG\r\n\x1a\n")
        case MediaType.JPEG:
            return content.startswith(b"\xff\xd8\xff")
        case MediaType.GIF:
            return content.startswith((b"GIF87a", b"GIF89a"))
        case MediaType.WEBP:
            return content.startswith(b"RIFF") and content[8:12] == b"WEBP"
        case MediaType.PDF:
            return content.startswith(b"%PDF-")
        case MediaType.TEXT:
            return _is_text(content)


def _is_text(content: Content) -> bool:
    """UTF-8 without NUL, looked at piece by piece: a text as str may be four times as large."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(content), _PIECE):
            decoder.decode(content[start : start + _PIECE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return b"\0" not in content


def harmless(name: str, media_type: MediaType) -> str:
    """A name for people, whatever was sent as one: never a path, nothing that is not seen, and not long."""
    last = name.replace("\\", "/").rpartition("/")[2]
    seen = "".join(letter for letter in last if letter.isprintable()).strip().lstrip(".")
    suffix = _SUFFIXES[media_type]
    if len(seen) > MAX_NAME:
        stem, dot, end = seen.rpartition(".")
        end = dot + end if stem and len(end) < MAX_NAME // 2 else ""
        seen = seen[: MAX_NAME - len(end)] + end
    return seen or f"attachment.{suffix}"


def not_found(attachment_id: str) -> Refusal:
    return Refusal(
        Code.ATTACHMENT_NOT_FOUND,
        "This project has no such attachment: it was never uploaded here, or was removed.",
        attachment_id=attachment_id[:64],
    )


def unknown(attachment_id: str) -> Refusal:
    """What a prompt names and is not there."""
    refusal = invalid("data.attachments", "The project has no such attachment: upload it (again) first.")
    return Refusal(refusal.code, refusal.message, **refusal.details, attachment_id=attachment_id[:64])
