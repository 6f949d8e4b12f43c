"""What happens in a project, as values: what its journal holds besides the agent's own lines (protocol section 5).

The names of the fields are the names on the wire.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from attrs import field, frozen

from pocketagent.domain.agent import Behavior, PermissionMode
from pocketagent.domain.attachment import Attached
from pocketagent.domain.options import Options
from pocketagent.domain.project import Trust
from pocketagent.domain.refusals import Code


class State(StrEnum):
    """The states of a project (protocol section 6)."""

    IDLE = "IDLE"
    EXECUTING = "EXECUTING"
    ERROR = "ERROR"


class Reason(StrEnum):
    """Why something ended that waited: a permission request, or a prompt in the queue."""

    ANSWERED = "answered"
    EXPIRED = "expired"
    INTERRUPTED = "interrupted"
    KILLED = "killed"
    ENDED = "ended"
    RESTART = "restart"
    REMOVED = "removed"
    ERROR = "error"


@frozen
class Actor:
    """Whose device it was."""

    id: str
    name: str


@frozen
class Queued:
    """A prompt that waits."""

    execution_id: str
    prompt_id: str | None
    by: Actor | None


@frozen
class Failure:
    """Why a project is in ERROR."""

    code: Code
    message: str


@frozen
class ClientMessage:
    execution_id: str
    prompt_id: str | None
    prompt: str
    options: Options
    by: Actor
    queued: bool
    attachments: tuple[Attached, ...] = ()


@frozen
class AgentConfigured:
    model: str | None
    permission_mode: PermissionMode | None


@frozen
class PermissionRequest:
    """`request` is the CLI's own object, untouched; the other fields of the message are read from it on the wire."""

    permission_id: str
    request: bytes = field(repr=False)
    expires_at: str


@frozen
class PermissionResolved:
    permission_id: str
    behavior: Behavior
    by: Actor | None
    reason: Reason


@frozen
class PromptDropped:
    execution_id: str
    reason: Reason


@frozen
class SessionReset:
    previous: str | None


@frozen
class ProcessKilled:
    execution_id: str


@frozen
class ExecutionError:
    """An `error` of an execution: journaled, unlike the error that answers a request."""

    code: Code
    message: str
    details: Mapping[str, object]
    execution_id: str | None


@frozen
class StateChanged:
    """What the machine knows of a `project_state`; the service adds what it does not."""

    state: State
    session_id: str | None
    execution_id: str | None
    queued: Sequence[Queued]
    error: Failure | None
    pending_permissions: Sequence[PermissionRequest]
    last_words: str | None = None
    cost_usd: float = 0.0


@frozen(kw_only=True)
class ProjectState:
    """The whole `project_state`. `pending_permissions`: the requests themselves only in a reply to join.

    `last_words`: the beginning of what was said last, by the agent or to it; `cost_usd`: of the project's whole life.
    """

    id: str
    name: str
    path: str
    archived: bool
    state: State
    session_id: str | None
    created_at: str
    last_active: str
    journal_id: str
    head_seq: int
    execution_id: str | None
    queued: Sequence[Queued]
    error: Failure | None
    pending_permissions: int | Sequence[PermissionRequest]
    trust: Trust
    subscribers: int
    last_words: str | None = None
    cost_usd: float = 0.0


Event = (
    ClientMessage
    | AgentConfigured
    | PermissionRequest
    | PermissionResolved
    | PromptDropped
    | SessionReset
    | ProcessKilled
    | ExecutionError
    | StateChanged
)
"""What the machine lets happen."""
