"""The servers that are measured: ours, whole, and two others that do less. All start the same child.

Each is pinned to one core, with everything that it starts; the load generator has another one.
"""

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field

from tests.end_to_end.client import Client
from tests.end_to_end.house import SCRIPTED_CLI, House, processes

HERE = Path(__file__).parent
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]

FLAGS = ["--output-format", "stream-json", "--verbose", "--input-format", "stream-json"]

RAISED = [
    "--ping-interval=3600",
    "--connections=8192",
    "--handshakes=1024",
    "--executions=100",
    "--request-burst=10000",
    "--connections-per-address=8192",
    "--connections-per-device=8192",
    "--device-requests-per-second=1000000",
    "--address-requests-per-second=1000000",
]
"""Bounds that a benchmark must not run into; nothing of it makes the server faster."""

UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
)

Answer = Mapping[str, float]


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """What is started here runs on this core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(pid: int) -> float:
    """What a process has used of its core so far, all of its threads that live and none of its children."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def memory(pid: int) -> int:
    """Bytes of memory that belong to this process alone, and its part of what is shared."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError("the kernel does not say how much memory a process has")


def self_signed(directory: Path) -> tuple[str, str]:
    """A certificate of a P-256 key, as ours has one, and the key."""
    key, certificate = str(directory / "key.pem"), str(directory / "certificate.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


def prompt_line(script: str) -> str:
    """A prompt as the CLI reads it."""
    return json.dumps({"type": "user", "message": {"role": "user", "content": script}})


@define(eq=False)
class Listeners:
    """The load generator's process."""

    _process: "subprocess.Popen[str]"

    @classmethod
    def start(cls) -> "Listeners":
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.listeners", str(LOAD_CORE)],
            cwd=HERE.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return cls(process)

    def tell(self, **order: object) -> Answer:
        """Give an order; the next answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self.hear()

    def hear(self) -> Answer:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the load generator has ended")
        answer: Answer = json.loads(line)
        return answer

    def stop(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@define(eq=False)
class Contender:
    """A server under measurement, and its subscribers."""

    name: str
    pid: int
    port: int
    tls: bool
    listeners: Listeners = field(factory=Listeners.start)

    def subscribe(self, count: int, watched: int = 1) -> None:
        """Let so many subscribers come; the watched ones are read, the others counted."""
        self._connect(count, watched, path="/", more="", say="", until="")

    def round(self, script: str, lines: int, times: bool = False) -> Answer:
        """Let the child run a script that has so many numbered lines; what the load generator saw, and `server_cpu`."""
        self.listeners.tell(do="round", say=self._said(script), lines=lines, times=times)
        before, began = cpu_seconds(self.pid), time.monotonic()
        self._trigger(script)
        answer = self.listeners.hear()
        if answer["missing"] or answer["lines"] != lines:
            raise RuntimeError(
                f"{self.name}: {answer['missing']} subscribers and lines after {answer['lines']} are missing"
            )
        took = time.monotonic() - began
        spent = cpu_seconds(self.pid) - before
        return {**answer, "server_cpu": spent, "load_share": answer["cpu"] / took, "server_share": spent / took}

    def stop(self) -> None:
        self.listeners.tell(do="close")
        self.listeners.stop()

    def _connect(self, count: int, watched: int, path: str, more: str, say: str, until: str) -> None:
        request = UPGRADE.format(path=path, port=self.port, more=more)
        where = {"port": self.port, "tls": self.tls}
        self.listeners.tell(do="connect", count=count, watched=watched, **where, request=request, say=say, until=until)

    def _said(self, script: str) -> str:
        """What the first subscriber says to begin, where that is the way."""
        return ""

    def _trigger(self, script: str) -> None:
        """Begin in another way."""


@define(eq=False)
class Ours(Contender):
    """The whole server: certificate, tokens, journal, scopes, supervisor."""

    house: House = field(kw_only=True)
    client: Client = field(kw_only=True)
    token: str = field(kw_only=True)
    project_id: str = field(kw_only=True)

    @classmethod
    def start(cls, *options: str, tls: bool = True, program: Sequence[str] = ()) -> "Ours":
        """`program`: what Python runs as twistd, where it is not that."""
        house = House.new(Path(tempfile.mkdtemp(prefix="pocketagent-")), *RAISED, *options, plaintext=not tls)
        house.program = program or house.program
        with on_core(SERVER_CORE):
            house.start()
        token = house.token()
        client = house.connect(token)
        reply = client.request("project_create", path=str(house.project("bench")))
        return cls(
            "ours", house.pid, house.port, tls, house=house, client=client, token=token, project_id=project_of(reply)
        )

    def subscribe(self, count: int, watched: int = 1) -> None:
        join = json.dumps({"type": "project_join", "request_id": "j", "data": {"project_id": self.project_id}})
        self._connect(count, watched, "/ws", f"Authorization: Bearer {self.token}\r\n", join, '"project_joined"')

    def connect_idle(self, count: int) -> None:
        """Connections that never say anything."""
        self._connect(count, 0, "/ws", f"Authorization: Bearer {self.token}\r\n", "", '"connection_established"')

    def _trigger(self, script: str) -> None:
        self.client.request("execute", project_id=self.project_id, prompt=script, options={"timeout": 600}, queue=True)

    def stop(self) -> None:
        super().stop()
        self.client.close()
        self.house.stop()
        shutil.rmtree(self.house.directory)


def project_of(reply: Mapping[str, object]) -> str:
    data = reply["data"]
    assert isinstance(data, dict)
    return str(data["id"])


@define(eq=False)
class Node(Contender):
    """A bare broadcaster on Node's `ws`, over TLS with a key of the same kind."""

    process: "subprocess.Popen[str]" = field(kw_only=True)
    directory: Path = field(kw_only=True)

    @staticmethod
    def missing() -> str:
        """Why it cannot be measured here; nothing when it can. Installs `ws` on first use."""
        if shutil.which("node") is None or shutil.which("npm") is None:
            return "node and npm are not installed"
        if not (HERE / "node" / "node_modules" / "ws").exists():
            command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"]
            run = subprocess.run(command, cwd=HERE / "node", capture_output=True, text=True, check=False)
            if run.returncode:
                return f"npm install: {run.stderr.strip().splitlines()[-1]}"
        return ""

    @classmethod
    def start(cls) -> "Node":
        directory = Path(tempfile.mkdtemp(prefix="pocketagent-"))
        certificate, key = self_signed(directory)
        with on_core(SERVER_CORE):
            process = subprocess.Popen(
                ["node", "broadcast.js", certificate, key, str(SCRIPTED_CLI), *FLAGS],
                cwd=HERE / "node", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
        assert process.stdout is not None
        port = int(process.stdout.readline())
        return cls("node", process.pid, port, True, process=process, directory=directory)

    def _trigger(self, script: str) -> None:
        request = urllib.request.Request(f"https://127.0.0.1:{self.port}/", data=(prompt_line(script) + "\n").encode())
        with urllib.request.urlopen(request, context=_trusting()) as answer:  # noqa: S310
            answer.read()

    def stop(self) -> None:
        super().stop()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.directory)


@define(eq=False)
class Websocketd(Contender):
    """`websocketd`: a child for each connection, no TLS."""

    process: "subprocess.Popen[bytes]" = field(kw_only=True)

    @staticmethod
    def missing() -> str:
        return "" if shutil.which("websocketd") else "websocketd is not installed"

    @classmethod
    def start(cls) -> "Websocketd":
        port = 20000 + os.getpid() % 10000
        command: Sequence[str] = ["websocketd", "--address=127.0.0.1", f"--port={port}", "--loglevel=fatal"]
        with on_core(SERVER_CORE):
            process = subprocess.Popen([*command, str(SCRIPTED_CLI), *FLAGS])
        wait_for_port(port)
        return cls("websocketd", process.pid, port, False, process=process)

    def _said(self, script: str) -> str:
        return prompt_line(script)

    def stop(self) -> None:
        super().stop()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def wait_for_port(port: int) -> None:
    import socket

    end = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


__all__ = ["Contender", "Node", "Ours", "Websocketd", "cpu_seconds", "memory", "processes"]
