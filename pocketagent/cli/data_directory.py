# -*- test-case-name: tests.cli.test_tokens -*-
"""The data directory as a command finds it: the server's own, whether a server runs on it or not."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pocketagent.cli.console import Console, Problem
from pocketagent.outbound.data_directory import DataDirectoryUnusable, prepared
from pocketagent.ports import StorageUnavailable
from pocketagent.settings import absolute


@contextmanager
def told() -> Iterator[None]:
    """What makes the data directory unusable is the person's to know: as a Problem."""
    try:
        yield
    except (DataDirectoryUnusable, StorageUnavailable) as problem:
        raise Problem(str(problem)) from None


def made(chosen: argparse.Namespace, console: Console) -> str:
    """Its real path, made where there is none."""
    return prepared(where(chosen, console))


def existing(chosen: argparse.Namespace, console: Console) -> str:
    """Its real path, for what makes no sense without one."""
    path = where(chosen, console)
    if not Path(path).is_dir():
        raise Problem(f"there is no data directory {path}: name the server's with --data-dir.")
    return prepared(path)


def where(chosen: argparse.Namespace, console: Console) -> str:
    """Spelt and chosen as the server does it."""
    path = chosen.data_dir or console.environment.get("PA_DATA_DIR") or "./data"
    try:
        cwd = str(Path.cwd())
    except FileNotFoundError:
        raise Problem("the working directory is gone: change to one that exists.") from None
    return absolute(path, console.environment.get("HOME", ""), cwd)
