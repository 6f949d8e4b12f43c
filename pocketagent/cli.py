# -*- test-case-name: tests.test_cli -*-
"""The `pocketagent` command: what a person does on the machine itself, beside a running server or without one.

It works on the files of the data directory; the server notices. A token stands on stdout alone, so that a script can
take it; everything that is meant for a person only goes to stderr.
"""

import argparse
import json
import os
import re
import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from attrs import evolve, field, frozen

from pocketagent.domain.access import TOKEN_BYTES, Device, Scope, device_name, hash_of, token
from pocketagent.domain.message import timestamp
from pocketagent.domain.project import Project, Standing, Trust, judged
from pocketagent.logs import escaped
from pocketagent.outbound.data_directory import DataDirectoryUnusable, prepared
from pocketagent.outbound.files import DeviceFiles, ProjectFiles
from pocketagent.outbound.startup_parts import startup_parts
from pocketagent.ports import StorageUnavailable
from pocketagent.settings import absolute
from pocketagent.version import VERSION

ID_BYTES = 8
MAX_DEVICES = 1000

SHOWN_LINES = 60
SHOWN_BYTES = 16 * 1024
"""Of each file that would run, to be read before it is approved."""

MINUTE, DAY = 60, 86400
UNITS = {"m": MINUTE, "h": 3600, "d": DAY, "w": 7 * DAY, "y": 365 * DAY}
LONGEST = 100 * UNITS["y"]
"""The longest time in which a token expires: clocks and databases know years of four digits."""

ABOUT = """\
Devices and trust of a Pocket Agent Server on this machine. The server itself is `twistd pocketagent`."""

EXAMPLES = """\
examples:
  pocketagent token create --name phone             a token for the owner's own phone
  pocketagent token create --name guest --scope read --expires 12h
  pocketagent token list                            who may come in
  pocketagent token revoke phone                    closes its connections within a second
  pocketagent trust ~/code/app                      read and approve what a project's own files would run

The data directory is --data-dir, else $PA_DATA_DIR, else ./data: the same one as the server's."""

SCOPES = """\
scopes, each with what stands before it:
  read      sees every project, its prompts and its answers
  execute   gives the agent work, which is a shell on this machine
  admin     creates and deletes projects, and approves what they may run"""


class Problem(Exception):
    """What went wrong, as one line for the person."""


@frozen
class Console:
    """What the command has of the world."""

    environment: Mapping[str, str]
    out: TextIO
    err: TextIO
    ask: Callable[[], str] = field(default=input)
    now: Callable[[], float] = time.time
    random_hex: Callable[[int], str] = secrets.token_hex

    def tell(self, text: str) -> None:
        """For the person, not for a script."""
        print(text, file=self.err)


def main(arguments: Sequence[str] | None = None, console: Console | None = None) -> int:
    """Run the command; its exit code: 0 done, 1 not done, 2 misunderstood (argparse ends the program)."""
    console = console or Console(os.environ, sys.stdout, sys.stderr)
    chosen = _parser().parse_args(arguments)
    try:
        chosen.run(chosen, console)
        console.out.flush()
    except (Problem, DataDirectoryUnusable, StorageUnavailable) as problem:
        console.tell(f"pocketagent: {escaped(str(problem))}")
        return 1
    except (KeyboardInterrupt, BrokenPipeError):
        return 1
    return 0


def expiry(text: str) -> int:
    """A duration such as 30m, 12h, 90d, 8w, 2y -> seconds. Raises ArgumentTypeError (AU-05)."""
    found = re.fullmatch(r"([1-9][0-9]{0,8})([mhdwy])", text, re.ASCII)
    seconds = int(found[1]) * UNITS[found[2]] if found else 0
    if not 0 < seconds <= LONGEST:
        raise argparse.ArgumentTypeError("a time is a number and one of m, h, d, w, y, at most 100y: 30m, 12h, 90d, 2y")
    return seconds


