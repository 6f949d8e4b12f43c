# -*- test-case-name: tests.cli.test_parser -*-
"""The part of the command line that is about a server, here or elsewhere: `connect`, and what one does then."""

from pocketagent.cli import script_parser
from pocketagent.cli.completion import completed
from pocketagent.cli.options import RAW, Commands, profile_option

DEFAULT_URL = "wss://localhost:8443"

CONNECT = """\
examples:
  pocketagent connect                                    the server on this machine
  pocketagent connect my.host --profile home             wss://my.host:8443, kept under the name `home`
  pocketagent connect my.host --fingerprint kJ8…=        without a question: only this key will do
  pocketagent connect wss://my.host --ca authority.pem   whoever has a certificate of this authority
  pass show laptop | pocketagent connect --yes           the token from a script, the key taken as it is
  pocketagent connect 'https://my.host:8443/#pair=…'     the link of `pocketagent pair`, in the place of key and token
  pocketagent connect -                                  that link asked for and not shown, or read from stdin

The token is asked for and not shown, or read from stdin; `pocketagent token create` on the server's machine
makes it. A profile has the token in it, so its file in ~/.config/pocketagent/profiles is for you alone."""

PROFILES = """\
examples:
  pocketagent profiles                      which servers are known
  pocketagent profiles default home         commands without --profile go there
  pocketagent profiles remove home          forget it, and its token"""


def add(commands: Commands) -> None:
    _connect(commands)
    _profiles(commands)
    _chat(commands)
    script_parser.add(commands)


# -- servers ------------------------------------------------------------------------------------------------


def _connect(commands: Commands) -> None:
    connect = commands.add_parser(
        "connect", help="meet a server and keep a profile of it", epilog=CONNECT, formatter_class=RAW,
        description="Look at a server, make sure with you that it is yours, and keep how to come in.",
    )  # fmt: skip
    connect.add_argument(
        "url", metavar="URL|LINK", nargs="?", default=DEFAULT_URL, help=f"a server, or a link; default: {DEFAULT_URL}"
    )
    option = connect.add_argument("--profile", metavar="NAME", help="what to call it (default: the name of the host)")
    completed(option, "completing.profiles")
    known = connect.add_mutually_exclusive_group()
    known.add_argument("--fingerprint", metavar="FP", help="the key that it must have, as the server prints it")
    ca = known.add_argument("--ca", metavar="FILE", help="the CA that must vouch for it, in PEM")
    completed(ca, "completion.files")
    known.add_argument("--yes", action="store_true", help="take whoever answers there for the right one")
    connect.add_argument("--default", action="store_true", help="make it the default (the first one is)")
    connect.set_defaults(run="connecting.connect")


def _profiles(commands: Commands) -> None:
    profiles = commands.add_parser(
        "profiles", help="show the servers that are known", epilog=PROFILES, formatter_class=RAW,
        description="Show the servers that this machine has met with `connect`.",
    )  # fmt: skip
    profiles.add_argument("--json", action="store_true", help="as JSON, for a program")
    profiles.set_defaults(run="profiles.show")
    actions = profiles.add_subparsers(metavar="ACTION")
    for action, function, help_, description in (
        ("remove", "profiles.remove", "forget one, and its token", "Forget a server, and the token for it."),
        ("default", "profiles.choose", "commands without --profile go there", "Commands without --profile go there."),
    ):
        one = actions.add_parser(action, help=help_, description=description)
        completed(one.add_argument("name", metavar="NAME"), "completing.profiles")
        one.set_defaults(run=function)


# -- the terminal client ------------------------------------------------------------------------------------

CHAT = """\
examples:
  pocketagent chat                  the project in which this directory lies, or a new one here
  pocketagent chat app              the project of this name
  pocketagent chat ~/code/app       the project in this directory

Enter sends, Tab cycles the permission mode, Ctrl-C interrupts the agent and a second one kills it, Ctrl-D leaves
while the agent goes on. /help shows all keys and commands. What a tool asks for is answered with one key."""


def _chat(commands: Commands) -> None:
    chat = commands.add_parser(
        "chat", parents=[profile_option()], help="talk with the agent of a project", epilog=CHAT, formatter_class=RAW,
        description="The terminal client: see the agent work, live, answer what it asks, and give it work.",
    )  # fmt: skip
    project = chat.add_argument(
        "project", metavar="PROJECT|PATH", nargs="?", default=".", help="default: this directory"
    )  # fmt: skip
    completed(project, "completing.projects")
    chat.set_defaults(run="chat.chat")
