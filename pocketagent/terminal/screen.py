# -*- test-case-name: tests.terminal.test_screen -*-
"""The terminal: what is finished stands above and scrolls away, what is alive stays below it, redrawn.

Nothing takes the screen over: the terminal's own scrollback, search and selection go on working. Below stand the text
that is being written, the tools at work, a card that waits for an answer or the composer, and the status line.
"""

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from typing import Protocol

from prompt_toolkit.application import Application
from prompt_toolkit.application.current import set_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.input import Input
from prompt_toolkit.layout import ConditionalContainer, HSplit, Layout, Window
from prompt_toolkit.layout.controls import BufferControl, FormattedTextControl
from prompt_toolkit.layout.dimension import Dimension
from prompt_toolkit.layout.menus import CompletionsMenu
from prompt_toolkit.layout.processors import AfterInput, ConditionalProcessor
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.styles import Style
from prompt_toolkit.widgets import SearchToolbar

from pocketagent.terminal.ansi import window
from pocketagent.terminal.keys import Keyboard, bindings

GRACE = 0.5
"""Seconds without a key that have to pass, from when a card appears, before it takes one: whoever is typing did not
mean it."""
FRAME = 0.016
"""Seconds between two pictures at least; the first change after that is drawn at once."""
TICK = 0.1
"""Seconds between two pictures of what moves."""
MAX_COMPOSER = 10
"""Lines of the composer before it scrolls."""
BESIDE = 3
"""Columns of the composer's first row that its text has not: the sign before it, and the cursor's behind it."""
ENDING = (signal.SIGTERM, signal.SIGHUP)
"""After these the terminal is left as it was, too."""
ESCAPE_WAIT = 0.05
"""Seconds in which what follows an escape makes it a key of several characters."""

STYLE = Style.from_dict(
    {
        "rule": "ansibrightblack",
        "prompt": "ansicyan bold",
        "placeholder": "ansibrightblack",
        "status": "ansibrightblack",
        "status.good": "ansigreen",
        "status.fair": "ansiyellow",
        "status.bad": "ansired",
        "status.busy": "ansicyan",
        "status.name": "bold",
        "status.hint": "ansiyellow",
        "status.mode.plan": "ansicyan",
        "status.mode.acceptedits": "ansimagenta",
        "status.mode.bypasspermissions": "ansired bold",
        "completion-menu": "bg:default default",
        "completion-menu.completion": "bg:default default",
        "completion-menu.completion.current": "bg:default ansicyan bold",
        "completion-menu.meta.completion": "bg:default ansibrightblack",
        "completion-menu.meta.completion.current": "bg:default ansicyan",
        "scrollbar.background": "bg:default",
        "scrollbar.button": "bg:default",
    }
)


class Picture(Protocol):
    """What is drawn below: each of them is asked whenever the screen is drawn anew."""

    def live(self, width: int, height: int) -> str:
        """What is going on, as ANSI text; empty when nothing is."""

    @property
    def has_card(self) -> bool:
        """Whether something is asked."""

    def card(self, width: int, height: int) -> str:
        """The card, as ANSI text."""

    def status(self, width: int) -> StyleAndTextTuples:
        """The last line."""

    def placeholder(self, width: int) -> str:
        """What stands in the composer while it is empty, in so many cells."""


