# -*- test-case-name: tests.cli.test_devices -*-
"""`pocketagent devices`: who may come in. It works on the files of the data directory; the server notices."""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from attrs import evolve

from pocketagent.cli.console import Console, Problem
from pocketagent.cli.data_directory import existing, told, where
from pocketagent.cli.recording import recorded
from pocketagent.cli.table import table
from pocketagent.domain.access import LAST_MOMENT, Device, is_last_admin
from pocketagent.domain.message import timestamp
from pocketagent.domain.sighting import Sighting
from pocketagent.outbound.files import DeviceFiles
from pocketagent.outbound.sightings import SightingsFile
from pocketagent.ports import BrokenDevices, StorageUnavailable

HEAD = ("ID", "NAME", "SCOPE", "CREATED", "EXPIRES", "LAST SEEN", "AS")


@told()
def show(chosen: argparse.Namespace, console: Console) -> None:
    directory = existing(chosen, console)
    usable, _broken = _found(_files(directory), console)
    devices = sorted(usable, key=lambda device: (device.created_at, device.id))
    seen = SightingsFile(f"{directory}/seen.json").all()
    now = console.now()
    if chosen.json:
        described = [_described(device, seen.get(device.id), now) for device in devices]
        print(json.dumps(described, indent=2), file=console.out)
        return
    rows = [_row(device, seen.get(device.id), now) for device in devices]
    print("\n".join(table(HEAD, rows)), file=console.out)


def _row(device: Device, seen: Sighting | None, now: float) -> Sequence[str]:
    expires = "over" if device.is_over(now) else _day(device.expires_at)
    last, client = (_day(seen.at), seen.client) if seen else ("never", "")
    return device.id, device.name, device.scope.value, _day(device.created_at), expires, last, client


def _described(device: Device, seen: Sighting | None, now: float) -> Mapping[str, object]:
    return {
        "id": device.id,
        "name": device.name,
        "scope": device.scope.value,
        "kind": device.kind.value,
        "created_at": timestamp(device.created_at),
        "expires_at": None if device.expires_at is None else timestamp(device.expires_at),
        "over": device.is_over(now),
        "last_seen": None if seen is None else timestamp(seen.at),
        "client": None if seen is None else seen.client,
    }


def _day(seconds: float | None) -> str:
    return "never" if seconds is None else timestamp(seconds)[:16].replace("T", " ")


@told()
def rename(chosen: argparse.Namespace, console: Console) -> None:
    directory = existing(chosen, console)
    files = _files(directory)
    usable, _broken = _found(files, console)
    device = _one(chosen.device, usable)
    details = {"name": chosen.name}
    with recorded(directory, console, "device_update", device_id=device.id, details=details):
        _change(files, device, evolve(device, name=chosen.name))
    console.tell(f"{device.name!r} ({device.id}) is called {chosen.name!r} from now on.")


@told()
def expire(chosen: argparse.Namespace, console: Console) -> None:
    directory, now = existing(chosen, console), console.now()
    files = _files(directory)
    usable, _broken = _found(files, console)
    device = _one(chosen.device, usable)
    if device.is_over(now):
        raise Problem(f"the time of {device.name!r} is over, which stays so: make a new one.")
    end = None if chosen.expires is None else min(now + chosen.expires, float(LAST_MOMENT))
    details = {"expires_at": None if end is None else timestamp(end)}
    with recorded(directory, console, "device_update", device_id=device.id, details=details):
        _change(files, device, evolve(device, expires_at=end))
    console.tell(
        f"{device.name!r} ({device.id}) can come in " + ("for ever." if end is None else f"until {_day(end)}.")
    )


@told()
def revoke(chosen: argparse.Namespace, console: Console) -> None:
    directory = existing(chosen, console)
    files = _files(directory)
    usable, broken = _found(files, console)
    device = None if chosen.device in broken else _one(chosen.device, usable)
    device_id, name = (chosen.device, "what is broken") if device is None else (device.id, repr(device.name))
    details = {} if device is None else {"name": device.name}
    with recorded(directory, console, "device_revoke", takes_away=True, device_id=device_id, details=details):
        if not files.remove(device_id):
            raise Problem(f"{name} was revoked meanwhile.")
    console.tell(f"{name} ({device_id}) can no longer come in.")
    if device is not None and is_last_admin(device, usable, console.now()):
        console.tell("No device is left that may do everything: `pocketagent token create` or `pair` makes another.")


def offered(prefix: str, parsed_args: argparse.Namespace, **_more: object) -> Sequence[str]:
    """To a shell: names; and ids, once one has been begun or where a name is not enough."""
    try:
        directory = where(parsed_args, Console(os.environ, sys.stdout, sys.stderr))
        devices = _files(directory).all()
    except BrokenDevices as problem:
        devices = problem.devices
    except (Problem, StorageUnavailable, OSError, ValueError):
        return ()
    names = Counter(device.name for device in devices)
    words = [name for name, count in names.items() if count == 1]
    words += [device.id for device in devices if prefix or names[device.name] > 1]
    return [word for word in words if word.startswith(prefix)]


def kept(files: DeviceFiles) -> Sequence[Device]:
    """All devices. Raises Problem where they cannot be read."""
    try:
        return files.all()
    except ValueError as error:
        raise Problem(str(error)) from None


def _found(files: DeviceFiles, console: Console) -> tuple[Sequence[Device], Collection[str]]:
    """The devices that can be used, and the ids of the others, of which the person is told. Raises Problem where none
    can be read."""
    try:
        return files.all(), ()
    except BrokenDevices as problem:
        console.tell(str(problem))
        console.tell("Nobody new is let in before it is mended, or revoked: pocketagent devices revoke ID")
        return problem.devices, problem.broken
    except ValueError as error:
        raise Problem(str(error)) from None


def described(device: Device) -> Mapping[str, object]:
    """What the audit log says of a new device."""
    end = device.expires_at
    return {
        "name": device.name,
        "scope": device.scope.value,
        "kind": device.kind.value,
        "expires_at": None if end is None else timestamp(end),
    }


def _files(directory: str) -> DeviceFiles:
    return DeviceFiles(f"{directory}/devices")


def _change(files: DeviceFiles, device: Device, changed: Device) -> None:
    if not files.change(changed):
        raise Problem(f"{device.name!r} was revoked meanwhile.")


def _one(text: str, devices: Sequence[Device]) -> Device:
    """The device that a person calls so, by its id or its name."""
    found = [device for device in devices if device.id == text]
    found = found or [device for device in devices if device.name == text]
    if not found:
        raise Problem(f"there is no device {text!r}; `pocketagent devices` shows them.")
    if len(found) > 1:
        raise Problem(f"several devices are called {text!r}: {', '.join(device.id for device in found)}.")
    return found[0]
