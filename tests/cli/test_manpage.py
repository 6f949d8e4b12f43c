# -*- test-case-name: tests.cli.test_manpage -*-
"""The man page is made from the parser, and is the one of today."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.cli.house import DEADLINE
from tests.cli.test_main import ROOT

PAGE = ROOT / "docs" / "pocketagent.1"
MADE = f"import runpy; print(runpy.run_path({str(ROOT / 'docs' / 'make_manpage.py')!r})['page'](), end='')"


class ManpageTests(SynchronousTestCase):
    def made(self, **environment: str) -> str:
        run = subprocess.run(
            [sys.executable, "-c", MADE],
            env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **environment},
            capture_output=True, text=True, encoding="utf-8", check=False, timeout=DEADLINE,
        )  # fmt: skip
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        return run.stdout

    def test_of_today(self) -> None:
        """The page is the one that is made of the parser as it is now, on any day and in any terminal."""
        if importlib.util.find_spec("argparse_manpage") is None:
            self.skipTest("argparse-manpage is not installed")
        self.assertEqual(self.made(), PAGE.read_text(), "the commands have changed: run `make man`")
        self.assertEqual(self.made(COLUMNS="40", SOURCE_DATE_EPOCH="0"), PAGE.read_text())

    def test_shown(self) -> None:
        """`man` shows it without a complaint, with every command and the examples as they are laid out."""
        if shutil.which("man") is None:
            self.skipTest("man is not installed")
        run = subprocess.run(
            ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", str(PAGE)],
            env={"PATH": os.defpath, "LANG": "C.UTF-8", "MANWIDTH": "80", "GROFF_NO_SGR": "1", "HOME": "/nonexistent"},
            capture_output=True, text=True, check=False, timeout=DEADLINE, input="",
        )  # fmt: skip
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        shown = re.sub(r".\x08", "", run.stdout)  # bold is a letter over itself
        for part in (
            "pocketagent token create\n",
            "         pocketagent token create --name laptop            a token for",
            "usage: pocketagent doctor [-h] [--json]",
            "pocketagent completion bash > ~/.local/share",
        ):
            self.assertIn(part, shown)
