# -*- test-case-name: tests.cli.test_entries -*-
"""The messages of a project as lines for a person who reads a log."""

import json
from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from pocketagent.domain.text import escaped
from pocketagent.wire import foreign
from pocketagent.wire.blocks import blocks, output
from pocketagent.wire.results import Ending, ending_of, errors_of
from pocketagent.wire.server import Message, Question

AGENT, SERVER = "agent", "server"
"""Who says it, when it is no device."""

MAX_BRIEF = 120
"""Characters of a tool's input, or of what it returned, in a line about it."""

_SUBJECTS = ("command", "file_path", "notebook_path", "path", "pattern", "url", "query", "skill", "description")
"""Which field of a tool's input says what it is about; the first that is there."""


@frozen
class Line:
    """Who, and what: a text of one line or several. `is_mild`: of interest to those who want to know all."""

    who: str
    text: str
    is_mild: bool = False


def lines(message: Message) -> Sequence[Line]:
    """What a person reads of an event; nothing for those that only programs need."""
    return list(_lines(message))


def _lines(message: Message) -> Iterator[Line]:
    data = message.data
    match message.type:
        case "client_message":
            waits = " (it waits)" if data.get("queued") else ""
            yield Line(_device(data), f"> {data.get('prompt', '')}{waits}{_attached(data)}")
        case "agent_message":
            yield from _agent_lines(data)
        case "permission_request":
            yield Line(AGENT, f"may I? {about(str(data.get('tool_name')), foreign.mapping(data.get('input')))}")
        case "permission_resolved":
            reason = data.get("reason")
            why = "" if reason == "answered" else f" ({reason})"
            word = {"allow": "yes", "deny": "no"}.get(str(data.get("behavior")), "no longer asked")
            yield Line(_device(data), f"{word}{why}")
        case "prompt_dropped":
            yield Line(SERVER, f"a waiting prompt was dropped ({data.get('reason')})")
        case "process_killed":
            yield Line(SERVER, "the turn was killed")
        case "session_reset":
            yield Line(SERVER, "a new conversation begins")
        case "agent_configured":
            changed = [f"{name} {data[name]}" for name in ("model", "permission_mode") if data.get(name)]
            yield Line(SERVER, f"from now on: {', '.join(changed)}")
        case "error":
            yield Line(SERVER, f"{data.get('code')}: {data.get('message')}")


def _attached(data: Mapping[str, object]) -> str:
    """What a prompt came with, a line for each."""
    found = data.get("attachments")
    return "".join(f"\n+ {foreign.mapping(one).get('name')}" for one in found) if isinstance(found, list) else ""


def _agent_lines(data: Mapping[str, object]) -> Iterator[Line]:
    for block in blocks(data) if data.get("type") == "assistant" else ():
        if block.get("type") == "text" and data.get("parent_tool_use_id") is None:
            yield Line(AGENT, str(block.get("text", "")))
    if data.get("type") == "raw":
        yield Line(AGENT, str(data.get("text", "")))
    elif (line := brief(data)) is not None:
        yield Line(AGENT, line, is_mild=True)


def brief(data: Mapping[str, object]) -> str | None:
    """One line about what the agent does besides speaking; None when it does nothing of interest."""
    parts = list(_parts(data))
    return "; ".join(parts) if parts else None


def _parts(data: Mapping[str, object]) -> Iterator[str]:
    inner = "  " if data.get("parent_tool_use_id") is not None else ""
    match data.get("type"):
        case "assistant":
            for block in blocks(data):
                if block.get("type") == "tool_use":
                    yield f"{inner}{about(str(block.get('name')), foreign.mapping(block.get('input')))}"
        case "user":
            for block in blocks(data):
                if block.get("type") == "tool_result" and block.get("is_error"):
                    yield f"{inner}failed: {_short(output(block.get('content')))}"
        case "result":
            yield f"({outcome_of(data)})"
        case "system" if data.get("subtype") == "api_retry":
            yield "the API has a problem; the agent tries again"


def about(tool: str, given: Mapping[str, object]) -> str:
    """A tool and, in brief, what it is to be used on."""
    subject = next((str(given[name]) for name in _SUBJECTS if given.get(name)), "")
    return escaped(f"{tool} {_short(subject or (_json(given) if given else ''))}").strip()


def whole(question: Question) -> str:
    """All that a person must know of a permission request, in one line or several: nothing is left out."""
    command = question.input.get("command")
    if isinstance(command, str) and set(question.input) <= {"command", "description", "timeout"}:
        return f"{question.tool_name}: {command}"
    return f"{question.tool_name} {_json(question.input, indent=2)}"


def outcome_of(result: Mapping[str, object]) -> str:
    """How a turn ended, how long it took and what it cost, as its `result` says."""
    ending = ending_of(result)
    said = "; ".join(errors_of(result)) if ending is Ending.FAILED else ""
    parts = [] if ending is Ending.DONE else [_short(said) or ending]
    if isinstance(took := result.get("duration_ms"), int | float):
        parts.append(f"{took / 1000:.1f} s")
    if isinstance(cost := result.get("total_cost_usd"), int | float):
        parts.append(f"${cost:.4f} so far")
    return ", ".join(parts) or "done"


def _device(data: Mapping[str, object]) -> str:
    by = foreign.mapping(data.get("by"))
    return str(by.get("name") or SERVER)


def _json(found: object, indent: int | None = None) -> str:
    return json.dumps(found, ensure_ascii=False, indent=indent)


def _short(text: str) -> str:
    """The beginning, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_BRIEF else f"{line[: MAX_BRIEF - 1]}…"
