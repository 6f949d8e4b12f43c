# -*- test-case-name: tests.wire.test_stored -*-
"""A project, with what it has used <-> the JSON that is kept of it."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from pocketagent.domain.project import Project, check_path, project_name
from pocketagent.domain.refusals import Refusal
from pocketagent.domain.usage import DAYS, Spending, Usage
from pocketagent.wire.stored import VERSION, Natural, NotNegative, Timestamp, read, written

_Approved = Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")]
_Day = Annotated[str, Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
_Days = Annotated[dict[_Day, Spending], Meta(max_length=DAYS)]


class _StoredUsage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    days: _Days
    cost_usd: NotNegative
    counted_seq: Natural


class _StoredProject(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    version: int
    id: str
    name: str
    path: str
    identity: tuple[Natural, Natural]
    created_at: Timestamp
    archived: bool
    approved: _Approved
    acked: dict[str, Natural]
    cost_usd: NotNegative
    """Of the conversation."""
    usage: _StoredUsage = _StoredUsage(days={}, cost_usd=0.0, counted_seq=0)
    """Of those that were kept before it was counted; it is then counted from the journal."""


def is_project_id(text: str) -> bool:
    """Whether it is a UUID as we write it: lower case, with hyphens."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def encode_project(project: Project) -> bytes:
    """What `decode_project` reads; `fault` is left out."""
    return written(
        _StoredProject(
            version=VERSION,
            id=project.id,
            name=project.name,
            path=project.path,
            identity=project.identity,
            created_at=project.created_at,
            archived=project.archived,
            approved=project.approved,
            acked=dict(project.acked),
            cost_usd=project.usage.total_usd,
            usage=_StoredUsage(
                days=dict(project.usage.days),
                cost_usd=project.usage.cost_usd,
                counted_seq=project.usage.counted_seq,
            ),
        )
    )


def decode_project(data: bytes) -> Project:
    """Raises ValueError, with what is wrong as the end of a sentence."""
    stored = read(data, _StoredProject)
    if not is_project_id(stored.id):
        raise ValueError("its id is no UUID")
    try:
        check_path(stored.path)
        if project_name(stored.name) != stored.name:
            raise ValueError("its name begins or ends with a blank")
    except Refusal as refusal:
        raise ValueError(f"it holds what no project has ({refusal.message.rstrip('.')})") from None
    return Project(
        id=stored.id,
        name=stored.name,
        path=stored.path,
        identity=stored.identity,
        created_at=stored.created_at,
        archived=stored.archived,
        approved=stored.approved,
        acked=stored.acked,
        usage=Usage(
            days=stored.usage.days,
            cost_usd=stored.usage.cost_usd,
            total_usd=stored.cost_usd,
            counted_seq=stored.usage.counted_seq,
        ),
    )
