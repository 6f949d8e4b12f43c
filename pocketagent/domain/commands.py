"""What a client may ask, one frozen class each, with the scope that it needs (protocol sections 3.4 and 5).

A command that exists is well-formed: its constructor refuses everything else with `INVALID_MESSAGE`, whoever
makes it. Bounds that are settings, and rules that need to know more than the command, are the services' matter.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from attrs import Attribute, field, frozen

from pocketagent.domain.access import Scope
from pocketagent.domain.agent import Behavior, PermissionMode
from pocketagent.domain.attachment import MAX_ATTACHED
from pocketagent.domain.message import Direction, timestamp
from pocketagent.domain.refusals import invalid

MAX_LIST = 256
"""Items in any list of `options` or of a permission answer."""
MAX_WORD = 256
"""Characters of a value that stands in argv."""
MAX_SEQ = 2**63 - 1
MAX_PAGE = 1000

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@\[\]-]*", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*", re.ASCII)
_EFFORT = re.compile(r"[a-z]+", re.ASCII)
# A tool, or a tool with what it may be used for: `Bash(git log:*)`, `Edit(src/**)` (AR-05).
_TOOL = re.compile(r"[A-Za-z_][A-Za-z0-9_*-]*(\([^()\x00-\x1f\x7f]+\))?", re.ASCII)

BOUNDS = "bounds"
"""In the metadata of a field: what its validator asks of a value, for those who describe it elsewhere."""

Check = Callable[[object, "Attribute[str | None]", str | None], None]


class Order(StrEnum):
    ASC = "asc"
    DESC = "desc"


def is_uuid(text: str) -> bool:
    return _UUID.fullmatch(text.lower()) is not None


def _bounds(**bounds: object) -> Mapping[str, object]:
    return {BOUNDS: bounds}


def _word(pattern: re.Pattern[str]) -> Mapping[str, object]:
    return _bounds(pattern=pattern.pattern, max_length=MAX_WORD)


_A_SEQ = _bounds(least=0, most=MAX_SEQ)
_A_UUID = _bounds(uuid=True)
_A_MOMENT = _bounds(moment=True)
_ABOVE_0 = _bounds(above=0)
_SOME = _bounds(max_items=MAX_LIST)
_SOME_TOOLS = _bounds(
    max_items=MAX_LIST, of={"pattern": _TOOL.pattern, "max_length": MAX_WORD, "without": "--settings"}
)
_NO_NUL = _bounds(without="\0")


def _of(pattern: re.Pattern[str], what: str, where: str) -> Check:
    def check(_: object, attribute: "Attribute[str | None]", value: str | None) -> None:
        if value is not None and (len(value) > MAX_WORD or not pattern.fullmatch(value)):
            raise invalid(f"{where}.{attribute.name}", f"`{attribute.name}` is not {what}.")

    return check


def _tools(_: object, attribute: "Attribute[tuple[str, ...]]", value: tuple[str, ...]) -> None:
    name = f"data.options.{attribute.name}"
    if len(value) > MAX_LIST:
        raise invalid(name, f"`{attribute.name}` has more than {MAX_LIST} items.")
    for tool in value:
        # Old CLIs looked for `--settings=` inside other values, too (threats, section 0).
        if len(tool) > MAX_WORD or not _TOOL.fullmatch(tool) or "--settings" in tool:
            raise invalid(name, f"`{attribute.name}` holds what is not one tool, such as `Read` or `Bash(git log:*)`.")


def _seq(_: object, attribute: "Attribute[int | None]", value: int | None) -> None:
    if value is not None and not 0 <= value <= MAX_SEQ:
        raise invalid(f"data.{attribute.name}", f"`{attribute.name}` is a number of the journal: 0 or more.")


def _uuid(_: object, attribute: "Attribute[str | None]", value: str | None) -> None:
    if value is not None and not is_uuid(value):
        raise invalid(f"data.{attribute.name}", f"`{attribute.name}` is not a UUID.")


def _attachments(_: object, attribute: "Attribute[tuple[str, ...]]", value: tuple[str, ...]) -> None:
    name = f"data.{attribute.name}"
    if len(value) > MAX_ATTACHED:
        raise invalid(name, f"A prompt has at most {MAX_ATTACHED} attachments.")
    if not all(map(is_uuid, value)):
        raise invalid(name, "`attachments` holds what is not the id of an attachment.")
    if len({each.lower() for each in value}) != len(value):
        raise invalid(name, "One attachment stands twice in `attachments`.")


def moment(text: str, name: str = "since") -> str:
    """RFC 3339 with a zone -> as the journal writes its times, so that texts compare as times.

    Raises Refusal(INVALID_MESSAGE) that names the field.
    """
    text = text[:41].upper()
    try:
        parsed = datetime.fromisoformat(text) if len(text) <= 40 and "T" in text else None
        if parsed is not None and parsed.tzinfo is not None:
            return timestamp(parsed.timestamp())
    except (ValueError, OverflowError):
        pass
    raise invalid(f"data.{name}", f"`{name}` is a time of RFC 3339 with a zone, such as 2026-01-31T12:00:00Z.")


def _moment(_: object, attribute: "Attribute[str | None]", value: str | None) -> None:
    if value is not None:
        moment(value, attribute.name)


@frozen(kw_only=True)
class Options:
    """How one execution is run (protocol section 5, `execute` options). Nothing here can be taken for a flag."""

    model: str | None = field(
        default=None, validator=_of(_MODEL, "the name of a model", "data.options"), metadata=_word(_MODEL)
    )
    fallback_model: str | None = field(
        default=None, validator=_of(_MODEL, "the name of a model", "data.options"), metadata=_word(_MODEL)
    )
    permission_mode: PermissionMode | None = None
    allowed_tools: tuple[str, ...] = field(default=(), validator=_tools, metadata=_SOME_TOOLS)
    disallowed_tools: tuple[str, ...] = field(default=(), validator=_tools, metadata=_SOME_TOOLS)
    append_system_prompt: str | None = field(default=None, metadata=_NO_NUL)
    mcp_config: str | None = field(
        default=None,
        validator=_of(_NAME, "the name of a configuration from the server's settings", "data.options"),
        metadata=_word(_NAME),
    )
    strict_mcp_config: bool = False
    add_dirs: tuple[str, ...] = field(default=(), metadata=_SOME)
    dangerously_skip_permissions: bool = False
    effort: str | None = field(
        default=None, validator=_of(_EFFORT, "a level of effort", "data.options"), metadata=_word(_EFFORT)
    )
    max_budget_usd: float | None = field(default=None, metadata=_ABOVE_0)
    timeout: float | None = field(default=None, metadata=_ABOVE_0)

    def __attrs_post_init__(self) -> None:
        for name in ("max_budget_usd", "timeout"):
            value: float | None = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise invalid(f"data.options.{name}", f"`{name}` is a number above 0.")
        if len(self.add_dirs) > MAX_LIST:
            raise invalid("data.options.add_dirs", f"`add_dirs` has more than {MAX_LIST} items.")
        if self.append_system_prompt is not None and "\0" in self.append_system_prompt:
            raise invalid("data.options.append_system_prompt", "`append_system_prompt` has a NUL character.")

    @property
    def bypasses_permissions(self) -> bool:
        return self.dangerously_skip_permissions or self.permission_mode is PermissionMode.BYPASS


NO_OPTIONS = Options()


@frozen(kw_only=True)
class ToolRule:
    """A rule of a permission update, in the CLI's own spelling."""

    toolName: str
    ruleContent: str | None = None


