"""The terminal: what stands above, what is alive below, and which key does what."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from attrs import define, field
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import InMemoryHistory

from pocketagent.terminal.composer import Words, composer
from pocketagent.terminal.screen import BESIDE, ENDING, GRACE, MAX_COMPOSER, TICK, Screen
from tests.client.loops import LoopTestCase
from tests.terminal.glass import PRESS, Glass

WORDS = Words(lambda: {f"/word{number}": "a word" for number in range(12)}, {})
RULE = "─"


@define(eq=False)
class Parts:
    """The picture, and who hears of the keys. `drawn`: how often the picture was drawn. `fills`: the
    composer is filled with what could be written in it. `room`: the card's rows."""

    alive: str = ""
    question: str = ""
    line: str = "the status"
    heard: list[str] = field(factory=list)
    moves: bool = False
    drawn: int = 0
    fills: bool = False
    room: int = 0

    def live(self, width: int, height: int) -> str:
        return self.alive

    @property
    def has_card(self) -> bool:
        return bool(self.question)

    def card(self, width: int, height: int) -> str:
        self.room = height
        return "\n".join(self.question.split("\n")[:height])

    def status(self, width: int) -> StyleAndTextTuples:
        self.drawn += 1
        return [("class:status.busy", self.line[:width])]

    def placeholder(self, width: int) -> str:
        return "Write here." if not self.fills else "x" * width

    def interrupt(self) -> None:
        self.heard.append("interrupt")

    def leave(self) -> None:
        self.heard.append("leave")

    def suspend(self) -> None:
        self.heard.append("suspend")

    def cycle_mode(self) -> None:
        self.heard.append("mode")

    def expand(self) -> None:
        self.heard.append("expand")

    def press(self, key: str) -> None:
        self.heard.append(key)

    def submit_entry(self, text: str) -> None:
        self.heard.append(f"entry: {text}")

    def is_moving(self) -> bool:
        return self.moves


@define(eq=False)
class Stage:
    """A screen on a terminal."""

    glass: Glass
    parts: Parts
    screen: Screen
    running: "asyncio.Task[None]" = field(init=False)

    @property
    def heard(self) -> list[str]:
        return self.parts.heard

    @property
    def draft(self) -> str:
        return self.screen.composer.text

    async def show(self, live: str | None = None, card: str | None = None) -> None:
        """Another picture from now on."""
        if live is not None:
            self.parts.alive = live
        if card is not None:
            self.parts.question = card
            self.screen.ask(bool(card))
        self.screen.refresh()
        await asyncio.sleep(PRESS)

    async def write(self, *texts: str) -> None:
        for text in texts:
            self.screen.write(text)
        await asyncio.sleep(PRESS)


class ScreenCase(LoopTestCase):
    @contextlib.asynccontextmanager
    async def stage(
        self, columns: int = 60, rows: int = 20, before: Sequence[str] = (), is_plain: bool = False
    ) -> AsyncIterator[Stage]:
        async with Glass.made(columns, rows) as glass:
            parts, history = Parts(), InMemoryHistory(before)
            buffer = composer(history, WORDS, lambda text: parts.heard.append(f"said: {text}"))
            screen = Screen(buffer, parts, parts, is_plain, glass.pipe, glass.output)
            stage = Stage(glass, parts, screen)
            stage.running = asyncio.create_task(screen.run())
            await screen.stands.wait()
            try:
                yield stage
            finally:
                screen.close()
                await asyncio.wait([stage.running])

    def play(
        self,
        story: Callable[[Stage], Awaitable[None]],
        columns: int = 60,
        rows: int = 20,
        before: Sequence[str] = (),
        is_plain: bool = False,
    ) -> None:
        async def whole() -> None:
            async with self.stage(columns, rows, before, is_plain) as stage:
                await story(stage)

        self.tell(whole(), tidies=False)


