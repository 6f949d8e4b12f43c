# -*- test-case-name: tests.end_to_end.test_run -*-
"""`pocketagent run`: one prompt, and what becomes of it, for scripts and for those who want nothing else."""

import argparse
import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

from attrs import define, field

from pocketagent.cli import asking
from pocketagent.cli.asking import Answers, Decide, Terminal
from pocketagent.cli.console import Console, Problem
from pocketagent.cli.following import STOPPED, Ended, Execution, Noticed, Words
from pocketagent.cli.output import Output, for_reader, json_for_reader
from pocketagent.cli.remote import MISUNDERSTOOD, project, talk
from pocketagent.client import Client, Code, Message, Phase, Question, Refusal, Standing, Unreachable
from pocketagent.client import Problem as Lost
from pocketagent.client.attaching import attach, media_type_of
from pocketagent.domain.agent import PermissionMode
from pocketagent.domain.attachment import MAX_TOGETHER
from pocketagent.domain.events import PermissionResolved, ProjectState
from pocketagent.domain.options import Options
from pocketagent.domain.replies import Status

MAX_PROMPT = 4 * 1024 * 1024
"""Bytes that are read of stdin for a prompt: more than any server takes, whose own bound is told by itself."""
AWAY = 300.0
"""Seconds that a server may be away before it is given up."""
GRACE = 5.0
"""Seconds that a reader has to take what is left, when something went wrong."""
FIRST, SECOND = 1, 2
"""How often Ctrl-C was pressed."""


def run(chosen: argparse.Namespace, console: Console) -> int:
    options = _options(chosen)
    prompt = _prompt(chosen, console)
    decide = _decide(chosen, console)
    files = [_file(path) for path in chosen.attach or ()]
    running: list[_Running] = []

    async def work(client: Client) -> int:
        found = await project(client, chosen.project)
        attachments = [await asyncio.to_thread(attach, client.server, found.id, *file) for file in files]
        running.append(one := _Running(client, found, chosen, console, decide))
        return await one.run(prompt, options, attachments)

    def stands(standing: Standing) -> None:
        for one in running:
            one.stands(standing)

    return talk(chosen, console, work, stands)


def _options(chosen: argparse.Namespace) -> Options:
    mode = chosen.permission_mode
    try:
        return Options(
            model=chosen.model,
            permission_mode=PermissionMode(mode) if mode else None,
            allowed_tools=tuple(chosen.allowed_tools or ()),
            max_budget_usd=chosen.max_budget_usd,
            timeout=chosen.timeout,
        )
    except Refusal as refusal:
        raise Problem(refusal.message, MISUNDERSTOOD) from None


def _prompt(chosen: argparse.Namespace, console: Console) -> str:
    """The argument, or what stands on stdin without its last ends of line. Raises Problem."""
    prompt: str = chosen.prompt
    if prompt == "-":
        if console.inp.isatty():
            console.tell("Write the prompt; Ctrl-D ends it.")
        prompt = _read(console).rstrip("\n")
    try:
        prompt.encode()
    except UnicodeEncodeError:
        raise Problem("the prompt is no text in UTF-8.", MISUNDERSTOOD) from None
    if not prompt.strip():
        raise Problem("the prompt is empty: write what the agent should do.", MISUNDERSTOOD)
    return prompt


