"""What an agent says and what it is told, as values. How the CLI spells them is `wire.claude`'s business.

An utterance that carries a `line` is journaled with exactly those bytes as an `agent_message`.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from attrs import field, frozen

from pocketagent.domain.message import Partial
from pocketagent.domain.usage import Spending

PASS_ENVIRONMENT = (
    *("HOME", "PATH", "USER", "SHELL", "LANG", "LC_*", "TZ", "TMPDIR", "XDG_*", "ANTHROPIC_*", "CLAUDE_*"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy"),
)
"""Which environment variables reach the agent where the settings do not say; `PREFIX*` means all that begin so."""


class PermissionMode(StrEnum):
    """The CLI's own words for how much it asks."""

    DEFAULT = "default"
    ACCEPT_EDITS = "acceptEdits"
    PLAN = "plan"
    AUTO = "auto"
    DONT_ASK = "dontAsk"
    BYPASS = "bypassPermissions"


class Behavior(StrEnum):
    """How a permission request ends. Only the first two are a person's."""

    ALLOW = "allow"
    DENY = "deny"
    CANCELLED = "cancelled"


# -- what the agent says ------------------------------------------------------------------------------------


class Spoken(NamedTuple):
    """Any line that only people need: passed on and kept, known type or not."""

    line: bytes


@frozen
class SessionNamed:
    """An `init`: a turn begins in this conversation. `session_id` is a checked UUID."""

    line: bytes
    session_id: str


@frozen
class TurnResult:
    """A `result`: the agent has said its last word of a turn.

    `queued_turns`: how many prompts it still holds. `cost_usd`: of the whole conversation so far, None where not said.
    `tokens`: of this turn, without what they cost.
    `ended_at_bound`: it stopped at its bound of turns or budget, which is no failure. `errors`: its own words.
    """

    line: bytes
    session_id: str | None
    is_error: bool
    ended_at_bound: bool
    queued_turns: int
    cost_usd: float | None
    errors: tuple[str, ...]
    tokens: Spending = field(factory=Spending)


@frozen
class Words:
    """What the agent said last for people to read, besides the line that said it: its beginning, on one line."""

    text: str


@frozen
class Activity:
    """A `session_state_changed`: the agent works (`busy`, which includes waiting for a person) or has come to rest."""

    line: bytes
    busy: bool


@frozen
class BackgroundTasks:
    """A `background_tasks_changed`: how many tasks run on after the turn."""

    line: bytes
    count: int


@frozen
class PermissionAsked:
    """The agent may not go on with a tool until a person answers. `request`: the CLI's own object, untouched."""

    permission_id: str
    request: bytes


@frozen
class PermissionWithdrawn:
    """The agent no longer waits for the answer."""

    permission_id: str


@frozen
class Overlong:
    """A line over the bound was said: nothing of it is kept. `size` in bytes."""

    size: int


Utterance = (
    Spoken
    | Partial
    | SessionNamed
    | TurnResult
    | Words
    | Activity
    | BackgroundTasks
    | PermissionAsked
    | PermissionWithdrawn
    | Overlong
)


# -- what it is told ----------------------------------------------------------------------------------------


@frozen(kw_only=True)
class LaunchOptions:
    """What can only be chosen when a process is started; a warm one with other options is of no use.

    `add_dirs` are real paths inside the allowed roots; `mcp_config` is the text of the named configuration from
    the server's settings. Every value has passed the checks of `domain.commands`.
    """

    fallback_model: str | None = None
    allowed_tools: tuple[str, ...] = ()
    disallowed_tools: tuple[str, ...] = ()
    append_system_prompt: str | None = None
    mcp_config: str | None = field(default=None, repr=False)
    strict_mcp_config: bool = False
    add_dirs: tuple[str, ...] = ()
    bypass_permissions: bool = False
    effort: str | None = None
    max_budget_usd: float | None = None


@frozen(kw_only=True)
class Launch:
    """A process to be started.

    `run_id` (a UUID) marks it and all its descendants. `session_id` is the conversation to go on with when
    `resume`, else the name of the one to begin. `path` is the project's real path and `identity` its (device,
    inode) as it was checked. `trusted` False: the project's own settings are left out.
    """

    run_id: str
    project_id: str
    path: str
    identity: tuple[int, int]
    session_id: str
    resume: bool
    trusted: bool
    options: LaunchOptions


@frozen
class Answer:
    """A person's answer to a permission request, or the server's in their place.

    `updated_input` replaces the input whole; None runs it unchanged. `updated_permissions` are the CLI's own
    objects, checked. `message` says why not; `interrupt` ends the turn with the denial.
    """

    behavior: Behavior
    updated_input: Mapping[str, object] | None = None
    updated_permissions: Sequence[Mapping[str, object]] = ()
    message: str = ""
    interrupt: bool = False


@frozen
class Introduction:
    """What the CLI says of itself when it starts: plain JSON values, None where it did not say."""

    version: str | None
    models: Sequence[Mapping[str, object]] | None
    commands: Sequence[Mapping[str, object]] | None


@frozen
class Context:
    """How full the conversation is, in tokens."""

    total_tokens: int
    max_tokens: int


@frozen
class Ending:
    """A process is over: it and everything it started is dead.

    Exactly one of `exit_code` and `signal` (its number) is set, neither when nobody saw it end. `stderr`: the last
    2 KiB of the child's own, valid UTF-8, with every secret that it was handed masked.
    """

    exit_code: int | None
    signal: int | None
    stderr: str
