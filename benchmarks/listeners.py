"""The load generator: many subscribers in one process, pinned to a core of its own.

It is written by hand so that it is never what is measured. Connections are opened with TLS in memory; then all but
the watched ones are only counted: their TLS records are walked by the lengths in their headers and never decrypted.
That is exact, since all subscribers are sent the same bytes: how many of them are a line is known from the watched
ones, which are decrypted and read frame by frame.

As a program it takes one JSON object a line and answers each with one:

    {"do": "connect", "count": 100, "watched": 1, "port": 8443, "tls": true, "request": "GET …", "say": "", "until": ""}
    {"do": "round", "say": "…", "lines": 1000, "times": false}   answers {"ready": true} first, then the figures
    {"do": "close"}
"""

import json
import os
import re
import select
import socket
import ssl
import struct
import sys
import time
from collections.abc import Iterator, Mapping

from attrs import define, field

READ = 1 << 18
QUIET = 0.2
"""Seconds without a byte after which the last round is over."""
PATIENCE = 120.0

LINE = b'"n":'
"""What stands once in every line of a round, and nowhere else."""
STAMP = re.compile(rb'"at": *([0-9]+)')
"""When the child wrote a line: CLOCK_MONOTONIC in nanoseconds, the same clock as ours."""


def frame(text: str) -> bytes:
    """A client's text frame, masked with zeros (which leaves it as it is)."""
    data = text.encode()
    if len(data) < 126:
        return struct.pack("!BB4x", 0x81, 0x80 | len(data)) + data
    return struct.pack("!BBH4x", 0x81, 0x80 | 126, len(data)) + data


@define(eq=False)
class Frames:
    """A server's bytes -> what stood in its frames."""

    _buffer: bytearray = field(factory=bytearray)

    def feed(self, data: bytes) -> Iterator[bytes]:
        buffer = self._buffer
        buffer += data
        at = 0
        size = len(buffer)
        while size - at >= 2:
            length = buffer[at + 1]
            start = at + 2
            if length == 126:
                if size - at < 4:
                    break
                length = int.from_bytes(buffer[at + 2 : at + 4], "big")
                start = at + 4
            elif length == 127:
                if size - at < 10:
                    break
                length = int.from_bytes(buffer[at + 2 : at + 10], "big")
                start = at + 10
            if size - start < length:
                break
            yield bytes(buffer[start : start + length])
            at = start + length
        del buffer[:at]


