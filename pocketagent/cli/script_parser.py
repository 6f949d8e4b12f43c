# -*- test-case-name: tests.cli.test_parser -*-
"""The part of the command line for scripts: commands that do one thing with a server and end."""

import argparse
import math
import re

from pocketagent.cli.completion import completed
from pocketagent.cli.options import RAW, Commands, profile_option

MODES = ("default", "acceptEdits", "plan", "auto", "dontAsk", "bypassPermissions")
"""Those of `domain.agent`, which would have to be imported for every command."""

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}

RUN = """\
examples:
  pocketagent run app 'Are the tests good enough?'
  pocketagent run . - < prompt.txt                           the project around this directory
  git diff | pocketagent run app --permission deny > review.md
  pocketagent run app 'Why does it look like this?' --attach screen.png
  pocketagent run app 'Mend the build.' --queue --permission allow --timeout 15m
  pocketagent run app 'List the files.' --json | jq -r 'select(.data.type == "result") | .data.result'

What the agent says goes to stdout, as it says it, each of its texts ended by an end of line; everything else goes to
stderr. With --json each message about this turn is a line, as the server sent it. Ctrl-C interrupts the turn, a second
one kills it, a third one leaves it. A lost connection is made again, and no word is missed.

--permission answers what the agent asks: deny and allow without a person, ask at the terminal (the default where there
is one, else deny). With allow the agent may do whatever it asks for; it is a shell on the server's machine.

exit codes:
  0    the turn is complete
  1    it failed, or ended at its bound of money
  2    the command was misunderstood
  3    there was no connection, or the server did not let this device in
  4    the server refused: no such project, not allowed, an execution runs there already …
  5    it was interrupted, killed or dropped, or the server stopped meanwhile
  124  it took longer than its time bound"""

LOG = """\
examples:
  pocketagent log app                      all of it, the oldest first
  pocketagent log app --limit 20           the last 20 events
  pocketagent log app --since yesterday
  pocketagent log . --since 2h --follow    and on, until Ctrl-C
  pocketagent log app --json | jq -r 'select(.type == "client_message") | .data.prompt'"""

CREATE = """\
examples:
  pocketagent create ~/code/app
  pocketagent create . --name 'The app'

The directory must be on the server's machine and inside its setting `roots`. The id of the project is printed.
What the directory would run by itself (hooks, MCP servers …) is left out until it is trusted; then --trust takes the
fingerprint that was shown."""

PROJECT = "an id or its beginning, a name, or a path in the project"


def add(commands: Commands) -> None:
    _run(commands)
    _projects(commands)
    _log(commands)
    _stopping(commands)
    _figures(commands)


def _with_project(parser: argparse.ArgumentParser) -> None:
    completed(parser.add_argument("project", metavar="PROJECT", help=PROJECT), "completing.projects")


# -- run ----------------------------------------------------------------------------------------------------


def _run(commands: Commands) -> None:
    run = commands.add_parser(
        "run", parents=[profile_option()], help="give the agent a prompt and print what it says", epilog=RUN,
        formatter_class=RAW, description="Run one prompt in a project, wait for its end, and say by the exit code how.",
    )  # fmt: skip
    _with_project(run)
    run.add_argument(
        "prompt", metavar="PROMPT", nargs="?", default="-", help="what the agent should do (default: stdin)"
    )
    attach = "a picture, a PDF or a text that the agent sees beside the prompt; may be repeated"
    run.add_argument("--attach", metavar="FILE", action="append", help=attach)
    run.add_argument("--queue", action="store_true", help="wait for what runs there already")
    run.add_argument("--model", metavar="NAME", help="the model, such as opus")
    help_ = f"how much is asked: {', '.join(MODES)}"
    run.add_argument("--permission-mode", choices=MODES, metavar="MODE", help=help_)
    tools = "a tool that is not asked for, such as 'Bash(make test:*)'; may be repeated"
    run.add_argument("--allowed-tools", metavar="TOOL", action="append", help=tools)
    run.add_argument("--permission", choices=("deny", "allow", "ask"), help="what to answer when the agent asks")
    run.add_argument("--timeout", type=seconds, metavar="TIME", help="time bound of the turn: 90s, 15m, 2h")
    run.add_argument("--max-budget-usd", type=dollars, metavar="USD", help="what it may cost")
    run.add_argument("--json", action="store_true", help="print each message as a line of JSON")
    run.add_argument("--quiet", action="store_true", help="no notices on stderr, only what went wrong")
    run.set_defaults(run="run.run")


