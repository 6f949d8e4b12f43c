"""What a client may ask, one frozen class each, with the scope that it needs (protocol sections 3.4 and 5).

A command that exists is well-formed: its constructor refuses everything else with `INVALID_MESSAGE`, whoever
makes it. Bounds that are settings, and rules that need to know more than the command, are the services' matter.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar

from attrs import Attribute, field, frozen

from pocketagent.domain.access import Scope
from pocketagent.domain.agent import Behavior, PermissionMode
from pocketagent.domain.attachment import MAX_ATTACHED
from pocketagent.domain.fields import (
    A_MOMENT,
    A_SEQ,
    A_UUID,
    MAX_LIST,
    SOME,
    bounds,
    check_moment,
    check_seq,
    check_uuid,
    is_uuid,
    matching,
    word,
)
from pocketagent.domain.message import Direction
from pocketagent.domain.options import MODEL, NO_OPTIONS, Options
from pocketagent.domain.permission_updates import PermissionUpdate
from pocketagent.domain.refusals import invalid

MAX_PAGE = 1000


class Order(StrEnum):
    ASC = "asc"
    DESC = "desc"


def _attachments(_: object, attribute: "Attribute[tuple[str, ...]]", value: tuple[str, ...]) -> None:
    name = f"data.{attribute.name}"
    if len(value) > MAX_ATTACHED:
        raise invalid(name, f"A prompt has at most {MAX_ATTACHED} attachments.")
    if not all(map(is_uuid, value)):
        raise invalid(name, "`attachments` holds what is not the id of an attachment.")
    if len({each.lower() for each in value}) != len(value):
        raise invalid(name, "One attachment stands twice in `attachments`.")


# -- projects -----------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class CreateProject:
    scope: ClassVar[Scope] = Scope.ADMIN
    path: str
    name: str | None = None
    trust: str | None = None


@frozen(kw_only=True)
class UpdateProject:
    scope: ClassVar[Scope] = Scope.ADMIN
    project_id: str
    name: str | None = None
    archived: bool | None = None


@frozen(kw_only=True)
class TrustProject:
    scope: ClassVar[Scope] = Scope.ADMIN
    project_id: str
    fingerprint: str


@frozen(kw_only=True)
class ListProjects:
    scope: ClassVar[Scope] = Scope.READ
    subscribe: bool | None = None


@frozen(kw_only=True)
class GetProject:
    scope: ClassVar[Scope] = Scope.READ
    project_id: str


@frozen(kw_only=True)
class DeleteProject:
    scope: ClassVar[Scope] = Scope.ADMIN
    project_id: str


@frozen(kw_only=True)
class JoinProject:
    scope: ClassVar[Scope] = Scope.READ
    project_id: str
    after_seq: int | None = field(default=None, validator=check_seq, metadata=A_SEQ)
    journal_id: str | None = field(default=None, validator=check_uuid, metadata=A_UUID)


@frozen(kw_only=True)
class LeaveProject:
    scope: ClassVar[Scope] = Scope.READ
    project_id: str


# -- executions ---------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Execute:
    scope: ClassVar[Scope] = Scope.EXECUTE
    project_id: str
    prompt: str = field(metadata=bounds(without="\0", pattern=r"[\s\S]*\S[\s\S]*"))
    options: Options = NO_OPTIONS
    queue: bool = False
    prompt_id: str | None = field(default=None, validator=check_uuid, metadata=A_UUID)
    attachments: tuple[str, ...] = field(
        default=(), validator=_attachments, metadata=bounds(max_items=MAX_ATTACHED, unique=True, of={"uuid": True})
    )

    def __attrs_post_init__(self) -> None:
        if not self.prompt.strip():
            raise invalid("data.prompt", "The prompt is empty: write what the agent should do.")
        if "\0" in self.prompt:
            raise invalid("data.prompt", "The prompt has a NUL character.")


@frozen(kw_only=True)
class RemoveFromQueue:
    scope: ClassVar[Scope] = Scope.EXECUTE
    project_id: str
    execution_id: str


@frozen(kw_only=True)
class Configure:
    scope: ClassVar[Scope] = Scope.EXECUTE
    project_id: str
    model: str | None = field(
        default=None, validator=matching(MODEL, "the name of a model", "data"), metadata=word(MODEL)
    )
    permission_mode: PermissionMode | None = None

    def __attrs_post_init__(self) -> None:
        if self.model is None and self.permission_mode is None:
            raise invalid("data", "Say what to change: `model`, `permission_mode` or both.")


@frozen(kw_only=True)
class Interrupt:
    scope: ClassVar[Scope] = Scope.EXECUTE
    project_id: str


@frozen(kw_only=True)
class Kill:
    scope: ClassVar[Scope] = Scope.EXECUTE
    project_id: str


@frozen(kw_only=True)
class NewSession:
    scope: ClassVar[Scope] = Scope.EXECUTE
    project_id: str


@frozen(kw_only=True)
class AnswerPermission:
    scope: ClassVar[Scope] = Scope.EXECUTE
    project_id: str
    permission_id: str
    behavior: Behavior
    updated_input: Mapping[str, object] | None = None
    updated_permissions: tuple[PermissionUpdate, ...] = field(default=(), metadata=SOME)
    message: str = ""
    interrupt: bool = False

    def __attrs_post_init__(self) -> None:
        if self.behavior is Behavior.CANCELLED:
            raise invalid("data.behavior", "`behavior` is allow or deny.")
        if self.behavior is Behavior.DENY and (self.updated_input is not None or self.updated_permissions):
            raise invalid("data.behavior", "A denial has no `updated_input` and no `updated_permissions`.")
        if self.behavior is Behavior.ALLOW and (self.message or self.interrupt):
            raise invalid("data.behavior", "`message` and `interrupt` go with a denial.")
        if len(self.updated_permissions) > MAX_LIST:
            raise invalid("data.updated_permissions", f"`updated_permissions` has more than {MAX_LIST} items.")


@frozen(kw_only=True)
class AcknowledgeError:
    scope: ClassVar[Scope] = Scope.EXECUTE
    project_id: str


# -- looking ------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class GetMessages:
    scope: ClassVar[Scope] = Scope.READ
    project_id: str
    since: str | None = field(default=None, validator=check_moment, metadata=A_MOMENT)
    until: str | None = field(default=None, validator=check_moment, metadata=A_MOMENT)
    after_seq: int | None = field(default=None, validator=check_seq, metadata=A_SEQ)
    before_seq: int | None = field(default=None, validator=check_seq, metadata=A_SEQ)
    limit: int = field(default=100, metadata=bounds(least=1, most=MAX_PAGE))
    direction: Direction | None = None
    types: tuple[str, ...] | None = field(default=None, metadata=SOME)
    order: Order = Order.DESC

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_PAGE:
            raise invalid("data.limit", f"`limit` is 1 to {MAX_PAGE}.")
        if self.types is not None and len(self.types) > MAX_LIST:
            raise invalid("data.types", f"`types` has more than {MAX_LIST} items.")


@frozen(kw_only=True)
class AcknowledgeMessages:
    scope: ClassVar[Scope] = Scope.READ
    project_id: str
    seq: int = field(validator=check_seq, metadata=A_SEQ)


@frozen(kw_only=True)
class GetAgentInfo:
    scope: ClassVar[Scope] = Scope.READ
    project_id: str | None = None


@frozen(kw_only=True)
class GetContext:
    scope: ClassVar[Scope] = Scope.READ
    project_id: str


@frozen(kw_only=True)
class CheckHealth:
    scope: ClassVar[Scope] = Scope.READ


@frozen(kw_only=True)
class GetStats:
    scope: ClassVar[Scope] = Scope.READ
    subscribe: bool | None = None


Command = (
    CreateProject
    | UpdateProject
    | TrustProject
    | ListProjects
    | GetProject
    | DeleteProject
    | JoinProject
    | LeaveProject
    | Execute
    | RemoveFromQueue
    | Configure
    | Interrupt
    | Kill
    | NewSession
    | AnswerPermission
    | AcknowledgeError
    | GetMessages
    | AcknowledgeMessages
    | GetAgentInfo
    | GetContext
    | CheckHealth
    | GetStats
)
