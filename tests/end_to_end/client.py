"""A client of the server on an independent WebSocket library (`websockets`); it blocks, and keeps all that came."""

import base64
import contextlib
import hashlib
import json
import select
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence

from attrs import define, field
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_der_x509_certificate
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

DEADLINE = 60.0
"""Seconds that any one wait may take; well above what is promised, for machines that are busy."""

MESSAGE = 16 * 1024 * 1024 + 8 * 1024
"""Bytes of a server's message that every client accepts (protocol section 1)."""

Message = dict[str, object]


class Refused(Exception):
    """The server answered with an error."""

    def __init__(self, data: Mapping[str, object]) -> None:
        super().__init__(f"{data['code']}: {data['message']}")
        self.code = data["code"]
        self.details = data.get("details")


class TooLate(AssertionError):
    """What was waited for has not come."""


def wait_until(true: Callable[[], object], what: str, deadline: float = DEADLINE, every: float = 0.01) -> None:
    """Ask again until it is true, `every` so many seconds. Raises TooLate."""
    end = time.monotonic() + deadline
    while not true():
        if time.monotonic() > end:
            raise TooLate(f"not within {deadline} s: {what}")
        time.sleep(every)


@define(eq=False)
class Client:
    """One connection: requests get their replies, everything that came is kept in order."""

    socket: ClientConnection
    messages: list[Message] = field(factory=list)
    _heard: int = 0

    def send(self, type: str, **data: object) -> str:
        """Send a request and do not wait; its id."""
        request_id = str(uuid.uuid4())
        self.socket.send(json.dumps({"type": type, "request_id": request_id, "data": data}))
        return request_id

    def request(self, type: str, **data: object) -> Message:
        """Send a request; its reply. Raises Refused."""
        return self.reply(self.send(type, **data))

    def reply(self, request_id: str) -> Message:
        """The reply to a request that was sent. Raises Refused."""
        found = self._find(lambda message: message.get("request_id") == request_id, 0, DEADLINE)[1]
        if found["type"] == "error":
            data = found["data"]
            assert isinstance(data, dict)
            raise Refused(data)
        return found

    def join(self, project_id: str, **data: object) -> Message:
        """Subscribe to a project; the `project_joined`. Raises Refused."""
        request_id = self.send("project_join", project_id=project_id, **data)
        self.reply(request_id)  # the project's state, which comes first

        def is_it(message: Message) -> bool:
            return message.get("request_id") == request_id and message["type"] == "project_joined"

        return self._find(is_it, 0, DEADLINE)[1]

    def wait_for(self, wanted: Callable[[Message], object], deadline: float = DEADLINE) -> Message:
        """The next message, after the one that the last call returned, for which it is true. Raises TooLate."""
        at, found = self._find(wanted, self._heard, deadline)
        self._heard = at + 1
        return found

    def wait_for_state(self, project_id: str, *states: str, deadline: float = DEADLINE) -> Message:
        """The next event that tells of one of these states."""

        def is_one(message: Message) -> bool:
            data = message.get("data")
            is_event = message["type"] == "project_state" and "seq" in message and isinstance(data, dict)
            return is_event and message.get("project_id") == project_id and data["state"] in states  # type: ignore[index]

        return self.wait_for(is_one, deadline)

    def events(self, project_id: str) -> Sequence[Message]:
        """The numbered events of a project that came so far."""
        return [one for one in self.messages if one.get("project_id") == project_id and "seq" in one]

    def history(self, project_id: str) -> Sequence[Message]:
        """All records of a project's journal, oldest first, page by page."""
        records: list[Message] = []
        while True:
            after = int(str(records[-1]["seq"])) if records else 0
            page = self.request("get_messages", project_id=project_id, after_seq=after, order="asc", limit=1000)["data"]
            assert isinstance(page, dict)
            records += page["messages"]
            if not page["has_more"]:
                return records

    def take(self, seconds: float) -> Sequence[Message]:
        """Whatever comes within this time."""
        before = len(self.messages)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                self._receive(left)
            except TimeoutError:
                break
        return self.messages[before:]

    def closed(self, deadline: float = DEADLINE) -> int:
        """Read until the server closes; its close code."""
        end = time.monotonic() + deadline
        try:
            while True:
                self._receive(max(0.0, end - time.monotonic()))
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006
        except TimeoutError:
            raise TooLate(f"the server did not close within {deadline} s") from None

    def close(self) -> None:
        self.socket.close()

    def _find(self, wanted: Callable[[Message], object], at: int, deadline: float) -> tuple[int, Message]:
        end = time.monotonic() + deadline
        while True:
            while at == len(self.messages):
                try:
                    self._receive(max(0.0, end - time.monotonic()))
                except TimeoutError:
                    raise TooLate(f"not within {deadline} s; the last were {self.messages[-3:]}") from None
            if wanted(self.messages[at]):
                return at, self.messages[at]
            at += 1

    def _receive(self, seconds: float) -> None:
        self.messages.append(json.loads(self.socket.recv(seconds)))


class Shared(ssl.SSLSocket):
    """A TLS socket that one thread reads while another one writes.

    Python before 3.13 lets both into OpenSSL at once: of a few hundred connections one lost what was written first.
    """

    def share(self) -> None:
        """From here on nothing blocks inside of OpenSSL."""
        self._turn = threading.Lock()
        self._patience: float | None = DEADLINE
        super().settimeout(0)

    def settimeout(self, value: float | None) -> None:
        if hasattr(self, "_turn"):
            self._patience = value
        else:
            super().settimeout(value)

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        while True:
            with self._turn:
                try:
                    return super().recv(buflen, flags)
                except ssl.SSLWantReadError:
                    pass
            self._wait(select.POLLIN)

    def recv_into(  # type: ignore[override]  # http.client gives it bytearrays
        self, buffer: bytearray, nbytes: int | None = None, flags: int = 0
    ) -> int:
        data = self.recv(nbytes or len(buffer), flags)
        buffer[: len(data)] = data
        return len(data)

    def sendall(self, data: bytes, flags: int = 0) -> None:  # type: ignore[override]  # websockets sends bytes only
        while data:
            with self._turn, contextlib.suppress(ssl.SSLWantWriteError):
                data = data[super().send(data, flags) :]
            if data:
                self._wait(select.POLLOUT)

    def _wait(self, event: int) -> None:
        poll = select.poll()
        poll.register(self, event)
        if not poll.poll(None if self._patience is None else self._patience * 1000):
            raise TimeoutError


class Pinned(ssl.SSLContext):
    """TLS that trusts exactly one key, by the fingerprint that the server prints."""

    def __new__(cls, fingerprint: str) -> "Pinned":
        self = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        self.sslsocket_class = Shared
        self.check_hostname = False
        self.verify_mode = ssl.CERT_NONE
        return self

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint

    def wrap_socket(self, *args: object, **more: object) -> ssl.SSLSocket:
        wrapped = super().wrap_socket(*args, **more)  # type: ignore[arg-type]
        wrapped.settimeout(DEADLINE)
        wrapped.do_handshake()
        certificate = load_der_x509_certificate(wrapped.getpeercert(True) or b"")
        key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        seen = base64.b64encode(hashlib.sha256(key).digest()).decode()
        if seen != self.fingerprint:
            wrapped.close()
            raise ssl.SSLError(f"the server has the key {seen}, not {self.fingerprint}")
        if isinstance(wrapped, Shared):
            wrapped.share()
        return wrapped
