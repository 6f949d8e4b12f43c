"""What the asker is answered (protocol section 5, third column). The names of the fields are the names on the wire.

Some answers are events that everyone hears too: `ProjectState`, `AgentConfigured`, `PermissionResolved`,
`PromptDropped`, `SessionReset`, `ProcessKilled`.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from attrs import frozen

from pocketagent.domain.access import Scope
from pocketagent.domain.events import (
    AgentConfigured,
    PermissionResolved,
    ProcessKilled,
    ProjectState,
    PromptDropped,
    SessionReset,
    State,
)
from pocketagent.domain.message import Entry


class Status(StrEnum):
    """What became of a prompt."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    DROPPED = "dropped"


class Replay(StrEnum):
    """Whether a subscription can go on where its client left off."""

    COMPLETE = "complete"
    GAP = "gap"


class Condition(StrEnum):
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


@frozen
class Greeting:
    """Who a device is, to itself."""

    id: str
    name: str
    scopes: Sequence[Scope]


@frozen
class ConnectionEstablished:
    connection_id: str
    server_version: str
    protocol: int
    device: Greeting
    limits: Mapping[str, int]


@frozen
class ProjectListed:
    projects: Sequence[ProjectState]
    total: int


@frozen
class ProjectDeleted:
    project_id: str


@frozen
class ProjectJoined:
    project_id: str
    journal_id: str
    state: State
    session_id: str | None
    head_seq: int
    first_seq: int
    acked_seq: int
    replay: Replay


@frozen
class ProjectLeft:
    project_id: str


@frozen
class ExecutionAccepted:
    """`position` in the queue, 0 when it runs."""

    execution_id: str
    position: int
    status: Status
    duplicate: bool


@frozen
class AgentInterrupted:
    confirmed: bool


@frozen
class MessagesFound:
    messages: Sequence[Entry]
    journal_id: str
    head_seq: int
    first_seq: int
    has_more: bool


@frozen
class AgentInfo:
    available: bool
    version: str | None
    models: Sequence[Mapping[str, object]] | None
    commands: Sequence[Mapping[str, object]] | None
    permission_modes: Sequence[str]


@frozen
class AgentContext:
    total_tokens: int | None
    max_tokens: int | None
    cost_usd: float | None


@frozen
class Finding:
    """One check of the health. `reason`: why it is not well; `detail`: what was found in any case, in few words."""

    status: Condition
    reason: str | None = None
    detail: str | None = None


@frozen
class HealthStatus:
    status: Condition
    checks: Mapping[str, Finding]


@frozen
class ConnectionStats:
    """A connection as `admin` sees it (protocol section 3.6)."""

    connection_id: str
    device: str
    state: str
    active: bool
    connected_at: str
    last_active: str
    subscriptions: int


@frozen(kw_only=True)
class ServerStats:
    uptime: float
    connections: int
    subscriptions: int
    projects: Mapping[str, int]
    queued: int
    warm_processes: int
    journal_bytes: int
    memory_bytes: int
    reactor_delay_ms: float
    connection_states: Sequence[ConnectionStats] | None = None


Reply = (
    ProjectState
    | ProjectListed
    | ProjectDeleted
    | ProjectJoined
    | ProjectLeft
    | ExecutionAccepted
    | AgentConfigured
    | AgentInterrupted
    | ProcessKilled
    | SessionReset
    | PermissionResolved
    | PromptDropped
    | MessagesFound
    | AgentInfo
    | AgentContext
    | HealthStatus
    | ServerStats
)
