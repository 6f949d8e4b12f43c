# -*- test-case-name: tests.terminal.test_writing -*-
"""A text of the agent while it is being written: what of it stands already, and what may still change its looks.

Markdown is drawn block by block. A block that is over is as it will be, so it can be written above the live region,
once; the last one may still become a longer list, a table, or code.
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from attrs import define, field

from pocketagent.domain.text import harmless

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

LOOK_AGAIN = 1.1
"""By how much a text has to grow before it is looked at again: so that a long block costs linear time in all."""
LEAST = 64
"""Characters that it has to grow by in any case."""

_ALWAYS_OVER = frozenset({"heading_open", "hr"})
_OVER_BEFORE_A_BLANK_LINE = frozenset({"paragraph_open", "fence", "table_open", "blockquote_open"})
"""A fence that was not closed goes on over blank lines, which are its own then: none follows it."""


@define
class Writing:
    """What came of a text, in pieces as short as they like to be: nothing is joined or read for each of them."""

    _handed: list[str] = field(factory=list)
    _pieces: list[str] = field(factory=list)
    _waiting: int = 0
    _next_look: int = 0
    _has_line: bool = False

    @property
    def rest(self) -> str:
        """What came and was not handed out."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    @property
    def has_begun(self) -> bool:
        """Whether a part was handed out, so that the next one goes on with it."""
        return bool(self._handed)

    def add(self, piece: str) -> str:
        """More of the text; what stands now and was not handed out before, mostly nothing."""
        if self._pieces and "\udc00" <= piece[:1] <= "\udfff":
            piece = self._mended(piece)
        self._pieces.append(piece)
        self._waiting += len(piece)
        self._has_line = self._has_line or "\n" in piece
        if not self._has_line or self._waiting < self._next_look:
            return ""
        rest = self.rest
        part = rest[: _settled(rest)]
        if part:
            self._handed.append(part)
            self._pieces = [rest[len(part) :]]
            self._waiting -= len(part)
        self._next_look = int(self._waiting * LOOK_AGAIN) + LEAST
        self._has_line = False
        return part

    def finish(self, whole: str) -> str:
        """The whole text has come: what of it was not handed out. A text that goes otherwise than its pieces did is
        handed out from its beginning."""
        handed = "".join(self._handed)
        self.drop()
        return whole.removeprefix(handed)

    def lose(self) -> None:
        """What was not handed out is void, and the whole text is still to come: the connection was lost."""
        self._pieces, self._waiting, self._next_look, self._has_line = [], 0, 0, False

    def drop(self) -> None:
        """All that came is void, or is over."""
        self._handed = []
        self.lose()

    def _mended(self, piece: str) -> str:
        """A piece that begins with the second half of a character, with what comes before it."""
        before = self._pieces.pop()
        self._waiting -= len(before)
        return (before + piece).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _settled(text: str) -> int:
    """How many characters belong to blocks that cannot change any more. The last line counts when it has its end."""
    lines = text.split("\n")[:-1]
    blocks = _blocks(harmless(text[: text.rfind("\n") + 1]))
    if not blocks:
        return 0
    kind, begin, end = blocks[-1]
    is_over = kind in _ALWAYS_OVER or (kind in _OVER_BEFORE_A_BLANK_LINE and end < len(lines))
    if not is_over and len(blocks) == 1:
        return 0
    return sum(len(line) + 1 for line in lines[: None if is_over else begin])


def _blocks(text: str) -> Sequence[tuple[str, int, int]]:
    """The blocks of a text: what each is, its first line, and the one behind its last."""
    tokens = _parser().parse(text)
    return [(token.type, token.map[0], token.map[1]) for token in tokens if token.level == 0 and token.map is not None]


@cache
def _parser() -> "MarkdownIt":
    """The blocks as `terminal.prose` sees them, without what is in them. Its import takes its time."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("reference")
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser
