# -*- test-case-name: tests.end_to_end.test_packaging -*-
"""However it is installed, twistd finds the plugin, and the example of the service is one."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.version import VERSION

ROOT = Path(__file__).parents[2]
SOURCES = (
    *("setup.cfg", "setup.py", "pyproject.toml", "MANIFEST.in", "LICENSE", "README.md", "CHANGELOG.md", "Makefile"),
    *("pocketagent", "twisted", "clients", "conf", "docs", "tests"),
)
STATIC = ROOT / "pocketagent" / "static"
DEADLINE = 120
"""Seconds for one step: a machine that is busy with other tests needs a multiple of the usual two."""

LOOK = """
import json
from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins
import pocketagent
(maker,) = [maker for maker in getPlugins(IServiceMaker) if maker.tapname == "pocketagent"]
print(json.dumps([pocketagent.__file__, maker.module, maker.options.__module__]))
"""
TWISTD = "import sys; sys.argv[0] = 'twistd'; from twisted.scripts.twistd import run; run()"
SDIST = "import sys; from setuptools.build_meta import build_sdist; print(build_sdist(sys.argv[1]))"


def missing_part() -> str:
    """Why these tests cannot run here."""
    if not (STATIC / "index.html").exists():
        return "the web client is not built (make web)"
    if importlib.util.find_spec("pip") is None:
        return "pip is not installed"
    try:
        found = metadata.version("setuptools")
    except metadata.PackageNotFoundError:
        return "setuptools is not installed"
    return "" if int(found.split(".")[0]) >= 77 else f"setuptools is older than 77: {found}"


class InstallTests(SynchronousTestCase):
    """Built from a copy of the sources, without a network: what is needed else comes from the Python of the tests."""

    if missing_part():
        skip = missing_part()

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()
        self.source = self.directory / "source"
        self.source.mkdir(parents=True)
        ignore = shutil.ignore_patterns("__pycache__", "dropin.cache", "*.egg-info", "node_modules")
        for name in SOURCES:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self.source / name, ignore=ignore)
            elif (ROOT / name).exists():
                shutil.copy(ROOT / name, self.source / name)

    def run_python(self, python: str | Path, *words: str, cwd: Path | None = None) -> str:
        """Run a Python that sees nothing of this tree but what is installed; what it prints."""
        environment = {"PATH": os.defpath, "HOME": str(self.directory), "LANG": "C.UTF-8", "PIP_NO_INDEX": "1"}
        run = subprocess.run(
            [python, *words],
            cwd=cwd or self.directory, env=environment, capture_output=True, text=True, check=False, timeout=DEADLINE,
        )  # fmt: skip
        self.assertEqual(run.returncode, 0, f"{words}: {run.stdout}{run.stderr}")
        return run.stdout

    def installed(self, *what: str) -> Path:
        """The `bin` of a new environment in which this is installed."""
        place = self.directory / "environment"
        self.run_python(sys.executable, "-m", "venv", "--without-pip", str(place))
        python = place / "bin" / "python"
        (packages,) = place.glob("lib/python*/site-packages")
        # Not the .pth files there: an editable install of this very tree stays out of sight.
        (packages / "outer.pth").write_text(sysconfig.get_path("purelib") + "\n")
        self.run_python(
            *(sys.executable, "-m", "pip", f"--python={python}", "--disable-pip-version-check", "install"),
            *("--no-deps", "--no-build-isolation", "--ignore-installed", *what),
        )
        return place / "bin"

    def check(self, place: Path, parent: Path) -> None:
        """twistd lists the plugin, which leads to the package below `parent`; the command works."""
        file, module, options = json.loads(self.run_python(place / "python", "-c", LOOK))
        self.assertTrue(Path(file).is_relative_to(parent), file)
        self.assertEqual((module, options), ("pocketagent.tap", "pocketagent.tap"))
        self.assertIn("  pocketagent ", self.run_python(place / "python", "-c", TWISTD, "--help"))
        self.assertEqual(self.run_python(place / "pocketagent", "version"), f"pocketagent {VERSION}\n")

    def check_manual(self, place: Path) -> None:
        """`man pocketagent` finds its page where it looks for one: beside the `bin` of the command."""
        manual = place.parent / "share" / "man" / "man1" / "pocketagent.1"
        self.assertEqual(manual.read_bytes(), (ROOT / "docs" / "pocketagent.1").read_bytes())

    def sources(self, *folders: str) -> Sequence[str]:
        return sorted(
            str(path.relative_to(self.source)) for folder in folders for path in (self.source / folder).rglob("*.py")
        )

    def client(self) -> Sequence[str]:
        """The files of the web client's build."""
        return sorted(str(path.relative_to(ROOT)) for path in STATIC.rglob("*") if path.is_file())

    def test_wheel(self) -> None:
        """A wheel has every module, the plugin and the web client, and no test."""
        words = "--no-deps", "--no-build-isolation", "--wheel-dir", str(self.directory), str(self.source)
        self.run_python(sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", *words)
        (wheel,) = self.directory.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
        self.assertEqual(sorted(name for name in names if name.endswith(".py")), self.sources("pocketagent", "twisted"))
        self.assertEqual(sorted(name for name in names if "/static/" in name), self.client())
        place = self.installed(str(wheel))
        self.check(place, place.parent)
        self.check_manual(place)

    def test_sdist(self) -> None:
        """A source distribution has all that it takes to test and run it, and installs."""
        name = self.run_python(sys.executable, "-c", SDIST, str(self.directory), cwd=self.source).split()[-1]
        with tarfile.open(self.directory / name) as archive:
            members = {member.partition("/")[2] for member in archive.getnames()}
        for needed in (
            *self.sources("pocketagent", "twisted", "tests", "clients"),
            *self.client(),
            *(
                "conf/pocketagent.toml",
                "Makefile",
                "LICENSE",
                "clients/web/package-lock.json",
                "clients/web/src/main.ts",
            ),
        ):
            self.assertIn(needed, members)
        place = self.installed(str(self.directory / name))
        self.check(place, place.parent)
        self.check_manual(place)

    def test_editable(self) -> None:
        """An editable install finds the plugin where the sources are."""
        self.check(self.installed("--editable", str(self.source)), self.source)


class ServiceTests(SynchronousTestCase):
    if shutil.which("systemd-analyze") is None:
        skip = "systemd-analyze is not installed"

    def analyze(self, *words: str) -> str:
        """What systemd-analyze says of the example, with a program that is there."""
        unit = Path(self.mktemp()).absolute() / "pocketagent.service"
        unit.parent.mkdir()
        text = (ROOT / "conf" / "pocketagent.service").read_text()
        unit.write_text(text.replace("/opt/pocketagent/bin/twistd", sys.executable))
        run = subprocess.run(
            ["systemd-analyze", *words, str(unit)], capture_output=True, text=True, check=False, timeout=DEADLINE
        )
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        return run.stdout

    def test_valid(self) -> None:
        """systemd takes every line of it: an unknown key is only a word on stderr."""
        self.analyze("verify")

    def test_hardened(self) -> None:
        """It is walled in well: 2.5 of 10 or less, by systemd's own measure."""
        self.assertIn("OK", self.analyze("security", "--offline=true", "--threshold=25"))
