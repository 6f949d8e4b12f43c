"""The supervisor starts a program as it should be started, and leaves nothing of it alive."""

import errno
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.outbound.agent import supervisor
from tests.outbound.agent.living import PATIENCE, dies, is_alive

LOOK = """
import json, os, resource, signal
def tty():
    try: os.open("/dev/tty", os.O_RDWR)
    except OSError: return False
    return True
umask = os.umask(0)
pythons = (signal.SIGPIPE, signal.SIGXFSZ)
ignored = [n for n in signal.valid_signals() if signal.getsignal(n) is signal.SIG_IGN and n not in pythons]
print(json.dumps({
    "pid": os.getpid(), "sid": os.getsid(0), "pgid": os.getpgid(0), "tty": tty(), "cwd": os.getcwd(), "umask": umask,
    "fds": sorted(f for f in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + f)),
    "environ": dict(os.environ), "status": open("/proc/self/status").read(), "ignored": ignored,
    "core": resource.getrlimit(resource.RLIMIT_CORE), "nofile": resource.getrlimit(resource.RLIMIT_NOFILE),
}), flush=True)
"""

FAMILY = """
import os, signal, sys, time
def tell(): os.write(1, b"%d\\n" % os.getpid())
if os.fork() == 0:
    tell(); time.sleep(3600)
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid(); tell(); time.sleep(3600)
    os._exit(0)
if os.fork() == 0:
    tell(); os.kill(os.getpid(), signal.SIGSTOP)
"""
"""A child, a daemon forked twice in its own session, and a stopped child."""

DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
FOREVER = "while True: time.sleep(3600)"


class Started:
    """A supervisor and our ends of its sockets."""

    def __init__(self, argv: Sequence[str], directory: str, more: Sequence[int] = (), **order: object) -> None:
        self.stdin, stdin = socket.socketpair()
        self.stdout, stdout = socket.socketpair()
        self.stderr, stderr = socket.socketpair()
        self.control, control = socket.socketpair()
        folder = os.open(directory, os.O_PATH)
        ours = (self.stdin, self.stdout, self.stderr, self.control)
        for end in ours:
            end.settimeout(PATIENCE)
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", supervisor.__file__, str(control.fileno()), str(folder)],
            stdin=stdin.fileno(), stdout=stdout.fileno(), stderr=stderr.fileno(),
            env={}, start_new_session=True, pass_fds=(control.fileno(), folder, *more),
        )  # fmt: skip
        for end in (stdin, stdout, stderr, control):
            end.close()
        os.close(folder)
        self.reports = self.control.makefile("rb")
        self.said = self.stdout.makefile("rb")
        spec = {"argv": argv, "environment": {}, "limits": {}, "umask": 0o077, "no_new_privileges": True}
        self.control.sendall(json.dumps(spec | order).encode() + b"\n")

    def report(self) -> Mapping[str, int]:
        report: dict[str, int] = json.loads(self.reports.readline())
        return report

    def end(self) -> None:
        for file in (self.reports, self.said, self.stdin, self.stdout, self.stderr, self.control):
            file.close()
        self.process.wait(PATIENCE)


