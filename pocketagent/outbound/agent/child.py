# -*- test-case-name: tests.outbound.agent.test_child -*-
"""A process under our supervisor, as the reactor sees it: bytes in and out, and its end. Knows nothing of the CLI.

Everything goes over socketpairs. stdout is read in large pieces and only as fast as its reader takes them, the last
of stderr is kept in a ring, stdin is buffered. The end is told once, after all that was said: when the supervisor
reports that the whole tree is dead, or, where the supervisor itself was killed, after a hunt for what is left.
"""

import json
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Protocol

from attrs import asdict, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFDSet, IReactorTime
from twisted.logger import Logger

from pocketagent.outbound.agent import supervisor
from pocketagent.outbound.agent.channels import Channel, Exit
from pocketagent.outbound.agent.steps import Moment
from pocketagent.outbound.agent.strays import kill_marked
from pocketagent.ports import IThreads

STDERR_KEPT = 64 * 1024
MAX_UNWRITTEN = 16 * 1024 * 1024
"""Bytes for a stdin that nobody reads, before what is written is refused."""
LAST_READS = 64
"""How often a dead process's stdout is read on: its socket holds less, but a stranger could hold it open and write."""
MARK = "POCKETAGENT_EXECUTION"
"""Environment variable that names a process and all its descendants (protocol section 9)."""

_SUPERVISOR = str(Path(supervisor.__file__).resolve())


class IChildReactor(IReactorFDSet, IReactorTime):
    """What a child needs of the reactor."""