class AboveTests(ScreenCase):
    def test_first(self) -> None:
        """There is the composer between two rules, what could be written in it, and the status."""

        async def story(stage: Stage) -> None:
            lines = stage.glass.lines
            self.assertEqual(lines, [RULE * 60, "› Write here.", RULE * 60, "the status"])
            self.assertEqual(stage.glass.cursor, (2, 1))

        self.play(story)

    def test_all_the_room(self) -> None:
        """What could be written takes one row, however much of it has room, and so the composer is as high as when
        something is written."""

        async def story(stage: Stage) -> None:
            stage.parts.fills = True
            await stage.show()
            lines = stage.glass.lines
            columns = len(lines[0])
            self.assertEqual(lines[1].rstrip("x"), "› ")
            self.assertGreaterEqual(len(lines[1]), columns - BESIDE)
            self.assertEqual(lines[2:], [RULE * columns, "the status"])

        for columns in (20, 60):
            self.play(story, columns)

    def test_written(self) -> None:
        """What is written stands above, once and in order, whatever is alive below."""

        async def story(stage: Stage) -> None:
            wanted = []
            for number in range(12):
                await stage.show("\n".join(f"alive {number}" for _ in range(number % 5)), "a card\n" * (number % 3))
                words = [f"line {number}a\n", f"line {number}b\n"]
                wanted += [word.strip() for word in words]
                await stage.write(*words)
            await stage.show("", "")
            self.assertEqual(stage.glass.text.splitlines()[: len(wanted)], wanted)
            rest = [line for line in stage.glass.text.splitlines()[len(wanted) :] if line]
            self.assertEqual(rest, [RULE * 60, "› Write here.", RULE * 60, "the status"])

        for rows in (10, 30):
            self.play(story, rows=rows)

    def test_at_once(self) -> None:
        """What is written at once is drawn at once: what is alive is drawn again one time. Nothing is nothing."""

        async def story(stage: Stage) -> None:
            await asyncio.sleep(PRESS)
            drawn = stage.parts.drawn
            await stage.write("", *(f"{number}\n" for number in range(100)))
            self.assertEqual(stage.parts.drawn, drawn + 1)
            await stage.write("")
            self.assertEqual(stage.parts.drawn, drawn + 1)

        self.play(story)

    def test_steady(self) -> None:
        """What is alive is never gone, not for the moment in which something is written above it."""

        async def story(stage: Stage) -> None:
            seen: list[str] = []
            stage.glass.watch = lambda: seen.append(stage.glass.last_line)
            for number in range(20):
                await stage.write(f"{number}\n")
            self.assertEqual(seen, ["the status"] * len(seen))
            self.assertGreaterEqual(len(seen), 20)

        self.play(story)

    def test_early_and_late(self) -> None:
        """What is written before the screen stands, or after it is closed, is there as well."""

        async def whole() -> None:
            async with Glass.made() as glass:
                parts = Parts()
                buffer = composer(InMemoryHistory(), WORDS, parts.heard.append)
                screen = Screen(buffer, parts, parts, False, glass.pipe, glass.output)
                screen.write("early\n")
                running = asyncio.create_task(screen.run())
                await screen.stands.wait()
                self.assertEqual(glass.lines[0], "early")
                screen.write("just now\n")
                screen.close()
                screen.write("late\n")
                await running
                self.assertEqual(glass.lines, ["early", "just now", "late"])
                screen.close()  # a second time it is nothing

        self.tell(whole())

    def test_long(self) -> None:
        """Of what is longer than the terminal nothing is lost."""

        async def story(stage: Stage) -> None:
            await stage.show("alive")
            await stage.write("".join(f"line {number}\n" for number in range(100)))
            lines = stage.glass.text.splitlines()
            self.assertEqual(lines[:100], [f"line {number}" for number in range(100)])
            self.assertEqual(lines[100], "alive")

        self.play(story, 40, 10)

    def test_wide(self) -> None:
        """Characters of two cells are counted as two, above and below, and in the composer."""

        async def story(stage: Stage) -> None:
            await stage.show("活" * 10 + "\nalive")
            await stage.write("宽" * 45 + "\n", "below\n")
            await stage.glass.type("你好")
            self.assertEqual(stage.glass.text.count("宽"), 45)
            self.assertEqual(stage.glass.text.count("活"), 10)
            self.assertEqual(
                [line for line in stage.glass.lines if "alive" in line or "below" in line], ["below", "alive"]
            )
            self.assertIn("› 你好", stage.glass.text)
            self.assertEqual(stage.glass.cursor[0], 6)

        self.play(story, 40, 12)


