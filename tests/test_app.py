"""The composition root: what stands in the way of a start, and which CLI is taken."""

import socket
from pathlib import Path

from attrs import evolve
from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.app import build
from pocketagent.config import Config
from pocketagent.server import IServerReactor
from pocketagent.sources import CannotStart


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
