"""Why a client cannot do what it was asked. The text of each is a sentence for a person, and says what to do."""


class Problem(Exception):
    """What went wrong between this client and its server. What the server itself says no to is a `Refusal`."""


class Unreachable(Problem):
    """There is no way to the server now; later there may be."""


class NotMyServer(Problem):
    """Who answers has another key than the one that was pinned, or a certificate that nobody vouches for."""


class TurnedAway(Problem):
    """The server does not let this device in: trying again is of no use. `reason` as the server names it."""

    def __init__(self, sentence: str, reason: str = "") -> None:
        super().__init__(sentence)
        self.reason = reason


class ConnectionLost(Problem):
    """The connection ended while a request was under way: whether it was carried out is not known."""
