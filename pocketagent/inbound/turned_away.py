# -*- test-case-name: tests.inbound.test_gate -*-
"""A request that is turned away: the refusal on HTTP, and those that stand in more than one place."""

from collections.abc import Sequence

from pocketagent.domain.refusals import Code, Refusal

Headers = Sequence[tuple[str, str]]


class TurnedAway(Refusal):
    """A refusal on HTTP: with its status, and with the headers that belong to it."""

    def __init__(self, status: int, code: Code, message: str, headers: Headers = (), **details: object) -> None:
        super().__init__(code, message, **details)
        self.status = status
        self.headers = headers


def bad_request(message: str) -> TurnedAway:
    return TurnedAway(400, Code.INVALID_MESSAGE, message)


def unauthorized(reason: str, message: str) -> TurnedAway:
    """What everybody without a good credential is told. `reason`: missing, malformed, unknown, expired."""
    error = "" if reason == "missing" else ', error="invalid_token"'
    challenge = f'Bearer realm="pocketagent"{error}'
    return TurnedAway(401, Code.UNAUTHORIZED, message, [("WWW-Authenticate", challenge)], reason=reason)


def nothing_here() -> TurnedAway:
    return TurnedAway(404, Code.INVALID_MESSAGE, "There is nothing here.")


def wrong_method(allowed: Sequence[str]) -> TurnedAway:
    """405, with the methods that a path has."""
    message = f"Only {', '.join(allowed)} can be asked here."
    return TurnedAway(405, Code.INVALID_MESSAGE, message, [("Allow", ", ".join(allowed))])
