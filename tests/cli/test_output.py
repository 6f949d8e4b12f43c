# -*- test-case-name: tests.cli.test_output -*-
"""What is written while a command goes on listening."""

import asyncio
import io
import json
import os
from collections.abc import Awaitable, Callable

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.cli.console import Console
from pocketagent.cli.output import MAX_UNWRITTEN, Output, for_reader, json_for_reader


class Screen(io.StringIO):
    """A text that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


class OutputTests(SynchronousTestCase):
    def written(self, work: Callable[[Output], Awaitable[None]], console: Console) -> None:
        async def do() -> None:
            output = Output(console)
            await work(output)
            await output.written()

        asyncio.run(do())

    def test_order(self) -> None:
        """On one terminal a notice stands on a line of its own, in its place between the words."""
        screen = Screen()

        async def work(output: Output) -> None:
            output.put("half a ")
            output.notice("oh\x1b")
            output.put("line\n")
            output.notice("ah", is_dim=False)

        self.written(work, Console({"NO_COLOR": "1"}, screen, screen))
        self.assertEqual(screen.getvalue(), "half a \noh\\x1b\nline\nah\n")

    def test_apart(self) -> None:
        """Where stdout is a file, notices leave it alone, and are not dim where stderr is no terminal."""
        out, err = io.StringIO(), io.StringIO()

        async def work(output: Output) -> None:
            output.put("half a ")
            output.notice("oh")
            output.put("line\n")

        self.written(work, Console({}, out, err))
        self.assertEqual((out.getvalue(), err.getvalue()), ("half a line\n", "oh\n"))

    def test_nobody_reads(self) -> None:
        """What cannot be written is said to whoever writes next."""
        reader, writer = os.pipe()
        os.close(reader)

        async def work(output: Output) -> None:
            output.put("x")
            with self.assertRaises(BrokenPipeError):
                await output.written()
            with self.assertRaises(BrokenPipeError):
                output.put("y")
            output.error = None

        with os.fdopen(writer, "w") as out:
            self.written(work, Console({}, out, io.StringIO()))

    def test_slow(self) -> None:
        """A reader who takes nothing is waited for, and nothing else is; it is remembered that it was slow."""
        reader, writer = os.pipe()
        text = "x" * (2 * MAX_UNWRITTEN)
        taken = bytearray()

        async def work(output: Output) -> None:
            output.put(text[:10])
            await output.written()
            self.assertFalse(output.is_slow)
            output.put(text)
            self.assertTrue(output.is_slow)
            with self.assertRaises(TimeoutError):
                await asyncio.wait_for(output.room(), 0.1)
            while len(taken) < len(text) + 10:
                taken.extend(os.read(reader, 65536))
                await asyncio.sleep(0)
            await output.room()

        with os.fdopen(writer, "w") as out:
            self.written(work, Console({}, out, io.StringIO()))
        os.close(reader)
        self.assertEqual(taken.decode(), text[:10] + text)


class ReaderTests(SynchronousTestCase):
    def test_harmless(self) -> None:
        """A terminal gets what acts on none; a file gets what was said."""
        text = "a\x1b[2J\n\tb\u202e"
        self.assertEqual(for_reader(text, io.StringIO()), text)
        self.assertEqual(for_reader(text, Screen()), "a\u241b[2J\n\tb\ufffd")

    def test_json(self) -> None:
        """JSON stays JSON, and the same, when it is made harmless."""
        line = json.dumps({"text": "\u202e\x7f\x9b\N{WOMAN} ü"}, ensure_ascii=False)
        shown = json_for_reader(line, Screen())
        self.assertNotIn("\u202e", shown)
        self.assertNotIn("\x7f", shown)
        self.assertIn("\N{WOMAN} ü", shown)
        self.assertEqual(json.loads(shown), json.loads(line))
        self.assertEqual(json_for_reader(line, io.StringIO()), line)
