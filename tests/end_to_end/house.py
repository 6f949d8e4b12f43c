"""The whole server as a process of its own, and clients on an independent WebSocket library.

    class SomeTests(HouseTestCase):
        def test_it(self) -> None:
            house = self.house()
            client = house.connect()
            project = client.request("project_create", path=str(house.project("one")))["data"]["id"]

Everything blocks: the server is another process, so no reactor of ours has to turn. A house has a directory, a home
and an environment of its own; at its end it is stopped by its pid, and nothing that it started may be alive.
"""

import http.client
import importlib.util
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import define, field
from twisted.trial.unittest import SynchronousTestCase
from websockets.sync.client import connect

from pocketagent.cli.console import Console
from pocketagent.cli.main import main
from pocketagent.client.server import Server
from tests.end_to_end.client import DEADLINE, MESSAGE, Client, Pinned, TooLate, wait_until
from tests.messages_api import prompt_of

ROOT = Path(__file__).parents[2]
SCRIPTED_CLI = ROOT / "tests" / "scripted_cli.py"
START = 90.0
"""Seconds that a start may take where many are under way at once."""
MARKER = b"POCKETAGENT_EXECUTION="
TWISTD = "import sys; sys.argv[0] = 'twistd'; from twisted.scripts.twistd import run; run()"
COMMAND = "import sys; sys.argv[0] = 'pocketagent'; from pocketagent.cli.main import main; sys.exit(main())"
FINGERPRINT = re.compile(r"[A-Za-z0-9+/]{43}=")


def processes(*needles: bytes) -> Mapping[int, str]:
    """The living processes in whose environment all of these stand: pid -> command line."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if all(needle in environment for needle in needles):
                found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
    return found


def files(top: Path) -> Iterator[Path]:
    """The files below, of a server that may be at work: one may be gone by the time that it is looked at."""
    for place, _, names in os.walk(top):
        yield from (Path(place, name) for name in names)


def holds(path: Path, words: str) -> bool:
    """Whether it is a file in which they stand."""
    try:
        return words.encode() in path.read_bytes()
    except FileNotFoundError:
        return False


def listening(pid: int) -> int | None:
    """The port on which a process listens, by the kernel's tables."""
    inodes = set()
    try:
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            inodes |= set(re.findall(r"socket:\[(\d+)\]", str(fd.readlink())))
    except OSError:
        return None
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            port = int(words[1].rpartition(":")[2], 16)
            if words[3] == "0A" and words[9] in inodes:
                return port
    return None


def reserved() -> socket.socket:
    """A socket that keeps a port of its own from being given to anybody else, as long as it is open; who asks for that
    very port may listen on it."""
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.bind(("127.0.0.1", 0))
    return kept


