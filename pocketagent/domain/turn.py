"""A turn of the agent: the prompt on its way, what the machine knows of it, and what it wishes the agent to do."""

from enum import Enum, auto

from attrs import field, frozen

from pocketagent.domain.agent import Answer, LaunchOptions, Spoken, TurnResult
from pocketagent.domain.attachment import Attached
from pocketagent.domain.events import Actor, Event, Failure, PermissionRequest, Queued, State, StateChanged
from pocketagent.domain.message import Partial
from pocketagent.domain.options import Options
from pocketagent.domain.usage import Usage

MAX_WORDS = 200
"""Characters of what was said last."""


class Stop(Enum):
    """Why the running turn is being brought to its end."""

    INTERRUPT = auto()
    KILL = auto()
    TIMEOUT = auto()
    SHUTDOWN = auto()


@frozen
class Execution:
    """A prompt on its way through the agent. `by` is None for a turn that the agent began by itself.

    `launch`: what the options ask of the process, with paths and names resolved.
    """

    id: str
    prompt_id: str | None = None
    prompt: str = field(default="", repr=False)
    options: Options = field(factory=Options)
    launch: LaunchOptions = field(factory=LaunchOptions)
    by: Actor | None = None
    attachments: tuple[Attached, ...] = ()


# -- wishes: what the agent is to be told -------------------------------------------------------------------


@frozen
class Begin:
    """Hand the execution's prompt to the agent, in a process that fits it."""

    execution: Execution


@frozen
class PassOn:
    """Pass an answer on to the agent."""

    request: PermissionRequest
    answer: Answer


@frozen
class Break:
    """Ask the agent to end its turn."""


@frozen
class Destroy:
    """End the agent's process with everything that it started."""


@frozen
class Retire:
    """End the idle process: its conversation is over."""


Wish = Begin | PassOn | Break | Destroy | Retire
Item = Event | Spoken | Partial | Wish


@frozen
class Core:
    """All that the machine knows.

    `announces`: this process says when it works and when it rests. `last_words`: the beginning of what was said last,
    by the agent or to it; at most `MAX_WORDS` characters.
    """

    state: State = State.IDLE
    session_id: str | None = None
    execution: Execution | None = None
    queue: tuple[Execution, ...] = ()
    permissions: tuple[PermissionRequest, ...] = ()
    error: Failure | None = None
    stop: Stop | None = None
    result: TurnResult | None = None
    announces: bool = False
    background_tasks: int = 0
    usage: Usage = field(factory=Usage)
    last_words: str | None = None

    def snapshot(self) -> StateChanged:
        """What of it clients are told."""
        return StateChanged(
            state=self.state,
            session_id=self.session_id,
            execution_id=self.execution.id if self.execution else None,
            queued=tuple(Queued(waiting.id, waiting.prompt_id, waiting.by) for waiting in self.queue),
            error=self.error,
            pending_permissions=self.permissions,
            last_words=self.last_words,
            cost_usd=self.usage.cost_usd,
        )
