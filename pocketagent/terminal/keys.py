# -*- test-case-name: tests.terminal.test_screen -*-
"""Which key does what: while something is written, while a card is asked, and always."""

from typing import TYPE_CHECKING, Protocol

from prompt_toolkit.filters import Condition, has_completions, has_focus, is_searching
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

if TYPE_CHECKING:
    from pocketagent.terminal.screen import Picture, Screen

NAMES = {
    Keys.ControlM: "enter",
    Keys.Escape: "escape",
    Keys.Up: "up",
    Keys.Down: "down",
    Keys.ControlI: "tab",
    Keys.ControlH: "backspace",
    " ": "space",
}
"""What a card calls the keys that are more than a character."""


class Keyboard(Protocol):
    """Who hears of the keys that are more than writing."""

    def interrupt(self) -> None:
        """Ctrl-C."""

    def leave(self) -> None:
        """Ctrl-D in an empty composer."""

    def suspend(self) -> None:
        """Ctrl-Z."""

    def cycle_mode(self) -> None:
        """Tab, where it does not complete."""

    def expand(self) -> None:
        """Ctrl-O."""

    def press(self, key: str) -> None:
        """A key for the card."""

    def submit_entry(self, text: str) -> None:
        """What the card wanted to have written."""

    def is_moving(self) -> bool:
        """Whether the picture changes with the time."""


def bindings(screen: "Screen", picture: "Picture", keyboard: Keyboard) -> KeyBindings:
    composer, entry = screen.composer, screen.entry
    keys = KeyBindings()
    answering = Condition(lambda: screen.is_answering)
    composing = has_focus(composer)
    entering = has_focus(entry)
    slash = Condition(lambda: composer.text.startswith("/") or composer.complete_state is not None)
    empty = Condition(lambda: not composer.text)

    @keys.add("c-c", filter=~is_searching, eager=True)
    def _(event: KeyPressEvent) -> None:
        keyboard.interrupt()

    @keys.add("c-d", filter=(composing & empty) | answering)
    def _(event: KeyPressEvent) -> None:
        keyboard.leave()

    @keys.add("c-o")
    def _(event: KeyPressEvent) -> None:
        keyboard.expand()

    @keys.add("c-l")
    def _(event: KeyPressEvent) -> None:
        screen.clear()

    @keys.add("c-z", eager=True)
    def _(event: KeyPressEvent) -> None:
        keyboard.suspend()

    @keys.add("tab", filter=composing & ~slash)
    @keys.add("s-tab", filter=composing & ~has_completions)
    def _(event: KeyPressEvent) -> None:
        keyboard.cycle_mode()

    @keys.add("tab", filter=composing & slash)
    def _(event: KeyPressEvent) -> None:
        if composer.complete_state:
            composer.complete_next()
        else:
            composer.start_completion(select_first=True)

    @keys.add("enter", filter=composing)
    def _(event: KeyPressEvent) -> None:
        chosen = composer.complete_state and composer.complete_state.current_completion
        if chosen:
            composer.apply_completion(chosen)
        if composer.document.char_before_cursor == "\\":
            composer.delete_before_cursor()
            composer.insert_text("\n")
        elif composer.text.strip():
            composer.validate_and_handle()

    @keys.add("escape", "enter", filter=composing | entering)
    @keys.add("c-j", filter=composing | entering)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("enter", filter=entering)
    def _(event: KeyPressEvent) -> None:
        entry.validate_and_handle()

    @keys.add("escape", filter=entering)
    def _(event: KeyPressEvent) -> None:
        keyboard.press("escape")

    @keys.add("escape", filter=composing)
    def _(event: KeyPressEvent) -> None:
        if composer.complete_state:
            composer.cancel_completion()
        elif picture.has_card:
            screen.turn(to_card=True)

    @keys.add(Keys.Any, filter=answering)
    def _(event: KeyPressEvent) -> None:
        key = event.key_sequence[0].key
        name = NAMES.get(key, "" if isinstance(key, Keys) else key)
        if name and screen.is_meant():  # a text that is pasted has no name
            keyboard.press(name)

    return keys
