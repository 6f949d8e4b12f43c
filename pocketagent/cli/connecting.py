# -*- test-case-name: tests.end_to_end.test_commands -*-
"""`pocketagent connect`: meet a server, make sure that it is the right one, and keep a profile of it."""

import argparse
import asyncio
import re
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from attrs import frozen

from pocketagent import client
from pocketagent.cli.console import Console, Problem
from pocketagent.cli.remote import MISUNDERSTOOD, profiles, told
from pocketagent.client import Client, Server
from pocketagent.client.link import OPEN_TIMEOUT, look
from pocketagent.client.pairing import pair
from pocketagent.client.profiles import Profile, profile_name
from pocketagent.client.server import address
from pocketagent.domain.access import MAX_NAME, TOKEN
from pocketagent.domain.replies import Greeting
from pocketagent.wire.links import is_link, read_link

MAX_TOKEN = 4096
"""Characters that are read as a token."""

_FINGERPRINT = re.compile(r"[A-Za-z0-9+/]{43}=")


@frozen
class _Known:
    """How a server is to be known from now on: by its key, by a file of CAs, or (neither) by the system's CAs."""

    fingerprint: str | None = None
    ca: str | None = None


def connect(chosen: argparse.Namespace, console: Console) -> None:
    text = _link_text(chosen, console)
    if text is not None:
        _pair(chosen, console, text)
        return
    kept = profiles(console)
    try:
        url = address(chosen.url)
        name = _name(chosen, url)
    except (client.Problem, ValueError) as problem:
        raise Problem(str(problem), MISUNDERSTOOD) from None
    with told():
        known = _who(chosen, url, _before(chosen, console, name, url), console)
        token = _token(console)
        server = Server(url, token, known.fingerprint, known.ca)
        device = asyncio.run(_greeted(server))
        _keep(chosen, console, Profile(name, url, token, known.fingerprint, known.ca))
    console.tell(f"Connected as {device.name!r}, which may: {', '.join(device.scopes)}.")
    _tell_next(kept.default(), name, console)


def _keep(chosen: argparse.Namespace, console: Console, profile: Profile) -> None:
    kept = profiles(console)
    is_first = not kept.names()
    kept.save(profile)
    if chosen.default or is_first:
        kept.choose(profile.name)


def _tell_next(default: str | None, name: str, console: Console) -> None:
    console.tell(f"Kept as profile {name!r}{', the default one' if default == name else ''}.")
    option = "" if default == name else f" --profile {name}"
    console.tell(f"Next: `pocketagent chat{option}`, or `pocketagent run{option} PROJECT 'What is in here?'`.")


def _name(chosen: argparse.Namespace, url: str) -> str:
    """Of the profile. Raises ValueError."""
    return profile_name(chosen.profile or (urlsplit(url).hostname or "").replace(":", "_"))


def _before(chosen: argparse.Namespace, console: Console, name: str, url: str) -> str | None:
    """The key that is pinned for this server so far."""
    try:
        profile = profiles(console).get(name)
    except client.Problem:
        return None  # there is none, or none that can be used: it is made anew
    return profile.fingerprint if profile.url == url else None


# -- by a link of `pocketagent pair` ------------------------------------------------------------------------


def _link_text(chosen: argparse.Namespace, console: Console) -> str | None:
    """The link, where that is what was given: as an argument, or for `-` by the person or a script."""
    if chosen.url != "-":
        return str(chosen.url) if is_link(chosen.url) else None
    return _given(console, "Link (not shown): ")


def _pair(chosen: argparse.Namespace, console: Console, text: str) -> None:
    """Who the server is, and the code for a token, stand in the link."""
    if chosen.fingerprint or chosen.ca or chosen.yes:
        raise Problem("a link says itself how its server is known: leave the options for that out.", MISUNDERSTOOD)
    try:
        link = read_link(text)
        url = address(link.origin)
        name = _name(chosen, url)
    except (client.Problem, ValueError) as problem:
        raise Problem(str(problem), MISUNDERSTOOD) from None
    with told():
        paired = pair(link, socket.gethostname()[:MAX_NAME])
        _keep(chosen, console, Profile(name, url, paired.token, link.fingerprint))
    console.tell(f"Paired as {paired.name!r}, which may: {paired.scope}.")
    _tell_next(profiles(console).default(), name, console)


