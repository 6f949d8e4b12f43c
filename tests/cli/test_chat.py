# -*- test-case-name: tests.cli.test_chat -*-
"""`pocketagent chat` without a terminal, as far as it goes without a server."""

import argparse
import io

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.cli.chat import chat
from pocketagent.cli.console import Console, Problem
from pocketagent.cli.remote import MISUNDERSTOOD, NO_CONNECTION
from pocketagent.cli.run import MAX_PROMPT


class LineTests(SynchronousTestCase):
    def said(self, inp: io.StringIO) -> Problem:
        """What a chat with these lines comes to, on a machine that knows no server."""
        console = Console({}, io.StringIO(), io.StringIO(), inp=inp, config_dir=lambda: self.mktemp())
        problem: Problem = self.assertRaises(Problem, chat, argparse.Namespace(profile=None, project="."), console)
        return problem

    def test_bound(self) -> None:
        """A line that is too long for a prompt of `run` is too long for one of a chat: no more of it is read."""
        for character in "x", "\xe9", "\udcff":
            inp = io.StringIO(character * 2 * MAX_PROMPT)
            problem = self.said(inp)
            self.assertEqual(
                (str(problem), problem.code), (f"the prompt is longer than {MAX_PROMPT} bytes.", MISUNDERSTOOD)
            )
            self.assertEqual(inp.tell(), MAX_PROMPT)

    def test_within(self) -> None:
        """What is shorter goes on its way."""
        self.assertEqual(self.said(io.StringIO("x" * (MAX_PROMPT - 2) + "\n")).code, NO_CONNECTION)
