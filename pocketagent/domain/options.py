"""How one execution is run, as a client asks for it."""

import math
import re

from attrs import Attribute, field, frozen

from pocketagent.domain.agent import PermissionMode
from pocketagent.domain.fields import ABOVE_0, MAX_LIST, MAX_WORD, NO_NUL, SOME, bounds, matching, word
from pocketagent.domain.refusals import invalid

MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@\[\]-]*", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*", re.ASCII)
_EFFORT = re.compile(r"[a-z]+", re.ASCII)
# A tool, or a tool with what it may be used for: `Bash(git log:*)`, `Edit(src/**)` (AR-05).
_TOOL = re.compile(r"[A-Za-z_][A-Za-z0-9_*-]*(\([^()\x00-\x1f\x7f]+\))?", re.ASCII)

_SOME_TOOLS = bounds(max_items=MAX_LIST, of={"pattern": _TOOL.pattern, "max_length": MAX_WORD, "without": "--settings"})


def _tools(_: object, attribute: "Attribute[tuple[str, ...]]", value: tuple[str, ...]) -> None:
    name = f"data.options.{attribute.name}"
    if len(value) > MAX_LIST:
        raise invalid(name, f"`{attribute.name}` has more than {MAX_LIST} items.")
    for tool in value:
        # Old CLIs looked for `--settings=` inside other values, too (threats, section 0).
        if len(tool) > MAX_WORD or not _TOOL.fullmatch(tool) or "--settings" in tool:
            raise invalid(name, f"`{attribute.name}` holds what is not one tool, such as `Read` or `Bash(git log:*)`.")


@frozen(kw_only=True)
class Options:
    """How one execution is run (protocol section 5, `execute` options). Nothing here can be taken for a flag."""

    model: str | None = field(
        default=None, validator=matching(MODEL, "the name of a model", "data.options"), metadata=word(MODEL)
    )
    fallback_model: str | None = field(
        default=None, validator=matching(MODEL, "the name of a model", "data.options"), metadata=word(MODEL)
    )
    permission_mode: PermissionMode | None = None
    allowed_tools: tuple[str, ...] = field(default=(), validator=_tools, metadata=_SOME_TOOLS)
    disallowed_tools: tuple[str, ...] = field(default=(), validator=_tools, metadata=_SOME_TOOLS)
    append_system_prompt: str | None = field(default=None, metadata=NO_NUL)
    mcp_config: str | None = field(
        default=None,
        validator=matching(_NAME, "the name of a configuration from the server's settings", "data.options"),
        metadata=word(_NAME),
    )
    strict_mcp_config: bool = False
    add_dirs: tuple[str, ...] = field(default=(), metadata=SOME)
    dangerously_skip_permissions: bool = False
    effort: str | None = field(
        default=None, validator=matching(_EFFORT, "a level of effort", "data.options"), metadata=word(_EFFORT)
    )
    max_budget_usd: float | None = field(default=None, metadata=ABOVE_0)
    timeout: float | None = field(default=None, metadata=ABOVE_0)

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
