# -*- test-case-name: tests.cli.test_pairing -*-
"""`pocketagent pair`: show a code that is good once, and wait for the device that has it."""

import argparse
import re
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from pocketagent.cli import qr
from pocketagent.cli.console import Console, Problem
from pocketagent.cli.data_directory import existing, told
from pocketagent.cli.devices import kept
from pocketagent.cli.recording import recorded, written_down
from pocketagent.cli.remote import MISUNDERSTOOD
from pocketagent.domain.access import ID_BYTES, Device, Scope, hash_of
from pocketagent.domain.pairing import (
    CODE_BYTES,
    LIFETIME,
    MAX_OPEN,
    MAX_WRONG,
    End,
    Pairing,
    best_first,
    code,
    is_this_machine,
)
from pocketagent.domain.sighting import Address
from pocketagent.domain.text import escaped
from pocketagent.outbound.data_directory import address
from pocketagent.outbound.files import DeviceFiles
from pocketagent.outbound.pairings import PairingFiles
from pocketagent.wire.links import Link, origin

POLL = 0.5
"""Seconds between looks whether the device has come."""
GRACE = 3.0
"""Seconds in which a code that was used becomes a device."""
HTTPS = 443

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^:\[\]]+|[0-9A-Fa-f:]+:[0-9A-Fa-f:.]*)(:(?P<port>[1-9][0-9]{0,4}))?")


@told()
def pair(chosen: argparse.Namespace, console: Console) -> None:
    directory = existing(chosen, console)
    server = address(directory)
    if server is None:
        raise Problem(f"no server runs on {directory}: start it first, then the device can come at once.")
    place = _place(chosen.host, server)
    files = PairingFiles(f"{directory}/pairings")
    secret = code(console.random_hex(CODE_BYTES))
    pairing = Pairing(
        id=console.random_hex(ID_BYTES),
        code_hash=hash_of(secret),
        scope=Scope(chosen.scope),
        name=chosen.name,
        device_lifetime=chosen.expires,
        created_at=console.now(),
    )
    end = partial(_end, files, directory, console)
    _make_room(files, pairing.created_at, end)
    waiting = _Waiting(files, DeviceFiles(f"{directory}/devices"), pairing, console, end)
    details = {"name": pairing.name, "scope": pairing.scope.value, "expires": pairing.device_lifetime}
    with recorded(directory, console, "pairing_create", device_id=pairing.id, details=details):
        files.save(pairing)
    try:
        with _interruptible():
            _show(Link(place, secret, server.fingerprint if place.startswith("https:") else None), pairing, console)
            device = waiting.wait()
    except KeyboardInterrupt:
        if end(pairing, End.WITHDRAWN):
            console.tell("\nWithdrawn: the code is worth nothing now.")
            raise
        device = waiting.arrived()
    finally:
        end(pairing, End.WITHDRAWN)
    console.tell(f"{escaped(device.name)!r} ({device.id}) has come; it may: {device.scope.value}.")


def _place(host: str | None, server: Address) -> str:
    """The beginning of the link: under which name of the server the device is to come. Raises Problem."""
    if host is None:
        name, port = best_first(server.names, _outward())[0], None
    else:
        found = _HOST.fullmatch(host)
        if found is None:
            raise Problem(f"{host!r} is no HOST or HOST:PORT.", MISUNDERSTOOD)
        name, port = found["name"].strip("[]").lower(), found["port"] and int(found["port"])
        if name not in server.names:
            names = ", ".join(best_first(server.names))
            raise Problem(
                f"the server does not go by the name {name}: it goes by {names}; start it with --name {name}."
            )
    if server.fingerprint is not None:
        return origin(name, port or server.port)
    if is_this_machine(name):
        return origin(name, port or server.port, is_secure=False)
    # The server itself can be reached from this machine only: whoever comes by this name comes through a proxy.
    return origin(name, port or HTTPS)