def _name(text: str) -> str:
    try:
        return device_name(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    everywhere = argparse.ArgumentParser(add_help=False)
    everywhere.add_argument("--data-dir", metavar="PATH", help="the server's data directory")
    parser = argparse.ArgumentParser("pocketagent", description=ABOUT, epilog=EXAMPLES, formatter_class=raw)
    parser.add_argument("--version", action="version", version=f"pocketagent {VERSION}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    version = commands.add_parser("version", help="print the version")
    version.set_defaults(run=lambda _chosen, console: print(f"pocketagent {VERSION}", file=console.out))

    tokens = commands.add_parser(
        "token", help="make, list and revoke the tokens of devices", epilog=SCOPES, formatter_class=raw
    ).add_subparsers(required=True, metavar="ACTION")

    create = tokens.add_parser(
        "create", parents=[everywhere], help="print a new token", epilog=SCOPES, formatter_class=raw,
        description="Make a device and print its token, which is shown only now: the server keeps a hash of it.",
    )  # fmt: skip
    create.add_argument("--name", type=_name, required=True, help="how people call the device")
    scopes = [scope.value for scope in Scope]
    create.add_argument("--scope", choices=scopes, default=Scope.ADMIN.value, help="what it may do (default: admin)")
    create.add_argument("--expires", type=expiry, metavar="TIME", help="30m, 12h, 90d, 2y (default: never)")
    create.add_argument("--if-none", action="store_true", help="only if there is no device yet")
    create.set_defaults(run=_create)

    listing = tokens.add_parser("list", parents=[everywhere], help="show the devices")
    listing.add_argument("--json", action="store_true", help="as JSON, for a program")
    listing.set_defaults(run=_list)

    revoke = tokens.add_parser("revoke", parents=[everywhere], help="take a device's right to come in")
    revoke.add_argument("device", metavar="ID|NAME")
    revoke.set_defaults(run=_revoke)

    trust = commands.add_parser(
        "trust", parents=[everywhere], help="approve what a project's own files would run", formatter_class=raw,
        description="Show the parts of a project that run without a question when the agent starts there (hooks,\n"
        "servers of .mcp.json, plugins and the like), and approve them as they are now. Until then, and again\n"
        "after each change of them, the agent works there without these parts.",
    )  # fmt: skip
    trust.add_argument("path", metavar="PATH", help="the project's directory")
    trust.add_argument("--yes", action="store_true", help="approve without a question")
    trust.set_defaults(run=_trust)
    return parser


# -- tokens -------------------------------------------------------------------------------------------------


def _create(chosen: argparse.Namespace, console: Console) -> None:
    directory = prepared(_data_dir(chosen, console))
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
    console.tell(f"The token of {device.name!r} ({device.scope.value}), shown only now. A client sends it as")
    console.tell("    Authorization: Bearer TOKEN")
    print(token(device.id, secret), file=console.out)


def _list(chosen: argparse.Namespace, console: Console) -> None:
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


def _revoke(chosen: argparse.Namespace, console: Console) -> None:
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


# -- trust --------------------------------------------------------------------------------------------------


def _trust(chosen: argparse.Namespace, console: Console) -> None:
    files = ProjectFiles(f"{_existing(chosen, console)}/projects")
    project = _project_at(files, chosen.path)
    trust = _standing(project, console)
    if trust.state is Standing.TRUSTED:
        how = "was approved as it is" if trust.files else "has nothing that would run by itself"
        console.tell(f"{project.path} {how}: it is trusted.")
        return
    if not trust.fingerprint:
        raise Problem(f"{project.path}: what would run there is too much, or cannot be read: it cannot be approved.")
    console.tell(f"When the agent starts in {escaped(project.path)}, these may run without a question:")
    for name in trust.files:
        _show(project.path, name, console)
    if not chosen.yes and not _agrees("Approve them as they are now? [y/N] ", console):
        raise Problem("nothing was approved.")
    # Read again: what is approved is what was shown, and the server may have renamed the project meanwhile.
    if _standing(project, console).fingerprint != trust.fingerprint:
        raise Problem("these files changed meanwhile: nothing was approved, look at them again.")
    files.save(evolve(_project_at(files, project.path), approved=trust.fingerprint))
    console.tell("Approved: from the next start of its process on, the agent works there with these parts.")


def _standing(project: Project, console: Console) -> Trust:
    home = console.environment.get("HOME") or str(Path.home())
    fingerprint, files = startup_parts(project.path, f"{home}/.claude")
    return judged(fingerprint, files, project.approved)


def _project_at(files: ProjectFiles, path: str) -> Project:
    real = os.path.realpath(path)
    for project in files.all():
        if project.path == real and not project.fault:
            return project
    raise Problem(f"there is no project {real}: create it from a client first.")


def _show(directory: str, name: str, console: Console) -> None:
    """A part by its name, or that it cannot be shown. A link and a file may be named alike: both are shown."""
    console.tell(f"\n  {escaped(name)}")
    paths = dict.fromkeys(Path(directory, each) for each in (name, name.removesuffix(" (a link)")))
    there = [path for path in paths if os.path.lexists(path)]
    if not there:
        console.tell("    (cannot be shown here: look at it yourself before you approve it)")
    for path in there:
        _show_file(path, console)


def _show_file(path: Path, console: Console) -> None:
    """The beginning of a file, so that nothing in it can act on the terminal."""
    try:
        if not path.is_file():
            return
        with path.open("rb") as file:
            text = file.read(SHOWN_BYTES + 1).decode(errors="replace")
    except OSError as error:
        console.tell(f"    (cannot be read: {error.strerror})")
        return
    lines = text.splitlines()
    for line in lines[:SHOWN_LINES]:
        console.tell(f"    | {escaped(line)}")
    if len(lines) > SHOWN_LINES or len(text) > SHOWN_BYTES:
        console.tell("    (more follows)")


def _agrees(question: str, console: Console) -> bool:
    try:
        console.err.write(question)
        console.err.flush()
        return console.ask().strip().lower() in ("y", "yes")
    except EOFError:
        return False


# -- the data directory -------------------------------------------------------------------------------------


def _data_dir(chosen: argparse.Namespace, console: Console) -> str:
    """Spelt and chosen as the server does it."""
    path = chosen.data_dir or console.environment.get("PA_DATA_DIR") or "./data"
    return absolute(path, console.environment.get("HOME", ""), str(Path.cwd()))


def _existing(chosen: argparse.Namespace, console: Console) -> str:
    """The data directory for what makes no sense without one."""
    path = _data_dir(chosen, console)
    if not Path(path).is_dir():
        raise Problem(f"there is no data directory {path}: name the server's with --data-dir.")
    return prepared(path)


def _device_files(chosen: argparse.Namespace, console: Console) -> DeviceFiles:
    return DeviceFiles(f"{_existing(chosen, console)}/devices")


def _devices(files: DeviceFiles) -> Sequence[Device]:
    try:
        return files.all()
    except ValueError as error:
        raise Problem(str(error)) from None