class SupervisorTests(SynchronousTestCase):
    def _start(self, code: str, **order: object) -> Started:
        started = Started([sys.executable, "-S", "-c", code], str(Path.cwd()), **order)  # type: ignore[arg-type]
        self.addCleanup(started.end)
        return started

    def _family(self, first: str, then: str) -> tuple[Started, list[int]]:
        """A program with its descendants, their pids, the program's own last; all of them are ready."""
        started = self._start(f"{FAMILY}{first}\ntell()\n{then}")
        pid = started.report()["started"]
        pids = [int(started.said.readline()) for _ in range(4)]
        return started, [each for each in pids if each != pid] + [pid]

    def _assert_dead(self, pids: Sequence[int]) -> None:
        self.assertEqual([pid for pid in pids if not dies(pid)], [])

    def test_how_it_is_started(self) -> None:
        """Own session, no terminal, descriptors 0 to 2 only, limits, umask, no new rights, no signal ignored."""
        leak, other = socket.socketpair()
        self.addCleanup(leak.close)
        self.addCleanup(other.close)
        folder = Path(self.mktemp())
        folder.mkdir()
        limits = {"core": 0, "nofile": 64}
        started = Started(
            [sys.executable, "-S", "-c", LOOK],
            str(folder),
            more=[leak.fileno()],
            environment={"A": "b", "C": "\udcff"},
            limits=limits,
        )
        self.addCleanup(started.end)
        pid = started.report()["started"]
        seen = json.loads(started.said.readline())
        self.assertEqual((seen["pid"], seen["sid"], seen["pgid"]), (pid, pid, pid))
        self.assertEqual((seen["tty"], seen["fds"], seen["ignored"]), (False, ["0", "1", "2"], []))
        self.assertEqual((seen["cwd"], seen["umask"]), (str(folder.resolve()), 0o077))
        self.assertEqual((seen["core"], seen["nofile"]), ([0, 0], [64, 64]))
        self.assertEqual({name: value for name, value in seen["environ"].items() if name != "LC_CTYPE"},
                         {"A": "b", "C": "\udcff"})  # fmt: skip
        self.assertIn("NoNewPrivs:\t1\n", seen["status"])
        self.assertEqual(started.report(), {"exit_code": 0, "signal": None, "left": 0})

    def test_privileges_may_be_left(self) -> None:
        """Where the settings want it, sudo works below the CLI."""
        started = self._start(LOOK, no_new_privileges=False)
        self.assertIn("NoNewPrivs:\t0\n", json.loads(started.said.readline())["status"])

    def test_limits_are_only_lowered(self) -> None:
        """A limit above the hard one is cut to it."""
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        started = self._start(LOOK, limits={"nofile": hard + 1000})
        self.assertEqual(json.loads(started.said.readline())["nofile"], [hard, hard])

    def test_exit_code_and_signal(self) -> None:
        """The end is told as it was: a code, or a signal."""
        for code, end in (("import os; os._exit(7)", (7, None)), ("import os; os.kill(os.getpid(), 9)", (None, 9))):
            started = self._start(code)
            started.report()
            report = started.report()
            self.assertEqual((report["exit_code"], report["signal"]), end)
            self.assertEqual(started.process.wait(PATIENCE), 0)

    def test_cannot_start(self) -> None:
        """What cannot be started is told with its step and errno (CH-21), and the supervisor is gone."""
        no_program = Path(self.mktemp()).resolve()
        no_program.write_text("no program\n")
        no_program.chmod(0o755)
        plain = Path(self.mktemp()).resolve()
        plain.write_text("#!/bin/sh\n")
        plain.chmod(0o644)
        good = [sys.executable, "-c", ""]
        for argv, number in (
            (["/nowhere/claude"], errno.ENOENT),
            ([str(no_program)], errno.ENOEXEC),
            ([str(plain)], errno.EACCES),
            ([*good, "a\0b"], errno.EINVAL),
            ([*good, "x" * 200_000], errno.E2BIG),
        ):
            started = Started(argv, str(Path.cwd()))
            self.addCleanup(started.end)
            self.assertEqual(started.report(), {"failed": "execute", "errno": number})
            self.assertEqual(started.process.wait(PATIENCE), 0)

    def test_ends_are_seen(self) -> None:
        """When the program closes its stdout, its reader sees the end, though the program lives on (CH-05)."""
        started = self._start("import os, time; os.close(1); time.sleep(3600)")
        self.assertEqual(started.said.read(), b"")
        self.assertTrue(is_alive(started.report()["started"]))

    def test_input_ends(self) -> None:
        """When the server closes the program's stdin, the program sees the end."""
        started = self._start("import sys; sys.exit(len(sys.stdin.read()))")
        started.report()
        started.stdin.sendall(b"12345")
        started.stdin.close()
        self.assertEqual(started.report()["exit_code"], 5)

    def test_terminate(self) -> None:
        """TERM reaches the program alone; what it leaves is killed when it has ended (CH-02, CH-03)."""
        started, pids = self._family("signal.signal(signal.SIGTERM, lambda *_: os._exit(3))", FOREVER)
        started.control.sendall(b"TERM\n")
        self.assertEqual(started.report(), {"exit_code": 3, "signal": None, "left": 0})
        self.assertEqual([pid for pid in pids if is_alive(pid)], [])

    def test_terminate_the_stopped(self) -> None:
        """A program that has stopped itself hears TERM all the same (CH-17)."""
        started = self._start("import os, signal; os.write(1, b'x'); os.kill(os.getpid(), signal.SIGSTOP)")
        started.report()
        started.stdout.recv(1)
        started.control.sendall(b"TERM\n")
        self.assertEqual(started.report()["signal"], signal.SIGTERM)

    def test_kill(self) -> None:
        """KILL ends the program and every descendant, daemons and stopped ones too, before the end is told (CH-03)."""
        started, pids = self._family(DEAF, FOREVER)
        started.control.sendall(b"TERM\nKILL\nKILL\n")
        self.assertEqual(started.report(), {"exit_code": None, "signal": 9, "left": 0})
        self.assertEqual([pid for pid in pids if is_alive(pid)], [])

    def test_ends_by_itself(self) -> None:
        """When the program ends, its descendants are dead before that is told, though they hold its stdout (CH-04)."""
        started, pids = self._family("", "os.read(0, 1); os._exit(0)")
        started.stdin.sendall(b"x")
        self.assertEqual(started.report(), {"exit_code": 0, "signal": None, "left": 0})
        self.assertEqual([pid for pid in pids if is_alive(pid)], [])
        self.assertEqual(started.said.read(), b"")

    def test_reaps(self) -> None:
        """What is left to the supervisor is reaped, so that no zombies gather (CH-17)."""
        started = self._start(
            "import os, time\n"
            "if os.fork() == 0:\n"
            "  if os.fork() == 0: os.read(0, 1)\n"
            "  else: os.write(1, b'%d\\n' % os.getpid())\n"
            "  os._exit(0)\n"
            "time.sleep(3600)"
        )
        program = started.report()["started"]
        parent = int(started.said.readline())
        self.assertTrue(dies(parent))
        grandchild = self._child_of(started.process.pid, program)
        started.stdin.sendall(b"x")
        self.assertTrue(dies(grandchild))
        started.control.sendall(b"TERM\n")
        started.report()
        self.assertFalse(Path(f"/proc/{grandchild}").exists())

    def _child_of(self, parent: int, besides: int) -> int:
        """The other child of the supervisor, which came to it when its own parent died."""
        for _ in range(10_000):
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit() and int(entry.name) != besides:
                    known = supervisor.status(int(entry.name))
                    if known is not None and known[0] == parent:
                        return int(entry.name)
        raise AssertionError("it never came")

    def test_dead_man(self) -> None:
        """When the server is gone, everything is killed at once."""
        started, pids = self._family(DEAF, FOREVER)
        started.reports.close()
        started.control.close()
        self._assert_dead([*pids, started.process.pid])

    def test_server_dies_first(self) -> None:
        """A server that dies before it has said what to start leaves no supervisor."""
        ours, theirs = socket.socketpair()
        folder = os.open("/", os.O_PATH)
        command = [sys.executable, "-I", "-S", supervisor.__file__, str(theirs.fileno()), str(folder)]
        process = subprocess.Popen(command, env={}, pass_fds=(theirs.fileno(), folder))
        os.close(folder)
        theirs.close()
        ours.sendall(b'{"argv": [')
        ours.close()
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_supervisor_is_killed(self) -> None:
        """With its supervisor the program dies (CH-28)."""
        started = self._start("import time; time.sleep(3600)")
        pid = started.report()["started"]
        started.process.kill()
        self._assert_dead([pid])

    def test_service_manager(self) -> None:
        """A SIGTERM to everybody, as a service manager sends it, ends the program and not its supervisor before it."""
        started, pids = self._family("", FOREVER)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            started.process.send_signal(number)
        os.kill(pids[-1], signal.SIGTERM)
        self.assertEqual(started.report()["signal"], signal.SIGTERM)
        self.assertEqual([pid for pid in pids if is_alive(pid)], [])
