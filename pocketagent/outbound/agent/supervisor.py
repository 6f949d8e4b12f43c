# -*- test-case-name: tests.outbound.agent.test_supervisor -*-
"""The small program between the server and the CLI. It imports nothing of ours and is run by its path:

    python -I -S supervisor.py CONTROL DIRECTORY

with the CLI's stdin, stdout and stderr as descriptors 0 to 2, a socket to the server and an open directory. It starts
one CLI there, reaps whatever is left to it, and is gone only when nothing of the CLI is alive:

    <- {"argv": […], "environment": {…}, "limits": {…}, "umask": …, "no_new_privileges": …}    one line, once
    <- TERM                             SIGTERM to the CLI alone
    <- KILL                             SIGKILL to the CLI and every descendant, daemons in their own sessions included
    -> {"started": PID}                 or {"failed": STEP, "errno": N}, and it is over
    -> {"exit_code": N, "signal": N, "left": N}    when the whole tree is dead (`left`: what it may not kill)

The end of the control socket is the dead-man switch: the server is gone, so everything is killed at once.
"""

import ctypes
import errno
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Iterator
from typing import NoReturn

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

MAX_SPEC = 8 * 1024 * 1024
PATIENCE = 10.0
"""Seconds for which it tries to kill what does not die (another user's, or stuck in the kernel) before it gives up."""
PAUSE = 10
"""Milliseconds between two rounds of killing."""


class Failed(Exception):
    """The CLI could not be started: the step at which, and the errno."""