@define(eq=False)
class House:
    """A server of its own in a directory of its own."""

    directory: Path
    claude: Path
    options: Sequence[str]
    environment: Mapping[str, str]
    plaintext: bool = False
    port: int = 0
    kept: socket.socket = field(factory=reserved)
    """Keeps the port while no server listens there."""
    metrics_port: int = 0
    """Of `metrics_listen`, where a test has set it."""
    program: Sequence[str] = ("-c", TWISTD)
    """What Python runs as twistd."""
    wrapper: Sequence[str] = ()
    """Words before each command of ours, such as those of `nsenter`."""
    as_root: Sequence[str] = ("--allow-root",)
    """What root adds."""
    _process: "subprocess.Popen[bytes] | None" = None
    _seen: int = 0
    """Characters of the log that were looked through for errors."""

    @classmethod
    def new(
        cls,
        directory: Path,
        *options: str,
        claude: Path = SCRIPTED_CLI,
        environment: Mapping[str, str] | None = None,
        plaintext: bool = False,
    ) -> "House":
        """A house that is not yet started. `options`: more of twistd's command line; `environment`: more variables."""
        home = directory.resolve() / "home"
        home.mkdir(parents=True)
        built = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
        house = cls(directory.resolve(), claude, options, built | dict(environment or {}), plaintext)
        house.port = house.kept.getsockname()[1]
        return house

    @property
    def data_dir(self) -> Path:
        return self.directory / "data"

    @property
    def home(self) -> Path:
        return self.directory / "home"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """All that the server has written to stdout and stderr, of all its starts."""
        path = self.directory / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def is_up(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    def errors(self, expected: Sequence[str] = ()) -> Sequence[str]:
        """What the log has of tracebacks since this was asked last, but for those in which one of `expected` stands."""
        log, seen = self.log, self._seen
        self._seen = len(log)
        blocks = re.findall(r"(?:Traceback|Unhandled).*(?:\n.*){0,30}", log[seen:])
        return [block for block in blocks if not any(one in block for one in expected)]

    def end_children(self) -> Mapping[int, str]:
        """What still lives of executions after a while, and is killed now."""
        end = time.monotonic() + 5
        while (left := dict(self.children())) and time.monotonic() < end:
            time.sleep(0.05)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        return left

    @property
    def fingerprint(self) -> str:
        """The one that the server printed last."""
        return str(FINGERPRINT.findall(self.log)[-1])

    def project(self, name: str, scripted: str = "") -> Path:
        """A directory below the home. `scripted`: what the scripted CLI does when it is started there."""
        path = self.home / name
        path.mkdir(exist_ok=True)
        if scripted:
            (path / ".scripted_cli").write_text(scripted)
        return path

    def release(self, project: str, name: str) -> None:
        """Let the scripted CLI go on that `hold: NAME` stopped in the directory of this name."""
        (self.home / project / name).touch()

    def start(self, ready: bool = True) -> None:
        """Start the server and wait until it is ready; or until it answers, where it will say that it is not."""
        before = len(self.log)
        self.launch()
        # Not more often: to look takes the CPU away that the server needs to start.
        wait_until(
            lambda: self._serves(before, (200,) if ready else (200, 503)), f"the server in {self.directory}",
            START, every=0.05,
        )  # fmt: skip

    def launch(self) -> None:
        """Start the server's process and do not wait."""
        words = [*self.wrapper, sys.executable, *self.program, "-n", "--pidfile=", "pocketagent"]
        words += [f"--data-dir={self.data_dir}", "--host=127.0.0.1", f"--port={self.port}", f"--claude={self.claude}"]
        words += ["--plaintext"] if self.plaintext else []
        words += self.as_root if os.geteuid() == 0 else []
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*words, *self.options],
                cwd=self.directory, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def token(self, name: str = "test", scope: str = "admin", *more: str) -> str:
        """Create a device by the person's command; its token.

        The command runs in this process where it can: a Python of its own takes half a second, and there are hundreds.
        """
        words = "token", "create", f"--name={name}", f"--scope={scope}", *more
        if self.wrapper:
            return self.command(*words).strip()
        out, err = io.StringIO(), io.StringIO()
        if main([*words, f"--data-dir={self.data_dir}"], Console(self.environment, out, err)):
            raise AssertionError(f"pocketagent {words}: {err.getvalue()}")
        return out.getvalue().strip()

    def command(self, *words: str) -> str:
        """Run `pocketagent …` on this data directory; what it prints."""
        run = subprocess.run(
            [*self.wrapper, sys.executable, "-c", COMMAND, *words, f"--data-dir={self.data_dir}"],
            cwd=self.directory, env=self.environment, capture_output=True, timeout=DEADLINE, check=False, text=True,
        )  # fmt: skip
        if run.returncode:
            raise AssertionError(f"pocketagent {words}: exit code {run.returncode}: {run.stderr}")
        return str(run.stdout)

    def connect(self, token: str | None = None) -> Client:
        """A client with this token (None: a new device's), after its `connection_established`."""
        secret = self.token() if token is None else token
        stream = self.dial()
        ws = connect(
            f"{'ws' if self.plaintext else 'wss'}://127.0.0.1:{self.port}/ws",
            sock=stream,
            ssl=None if self.plaintext else Pinned(self.fingerprint),
            server_hostname=None if self.plaintext else "127.0.0.1",
            additional_headers={"Authorization": f"Bearer {secret}"},
            compression=None,
            max_size=MESSAGE,
            open_timeout=DEADLINE,
            close_timeout=5,
        )
        client = Client(ws)
        client.wait_for(lambda message: message["type"] == "connection_established")
        return client

    def library(self, token: str | None = None) -> Server:
        """This server, as the client library wants to know it; with this token (None: a new device's)."""
        secret = self.token() if token is None else token
        if self.plaintext:
            return Server(f"ws://127.0.0.1:{self.port}", secret)
        return Server(f"127.0.0.1:{self.port}", secret, self.fingerprint)

    def dial(self) -> socket.socket:
        """A TCP connection, nothing said yet."""
        return socket.create_connection(("127.0.0.1", self.port), DEADLINE)

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        """An HTTP request: status and body."""
        talk = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        if not self.plaintext:
            secure = Pinned(self.fingerprint)
            talk = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=DEADLINE, context=secure)
        try:
            talk.request("GET", path, headers=headers)
            answer = talk.getresponse()
            return answer.status, answer.read().decode()
        finally:
            talk.close()

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """End the server by a signal; its exit code (twistd ends by the signal itself: -15). Raises TooLate."""
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.poll() is None:
            process.send_signal(by)
        try:
            return process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise TooLate(f"the server did not end within {DEADLINE} s of {by.name}") from None

    def wait(self) -> int:
        """The exit code of a server that ends by itself."""
        assert self._process is not None
        return self._process.wait(DEADLINE)

    def children(self) -> Mapping[int, str]:
        """What lives of the processes that this server started for executions, wherever they went."""
        return processes(MARKER, str(self.home).encode())

    def _serves(self, before: int, wanted: Sequence[int]) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the server ended with {self._process.returncode}: {self.log[-4000:]}")
        if not (self.plaintext or FINGERPRINT.search(self.log, before)):
            return False
        try:
            return self.get("/ready")[0] in wanted
        except OSError:
            return False  # It does not serve yet, or it is ending: the next look tells.