def _file(path: str) -> tuple[bytes, str]:
    """What is to be attached, and its name; before there is a connection. Raises Problem."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_TOGETHER + 1)
    except OSError as error:
        raise Problem(f"{path}: {error.strerror}.", MISUNDERSTOOD) from None
    if len(content) > MAX_TOGETHER:
        raise Problem(f"{path} is larger than {MAX_TOGETHER} bytes.", MISUNDERSTOOD)
    try:
        media_type_of(content)
    except Refusal as refusal:
        raise Problem(f"{path} cannot be attached: {refusal.message}", MISUNDERSTOOD) from None
    return content, Path(path).name


def _read(console: Console) -> str:
    try:
        source = getattr(console.inp, "buffer", None)
        text = console.inp.read(MAX_PROMPT) if source is None else source.read(MAX_PROMPT).decode()
    except UnicodeDecodeError:
        raise Problem("the prompt is no text in UTF-8.", MISUNDERSTOOD) from None
    if len(text) >= MAX_PROMPT:
        raise too_long()
    return str(text)


def too_long() -> Problem:
    return Problem(f"the prompt is longer than {MAX_PROMPT} bytes.", MISUNDERSTOOD)


def _decide(chosen: argparse.Namespace, console: Console) -> Callable[[Output], Decide]:
    """Who answers what the agent asks: by default the person, if there is one at a terminal. Raises Problem."""
    if chosen.permission == "allow":
        return lambda output: asking.allow
    if chosen.permission == "deny":
        return lambda output: asking.deny
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
        is_there = chosen.permission == "ask" or console.err.isatty()
    except OSError:
        if chosen.permission == "ask":
            raise Problem("there is no terminal to ask on: say --permission allow, or deny.", MISUNDERSTOOD) from None
        is_there = False
    return (lambda output: Terminal(output).decide) if is_there else (lambda output: asking.deny)


@define(eq=False)
class _Running:
    """A prompt that is run, from being sent to its end."""

    client: Client
    project: ProjectState
    chosen: argparse.Namespace
    console: Console
    decide: Callable[[Output], Decide]
    _output: Output = field(init=False)
    _execution: Execution | None = field(default=None, init=False)
    _given_up: "asyncio.Future[int]" = field(init=False)
    _away: asyncio.TimerHandle | None = field(default=None, init=False)
    _stops: int = field(default=0, init=False)
    _tasks: "set[asyncio.Task[None]]" = field(factory=set, init=False)

    def __attrs_post_init__(self) -> None:
        self._output = Output(self.console)
        self._given_up = asyncio.get_running_loop().create_future()

    async def run(self, prompt: str, options: Options, attachments: Sequence[str]) -> int:
        """The exit code."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._stop)
        answers = Answers(self.client, self.project.id, self.decide(self._output), self._output)
        following = asyncio.ensure_future(self._follow(prompt, options, attachments, answers))
        serving = asyncio.ensure_future(answers.serve())
        try:
            waited: set[asyncio.Future[object]] = {following, serving, self._given_up}  # type: ignore[arg-type]
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                serving.result()  # which raises what it has ended with
            return following.result() if following.done() else self._given_up.result()
        finally:
            for task in (following, serving, *self._tasks):
                task.cancel()
            await asyncio.gather(following, serving, *self._tasks, return_exceptions=True)
            if self._away is not None:
                self._away.cancel()
            if self._stops <= SECOND:
                with suppress(OSError, TimeoutError):  # what was said before it went wrong
                    await asyncio.wait_for(self._output.written(), GRACE)

    async def _follow(self, prompt: str, options: Options, attachments: Sequence[str], answers: Answers) -> int:
        async with self.client.events(self.project.id) as events:
            accepted = await self.client.execute(
                self.project.id, prompt, options, queue=self.chosen.queue, attachments=attachments
            )
            self._execution = execution = Execution(accepted.execution_id)
            if accepted.status is Status.QUEUED:
                self._notice(f"waits in the queue, at place {accepted.position}")
            if self._stops:
                self._do_stop()
            async for message in events:
                # Partial output that was not taken in time is lost; from then on only whole texts are told.
                is_piece = message.type == "agent_message" and message.seq is None
                if is_piece and self._output.is_slow and not self.chosen.json:
                    continue
                for heard in execution.hear(message):
                    if isinstance(heard, Question):
                        answers.ask(heard)
                    elif isinstance(heard, PermissionResolved):
                        answers.resolved(heard)
                    elif isinstance(heard, Noticed):
                        self._notice(heard.text)
                    elif isinstance(heard, Words) and not self.chosen.json:
                        self._output.put(for_reader(heard.text, self.console.out))
                    elif isinstance(heard, Ended):
                        ended = heard
                self._tell(message, execution)
                await self._output.room()
                if execution.is_over:
                    return await self._end(ended)
        return await self._end(Ended(STOPPED, "The project was deleted."))

    def _tell(self, message: Message, execution: Execution) -> None:
        if self.chosen.json and execution.concerns(message):
            line = message.payload.decode(errors="replace")
            self._output.put(f"{json_for_reader(line, self.console.out)}\n")

    def _notice(self, text: str) -> None:
        if not self.chosen.quiet:
            self._output.notice(text)

    async def _end(self, ended: Ended) -> int:
        if ended.sentence:
            self._output.notice(f"pocketagent: {ended.sentence}", is_dim=False)
        await self._output.written()
        return ended.code

    # -- the connection ---------------------------------------------------------------------------------------

    def stands(self, standing: Standing) -> None:
        """The connection was lost, or is there again."""
        if standing.phase is Phase.WAITING and self._away is None:
            self._notice(f"{standing.reason} Trying again …")
            self._away = asyncio.get_running_loop().call_later(AWAY, self._give_up)
        elif standing.phase is Phase.CONNECTED and self._away is not None:
            self._away.cancel()
            self._away = None
            self._notice("connected again")

    def _give_up(self) -> None:
        if not self._given_up.done():
            reason = self.client.standing.reason
            self._given_up.set_exception(
                Unreachable(f"{reason} The server has been away for {AWAY:.0f} seconds: `pocketagent log` tells later.")
            )

    # -- Ctrl-C -----------------------------------------------------------------------------------------------

    def _stop(self) -> None:
        """The first time the turn is interrupted, the second time it is killed, the third time it is left alone."""
        self._stops += 1
        is_over = self._execution is None or self._execution.is_over
        if self._stops > SECOND or (is_over and self._stops > FIRST):
            if not self._given_up.done():
                self._given_up.set_result(STOPPED)
        elif self._execution is not None:
            self._do_stop()

    def _do_stop(self) -> None:
        execution = self._execution
        if execution is None or execution.is_over:
            return
        if not execution.is_running:
            self._begin("taken out of the queue", self._leave_queue(execution.id))
        elif self._stops == FIRST:
            self._begin("interrupting; Ctrl-C again kills", self._interrupt())
        else:
            self._begin("killing", self._kill())

    def _begin(self, notice: str, work: Awaitable[None]) -> None:
        async def do() -> None:
            try:
                await work
            except (Lost, Refusal) as problem:
                self._output.notice(str(problem), is_dim=False)

        self._output.notice(notice)
        task = asyncio.ensure_future(do())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _leave_queue(self, execution_id: str) -> None:
        try:
            await self.client.remove_from_queue(self.project.id, execution_id)
        except Refusal as refusal:
            if refusal.code is not Code.PROCESS_NOT_FOUND:
                raise
            await self._interrupt()  # it has begun meanwhile

    async def _interrupt(self) -> None:
        if not await self.client.interrupt(self.project.id):
            self._output.notice("the agent does not answer; Ctrl-C again kills it", is_dim=False)

    async def _kill(self) -> None:
        await self.client.kill(self.project.id)