class Supervisor:
    """One CLI and all that it starts."""

    def __init__(self, control: int, directory: int) -> None:
        self._control = control
        self._directory = directory
        self._received = b""
        self._cli = 0
        self._status: int | None = None
        self._woken, wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            # A service manager signals everybody at once; the order of the end is the server's business.
            signal.signal(number, signal.SIG_IGN)

    def run(self) -> None:
        spec = self._read_spec()
        if spec is None:
            return
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        try:
            self._cli = self._start(spec)
        except Failed as failed:
            step, number = failed.args
            self._report(failed=step, errno=number)
            return
        finally:
            self._let_go()
        self._report(started=self._cli)
        self._watch()
        left = self._sweep()
        status = self._status
        code = None if status is None else os.waitstatus_to_exitcode(status)
        self._report(
            exit_code=code if code is not None and code >= 0 else None,
            signal=-code if code is not None and code < 0 else None,
            left=left,
        )

    # -- talking with the server ----------------------------------------------------------------------------

    def _read_spec(self) -> dict[str, object] | None:
        while b"\n" not in self._received:
            data = self._receive()
            if not data or len(self._received) > MAX_SPEC:
                return None
        line, _, self._received = self._received.partition(b"\n")
        spec: dict[str, object] = json.loads(line)
        return spec

    def _receive(self) -> bytes:
        try:
            data = os.read(self._control, 65536)
        except OSError:
            return b""
        self._received += data
        return data

    def _report(self, **report: object) -> None:
        try:
            os.write(self._control, json.dumps(report).encode("ascii") + b"\n")
        except OSError:
            return  # The server is gone; its end of the socket says so to the loop.

    def _watch(self) -> None:
        """Returns when it is time to kill: the CLI is over, the server says so, or it is gone."""
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        while True:
            *orders, self._received = self._received.split(b"\n")
            if b"TERM" in orders and self._status is None:
                # Not reaped yet, so the number is still its own; stopped, it would not hear.
                os.kill(self._cli, signal.SIGTERM)
                os.kill(self._cli, signal.SIGCONT)
            if b"KILL" in orders:
                return
            for descriptor, _ in poll.poll():
                if descriptor == self._woken:
                    self._drain()
                elif not self._receive():
                    return
            self._reap()
            if self._status is not None:
                return

    def _drain(self) -> None:
        try:
            os.read(self._woken, 4096)
        except BlockingIOError:
            return

    # -- starting -------------------------------------------------------------------------------------------

    def _start(self, spec: dict[str, object]) -> int:
        failure, report = os.pipe2(os.O_CLOEXEC)
        supervisor = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            raise Failed("fork", error.errno) from error
        if pid == 0:
            become(spec, supervisor, self._directory, report)
        os.close(report)
        said = os.read(failure, 4096)
        os.close(failure)
        if said:
            os.waitpid(pid, 0)
            step, number = json.loads(said)
            raise Failed(step, number)
        return pid

    def _let_go(self) -> None:
        """Keep none of the CLI's descriptors, so that their ends are seen when the CLI closes its own."""
        nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        os.close(nothing)
        os.close(self._directory)

    # -- ending ---------------------------------------------------------------------------------------------

    def _reap(self) -> bool:
        """Bury what has died, ours or left to us; whether no child is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            if pid == self._cli:
                self._status = status

    def _sweep(self) -> int:
        """Kill until nothing is left: a subreaper without children has no descendants. How many it had to leave."""
        end = time.monotonic() + PATIENCE
        poll = select.poll()
        poll.register(self._woken, select.POLLIN)
        while not self._reap():
            family = list(descendants(os.getpid()))
            if time.monotonic() > end:
                return len(family)
            for pid, born in family:
                strike(pid, born)
            poll.poll(PAUSE)
            self._drain()
        return 0


def become(spec: dict, supervisor: int, directory: int, report: int) -> NoReturn:  # type: ignore[type-arg]
    """In the forked child: turn into the CLI, or say at which step that failed."""
    step = "prepare"
    try:
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:
            os._exit(1)
        signal.set_wakeup_fd(-1)
        for number in signal.valid_signals():
            if number not in (signal.SIGKILL, signal.SIGSTOP):
                signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.umask(spec["umask"])
        step = "limits"
        for name, value in spec["limits"].items():
            limit(name, value)
        step = "directory"
        os.fchdir(directory)
        for entry in list(os.scandir("/proc/self/fd")):
            if int(entry.name) > 2 and int(entry.name) != report:
                close(int(entry.name))
        if spec["no_new_privileges"]:
            prctl(PR_SET_NO_NEW_PRIVS, 1)
        step = "execute"
        argv = [encoded(argument) for argument in spec["argv"]]
        environment = {encoded(name): encoded(value) for name, value in spec["environment"].items()}
        os.execve(argv[0], argv, environment)  # noqa: S606 (this is what it is for)
    except OSError as error:
        os.write(report, json.dumps([step, error.errno]).encode("ascii"))
    except ValueError:
        os.write(report, json.dumps([step, errno.EINVAL]).encode("ascii"))
    finally:
        os._exit(127)


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def close(descriptor: int) -> None:
    try:
        os.close(descriptor)
    except OSError:
        return  # The one that listed the directory.


def limit(name: str, value: int) -> None:
    """Lower a limit; one that is lower already stays."""
    number: int = getattr(resource, f"RLIMIT_{name.upper()}")
    _, hard = resource.getrlimit(number)
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(number, (bound, bound))


def prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def descendants(ancestor: int) -> Iterator[tuple[int, str]]:
    """Every descendant: (pid, when it was born), the pair that names a process for good."""
    children: dict[int, list[tuple[int, str]]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            known = status(int(entry.name))
            if known is not None:
                parent, born = known
                children.setdefault(parent, []).append((int(entry.name), born))
    generation = [ancestor]
    while generation:
        for pid, born in children.pop(generation.pop(), ()):
            generation.append(pid)
            yield pid, born


def status(pid: int) -> tuple[int, str] | None:
    """(parent, when it was born), None for none. A dead one still has both, and may have living threads."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 (pathlib is slow to start)
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return int(fields[1]), fields[19].decode("ascii")


def strike(pid: int, born: str) -> None:
    """SIGKILL to exactly this process, though its number may be another's by now."""
    try:
        process = os.pidfd_open(pid)
    except OSError:
        return
    try:
        known = status(pid)
        if known is not None and known[1] == born:
            signal.pidfd_send_signal(process, signal.SIGKILL)
    except OSError:
        return
    finally:
        os.close(process)


if __name__ == "__main__":
    Supervisor(int(sys.argv[1]), int(sys.argv[2])).run()
    os._exit(0)  # At once: its exit is what the server waits for.
