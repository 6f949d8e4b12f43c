"""The bodies of requests and answers about devices."""

import json

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.access import Device, Kind, Scope, hash_of
from pocketagent.domain.devices import Change, Known
from pocketagent.domain.refusals import Refusal
from pocketagent.domain.sighting import Sighting
from pocketagent.wire import devices

PIXEL = Device("0" * 16, "Pixel", Scope.READ, hash_of("x"), 0.0, 3600.0, kind=Kind.BROWSER)
KNOWN = Known(PIXEL, False, Sighting(60.0, "curl"), 2)
SHOWN = {
    "id": "0" * 16,
    "name": "Pixel",
    "scope": "read",
    "kind": "browser",
    "created_at": "1970-01-01T00:00:00.000000Z",
    "expires_at": "1970-01-01T01:00:00.000000Z",
    "over": False,
    "last_seen": "1970-01-01T00:01:00.000000Z",
    "client": "curl",
    "connections": 2,
}


class BodyTests(SynchronousTestCase):
    def test_pair(self) -> None:
        """A code is needed; what is not known is ignored: a device may say whatever it likes of itself (AU-17)."""
        found = devices.pair_request(b'{"code": "x", "scope": "admin"}')
        self.assertEqual((found.code, found.name, found.cookie), ("x", None, False))
        for body in (b"{}", b'{"code": 1}', b'{"code": "x", "cookie": 1}', b'{"code": "x", "code": "y"}', b"[]", b""):
            self.assertRaises(Refusal, devices.pair_request, body)

    def test_change(self) -> None:
        """An end that is null takes it away, one that is left out stays; what is not known is refused."""
        for body, change in (
            (b"{}", Change()),
            (b'{"name": "x"}', Change(name="x")),
            (b'{"expires_at": null}', Change(sets_end=True)),
            (b'{"expires_at": "1970-01-01T01:00:00+01:00"}', Change(sets_end=True, expires_at=0.0)),
            (b'{"last_admin": true}', Change(last_admin=True)),
        ):
            self.assertEqual(devices.change(body), change)
        for body in (b'{"scope": "admin"}', b'{"name": null}', b'{"expires_at": 1e400}', b'{"expires_at": "x"}'):
            self.assertRaises(Refusal, devices.change, body)

    def test_shown(self) -> None:
        """A device is shown without its secret; who never came, and never ends, has null there."""
        self.assertEqual(json.loads(devices.one(KNOWN)), SHOWN)
        device = evolve(KNOWN.device, expires_at=None)
        never = json.loads(devices.one(evolve(KNOWN, device=device, last_seen=None)))
        self.assertEqual((never["expires_at"], never["last_seen"], never["client"]), (None, None, None))
        self.assertEqual(json.loads(devices.several([KNOWN])), {"devices": [SHOWN], "total": 1})

    def test_paired(self) -> None:
        """The token stands beside the device; where there is a cookie, there is no such field."""
        self.assertEqual(json.loads(devices.paired(KNOWN, "pa_")), {"device": SHOWN, "token": "pa_"})
        self.assertEqual(json.loads(devices.paired(KNOWN, None)), {"device": SHOWN})
