# -*- test-case-name: tests.test_logs -*-
"""The log: what `twisted.logger` tells, as one line each for a person, or as one JSON object each for a program.

The last rim before the log: whatever was logged, nobody can write a line of their own with it, and what looks like
a credential is masked.
"""

import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import IO

from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
)

from pocketagent.domain.credentials import masked
from pocketagent.domain.text import escaped
from pocketagent.domain.tracing import NOTHING, about
from pocketagent.version import VERSION

MAX_TEXT = 16 * 1024
"""Characters of a message, a field or a stack trace that are logged; the rest is cut off."""

MAX_FIELDS = 50
"""Fields of one event that are logged as JSON."""

SERVICE = "pocketagent"
ECS_VERSION = "8.11.0"

FIELDS: Mapping[str, str] = {
    "action": "event.action",
    "outcome": "event.outcome",
    "code": "error.code",
    "reference": "error.id",
    "address": "client.address",
    "device": "user.id",
    "device_name": "user.name",
    "method": "http.request.method",
    "path": "url.path",
    "status": "http.response.status_code",
    "request_id": "labels.request_id",
    "connection_id": "labels.connection_id",
    "execution_id": "labels.execution_id",
    "project_id": "labels.project_id",
    "permission_id": "labels.permission_id",
}
"""What fields of an event are called in the Elastic Common Schema. Others are ours, and begin `pocketagent.`."""

ALWAYS = ("@timestamp", "log.level", "log.logger", "message", "ecs.version", "service.name", "service.version")
"""What every line has."""

_LEGACY = frozenset({"message", "time", "system", "format", "isError", "failure", "why", "logLevel", "log_text"})
"""Keys that `twisted.python.log` puts into every event for its own sake."""


def observer(stream: IO[str] | IO[bytes], form: str, level: str, levels: Mapping[str, str] = NOTHING) -> ILogObserver:
    """Who writes the log to a stream: `form` is text or json, `level` the least that is written, both as the
    settings spell them; `levels` say another least for parts of the program, by their names."""
    write = FileLogObserver(stream, json_line if form == "json" else text_line)
    threshold = LogLevelFilterPredicate(defaultLogLevel=LogLevel.levelWithName(level))
    for namespace, least in levels.items():
        threshold.setLogLevelForNamespace(namespace, LogLevel.levelWithName(least))
    filtered: ILogObserver = FilteringLogObserver(write, [threshold])
    return filtered


def text_line(event: LogEvent) -> str:
    """Time, level and message on a line. A stack trace follows, indented, so that no line of it passes for another
    event."""
    when = datetime.fromtimestamp(event["log_time"]).astimezone().isoformat(timespec="milliseconds")
    lines = [f"{when} {_level(event):8} {escaped(_clean(formatEvent(event)))}"]
    lines += (f"    {escaped(line)}" for line in _stack_trace(event).splitlines())
    return "\n".join(lines) + "\n"


def json_line(event: LogEvent) -> str:
    """One JSON object on a line, in the names of the Elastic Common Schema."""
    when = datetime.fromtimestamp(event["log_time"], UTC).isoformat(timespec="milliseconds")
    record: dict[str, object] = {
        "@timestamp": when.replace("+00:00", "Z"),
        "log.level": _level(event),
        "log.logger": _whole(_clean(str(event.get("log_namespace", "")))),
        "message": _whole(_clean(formatEvent(event))),
        "ecs.version": ECS_VERSION,
        "service.name": SERVICE,
        "service.version": VERSION,
    }
    for name, value in (*about().items(), *_fields(event)):
        # What the event itself says of a thing comes later, and so counts.
        record[FIELDS.get(name, f"pocketagent.{name}")] = value
    if trace := _stack_trace(event):
        record["error.stack_trace"] = _whole(trace)
    return json.dumps(record, allow_nan=False, separators=(",", ":")) + "\n"


def _clean(text: str) -> str:
    """Masked first: half a token is no longer known as one."""
    text = masked(text)
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def _whole(text: str) -> str:
    """A text that every JSON parser takes: escaping is JSON's, but lone surrogates are no characters."""
    return text.encode("utf-8", "replace").decode()


def _level(event: LogEvent) -> str:
    level = event.get("log_level")
    return str(level.name) if level is not None else "info"


def _stack_trace(event: LogEvent) -> str:
    failure = event.get("log_failure")
    return _clean(str(failure.getTraceback()).rstrip()) if failure is not None else ""


def _fields(event: LogEvent) -> Iterator[tuple[str, str | float | None]]:
    """What the event says besides its message, as far as it is plain values."""
    names = [name for name in event if not name.startswith("log_") and name not in _LEGACY]
    for name in names[:MAX_FIELDS]:
        value = event[name]
        if value is None and name in FIELDS:
            continue
        if isinstance(value, str):
            yield name, _whole(_clean(value))
        elif isinstance(value, float) and not math.isfinite(value):
            yield name, str(value)
        elif value is None or isinstance(value, int | float):
            yield name, value