# -- who the server is --------------------------------------------------------------------------------------


def _who(chosen: argparse.Namespace, url: str, before: str | None, console: Console) -> _Known:
    """Make sure who answers, with the person where nothing else tells. Raises Problem."""
    if url.startswith("ws:"):
        if chosen.fingerprint or chosen.ca:
            raise Problem(f"{url} has no certificate: leave --fingerprint and --ca out.", MISUNDERSTOOD)
        return _Known()
    if chosen.ca:
        return _Known(ca=_authorities(chosen.ca))
    if chosen.fingerprint:
        return _Known(_fingerprint(chosen.fingerprint))
    seen = asyncio.run(look(url))
    if seen == before:
        console.tell(f"{url} has the key that you know: {seen}")
        return _Known(seen)
    if before:
        console.tell(f"The key of {url} has CHANGED. It was {before}")
        console.tell("Either the server was set up anew, or somebody stands between you and it.")
    elif asyncio.run(_is_vouched_for(url)):
        return _vouched_for(chosen, url, seen, console)
    console.tell(f"{url} has a key with the fingerprint\n\n    {seen}\n")
    console.tell("The server prints its own when it starts, behind `fingerprint for clients to pin`.")
    if not chosen.yes and not _may(chosen, console, "Are they the same? [y/N] "):
        raise Problem("the server was not taken for yours, so nothing was sent to it.")
    return _Known(seen)


def _vouched_for(chosen: argparse.Namespace, url: str, seen: str, console: Console) -> _Known:
    console.tell(f"An authority that this machine trusts vouches for the certificate of {url}.")
    console.tell("That is enough. It can be pinned all the same: then no other key will do, not even a renewed one.")
    pins = not chosen.yes and console.inp.isatty() and console.agrees(f"Pin {seen}? [y/N] ")
    return _Known(seen if pins else None)


def _may(chosen: argparse.Namespace, console: Console, question: str) -> bool:
    if not console.inp.isatty():
        raise Problem("nobody is here to compare the fingerprint: say which it must be with --fingerprint.")
    return console.agrees(question)


def _fingerprint(text: str) -> str:
    found = text if text.endswith("=") else f"{text}="
    if not _FINGERPRINT.fullmatch(found):
        raise Problem("a fingerprint is 44 characters of base64, as the server prints it.", MISUNDERSTOOD)
    return found


def _authorities(text: str) -> str:
    """The whole path of a file of certificates. Raises Problem when it holds none."""
    path = str(Path(text).expanduser().absolute())
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:  # which ssl.SSLError is, too
        why = "there are no certificates in it" if isinstance(error, ssl.SSLError) else error.strerror
        raise Problem(f"{path} cannot be used as a CA: {why}.", MISUNDERSTOOD) from None
    return path


async def _is_vouched_for(url: str) -> bool:
    """Whether the system's authorities find this certificate good for this name; nothing is said to the server."""
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(OPEN_TIMEOUT):
            _, writer = await asyncio.open_connection(
                parts.hostname, parts.port, ssl=ssl.create_default_context(), server_hostname=parts.hostname
            )
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


# -- who we are ---------------------------------------------------------------------------------------------


def _token(console: Console) -> str:
    """The token, from a person who is not overlooked, or from a script. Raises Problem."""
    token = _given(console, "Token (not shown): ")
    if not token:
        raise Problem("there is no token: `pocketagent token create --name NAME` on the server's machine makes one.")
    if not TOKEN.fullmatch(token):
        raise Problem("that is no token: one is `pa_`, 16 digits, `_` and 64 digits, as `token create` prints it.")
    return token


def _given(console: Console, question: str) -> str:
    """A secret, from a person who is not overlooked, or the first line from a script."""
    try:
        given = console.ask_secretly(question) if console.inp.isatty() else console.inp.readline(MAX_TOKEN)
    except EOFError:
        given = ""
    except UnicodeDecodeError:
        given = "\0"
    return given.strip()


async def _greeted(server: Server) -> Greeting:
    """Who we are to the server. Raises client.Problem."""
    async with Client(server) as connection:
        return connection.established.device
