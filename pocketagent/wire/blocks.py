# -*- test-case-name: tests.wire.test_blocks -*-
"""What the agent's messages consist of: texts, thoughts, calls of tools, and what these returned."""

from collections.abc import Mapping, Sequence

from pocketagent.wire import foreign


def blocks(said: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    """The blocks of a message of the CLI; a text alone is one."""
    content = foreign.mapping(said.get("message")).get("content")
    return [{"type": "text", "text": content}] if isinstance(content, str) else foreign.objects(content)


def output(content: object) -> str:
    """What a tool returned, from the `content` of its `tool_result`: its texts, and that there is an image where there
    is one."""
    if isinstance(content, str):
        return content
    return "\n".join(_text(block.get("text")) or f"[{_text(block.get('type'))}]" for block in foreign.objects(content))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