class BelowTests(ScreenCase):
    def test_it_comes_and_goes(self) -> None:
        """What is alive may grow, shrink and go, and a card come and go: nothing of it is left behind."""

        async def story(stage: Stage) -> None:
            await stage.write("above\n")
            for live in ("one\ntwo\nthree\nfour", "one", "", "a\nb", "a longer line than before " * 3, ""):
                for card in ("", "Run it?\ny  allow\nn  deny", "Run it?", ""):
                    await stage.show(live, card)
                    # A line that is too long is cut, and no more than that.
                    wanted = [line[: stage.glass.columns].rstrip() for line in live.split("\n") if live]
                    asked = card.split("\n") if card else [RULE * 40, "› Write here.", RULE * 40]
                    self.assertEqual(stage.glass.text.splitlines(), ["above", *wanted, *asked, "the status"])

        self.play(story, 40, 20)

    def test_resized(self) -> None:
        """A terminal that is made narrower, lower or larger shows what is alive once, and what stood above is there."""

        async def story(stage: Stage) -> None:
            await stage.write("".join(f"line {number}\n" for number in range(12)))
            await stage.show("alive 1\nalive 2")
            await stage.glass.type("a draft")
            for columns, rows in ((40, 24), (40, 10), (80, 10), (30, 8), (80, 24)):
                await stage.glass.resize(columns, rows)
                lines = stage.glass.text.splitlines()
                self.assertEqual(lines[:12], [f"line {number}" for number in range(12)], (columns, rows))
                below = ["alive 1", "alive 2", RULE * columns, "› a draft", RULE * columns, "the status"]
                self.assertEqual([line for line in lines[12:] if line], below, (columns, rows))
            await stage.write("line 12\n")
            self.assertEqual(stage.glass.text.splitlines()[:13], [f"line {number}" for number in range(13)])

        self.play(story, 80, 24)

    def test_low(self) -> None:
        """In ten rows of forty columns the status line is seen, whatever else there is."""

        async def story(stage: Stage) -> None:
            live = "\n".join(f"alive {number}" for number in range(5))
            await stage.write("above\n")
            await stage.show(live)
            for keys in (("/word", "tab"), ("\x15", *("line\\", "enter") * 12, "end"), ("ctrl-r", "x", "escape")):
                await stage.glass.type(*keys)
                self.assertEqual(stage.glass.last_line, "the status", stage.glass.text)
                self.assertEqual(stage.glass.text.count("the status"), 1)
            await stage.glass.type("ctrl-c", "\x15")
            await stage.show(live, "\n".join(f"card {number}" for number in range(20)))
            await stage.glass.type("escape")
            self.assertEqual(stage.glass.last_line, "the status", stage.glass.text)
            stage.screen.want("one\ntwo\nthree")
            await asyncio.sleep(PRESS)
            self.assertEqual(stage.glass.last_line, "the status", stage.glass.text)
            self.assertIn("three", stage.glass.text)

        self.play(story, 40, 10)

    def test_five_rows(self) -> None:
        """A card has no more rows than there are above the status line: its last one, with the keys, is seen."""

        async def story(stage: Stage) -> None:
            await stage.show("", "the card")
            self.assertEqual(stage.parts.room, 4)

        self.play(story, 40, 5)

    def test_a_menu(self) -> None:
        """What could be meant stands below the composer, as much of it as there is room for, and is gone after it."""

        async def story(stage: Stage) -> None:
            await stage.glass.type("/word")
            self.assertGreaterEqual(stage.glass.text.count("a word"), 3)
            await stage.glass.type("escape")
            self.assertEqual(stage.glass.text.count("a word"), 0)
            self.assertEqual(stage.draft, "/word")

        self.play(story, 40, 10)
        self.play(story, 40, 30)

    def test_a_long_draft(self) -> None:
        """A draft takes MAX_COMPOSER lines at most; in a longer one the line with the cursor is seen."""

        async def story(stage: Stage) -> None:
            for number in range(MAX_COMPOSER):
                await stage.glass.type(f"draft {number}", "ctrl-j")
            self.assertNotIn("draft 0", stage.glass.text)
            self.assertIn(f"draft {MAX_COMPOSER - 1}", stage.glass.text)
            self.assertEqual(len(stage.glass.lines), MAX_COMPOSER + 3)
            await stage.glass.type("backspace")
            self.assertIn("draft 0", stage.glass.text)
            self.assertEqual(len(stage.glass.lines), MAX_COMPOSER + 3)

        self.play(story, 40, 30)

    def test_moving(self) -> None:
        """What moves is drawn again and again; what does not, only when it has changed."""

        async def story(stage: Stage) -> None:
            await asyncio.sleep(1)
            drawn = stage.parts.drawn
            await asyncio.sleep(10 * TICK)
            self.assertEqual(stage.parts.drawn, drawn)
            stage.parts.moves = True
            await asyncio.sleep(10 * TICK)
            self.assertIn(stage.parts.drawn - drawn, range(9, 12))
            stage.parts.moves = False

        self.play(story)

    def test_no_colour(self) -> None:
        """There are colours, but not where there shall be none."""

        async def coloured(stage: Stage) -> None:
            self.assertEqual(stage.glass.colour_of("the status"), "cyan")

        async def plain(stage: Stage) -> None:
            await stage.glass.type("/word", "tab")
            self.assertNotRegex(stage.glass.raw, r"\x1b\[[0-9;]*[34][0-7]")

        self.play(coloured)
        self.play(plain, is_plain=True)


