"""Questions of an agent, for the tests of the cards; and a card as the text that a terminal shows."""

from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path

import msgspec
from hypothesis import strategies as st
from rich.console import Console

from pocketagent.terminal.answering import Card
from pocketagent.terminal.cards import card_of
from pocketagent.wire.server import Question

ROOT = "/home/me/project"

KEYS = (
    *("y", "a", "n", "e", "v", "o", "Y", "1", "2", "9", "0", "x", ""),
    *("enter", "escape", "up", "down", "space", "tab", "backspace"),
)

JSON: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(), max_size=12), inner, max_size=4)
    ),
    max_leaves=10,
)
"""Whatever JSON can say, with half surrogate pairs and with control characters."""


def asked(name: str, input: Mapping[str, object], **fields: object) -> Question:
    """What the agent asks."""
    return Question("p", name, input, "2026-02-01T12:00:00.123456Z", **fields)  # type: ignore[arg-type]


def recorded(name: str) -> Question:
    """The first question in a transcript of the real CLI."""
    with (Path(__file__).parent.parent / "wire" / "transcripts" / f"{name}.jsonl").open("rb") as lines:
        said = (msgspec.json.decode(line) for line in lines)
        request = next(each["request"] for each in said if each["type"] == "control_request")
    return Question(
        permission_id="p",
        tool_name=request["tool_name"],
        input=request["input"],
        expires_at="2026-02-01T12:00:00.123456Z",
        display_name=request.get("display_name"),
        description=request.get("description"),
        suggestions=request.get("permission_suggestions", ()),
        request=request,
    )


def opened(name: str, input: Mapping[str, object], **fields: object) -> Card:
    """The card of a question, for somebody who may answer."""
    return card_of(asked(name, input, **fields), True, ROOT)


def press(card: Card, *keys: str) -> object:
    """What the last of these keys came to."""
    return [card.press(key) for key in keys][-1]


def text_of(card: Card, width: int = 80, height: int = 40) -> str:
    """The card without its colours."""
    return "\n".join(lines_of(card, width, height))


def lines_of(card: Card, width: int = 80, height: int = 40) -> Sequence[str]:
    out = StringIO()
    console = Console(file=out, width=max(width, 1), color_system=None, legacy_windows=False, _environ={})
    console.print(card.render(width, height), end="", soft_wrap=False)
    return out.getvalue().split("\n")[:-1]
