# -*- test-case-name: tests.cli.test_parser -*-
"""The part of the command line that says who may come in: `pair`, `devices`, `token`."""

import argparse
import re

from pocketagent.cli.completion import completed
from pocketagent.cli.options import RAW, Commands, data_dir_option
from pocketagent.domain.access import Scope, device_name

MINUTE, DAY = 60, 86400
UNITS = {"m": MINUTE, "h": 3600, "d": DAY, "w": 7 * DAY, "y": 365 * DAY}
LONGEST = 100 * UNITS["y"]
"""The longest time in which a device expires: clocks and databases know years of four digits."""
NEVER = "never"

SCOPES = """\
scopes, each with what stands before it:
  read      sees every project, its prompts and its answers
  execute   gives the agent work, which is a shell on this machine
  admin     creates and deletes projects, and approves what they may run
and apart from them:
  metrics   reads /metrics, for Prometheus, and nothing else"""

PAIR = f"""\
examples:
  pocketagent pair                                    the owner's own phone: scan the picture
  pocketagent pair --name 'guest tablet' --scope read --expires 12h
  pocketagent pair --host my.example.org              by this one of the server's names
  pocketagent pair --host my.example.org:443          … by way of a router or a proxy on that port

The link stands alone on stdout; `pocketagent connect LINK` takes it on another machine. It is good once, for 5
minutes, and until 5 wrong codes were tried, from wherever. Ctrl-C withdraws it.

{SCOPES}"""

DEVICES = """\
examples:
  pocketagent devices                                 who may come in, and who came when
  pocketagent devices rename phone 'old phone'
  pocketagent devices expire 'old phone' 2w           from now on; `never` takes an end away again
  pocketagent devices revoke 'old phone'              closes its connections within a second"""


def add(commands: Commands) -> None:
    _pair(commands)
    _devices(commands)
    _token(commands)


def _pair(commands: Commands) -> None:
    pair = commands.add_parser(
        "pair", parents=[data_dir_option()], help="let a new device in by a picture or a link",
        epilog=PAIR, formatter_class=RAW,
        description="Show a code that a phone scans or a browser opens, beside the running server, and wait for it.",
    )  # fmt: skip
    pair.add_argument("--name", type=name, help="how people call the device (default: as it says itself)")
    _rights(pair)
    pair.add_argument("--host", metavar="HOST[:PORT]", help="under which name the device finds the server")
    pair.set_defaults(run="pairing.pair")


def _devices(commands: Commands) -> None:
    devices = commands.add_parser(
        "devices", parents=[data_dir_option()], help="show, rename, end and revoke the devices",
        epilog=DEVICES, formatter_class=RAW,
        description="Show the devices that may come in, what each may do, and when it was last here; or change one.",
    )  # fmt: skip
    _listing(devices)
    actions = devices.add_subparsers(metavar="ACTION")

    def action(word: str, words: str, description: str) -> argparse.ArgumentParser:
        shared = data_dir_option(argparse.SUPPRESS)
        return actions.add_parser(word, parents=[shared], help=words, description=description)

    _listing(action("list", "show them", "Show the devices, as `devices` alone does."), argparse.SUPPRESS)
    rename = action("rename", "call one otherwise", "Give a device another name.")
    _device(rename)
    rename.add_argument("name", type=name, metavar="NEW", help="how people call it from now on")
    rename.set_defaults(run="devices.rename")
    expire = action("expire", "give one an end, or take it away", "Say until when a device may come in.")
    _device(expire)
    expire.add_argument("expires", type=end, metavar="TIME", help="30m, 12h, 90d, 2y from now, or `never`")
    expire.set_defaults(run="devices.expire")
    revoke = "Let a device in no more; its connections are closed within a second."
    _revoking(action("revoke", "take one's right to come in", revoke))


def _token(commands: Commands) -> None:
    tokens = commands.add_parser(
        "token",
        help="make a token for a program; list and revoke devices",
        epilog=SCOPES,
        formatter_class=RAW,
        description="Make the token by which a program comes in; or see and end those that there are.",
    ).add_subparsers(required=True, metavar="ACTION")
    create = tokens.add_parser(
        "create", parents=[data_dir_option()], help="print a new token", epilog=SCOPES, formatter_class=RAW,
        description="Make a device and print its token, which is shown only now: the server keeps a hash of it.",
    )  # fmt: skip
    create.add_argument("--name", type=name, required=True, help="how people call the device")
    _rights(create)
    create.add_argument("--if-none", action="store_true", help="only if there is no device yet")
    create.set_defaults(run="tokens.create")
    for word, fill in (("list", _listing), ("revoke", _revoking)):
        same = f"the same as `devices {word}`"
        fill(tokens.add_parser(word, parents=[data_dir_option()], help=same, description=f"T{same[1:]}."))


def _rights(command: argparse.ArgumentParser) -> None:
    """What a new device may do, and how long."""
    scopes = [scope.value for scope in Scope]
    command.add_argument("--scope", choices=scopes, default=Scope.ADMIN.value, help="what it may do (default: admin)")
    command.add_argument("--expires", type=expiry, metavar="TIME", help="30m, 12h, 90d, 2y (default: never)")


def _listing(command: argparse.ArgumentParser, default: object = False) -> None:
    command.add_argument("--json", action="store_true", default=default, help="as JSON, for a program")
    command.set_defaults(run="devices.show")


def _revoking(command: argparse.ArgumentParser) -> None:
    _device(command)
    command.set_defaults(run="devices.revoke")


def _device(command: argparse.ArgumentParser) -> None:
    device = command.add_argument("device", metavar="ID|NAME", help="the device, as `devices` shows it")
    completed(device, "devices.offered")


def expiry(text: str) -> int:
    """A duration such as 30m, 12h, 90d, 8w, 2y -> seconds. Raises ArgumentTypeError (AU-05)."""
    found = re.fullmatch(r"([1-9][0-9]{0,8})([mhdwy])", text, re.ASCII)
    seconds = int(found[1]) * UNITS[found[2]] if found else 0
    if not 0 < seconds <= LONGEST:
        raise argparse.ArgumentTypeError("a time is a number and one of m, h, d, w, y, at most 100y: 30m, 12h, 90d, 2y")
    return seconds


def end(text: str) -> int | None:
    """The same; None for `never`. Raises ArgumentTypeError."""
    return None if text == NEVER else expiry(text)


def name(text: str) -> str:
    """A device's name. Raises ArgumentTypeError."""
    try:
        return device_name(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