@define(eq=False)
class Subscriber:
    """One connection. `plain` counts bytes of WebSocket frames, whether they were decrypted or not."""

    stream: socket.socket
    tls: ssl.SSLObject | None
    watched: bool
    coming: ssl.MemoryBIO = field(factory=ssl.MemoryBIO)
    going: ssl.MemoryBIO = field(factory=ssl.MemoryBIO)
    frames: Frames = field(factory=Frames)
    plain: int = 0
    lines: int = 0
    _tail: bytes = b""
    _skip: int = 0
    _header: bytes = b""

    @classmethod
    def open(cls, port: int, tls: bool, watched: bool) -> "Subscriber":
        stream = socket.create_connection(("127.0.0.1", port), PATIENCE)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self = cls(stream, None, watched)
        if tls:
            context = _context()
            self.tls = context.wrap_bio(self.coming, self.going, server_hostname="localhost")
            while True:
                try:
                    self.tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    self._flush()
                    self._more()
            self._flush()
        return self

    def send(self, data: bytes) -> None:
        if self.tls is None:
            self.stream.sendall(data)
        else:
            self.tls.write(data)
            self._flush()

    def receive(self) -> bytes:
        """Wait for some bytes and decrypt them."""
        if self.tls is None:
            data = self.stream.recv(READ)
            if not data:
                raise ConnectionError("the server closed the connection")
            return data
        while True:
            try:
                return self.tls.read(READ)
            except ssl.SSLWantReadError:
                self._more()

    def upgrade(self, request: str, say: str, until: str) -> None:
        """Become a WebSocket, say something, and read up to the message that has `until` in it."""
        self.send(request.encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.receive()
        if not head.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(head.decode(errors="replace"))
        found = list(self.frames.feed(head.partition(b"\r\n\r\n")[2]))
        if say:
            self.send(frame(say))
        while until and not any(until.encode() in message for message in found):
            found = list(self.frames.feed(self.receive()))

    def read(self) -> bytes:
        """What has come, without waiting: decrypted when watched, else counted and dropped. Raises ConnectionError."""
        data = self.stream.recv(READ)
        if not data:
            raise ConnectionError("the server closed a connection in mid-round")
        if self.tls is None:
            self.plain += len(data)
            return data
        if not self.watched:
            self._count(data)
            return b""
        self.coming.write(data)
        parts = []
        while True:
            try:
                parts.append(self.tls.read(READ))
            except ssl.SSLWantReadError:
                break
        found = b"".join(parts)
        self.plain += len(found)
        return found

    def begin(self) -> None:
        """Begin a round: nothing is on its way."""
        self.plain = self.lines = 0
        self._tail = b""
        self.frames = Frames()

    def count(self, data: bytes) -> None:
        """Count the lines in decrypted bytes, also one whose mark lies across two reads."""
        data = self._tail + data
        self.lines += data.count(LINE)
        self._tail = data[-len(LINE) + 1 :]

    def _count(self, data: bytes) -> None:
        """Walk the records of TLS 1.3: 5 bytes of header, then the text, one byte of type and 16 of tag."""
        at = self._skip
        size = len(data)
        if self._header:
            data = self._header + data
            size = len(data)
            at = 0
            self._header = b""
        while at < size:
            if size - at < 5:
                self._header = data[at:]
                at = size
                break
            length = data[at + 3] << 8 | data[at + 4]
            self.plain += length - 17
            at += 5 + length
        self._skip = at - size

    def _flush(self) -> None:
        self.stream.sendall(self.going.read())

    def _more(self) -> None:
        data = self.stream.recv(READ)
        if not data:
            raise ConnectionError("the server closed the connection")
        self.coming.write(data)


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@define(eq=False)
class Audience:
    """All subscribers, and one round after the other."""

    subscribers: dict[int, Subscriber] = field(factory=dict)
    _poll: select.epoll = field(factory=select.epoll)

    def connect(self, count: int, watched: int, port: int, tls: bool, request: str, say: str, until: str) -> None:
        for number in range(count):
            one = Subscriber.open(port, tls, number < watched)
            one.upgrade(request, say, until)
            one.stream.setblocking(False)
            self.subscribers[one.stream.fileno()] = one
            self._poll.register(one.stream, select.EPOLLIN)

    def drain(self) -> None:
        """Read what is left of the round before, until nothing has come for a while."""
        while ready := self._poll.poll(QUIET):
            for fd, _ in ready:
                self.subscribers[fd].read()
        for one in self.subscribers.values():
            one.begin()

    def round(self, say: str, lines: int, times: bool) -> Mapping[str, object]:
        """Read until every watched subscriber has all lines, and all others as many bytes. The figures of it."""
        watched = {fd: one for fd, one in self.subscribers.items() if one.watched}
        latencies: list[int] = []
        first = last = 0
        enough = -1
        cpu = time.process_time()
        if say:
            next(iter(watched.values())).send(frame(say))
        waiting = set(self.subscribers)
        end = time.monotonic() + PATIENCE
        while waiting and time.monotonic() < end:
            for fd, _ in self._poll.poll(1.0):
                one = self.subscribers[fd]
                data = one.read()
                if not one.watched:
                    continue
                last = time.monotonic_ns()
                if not first and (found := STAMP.search(data)):
                    first = int(found[1])
                if times:
                    latencies += [last - int(found[1]) for message in one.frames.feed(data)
                                  if (found := STAMP.search(message))]  # fmt: skip
                one.count(data)
                if one.lines >= lines and fd in waiting:
                    waiting.discard(fd)
                    enough = max(enough, one.plain)
            if enough >= 0:
                waiting -= {fd for fd in waiting if fd not in watched and self.subscribers[fd].plain >= enough}
                last = time.monotonic_ns()
        return {
            "lines": min((one.lines for one in watched.values()), default=0),
            "missing": len(waiting),
            "seconds": (last - first) / 1e9,
            "bytes": enough,
            "cpu": time.process_time() - cpu,
            "latencies": sorted(latencies),
        }

    def close(self) -> None:
        for one in self.subscribers.values():
            self._poll.unregister(one.stream)
            one.stream.close()
        self.subscribers.clear()


def main() -> None:
    audience = Audience()
    for line in sys.stdin:
        order = json.loads(line)
        verb = order.pop("do")
        answer: Mapping[str, object] = {}
        if verb == "connect":
            audience.connect(**order)
        elif verb == "round":
            audience.drain()
            print(json.dumps({"ready": True}), flush=True)
            answer = audience.round(**order)
        elif verb == "close":
            audience.close()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(sys.argv[1])})
    main()