@define(eq=False)
class Model:
    """The stand-in of the Messages API as a process of its own, for houses with the real CLI."""

    _process: "subprocess.Popen[str]"
    url: str

    @classmethod
    def start(cls) -> "Model":
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.messages_api"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        return cls(process, process.stdout.readline().strip())

    @property
    def environment(self) -> Mapping[str, str]:
        """What the real CLI needs to talk to this and to nobody else."""
        return {
            "ANTHROPIC_BASE_URL": self.url,
            "ANTHROPIC_API_KEY": "sk-stand-in",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        }

    def release(self, name: str) -> None:
        """Let answers go on that `hold: NAME` stopped."""
        self._ask(f"/_release/{name}")

    def prompts(self) -> Iterator[str]:
        """What the person wrote last, in each request for an answer so far."""
        for request in self.requests():
            yield prompt_of(request)[0]

    def requests(self) -> Iterator[dict[str, object]]:
        """The body of each request for an answer so far: the whole conversation as the model is told it."""
        for one in json.loads(self._ask("/_log"))["log"]:
            if one["path"] == "/v1/messages":
                yield one["body"]

    def forget(self) -> None:
        """Be as at the start, for another test."""
        self._ask("/_forget")

    def stop(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(DEADLINE)
        self._process.stdout.close()

    def _ask(self, path: str) -> str:
        talk = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=DEADLINE)
        talk.request("GET", path)
        answer = talk.getresponse().read().decode()
        talk.close()
        return answer


def real_cli() -> Path | None:
    """The real CLI: the one that comes with claude-agent-sdk, which the tests require."""
    found = importlib.util.find_spec("claude_agent_sdk")
    path = Path(found.origin or "").with_name("_bundled") / "claude" if found else None
    return path if path is not None and path.exists() else None


class HouseTestCase(SynchronousTestCase):
    """Tests in whole houses. None leaves a process behind, and no server an unhandled error in its log."""

    complaints: Sequence[str] = ()
    """Parts of log lines with a traceback that a test expects."""

    def house(
        self,
        *options: str,
        claude: Path = SCRIPTED_CLI,
        environment: Mapping[str, str] | None = None,
        plaintext: bool = False,
        start: bool = True,
    ) -> House:
        """A house that is started, unless told otherwise, and ends with the test."""
        house = House.new(
            Path(self.mktemp()), *options, claude=claude, environment=environment, plaintext=plaintext
        )  # fmt: skip
        self.addCleanup(self._leave, house)
        if start:
            house.start()
        return house

    def model(self) -> Model:
        """A model for the real CLI, which ends with the test."""
        model = Model.start()
        self.addCleanup(model.stop)
        return model

    def real_cli(self) -> Path:
        """The real CLI; skips the test where there is none."""
        path = real_cli()
        if path is None:
            self.skipTest("the real CLI is not installed (pip install claude-agent-sdk)")
        return path

    def client(self, house: House, token: str | None = None) -> Client:
        """A client that is closed with the test."""
        client = house.connect(token)
        self.addCleanup(client.close)
        return client

    def _leave(self, house: House) -> None:
        try:
            house.stop()
        finally:
            left = house.end_children()
            house.kept.close()
        self.assertEqual(left, {}, "processes were left behind")
        self.assertEqual(house.errors(self.complaints), [], "the server logged errors")