def _outward() -> str | None:
    """The address by which this machine speaks to others; None where it speaks to nobody. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        try:
            one.connect(("192.0.2.1", 9))  # of no machine: any address beyond the next router
        except OSError:
            return None
        return str(one.getsockname()[0])


def _make_room(files: PairingFiles, now: float, end: Callable[[Pairing, End], bool]) -> None:
    """Remove what commands that were killed have left. Raises Problem where too many are open."""
    there = files.all()
    for pairing in there:
        if not pairing.is_open(now):
            end(pairing, pairing.end)
    if sum(pairing.is_open(now) for pairing in there) >= MAX_OPEN:
        raise Problem(f"{MAX_OPEN} devices are waited for already: wait for one, or end such a command.")


def _show(link: Link, pairing: Pairing, console: Console) -> None:
    """The link on stdout, the rest for the person: all of it above the picture, which so stays on the screen."""
    text = str(link)
    picture = qr.drawn(text, console.err, console.environment)
    how = "Scan the picture with the device, or open this link there" if picture else "Open this link on the device"
    console.tell(f"{how} (another computer: `pocketagent connect LINK`):\n")
    print(text, file=console.out, flush=True)
    console.tell("")
    for warning in _warnings(link, picture, console):
        console.tell(warning)
    minutes = f"{LIFETIME / 60:g} minutes"
    console.tell(f"It is good once, within {minutes}; whoever has it may: {pairing.scope.value}. Ctrl-C withdraws it.")
    console.err.write("".join(f"{line}\n" for line in picture))  # its colours are ours: `tell` would show them as text
    console.tell("Waiting for the device …")


def _warnings(link: Link, picture: Sequence[str], console: Console) -> Iterator[str]:
    name = link.origin.partition("://")[2].rpartition(":")[0].strip("[]")
    if is_this_machine(name):
        yield "Only this machine itself can come by that: start the server with --name and a name that others know."
    elif link.fingerprint is None:
        yield "The server has no TLS of its own: the device must trust the certificate of the proxy before it."
    if not picture and qr.can_draw(console.err, console.environment):
        yield "(For a picture the terminal is too small.)"


def _end(files: PairingFiles, directory: str, console: Console, pairing: Pairing, why: End) -> bool:
    """Remove it, without a device; whether it was still there. Whoever has removed one writes that down."""
    is_ours = files.take(pairing.id)
    if is_ours:
        written_down(directory, console, "pairing_end", device_id=pairing.id, details={"reason": why.value})
    return is_ours


class _Waiting:
    """For the device: it takes the place of the pairing, whose id it has."""

    def __init__(
        self,
        files: PairingFiles,
        devices: DeviceFiles,
        pairing: Pairing,
        console: Console,
        end: Callable[[Pairing, End], bool],
    ) -> None:
        self._files = files
        self._devices = devices
        self._pairing = pairing
        self._console = console
        self._end = end

    def wait(self) -> Device:
        """Raises Problem when it is over, whatever the clock of the wall says meanwhile."""
        for _ in range(int(LIFETIME / POLL)):
            self._console.sleep(POLL)
            found = next((each for each in self._files.all() if each.id == self._pairing.id), None)
            if found is None:
                return self.arrived()
            if found.wrong >= MAX_WRONG:
                self._end(found, End.GUESSED)
                raise Problem(
                    f"{MAX_WRONG} wrong codes were sent, so this one is worth nothing now: somebody may be guessing. "
                    "Run it again; if that goes on, `pocketagent token create` lets a device in without a code."
                )
            if found.is_over(self._console.now()):
                break
        if self._end(self._pairing, End.EXPIRED):
            raise Problem(f"nobody came within {LIFETIME / 60:g} minutes: the code is worth nothing now.")
        return self.arrived()

    def arrived(self) -> Device:
        """Raises Problem where the code is gone and no device came of it."""
        for _ in range(int(GRACE / POLL)):
            device = next((each for each in kept(self._devices) if each.id == self._pairing.id), None)
            if device is not None:
                return device
            self._console.sleep(POLL)
        raise Problem("the code is gone, and no device came of it: look into the server's log, and run it again.")


@contextmanager
def _interruptible() -> Iterator[None]:
    """The end of a session at the terminal, or of the machine, withdraws as Ctrl-C does."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