class ComposerTests(ScreenCase):
    def test_enter(self) -> None:
        """Enter sends, and the composer is empty; nothing but blanks is not sent."""

        async def story(stage: Stage) -> None:
            await stage.glass.type("do it", "enter", " ", "enter", "enter")
            self.assertEqual((stage.heard, stage.draft), (["said: do it"], " "))

        self.play(story)

    def test_new_lines(self) -> None:
        """A backslash before Enter, Alt-Enter and Ctrl-J begin a new line."""

        async def story(stage: Stage) -> None:
            await stage.glass.type("a\\", "enter", "b", "alt-enter", "c", "ctrl-j", "d")
            self.assertEqual(stage.glass.lines[1:5], ["› a", "  b", "  c", "  d"])
            await stage.glass.type("enter")
            self.assertEqual(stage.heard, ["said: a\nb\nc\nd"])

        self.play(story)

    def test_history(self) -> None:
        """Up and Down go through what was written, the newest first, and back to what was begun."""

        async def story(stage: Stage) -> None:
            await stage.glass.type("two", "enter", "begun", "up")
            self.assertEqual(stage.draft, "two")
            await stage.glass.type("up")
            self.assertEqual(stage.draft, "one")
            await stage.glass.type("down", "down")
            self.assertEqual(stage.draft, "begun")

        self.play(story, before=["one"])

    def test_search(self) -> None:
        """Ctrl-R searches what was written: what is found stands in the composer while it is searched."""

        async def story(stage: Stage) -> None:
            await stage.glass.type("ctrl-r", "tw")
            self.assertIn("› two", stage.glass.text)
            await stage.glass.type("enter")
            self.assertEqual((stage.draft, stage.heard), ("two", []))
            self.assertNotIn("search", stage.glass.text)
            await stage.glass.type("enter")
            self.assertEqual(stage.heard, ["said: two"])

        self.play(story, before=["one", "two", "three"])

    def test_search_given_up(self) -> None:
        """Ctrl-C ends a search, and nothing else: what was begun is there again."""

        async def story(stage: Stage) -> None:
            await stage.glass.type("begun", "ctrl-r", "one", "ctrl-c")
            self.assertEqual((stage.draft, stage.heard), ("begun", []))
            self.assertNotIn("search", stage.glass.text)
            await stage.glass.type("ctrl-c")
            self.assertEqual(stage.heard, ["interrupt"])

        self.play(story, before=["one"])

    def test_complete(self) -> None:
        """Tab completes behind a slash, and goes on to the next; Shift-Tab goes back; Enter takes it and sends."""

        async def story(stage: Stage) -> None:
            await stage.glass.type("/word", "tab")
            self.assertEqual(stage.draft, "/word0")
            await stage.glass.type("tab", "tab", "shift-tab")
            self.assertEqual(stage.draft, "/word1")
            await stage.glass.type("enter")
            self.assertEqual(stage.heard, ["said: /word1"])
            await stage.glass.type("/word1", "enter")
            self.assertEqual(stage.heard[1:], ["said: /word1"])

        self.play(story)

    def test_mode(self) -> None:
        """Tab elsewhere, and Shift-Tab, change the mode, whatever is written."""

        async def story(stage: Stage) -> None:
            await stage.glass.type("tab", "words", "tab", "shift-tab")
            self.assertEqual((stage.heard, stage.draft), (["mode"] * 3, "words"))

        self.play(story)

    def test_leave(self) -> None:
        """Ctrl-D leaves an empty composer; in a text it deletes the next character."""

        async def story(stage: Stage) -> None:
            await stage.glass.type("ab", "left", "ctrl-d")
            self.assertEqual((stage.heard, stage.draft), ([], "a"))
            await stage.glass.type("backspace", "ctrl-d")
            self.assertEqual((stage.heard, stage.draft), (["leave"], ""))

        self.play(story)

    def test_always(self) -> None:
        """Ctrl-C, Ctrl-O and Ctrl-Z are heard, whatever has the keys."""

        async def story(stage: Stage) -> None:
            await stage.glass.type("ctrl-c", "ctrl-o", "\x1a")
            await stage.show(card="Run it?")
            await stage.glass.type("ctrl-c", "ctrl-o", "\x1a")
            stage.screen.want("why")
            await stage.glass.type("ctrl-c", "ctrl-o", "\x1a")
            self.assertEqual(stage.heard, ["interrupt", "expand", "suspend"] * 3)

        self.play(story)

    def test_clear(self) -> None:
        """Ctrl-L makes the screen empty but for what is alive."""

        async def story(stage: Stage) -> None:
            await stage.write("above\n")
            await stage.show("alive")
            await stage.glass.type("draft", "ctrl-l")
            lines = ["alive", RULE * 60, "› draft", RULE * 60, "the status"]
            self.assertEqual(stage.glass.lines, lines)
            await stage.write("more\n")
            self.assertEqual(stage.glass.lines, ["more", *lines])

        self.play(story)

    def test_paste(self) -> None:
        """What is pasted keeps its lines, and is not sent by itself."""

        async def story(stage: Stage) -> None:
            self.assertTrue(stage.glass.takes_pastes)
            await stage.glass.paste("one\r\n\ttwo\rthree\n\x1b[31m")
            self.assertEqual((stage.draft, stage.heard), ("one\n\ttwo\nthree\n\x1b[31m", []))
            self.assertIn("^[[31m", stage.glass.text)

        self.play(story)


