# -*- test-case-name: tests.terminal.test_outcomes -*-
"""What came of the use of a tool, in a few words: one harmless line, whatever it returned."""

import re
from collections.abc import Callable, Mapping

from pocketagent.terminal.diffs import diff_of
from pocketagent.terminal.shown import Called
from pocketagent.terminal.tools import counted, one_line
from pocketagent.wire import foreign

MAX_OUTCOME = 200
"""Characters of an outcome."""

_EXIT = re.compile(r"(?:Error: )?Exit code (\d{1,5})\b")
_TAGS = re.compile(r"</?tool_use_error>")
_REFUSED = "The user doesn't want to "
_NO_REASON = "The person said no."
"""What stands in place of a reason: the words of the CLI, and of our own server."""
_NO_OUTPUT = re.compile(r"\((?:\w{1,40} completed with )?no (?:output|content)\)", re.IGNORECASE)


def outcome(called: Called) -> str:
    """What a call that is over did, or why it was denied; empty where there is nothing to tell."""
    name, details = called.call.name, called.details
    if called.call.denied is not None:
        told = _reason(called.output)
    elif called.is_error:
        told = _error(called.output)
    elif name in _OUTCOMES:
        told = _OUTCOMES[name](called)
    elif (diff := diff_of(name, called.call.input, details)) is not None:
        told = counted(diff.added, "line") if diff.is_new else f"+{diff.added} −{diff.removed}"
    else:
        told = _lines(called.output)
    return one_line(told, MAX_OUTCOME)


def _reason(output: str) -> str:
    """Why a person denied a call."""
    text = output[: 8 * MAX_OUTCOME].strip()
    return "" if text.startswith(_REFUSED) or text == _NO_REASON else one_line(text, MAX_OUTCOME)


def _error(output: str) -> str:
    text = output[: 8 * MAX_OUTCOME].strip()
    if exited := _EXIT.match(text):
        return f"exit {exited.group(1)}"
    # Nobody has denied it: the CLI has the same words for what was cut off.
    if text.startswith((_REFUSED, "[Request interrupted")):
        return "interrupted"
    return one_line(_TAGS.sub("", text).strip().removeprefix("Error: "), MAX_OUTCOME) or "failed"


def line_count(text: str) -> int:
    """How many lines of a text say something, from its first to its last."""
    whole = text.strip("\r\n")
    return whole.count("\n") + 1 if whole.strip() else 0


def _lines(output: str) -> str:
    number = 0 if _NO_OUTPUT.fullmatch(output[:100].strip()) else line_count(output)
    return counted(number, "line") if number else "no output"


def _ran(called: Called) -> str:
    details = called.details
    if details.get("interrupted") is True:
        return "interrupted"
    if details.get("backgroundTaskId"):
        return "in the background"
    streams = [found for name in ("stdout", "stderr") if isinstance(found := details.get(name), str)]
    if details.get("isImage") is True:
        return "an image"
    return _lines("\n".join(one.strip("\r\n") for one in streams if one.strip()) if streams else called.output)


def _was_read(called: Called) -> str:
    details = called.details
    file = foreign.mapping(details.get("file"))
    if details.get("type") in ("image", "pdf", "notebook", "parts"):
        return str(details["type"])
    number = foreign.whole(file.get("numLines"))
    return counted(number, "line") if number is not None else _lines(called.output)


def _was_found(called: Called) -> str:
    details = called.details
    if details.get("mode") == "content" and (number := foreign.whole(details.get("numLines"))) is not None:
        return counted(number, "line")
    if details.get("mode") == "count" and (number := foreign.whole(details.get("numMatches"))) is not None:
        return counted(number, "match")
    if (number := foreign.whole(details.get("numFiles"))) is not None:
        return counted(number, "file") + (" and more" if details.get("truncated") is True else "")
    return _lines(called.output)


def _was_fetched(called: Called) -> str:
    code, size = foreign.whole(called.details.get("code")), foreign.whole(called.details.get("bytes"))
    told = [str(code) if code is not None else "", f"{size / 1024:,.1f} KB" if size is not None else ""]
    return " · ".join(one for one in told if one) or _lines(called.output)


def _was_searched(called: Called) -> str:
    found = foreign.objects(called.details.get("results"))
    number = sum(len(foreign.items(one.get("content"))) for one in found)
    return counted(number, "result") if found else _lines(called.output)


def _was_delegated(called: Called) -> str:
    details = called.details
    if details.get("isAsync") is True:
        return "in the background"
    calls = called.inner or foreign.whole(details.get("totalToolUseCount")) or 0
    tokens = foreign.whole(details.get("totalTokens"))
    told = [counted(calls, "call") if calls else "", f"{tokens / 1000:,.1f}k tokens" if tokens else ""]
    return " · ".join(one for one in told if one) or "done"


def _todos(called: Called) -> str:
    todos = foreign.objects(called.call.input.get("todos"))
    done = sum(one.get("status") == "completed" for one in todos)
    return f"{done} of {len(todos)} done" if todos else ""


def _silent(called: Called) -> str:
    return ""


_OUTCOMES: Mapping[str, Callable[[Called], str]] = {
    "Bash": _ran,
    "PowerShell": _ran,
    "Read": _was_read,
    "Grep": _was_found,
    "Glob": _was_found,
    "WebFetch": _was_fetched,
    "WebSearch": _was_searched,
    "Task": _was_delegated,
    "Agent": _was_delegated,
    "TodoWrite": _todos,
    "AskUserQuestion": _silent,
    "EnterPlanMode": _silent,
    "ExitPlanMode": lambda called: "approved",
    "Skill": _silent,
    "TaskCreate": _silent,
    "TaskUpdate": _silent,
    "TaskStop": _silent,
    "KillShell": _silent,
    "KillBash": _silent,
    "SendMessage": _silent,
}
"""The tools whose outcome is told in words of their own."""
