"""A load generator for HTTP: some connections over TLS that stay, one request under way on each, pinned to a core.

It is written by hand so that it is never what is measured: the answers of a round are all of one length, which the
first one tells, so nothing is parsed but their first line. As a program it takes one JSON object a line and answers
each with one:

    {"do": "connect", "count": 16, "port": 8443}
    {"do": "round", "request": "GET …", "status": 200, "requests": 1000}
    {"do": "close"}
"""

import json
import os
import select
import socket
import ssl
import sys
import time
from collections.abc import Mapping

from attrs import define, field

READ = 1 << 16
PATIENCE = 60.0


@define(eq=False)
class Asker:
    """One connection. `size`: of a whole answer, once known."""

    socket: ssl.SSLSocket
    heard: bytearray = field(factory=bytearray)

    @classmethod
    def connected(cls, port: int, context: ssl.SSLContext) -> "Asker":
        plain = socket.create_connection(("127.0.0.1", port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        secure = context.wrap_socket(plain)
        return cls(secure)

    def whole(self) -> int:
        """How long an answer is, of which enough was heard; 0 else."""
        head, mark, _ = bytes(self.heard).partition(b"\r\n\r\n")
        if not mark:
            return 0
        lines = head.lower().split(b"\r\n")
        length = next(int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length"))
        return len(head) + 4 + length


def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def a_round(askers: Mapping[int, Asker], request: bytes, status: int, requests: int) -> Mapping[str, float]:
    """So many requests over all connections. Raises RuntimeError at an answer with another status."""
    poll = select.epoll()
    begins = b"HTTP/1.1 %d " % status
    asked = answered = size = 0
    cpu, began = time.process_time(), time.monotonic()
    for fd, one in askers.items():
        poll.register(fd, select.EPOLLIN)
        one.socket.sendall(request)
        asked += 1
    while answered < requests:
        ready = poll.poll(PATIENCE)
        if not ready:
            raise RuntimeError(f"no answer for {PATIENCE} s")
        for fd, _ in ready:
            one = askers[fd]
            data = one.socket.recv(READ)
            if not data:
                raise RuntimeError(f"the server has closed a connection after {answered} answers")
            heard = one.heard
            heard += data
            size = size or one.whole()
            if not size or len(heard) < size:
                continue
            if not heard.startswith(begins) or len(heard) != size:
                raise RuntimeError(f"not what was expected: {bytes(heard[:500])!r}")
            heard.clear()
            answered += 1
            if asked < requests:
                one.socket.sendall(request)
                asked += 1
    took = time.monotonic() - began
    poll.close()
    return {"requests": requests, "seconds": took, "cpu": time.process_time() - cpu}


def main() -> None:
    os.sched_setaffinity(0, {int(sys.argv[1])})
    askers: dict[int, Asker] = {}
    for line in sys.stdin:
        order = json.loads(line)
        answer: Mapping[str, float] = {}
        if order["do"] == "connect":
            context = trusting()
            made = [Asker.connected(order["port"], context) for _ in range(order["count"])]
            askers = {one.socket.fileno(): one for one in made}
        elif order["do"] == "round":
            answer = a_round(askers, order["request"].encode(), order["status"], order["requests"])
        else:
            for one in askers.values():
                one.socket.close()
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
