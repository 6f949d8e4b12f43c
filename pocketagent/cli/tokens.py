# -*- test-case-name: tests.cli.test_tokens -*-
"""`pocketagent token create`: a device that is a program, and its token. The server notices."""

import argparse

from pocketagent.cli.console import Console, Problem
from pocketagent.cli.data_directory import made, told
from pocketagent.cli.devices import described, kept
from pocketagent.cli.recording import recorded
from pocketagent.domain.access import ID_BYTES, MAX_DEVICES, TOKEN_BYTES, Device, Scope, hash_of, token
from pocketagent.outbound.files import DeviceFiles


@told()
def create(chosen: argparse.Namespace, console: Console) -> None:
    directory = made(chosen, console)
    files = DeviceFiles(f"{directory}/devices")
    devices = kept(files)
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
    with recorded(directory, console, "token_create", device_id=device.id, details=described(device)):
        files.save(device)
    console.tell(f"The token of {device.name!r} ({device.scope.value}), shown only now;")
    console.tell("`pocketagent connect` asks for it.")
    print(token(device.id, secret), file=console.out)
