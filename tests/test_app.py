"""The composition root: what stands in the way of a start, and which CLI is taken."""

import socket
from pathlib import Path

from attrs import evolve
from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.app import api, build
from pocketagent.config import Config
from pocketagent.domain.access import Scope
from pocketagent.domain.measures import Measures
from pocketagent.inbound import authority, metrics_page, rest, site, web_client
from pocketagent.server import IServerReactor
from pocketagent.sources import CannotStart
from tests.services.workshop import Workshop

STRANGERS = {"GET /", "GET /health", "GET /ready", "GET /ca.crt", "GET /ca.mobileconfig", "POST /api/v1/pair"}
NEEDED = {
    Scope.READ: {
        "GET /ws",
        "DELETE /api/v1/session",
        "GET /api/v1/devices/{device_id}",
        "PATCH /api/v1/devices/{device_id}",
        "GET /api/v1/projects/{project_id}/attachments",
        "GET /api/v1/projects/{project_id}/attachments/{attachment_id}",
        "GET /api/v1/projects/{project_id}/events",
        "GET /api/v1/projects/{project_id}/files",
        "GET /api/v1/projects/{project_id}/search",
        "GET /api/v1/usage",
        "GET /api/v1/push",
        "PUT /api/v1/push/subscription",
        "DELETE /api/v1/push/subscription",
        "GET /api/v1/openapi.json",
    },
    Scope.EXECUTE: {
        "POST /api/v1/projects/{project_id}/attachments",
        "DELETE /api/v1/projects/{project_id}/attachments/{attachment_id}",
    },
    Scope.ADMIN: {
        "GET /api/v1/devices",
        "DELETE /api/v1/devices/{device_id}",
        "GET /api/v1/directories",
        "GET /api/v1/directories/trust",
    },
    Scope.METRICS: {"GET /metrics"},
}
"""Of each route that is no twin of a request; the twins have what their requests need."""


class BuildTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.data = Path(self.mktemp()).absolute()
        self.config = Config(data_dir=str(self.data), host=("127.0.0.1",), port=0, names=("localhost",), roots=("/",))

    def build(self, config: Config) -> object:
        server = build(config, IServerReactor(reactor, reactor))
        self.addCleanup(server._bound.close)
        self.addCleanup(server._data.close)
        return server

    def test_one_server_for_a_data_directory(self) -> None:
        """ST-15: a second server on the same data directory is refused in one line."""
        self.build(self.config)
        problem = self.assertRaises(CannotStart, build, self.config, IServerReactor(reactor, reactor))
        self.assertIn("in use", str(problem))

    def test_a_failed_start_leaves_nothing(self) -> None:
        """After a start that failed for its port, the data directory is free for the next."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            taken = evolve(self.config, port=other.getsockname()[1])
            self.assertRaises(CannotStart, build, taken, IServerReactor(reactor, reactor))
        self.build(self.config)

    def test_metrics_elsewhere(self) -> None:
        """A port for metrics that is taken stops the start, is told as that, and both ports are free afterwards."""
        with socket.create_server(("127.0.0.1", 0)) as other, socket.create_server(("127.0.0.1", 0)) as ours:
            port = ours.getsockname()[1]
            ours.close()
            both = evolve(self.config, port=port, metrics_listen=f"127.0.0.1:{other.getsockname()[1]}")
            problem = self.assertRaises(CannotStart, build, both, IServerReactor(reactor, reactor))
            self.assertIn("metrics_listen", str(problem))
        self.build(evolve(self.config, port=port))

    def test_broken_devices(self) -> None:
        """AU-29: devices that cannot be trusted stop the start: never "no devices, so nobody", nor "so everybody"."""
        devices = self.data / "devices"
        devices.mkdir(parents=True, mode=0o700)
        self.data.chmod(0o700)
        (devices / "0123456789abcdef.json").write_text("{")
        self.assertRaises(CannotStart, build, self.config, IServerReactor(reactor, reactor))


class RouteTests(SynchronousTestCase):
    def test_who_may(self) -> None:
        """P1, AU-25: everything that can be asked over HTTP asks for a credential, but for what is listed here, and
        for the scope that is listed here: a new route without a row fails."""
        services, measures = Workshop().services, Measures()
        routes = [
            *site.front(services.health, None),  # type: ignore[arg-type]  # nobody is welcomed
            *web_client.routes({}),
            *authority.routes(lambda: None),
            *api(Config(), IServerReactor(reactor, reactor), None, services, measures),
            metrics_page.route(None),  # type: ignore[arg-type]  # nothing is read
        ]
        scopes = {f"{route.method} {route.path}": route.scope for route in routes}
        expected: dict[str, Scope | None] = dict.fromkeys(STRANGERS)
        expected |= {route: scope for scope, rows in NEEDED.items() for route in rows}
        expected |= {f"{twin.method} {rest.BASE}{twin.path}": twin.wanted.scope for twin in rest.TWINS}
        self.assertEqual(scopes, expected)
