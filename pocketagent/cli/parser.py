# -*- test-case-name: tests.cli.test_parser -*-
"""The whole command line, with help that teaches.

A command names what it runs as a text, below `pocketagent.cli`: `main` imports it when it is chosen. Whoever adds one
writes a function here that is called by `parser`.
"""

from pocketagent.cli import device_parser, remote_parser
from pocketagent.cli.completion import SHELLS, completed
from pocketagent.cli.options import RAW, Commands, Words, data_dir_option
from pocketagent.version import VERSION

ABOUT = """\
A Pocket Agent Server: its devices, its trust and its health on this machine, and its agents from anywhere. The
server itself is `twistd pocketagent`."""

EXAMPLES = """\
on the server's machine:
  pocketagent pair                                  let a phone or a browser in: a picture to scan, and a link
  pocketagent token create --name laptop            a token for the owner's own laptop
  pocketagent token create --name guest --scope read --expires 12h
  pocketagent devices                               who may come in, and who came when
  pocketagent devices revoke phone                  closes its connections within a second
  pocketagent trust ~/code/app                      read and approve what a project's own files would run
  pocketagent audit show --since today              who did what; `audit verify`: whether that was changed
  pocketagent doctor                                why the server does not start, or does not work

once on each machine of yours:
  pocketagent connect                               meet the server here, or `connect my.host`; give it the token
  pocketagent connect LINK                          the same by the link that `pair` shows, and no token
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

DOCTOR = """\
examples:
  pocketagent doctor --data-dir ./data
  sudo -u pocketagent pocketagent doctor --config /etc/pocketagent.toml --data-dir /var/lib/pocketagent

The settings are those of the server: a file, PA_… variables, options; give it the same. Where a server runs on the
data directory, its environment and its limits are looked at. The exit code is 1 if there is a problem, 0 if not."""

AUDIT = """\
examples:
  pocketagent audit show --since today                who did what
  pocketagent audit show --json | jq 'select(.outcome != "ok")'
  pocketagent audit verify                            whether anything of it was changed, or is gone
  pocketagent audit verify --head 1234:5f0c…          and whether it is the log whose record you once noted

Each record has the hash of the one before. Who may write the files could write all of them anew: note the newest
record (`verify` prints it, and the server logs it at its start) somewhere else."""

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


def parser() -> Words:
    """The command line. What was chosen has, in `run`, the dotted name of the command."""
    made = Words("pocketagent", description=ABOUT, epilog=EXAMPLES, formatter_class=RAW)
    made.add_argument("--version", action="version", version=f"pocketagent {VERSION}")
    commands = made.add_subparsers(required=True, metavar="COMMAND", title="commands")
    _version(commands)
    device_parser.add(commands)
    _trust(commands)
    _audit(commands)
    _doctor(commands)
    _completion(commands)
    remote_parser.add(commands)
    return made


def _version(commands: Commands) -> None:
    version = commands.add_parser("version", help="print the version", description="Print the version.")
    version.set_defaults(run="version.show")


# -- trust --------------------------------------------------------------------------------------------------


def _trust(commands: Commands) -> None:
    trust = commands.add_parser(
        "trust", parents=[data_dir_option()], help="approve what a project's own files would run", formatter_class=RAW,
        description="Show the parts of a project that run without a question when the agent starts there (hooks,\n"
        "servers of .mcp.json, plugins and the like), and approve them as they are now. Until then, and again\n"
        "after each change of them, the agent works there without these parts.",
    )  # fmt: skip
    path = trust.add_argument("path", metavar="PATH", help="the project's directory")
    completed(path, "completion.directories")
    trust.add_argument("--yes", action="store_true", help="approve without a question")
    trust.set_defaults(run="trust.approve")


# -- audit --------------------------------------------------------------------------------------------------


def _audit(commands: Commands) -> None:
    audit = commands.add_parser(
        "audit", help="show and verify the log of who did what", epilog=AUDIT, formatter_class=RAW,
        description="The log of who did what with the server: what stands in it, and whether it was changed.",
    )  # fmt: skip
    actions = audit.add_subparsers(required=True, metavar="ACTION")

    show = actions.add_parser(
        "show", parents=[data_dir_option()], help="who did what",
        description="Show who did what, from where, and whether the server agreed; the newest last.",
    )  # fmt: skip
    show.add_argument("--since", metavar="TIME", help="2h or 3d (ago), today, yesterday, 2026-01-31, or a whole time")
    show.add_argument("--json", action="store_true", help="the records as they are written")
    show.set_defaults(run="audit.show")

    verify = actions.add_parser(
        "verify", parents=[data_dir_option()], help="whether anything of it was changed",
        description="Look whether the records are as they were written and whether one is missing. Exit code 1 if so.",
    )  # fmt: skip
    verify.add_argument("--head", metavar="N:HASH", help="a record that you once noted, which must still be there")
    verify.set_defaults(run="audit.verify")


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
