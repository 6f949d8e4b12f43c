# -*- test-case-name: tests.cli.doctor.test_port -*-
"""The port: free for the server, or taken, and then by whom."""

import json
import re
import socket
import ssl
import time
from collections.abc import Sequence

from attrs import frozen
from cryptography import x509

from pocketagent.cli.doctor.finding import Finding, ok, problem, warning
from pocketagent.cli.doctor.running import Running
from pocketagent.domain.replies import Condition
from pocketagent.listening import PortTaken, bind
from pocketagent.outbound.certificates import fingerprint
from pocketagent.sources import CannotStart
from pocketagent.surroundings import listens_on_all

DEADLINE = 5.0
"""Seconds for the whole of an answer."""
MOST = 16 * 1024
"""Bytes of an answer."""

REQUEST = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@frozen
class Answer:
    """What a Pocket Agent Server says of its health, and the fingerprint that it shows; empty without TLS."""

    condition: Condition
    fingerprint: str


def examine(hosts: Sequence[str], port: int, plaintext: bool, running: Running | None, expected: str | None) -> Finding:
    """`expected` is the fingerprint of the server's certificate, None where there is no certificate yet."""
    if port == 0:
        return ok("port", "the server takes a free one at each start")
    try:
        # Listened on for a moment: as long as that takes, somebody who connects is not answered.
        bind(hosts, port).close()
    except PortTaken as taken:
        answer = ask("127.0.0.1" if listens_on_all(hosts) else hosts[0], port, plaintext)
        return _taken(port, answer, running, expected, str(taken))
    except CannotStart as fault:
        return problem("port", str(fault).rstrip("."), _advice(hosts, str(fault)))
    if running is not None:
        return warning(
            "port",
            f"a server runs{running.name}, but nobody listens on {port}: it has other settings than these",
            "pocketagent doctor --config FILE    (or the same options and variables as the server's)",
        )
    return ok("port", f"{port} is free")


def _taken(port: int, answer: Answer | None, running: Running | None, expected: str | None, words: str) -> Finding:
    find = f"ss -ltnp 'sport = :{port}'    (who it is; or choose another with --port)"
    if answer is None:
        if running is not None:
            words = f"a server runs{running.name}, but on {port} nobody answers as one within {DEADLINE:g} s"
            return problem("port", words, f"{find.partition(';')[0]}; is it busy, or another program?)")
        return problem("port", f"{words.partition(':')[0]} by another program", find)
    if running is None:
        return problem("port", f"{port} is taken by a server with another data directory", find)
    if expected is not None and answer.fingerprint not in ("", expected):
        words = f"the server on {port} shows another certificate than the one in the files"
        return warning("port", words, f"{find.partition(';')[0]}; if it is ours: systemctl reload pocketagent)")
    words = f"{port}: our server answers, {answer.condition.value}"
    if answer.condition is Condition.HEALTHY:
        return ok("port", words)
    finding = problem if answer.condition is Condition.UNHEALTHY else warning
    return finding("port", words, "journalctl -u pocketagent    (its log says why, and so does `health_check`)")


def _advice(hosts: Sequence[str], fault: str) -> str:
    if "ordinary users" in fault:
        return "--port 8443    (or any other from 1024 on)"
    return f"ip -brief address    (this machine's; --host says {', '.join(hosts)})"


# -- the question -------------------------------------------------------------------------------------------


def ask(host: str, port: int, plaintext: bool) -> Answer | None:
    """Ask who listens there for its health. None where the answer is not one of ours, or takes too long."""
    end = time.monotonic() + DEADLINE
    try:
        with socket.create_connection((host, port), DEADLINE) as stream:
            if plaintext:
                return _answer(_exchange(stream, end), "")
            # Whoever it is: only its fingerprint is looked at, and nothing secret is said.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with context.wrap_socket(stream) as secure:
                shown = secure.getpeercert(binary_form=True) or b""
                return _answer(_exchange(secure, end), fingerprint(x509.load_der_x509_certificate(shown)))
    except (OSError, ValueError):
        return None


def _exchange(stream: socket.socket, end: float) -> bytes:
    stream.sendall(REQUEST)
    said = b""
    while len(said) < MOST and (left := end - time.monotonic()) > 0:
        stream.settimeout(left)
        piece = stream.recv(MOST)
        if not piece:
            break
        said += piece
    return said


def _answer(said: bytes, shown: str) -> Answer | None:
    head, _, body = said.partition(b"\r\n\r\n")
    if not re.match(rb"HTTP/1\.1 (200|503) ", head):
        return None
    try:
        found = json.loads(body)
        return Answer(Condition(found["status"]), shown)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
