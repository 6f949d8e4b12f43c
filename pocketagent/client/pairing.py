# -*- test-case-name: tests.client.test_pairing -*-
"""A link of `pocketagent pair` -> the token of this device; the code is sent to no other server than the link's."""

import http.client
import json
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

from attrs import frozen
from websockets.proxy import get_proxy
from websockets.uri import parse_uri

from pocketagent.client.link import OPEN_TIMEOUT, fingerprint_of
from pocketagent.client.problems import NotMyServer, Problem, TurnedAway, Unreachable
from pocketagent.client.server import address, is_loopback
from pocketagent.domain.access import TOKEN
from pocketagent.version import VERSION
from pocketagent.wire.links import Link

PATH = "/api/v1/pair"
MAX_ANSWER = 64 * 1024
"""Bytes of an answer: more is none of our server's."""


@frozen
class Paired:
    """What a device was given. `scope` is what it may do: `read`, `execute`, `admin`, and so on."""

    token: str
    name: str
    scope: str


def pair(link: Link, name: str, ca: str | None = None, timeout: float = OPEN_TIMEOUT) -> Paired:
    """Exchange the code for a token; `name` is what this device calls itself. Blocks.

    The server is known by the fingerprint of the link; where that has none by `ca`, a file of PEM certificates, or by
    the system's authorities. Raises NotMyServer before anything is said to another; Unreachable, TurnedAway, Problem.
    """
    url = address(link.origin)
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 0
    talk = _talk(url, host, port, link.fingerprint, ca, timeout)
    try:
        talk.connect()
        _check_key(talk, url, link.fingerprint)
        body = json.dumps({"code": link.code, "name": name})
        talk.request("POST", PATH, body, _headers(host, port))
        answer = talk.getresponse()
        return _understood(answer.status, answer.read(MAX_ANSWER + 1))
    except ssl.SSLCertVerificationError as error:
        raise NotMyServer(f"The certificate of {url} is not good here ({error.verify_message}).") from None
    except ssl.SSLError as error:
        raise Unreachable(f"What answers at {host}:{port} does not speak TLS ({error.reason}).") from None
    except TimeoutError:
        raise Unreachable(f"{host} does not answer at port {port} within {timeout:g} seconds.") from None
    except http.client.HTTPException:
        raise Unreachable(f"What answers at {host}:{port} is not a Pocket Agent Server.") from None
    except OSError as error:
        raise Unreachable(f"{host}:{port} cannot be reached: {error.strerror or error}.") from None
    finally:
        talk.close()


def _talk(
    url: str, host: str, port: int, fingerprint: str | None, ca: str | None, timeout: float
) -> http.client.HTTPConnection:
    """The connection, not yet made: by way of the proxy that the environment names, but for this machine."""
    proxy = None if is_loopback(host) else get_proxy(parse_uri(url))
    via = urlsplit(proxy) if proxy else None
    if via is not None and via.scheme != "http":
        raise Unreachable("The environment names a proxy that is no http:// one: pair without it, or with a token.")
    there = (host, port) if via is None else (via.hostname or "", via.port or 80)
    if url.startswith("ws:"):
        return http.client.HTTPConnection(*there, timeout=timeout)
    talk = http.client.HTTPSConnection(*there, timeout=timeout, context=_context(fingerprint, ca))
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


def _check_key(talk: http.client.HTTPConnection, url: str, fingerprint: str | None) -> None:
    """Before a word is said (AU-15). Raises NotMyServer."""
    if fingerprint is None or not isinstance(talk.sock, ssl.SSLSocket):
        return
    seen = fingerprint_of(talk.sock.getpeercert(True) or b"")
    if seen != fingerprint:
        raise NotMyServer(
            f"What answers at {url} has the key {seen}, the link names {fingerprint}: somebody stands between you and "
            "your server, or the link is that of another one. Nothing was sent."
        )


def _headers(host: str, port: int) -> Mapping[str, str]:
    return {
        "Host": f"{f'[{host}]' if ':' in host else host}:{port}",
        "Content-Type": "application/json",
        "User-Agent": f"pocketagent/{VERSION}",
        "Connection": "close",
    }


def _understood(status: int, body: bytes) -> Paired:
    try:
        said = json.loads(body) if len(body) <= MAX_ANSWER else {}
        if status == 201:
            paired = Paired(said["token"], said["device"]["name"], said["device"]["scope"])
            if TOKEN.fullmatch(paired.token):
                return paired
        message, details = str(said["data"]["message"]), said["data"]["details"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Unreachable(f"What answers there is not a Pocket Agent Server (HTTP status {status}).") from None
    if status in (429, 503):
        raise Unreachable(message)
    if status in (401, 403, 421):
        raise TurnedAway(message, str(details.get("reason", "")))
    raise Problem(message)
