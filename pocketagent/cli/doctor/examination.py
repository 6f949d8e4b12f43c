# -*- test-case-name: tests.cli.doctor.test_examination -*-
"""The command: the settings as the server would read them, then one look at each thing after the other."""

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping

from attrs import frozen

from pocketagent.cli.console import Console, Problem
from pocketagent.cli.doctor import agent, certificate, machine, port, storage
from pocketagent.cli.doctor.finding import Finding, Verdict, problem
from pocketagent.cli.doctor.report import as_json, as_lines, is_coloured, worst
from pocketagent.cli.doctor.running import Running
from pocketagent.config import TABLE, Config, read
from pocketagent.sources import CannotStart
from pocketagent.surroundings import settled, surroundings


def examine(chosen: argparse.Namespace, console: Console) -> int:
    """Look at everything, tell all of it; 1 where anything is a problem."""
    findings = list(_Examination.of(chosen, console).findings())
    print(as_json(findings) if chosen.json else as_lines(findings, is_coloured(console)), file=console.out)
    return 1 if worst(findings) is Verdict.PROBLEM else 0


@frozen
class _Examination:
    """What is looked at: the settings, and the server where one runs."""

    config: Config
    names_are_chosen: bool
    running: Running | None
    environment: Mapping[str, str]
    now: float

    @classmethod
    def of(cls, chosen: argparse.Namespace, console: Console) -> "_Examination":
        if sys.platform != "linux":
            raise Problem(f"the server runs on Linux only, and this is {sys.platform}; clients run anywhere.")
        try:
            written = read(console.environment, _options(chosen), chosen.config)
            config = settled(written, surroundings(console.environment))
        except CannotStart as fault:
            raise Problem(str(fault)) from None
        running = Running.on(config.data_dir)
        theirs = running.environment if running is not None else None
        return cls(config, bool(written.names), running, theirs or console.environment, console.now())

    def findings(self) -> Iterator[Finding]:
        config, running = self.config, self.running
        shown = None if config.plaintext else certificate.Shown.read(self._certificate)
        pinned, begins = (shown.fingerprint, shown.begins) if shown is not None else (None, None)
        looks: Mapping[str, Callable[[], Iterable[Finding]]] = {
            "user": lambda: [machine.examine_user(os.geteuid(), config.allow_root)],
            "data": lambda: storage.examine(config.data_dir, running),
            "claude": lambda: agent.examine(config.claude, self.environment, config.pass_environment),
            "certificate": self._look_at_certificate,
            "port": lambda: [port.examine(config.host, config.port, config.plaintext, running, pinned)],
            "clock": lambda: [machine.examine_clock(self.now, begins, config.data_dir, self.environment)],
            "files": lambda: [machine.examine_files(config.connections, config.handshakes, running)],
        }
        for name, look in looks.items():
            try:
                yield from look()
            except OSError as error:
                where = f"{error.filename}: " if error.filename else ""
                yield problem(name, f"cannot be looked at: {where}{error.strerror}", "run this as the server's user")

    @property
    def _certificate(self) -> str:
        return self.config.certificate or certificate.files(self.config.data_dir)[0]

    def _look_at_certificate(self) -> Iterator[Finding]:
        config = self.config
        if config.plaintext:
            return iter([certificate.NONE])
        if config.certificate:
            return certificate.examine_given(
                config.certificate, config.private_key, config.names, self.names_are_chosen, self.now
            )
        return certificate.examine_made(config.data_dir, config.names, self.running, self.now)


def _options(chosen: argparse.Namespace) -> Mapping[str, object]:
    """What the command line says of settings, by key."""
    given = {one.key: getattr(chosen, one.key, None) for one in TABLE}
    return {key: value for key, value in given.items() if value not in (None, False)}
