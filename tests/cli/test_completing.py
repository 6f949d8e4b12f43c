# -*- test-case-name: tests.cli.test_completing -*-
"""What a shell is offered for profiles and projects."""

import os
import socket
import time
from argparse import Namespace
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.cli.completing import DEADLINE, profiles, projects
from pocketagent.client.profiles import Profile, Profiles

PATIENCE = 2.0
"""Seconds beyond the deadline that a busy machine may take."""


class CompletingTests(SynchronousTestCase):
    def setUp(self) -> None:
        directory = Path(self.mktemp()).absolute()
        before = os.environ.get("XDG_CONFIG_HOME")
        self.addCleanup(self.configured, before)
        self.configured(str(directory))
        self.profiles = Profiles(directory / "pocketagent")

    def configured(self, place: str | None) -> None:
        os.environ.pop("XDG_CONFIG_HOME", None)
        if place is not None:
            os.environ["XDG_CONFIG_HOME"] = place

    def offered(self) -> list[str]:
        began = time.monotonic()
        found = projects("", Namespace(profile=None))
        self.assertLess(time.monotonic() - began, DEADLINE + PATIENCE)
        return list(found)

    def test_profiles(self) -> None:
        """The names that begin so."""
        for name in ("home", "work", "hotel"):
            self.profiles.save(Profile(name, "wss://localhost:8443/ws", "x"))
        self.assertEqual(profiles("ho"), ["home", "hotel"])
        self.assertEqual(profiles("x"), [])

    def test_no_profile(self) -> None:
        """Without a profile there are no projects, and nothing is said."""
        self.assertEqual(self.offered(), [])

    def test_nobody_answers(self) -> None:
        """A server that says nothing is not waited for beyond the deadline."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self.profiles.save(Profile("home", f"wss://127.0.0.1:{silent.getsockname()[1]}/ws", "x", "A" * 43 + "="))
            self.assertEqual(self.offered(), [])

    def test_nobody_there(self) -> None:
        """A server that is not there offers nothing."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.profiles.save(Profile("home", f"wss://127.0.0.1:{port}/ws", "x"))
        self.assertEqual(self.offered(), [])
