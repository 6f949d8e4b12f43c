"""What a person reads of a conversation, one value for each thing that is written once and then stands.

Texts are as the agent or a device gave them: whoever draws them makes them harmless first (`domain.text`).
"""

from collections.abc import Mapping, Sequence

from attrs import field, frozen

from pocketagent.domain.agent import Behavior
from pocketagent.domain.events import ClientMessage, Reason
from pocketagent.wire.server import Question


@frozen
class Prompted:
    """A person's prompt, as its execution begins. `by` is the name of the device, `attached` the names of what it came
    with."""

    by: str
    text: str
    attached: Sequence[str] = ()

    @classmethod
    def of(cls, message: ClientMessage) -> "Prompted":
        return cls(message.by.name, message.prompt, tuple(one.name for one in message.attachments))


@frozen
class Said:
    """A part of what the agent says, in Markdown: whole paragraphs, lists or blocks of code. `begins`: the first part
    of a text, and not a later one of the same."""

    text: str
    begins: bool = True


@frozen
class Thought:
    text: str


@frozen
class Answered:
    """A question is no longer open. `by`: the name of the device, None where no person answered."""

    question: Question
    behavior: Behavior
    by: str | None
    reason: Reason


@frozen
class Call:
    """A tool that the agent uses. `began`: seconds since 1970; of a permission that was needed, the moment it was
    given. `parent`: the id of the call of the subagent that it belongs to. `denied`: what its question
    came to, unless it may run: a no, or that nobody is asked any more."""

    id: str
    name: str
    input: Mapping[str, object]
    began: float
    parent: str | None = None
    denied: Answered | None = None


@frozen
class Called:
    """A call that is over, after so many seconds. `output`: what it returned, as text. `details`: the CLI's
    `tool_use_result`, such as the `structuredPatch` of an edit; empty where it gave none. `inner`: how many calls a
    subagent made inside of it."""

    call: Call
    output: str
    is_error: bool
    seconds: float
    details: Mapping[str, object] = field(factory=dict)
    inner: int = 0


@frozen
class Ended:
    """A turn is over. `outcome`: what a person should know beside the agent's words; empty when all is well."""

    seconds: float
    cost_usd: float | None
    outcome: str = ""


@frozen
class Failed:
    """An execution failed. `stderr`: the agent's own last words."""

    code: str
    message: str
    stderr: str = ""


@frozen
class Notice:
    """Something that happened besides: a sentence."""

    text: str
    lines: Sequence[str] = ()


Shown = Prompted | Said | Thought | Called | Answered | Ended | Failed | Notice