class CardTests(ScreenCase):
    def test_keys(self) -> None:
        """A card has the keys, by their names; no key of the composer's counts, and the composer is not there."""

        async def story(stage: Stage) -> None:
            await stage.show(card="Run it?")
            self.assertEqual(stage.glass.lines, ["Run it?", "the status"])
            self.assertFalse(stage.glass.has_cursor)
            await asyncio.sleep(GRACE)
            await stage.glass.type("y", "Y", "1", " ", "enter", "escape", "up", "down", "tab", "backspace", "宽")
            names = ["y", "Y", "1", "space", "enter", "escape", "up", "down", "tab", "backspace", "宽"]
            self.assertEqual(stage.heard, names)
            await stage.glass.type("ctrl-r", "ctrl-u", "delete", "shift-tab", "left", "\x19")
            self.assertEqual((stage.heard, stage.draft), (names, ""))
            await stage.glass.type("ctrl-d")
            self.assertEqual(stage.heard[len(names) :], ["leave"])
            await stage.show(card="")
            self.assertEqual(stage.glass.lines, [RULE * 60, "› Write here.", RULE * 60, "the status"])
            self.assertTrue(stage.glass.has_cursor)

        self.play(story)

    def test_grace(self) -> None:
        """A card takes no key before GRACE seconds have passed without one, from when it appeared."""

        async def story(stage: Stage) -> None:
            loop = asyncio.get_running_loop()
            stage.parts.question = "Run it?"
            stage.screen.ask(True)
            begun = loop.time()
            await asyncio.sleep(GRACE - 0.001)
            stage.glass.pipe.send_text("y")
            await asyncio.sleep(GRACE - 0.002)
            stage.glass.pipe.send_text("y")
            await asyncio.sleep(GRACE + 0.001)
            self.assertEqual(stage.heard, [])
            stage.glass.pipe.send_text("n")
            await asyncio.sleep(0.001)
            self.assertEqual(stage.heard, ["n"])
            self.assertLess(loop.time() - begun, 3 * GRACE)
            stage.screen.ask(True)  # the next one
            await stage.glass.type("y")
            self.assertEqual(stage.heard, ["n"])

        self.play(story)

    def test_while_somebody_writes(self) -> None:
        """While something stands in the composer the keys stay there, and with Esc they go to the card; turned away
        from it, they are in the composer, and what is written there is kept."""

        async def story(stage: Stage) -> None:
            await stage.glass.type("dra")
            await stage.show(card="Run it?")
            self.assertEqual(stage.glass.lines, ["Run it?", RULE * 60, "› dra", RULE * 60, "the status"])
            await asyncio.sleep(GRACE)
            await stage.glass.type("y", "escape", "n")
            self.assertEqual((stage.draft, stage.heard), ("dray", ["n"]))
            self.assertEqual(stage.glass.lines, ["Run it?", "the status"])
            stage.screen.turn(to_card=False)
            await stage.glass.type("z", "enter")
            self.assertEqual(stage.heard, ["n", "said: drayz"])

        self.play(story)

    def test_while_somebody_searches(self) -> None:
        """So it is while what was written is searched."""

        async def story(stage: Stage) -> None:
            await stage.glass.type("ctrl-r")
            await stage.show(card="Run it?")
            await asyncio.sleep(GRACE)
            await stage.glass.type("y", "enter")
            self.assertEqual((stage.draft, stage.heard), ("yes", []))

        self.play(story, before=["yes", "one"])

    def test_escape_without_a_card(self) -> None:
        """Esc does nothing where nothing is asked."""

        async def story(stage: Stage) -> None:
            await stage.glass.type("a", "escape", "b")
            self.assertEqual(stage.draft, "ab")

        self.play(story)

    def test_entry(self) -> None:
        """What the card wants is written below it, beginning with what is there, and handed back; the card then says
        whether it goes on."""

        async def story(stage: Stage) -> None:
            await stage.show(card="What instead?")
            stage.screen.want("rm one")
            await stage.glass.type(" two", "alt-enter", "and", "ctrl-j", "more")
            self.assertEqual(stage.glass.lines, ["What instead?", "› rm one two", "  and", "  more", "the status"])
            await stage.glass.type("enter")
            self.assertEqual(stage.heard, ["entry: rm one two\nand\nmore"])
            stage.screen.want("again")
            await stage.glass.type("!", "escape")
            self.assertEqual(stage.heard[1:], ["escape"])
            stage.screen.want(None)
            await asyncio.sleep(GRACE)
            await stage.glass.type("y")
            self.assertEqual((stage.heard[2:], stage.draft), (["y"], ""))
            stage.screen.want("once more")
            await stage.show(card="")  # somebody else has answered
            await stage.glass.type("x")
            self.assertEqual((stage.draft, stage.heard[3:]), ("x", []))

        self.play(story)

    def test_paste(self) -> None:
        """What is pasted does nothing to a card, nor to the composer behind it; an entry takes it with its lines."""

        async def story(stage: Stage) -> None:
            await stage.show(card="Run it?")
            await asyncio.sleep(GRACE)
            for text in ("y", "yes\rno", ""):
                await stage.glass.paste(text)
            self.assertEqual((stage.heard, stage.draft), ([], ""))
            stage.screen.want("")
            await stage.glass.paste("one\rtwo")
            await stage.glass.type("enter")
            self.assertEqual(stage.heard, ["entry: one\ntwo"])

        self.play(story)