class Destination(StrEnum):
    """Where the CLI keeps a permission update."""

    USER = "userSettings"
    PROJECT = "projectSettings"
    LOCAL = "localSettings"
    SESSION = "session"
    ARGUMENTS = "cliArg"


class UpdateKind(StrEnum):
    ADD_RULES = "addRules"
    REPLACE_RULES = "replaceRules"
    REMOVE_RULES = "removeRules"
    SET_MODE = "setMode"
    ADD_DIRECTORIES = "addDirectories"
    REMOVE_DIRECTORIES = "removeDirectories"


@frozen(kw_only=True)
class PermissionUpdate:
    """An "always": what else a permission answer changes, in the CLI's own spelling (`claude-cli` PermissionUpdate)."""

    type: UpdateKind
    destination: Destination
    rules: tuple[ToolRule, ...] | None = field(default=None, metadata=_SOME)
    behavior: str | None = field(default=None)
    mode: PermissionMode | None = None
    directories: tuple[str, ...] | None = field(default=None, metadata=_SOME)

    def __attrs_post_init__(self) -> None:
        where = "data.updated_permissions"
        if self.type in (UpdateKind.ADD_RULES, UpdateKind.REPLACE_RULES, UpdateKind.REMOVE_RULES):
            if self.rules is None or self.behavior not in ("allow", "deny", "ask"):
                raise invalid(where, f"`{self.type}` needs `rules`, and a `behavior` of allow, deny or ask.")
            given: Sequence[object] = self.rules
            fits = self.mode is None and self.directories is None
        elif self.type is UpdateKind.SET_MODE:
            if self.mode is None:
                raise invalid(where, "`setMode` needs a `mode`.")
            given = ()
            fits = self.rules is None and self.behavior is None and self.directories is None
        else:
            if self.directories is None:
                raise invalid(where, f"`{self.type}` needs `directories`.")
            given = self.directories
            fits = self.rules is None and self.behavior is None and self.mode is None
        if not fits:
            raise invalid(where, f"`{self.type}` has a field that does not belong to it.")
        if len(given) > MAX_LIST:
            raise invalid(where, f"`{self.type}` has more than {MAX_LIST} items.")


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
    after_seq: int | None = field(default=None, validator=_seq, metadata=_A_SEQ)
    journal_id: str | None = field(default=None, validator=_uuid, metadata=_A_UUID)


