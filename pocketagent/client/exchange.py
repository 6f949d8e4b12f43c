# -*- test-case-name: tests.client.test_pairing,tests.client.test_attaching -*-
"""One request of HTTP to a server, and its answer; nothing is said before the server has shown its key. Blocks."""

import http.client
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

from attrs import field, frozen
from websockets.proxy import get_proxy
from websockets.uri import parse_uri

from pocketagent.client.link import OPEN_TIMEOUT, fingerprint_of
from pocketagent.client.problems import NotMyServer, Unreachable
from pocketagent.client.server import is_loopback
from pocketagent.version import VERSION

MAX_ANSWER = 64 * 1024
"""Bytes of an answer: more is none of our server's."""


@frozen(kw_only=True)
class Asked:
    """What is asked of the server whose WebSocket is at `url`, and how it is known (`Server`). Times in seconds."""

    url: str
    path: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    fingerprint: str | None
    ca: str | None
    stranger: str
    """What is said of one with another key; `{seen}` and `{url}` stand for those."""
    timeout: float = OPEN_TIMEOUT


def post(asked: Asked) -> tuple[int, bytes]:
    """Status and body. Raises NotMyServer before anything is said to another; Unreachable."""
    parts = urlsplit(asked.url)
    host, port = parts.hostname or "", parts.port or 0
    talk = _talk(asked, host, port)
    try:
        talk.connect()
        _check_key(talk, asked)
        talk.request("POST", asked.path, asked.body, {**_headers(host, port), **asked.headers})
        answer = talk.getresponse()
        return answer.status, answer.read(MAX_ANSWER + 1)
    except ssl.SSLCertVerificationError as error:
        raise NotMyServer(f"The certificate of {asked.url} is not good here ({error.verify_message}).") from None
    except ssl.SSLError as error:
        raise Unreachable(f"What answers at {host}:{port} does not speak TLS ({error.reason}).") from None
    except TimeoutError:
        raise Unreachable(f"{host} does not answer at port {port} within {asked.timeout:g} seconds.") from None
    except http.client.HTTPException:
        raise Unreachable(f"What answers at {host}:{port} is not a Pocket Agent Server.") from None
    except OSError as error:
        raise Unreachable(f"{host}:{port} cannot be reached: {error.strerror or error}.") from None
    finally:
        talk.close()


def _talk(asked: Asked, host: str, port: int) -> http.client.HTTPConnection:
    """The connection, not yet made: by way of the proxy that the environment names, but for this machine."""
    proxy = None if is_loopback(host) else get_proxy(parse_uri(asked.url))
    via = urlsplit(proxy) if proxy else None
    if via is not None and via.scheme != "http":
        raise Unreachable("The environment names a proxy that is no http:// one: pair without it, or with a token.")
    there = (host, port) if via is None else (via.hostname or "", via.port or 80)
    if asked.url.startswith("ws:"):
        return http.client.HTTPConnection(*there, timeout=asked.timeout)
    context = _context(asked.fingerprint, asked.ca)
    talk = http.client.HTTPSConnection(*there, timeout=asked.timeout, context=context)
    if via is not None:
        talk.set_tunnel(host, port)
    return talk


def _context(fingerprint: str | None, ca: str | None) -> ssl.SSLContext:
    if fingerprint is None:
        return ssl.create_default_context(cafile=ca)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # who it is, is judged by the key
    return context


def _check_key(talk: http.client.HTTPConnection, asked: Asked) -> None:
    """Before a word is said (AU-15). Raises NotMyServer."""
    if asked.fingerprint is None or not isinstance(talk.sock, ssl.SSLSocket):
        return
    seen = fingerprint_of(talk.sock.getpeercert(True) or b"")
    if seen != asked.fingerprint:
        raise NotMyServer(asked.stranger.format(seen=seen, url=asked.url))


def _headers(host: str, port: int) -> Mapping[str, str]:
    return {
        "Host": f"{f'[{host}]' if ':' in host else host}:{port}",
        "User-Agent": f"pocketagent/{VERSION}",
        "Connection": "close",
    }
