"""Frames of WebSockets, made and read by hand, so that no library has to agree with us."""

import json
import struct
from collections.abc import Mapping

Message = Mapping[str, object]


def texts(data: bytes) -> list[Message]:
    """The messages in a run of text frames."""
    found = []
    while data:
        size, head = data[1], 2
        if size == 126:
            size, head = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, head = int.from_bytes(data[2:10], "big"), 10
        assert data[0] == 0x81, data[:20]
        found.append(json.loads(data[head : head + size]))
        data = data[head + size :]
    return found


def frame(
    payload: bytes = b"",
    opcode: int = 1,
    *,
    fin: bool = True,
    rsv: int = 0,
    masked: bool = True,
    size: int | None = None,
    mask: bytes = b"\0\0\0\0",
) -> bytes:
    """A client's frame; `size`: what its header announces."""
    size = len(payload) if size is None else size
    first, bit = fin << 7 | rsv << 4 | opcode, masked << 7
    if size < 126:
        head = struct.pack("!BB", first, bit | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, bit | 127, size)
    if not masked:
        return head + payload
    return head + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
