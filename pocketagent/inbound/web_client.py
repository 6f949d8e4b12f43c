# -*- test-case-name: tests.inbound.test_web_client -*-
"""The web client's files, for everybody who asks: nothing in them is secret. Exact paths, from memory.

Its views are behind the `#` of one page, so `/` is the only one.
"""

import gzip
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath

from attrs import frozen

from pocketagent.inbound.answer import Answer
from pocketagent.inbound.call import Call
from pocketagent.inbound.routes import Route, Visit
from pocketagent.inbound.turned_away import Headers

PAGE = "index.html"
HASHED = "assets/"
"""Below it the content of a file is in its name."""

TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
"""By the end of a file's name. A file of another kind is not given to anybody."""
PACKED = ".html", ".js", ".css", ".txt", ".webmanifest", ".svg"
"""Kinds that gzip makes smaller."""
BROTLI = ".br"
"""At the end of the name of a file that is another one of the build, packed when that was made."""

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self'",  # WebSockets of this very origin are meant, too
        "manifest-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        # No text becomes markup or a script's address but by one policy, which the client has for its service worker.
        "require-trusted-types-for 'script'",
        "trusted-types pocketagent",
    ]
)
"""What the page may do."""

OFF = (
    *("accelerometer", "browsing-topics", "display-capture", "encrypted-media", "gamepad", "geolocation"),
    *("gyroscope", "hid", "idle-detection", "local-fonts", "magnetometer", "midi", "payment", "serial", "usb"),
    *("xr-spatial-tracking",),
)
"""Features of browsers that the client has no use for. It hears (voice input) and sees (the QR code of a pairing)."""

HEADERS: Headers = (
    ("Content-Security-Policy", POLICY),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Permissions-Policy", ", ".join(["camera=(self)", "microphone=(self)", *(f"{name}=()" for name in OFF)])),
)

NOT_BUILT = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Pocket Agent Server</title>
<h1>Pocket Agent Server</h1>
<p>The server runs. Its web client was not built; all else works: the terminal client, and the API.</p>
<p>To build it, run <code>make web</code> where the sources of the server are, and start the server again.</p>
</html>
"""

_PATH = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*", re.ASCII)
_CODING = re.compile(r"([!#$%&'*+.^_`|~0-9a-z-]+)(?:[ \t]*;[ \t]*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?", re.ASCII)


def routes(files: Mapping[str, bytes]) -> Sequence[Route]:
    """`files`: the content of each by its path in the build, such as `assets/main-1a2b.js`. Without an `index.html` the
    page says that it was not built."""
    found = [_Built.of(path, content, files.get(path + BROTLI)) for path, content in files.items() if _is_given(path)]
    answers = {built.path: partial(_give, built) for built in found}
    return [
        Route(method="GET", path=path, answer=answer, scope=None)
        for path, answer in ({"/": _say_not_built} | answers).items()
    ]


def _is_given(path: str) -> bool:
    return _PATH.fullmatch(path) is not None and PurePosixPath(path).suffix in TYPES


@frozen
class _Form:
    """One of the ways in which a file is sent."""

    content: bytes
    headers: Headers


@frozen
class _Built:
    """A file of the client. `packed`: the same by what codings make smaller, the best first."""

    path: str
    content_type: str
    plain: _Form
    packed: Mapping[str, _Form]

    @classmethod
    def of(cls, path: str, content: bytes, brotli: bytes | None) -> "_Built":
        suffix = PurePosixPath(path).suffix
        kept = "public, max-age=31536000, immutable" if path.startswith(HASHED) else "no-cache"
        headers = [*HEADERS, ("Cache-Control", kept)]
        smaller = {"br": brotli, "gzip": gzip.compress(content, mtime=0) if suffix in PACKED else None}
        worth = {coding: form for coding, form in smaller.items() if form is not None and len(form) < len(content)}
        if worth:
            headers.append(("Vary", "Accept-Encoding"))
        packed = {
            coding: _Form(form, [*headers, ("Content-Encoding", coding), ("ETag", _tag(form))])
            for coding, form in worth.items()
        }
        plain = _Form(content, [*headers, ("ETag", _tag(content))])
        return cls("/" if path == PAGE else f"/{path}", TYPES[suffix], plain, packed)


def _tag(content: bytes) -> str:
    return f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'


async def _give(built: _Built, visit: Visit) -> Answer:
    form = built.packed.get(taken(visit.call, list(built.packed)) or "", built.plain)
    known = [word.removeprefix("W/") for word in visit.call.words("if-none-match")]
    if "*" in known or dict(form.headers)["ETag"] in known:
        # With every header: a browser puts them in the place of those that it keeps with the file.
        return Answer(304, b"", form.headers, is_public=True)
    return Answer(200, form.content, form.headers, built.content_type, is_public=True)


async def _say_not_built(visit: Visit) -> Answer:
    return Answer(503, NOT_BUILT.encode(), HEADERS, TYPES[".html"])


def taken(call: Call, offered: Sequence[str]) -> str | None:
    """Which of the codings that are offered, `br` or `gzip`, the client takes most gladly, the first one of equals.

    None where it takes the file as it is only, or likes that more (RFC 9110, 12.5.3).
    """
    weights: dict[str, float] = {}
    for word in call.words("accept-encoding"):
        found = _CODING.fullmatch(word.lower())
        if found is not None:
            weights[found[1].removeprefix("x-")] = float(found[2] or 1)
    others = weights.get("*", 0.0)
    gladly = {coding: weights.get(coding, others) for coding in offered}
    best = max(gladly, key=gladly.__getitem__, default=None)
    if best is None or gladly[best] == 0 or gladly[best] < weights.get("identity", 0.0):
        return None
    return best
