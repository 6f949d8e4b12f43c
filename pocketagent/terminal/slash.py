# -*- test-case-name: tests.terminal.test_slash -*-
"""The commands that are the terminal's own; every other text that begins with a slash goes to the agent."""

from collections.abc import Mapping

from attrs import frozen

OURS: Mapping[str, str] = {
    "/help": "keys and commands",
    "/json": "show the raw messages, or no longer",
    "/mode": "how much the agent asks: /mode plan (Tab cycles)",
    "/model": "which model answers: /model opus; /model alone goes back to the server's",
    "/new": "begin a new conversation",
    "/project": "go to another project: /project NAME",
    "/projects": "the projects and what they do",
    "/queue": "the prompts that wait",
    "/drop": "take a prompt out of the queue: /drop 1",
    "/kill": "kill the agent and everything it started",
    "/trust": "approve what this project's own files would run",
    "/quit": "leave; the agent goes on",
}
"""What each does, for a person."""

SHORT = {"/exit": "/quit", "/q": "/quit", "/?": "/help"}

HELP = """\
Enter sends, \\ Enter or Alt-Enter begins a new line; what you write while the agent works waits in its queue.
Ctrl-C interrupts the agent, a second one kills it; Ctrl-D leaves, and the agent goes on.
Tab cycles the permission mode, or completes; Up and Down go through what you wrote, Ctrl-R searches it.
Ctrl-O shows all of the last tool call, Ctrl-L clears the screen, Ctrl-Z goes to the shell and fg comes back.
Tab leaves a question for the composer, Esc goes back to it."""


@frozen
class Slash:
    """A command of ours. `name` is one of OURS, `rest` what stands behind it."""

    name: str
    rest: str


def slash(text: str) -> Slash | None:
    """The command that a text is; None for what is meant for the agent."""
    name, *rest = text.split(maxsplit=1) or [""]
    name = SHORT.get(name, name)
    return Slash(name, "".join(rest).strip()) if name in OURS and "\n" not in text.strip() else None
