"""The programs that watch servers, run for real on loopback, on ports that the kernel gives them."""

import json
import queue
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import yaml
from attrs import define, field

from tests.end_to_end.client import DEADLINE, wait_until
from tests.end_to_end.house import ROOT, listening

MONITORING = ROOT / "conf" / "monitoring"
NO_CLUSTER = "--cluster.listen-address="


def asked(url: str, method: str = "GET", body: bytes | None = None) -> Any:
    """What is answered, as JSON; None while nothing is."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")
    except (urllib.error.URLError, ConnectionError):
        return None


def shipped(name: str) -> Any:
    """A file of conf/monitoring, read."""
    return yaml.safe_load((MONITORING / name).read_text())


@define(eq=False)
class Monitor:
    """One program under watch; it is ended by its own process."""

    directory: Path
    _process: "subprocess.Popen[bytes]"
    url: str = ""

    @classmethod
    def start(cls, directory: Path, *words: str) -> "Monitor":
        directory.mkdir(exist_ok=True)
        with (directory / "log").open("ab") as log:
            process = subprocess.Popen(words, cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return cls(directory, process)

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")

    def ready(self, path: str) -> None:
        """Wait until it listens, and answers there."""

        def serves() -> bool:
            if self._process.poll() is not None:
                raise AssertionError(f"it ended with {self._process.returncode}: {self.log[-4000:]}")
            port = listening(self._process.pid)
            if port is None:
                return False
            self.url = f"http://127.0.0.1:{port}"
            try:
                urllib.request.urlopen(self.url + path, timeout=1).close()  # noqa: S310
            except OSError:
                return False
            return True

        try:
            wait_until(serves, f"what runs in {self.directory}")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@define(eq=False)
class Prometheus(Monitor):
    """With the rules of conf/monitoring, in a hurry."""

    @classmethod
    def watching(cls, directory: Path, config: Mapping[str, Any]) -> "Prometheus":
        """`config` as in prometheus.yml. Everything is looked at each second, and no alert waits."""
        directory.mkdir()
        rules = shipped("alerts.yml")
        for group in rules["groups"]:
            for rule in group["rules"]:
                rule.pop("for", None)
        (directory / "alerts.yml").write_text(yaml.safe_dump(rules))
        hurried = {**config, "global": {"scrape_interval": "1s", "evaluation_interval": "1s"}}
        (directory / "prometheus.yml").write_text(yaml.safe_dump(hurried))
        started = cls.start(
            directory.resolve(), "prometheus", "--config.file=prometheus.yml", "--web.listen-address=127.0.0.1:0",
            "--storage.tsdb.path=data", "--log.level=warn",
        )  # fmt: skip
        assert isinstance(started, cls)
        started.ready("/-/ready")
        return started

    def query(self, expression: str) -> Sequence[Mapping[str, Any]]:
        """What an expression gives now. Raises AssertionError when it is none."""
        answer = asked(f"{self.url}/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        assert answer is not None, expression
        assert answer["status"] == "success", (expression, answer)
        found: Sequence[Mapping[str, Any]] = answer["data"]["result"]
        return found


def alertmanager(directory: Path, webhook: str) -> Monitor:
    """With the routes of conf/monitoring, to a webhook, in a hurry."""
    directory.mkdir()
    config = shipped("alertmanager.yml")
    config["route"] |= {"group_wait": "0s", "group_interval": "1s"}
    config["receivers"][0]["webhook_configs"][0]["url"] = webhook
    (directory / "alertmanager.yml").write_text(yaml.safe_dump(config))
    started = Monitor.start(
        directory.resolve(), "prometheus-alertmanager", "--config.file=alertmanager.yml",
        "--web.listen-address=127.0.0.1:0", "--storage.path=data", NO_CLUSTER,
    )  # fmt: skip
    started.ready("/-/ready")
    return started


@define(eq=False)
class Webhook:
    """Where alerts arrive."""

    alerts: "queue.Queue[Mapping[str, Any]]" = field(factory=queue.Queue)
    _server: HTTPServer = field(init=False)

    @classmethod
    def open(cls) -> "Webhook":
        self = cls()
        alerts = self.alerts

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                for alert in told["alerts"]:
                    alerts.put(alert)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Not on the terminal."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/alerts"

    def wait_for(self, name: str) -> Mapping[str, Any]:
        """The next alert of this name. Raises queue.Empty."""
        while True:
            alert = self.alerts.get(timeout=DEADLINE)
            if alert["labels"]["alertname"] == name:
                return alert

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
