# -*- test-case-name: tests.outbound.agent.test_claude -*-
"""The Claude CLI as an agent: finds out what it is, and starts it."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from zope.interface import implementer

from pocketagent.domain.agent import PASS_ENVIRONMENT, Launch
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.outbound.agent.child import STDERR_KEPT, Child, IChildReactor, Order, Over, spawn
from pocketagent.outbound.agent.launching import (
    INSTALL,
    NOT_FOUND,
    Directory,
    arguments,
    check_program,
    environment,
    not_started,
    open_directory,
    write_secret,
)
from pocketagent.outbound.agent.masking import secrets
from pocketagent.outbound.agent.run import Run, Waits
from pocketagent.outbound.agent.steps import STEPS, Moment, Step, within
from pocketagent.ports import IAgent, IAgentListener, IRun, IThreads
from pocketagent.wire.lines import MAX_LINE

FLOOR = (2, 1, 128)
"""Older ones look for `--settings=` anywhere in their arguments (threats.md, AR-03)."""
WARNED = (2, 1, 218)
"""Older ones have known ways around the trust in a folder."""
NOFILE = 4096
PROBE_WAIT = 10.0
"""Seconds for `claude --version`."""
MAX_VERSION = 64 * 1024
HANDED = ".handed.json"
"""What the name of a file in `scratch` ends with."""

NUMBER = re.compile(rb"(\d{1,9})\.(\d{1,9})\.(\d{1,9})\S*")
"""A version, wherever it stands in what the CLI says."""


def _absolute(path: str) -> str:
    """Against today's working directory; links stay, so that an update of the CLI is followed."""
    return str(Path.cwd() / path)


def _absolute_or_none(path: str | None) -> str | None:
    return None if path is None else _absolute(path)


