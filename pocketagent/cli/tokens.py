# -*- test-case-name: tests.cli.test_tokens -*-
"""`pocketagent token`: who may come in. It works on the files of the data directory; the server notices."""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence

from pocketagent.cli.console import Console, Problem
from pocketagent.cli.data_directory import existing, made, told, where
from pocketagent.domain.access import TOKEN_BYTES, Device, Scope, hash_of, token
from pocketagent.domain.message import timestamp
from pocketagent.outbound.files import DeviceFiles
from pocketagent.ports import StorageUnavailable

ID_BYTES = 8
MAX_DEVICES = 1000


@told()
def create(chosen: argparse.Namespace, console: Console) -> None:
    directory = made(chosen, console)
    files = DeviceFiles(f"{directory}/devices")
    devices = _devices(files)
    if chosen.if_none and devices:
        console.tell("There are devices already. One more: pocketagent token create --name NAME")
        return
    if len(devices) >= MAX_DEVICES:
        raise Problem(f"there are {MAX_DEVICES} devices: revoke one first.")
    now, secret = console.now(), console.random_hex(TOKEN_BYTES)
    device = Device(
        id=console.random_hex(ID_BYTES),
        name=chosen.name,
        scope=Scope(chosen.scope),
        secret_hash=hash_of(secret),
        created_at=now,
        expires_at=now + chosen.expires if chosen.expires else None,
    )
    files.save(device)
    console.tell(f"The token of {device.name!r} ({device.scope.value}), shown only now;")
    console.tell("`pocketagent connect` asks for it.")
    print(token(device.id, secret), file=console.out)


@told()
def show(chosen: argparse.Namespace, console: Console) -> None:
    devices = sorted(_devices(_device_files(chosen, console)), key=lambda device: (device.created_at, device.id))
    now = console.now()
    if chosen.json:
        print(json.dumps([_described(device, now) for device in devices], indent=2), file=console.out)
        return
    rows = [("ID", "NAME", "SCOPE", "CREATED", "EXPIRES")]
    for device in devices:
        expires = "over" if device.is_over(now) else _day(device.expires_at)
        rows.append((device.id, device.name, device.scope.value, _day(device.created_at), expires))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip(), file=console.out)


def _described(device: Device, now: float) -> Mapping[str, object]:
    return {
        "id": device.id,
        "name": device.name,
        "scope": device.scope.value,
        "created_at": timestamp(device.created_at),
        "expires_at": None if device.expires_at is None else timestamp(device.expires_at),
        "over": device.is_over(now),
    }


def _day(seconds: float | None) -> str:
    return "never" if seconds is None else timestamp(seconds)[:16].replace("T", " ")


@told()
def revoke(chosen: argparse.Namespace, console: Console) -> None:
    files = _device_files(chosen, console)
    devices = _devices(files)
    found = [device for device in devices if device.id == chosen.device]
    found = found or [device for device in devices if device.name == chosen.device]
    if not found:
        raise Problem(f"there is no device {chosen.device!r}; `pocketagent token list` shows them.")
    if len(found) > 1:
        raise Problem(f"several devices are called {chosen.device!r}: {', '.join(device.id for device in found)}.")
    (device,) = found
    if files.remove(device.id):
        console.tell(f"{device.name!r} ({device.id}) can no longer come in.")


def offered(prefix: str, parsed_args: argparse.Namespace, **_more: object) -> Sequence[str]:
    """To a shell: names; and ids, once one has been begun or where a name is not enough."""
    try:
        directory = where(parsed_args, Console(os.environ, sys.stdout, sys.stderr))
        devices = DeviceFiles(f"{directory}/devices").all()
    except (Problem, StorageUnavailable, OSError, ValueError):
        return ()
    names = Counter(device.name for device in devices)
    words = [name for name, count in names.items() if count == 1]
    words += [device.id for device in devices if prefix or names[device.name] > 1]
    return [word for word in words if word.startswith(prefix)]


def _device_files(chosen: argparse.Namespace, console: Console) -> DeviceFiles:
    return DeviceFiles(f"{existing(chosen, console)}/devices")


def _devices(files: DeviceFiles) -> Sequence[Device]:
    try:
        return files.all()
    except ValueError as error:
        raise Problem(str(error)) from None
