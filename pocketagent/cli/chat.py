# -*- test-case-name: tests.end_to_end.test_chat -*-
"""`pocketagent chat`: the terminal client, on a terminal."""

import argparse
import asyncio
import locale
import sys
from pathlib import Path

from pocketagent.cli.console import Console, Problem
from pocketagent.cli.remote import profiles, told


def chat(chosen: argparse.Namespace, console: Console) -> int:
    """Talk until the person leaves. Raises Problem."""
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
