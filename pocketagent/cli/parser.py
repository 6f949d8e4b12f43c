# -*- test-case-name: tests.cli.test_parser -*-
"""The whole command line, with help that teaches.

A command names what it runs as a text, below `pocketagent.cli`: `main` imports it when it is chosen. Whoever adds one
writes a function here that is called by `parser`.
"""

import argparse
import re
from typing import TypeAlias

from pocketagent.cli import remote_parser
from pocketagent.cli.completion import SHELLS, completed
from pocketagent.domain.access import Scope, device_name
from pocketagent.version import VERSION

MINUTE, DAY = 60, 86400
UNITS = {"m": MINUTE, "h": 3600, "d": DAY, "w": 7 * DAY, "y": 365 * DAY}
LONGEST = 100 * UNITS["y"]
"""The longest time in which a token expires: clocks and databases know years of four digits."""

ABOUT = """\
A Pocket Agent Server: its devices, its trust and its health on this machine, and its agents from anywhere. The
server itself is `twistd pocketagent`."""

EXAMPLES = """\
on the server's machine:
  pocketagent token create --name phone             a token for the owner's own phone
  pocketagent token create --name guest --scope read --expires 12h
  pocketagent token list                            who may come in
  pocketagent token revoke phone                    closes its connections within a second
  pocketagent trust ~/code/app                      read and approve what a project's own files would run
  pocketagent doctor                                why the server does not start, or does not work

once on each machine of yours:
  pocketagent connect                               meet the server here, or `connect my.host`; give it the token
  pocketagent profiles                              which servers are known here
  pocketagent completion bash                       what lets your shell complete all this

then, in person:
  pocketagent chat                                  work with the agent in this directory
  pocketagent projects                              what there is, and what is at work
  pocketagent create ~/code/app                     make a project of a directory
  pocketagent log app --since 2h                    what was said
  pocketagent interrupt app                         end the running turn; `kill` with its process
  pocketagent delete app                            forget a project, never its directory

from scripts (`pocketagent run --help` has the exit codes):
  pocketagent run app 'Are the tests good enough?'
  git diff | pocketagent run . --permission deny > review.md
  pocketagent run app 'Mend the build.' --queue --permission allow --timeout 15m --json
  pocketagent log app --follow --json               every event, as it happens
  pocketagent health && pocketagent stats --json

The data directory is --data-dir, else $PA_DATA_DIR, else ./data: the same one as the server's. Which server is meant
is said by --profile, else it is the default profile."""

SCOPES = """\
scopes, each with what stands before it:
  read      sees every project, its prompts and its answers
  execute   gives the agent work, which is a shell on this machine
  admin     creates and deletes projects, and approves what they may run
and apart from them:
  metrics   reads /metrics, for Prometheus, and nothing else"""

DOCTOR = """\
examples:
  pocketagent doctor --data-dir ./data
  sudo -u pocketagent pocketagent doctor --config /etc/pocketagent.toml --data-dir /var/lib/pocketagent

The settings are those of the server: a file, PA_… variables, options; give it the same. Where a server runs on the
data directory, its environment and its limits are looked at. The exit code is 1 if there is a problem, 0 if not."""

COMPLETION = """\
bash, for good (with the package bash-completion), or in ~/.bashrc:
  pocketagent completion bash > ~/.local/share/bash-completion/completions/pocketagent
  eval "$(pocketagent completion bash)"

zsh, in a directory of $fpath, before compinit; or in ~/.zshrc, after it:
  pocketagent completion zsh > ~/.zfunc/_pocketagent      (with `fpath+=(~/.zfunc)` in ~/.zshrc)
  eval "$(pocketagent completion zsh)"

fish:
  pocketagent completion fish > ~/.config/fish/completions/pocketagent.fish

It completes commands, options and their values, devices, projects, profiles and paths."""

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
RAW = argparse.RawDescriptionHelpFormatter


def parser() -> argparse.ArgumentParser:
    """The command line. What was chosen has, in `run`, the dotted name of the command."""
    made = argparse.ArgumentParser("pocketagent", description=ABOUT, epilog=EXAMPLES, formatter_class=RAW)
    made.add_argument("--version", action="version", version=f"pocketagent {VERSION}")
    commands = made.add_subparsers(required=True, metavar="COMMAND", title="commands")
    _version(commands)
    _token(commands)
    _trust(commands)
    _doctor(commands)
    _completion(commands)
    remote_parser.add(commands)
    return made


def _data_dir() -> argparse.ArgumentParser:
    """The option of every command that works on the server's files: a parent for its parser."""
    parent = argparse.ArgumentParser(add_help=False)
    option = parent.add_argument("--data-dir", metavar="PATH", help="the server's data directory")
    completed(option, "completion.directories")
    return parent


def _version(commands: Commands) -> None:
    commands.add_parser("version", help="print the version").set_defaults(run="version.show")


# -- tokens -------------------------------------------------------------------------------------------------


