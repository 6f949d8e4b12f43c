# -*- test-case-name: tests.wire.test_links -*-
"""The link that a pairing is handed on by, as a text or a picture: `https://my.host:8443/#pair=pair_5e…&key=kJ8…`."""

import re
from urllib.parse import parse_qsl, quote, urlsplit

from attrs import field, frozen

from pocketagent.domain.pairing import CODE

MAX_LINK = 2048
"""Characters: a name of 253, and what else stands in a link."""

_FINGERPRINT = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@frozen
class Link:
    """Where to go (`https://HOST:PORT`, `http://` only to this machine), whose key must be there, and the code.

    `fingerprint` is SHA-256 of the key, in base64 as the server prints it; None where nobody knows it: without TLS, and
    behind a proxy. All but the address stands in the fragment, which no browser sends and no server logs.
    """

    origin: str
    code: str = field(repr=False)
    fingerprint: str | None

    def __str__(self) -> str:
        key = (self.fingerprint or "").rstrip("=").replace("+", "-").replace("/", "_")
        return f"{self.origin}/#pair={self.code}{f'&key={key}' if key else ''}"


def is_link(text: str) -> bool:
    """Whether this is meant as a link, good or not: an address has no fragment."""
    return "#" in text


def read_link(text: str) -> Link:
    """What stands in a link. Raises ValueError with a sentence that does not repeat the code."""
    problem = ValueError("That is no link of `pocketagent pair`: copy it whole, from https:// to its end.")
    text = text.strip()
    if len(text) > MAX_LINK:
        raise problem
    try:
        parts = urlsplit(text)
        said = dict(parse_qsl(parts.fragment, strict_parsing=True, max_num_fields=8))
    except ValueError:
        raise problem from None
    key = said.get("key")
    good_key = key is None or _FINGERPRINT.fullmatch(key)
    if parts.scheme not in ("https", "http") or not CODE.fullmatch(said.get("pair", "")) or not good_key:
        raise problem
    if parts.query or parts.path not in ("", "/") or parts.username is not None:
        raise problem
    fingerprint = key and key.replace("-", "+").replace("_", "/") + "="
    return Link(f"{parts.scheme}://{parts.netloc}", said["pair"], fingerprint)


def origin(name: str, port: int, is_secure: bool = True) -> str:
    """The address of a server under one of its names."""
    host = f"[{name}]" if ":" in name else quote(name)
    return f"{'https' if is_secure else 'http'}://{host}:{port}"
