"""A client of the server, for Python programs: see docs/client.md."""

from pocketagent.client.client import Client
from pocketagent.client.link import Server
from pocketagent.client.problems import ConnectionLost, NotMyServer, Problem, TurnedAway, Unreachable
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
