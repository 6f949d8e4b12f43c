# -*- test-case-name: tests.cli.test_main -*-
"""`pocketagent version`."""

import argparse

from pocketagent.cli.console import Console
from pocketagent.version import VERSION


def show(_chosen: argparse.Namespace, console: Console) -> None:
    print(f"pocketagent {VERSION}", file=console.out)