def _token(commands: Commands) -> None:
    tokens = commands.add_parser(
        "token", help="make, list and revoke the tokens of devices", epilog=SCOPES, formatter_class=RAW
    ).add_subparsers(required=True, metavar="ACTION")

    create = tokens.add_parser(
        "create", parents=[_data_dir()], help="print a new token", epilog=SCOPES, formatter_class=RAW,
        description="Make a device and print its token, which is shown only now: the server keeps a hash of it.",
    )  # fmt: skip
    create.add_argument("--name", type=name, required=True, help="how people call the device")
    scopes = [scope.value for scope in Scope]
    create.add_argument("--scope", choices=scopes, default=Scope.ADMIN.value, help="what it may do (default: admin)")
    create.add_argument("--expires", type=expiry, metavar="TIME", help="30m, 12h, 90d, 2y (default: never)")
    create.add_argument("--if-none", action="store_true", help="only if there is no device yet")
    create.set_defaults(run="tokens.create")

    listing = tokens.add_parser("list", parents=[_data_dir()], help="show the devices")
    listing.add_argument("--json", action="store_true", help="as JSON, for a program")
    listing.set_defaults(run="tokens.show")

    revoke = tokens.add_parser("revoke", parents=[_data_dir()], help="take a device's right to come in")
    device = revoke.add_argument("device", metavar="ID|NAME", help="the device, as `token list` shows it")
    completed(device, "tokens.offered")
    revoke.set_defaults(run="tokens.revoke")


def expiry(text: str) -> int:
    """A duration such as 30m, 12h, 90d, 8w, 2y -> seconds. Raises ArgumentTypeError (AU-05)."""
    found = re.fullmatch(r"([1-9][0-9]{0,8})([mhdwy])", text, re.ASCII)
    seconds = int(found[1]) * UNITS[found[2]] if found else 0
    if not 0 < seconds <= LONGEST:
        raise argparse.ArgumentTypeError("a time is a number and one of m, h, d, w, y, at most 100y: 30m, 12h, 90d, 2y")
    return seconds


def name(text: str) -> str:
    """A device's name. Raises ArgumentTypeError."""
    try:
        return device_name(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


# -- trust --------------------------------------------------------------------------------------------------


def _trust(commands: Commands) -> None:
    trust = commands.add_parser(
        "trust", parents=[_data_dir()], help="approve what a project's own files would run", formatter_class=RAW,
        description="Show the parts of a project that run without a question when the agent starts there (hooks,\n"
        "servers of .mcp.json, plugins and the like), and approve them as they are now. Until then, and again\n"
        "after each change of them, the agent works there without these parts.",
    )  # fmt: skip
    path = trust.add_argument("path", metavar="PATH", help="the project's directory")
    completed(path, "completion.directories")
    trust.add_argument("--yes", action="store_true", help="approve without a question")
    trust.set_defaults(run="trust.approve")


# -- doctor -------------------------------------------------------------------------------------------------


def _doctor(commands: Commands) -> None:
    doctor = commands.add_parser(
        "doctor", help="look for what keeps the server from working, and say what to do",
        epilog=DOCTOR, formatter_class=RAW,
        description="Look at everything that the server needs, as its user and with its settings: the user, the data\n"
        "directory and its disk, the Claude CLI and its login, the certificate, the port, the clock and the limits.\n"
        "One line each, and a second one with what to do. It changes nothing.",
    )  # fmt: skip
    doctor.add_argument("--json", action="store_true", help="as JSON, for a program")
    config = doctor.add_argument("--config", metavar="FILE", help="the server's file of settings")
    completed(config, "completion.files")
    for option, key, sign, words in (
        ("data-dir", "data_dir", "PATH", "its data directory"),
        ("claude", "claude", "PATH", "its Claude CLI"),
        ("port", "port", "N", "its port"),
        ("certificate", "certificate", "PATH", "its certificate, where that is given"),
        ("private-key", "private_key", "PATH", "the key of it"),
        ("connections", "connections", "N", "how many connections it may have"),
        ("handshakes", "handshakes", "N", "how many more may be about to come in"),
    ):
        action = doctor.add_argument(f"--{option}", dest=key, metavar=sign, help=words)
        if sign == "PATH":
            completed(action, "completion.directories" if key == "data_dir" else "completion.files")
    doctor.add_argument("--host", action="append", metavar="ADDRESS", help="where it listens; may be repeated")
    doctor.add_argument("--name", action="append", dest="names", metavar="NAME", help="its names; may be repeated")
    doctor.add_argument("--plaintext", action="store_true", help="it has no TLS")
    doctor.add_argument("--allow-root", action="store_true", help="it may run as root")
    doctor.set_defaults(run="doctor.examination.examine")


# -- the shell ----------------------------------------------------------------------------------------------


def _completion(commands: Commands) -> None:
    completion = commands.add_parser(
        "completion", help="print what makes a shell complete these commands", epilog=COMPLETION, formatter_class=RAW,
        description="Print a script for the shell: with it, Tab completes what was begun.",
    )  # fmt: skip
    completion.add_argument("shell", choices=SHELLS, help="which shell it is for")
    completion.set_defaults(run="completion.show")
