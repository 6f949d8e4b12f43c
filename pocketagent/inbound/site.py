# -*- test-case-name: tests.inbound.test_site -*-
"""The one port: which path leads where. Paths are exact, and what is not listed does not exist."""

import json
from collections.abc import Callable, Iterable
from typing import Protocol as Shape

from attrs import define, field
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IReactorTime

from pocketagent.domain.access import Device, Scope
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.replies import Condition, HealthStatus
from pocketagent.inbound import gate
from pocketagent.inbound.channel import Answer, Channel
from pocketagent.inbound.door import Arrival, Door
from pocketagent.inbound.gate import Call, Names, TurnedAway, Upgrade

RETRY_AFTER = "5"
"""Seconds after which a client that found no room may come again."""


class Access(Shape):
    """Who may come in."""

    async def admit(self, token: str) -> Device:
        """The device of a token. Raises Refusal(UNAUTHORIZED) with `reason`."""


class Health(Shape):
    """How the server is."""

    async def check(self) -> HealthStatus: ...


class Welcome(Shape):
    """Takes over where a request for a WebSocket was found good."""

    def __call__(self, channel: Channel, upgrade: Upgrade, device: Device, gone: Callable[[], None]) -> None:
        """`gone` is called once, when the connection is no more."""


@define(eq=False)
class Site:
    """Judges a request by the gate's rules and passes it on.

    Of `health` strangers learn one word. `connections` bounds the WebSockets.
    """

    _names: Names
    _access: Access
    _health: Health
    _welcome: Welcome
    _connections: int
    _taken: int = field(init=False, default=0)

    async def respond(self, call: Call, channel: Channel) -> Answer | None:
        """Answer the request; None where a WebSocket took it over. Raises TurnedAway."""
        if call.path in ("/health", "/ready"):
            gate.host_of(call)
            gate.check_target(call)
            gate.check_method(call, "GET", "HEAD")
            return await (self._say_health() if call.path == "/health" else self._say_ready())
        port = self._names.check_host(call)
        if call.path != "/ws":
            raise TurnedAway(404, Code.INVALID_MESSAGE, "There is nothing here.")
        gate.check_target(call)
        gate.check_method(call, "GET")
        self._names.check_origin(call, port)
        upgrade = gate.upgrade(call)
        await self._let_in(upgrade, gate.token(call), channel)
        return None

    async def _say_health(self) -> Answer:
        condition = (await self._health.check()).status
        return _status(condition.value, condition is not Condition.UNHEALTHY)

    async def _say_ready(self) -> Answer:
        is_ready = (await self._health.check()).status is not Condition.UNHEALTHY
        return _status("ready" if is_ready else "not ready", is_ready)

    async def _let_in(self, upgrade: Upgrade, token: str, channel: Channel) -> None:
        if self._taken >= self._connections:
            # Before the credential is looked up: whoever floods us costs no hash.
            raise _unavailable(
                Code.RESOURCE_LIMIT, "The server has as many connections as it may have.", limit=self._connections
            )
        self._taken += 1
        is_in = False
        try:
            device = await self._admit(token)
            gate.check_scope(device, Scope.READ)
            if not channel.is_over:
                self._welcome(channel, upgrade, device, self._leave)
                is_in = True
        finally:
            if not is_in:
                self._leave()

    async def _admit(self, token: str) -> Device:
        try:
            return await self._access.admit(token)
        except Refusal as refusal:
            if refusal.code is Code.UNAUTHORIZED:
                raise gate.unauthorized(str(refusal.details.get("reason", "unknown")), refusal.message) from None
            raise _unavailable(refusal.code, refusal.message, **refusal.details) from None

    def _leave(self) -> None:
        self._taken -= 1


def _status(word: str, is_well: bool) -> Answer:
    return Answer(200 if is_well else 503, json.dumps({"status": word}).encode())


def _unavailable(code: Code, message: str, **details: object) -> TurnedAway:
    return TurnedAway(503, code, message, [("Retry-After", RETRY_AFTER)], **details)


def factory(
    *,
    clock: IReactorTime,
    names: Iterable[str],
    tls: IOpenSSLServerConnectionCreator | None,
    access: Access,
    health: Health,
    welcome: Welcome,
    new_id: Callable[[], str],
    random: Callable[[], float],
    connections: int,
    handshakes: int,
    handshake_timeout: float,
) -> Door:
    """What to listen with on a plain TCP endpoint, with and without TLS: TLS is inside.

    `names`: under which names clients come. `tls`: what makes the server's side of TLS, for every connection anew.
    `new_id` makes references for the log; the bounds are those of `Config`.
    """
    site = Site(Names.of(names, tls is not None), access, health, welcome, connections)

    def speak(arrival: Arrival) -> Channel:
        return Channel(arrival, site.respond, clock.seconds, new_id)

    return Door(clock, speak, tls, handshakes, handshake_timeout, random)
