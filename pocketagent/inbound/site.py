# -*- test-case-name: tests.inbound.test_site -*-
"""The one port: a request is judged, in one order, and then answered by whoever its path leads to.

The order: Host, path, method, Origin, query; how many there are already; the credential and its scope; the type and
the length of the body; the body; and what is asked. Nothing of the body is read before the credential was good.
"""

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol as Shape

from attrs import define, field
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IReactorTime

from pocketagent.domain.access import Device, Kind, Scope, claimed_id
from pocketagent.domain.addresses import Proxies
from pocketagent.domain.measures import Measures
from pocketagent.domain.message import timestamp
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.replies import Condition, HealthStatus
from pocketagent.domain.sighting import client_of
from pocketagent.inbound import gate, query
from pocketagent.inbound.answer import Answer, Dates, to_refusal, unavailable
from pocketagent.inbound.call import Call
from pocketagent.inbound.channel import Channel
from pocketagent.inbound.door import Arrival, Door
from pocketagent.inbound.gate import Credential, Names
from pocketagent.inbound.handshake import Upgrade, upgrade
from pocketagent.inbound.limits import Limits
from pocketagent.inbound.limits import Place as Seat
from pocketagent.inbound.routes import Body, Place, Route, Routes, Visit
from pocketagent.inbound.turned_away import TurnedAway, bad_request, nothing_here, unauthorized, wrong_method
from pocketagent.inbound.visitor import Subscriptions, Visitor

PREFLIGHT_AGE = 600
"""Seconds for which a browser need not ask again what a page of another origin may send."""
MAY_SEND = "Attachment-Name, Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID"
MAY_READ = "Content-Disposition, ETag, Link, Location, Retry-After"
"""Headers, for pages of the allowed origins."""


class Access(Shape):
    """Who may come in."""

    async def admit(self, credential: str, kind: Kind, client: str, looks: bool) -> Device:
        """The device of a token or a cookie; `client`: what kind of client shows it; `looks`: whether the disk may be
        looked at for it. Raises Refusal(UNAUTHORIZED) with `reason`."""

    def knows(self, device_id: str) -> bool:
        """Whether there is a device of that id."""


class Witness(Shape):
    """Who writes down what happens at the door."""

    def turned_away(self, claimed: str | None, address: str, reason: str) -> None:
        """Somebody has shown a credential that is not good; `claimed` is the device that it names."""


class Health(Shape):
    """How the server is."""

    async def check(self) -> HealthStatus: ...


class Welcome(Shape):
    """Takes over where a request for a WebSocket was found good."""

    def __call__(self, channel: Channel, upgrade: Upgrade, device: Device, gone: Callable[[], None]) -> None:
        """`gone` is called once, when the connection is no more."""


