"""A client of the server, for Python programs: see docs/client.md.

A name is imported when it is first asked for, so that nobody waits for the connection's libraries who needs none yet:
`pocketagent chat` stands on the screen before them.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pocketagent.client.client import Client
    from pocketagent.client.problems import ConnectionLost, NotMyServer, Problem, TurnedAway, Unreachable
    from pocketagent.client.server import Server
    from pocketagent.client.standing import Phase, Standing
    from pocketagent.client.subscription import Subscription
    from pocketagent.domain.refusals import Code, Refusal
    from pocketagent.wire.server import Message, Page, Question, questions, value

__all__ = [
    "Client",
    "Code",
    "ConnectionLost",
    "Message",
    "NotMyServer",
    "Page",
    "Phase",
    "Problem",
    "Question",
    "Refusal",
    "Server",
    "Standing",
    "Subscription",
    "TurnedAway",
    "Unreachable",
    "questions",
    "value",
]

if not TYPE_CHECKING:  # for which every name would be here then
    _WHERE = {
        "pocketagent.client.client": ("Client",),
        "pocketagent.client.problems": ("ConnectionLost", "NotMyServer", "Problem", "TurnedAway", "Unreachable"),
        "pocketagent.client.server": ("Server",),
        "pocketagent.client.standing": ("Phase", "Standing"),
        "pocketagent.client.subscription": ("Subscription",),
        "pocketagent.domain.refusals": ("Code", "Refusal"),
        "pocketagent.wire.server": ("Message", "Page", "Question", "questions", "value"),
    }

    def __getattr__(name: str) -> object:
        from importlib import import_module

        for module, names in _WHERE.items():
            if name in names:
                globals()[name] = found = getattr(import_module(module), name)
                return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