@implementer(IAgent)
@define(eq=False, kw_only=True)
class Claude:
    """Processes of one CLI. `path` None: there is none. `scratch`: a directory of ours alone, for secrets of a process.

    `ours` is the environment to choose from by `pass_environment`; `limits` are lowered for each process, by names as
    in RLIMIT_NAME.
    """

    _reactor: IChildReactor
    _threads: IThreads
    _path: str | None = field(converter=_absolute_or_none)
    _ours: Mapping[str, str] = field(repr=False)
    _scratch: str = field(converter=_absolute)
    _pass_environment: Sequence[str] = PASS_ENVIRONMENT
    _limits: Mapping[str, int] = field(factory=lambda: {"core": 0, "nofile": NOFILE})
    _umask: int = 0o077
    _no_new_privileges: bool = True
    _line_size: int = MAX_LINE
    _stderr_kept: int = STDERR_KEPT
    _steps: Sequence[Step] = STEPS
    _waits: Waits = field(factory=Waits)
    _probe_wait: float = PROBE_WAIT
    _python: str = field(factory=lambda: sys.executable)

    available: bool = field(default=False, init=False)
    version: str | None = field(default=None, init=False)
    fault: str = field(default="", init=False)
    _log = Logger()

    def __attrs_post_init__(self) -> None:
        self.available = self._path is not None
        self.fault = "" if self.available else NOT_FOUND

    async def start(self, launch: Launch, listener: IAgentListener) -> IRun:
        program = self._program()
        theirs = environment(self._ours, self._pass_environment, launch.run_id)
        mcp_config = launch.options.mcp_config
        file = None if mcp_config is None else Path(self._scratch, launch.run_id + HANDED)
        try:
            directory = await self._threads.run(partial(_prepare, program, launch, file))
        except OSError as error:
            raise not_started("prepare", error.errno or 0) from None
        run = Run(
            launch,
            listener,
            self._reactor,
            secrets(theirs, mcp_config),
            self._waits,
            self._steps,
            self._line_size,
            self._threads,
        )
        argv = arguments(program, launch, None if file is None else str(file))
        try:
            child = self._spawn(argv, theirs, directory, run)
        except OSError as error:
            await self._remove(file)
            raise not_started("spawn", error.errno or 0) from None
        run.attach(child)
        child.dead.then(lambda: self._forget(file))
        try:
            await run.introduce()
        except (Refusal, CancelledError):
            await run.kill_at_once()
            raise
        return run

    async def probe(self) -> None:
        """Ask the CLI for its version, once, at the start. One that cannot be used makes `available` False.

        Removes what a server that was killed has left in `scratch`.
        """
        await self._threads.run(partial(_clear, Path(self._scratch)))
        try:
            said, over = await self._ask_version(self._program())
        except Refusal as refusal:
            self._refuse(refusal.message)
            return
        found = NUMBER.search(said)
        if over is None or over.exit_code != 0 or found is None:
            how = "did not answer in time" if over is None else "did not say which version it is"
            self._refuse(f"The Claude CLI cannot be used: asked with --version it {how}. {INSTALL}")
            return
        self.version = found.group().decode("ascii", "replace")
        version = tuple(int(part) for part in found.groups())
        floor, warned = (".".join(map(str, each)) for each in (FLOOR, WARNED))
        if version < FLOOR:
            self._refuse(f"The Claude CLI is too old: {self.version}, needed is {floor} or later. {INSTALL}")
        elif version < WARNED:
            self.fault = f"The Claude CLI {self.version} is older than {warned}: update it."
            self._log.warn("{fault}", fault=self.fault)

    def _program(self) -> str:
        if self._path is None or not self.available:
            raise Refusal(Code.CLAUDE_NOT_FOUND, self.fault)
        return self._path

    def _refuse(self, why: str) -> None:
        self.available = False
        self.fault = why
        self._log.error("{why} ({path})", why=why, path=self._path)

    async def _ask_version(self, program: str) -> tuple[bytes, Over | None]:
        theirs = environment(self._ours, self._pass_environment, f"version-{os.getpid()}")
        directory = await self._threads.run(partial(_prepare_version, program))
        reader = _Version()
        try:
            child = self._spawn([program, "--version"], theirs, directory, reader)
        except OSError as error:
            raise not_started("spawn", error.errno or 0) from None
        child.close_input()
        await within(self._reactor, self._probe_wait, reader.ended)
        if reader.end is None:
            child.kill()
            await within(self._reactor, self._probe_wait, child.dead)
        elif reader.end.failure is not None:
            raise not_started(*reader.end.failure)
        return reader.said, reader.end

    def _spawn(
        self, argv: Sequence[str], theirs: Mapping[str, str], directory: Directory, reader: "Run | _Version"
    ) -> Child:
        order = Order(argv, theirs, dict(self._limits), self._umask, self._no_new_privileges)
        try:
            return spawn(
                self._reactor, self._threads, order, directory.descriptor, reader, self._stderr_kept, self._python
            )
        finally:
            directory.close()

    def _forget(self, file: Path | None) -> None:
        Deferred.fromCoroutine(self._remove(file)).addErrback(
            lambda failure: self._log.failure("removing what a process was handed", failure)
        )

    async def _remove(self, file: Path | None) -> None:
        if file is not None:
            await self._threads.run(partial(file.unlink, missing_ok=True))


class _Version:
    """Hears `claude --version`."""

    def __init__(self) -> None:
        self.said = b""
        self.end: Over | None = None
        self.ended = Moment()

    def heard(self, data: bytes) -> None:
        self.said = (self.said + data)[:MAX_VERSION]

    def closed(self) -> None:
        return

    def over(self, over: Over) -> None:
        self.end = over
        self.ended.happen()


def _prepare(program: str, launch: Launch, mcp_file: Path | None) -> Directory:
    """What could block of a start. Writes the file last, so that no failure leaves it."""
    check_program(program)
    directory = open_directory(launch.path, launch.identity)
    if mcp_file is not None:
        write_secret(mcp_file, launch.options.mcp_config or "")
    return directory


def _prepare_version(program: str) -> Directory:
    check_program(program)
    return open_directory("/")


def _clear(scratch: Path) -> None:
    for file in scratch.glob("*" + HANDED):
        file.unlink(missing_ok=True)