class Screen:
    """The application. The keys belong to whatever has the focus: the composer, the card, or the `entry` in which is
    written what the card wants. `stands` is set as soon as the person can write."""

    def __init__(
        self, composer: Buffer, picture: Picture, keyboard: Keyboard, is_plain: bool, input: Input, output: Output
    ) -> None:
        self.composer = composer
        self.entry = Buffer(multiline=True, accept_handler=self._accept_entry, name="entry")
        self.stands = asyncio.Event()
        self._picture = picture
        self._keyboard = keyboard
        self._card = window(lambda: picture.card(self.width, self._card_room), takes_keys=True)
        self._untouched_since = 0.0
        self._above: list[str] = []
        self._search = SearchToolbar(ignore_case=True)
        self._output = output
        self.app: Application[None] = Application(
            layout=self._layout(),
            key_bindings=bindings(self, picture, keyboard),
            style=STYLE,
            color_depth=ColorDepth.DEPTH_1_BIT if is_plain else None,
            input=input,
            output=output,
            erase_when_done=True,
            min_redraw_interval=FRAME,
            mouse_support=False,
        )
        self.app.ttimeoutlen = ESCAPE_WAIT
        self.app.timeoutlen = ESCAPE_WAIT
        self.app.after_render += lambda _: self.stands.set()

    async def run(self) -> None:
        """Until somebody calls `close`, or ends the process, or the terminal is gone."""
        loop = asyncio.get_running_loop()
        for number in ENDING:
            loop.add_signal_handler(number, self.close)
        try:
            with contextlib.suppress(EOFError):
                await self.app.run_async(pre_run=self._begin)
        finally:
            for number in ENDING:
                loop.remove_signal_handler(number)
            await self.app.cancel_and_wait_for_background_tasks()  # a picture that was asked for at the last moment
            self._flush_plain()

    def close(self) -> None:
        if self.app.is_running and not self.app.is_done:
            self.app.exit()

    def write(self, text: str) -> None:
        """Put ANSI text above what is alive, where it stays."""
        if not text:
            return
        if not self._above and self.app.is_running:  # before that it waits for the beginning, and after it for the end
            asyncio.get_running_loop().call_soon(self._flush)
        self._above.append(text)

    def refresh(self) -> None:
        """Something has changed: draw it."""
        self.app.invalidate()

    @property
    def is_answering(self) -> bool:
        """Whether the card has the keys."""
        return self.app.layout.has_focus(self._card)

    @property
    def is_entering(self) -> bool:
        """Whether something is written that the card wants."""
        return self.app.layout.has_focus(self.entry)

    def ask(self, is_open: bool) -> None:
        """There is another card, or there is none any more. It takes the keys, but from somebody who is writing."""
        self._untouched_since = asyncio.get_running_loop().time()
        is_writing = bool(self.composer.text) or self.app.layout.is_searching
        if self.is_answering or self.is_entering or not is_writing:
            self.turn(to_card=is_open)
        self.refresh()

    def turn(self, to_card: bool) -> None:
        """Give the keys to the card, or to the composer."""
        self.app.layout.focus(self._card if to_card else self.composer)
        self.refresh()

    def want(self, text: str | None) -> None:
        """The card wants something written, beginning with this text; None: it does not any more."""
        if text is not None:
            self.entry.reset(Document(text))
            self.app.layout.focus(self.entry)
        elif self.is_entering:
            self.turn(to_card=True)
        self.refresh()

    def clear(self) -> None:
        """Begin with an empty screen."""
        self.app.renderer.clear()

    def suspend(self) -> None:
        """Give the terminal back to the shell, and stop until it says to go on: what is alive is then drawn anew."""
        self.app.suspend_to_background()

    def is_meant(self) -> bool:
        """Whether a key that comes now can be meant for the card."""
        now = asyncio.get_running_loop().time()
        is_seen = now - self._untouched_since >= GRACE
        if not is_seen:
            self._untouched_since = now
        return is_seen

    @property
    def width(self) -> int:
        return self._output.get_size().columns

    @property
    def height(self) -> int:
        return self._output.get_size().rows

    # -- drawing ----------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._flush_plain()
        self.app.create_background_task(self._move())

    def _flush(self) -> None:
        """Everything that was written since, in one go: what is alive makes room and is drawn again below."""
        if not self.app.is_running:
            return  # `run` writes it
        text, self._above = "".join(self._above), []
        with set_app(self.app), _in_one(self._output):
            self.app.renderer.erase()
            self._output.write_raw(text)
            self.app._redraw()

    def _flush_plain(self) -> None:
        text, self._above = "".join(self._above), []
        self._output.write_raw(text)
        self._output.flush()

    async def _move(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            if self._keyboard.is_moving():
                self.refresh()

    def _layout(self) -> Layout:
        has_card = Condition(lambda: self._picture.has_card)
        entering = Condition(lambda: self.is_entering)
        composing = Condition(lambda: not self.is_answering and not self.is_entering)
        is_empty = Condition(lambda: not self.composer.text and not self.app.layout.is_searching)
        rule = Window(height=1, char="─", style="class:rule")
        written = Window(
            BufferControl(
                self.composer,
                [ConditionalProcessor(AfterInput(self._placeholder), is_empty)],
                search_buffer_control=self._search.control,
                preview_search=True,
            ),
            height=Dimension(min=1, max=MAX_COMPOSER),
            dont_extend_height=True,
            wrap_lines=True,
            get_line_prefix=_prefix,
        )
        entry = Window(
            BufferControl(self.entry, focus_on_click=False),
            height=Dimension(min=1, max=MAX_COMPOSER),
            dont_extend_height=True,
            wrap_lines=True,
            get_line_prefix=_prefix,
        )
        return Layout(
            HSplit(
                [
                    window(lambda: self._picture.live(self.width, self._live_room)),
                    ConditionalContainer(self._card, filter=has_card),
                    ConditionalContainer(entry, filter=entering),
                    ConditionalContainer(
                        HSplit([rule, written, self._search, CompletionsMenu(max_height=8), rule]), filter=composing
                    ),
                    Window(FormattedTextControl(lambda: self._picture.status(self.width)), height=1, wrap_lines=False),
                ]
            ),
            focused_element=self.composer,
        )

    @property
    def _card_room(self) -> int:
        return min(max(6, self.height - 4), self.height - 1)

    @property
    def _live_room(self) -> int:
        return max(3, self.height // 2)

    def _placeholder(self) -> StyleAndTextTuples:
        return [("class:placeholder", self._picture.placeholder(self.width - BESIDE))]

    def _accept_entry(self, buffer: Buffer) -> bool:
        self._keyboard.submit_entry(buffer.text)
        return True  # what becomes of the text is the card's matter


@contextlib.contextmanager
def _in_one(output: Output) -> Iterator[None]:
    """What is written meanwhile goes out together, so that nothing is seen of what comes between."""
    output.flush = lambda: None  # type: ignore[method-assign]  # which the renderer calls after each of its steps
    try:
        yield
    finally:
        del output.flush
        output.flush()


def _prefix(line: int, wrapped: int) -> StyleAndTextTuples:
    return [("class:prompt", "  " if line or wrapped else "› ")]
