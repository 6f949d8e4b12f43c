"""An "always": what else the answer to a permission request changes, in the CLI's own spelling."""

from collections.abc import Sequence
from enum import StrEnum

from attrs import field, frozen

from pocketagent.domain.agent import PermissionMode
from pocketagent.domain.fields import MAX_LIST, SOME
from pocketagent.domain.refusals import invalid


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
    rules: tuple[ToolRule, ...] | None = field(default=None, metadata=SOME)
    behavior: str | None = field(default=None)
    mode: PermissionMode | None = None
    directories: tuple[str, ...] | None = field(default=None, metadata=SOME)

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
