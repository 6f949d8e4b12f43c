# -*- test-case-name: tests.terminal.test_writing -*-
"""A text of the agent while it is being written: what of it stands already, and what may still change its looks.

Markdown is drawn block by block. All blocks but the last are as they will be, so they can be written above the live
region, once; the last one may still become a longer list, a table, or code.
"""

from attrs import define

LOOK_AGAIN = 1.1
"""By how much a text has to grow before it is looked at again: so that a long block costs linear time in all."""
SMALL = 2048
"""Characters up to which every new line is worth a look."""


@define
class Writing:
    """`text` is what came so far, `stands` how many characters of it were handed out."""

    text: str = ""
    stands: int = 0
    _next_look: int = 0

    @property
    def rest(self) -> str:
        """What came and was not handed out."""
        return self.text[self.stands :]

    @property
    def has_begun(self) -> bool:
        """Whether a part was handed out, so that the next one goes on with it."""
        return self.stands > 0

    def add(self, piece: str) -> str:
        """More of the text; what stands now and was not handed out before, mostly nothing."""
        self.text += piece
        waiting = len(self.text) - self.stands
        if "\n" not in piece or waiting < self._next_look:
            return ""
        part = self.rest[: _settled(self.rest)]
        self.stands += len(part)
        left = waiting - len(part)
        self._next_look = int(left * LOOK_AGAIN) if left > SMALL else 0
        return part

    def finish(self, whole: str) -> str:
        """The whole text has come: what of it was not handed out. A text that goes otherwise than its pieces did is
        handed out from its beginning."""
        rest = whole[self.stands :] if whole.startswith(self.text[: self.stands]) else whole
        self.drop()
        return rest

    def drop(self) -> None:
        """What came is void, or is over."""
        self.text, self.stands, self._next_look = "", 0, 0


def _settled(text: str) -> int:
    """How many characters belong to blocks that cannot change any more."""
    from markdown_it import MarkdownIt

    blocks = [token.map for token in MarkdownIt().enable("table").parse(text) if token.level == 0 and token.map]
    if len(blocks) < 2:
        return 0
    lines = text.splitlines(keepends=True)
    return sum(map(len, lines[: blocks[-1][0]]))
