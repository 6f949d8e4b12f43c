# -*- test-case-name: tests.domain.test_refusals -*-
"""What is said no to, with its code on the wire (protocol section 7)."""

from collections.abc import Mapping
from enum import StrEnum


class Code(StrEnum):
    """The codes that clients know. A new one is a change of the protocol."""

    INVALID_MESSAGE = "INVALID_MESSAGE"
    MESSAGE_TOO_LARGE = "MESSAGE_TOO_LARGE"
    UNAUTHORIZED = "UNAUTHORIZED"
    FORBIDDEN = "FORBIDDEN"
    RATE_LIMITED = "RATE_LIMITED"
    INVALID_PATH = "INVALID_PATH"
    PROJECT_NOT_FOUND = "PROJECT_NOT_FOUND"
    PROJECT_EXISTS = "PROJECT_EXISTS"
    PROJECT_NESTING = "PROJECT_NESTING"
    RESOURCE_LIMIT = "RESOURCE_LIMIT"
    PROCESS_ACTIVE = "PROCESS_ACTIVE"
    PROCESS_NOT_FOUND = "PROCESS_NOT_FOUND"
    PERMISSION_NOT_FOUND = "PERMISSION_NOT_FOUND"
    DEVICE_NOT_FOUND = "DEVICE_NOT_FOUND"
    ATTACHMENT_NOT_FOUND = "ATTACHMENT_NOT_FOUND"
    CLAUDE_NOT_FOUND = "CLAUDE_NOT_FOUND"
    EXECUTION_TIMEOUT = "EXECUTION_TIMEOUT"
    EXECUTION_FAILED = "EXECUTION_FAILED"
    EXECUTION_INTERRUPTED = "EXECUTION_INTERRUPTED"
    LINE_TOO_LARGE = "LINE_TOO_LARGE"
    STORAGE_UNAVAILABLE = "STORAGE_UNAVAILABLE"
    INTERNAL_ERROR = "INTERNAL_ERROR"


class Refusal(Exception):
    """Why something is not done.

    `message` is a sentence for a person and says what to do; `details` names the field or the
    value at fault, as plain JSON values. Neither holds a secret, a stack trace, or a path outside
    the projects.
    """

    def __init__(self, code: Code, message: str, **details: object) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.details: Mapping[str, object] = details

    def __str__(self) -> str:
        return self.message


def invalid(field: str, message: str) -> Refusal:
    """An `INVALID_MESSAGE` that names the field at fault."""
    return Refusal(Code.INVALID_MESSAGE, message, field=field)


def no_storage() -> Refusal:
    """A `STORAGE_UNAVAILABLE` for what is not done because it could not be kept."""
    return Refusal(Code.STORAGE_UNAVAILABLE, "The server cannot write to its disk: make room there, then try again.")
