# -*- test-case-name: tests.terminal.test_inputs -*-
"""The input of a tool: as a person reads it before it runs, and as a person changes it."""

import json
from collections.abc import Mapping, Sequence

from attrs import frozen

from pocketagent.domain.text import UNSAFE
from pocketagent.terminal.answering import Unfit
from pocketagent.terminal.sheet import Words
from pocketagent.wire import foreign

MAX_EDITED = 200_000
"""Characters of an input, as JSON, that can be changed: a composer is no editor."""
MAX_SHORT = 60
"""Characters of a value that stands on one line."""
MAX_FIELDS = 200
"""Fields of an input that are shown."""

_FIELDS = {"Bash": "command", "Write": "content", "Edit": "new_string", "NotebookEdit": "new_source"}
"""What of an input is changed by itself: it is what the tool is used for."""
_LABELS = {
    "command": "The command that runs.",
    "content": "What is written to the file.",
    "new_string": "What stands there instead.",
    "new_source": "What stands in the cell instead.",
}
_WHOLE = "The whole input, as JSON."

Input = Mapping[str, object]


def fields_of(input: Input, leave_out: Sequence[str] = ()) -> Sequence[Words]:
    """Every field of an input, one below the other."""
    left = [(name, value) for name, value in input.items() if name not in leave_out]
    shown = [Words(_shown(value), "", f"{name}: ", "dim") for name, value in left[:MAX_FIELDS]]
    if len(left) > MAX_FIELDS:
        shown.append(Words(f"{len(left) - MAX_FIELDS:,} more fields are not shown.", "bold magenta"))
    return shown


def _shown(value: object) -> str:
    if isinstance(value, str):
        return value
    short = as_json(value, None)
    if short is None:
        return "(nested too deep to be shown)"
    return short if len(short) <= MAX_SHORT else as_json(value, 2) or short


def as_json(value: object, indent: int | None) -> str | None:
    """A value as JSON in which nothing is unsafe to show; None for one that is nested too deep."""
    try:
        plain = json.dumps(value, indent=indent, ensure_ascii=False, default=repr)[: MAX_EDITED + 1]
    except (ValueError, RecursionError):
        return None
    # All of it stands inside of strings, but the ends of lines that `indent` makes.
    return UNSAFE.sub(lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", plain)


@frozen
class Edit:
    """What of an input can be changed: the text of one field, or all of it as JSON."""

    label: str
    text: str
    _input: Input
    _field: str | None

    def changed(self, text: str) -> Input | None:
        """The whole input with what was written; None when it is what it was. Raises Unfit."""
        if self._field is None:
            found = _object(text)
            return None if _canonical(found) == _canonical(self._input) else found
        if self._field == "command" and not text.strip():
            raise Unfit("There is no command left. With esc and n it is denied.")
        return None if text == self.text else {**self._input, self._field: text}


def edit_of(name: str, input: Input) -> Edit | None:
    """How the input of this tool is changed; None when it is too long for it, or cannot be written down."""
    whole = as_json(input, 2)
    if whole is None or len(whole) > MAX_EDITED:
        return None
    field = _FIELDS.get(name, "")
    text = input.get(field)
    # What cannot be shown as it is stands in JSON in its escaped form, so that it comes back unharmed.
    if not isinstance(text, str) or UNSAFE.search(text.replace("\n", "").replace("\t", "")):
        return Edit(_WHOLE, whole, input, None)
    return Edit(_LABELS[field], text, input, field)


def _object(text: str) -> Input:
    try:
        found = foreign.parse(text.encode())
    except json.JSONDecodeError as problem:
        raise Unfit(f"That is no JSON: {problem.msg} (line {problem.lineno}, column {problem.colno}).") from None
    except (ValueError, RecursionError):
        raise Unfit("That is no JSON.") from None
    if not isinstance(found, dict):
        raise Unfit("That is no JSON object: it begins with { and ends with }.")
    if foreign.dump(found) is None:
        raise Unfit("A number in it is too large.")
    return found


def _canonical(input: Input) -> str:
    return json.dumps(input, sort_keys=True, default=repr)
