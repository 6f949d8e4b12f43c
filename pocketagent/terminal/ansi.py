# -*- test-case-name: tests.terminal.test_ansi -*-
"""Text with colours in it, as a part of prompt_toolkit's picture."""

import re
from collections.abc import Callable
from functools import lru_cache

from prompt_toolkit.formatted_text import ANSI, StyleAndTextTuples, to_formatted_text
from prompt_toolkit.layout import Window
from prompt_toolkit.layout.controls import FormattedTextControl
from prompt_toolkit.layout.dimension import Dimension

_SGR = re.compile("\x1b\\[([0-9;]*)m")
_MAX_STYLES = 1024
"""Different sequences whose meaning is remembered: many more than there are colours in one conversation."""


def window(text: Callable[[], str], takes_keys: bool = False) -> Window:
    """A window as high as its text, and not there when that is empty. `takes_keys`: it can be given the keys."""
    drawn: tuple[str, StyleAndTextTuples] = ("", [])

    def fragments() -> StyleAndTextTuples:
        nonlocal drawn
        now = text().rstrip("\n")
        if now != drawn[0]:
            drawn = now, fragments_of(now)
        return drawn[1]

    def height() -> Dimension:
        now = text().rstrip("\n")
        lines = now.count("\n") + 1 if now else 0
        return Dimension(preferred=lines, max=lines)

    control = FormattedTextControl(fragments, focusable=takes_keys, show_cursor=False)
    return Window(control, height=height, dont_extend_height=True)


def fragments_of(text: str) -> StyleAndTextTuples:
    """ANSI text as prompt_toolkit takes it, a fragment for each colour: its own reader makes one of each character,
    which costs a multiple in everything that follows."""
    parts = _SGR.split(text)
    return [
        ("", parts[0]),
        *((_style(code), part) for code, part in zip(parts[1::2], parts[2::2], strict=True) if part),
    ]


@lru_cache(_MAX_STYLES)
def _style(code: str) -> str:
    """What a sequence of SGR codes means, where each begins anew, as rich writes them."""
    found = to_formatted_text(ANSI(f"\x1b[{code}mx"))
    return found[0][0]
