"""A client of HTTP on a connection that stays, written by hand: raw bytes out, answers in."""

import json
from collections.abc import Sequence

from attrs import frozen
from twisted.internet.interfaces import IListeningPort

from pocketagent.inbound.call import Call
from tests.inbound.house import TOKEN, Talk, connected, number


@frozen
class Heard:
    """An answer of HTTP, read."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes

    @classmethod
    def of(cls, data: bytes) -> "Heard":
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("ascii").split("\r\n")
        headers = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines)]
        return cls(int(first.split(" ")[1]), headers, body)

    @property
    def error(self) -> dict[str, object]:
        message = json.loads(self.body)
        assert message["type"] == "error", message
        data: dict[str, object] = message["data"]
        return data

    @property
    def code(self) -> object:
        return self.error["code"]

    @property
    def json(self) -> dict[str, object]:
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name)

    @property
    def is_last(self) -> bool:
        return (self.header("connection") or "").startswith("close")


def written(
    method: str,
    target: str,
    body: object = None,
    *,
    port: int = 0,
    token: str | None = TOKEN,
    without: Sequence[str] = (),
    extra: Sequence[str] = (),
    **headers: str,
) -> bytes:
    """A request as bytes. `body`: bytes as they are, all else as JSON. Names of headers with `_` for `-`."""
    found: dict[str, str] = {"host": f"localhost:{port}"}
    data = b""
    if token is not None:
        found["authorization"] = f"Bearer {token}"
    if body is not None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        found |= {"content_type": "application/json", "content_length": str(len(data))}
    found |= headers
    lines = [f"{method} {target} HTTP/1.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in found.items() if name not in without]
    return "\r\n".join([*lines, *extra, "", ""]).encode("latin-1") + data


class Asking:
    """One connection; answers are taken in the order in which they come."""

    def __init__(self, talk: Talk, port: int) -> None:
        self.talk = talk
        self.port = port
        self._read = 0

    @classmethod
    async def of(cls, port: IListeningPort) -> "Asking":
        return cls(await connected(port), number(port))

    async def ask(self, method: str, target: str, body: object = None, **more: object) -> Heard:
        self.talk.say(written(method, target, body, port=self.port, **more))  # type: ignore[arg-type]
        return await self.heard(method == "HEAD")

    async def heard(self, bodiless: bool = False) -> Heard:
        """The next answer."""
        await self.talk.until(lambda: b"\r\n\r\n" in self._rest or self.talk.is_over)
        head, mark, _ = self._rest.partition(b"\r\n\r\n")
        assert mark, self.talk.heard
        answer = Heard.of(head + mark)
        size = 0 if bodiless else int(answer.header("content-length") or 0)
        whole = len(head) + 4 + size
        await self.talk.until(lambda: len(self._rest) >= whole or self.talk.is_over)
        body = self._rest[len(head) + 4 : whole]
        assert len(body) == size, self.talk.heard
        self._read += whole
        return Heard(answer.status, answer.headers, body)

    @property
    def _rest(self) -> bytes:
        return self.talk.heard[self._read :]

    @property
    def has_more(self) -> bool:
        return bool(self._rest)

    def leave(self) -> None:
        self.talk.leave()


def call(target: str = "/ws", /, **headers: str | list[str]) -> Call:
    """A request as it was read: a header that stands twice is a list."""
    return Call(
        "GET",
        target,
        "HTTP/1.1",
        {name.replace("_", "-"): [value] if isinstance(value, str) else value for name, value in headers.items()},
    )
