# -*- test-case-name: tests.inbound.test_devices -*-
"""Devices on HTTP: pairing a new one, its session in a browser, and the list of them all."""

from collections.abc import Callable, Sequence
from typing import Protocol as Shape

from pocketagent.domain.access import Device, Kind, Scope
from pocketagent.domain.devices import Change, Known
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.inbound import query
from pocketagent.inbound.answer import Answer
from pocketagent.inbound.gate import COOKIE_NAME
from pocketagent.inbound.rest import BASE
from pocketagent.inbound.routes import About, Body, Route, Visit
from pocketagent.inbound.turned_away import unauthorized
from pocketagent.ports import IConnection
from pocketagent.wire import devices as wire

MAX_BODY = 4096
"""Bytes: a code and a name."""
COOKIE_LIFETIME = 400 * 86400
"""Seconds for which browsers keep a cookie at most."""

_PATH = f"{BASE}/devices"
_ONE = f"{_PATH}/{{device_id}}"
_ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Strict"


class Granted(Shape):
    """A new device and what it shows."""

    @property
    def device(self) -> Device: ...

    @property
    def credential(self) -> str: ...


class PairingDesk(Shape):
    """Where codes are judged."""

    async def exchange(self, code: str, name: object, kind: Kind, address: str) -> Granted: ...


class Devices(Shape):
    """The devices, for those who ask. All raise Refusal."""

    async def all(self, asker: IConnection) -> Sequence[Known]: ...

    async def get(self, device_id: str, asker: IConnection) -> Known: ...

    async def change(self, device_id: str, change: Change, asker: IConnection) -> Known: ...

    async def revoke(self, device_id: str, last_admin: bool, asker: IConnection) -> None: ...

    async def log_out(self, asker: IConnection) -> bool: ...


PAIR = About("Exchange the code of a pairing for a device", wire.PairRequest, wire.Paired, 201)
LOG_OUT = About("End the session of a browser", status=204)
SHOW_ALL = About("List the devices", answer=wire.DeviceList)
SHOW = About("Show a device", answer=wire.DeviceState)
CHANGE = About("Rename a device, give it an end or take it away", wire.ChangeRequest, wire.DeviceState)
REVOKE = About("Revoke a device", status=204, parameters={"last_admin": {"type": "boolean", "default": False}})


def routes(pairing: PairingDesk, devices: Devices, now: Callable[[], float]) -> Sequence[Route]:
    """The API; `now` says how long a cookie still has."""

    async def pair(visit: Visit) -> Answer:
        asked = wire.pair_request(visit.body)
        if asked.cookie:
            visit.channel.names.check_page(visit.call, needs_origin=True)
        try:
            kind = Kind.BROWSER if asked.cookie else Kind.PROGRAM
            granted = await pairing.exchange(asked.code, asked.name, kind, visit.channel.address)
        except Refusal as refusal:
            if refusal.code is Code.UNAUTHORIZED:
                raise unauthorized(str(refusal.details["reason"]), refusal.message) from None
            raise
        device = granted.device
        known = Known(device, is_over=False, last_seen=None, connections=0)
        headers = [("Location", f"{_PATH}/{device.id}")]
        if asked.cookie:
            headers.append(("Set-Cookie", _cookie(granted.credential, _lifetime(device, now()))))
        return Answer(201, wire.paired(known, None if asked.cookie else granted.credential), headers)

    async def log_out(visit: Visit) -> Answer:
        visit.channel.take_leave()
        await devices.log_out(_asker(visit))
        return Answer(204, headers=[("Set-Cookie", _cookie("", 0))])

    async def show_all(visit: Visit) -> Answer:
        return Answer(200, wire.several(await devices.all(_asker(visit))))

    async def show(visit: Visit) -> Answer:
        return Answer(200, wire.one(await devices.get(visit.path["device_id"], _asker(visit))))

    async def change(visit: Visit) -> Answer:
        wanted = wire.change(visit.body)
        return Answer(200, wire.one(await devices.change(visit.path["device_id"], wanted, _asker(visit))))

    async def revoke(visit: Visit) -> Answer:
        if visit.path["device_id"] == visit.device.id:
            visit.channel.take_leave()
        await devices.revoke(visit.path["device_id"], query.flag(visit.query, "last_admin"), _asker(visit))
        return Answer(204)

    body = Body(MAX_BODY)
    return [
        Route(method="POST", path=f"{BASE}/pair", answer=pair, scope=None, body=body, about=PAIR),
        Route(method="DELETE", path=f"{BASE}/session", answer=log_out, scope=Scope.READ, about=LOG_OUT),
        Route(method="GET", path=_PATH, answer=show_all, scope=Scope.ADMIN, about=SHOW_ALL),
        # Each device may see and rename itself: what else it may is judged when it is known which one is meant.
        Route(method="GET", path=_ONE, answer=show, scope=Scope.READ, about=SHOW),
        Route(method="PATCH", path=_ONE, answer=change, scope=Scope.READ, body=body, about=CHANGE),
        Route(method="DELETE", path=_ONE, answer=revoke, scope=Scope.ADMIN, query=("last_admin",), about=REVOKE),
    ]


def _asker(visit: Visit) -> IConnection:
    assert visit.asker is not None
    return visit.asker


def _cookie(value: str, seconds: int) -> str:
    """The header that sets it, for this host alone and its pages alone, unseen by their scripts (OR-11)."""
    return f"{COOKIE_NAME}={value}; Max-Age={seconds}; {_ATTRIBUTES}"


def _lifetime(device: Device, now: float) -> int:
    if device.expires_at is None:
        return COOKIE_LIFETIME
    return max(0, min(COOKIE_LIFETIME, int(device.expires_at - now)))
