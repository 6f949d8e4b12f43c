# -*- test-case-name: tests.end_to_end.test_chat -*-
"""`pocketagent chat`: the terminal client on a terminal, and line by line elsewhere."""

import argparse
import asyncio
import locale
import sys
from pathlib import Path

from pocketagent.cli.console import Console, Problem
from pocketagent.cli.remote import profiles, told


def chat(chosen: argparse.Namespace, console: Console) -> int:
    """Talk until the person leaves. Raises Problem."""
    if console.inp.isatty() and console.out.isatty():
        return _on_terminal(chosen, console)
    return _by_line(chosen, console)


def _by_line(chosen: argparse.Namespace, console: Console) -> int:
    """Each line of stdin is a prompt for `pocketagent run`; the last exit code that was not 0."""
    from pocketagent.cli.parser import parser
    from pocketagent.cli.run import MAX_PROMPT, run, too_long

    profile = ["--profile", chosen.profile] if chosen.profile else []
    words = ["run", "--queue", *profile, "--", chosen.project]
    code = 0
    # A character is a byte at least.
    while line := console.inp.readline(MAX_PROMPT):
        if len(line.encode(errors="replace")) >= MAX_PROMPT:
            raise too_long()
        prompt = line.rstrip("\n")
        if prompt.strip():
            # A lone dash would mean stdin itself.
            code = run(parser().parse_args([*words, "- " if prompt == "-" else prompt]), console) or code
    return code


def _on_terminal(chosen: argparse.Namespace, console: Console) -> int:
    with told():
        server = profiles(console).get(chosen.profile).server
    from prompt_toolkit.input.defaults import create_input
    from prompt_toolkit.output.vt100 import Vt100_Output

    from pocketagent.terminal.chat import Chat, Terminal

    output = Vt100_Output.from_pty(sys.stdout, term=console.environment.get("TERM"))
    output.enable_cpr = False  # no question to the terminal: the answer would take a way over ssh at each line
    terminal = Terminal(
        input=create_input(),
        output=output,
        place=Path.cwd(),
        history=_history(),
        has_colour=not console.environment.get("NO_COLOR") and console.environment.get("TERM") != "dumb",
        has_unicode=locale.getpreferredencoding().lower().replace("-", "") == "utf8",
    )

    async def talk() -> int:
        conversation = Chat(server, chosen.project, terminal)
        code = await conversation.run()
        if conversation.farewell:
            raise Problem(conversation.farewell, code)
        return code

    return asyncio.run(talk())


def _history() -> Path:
    from platformdirs import user_state_dir

    return Path(user_state_dir("pocketagent")) / "prompts"
