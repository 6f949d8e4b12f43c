"""REST requests a second, over TLS on 16 connections that stay: beside a bare twisted.web resource, and aiohttp.

Ours looks up a token, finds the project, encodes its state and tags it; or reads a prompt, judges it, and refuses it
because the project is at work. The others answer the same bytes and do nothing else.
"""

import http.client
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import define, field

from benchmarks.contenders import HERE, LOAD_CORE, SERVER_CORE, Answer, Ours, cpu_seconds, on_core, self_signed
from benchmarks.figures import Figure, interleaved, middle, note, shares
from tests.end_to_end.client import Pinned

CONNECTIONS, REQUESTS = 16, 10_000
PROMPT = json.dumps({"prompt": "Run the tests."})
UNLIMITED: Sequence[str] = (
    "--address-requests-per-second=1000000",
    "--address-request-burst=1000000",
    "--device-requests-per-second=1000000",
    "--device-request-burst=1000000",
)
"""Bounds on requests that would be met; nothing of it makes the server faster."""


def measure() -> Sequence[Figure]:
    ours = Ours.start(*UNLIMITED)
    directory = Path(tempfile.mkdtemp(prefix="pocketagent-"))
    servers: list[Server] = []
    try:
        ours.client.request("execute", project_id=ours.project_id, prompt="forever:", options={"timeout": 3600})
        asked = _asked(ours)
        servers.append(Server("ours", ours.pid, ours.port))
        answers = directory / "answers.json"
        answers.write_text(json.dumps({method: _answered(ours, words) for method, words in asked.items()}))
        kinds = ["twisted", *(["aiohttp"] if importlib.util.find_spec("aiohttp") else [])]
        servers += [Bare.start(kind, directory, answers) for kind in kinds]
        for one in servers:
            one.connect()
        return [figure for method, words in asked.items() for figure in _side_by_side(method, words, servers)]
    finally:
        for one in servers:
            one.stop()
        ours.client.request("agent_kill", project_id=ours.project_id)
        ours.stop()
        shutil.rmtree(directory)


def _asked(ours: Ours) -> Mapping[str, str]:
    """The requests, as bytes that every contender takes."""
    rest = f"Host: 127.0.0.1:{ours.port}\r\nAuthorization: Bearer {ours.token}\r\nAccept: */*\r\n"
    project = f"/api/v1/projects/{ours.project_id}"
    typed = f"Content-Type: application/json\r\nContent-Length: {len(PROMPT)}\r\n"
    return {
        "GET": f"GET {project} HTTP/1.1\r\n{rest}\r\n",
        "POST": f"POST {project}/executions HTTP/1.1\r\n{rest}{typed}\r\n{PROMPT}",
    }


def _answered(ours: Ours, words: str) -> tuple[int, str]:
    """What ours answers to a request."""
    head, _, body = words.partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    method, target, _ = first.split(" ")
    talk = http.client.HTTPSConnection("127.0.0.1", ours.port, context=Pinned(ours.house.fingerprint))
    talk.request(method, target, body, dict(line.split(": ") for line in lines))
    answer = talk.getresponse()
    found = answer.status, answer.read().decode()
    talk.close()
    return found


def _side_by_side(method: str, words: str, servers: "Sequence[Server]") -> Sequence[Figure]:
    status = 200 if method == "GET" else 409
    answers = interleaved({one.name: lambda one=one: one.round(words, status) for one in servers})  # type: ignore[misc]
    for name, several in answers.items():
        shares(f"{method}, {name}", several)
    speed = {name: middle(several, lambda one: one["requests"] / one["seconds"]) for name, several in answers.items()}
    work = {name: middle(several, lambda one: one["server_cpu"] / REQUESTS * 1e6) for name, several in answers.items()}
    what = "GET of a project" if method == "GET" else "POST of a prompt, refused"
    figures = [
        Figure(f"{what}, over TLS on {CONNECTIONS} connections, a second", "requests", speed["ours"], speed[peer], name)
        for peer, name in PEERS.items()
        if peer in speed
    ]
    cpu = [
        Figure(f"{what}: CPU for one", "µs", work["ours"], work[peer], name, better="less")
        for peer, name in PEERS.items()
        if peer in work
    ]
    if "aiohttp" not in speed:
        note("aiohttp is not installed, so it is not beside")
    return [*figures, *cpu]


PEERS = {"twisted": "bare twisted.web", "aiohttp": "bare aiohttp"}


@define(eq=False)
class Server:
    """A server under measurement, and who asks it."""

    name: str
    pid: int
    port: int
    askers: "subprocess.Popen[str]" = field(init=False)

    def connect(self) -> None:
        self.askers = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.askers", str(LOAD_CORE)],
            cwd=HERE.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._tell(do="connect", count=CONNECTIONS, port=self.port)

    def round(self, words: str, status: int) -> Answer:
        before, began = cpu_seconds(self.pid), time.monotonic()
        answer = self._tell(do="round", request=words, status=status, requests=REQUESTS)
        took = time.monotonic() - began
        spent = cpu_seconds(self.pid) - before
        return {**answer, "server_cpu": spent, "load_share": answer["cpu"] / took, "server_share": spent / took}

    def stop(self) -> None:
        if hasattr(self, "askers"):
            assert self.askers.stdin is not None
            assert self.askers.stdout is not None
            self.askers.stdin.close()
            self.askers.wait()
            self.askers.stdout.close()

    def _tell(self, **order: object) -> Answer:
        assert self.askers.stdin is not None
        assert self.askers.stdout is not None
        self.askers.stdin.write(json.dumps(order) + "\n")
        self.askers.stdin.flush()
        line = self.askers.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name}: the load generator has ended")
        answer: Answer = json.loads(line)
        return answer


@define(eq=False)
class Bare(Server):
    process: "subprocess.Popen[str]" = field(kw_only=True)

    @classmethod
    def start(cls, kind: str, directory: Path, answers: Path) -> "Bare":
        certificate, key = self_signed(directory)
        with on_core(SERVER_CORE):
            process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.bare", kind, certificate, key, str(answers)],
                cwd=HERE.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
        assert process.stdout is not None
        return cls(kind, process.pid, int(process.stdout.readline()), process=process)

    def stop(self) -> None:
        super().stop()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