@define(eq=False)
class Site:
    """Judges requests and has them answered.

    `origins`: of other pages that may ask.
    """

    _names: Names
    _access: Access
    _subscriptions: Subscriptions
    _routes: Routes
    _clock: IReactorTime
    _new_id: Callable[[], str]
    _limits: Limits
    _witness: Witness
    _proxies: Proxies
    _origins: Collection[str] = ()
    _measures: Measures = field(factory=Measures)

    async def respond(self, call: Call, channel: Channel) -> Answer | None:
        """Answer the request; None where it took the connection over. Raises TurnedAway."""
        try:
            return await self._respond(call, channel)
        except TurnedAway as refusal:
            if refusal.status == 401:
                self._measures.refused[str(refusal.details["reason"])] += 1
            raise
        except Refusal as refusal:
            self._measures.rate_limited += refusal.code is Code.RATE_LIMITED
            return to_refusal(refusal, self._clock.seconds())

    async def _respond(self, call: Call, channel: Channel) -> Answer | None:
        channel.address = self._proxies.client(channel.arrival.address, call.headers.get("x-forwarded-for", ()))
        self._limits.ask(channel.address)
        if self._proxies.are_secure(channel.arrival.address, call.headers.get("x-forwarded-proto", ())):
            channel.names = self._names.behind_tls()
        else:
            channel.names = self._names
        place = self._routes.find(call.path)
        port = None
        if place is not None and place.any_host:
            gate.host_of(call)
        else:
            port = channel.names.check_host(call)
        if self._origins:
            channel.stamp = self._for_pages(call)
        if place is None:
            raise nothing_here()
        if call.method == "OPTIONS" and "origin" in call.headers and self._origins:
            return self._preflight(call, place)
        route = place.routes.get(call.method)
        if route is None:
            raise wrong_method(place.methods)
        if port is not None:
            channel.names.check_origin(call, port, self._origins)
        parameters = query.parameters(call.target, route.query) if "?" in call.target else {}
        if route.before is not None:
            route.before(call, channel)
        asker = None if route.scope is None else await self._let_in(call, channel, route, route.scope)
        _check_body(call, route.body)
        with self._limits.uploads.holding(_large(call, route.body)):
            body, large = await _read(call, channel, route.body)
            if channel.is_over:
                return None
            channel.commit()
            return await route.answer(Visit(call, channel, place.path, parameters, asker, body, large))

    # -- pages of other origins -----------------------------------------------------------------------------

    def _preflight(self, call: Call, place: Place) -> Answer:
        """A browser asks what a page of another origin may do here (the CORS of fetch)."""
        if call.only("origin") not in self._origins:
            raise TurnedAway(403, Code.FORBIDDEN, "Pages of other origins may not come here.")
        return Answer(
            204,
            headers=[
                ("Access-Control-Allow-Methods", ", ".join(place.methods)),
                ("Access-Control-Allow-Headers", MAY_SEND),
                ("Access-Control-Max-Age", str(PREFLIGHT_AGE)),
            ],
        )

    def _for_pages(self, call: Call) -> Sequence[tuple[str, str]]:
        origin = call.only("origin")
        if origin is None or origin not in self._origins:
            return [("Vary", "Origin")]
        return [
            ("Vary", "Origin"),
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", MAY_READ),
        ]

    # -- credentials ----------------------------------------------------------------------------------------

    async def _let_in(self, call: Call, channel: Channel, route: Route, needed: Scope) -> Visitor:
        seat = self._take_place(channel) if channel.leave is None else None
        is_good = False
        try:
            device = await self._admit(gate.credential(call, channel.names), call, channel.address)
            if seat is not None:
                seat.claim(device.id)
            self._limits.ask_as(device.id)
            is_good = not channel.is_over
        finally:
            if seat is not None and not is_good:
                self._give_back(channel)
        visitor = self._visitor(channel, device, route)
        gate.check_scope(device, needed)
        return visitor

    def _visitor(self, channel: Channel, device: Device, route: Route) -> Visitor:
        """Who asks; from the first request on that leaves the connection to others it is known, and stays."""
        now = timestamp(self._clock.seconds())
        visitor = channel.lodger
        if isinstance(visitor, Visitor):
            visitor.device = device
            visitor.last_active = now
            return visitor
        visitor = Visitor(self._new_id(), device, channel.address, now, now, self._subscriptions, channel.close)
        if not route.takes_over and not channel.is_over:
            visitor.arrive()
            channel.stay(visitor)
        return visitor

    def _take_place(self, channel: Channel) -> Seat:
        seat = self._limits.take(channel.address)
        channel.leave = seat.leave
        return seat

    def _give_back(self, channel: Channel) -> None:
        leave, channel.leave = channel.leave, None
        if leave is not None:
            leave()

    async def _admit(self, shown: Credential, call: Call, address: str) -> Device:
        """Whoever has shown too many wrong ones waits; only a device that is known is judged all the same. One that is
        not counts as wrong before it is judged: of many that come at once no more are looked at than one by one."""
        claimed = claimed_id(shown.text)
        wait = self._limits.wait_for(address)
        is_known = claimed is not None and self._access.knows(claimed)
        if not is_known:
            if wait:
                raise self._limits.too_fast(wait)
            self._limits.wrong(address)
        client = client_of(next(iter(call.headers.get("user-agent", ())), None))
        try:
            # Who has to wait learns nothing by how long that answer takes: an unknown id costs no look then, either.
            device = await self._access.admit(shown.text, shown.kind, client, looks=not wait)
        except Refusal as refusal:
            if refusal.code is Code.UNAUTHORIZED:
                if is_known:
                    self._limits.wrong(address)
                if wait:
                    raise self._limits.too_fast(wait) from None
                self._witness.turned_away(claimed, address, str(refusal.details.get("reason", "unknown")))
                raise unauthorized(str(refusal.details.get("reason", "unknown")), refusal.message) from None
            raise unavailable(refusal) from None
        if not is_known:
            self._limits.right(address)
        return device


