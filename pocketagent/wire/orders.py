# -*- test-case-name: tests.wire.test_orders -*-
"""The CLI's stream-json, as it is spoken to: each function gives one whole line.

    <- {"type": "user", "message": {"role": "user", "content": …}, "uuid": …}
    <- {"type": "control_request", "request_id": …, "request": {"subtype": "interrupt"}}
    <- {"type": "control_response", "response": {"subtype": "success", "request_id": …, "response": {…}}}

Texts must be free of lone surrogates; UnicodeEncodeError otherwise, before anything was written.
"""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Raw

from pocketagent.domain.agent import Answer, Behavior, PermissionMode
from pocketagent.domain.attachment import Enclosure, MediaType
from pocketagent.wire.permissions import permission


def initialize(request_id: str, append_system_prompt: str | None) -> bytes:
    request: dict[str, object] = {"subtype": "initialize", "hooks": None}
    if append_system_prompt is not None:
        request["appendSystemPrompt"] = append_system_prompt
    return _control_request(request_id, request)


def interrupt(request_id: str) -> bytes:
    return _control_request(request_id, {"subtype": "interrupt"})


def set_model(request_id: str, model: str | None) -> bytes:
    """None: the CLI's own choice."""
    return _control_request(request_id, {"subtype": "set_model", "model": model})


def set_permission_mode(request_id: str, mode: PermissionMode) -> bytes:
    return _control_request(request_id, {"subtype": "set_permission_mode", "mode": mode})


def get_context_usage(request_id: str) -> bytes:
    return _control_request(request_id, {"subtype": "get_context_usage", "detail": "summary"})


def prompt(uuid: str, text: str, enclosures: Sequence[Enclosure] = ()) -> bytes:
    """`uuid`: a second prompt with the same one is ignored by the CLI, also by a later process of the session.

    With many bytes enclosed it takes its time: call it in a thread then. The text stands last, where the CLI looks for
    commands of its own.
    """
    content = [*map(_block, enclosures), {"type": "text", "text": text}] if enclosures else text
    message = {"role": "user", "content": content}
    return _line({"type": "user", "message": message, "parent_tool_use_id": None, "session_id": "", "uuid": uuid})


def _block(one: Enclosure) -> Mapping[str, object]:
    """A content block of the Messages API. Bytes become base64 where they are written."""
    source: dict[str, object] = {"type": "base64", "media_type": one.media_type, "data": one.content}
    if one.media_type.is_image:
        return {"type": "image", "source": source}
    if one.media_type is MediaType.TEXT:
        source = {"type": "text", "media_type": one.media_type, "data": one.content.decode()}
    return {"type": "document", "source": source, "title": one.name}


def permission_answer(permission_id: str, request: bytes, answer: Answer) -> bytes:
    """The input always goes back with an `allow`, as the CLI wrote it where it was not edited (older ones insist)."""
    if answer.behavior is Behavior.ALLOW:
        said: dict[str, object] = {"behavior": "allow", "updatedInput": Raw(allowed_input(request, answer))}
        if answer.updated_permissions:
            said["updatedPermissions"] = answer.updated_permissions
    else:
        said = {"behavior": "deny", "message": answer.message or "The person said no."}
        if answer.interrupt:
            said["interrupt"] = True
    response = {"subtype": "success", "request_id": permission_id, "response": said}
    return _line({"type": "control_response", "response": response})


def allowed_input(request: bytes, answer: Answer) -> bytes:
    """The input of the tool that an `allow` lets through, byte by byte as the CLI is told it."""
    given = answer.updated_input
    return permission(request).input if given is None else msgspec.json.encode(given)


def unsupported(request_id: str, subtype: str) -> bytes:
    """The answer to a request that this server does not know, so that the CLI does not wait for ever."""
    error = f"Not supported by this host: {subtype}"
    response = {"subtype": "error", "request_id": request_id, "error": error}
    return _line({"type": "control_response", "response": response})


def _control_request(request_id: str, request: Mapping[str, object]) -> bytes:
    return _line({"type": "control_request", "request_id": request_id, "request": request})


def _line(value: object) -> bytes:
    """One line, whole: a malformed one ends the CLI at once."""
    return msgspec.json.encode(value) + b"\n"