@frozen(kw_only=True)
class LeaveProject:
    scope: ClassVar[Scope] = Scope.READ
    project_id: str


# -- executions ---------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Execute:
    scope: ClassVar[Scope] = Scope.EXECUTE
    project_id: str
    prompt: str = field(metadata=_bounds(without="\0", pattern=r"[\s\S]*\S[\s\S]*"))
    options: Options = NO_OPTIONS
    queue: bool = False
    prompt_id: str | None = field(default=None, validator=_uuid, metadata=_A_UUID)
    attachments: tuple[str, ...] = field(
        default=(), validator=_attachments, metadata=_bounds(max_items=MAX_ATTACHED, unique=True, of={"uuid": True})
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
        default=None, validator=_of(_MODEL, "the name of a model", "data"), metadata=_word(_MODEL)
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
    updated_permissions: tuple[PermissionUpdate, ...] = field(default=(), metadata=_SOME)
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
    since: str | None = field(default=None, validator=_moment, metadata=_A_MOMENT)
    until: str | None = field(default=None, validator=_moment, metadata=_A_MOMENT)
    after_seq: int | None = field(default=None, validator=_seq, metadata=_A_SEQ)
    before_seq: int | None = field(default=None, validator=_seq, metadata=_A_SEQ)
    limit: int = field(default=100, metadata=_bounds(least=1, most=MAX_PAGE))
    direction: Direction | None = None
    types: tuple[str, ...] | None = field(default=None, metadata=_SOME)
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
    seq: int = field(metadata=_A_SEQ)

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.seq <= MAX_SEQ:
            raise invalid("data.seq", "`seq` is a number of the journal: 0 or more.")


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
