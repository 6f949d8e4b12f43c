# -*- test-case-name: tests.terminal.test_tools -*-
"""What the agent does with a tool, in a line that a person understands.

What comes out is one line and harmless, whatever the agent gave.
"""

import json
from collections.abc import Callable, Mapping
from typing import NamedTuple

from pocketagent.domain.text import harmless
from pocketagent.wire import foreign

MAX_SUBJECT = 500
"""Characters of a subject."""

Input = Mapping[str, object]


class Headline(NamedTuple):
    """What is done, and what it is done to: `Read`, `src/app.py (lines 10-50)`. The subject may be empty."""

    title: str
    subject: str


def headline(name: str, input: Input, root: str) -> Headline:
    """The call of a tool in one line; paths within `root`, the project's directory, are told from there."""
    if name in _TOOLS:
        title, subject = _TOOLS[name]
        told = subject(input, root.rstrip("/"))
    else:
        title = " · ".join(name.split("__", 2)[1:]) if name.startswith("mcp__") else name
        told = _telling(input, root.rstrip("/"))
    return Headline(one_line(title, MAX_SUBJECT), one_line(told, MAX_SUBJECT))


def relative(path: str, root: str) -> str:
    """A path as it is told in a project whose directory is `root`."""
    if not root or root == "/":
        return path
    return "." if path == root else path.removeprefix(f"{root}/")


def counted(number: int, thing: str) -> str:
    """`1 line`, `1,200 lines`."""
    plural = thing[:-1] + "ies" if thing.endswith("y") else thing + ("es" if thing.endswith("ch") else "s")
    return f"{number:,} {thing if number == 1 else plural}"


def one_line(text: str, limit: int) -> str:
    """The first line that says something, harmless, of at most so many characters; a `…` where there was more."""
    lines = text[: 4 * limit].strip().splitlines() or [""]
    first = " ".join(harmless(lines[0]).split())
    more = len(lines) > 1 or len(text) > 4 * limit or len(first) > limit
    return f"{first[: limit - 2]} …" if more else first


# -- what is done -------------------------------------------------------------------------------------------


def _text(given: Mapping[str, object], name: str) -> str:
    found = given.get(name)
    return found if isinstance(found, str) else ""


def _of(*names: str) -> Callable[[Input, str], str]:
    """The first of these arguments that is given."""
    return lambda given, root: next((found for name in names if (found := _text(given, name))), "")


def _path(*names: str) -> Callable[[Input, str], str]:
    first = _of(*names)
    return lambda given, root: relative(first(given, root), root)


def _command(given: Input, root: str) -> str:
    return _text(given, "command").replace("\\\n", " ")


def _read(given: Input, root: str) -> str:
    path = relative(_text(given, "file_path"), root)
    first, many, pages = foreign.whole(given.get("offset")), foreign.whole(given.get("limit")), given.get("pages")
    if isinstance(pages, str | int) and pages:
        return f"{path} (pages {pages})"
    if many is not None:
        start = max(1, first or 1)
        return f"{path} (lines {start}–{start + many - 1})" if many != 1 else f"{path} (line {start})"
    return f"{path} (from line {first})" if first is not None and first > 1 else path


def _grep(given: Input, root: str) -> str:
    path, names = relative(_text(given, "path"), root), _of("glob", "type")(given, root)
    where = f" in {path}" if path and path != "." else ""
    return f'"{_text(given, "pattern")}"{where}' + (f" ({names})" if names else "")


def _glob(given: Input, root: str) -> str:
    path = relative(_text(given, "path"), root)
    return _text(given, "pattern") + (f" in {path}" if path and path != "." else "")


def _notebook(given: Input, root: str) -> str:
    path, cell = relative(_of("notebook_path", "file_path")(given, root), root), given.get("cell_id")
    return f"{path} (cell {cell})" if isinstance(cell, str | int) and cell != "" else path


def _quoted(*names: str) -> Callable[[Input, str], str]:
    first = _of(*names)
    return lambda given, root: f'"{first(given, root)}"'