@frozen
class Order:
    """What the supervisor is told to start: `argv[0]` is an absolute path, `limits` are names as in RLIMIT_NAME."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    limits: Mapping[str, int]
    umask: int = 0o077
    no_new_privileges: bool = True


@frozen
class Over:
    """The end of a child. `failure` (step, errno): it was never started."""

    exit_code: int | None = None
    signal: int | None = None
    failure: tuple[str, int] | None = None


class ChildReader(Protocol):
    """Who hears a child."""

    def heard(self, data: bytes) -> None:
        """Bytes of its stdout. Whoever cannot take more calls `pause` on the child."""

    def closed(self) -> None:
        """The end of its stdout; the process may live on."""

    def over(self, over: Over) -> None:
        """It and all its descendants are dead, and all it said was heard."""


class Child:
    """One process and its tree. Made by `spawn`."""

    _log = Logger()

    def __init__(
        self,
        reactor: IReactorFDSet,
        threads: IThreads,
        process: Exit,
        ends: Sequence[socket.socket],
        reader: ChildReader,
        mark: str,
        stderr_kept: int,
    ) -> None:
        self.pid: int | None = None
        self.dead = Moment()
        self._threads = threads
        self._process = process
        self._reader = reader
        self._mark = mark
        self._stderr_kept = stderr_kept
        self._stderr = b""
        self._reports = b""
        self._paused = False
        self._over: Over | None = None
        self._told = False
        self._last_reads = LAST_READS
        self._input = Channel(reactor, ends[0], lambda data: None, lambda: None)
        self._output = Channel(reactor, ends[1], reader.heard, reader.closed)
        self._errors = Channel(reactor, ends[2], self._complained, lambda: None)
        self._control = Channel(reactor, ends[3], self._reported, lambda: None)
        for channel in (self._output, self._errors, self._control):
            channel.startReading()
        process.seen.then(self._supervisor_gone)

    # -- to the process -------------------------------------------------------------------------------------

    def begin(self, order: Order) -> None:
        """Tell the supervisor what to start, once."""
        self._control.write(json.dumps(asdict(order)).encode("ascii") + b"\n")

    def write(self, data: bytes) -> bool:
        """Write to its stdin as it reads; whether there was room. A process that reads no more is no error."""
        if self._input.unwritten + len(data) > MAX_UNWRITTEN:
            return False
        self._input.write(data)
        return True

    def close_input(self) -> None:
        """Close its stdin when all is written."""
        self._input.loseConnection()

    def terminate(self) -> None:
        """SIGTERM, to the process alone."""
        self._control.write(b"TERM\n")

    def kill(self) -> None:
        """SIGKILL, to it and every descendant; `dead` happens when none is left."""
        self._control.write(b"KILL\n")

    def abandon(self) -> None:
        """Kill the supervisor, which does not obey: the process dies with it, and the rest is hunted down."""
        self._process.kill()

    # -- from the process -----------------------------------------------------------------------------------

    @property
    def stderr(self) -> bytes:
        """The last of what it complained of."""
        return self._stderr

    def pause(self) -> None:
        """Hear nothing of its stdout until `resume`."""
        if not self._paused:
            self._paused = True
            self._output.stopReading()

    def resume(self) -> None:
        if self._paused:
            self._paused = False
            if not self._output.disconnected:
                self._output.startReading()
            self._wind_up()

    def _complained(self, data: bytes) -> None:
        self._stderr = (self._stderr + data)[-self._stderr_kept :]

    def _reported(self, data: bytes) -> None:
        *lines, self._reports = (self._reports + data).split(b"\n")
        for line in lines:
            report = json.loads(line)
            if "started" in report:
                self.pid = report["started"]
            elif "failed" in report:
                self._over = Over(failure=(report["failed"], report["errno"]))
            else:
                if report["left"]:
                    self._log.error("{left} processes of the agent could not be killed.", left=report["left"])
                self._over = Over(report["exit_code"], report["signal"])

    def _supervisor_gone(self) -> None:
        """Without its last report: find what it has left, by the mark that all of them carry."""
        while self._control.read_on():
            pass
        self._control.end()
        if self._over is not None:
            self._die()
            return
        self._over = Over()
        hunt = Deferred.fromCoroutine(self._threads.run(partial(kill_marked, f"{MARK}={self._mark}".encode())))
        hunt.addErrback(lambda failure: self._log.failure("hunting for what a supervisor has left", failure))
        hunt.addCallback(lambda _: self._die())

    def _die(self) -> None:
        self._input.end()
        self.dead.happen()
        self._wind_up()

    def _wind_up(self) -> None:
        """All that the dead have said lies in their sockets: read on as it is taken, then tell the end, once."""
        if self._over is None or self._told or not self.dead.happened:
            return
        while not self._paused and self._last_reads and self._output.read_on():
            self._last_reads -= 1
        if not self._paused:
            self._output.end()  # Where a stranger still holds it open, its reader hears the end now.
        if not self._paused:
            self._told = True
            while self._last_reads and self._errors.read_on():
                self._last_reads -= 1
            self._errors.end()
            self._reader.over(self._over)


def spawn(
    reactor: IChildReactor,
    threads: IThreads,
    order: Order,
    directory: int,
    reader: ChildReader,
    stderr_kept: int = STDERR_KEPT,
    python: str = sys.executable,
) -> Child:
    """Start a process in an open directory. Raises OSError when the machine has no room; then nothing is left of it.

    Takes about 2 ms of the reactor's thread: `start_new_session` without `preexec_fn` goes by vfork.
    """
    with ExitStack() as ours, ExitStack() as theirs:
        ends, others = [], []
        for _ in range(4):
            one, other = socket.socketpair()
            ends.append(ours.enter_context(one))
            others.append(theirs.enter_context(other))
        stdin, stdout, stderr, control = (other.fileno() for other in others)
        process = subprocess.Popen(
            [python, "-I", "-S", _SUPERVISOR, str(control), str(directory)],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env={},
            cwd="/",
            start_new_session=True,
            pass_fds=(control, directory),
        )
        try:
            watched = Exit(reactor, process)
        except OSError:
            process.kill()
            process.wait()
            raise
        ours.pop_all()
    child = Child(reactor, threads, watched, ends, reader, order.environment.get(MARK, ""), stderr_kept)
    child.begin(order)
    return child