# -- bodies -------------------------------------------------------------------------------------------------


def _check_body(call: Call, wanted: Body | None) -> None:
    """Whether the body that is announced may come; how long it may be is judged when it is read. Raises TurnedAway."""
    expected = call.only("expect")
    if expected is not None and expected.lower() != "100-continue":
        raise TurnedAway(417, Code.INVALID_MESSAGE, "Nothing but 100-continue can be expected.")
    if wanted is None:
        if call.length:
            raise bad_request("This request takes no body.")
    elif call.length or wanted.needed:
        gate.check_content(call, wanted.types)


def _large(call: Call, wanted: Body | None) -> int:
    """Bytes of a large body that will be read; of one that is too long none is."""
    return call.length if wanted is not None and wanted.is_large and call.length <= wanted.bound else 0


async def _read(call: Call, channel: Channel, wanted: Body | None) -> tuple[bytes, bytearray]:
    """The body; or, where that is large, beside nothing the body. Raises TurnedAway."""
    if wanted is None:
        return b"", bytearray()
    if wanted.is_large:
        return b"", await channel.large_body(wanted.bound, wanted.seconds)
    return await channel.body(wanted.bound, wanted.seconds), bytearray()


# -- what is there without an API ---------------------------------------------------------------------------


def front(health: Health, welcome: Welcome) -> Sequence[Route]:
    """What has always been there: two words about the server for strangers, and where a WebSocket begins."""

    async def say_health(visit: Visit) -> Answer:
        condition = (await health.check()).status
        return _status(condition.value, condition is not Condition.UNHEALTHY)

    async def say_ready(visit: Visit) -> Answer:
        is_ready = (await health.check()).status is not Condition.UNHEALTHY
        return _status("ready" if is_ready else "not ready", is_ready)

    def judge(call: Call, channel: Channel) -> None:
        upgrade(call)
        channel.be_alone()

    async def begin(visit: Visit) -> None:
        channel = visit.channel
        gone, device = channel.leave, visit.device
        assert gone is not None
        welcome(channel, upgrade(visit.call), device, gone)

    return [
        Route(method="GET", path="/health", answer=say_health, scope=None, any_host=True),
        Route(method="GET", path="/ready", answer=say_ready, scope=None, any_host=True),
        Route(method="GET", path="/ws", answer=begin, scope=Scope.READ, before=judge, takes_over=True),
    ]


def _status(word: str, is_well: bool) -> Answer:
    return Answer(200 if is_well else 503, json.dumps({"status": word}).encode())


def factory(
    *,
    clock: IReactorTime,
    names: Iterable[str],
    tls: IOpenSSLServerConnectionCreator | None,
    access: Access,
    subscriptions: Subscriptions,
    routes: Routes,
    new_id: Callable[[], str],
    random: Callable[[], float],
    limits: Limits,
    witness: Witness,
    handshakes: int,
    handshake_timeout: float,
    proxies: Proxies = Proxies(),  # noqa: B008  # frozen
    origins: Collection[str] = (),
    measures: Measures | None = None,
) -> Door:
    """What to listen with on a plain TCP endpoint, with and without TLS: TLS is inside.

    `names`: under which names clients come. `tls`: what makes the server's side of TLS, for every connection anew.
    `new_id` makes references for the log; the bounds are those of `Config`.
    """
    ours = Names.of(names, tls is not None)
    site = Site(
        ours,
        access,
        subscriptions,
        routes,
        clock,
        new_id,
        limits,
        witness,
        proxies,
        frozenset(origins),
        measures or Measures(),
    )
    dates = Dates()

    def speak(arrival: Arrival) -> Channel:
        return Channel(arrival, site.respond, clock, dates, new_id)

    return Door(clock, speak, tls, handshakes, handshake_timeout, random)
