# -*- test-case-name: tests.wire.test_schema -*-
"""The shape of what is said, as JSON Schema (2020-12): made from the same types that read and write it.

Types say most of it. What their validators ask besides stands in the metadata of the fields (`fields.BOUNDS`), and
the few rules that tie fields together stand here.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs
import msgspec
from attrs import frozen

from pocketagent.domain import commands, events
from pocketagent.domain.agent import Behavior
from pocketagent.domain.commands import Command
from pocketagent.domain.fields import BOUNDS
from pocketagent.domain.message import Direction, Entry
from pocketagent.domain.options import Options
from pocketagent.domain.permission_updates import PermissionUpdate, UpdateKind
from pocketagent.domain.project import MAX_NAME
from pocketagent.domain.refusals import Code
from pocketagent.domain.replies import ConnectionEstablished, Reply
from pocketagent.domain.usage import SpendingFound
from pocketagent.wire.client import EXACT
from pocketagent.wire.events import Asked, Journaled

Schema = dict[str, Any]
"""JSON Schema is JSON: any of it."""

REF = "#/components/schemas/"
UUID = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"


class Record(msgspec.Struct):
    """An event of the journal as it is kept."""

    seq: int
    timestamp: str
    direction: Direction
    type: str
    message: dict[str, object]


class Problem(msgspec.Struct):
    """Why a request was refused: `message` says to a person what to do, `details` names the field or value at fault."""

    code: Code
    message: str
    details: dict[str, object]


class Error(msgspec.Struct):
    """What is answered instead: the `error` of the WebSocket."""

    type: str
    timestamp: str
    data: Problem


_WRITTEN: Mapping[type, type] = {Entry: Record, events.PermissionRequest: Asked}
"""What is kept as bytes that are JSON already -> what it looks like."""

_AN_OBJECT: "Schema" = {"type": "object", "additionalProperties": True}
_RAW: Mapping[type, "Schema"] = {
    Asked: {"input": _AN_OBJECT, "suggestions": {"type": "array"}, "request": _AN_OBJECT},
}
"""The shape of fields that are JSON already."""


@frozen(kw_only=True)
class Limits:
    """What the settings bound besides."""

    prompt_size: int
    timeout_max: float
    mcp_configs: Sequence[str]


def schemas(kinds: Iterable[Any], limits: Limits) -> tuple[Mapping[Any, Schema], dict[str, Schema]]:
    """The schema of each of these types; and the components that they refer to, by name."""
    wanted = list(dict.fromkeys(kinds))
    every = [*wanted, *_WRITTEN.values()]
    found, components = msgspec.json.schema_components(every, schema_hook=_anything, ref_template=REF + "{name}")
    for written, shapes in _RAW.items():
        components[written.__name__]["properties"] |= shapes
    for kind, written in _WRITTEN.items():
        name, shape = kind.__name__, components.pop(written.__name__)
        if name in components:
            components[name] = {**shape, "title": name}
    for kind in _classes(wanted):
        if kind.__name__ in components:
            _complete(kind, components[kind.__name__], limits)
    for component in components.values():
        if "description" in component:
            component["description"] = " ".join(component["description"].split("\n\n")[0].split())
    return dict(zip(wanted, found, strict=False)), components


def _anything(kind: type) -> Schema:
    if kind is object:
        return {"description": "Any JSON value."}
    raise NotImplementedError(kind)


def _classes(kinds: Iterable[Any]) -> Sequence[type[attrs.AttrsInstance]]:
    """The classes of ours among these types and the types of their fields, all the way down."""
    found: dict[type[attrs.AttrsInstance], None] = {}
    waiting = list(kinds)
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and attrs.has(kind) and kind not in found:
            found[kind] = None
            waiting += [one.type for one in attrs.fields(attrs.resolve_types(kind))]
        waiting += getattr(kind, "__args__", ())
    return tuple(found)


_TOLD = {*_classes([Reply, ConnectionEstablished, Journaled, SpendingFound])} - {*_classes([Command])}
"""What is only told, and never asked."""


# -- what validators ask ------------------------------------------------------------------------------------


def _complete(kind: type[attrs.AttrsInstance], schema: Schema, limits: Limits) -> None:
    properties = schema.get("properties", {})
    if kind in _TOLD:
        # A default is of those who make it: whoever is told it is told all.
        schema["required"] = list(properties)
    for one in attrs.fields(kind):
        bounds = dict(one.metadata.get(BOUNDS, {}))
        bounds |= _BY_SETTINGS.get((kind, one.name), _no_more)(limits)
        if bounds:
            _bound(properties[one.name], bounds)
    if issubclass(kind, EXACT):
        schema["additionalProperties"] = False
    schema |= _RULES.get(kind, {})


def _no_more(limits: Limits) -> Mapping[str, object]:
    return {}


_A_NAME: Mapping[str, object] = {"pattern": r".*\S.*", "max_length": MAX_NAME}

_BY_SETTINGS: Mapping[tuple[type, str], Callable[[Limits], Mapping[str, object]]] = {
    (commands.CreateProject, "name"): lambda _: _A_NAME,
    (commands.UpdateProject, "name"): lambda _: _A_NAME,
    (commands.Execute, "prompt"): lambda limits: {"max_length": limits.prompt_size},
    (Options, "append_system_prompt"): lambda limits: {"max_length": limits.prompt_size},
    (Options, "timeout"): lambda limits: {"most": limits.timeout_max},
    (Options, "mcp_config"): lambda limits: {"among": sorted(limits.mcp_configs)},
}


def _bound(schema: Schema, bounds: Mapping[str, Any]) -> None:
    """Write bounds into the schema of a field; null, where it may be, has none."""
    target = next((one for one in schema.get("anyOf", ()) if one != {"type": "null"}), schema)
    for name, value in bounds.items():
        match name:
            case "pattern":
                target["pattern"] = f"^(?:{value})$"
            case "without":
                target["not"] = {"pattern": _literally(value)}
            case "uuid":
                target["pattern"] = UUID
            case "moment":
                target["format"] = "date-time"
            case "max_length":
                target["maxLength"] = value
            case "max_items":
                target["maxItems"] = value
            case "unique":
                target["uniqueItems"] = value
            case "of":
                _bound(target["items"], value)
            case "least":
                target["minimum"] = value
            case "most":
                target["maximum"] = value
            case "above":
                target["exclusiveMinimum"] = value
            case "among" if value:
                target["enum"] = value
            case "among":
                # None of them is defined: there is nothing to name.
                schema.pop("anyOf", None)
                schema["type"] = "null"
            case _:
                raise AssertionError(name)


def _literally(text: str) -> str:
    return "\\u0000" if text == "\0" else re.escape(text)


def _is(kind: UpdateKind | Sequence[UpdateKind], **fields: Schema) -> Schema:
    kinds = [kind] if isinstance(kind, UpdateKind) else list(kind)
    properties: Schema = {"type": {"enum": [str(one) for one in kinds]}, **fields}
    return {"properties": properties, "required": [name for name, one in fields.items() if one != _NULL]}


_NULL: Schema = {"type": "null"}
_GIVEN: Schema = {"not": {"type": "null"}}
_SOME_RULES: Schema = {"type": "array"}
_ANSWERS: Schema = {"enum": ["allow", "deny", "ask"]}

_RULES: Mapping[type, Schema] = {
    commands.Configure: {
        "anyOf": [{"required": [name], "properties": {name: _GIVEN}} for name in ("model", "permission_mode")]
    },
    commands.UpdateProject: {
        "anyOf": [{"required": [name], "properties": {name: _GIVEN}} for name in ("name", "archived")]
    },
    commands.AnswerPermission: {
        "oneOf": [
            {
                "properties": {
                    "behavior": {"const": str(Behavior.ALLOW)},
                    "message": {"const": ""},
                    "interrupt": {"const": False},
                }
            },
            {
                "properties": {
                    "behavior": {"const": str(Behavior.DENY)},
                    "updated_input": _NULL,
                    "updated_permissions": {"type": "array", "maxItems": 0},
                }
            },
        ]
    },
    PermissionUpdate: {
        "oneOf": [
            _is(
                (UpdateKind.ADD_RULES, UpdateKind.REPLACE_RULES, UpdateKind.REMOVE_RULES),
                rules=_SOME_RULES,
                behavior=_ANSWERS,
                mode=_NULL,
                directories=_NULL,
            ),
            _is(UpdateKind.SET_MODE, mode=_GIVEN, rules=_NULL, behavior=_NULL, directories=_NULL),
            _is(
                (UpdateKind.ADD_DIRECTORIES, UpdateKind.REMOVE_DIRECTORIES),
                directories=_SOME_RULES,
                rules=_NULL,
                behavior=_NULL,
                mode=_NULL,
            ),
        ]
    },
}
"""What ties fields together."""
