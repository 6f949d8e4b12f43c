"""A person's machine, from which the `pocketagent` command is run as a process of its own, against a real server."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import define, field, frozen

from pocketagent.client.profiles import Profile, Profiles
from pocketagent.client.server import address
from tests.end_to_end.client import DEADLINE, TooLate
from tests.end_to_end.house import COMMAND, ROOT, House, HouseTestCase, reserved


@frozen
class Ran:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@define(eq=False)
class Running:
    """A command that is under way; what it prints is kept. On a terminal stderr goes there, as stdout does if asked."""

    process: "subprocess.Popen[bytes]"
    terminal: int | None = None
    _texts: dict[int, bytearray] = field(factory=dict)
    _open: set[int] = field(factory=set)

    def __attrs_post_init__(self) -> None:
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                self._open.add(stream.fileno())
        if self.terminal is not None:
            self._open.add(self.terminal)
        self._texts = {fd: bytearray() for fd in self._open}

    @property
    def out(self) -> str:
        return self._text(self.process.stdout)

    @property
    def err(self) -> str:
        """What a person sees besides: stderr, or the terminal."""
        return self._text(self.process.stderr if self.terminal is None else self.terminal)

    def wait_for(self, text: str, deadline: float = DEADLINE) -> None:
        """Until this was printed. Raises TooLate."""
        self.wait_until(lambda: text in self.out or text in self.err, text, deadline)

    def wait_until(self, true: Callable[[], object], what: str = "", deadline: float = DEADLINE) -> None:
        end = time.monotonic() + deadline
        while not true():
            left = end - time.monotonic()
            if left < 0 or not self._open:
                raise TooLate(
                    f"not within {deadline} s: {what}; printed were {self.out[-2000:]!r} {self.err[-2000:]!r}"
                )
            self._read(min(left, 0.1))

    def type(self, text: str) -> None:
        assert self.terminal is not None
        os.write(self.terminal, text.encode())

    def press_ctrl_c(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def ended(self, deadline: float = DEADLINE) -> Ran:
        """Until it has ended, and all that it printed was read. Raises TooLate."""
        end = time.monotonic() + deadline
        while self.process.poll() is None:
            if time.monotonic() > end:
                raise TooLate(f"the command did not end; printed were {self.out[-2000:]!r} {self.err[-2000:]!r}")
            self._read(0.05)
        while self._read(0.05):
            pass
        return Ran(self.process.returncode, self.out, self.err)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        if self.terminal is not None:
            os.close(self.terminal)
            self.terminal = None

    def _text(self, stream: "int | object | None") -> str:
        fd = stream if isinstance(stream, int) else stream.fileno() if stream is not None else -1  # type: ignore[attr-defined]
        return bytes(self._texts.get(fd, b"")).decode(errors="replace")

    def _read(self, seconds: float) -> bool:
        ready = select.select(list(self._open), [], [], seconds)[0] if self._open else []
        for fd in ready:
            try:
                data = os.read(fd, 65536)
            except OSError:
                data = b""  # the other side of a terminal is closed
            if data:
                self._texts[fd] += data
            else:
                self._open.discard(fd)
        return bool(ready)


@define(eq=False)
class Desk:
    """A home of its own, and an environment that is built up: nothing comes from where the tests run."""

    directory: Path
    secrets: list[str] = field(factory=list)
    """What must never be printed."""
    _running: list[Running] = field(factory=list)

    @classmethod
    def new(cls, directory: Path) -> "Desk":
        directory.mkdir(parents=True)
        return cls(directory.resolve())

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "HOME": str(self.directory),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "XDG_CONFIG_HOME": str(self.directory / "config"),
            "PYTHONPATH": str(ROOT),
        }

    @property
    def config(self) -> Path:
        return self.directory / "config" / "pocketagent"

    def start(
        self,
        *words: str,
        given: str | None = None,
        terminal: bool = False,
        out: int | None = subprocess.PIPE,
        more: Mapping[str, str] | None = None,
    ) -> Running:
        """A command that goes on. `given`: its stdin; `terminal`: stdin and stderr are one, and stdout, where it is
        None; `more`: variables."""
        primary, secondary = pty.openpty() if terminal else (None, None)

        def own_terminal() -> None:
            fcntl.ioctl(secondary or 0, termios.TIOCSCTTY, 0)

        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *words],
            cwd=self.directory, env={**self.environment, **(more or {})}, stdout=secondary if out is None else out,
            stdin=secondary if terminal and given is None else subprocess.PIPE,
            stderr=secondary if terminal else subprocess.PIPE,
            start_new_session=True, preexec_fn=own_terminal if terminal else None,
        )  # fmt: skip
        if secondary is not None:
            os.close(secondary)
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write((given or "").encode())
                process.stdin.close()
        running = Running(process, primary)
        self._running.append(running)
        return running

    def run(self, *words: str, given: str = "") -> Ran:
        """A command, until it has ended."""
        return self.start(*words, given=given).ended()

    def leave(self) -> str:
        """End what is left; all that was ever printed here."""
        printed = "".join(one.out + one.err for one in self._running)
        for one in self._running:
            one.close()
        return printed


class DeskTestCase(HouseTestCase):
    """Tests of commands at a desk. None prints a secret, or a traceback."""

    def desk(self, house: House | None = None, scope: str = "admin") -> Desk:
        """A desk; with a house, it has a profile of it."""
        desk = Desk.new(Path(self.mktemp()))
        self.addCleanup(self._leave_desk, desk)
        if house is not None:
            self.connect(desk, house, scope=scope)
        return desk

    def connect(self, desk: Desk, house: House, name: str = "home", scope: str = "admin", port: int = 0) -> None:
        """A profile of the house, as `connect` keeps it; the last one is the default."""
        token = house.token("desk", scope)
        desk.secrets.append(token)
        kept = Profiles(desk.config)
        kept.save(Profile(name, address(f"wss://127.0.0.1:{port or house.port}"), token, house.fingerprint))
        kept.choose(name)

    def create(self, house: House, name: str) -> str:
        """A project of a directory in the house; its id."""
        data = self.client(house).request("project_create", path=str(house.project(name)))["data"]
        assert isinstance(data, dict)
        return str(data["id"])

    def done(self, ran: Ran) -> str:
        """It succeeded; what stands on stdout."""
        self.assertEqual(ran.code, 0, f"{ran.out}\n{ran.err}")
        return ran.out

    def failed(self, ran: Ran, code: int) -> str:
        """It failed with this exit code and one clear sentence, which is returned."""
        self.assertEqual(ran.code, code, f"{ran.out}\n{ran.err}")
        *_, line = ran.err.splitlines()
        self.assertTrue(line.startswith("pocketagent: "), ran.err)
        return line.removeprefix("pocketagent: ")

    def _leave_desk(self, desk: Desk) -> None:
        printed = desk.leave()
        for secret in desk.secrets:
            self.assertNotIn(secret, printed)
            self.assertNotIn(secret[-32:], printed)
        self.assertNotIn("Traceback", printed)


@define(eq=False)
class Relay:
    """A way to a server that can be cut and mended: the connections that go through it."""

    target: int
    _kept: socket.socket = field(factory=reserved)
    _listener: socket.socket | None = None
    _pairs: list[socket.socket] = field(factory=list)
    accepted: int = 0

    @property
    def port(self) -> int:
        """Its own, also while nobody gets through."""
        return int(self._kept.getsockname()[1])

    @classmethod
    def to(cls, port: int) -> "Relay":
        relay = cls(port)
        relay.mend()
        return relay

    def mend(self) -> None:
        """Let connections through, from now on."""
        listener = socket.create_server(("127.0.0.1", self.port))
        self._listener = listener
        threading.Thread(target=self._serve, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Let nobody through, and end what goes through now, as a tunnel does."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        pairs, self._pairs = self._pairs, []
        for one in pairs:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _serve(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self.target))
                except ConnectionRefusedError:
                    near.close()  # nobody is there now: whoever came has to try again
                    continue
                self.accepted += 1
                self._pairs += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=_pass_on, args=(one, other), daemon=True).start()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    for each in (one, other):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
