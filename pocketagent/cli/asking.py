# -*- test-case-name: tests.end_to_end.test_run -*-
"""How `run` answers what the agent asks: always yes, always no, or as the person at the terminal says."""

import asyncio
import os
import termios
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

from attrs import define, field, frozen

from pocketagent.cli.entries import about, whole
from pocketagent.cli.output import Output
from pocketagent.client import Client, Code, ConnectionLost, Question, Refusal
from pocketagent.domain.events import PermissionResolved

CHOICE = "AskUserQuestion"
"""The tool by which the agent lets a person choose. A yes is no answer to it."""

NOBODY = "Nobody is here to allow this. Go on without it, or say what you would need."
NOBODY_CHOOSES = "Nobody is here to choose. Decide yourself, and say what you have decided."
NOT_ALLOWED = "The person said no."
MAX_LINE = 4096
"""Bytes of an answer."""
MAX_TRIES = 10


@frozen
class Verdict:
    """`message` is for the agent, with a no."""

    allows: bool
    message: str = ""
    updated_input: Mapping[str, object] | None = None


Decide = Callable[[Question], Awaitable[Verdict]]


async def allow(question: Question) -> Verdict:
    return Verdict(True) if question.tool_name != CHOICE else Verdict(False, NOBODY_CHOOSES)


async def deny(question: Question) -> Verdict:
    return Verdict(False, NOBODY_CHOOSES if question.tool_name == CHOICE else NOBODY)


@define(eq=False)
class Terminal:
    """The person at the terminal of this process, whatever stdin is."""

    output: Output
    _fd: int = field(factory=lambda: os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC))

    async def decide(self, question: Question) -> Verdict:
        if question.tool_name == CHOICE and (asked := _choices(question)):
            return await self._choose(question, asked)
        said = await self._answer(f"\n{whole(question)}\nAllow? [y/n] ", lambda line: line.lower() in _YES | _NO)
        return Verdict(True) if said is not None and said.lower() in _YES else Verdict(False, NOT_ALLOWED)

    async def _choose(self, question: Question, asked: Sequence[tuple[str, Sequence[str]]]) -> Verdict:
        """Each question with its choices: a number, or words of one's own."""
        answers = {}
        for text, choices in asked:
            listed = "".join(f"  {number}  {label}\n" for number, label in enumerate(choices, 1))
            said = await self._answer(f"\n{text}\n{listed}A number, or your own words: ", bool)
            if said is None:
                return Verdict(False, NOT_ALLOWED)
            is_number = said.isascii() and said.isdigit() and 1 <= int(said) <= len(choices)
            answers[text] = choices[int(said) - 1] if is_number else said
        return Verdict(True, updated_input={**question.input, "answers": answers})

    async def _answer(self, text: str, is_good: Callable[[str], bool]) -> str | None:
        """A line that is an answer; None when there is no more of them."""
        await self.output.written()
        with suppress(termios.error):
            termios.tcflush(self._fd, termios.TCIFLUSH)  # What was typed before the question was no answer to it.
        while True:
            self.output.ask(text)
            line = await self._line()
            if line is None or is_good(line):
                return line

    async def _line(self) -> str | None:
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(self._fd, readable.set)
        try:
            while True:
                await readable.wait()
                readable.clear()
                with suppress(BlockingIOError):
                    data = os.read(self._fd, MAX_LINE)  # a line, of a terminal as a person has it
                    return data.decode(errors="replace").strip() if data else None
        except OSError:
            return None
        finally:
            loop.remove_reader(self._fd)


@define(eq=False)
class Answers:
    """What the agent asks is decided in turn, and answered, unless another device was quicker."""

    client: Client
    project_id: str
    decide: Decide
    output: Output
    _open: deque[Question] = field(factory=deque, init=False)
    _news: asyncio.Event = field(factory=asyncio.Event, init=False)
    _deciding: "tuple[str, asyncio.Task[Verdict]] | None" = field(default=None, init=False)

    def ask(self, question: Question) -> None:
        self._open.append(question)
        self._news.set()

    def resolved(self, event: PermissionResolved) -> None:
        """It is answered, by us or by somebody else, or nobody waits for the answer any more."""
        waiting = [one for one in self._open if one.permission_id != event.permission_id]
        if len(waiting) < len(self._open):
            self._open = deque(waiting)
        elif self._deciding is not None and self._deciding[0] == event.permission_id:
            who = f"{event.by.name} answered: {event.behavior}" if event.by else f"{event.behavior}: {event.reason}"
            self.output.notice(f"no longer asked ({who})")
            self._deciding[1].cancel()

    async def serve(self) -> None:
        """Answer one after the other, until cancelled. Raises what a client raises."""
        while True:
            while not self._open:
                self._news.clear()
                await self._news.wait()
            question = self._open.popleft()
            task = asyncio.ensure_future(self.decide(question))
            self._deciding = (question.permission_id, task)
            try:
                await asyncio.wait([task])
            finally:
                self._deciding = None
                task.cancel()
            if not task.cancelled():
                await self._tell(question, task.result())

    async def _tell(self, question: Question, verdict: Verdict) -> None:
        word = "allowed" if verdict.allows else "denied"
        self.output.notice(f"{word}: {about(question.tool_name, question.input)}", is_dim=verdict.allows)
        for _ in range(MAX_TRIES):
            if await self._is_answered(question, verdict):
                return
        raise ConnectionLost("The connection was lost each time that a permission was answered.")

    async def _is_answered(self, question: Question, verdict: Verdict) -> bool:
        """Answer; False when it is not known whether that was heard. Twice does no harm."""
        try:
            if verdict.allows:
                await self.client.allow(self.project_id, question.permission_id, verdict.updated_input)
            else:
                await self.client.deny(self.project_id, question.permission_id, verdict.message)
        except ConnectionLost:
            return False
        except Refusal as refusal:
            if refusal.code is not Code.PERMISSION_NOT_FOUND:
                raise
        return True


_YES, _NO = {"y", "yes"}, {"n", "no"}


def _choices(question: Question) -> Sequence[tuple[str, Sequence[str]]]:
    """What an AskUserQuestion asks: each question with the labels of its choices; nothing when it is not as it was."""
    found = []
    asked = question.input.get("questions")
    for one in asked if isinstance(asked, list) else ():
        if not isinstance(one, dict) or not isinstance(one.get("question"), str):
            return ()
        options = one.get("options")
        labels = [str(each.get("label")) for each in options or () if isinstance(each, dict)] if options else []
        found.append((one["question"], labels))
    return found
