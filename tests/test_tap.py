# -*- test-case-name: tests.test_tap -*-
"""From the command line to a started tree, and every reason not to start on one line."""

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from attrs import define, field
from twisted.application.service import Application, IService, IServiceCollection, IServiceMaker, Service
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import ILogObserver, LogLevel
from twisted.plugin import getPlugins
from twisted.scripts._twistd_unix import ServerOptions
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import Interface
from zope.interface.verify import verifyObject

from pocketagent import tap
from pocketagent.config import TABLE, Config
from pocketagent.sources import CannotStart
from pocketagent.version import VERSION

ORDINARY, ROOT = 1000, 0


@define
class Builder:
    """Stands in for `app.build`: notes the settings and returns an empty service, or cannot."""

    problem: str = ""
    configs: list[Config] = field(factory=list)
    service: Service = field(factory=Service)

    def build(self, config: Config, reactor: Interface) -> IService:
        self.configs.append(config)
        if self.problem:
            raise CannotStart(self.problem)
        return self.service


def parsed(*arguments: str) -> tap.Options:
    options = tap.Options()
    options.parseOptions(arguments)
    return options


class OptionsTests(SynchronousTestCase):
    def refused(self, *arguments: str) -> str:
        """The one line that these arguments are refused with."""
        refusal = self.assertRaises(SystemExit, parsed, *arguments)
        self.assertIsInstance(refusal.code, str)
        line = str(refusal.code)
        self.assertTrue(line.isprintable() and line.startswith("pocketagent: "), line)
        return line

    def test_given(self) -> None:
        """Options are taken by the settings' keys; a repeated one of a list adds to it, of a value replaces it."""
        options = parsed("--port=1", "--port", "2", "--name", "a", "--name=b", "--plaintext", "--data-dir", "d")
        self.assertEqual(options.given, {"port": "2", "names": ["a", "b"], "plaintext": True, "data_dir": "d"})

    def test_file(self) -> None:
        """--config names the file."""
        self.assertEqual((parsed("--config", "x.toml").file, parsed().file), ("x.toml", None))

    def test_wrong(self) -> None:
        """What is not an option stops the start with one line, not with pages of help."""
        self.assertIn("--prot", self.refused("--prot", "1"))
        self.assertIn("--help", self.refused("stray"))
        self.refused("--port")
        self.refused("--plaintext=yes")
        self.refused("--mcp-configs={}")

    def test_help(self) -> None:
        """The help shows each option once, its default and its group; secrets have no option."""
        text = parsed().getUsage()
        for one in TABLE:
            lines = [
                line for line in text.splitlines() if line.startswith((f"  --{one.option}=", f"  --{one.option} "))
            ]
            self.assertEqual(len(lines), 0 if one.secret else 1, one.key)
            self.assertIn(f"\n{one.group}:\n", text)
        self.assertIn("The port; 0 takes a free one and tells which. [8443]", text)
        self.assertLessEqual(max(map(len, text.splitlines())), tap.WIDTH)

    def test_help_by_twistd(self) -> None:
        """`twistd pocketagent --help` prints it and succeeds."""
        out = io.StringIO()
        self.patch(sys, "stdout", out)
        self.assertEqual(self.assertRaises(SystemExit, parsed, "--help").code, 0)
        self.assertIn("--data-dir=PATH", out.getvalue())

    def test_version(self) -> None:
        """--version is ours, not Twisted's."""
        out = io.StringIO()
        self.patch(sys, "stdout", out)
        self.assertEqual(self.assertRaises(SystemExit, parsed, "--version").code, 0)
        self.assertEqual(out.getvalue(), f"pocketagent {VERSION}\n")

    def test_plugin(self) -> None:
        """twistd finds the command, and it leads here."""
        (maker,) = [maker for maker in getPlugins(IServiceMaker) if maker.tapname == "pocketagent"]
        self.assertTrue(verifyObject(IServiceMaker, maker))
        self.assertIs(maker.options, tap.Options)
        self.assertIs(maker.makeService, tap.makeService)


class StartTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.builder = Builder()

    def start(
        self,
        options: tap.Options,
        *,
        platform: str = "linux",
        user: int = ORDINARY,
        environment: dict[str, str] | None = None,
    ) -> IService:
        home = {"HOME": "/home/ada"}
        return tap.start(
            options,
            self.builder.build,
            MemoryReactorClock(),
            platform=platform,
            user=user,
            environment=home if environment is None else home | environment,
        )

    def refused(self, *arguments: str, platform: str = "linux", user: int = ORDINARY) -> str:
        refusal = self.assertRaises(SystemExit, self.start, parsed(*arguments), platform=platform, user=user)
        line = str(refusal.code)
        self.assertTrue(line.isprintable() and line.startswith("pocketagent: "), line)
        return line

    def test_built(self) -> None:
        """The tree holds what was built from the settings, which are whole by then."""
        top = self.start(parsed("--port", "0"), environment={"PA_QUEUE": "3"})
        self.assertTrue(verifyObject(IService, top))
        self.assertIs(self.builder.service.parent, top)
        (config,) = self.builder.configs
        self.assertEqual((config.port, config.queue, config.roots), (0, 3, ("/home/ada",)))
        self.assertEqual(config.data_dir, str(Path.cwd() / "data"))
        self.assertIn("localhost", config.names)

    def test_wrong_setting(self) -> None:
        """A wrong setting stops the start before anything is built."""
        self.assertIn("--port", self.refused("--port", "x"))
        self.assertEqual(self.builder.configs, [])

    def test_cannot(self) -> None:
        """What stops the building is told on one line, whatever stands in it."""
        self.builder.problem = "the port 8443 is taken:\nAddress already in use"
        self.assertIn(r"taken:\nAddress", self.refused())

    def test_root(self) -> None:
        """As root the server does not start without being told to (LI-06)."""
        self.assertIn("--allow-root", self.refused(user=ROOT))
        self.assertEqual(self.builder.configs, [])
        self.start(parsed("--allow-root"), user=ROOT)
        self.assertEqual(len(self.builder.configs), 1)

    def test_not_linux(self) -> None:
        """Elsewhere than on Linux the server says so, and nothing else."""
        self.assertIn("Linux", self.refused("--port", "x", platform="darwin"))

    def test_no_home(self) -> None:
        """A home that is no path would make the roots relative: refused."""
        refusal = self.assertRaises(SystemExit, self.start, parsed(), environment={"HOME": "here"})
        self.assertIn("HOME", str(refusal.code))


class LogTests(SynchronousTestCase):
    """Where twistd's own log would go, ours goes."""

    def setUp(self) -> None:
        self.out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        self.patch(sys, "stdout", self.out)

    def observer(self, twistd: Sequence[str], ours: Sequence[str] = ()) -> object:
        """What twistd finds when it looks for the application's log."""
        parent = ServerOptions()
        parent.parseOptions([*twistd, "pocketagent", *ours])
        options = parent.subOptions
        top = tap.start(
            options,
            Builder().build,
            MemoryReactorClock(),
            platform="linux",
            user=ORDINARY,
            environment={"HOME": "/home/ada"},
        )
        application = Application("pocketagent")
        top.setServiceParent(application)
        self.assertIn(top, list(IServiceCollection(application)))
        return application.getComponent(ILogObserver, None)

    def test_terminal(self) -> None:
        """In the foreground it goes to the terminal, also where that knows only ASCII."""
        observer = self.observer(["-n"], ["--log-format", "json"])
        assert callable(observer)
        observer({"log_time": 0.0, "log_namespace": "tests", "log_level": LogLevel.info, "log_format": "ü"})
        self.out.flush()
        self.assertIn(b'"@timestamp":"1970-01-01T00:00:00.000Z"', self.out.buffer.getvalue())

    def test_file(self) -> None:
        """With --logfile it goes to that file, for the owner's eyes only."""
        path = Path(self.mktemp()).absolute()
        self.assertIsNotNone(self.observer(["-n", f"--logfile={path}"]))
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)

    def test_background(self) -> None:
        """In the background it goes to twistd.log, and never to a terminal."""
        os.chdir(self.make_directory())
        self.observer([])
        self.assertTrue(Path("twistd.log").exists())
        refusal = self.assertRaises(SystemExit, self.observer, ["--logfile=-"])
        self.assertIn("--logfile", str(refusal.code))

    def make_directory(self) -> str:
        before = Path.cwd()
        self.addCleanup(os.chdir, before)
        path = Path(self.mktemp())
        path.mkdir()
        return str(path)

    def test_unwritable(self) -> None:
        """A log that cannot be written stops the start."""
        refusal = self.assertRaises(SystemExit, self.observer, ["--logfile=/nonexistent/a.log"])
        self.assertIn("/nonexistent/a.log", str(refusal.code))

    def test_others(self) -> None:
        """Who asks twistd for syslog or for a log of their own gets that."""
        self.assertIsNone(self.observer(["--syslog"]))
        self.assertIsNone(self.observer(["--logger", "twisted.logger.globalLogPublisher"]))