def seconds(text: str) -> float:
    """A duration such as 90, 90s, 15m, 2h -> seconds. Raises ArgumentTypeError."""
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smhd]?)", text, re.ASCII)
    time = float(found[1]) * UNITS[found[2]] if found else 0.0
    if not time > 0:
        raise argparse.ArgumentTypeError("a time is a number and one of s, m, h, d: 90s, 15m, 2h")
    return time


def dollars(text: str) -> float:
    """Raises ArgumentTypeError."""
    try:
        amount = float(text)
    except ValueError:
        amount = 0.0
    if not (math.isfinite(amount) and amount > 0):
        raise argparse.ArgumentTypeError("a budget is a number of dollars above 0, such as 0.50")
    return amount


# -- projects -----------------------------------------------------------------------------------------------


def _projects(commands: Commands) -> None:
    projects = commands.add_parser(
        "projects", parents=[profile_option()], help="show the server's projects",
        description="Show the server's projects: what each does, where it lies, when something last happened there.",
    )  # fmt: skip
    projects.add_argument("--json", action="store_true", help="as JSON, for a program")
    projects.set_defaults(run="projects.show")

    create = commands.add_parser(
        "create", parents=[profile_option()], help="make a project of a directory", epilog=CREATE, formatter_class=RAW,
        description="Make a project of a directory on the server's machine: from then on an agent can work there.",
    )  # fmt: skip
    path = create.add_argument("path", metavar="PATH", help="the directory, on the server's machine")
    completed(path, "completion.directories")
    create.add_argument("--name", help="what to call it (default: the name of the directory)")
    create.add_argument("--trust", metavar="FINGERPRINT", help="approve what its files would run, as it was shown")
    create.set_defaults(run="projects.create")

    delete = commands.add_parser(
        "delete", parents=[profile_option()], help="delete a project and its history, never its directory",
        description="Delete a project with all that was said in it. Its directory stays as it is.",
    )  # fmt: skip
    _with_project(delete)
    delete.add_argument("--yes", action="store_true", help="without a question")
    delete.set_defaults(run="projects.delete")


def _log(commands: Commands) -> None:
    log = commands.add_parser(
        "log", parents=[profile_option()], help="show what was said in a project", epilog=LOG, formatter_class=RAW,
        description="Show what was said and done in a project, the newest last.",
    )  # fmt: skip
    _with_project(log)
    log.add_argument("--follow", action="store_true", help="go on with what is said from now on")
    log.add_argument("--since", metavar="TIME", help="2h, 3d, today, yesterday, 2026-01-31, 2026-01-31T12:00:00Z")
    log.add_argument("--limit", type=count, metavar="N", help="only the last N events")
    log.add_argument("--json", action="store_true", help="each event as a line of JSON")
    log.set_defaults(run="log.log")


def count(text: str) -> int:
    """Raises ArgumentTypeError."""
    if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII):
        raise argparse.ArgumentTypeError("a number, such as 20")
    return int(text)


# -- what runs, and how the server is -----------------------------------------------------------------------


def _stopping(commands: Commands) -> None:
    for name, help_, description in (
        (
            "interrupt",
            "end the running turn; the conversation goes on with the next prompt",
            "End what the agent does in a project now. The conversation goes on with the next prompt.",
        ),
        (
            "kill",
            "end the running turn with its process and all that it started",
            "End what the agent does in a project now, with its process and everything that it started. Prompts that "
            "wait are dropped.",
        ),
    ):
        one = commands.add_parser(name, parents=[profile_option()], help=help_, description=description)
        _with_project(one)
        one.set_defaults(run=f"projects.{name}")


def _figures(commands: Commands) -> None:
    stats = commands.add_parser(
        "stats", parents=[profile_option()], help="show the server's figures",
        description="Show the server's figures: its projects, its memory, and who is connected.",
    )  # fmt: skip
    stats.add_argument("--watch", action="store_true", help="again every 10 seconds, until Ctrl-C")
    stats.add_argument("--json", action="store_true", help="as a line of JSON")
    stats.set_defaults(run="figures.stats")

    health = commands.add_parser(
        "health", parents=[profile_option()], help="show how well the server is",
        description="Show how well the server is, check by check. The exit code is 1 when it is unhealthy.",
    )  # fmt: skip
    health.add_argument("--json", action="store_true", help="as JSON, for a program")
    health.set_defaults(run="figures.health")