class EndTests(ScreenCase):
    def left(self, glass: Glass) -> None:
        """The terminal is as it was."""
        self.assertEqual(glass.lines, ["above"])
        self.assertEqual(glass.cursor, (0, 1))
        self.assertTrue(glass.has_cursor)
        self.assertFalse(glass.takes_pastes)
        self.assertNotIn("\x1b[?1049h", glass.raw)

    def test_closed(self) -> None:
        """A screen that is closed leaves what was written and nothing else; the modes of the terminal are as before."""

        async def story(stage: Stage) -> None:
            await stage.write("above\n")
            await stage.show("alive\nand well", "Run it?")
            stage.screen.close()
            await stage.running
            self.left(stage.glass)

        self.play(story)

    def test_cancelled(self) -> None:
        """So does one whose task is cancelled."""

        async def story(stage: Stage) -> None:
            await stage.write("above\n")
            await stage.glass.type("/word", "tab")
            stage.running.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await stage.running
            self.left(stage.glass)

        self.play(story)

    def test_ended(self) -> None:
        """So does one whose process is to end."""

        async def story(stage: Stage) -> None:
            await stage.write("above\n")
            signal.raise_signal(number)
            await stage.running
            self.left(stage.glass)

        for number in ENDING:
            self.play(story)
            self.assertIs(signal.getsignal(number), signal.SIG_DFL)

    def test_hung_up(self) -> None:
        """A terminal that is gone ends it."""

        async def story(stage: Stage) -> None:
            stage.glass.pipe.close()
            await stage.running

        self.play(story)
