# -*- test-case-name: tests.inbound.test_call -*-
"""A request, its body aside: its head read line by line.

Stricter than RFC 9112 where two readers of one request could understand it in two ways.
"""

import re
from collections.abc import Mapping, Sequence

from attrs import define, field, frozen

from pocketagent.domain.refusals import Code
from pocketagent.inbound.turned_away import TurnedAway, bad_request

MAX_HEAD = 16 * 1024
"""Bytes of the request line and the headers together (threats 3.2)."""
MAX_HEADERS = 100

_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) (HTTP/1\.[01])")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t\x20-\x7e]*)")
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)


def head_too_large() -> TurnedAway:
    return TurnedAway(
        431,
        Code.INVALID_MESSAGE,
        f"The request has more than {MAX_HEADERS} headers, or more than {MAX_HEAD} bytes before its end.",
    )


@define
class Head:
    """The lines of one request up to the blank one, judged as they come."""

    size: int = 0
    _lines: int = 0
    _first: Sequence[bytes] = ()
    _headers: dict[str, list[str]] = field(factory=dict)

    def add(self, line: bytes) -> bool:
        """Judge the next line, without its CRLF; whether it was the last. Raises TurnedAway (400, 431)."""
        self.size += len(line) + 2
        self._lines += 1
        if self.size > MAX_HEAD or (line and self._lines > 1 + MAX_HEADERS):
            raise head_too_large()
        if self._lines == 1:
            found = _REQUEST_LINE.fullmatch(line)
            if found is None:
                raise bad_request("The first line is no request of HTTP/1.1.")
            self._first = found.groups()
            return False
        if not line:
            return True
        found = _HEADER.fullmatch(line)
        if found is None:
            raise bad_request("A header has no name, is folded, or holds a character that is not printable ASCII.")
        name, value = found.groups()
        self._headers.setdefault(name.decode("ascii").lower(), []).append(value.decode("ascii").strip(" \t"))
        return False

    def call(self) -> "Call":
        """The request, once its last line came. Raises TurnedAway (400) where its body could be read in two ways."""
        method, target, version = (word.decode("ascii") for word in self._first)
        return Call(method, target, version, self._headers, _length(self._headers))


def _length(headers: Mapping[str, Sequence[str]]) -> int:
    """How long the body is, which only one Content-Length tells (RE-07)."""
    if "transfer-encoding" in headers:
        raise bad_request("A body comes with its Content-Length here, never in a Transfer-Encoding.")
    lengths = headers.get("content-length")
    if lengths is None:
        return 0
    if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
        raise bad_request("The Content-Length is not one number of bytes.")
    return int(lengths[0])


@frozen
class Call:
    """A request, its body aside. `headers` by lower-case name, each with all of its values; `length` of the body."""

    method: str
    target: str
    version: str
    headers: Mapping[str, Sequence[str]] = field(repr=False)
    length: int = 0

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def only(self, name: str) -> str | None:
        """The value of a header that may stand once. Raises TurnedAway (400) where it stands twice."""
        values = self.headers.get(name, ())
        if len(values) > 1:
            raise bad_request(f"The header {name!r} stands twice.")
        return values[0] if values else None

    def words(self, name: str) -> Sequence[str]:
        """The items of a header that is a list."""
        return [word.strip(" \t") for value in self.headers.get(name, ()) for word in value.split(",")]