def _agent(given: Input, root: str) -> str:
    kind, told = _text(given, "subagent_type"), _of("description", "prompt")(given, root)
    return f"{kind}: {told}" if kind and kind != "general-purpose" else told


def _skill(given: Input, root: str) -> str:
    return f"{_of('skill', 'command', 'name')(given, root)} {_text(given, 'args')}".strip()


def _questions(given: Input, root: str) -> str:
    asked = [_text(one, "question") for one in foreign.objects(given.get("questions"))]
    return asked[0] + (f" (+{len(asked) - 1})" if len(asked) > 1 else "") if asked else ""


def _task(given: Input, root: str) -> str:
    number = given.get("taskId", given.get("task_id", ""))
    told = [f"#{number}" if isinstance(number, str | int) and number != "" else "", _text(given, "status")]
    return " ".join(one for one in (*told, _text(given, "subject")) if one)


def _resource(given: Input, root: str) -> str:
    return f"{_text(given, 'server')} {_text(given, 'uri')}".strip()


def _message(given: Input, root: str) -> str:
    return f"{_text(given, 'to')}: {_of('summary', 'message', 'content')(given, root)}"


_TELLING = (
    *("command", "file_path", "notebook_path", "path", "pattern", "query", "url", "uri", "title", "subject", "name"),
    *("description", "question", "prompt", "message", "text", "content", "id"),
)
"""Arguments of tools that are not known here, the most telling first."""


def _telling(given: Input, root: str) -> str:
    name = next((name for name in _TELLING if given.get(name) not in (None, "", [], {})), None)
    if name is None:
        name = next((name for name, found in given.items() if isinstance(found, str | int | float)), None)
        return "" if name is None else f"{name}: {_told(given[name])}"
    return relative(_told(given[name]), root)


def _told(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)[: 8 * MAX_SUBJECT]
    except (TypeError, ValueError, RecursionError):
        return type(value).__name__


def _nothing(given: Input, root: str) -> str:
    return ""


_TOOLS: Mapping[str, tuple[str, Callable[[Input, str], str]]] = {
    "Bash": ("Bash", _command),
    "PowerShell": ("PowerShell", _command),
    "BashOutput": ("Output", _of("bash_id", "shell_id", "task_id")),
    "TaskOutput": ("Output", _of("task_id", "bash_id")),
    "KillShell": ("Stop", _of("shell_id", "bash_id", "task_id")),
    "KillBash": ("Stop", _of("shell_id", "bash_id", "task_id")),
    "TaskStop": ("Stop", _of("task_id", "shell_id")),
    "Read": ("Read", _read),
    "Write": ("Write", _path("file_path")),
    "Edit": ("Edit", _path("file_path")),
    "MultiEdit": ("Edit", _path("file_path")),
    "NotebookEdit": ("Edit", _notebook),
    "NotebookRead": ("Read", _notebook),
    "LS": ("List", _path("path")),
    "Grep": ("Grep", _grep),
    "Glob": ("Glob", _glob),
    "WebFetch": ("Fetch", _of("url")),
    "WebSearch": ("Search", _quoted("query")),
    "ToolSearch": ("Tools", _quoted("query")),
    "Task": ("Task", _agent),
    "Agent": ("Agent", _agent),
    "SendMessage": ("Message", _message),
    "TodoWrite": ("Todos", _nothing),
    "TodoRead": ("Todos", _nothing),
    "TaskCreate": ("New task", _of("subject", "description")),
    "TaskUpdate": ("Task", _task),
    "TaskGet": ("Task", _task),
    "TaskList": ("Tasks", _nothing),
    "Skill": ("Skill", _skill),
    "SlashCommand": ("Command", _of("command")),
    "AskUserQuestion": ("Question", _questions),
    "EnterPlanMode": ("Plan mode", _nothing),
    "ExitPlanMode": ("Plan", _nothing),
    "ListMcpResourcesTool": ("Resources", _of("server")),
    "ReadMcpResourceTool": ("Resource", _resource),
}
"""Every tool with its title and what it tells of its input."""
