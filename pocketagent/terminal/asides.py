# -*- test-case-name: tests.terminal.test_asides -*-
"""What the CLI tells besides the conversation itself -> what a person reads of it.

    {"type": "system", "subtype": "compact_boundary", …}    -> Notice
    {"type": "conversation_reset", "trigger": "clear", …}   -> Notice
    {"type": "auth_status", "error": "…", …}                -> Notice
    {"type": "system", "subtype": "thinking_tokens", …}     -> nothing: no person needs it

The names are the CLI's own; what is not known says nothing.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from pocketagent.terminal.shown import Notice, Said
from pocketagent.wire import foreign

Json = Mapping[str, object]

_PRINTED = re.compile(r"<local-command-(stdout|stderr)>(.*?)(?:</local-command-\1>|\Z)", re.DOTALL)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_END_OF_LINE = re.compile(r"(?<=\S)\n(?=[^\n])")
_LATEST = 2**33
"""Seconds since 1970 that are still a date."""
_LIMITS = {
    "five_hour": "of five hours",
    "seven_day": "of seven days",
    "seven_day_opus": "of seven days for Opus",
    "seven_day_sonnet": "of seven days for Sonnet",
    "overage": "of extra usage",
}


def asides(data: Json) -> Iterator[Said | Notice]:
    """What a person reads of a message that is none of the agent, of a person or of a tool."""
    match data.get("type"):
        case "system":
            yield from _system(data)
        case "conversation_reset":
            yield Notice("A new conversation has begun: the agent knows nothing of what stands above.")
        case "auth_status" if problem := _text(data.get("error")):
            yield from _notice("The agent could not log in:", problem)
        case "raw":
            yield from _notice("The agent said what is no JSON:", _text(data.get("text")))
        case _:
            pass


def _system(data: Json) -> Iterator[Said | Notice]:
    match data.get("subtype"):
        case "compact_boundary":
            yield Notice("The conversation was compacted: the agent goes on with a summary of it.")
        case "status" if data.get("compact_result") == "failed":
            yield from _notice("The conversation could not be compacted.", _text(data.get("compact_error")))
        case "local_command_output":
            if (output := command_output(_text(data.get("content")))) is not None:
                yield output
        case "informational" if data.get("level") != "info":
            yield from _notice("", _text(data.get("content")))
        case "notification":
            yield from _notice("", _text(data.get("text")))
        case "task_notification" if data.get("skip_transcript") is not True and data.get("ambient") is not True:
            yield from _task(data)
        case "hook_response" if data.get("outcome") == "error":
            said = _text(data.get("stderr")) or _text(data.get("output"))
            yield from _notice(f"A hook failed: {_text(data.get('hook_name'))}", said)
        case "model_refusal_fallback":
            models = (
                f"{_text(data.get('original_model'))} declined, {_text(data.get('fallback_model'))} answers instead."
            )
            yield from _notice("", _text(data.get("content")) or models)
        case "session_writes_lost":
            yield Notice("The disk is full: not all of this conversation could be saved, and the agent may forget it.")
        case "plugin_install" if data.get("status") == "failed":
            yield from _notice(f"A plugin could not be installed: {_text(data.get('name'))}", _text(data.get("error")))
        case _:
            pass


def _task(data: Json) -> Iterator[Notice]:
    """Something in the background has ended."""
    summary = _text(data.get("summary"))
    if data.get("summary_is_report") is True:
        yield from _notice("A subagent in the background reports:", summary)
    else:
        yield from _notice("" if summary.strip() else "Something in the background has ended.", summary)


def _notice(head: str, text: str) -> Iterator[Notice]:
    """A notice of these words, without a head of the first line of the text; none of nothing."""
    lines = text.strip().splitlines()
    if not head and lines:
        head = lines.pop(0)
    if head:
        yield Notice(head, lines)


def limit(info: Json) -> str:
    """What a person should know of the account's limit; empty while all is well."""
    status = info.get("status")
    if not isinstance(status, str) or status == "allowed":
        return ""
    name = foreign.text(info.get("rateLimitType")) or ""
    which = f" {_LIMITS.get(name, f'({name})')}" if name else ""
    how = {"rejected": "is reached", "allowed_warning": "is near"}.get(status, f"says {_text(status)}")
    resets = foreign.finite(info.get("resetsAt"))
    until = f" It is lifted {_date(resets)}." if resets is not None and 0 < resets < _LATEST else ""
    return f"The account's limit{which} {how}.{until}"


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("on %d %B at %H:%M")


def printed(text: str) -> Iterator[Notice]:
    """What a command of the CLI's own has printed, from a message in the person's name; nothing of one that is not."""
    if text.lstrip().startswith("<local-command-"):
        for found in _PRINTED.finditer(text):
            yield from _notice("", _COLOUR.sub("", found[2]))


def command_output(text: str) -> Said | None:
    """The output of a command of the CLI's own: Markdown, or a text in which each line is meant to be one."""
    plain = _COLOUR.sub("", text).strip()
    return Said(_END_OF_LINE.sub("  \n", plain)) if plain else None


def _text(value: object) -> str:
    return foreign.text(value) or ""
