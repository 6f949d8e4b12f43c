# -*- test-case-name: tests.test_app -*-
"""What the settings say to each floor, in that floor's own values."""

from collections.abc import Mapping, Sequence

import attrs

from pocketagent.config import Config
from pocketagent.domain.agent import PermissionMode
from pocketagent.domain.measures import Measures
from pocketagent.domain.notices import Hook
from pocketagent.inbound.connection import Terms as ConnectionTerms
from pocketagent.inbound.limits import Bounds as CallerBounds
from pocketagent.outbound.journal.durability import Sync
from pocketagent.outbound.journal.journal import Rules as JournalRules
from pocketagent.outbound.journal.retention import Retention
from pocketagent.services.assembly import Rules
from pocketagent.services.attachments import Room
from pocketagent.services.executions import Bounds
from pocketagent.services.runs import Terms
from pocketagent.version import VERSION
from pocketagent.wire.schema import Limits


def of_journals(config: Config) -> JournalRules:
    """How journals are written, and how long they are kept."""
    return JournalRules(
        segment_size=config.segment_size,
        segment_messages=config.segment_messages,
        sync=Sync(config.sync),
        retention=Retention(days=config.retention_days, size=config.retention_size),
    )


def of_services(config: Config, hooks: Sequence[Hook]) -> Rules:
    """What may be done, and how much of it; `hooks` with their secrets, which stand in files."""
    bounds = Bounds(
        prompt_size=config.prompt_size,
        executions=config.executions,
        timeout=config.execution_timeout,
        timeout_max=config.execution_timeout_max,
        allow_bypass=config.allow_bypass,
        mcp_configs=config.mcp_configs,
    )
    return Rules(
        bounds=bounds,
        room=Room(
            size=config.attachment_size,
            count=config.attachments,
            total=config.attachments_size,
            days=config.retention_days,
        ),
        terms=Terms(config.model or None, PermissionMode(config.permission_mode)),
        projects=config.projects,
        queue=config.queue,
        permission_timeout=config.permission_timeout,
        warm_processes=config.warm_processes,
        warm_time=config.warm_time,
        push_after=config.push_after,
        hooks=hooks,
    )


def of_connections(config: Config, measures: Measures) -> ConnectionTerms:
    """What every WebSocket may do, and is told of it."""
    return ConnectionTerms(
        server_version=VERSION,
        limits={
            "message_size": config.message_size,
            "prompt_size": config.prompt_size,
            "attachment_size": config.attachment_size,
            "projects": config.projects,
        },
        message_size=config.message_size,
        requests_per_second=config.requests_per_second,
        request_burst=config.request_burst,
        unsent=config.unsent,
        ping_interval=config.ping_interval,
        pong_timeout=config.pong_timeout,
        idle_timeout=config.idle_timeout,
        measures=measures,
    )


def of_callers(config: Config) -> CallerBounds:
    """What one address and one device may have."""
    return CallerBounds(**{each.name: getattr(config, each.name) for each in attrs.fields(CallerBounds)})


def of_processes(config: Config) -> Mapping[str, int]:
    """Limits of the CLI's processes, by their names in the module `resource`."""
    wanted = {
        "nofile": config.open_files,
        "nproc": config.process_limit,
        "fsize": config.file_size_limit,
        "as": config.address_space,
    }
    return {"core": 0} | {name: limit for name, limit in wanted.items() if limit}


def described(config: Config) -> Limits:
    """What of the settings stands in the description of the API."""
    return Limits(
        prompt_size=config.prompt_size,
        timeout_max=config.execution_timeout_max,
        mcp_configs=tuple(config.mcp_configs),
    )
