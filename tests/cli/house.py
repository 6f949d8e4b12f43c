"""A machine on which commands are run, in this process and on a data directory of its own."""

import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import define, field
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.cli.console import Console
from pocketagent.cli.main import main
from pocketagent.domain.access import Device
from pocketagent.outbound.files import DeviceFiles

DEADLINE = 60.0
"""Seconds for what takes a moment on a machine that has nothing else to do."""

NOON = 1_767_268_800.0
"""2026-01-01 12:00 UTC."""


class Screen(io.StringIO):
    """A terminal that keeps what was written to it."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@define
class Run:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@define(eq=False)
class Machine:
    """A data directory, a clock and a person who answers."""

    data_dir: Path
    now: float = NOON
    answers: list[str] = field(factory=list)
    asked: Callable[[], object] = lambda: None
    environment: dict[str, str] = field(factory=dict)
    """More variables."""
    counter: int = 0
    meanwhile: Callable[[], object] = lambda: None
    """What happens whenever a command sleeps."""
    has_screen: bool = False
    """Whether the person has a terminal."""

    def run(self, *words: str, options: bool = True) -> Run:
        out, err = io.StringIO(), Screen() if self.has_screen else io.StringIO()
        console = Console(
            environment={
                "PA_DATA_DIR": str(self.data_dir),
                "HOME": str(self.data_dir.with_suffix(".home")),
                **self.environment,
            },
            out=out,
            err=err,
            ask=self.ask,
            now=lambda: self.now,
            random_hex=self.random_hex,
            sleep=self.sleep,
        )
        return Run(main(words, console), out.getvalue(), err.getvalue())

    def ask(self) -> str:
        if not self.answers:
            raise EOFError
        self.asked()
        return self.answers.pop(0)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.meanwhile()

    def random_hex(self, size: int) -> str:
        self.counter += 1
        return f"{self.counter:0{2 * size}x}"

    @property
    def devices(self) -> Sequence[Device]:
        return DeviceFiles(f"{self.data_dir}/devices").all()


class CommandTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.machine = Machine(Path(self.mktemp()).absolute())

    def done(self, *words: str) -> str:
        """Run a command that succeeds; what stood on stdout."""
        run = self.machine.run(*words)
        self.assertEqual((run.code, run.err if run.code else ""), (0, ""))
        return run.out

    def failed(self, *words: str) -> str:
        """Run a command that fails: exit code 1, nothing on stdout, and on stderr the one line that is returned."""
        run = self.machine.run(*words)
        self.assertEqual((run.code, run.out, run.err.count("\n")), (1, "", 1))
        self.assertTrue(run.err.startswith("pocketagent: "), run.err)
        return run.err

    def misunderstood(self, *words: str) -> str:
        """Run a command that makes no sense: exit code 2, and stderr says why."""
        err = io.StringIO()
        self.patch(sys, "stderr", err)  # argparse knows no other
        self.assertEqual(self.assertRaises(SystemExit, self.machine.run, *words).code, 2)
        return err.getvalue()
