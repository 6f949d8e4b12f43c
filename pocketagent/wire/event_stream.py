# -*- test-case-name: tests.wire.test_event_stream -*-
"""Server-Sent Events: what a subscriber hears, as the text that the EventSource of browsers reads.

    id: 42
    event: agent_message
    data: {"type":"agent_message","project_id":"…","seq":42,"timestamp":"…","data":{…}}

The data is the message of the WebSocket, letter by letter. What has no `seq` has no id, so that a client that comes
again names the last numbered event that it has seen.
"""

import msgspec

from pocketagent.domain.message import Entry
from pocketagent.ports import IBatch

CONTENT_TYPE = "text/event-stream"
COMMENT = b":\n\n"
"""What is said when there is nothing to say, so that nobody on the way takes the connection for dead."""

_encode = msgspec.json.Encoder().encode


class _About(msgspec.Struct):
    type: str
    project_id: str | None = None


def about(message: bytes) -> tuple[str, str | None]:
    """The type of a message of ours, and the project that it is about."""
    found = msgspec.json.decode(message, type=_About)
    return found.type, found.project_id


def event(name: str, message: bytes) -> bytes:
    """One message without a `seq`."""
    return b"event: %b\ndata: %b\n\n" % (name.encode("ascii"), _on_one_line(message))


def retry(milliseconds: int) -> bytes:
    """How long a client waits before it comes again."""
    return b"retry: %d\n\n" % milliseconds


def closed(code: int, reason: str) -> bytes:
    """The last event where the server ends it, with what would be the close code of a WebSocket."""
    return event("closed", _encode({"code": code, "reason": reason}))


def events(batch: IBatch) -> bytes:
    """A batch, built once for all who hear it."""
    project_id = batch.project_id
    partial = (
        "event: agent_message\n"
        f'data: {{"type":"agent_message","project_id":"{project_id}","timestamp":"{batch.timestamp}","data":'
    ).encode()
    parts: list[bytes] = []
    add = parts.append
    for item in batch.items:
        if isinstance(item, Entry):
            seq, timestamp, _, name, message = item
            add(
                f"id: {seq}\nevent: {name}\n"
                f'data: {{"type":"{name}","project_id":"{project_id}","seq":{seq},"timestamp":"{timestamp}",'
                '"data":'.encode()
            )
        else:
            message = item.message
            add(partial)
        add(_on_one_line(message))
        add(b"}\n\n")
    return b"".join(parts)


def _on_one_line(message: bytes) -> bytes:
    """Messages have no line feed. A carriage return, which ends a line here too, can stand in JSON only as a space."""
    return message.replace(b"\r", b" ") if b"\r" in message else message
