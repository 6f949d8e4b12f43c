# -*- test-case-name: tests.wire.test_searching -*-
"""What a person can read of an event: prompts, what the agent said and thought, what its tools were given and gave."""

from collections.abc import Iterator

from pocketagent.domain.message import Entry
from pocketagent.wire import foreign

MAX_DEPTH = 20
"""Of the input of a tool; what lies deeper is not read."""


def anchor(wanted: str) -> bytes:
    """The longest part of what is looked for that stands in a line of JSON as it is, in lower case: a line without it
    need not be read. Empty where there is none, as of letters that are no ASCII and have two cases."""
    parts = [""]
    for letter in wanted.lower():
        if letter in '"\\' or not letter.isprintable() or (not letter.isascii() and letter != letter.upper()):
            parts.append("")
        else:
            parts[-1] += letter
    return max(parts, key=len).encode()


def texts(entry: Entry) -> Iterator[str]:
    """The texts of an event in the order in which they stand there; none for what is not for people."""
    if entry.type == "client_message":
        yield from _text(foreign.load(entry.message).get("prompt"))
    elif entry.type == "agent_message":
        said = foreign.load(entry.message)
        if said.get("type") in ("assistant", "user"):
            yield from _content(foreign.mapping(said.get("message")).get("content"))


def _content(content: object) -> Iterator[str]:
    yield from _text(content)
    for block in content if isinstance(content, list) else ():
        match foreign.mapping(block):
            case {"type": "text", "text": text}:
                yield from _text(text)
            case {"type": "thinking", "thinking": text}:
                yield from _text(text)
            case {"type": "tool_use", "input": given}:
                yield from _leaves(given, MAX_DEPTH)
            case {"type": "tool_result", "content": given}:
                yield from _content(given)


def _leaves(value: object, depth: int) -> Iterator[str]:
    yield from _text(value)
    if depth and isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _leaves(one, depth - 1)


def _text(value: object) -> Iterator[str]:
    text = foreign.text(value)
    if text:
        yield text
