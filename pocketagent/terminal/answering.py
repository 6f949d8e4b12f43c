# -*- test-case-name: tests.terminal.test_cards -*-
"""What every card has: it is read, answered with a key, or with a text that the person writes.

The screen gives it keys and draws it. While `entry` is there the keys belong to the screen's composer: it gets what is
to be changed, and hands back what was written.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from pocketagent.domain.agent import Behavior
from pocketagent.domain.commands import AnswerPermission
from pocketagent.domain.permission_updates import PermissionUpdate
from pocketagent.terminal.sheet import Layout, Sheet
from pocketagent.wire import foreign
from pocketagent.wire.server import Question

if TYPE_CHECKING:
    from rich.console import RenderableType


@frozen(kw_only=True)
class Answer:
    """How a person answers. `updated_input` replaces the input whole; None leaves it as it was asked."""

    behavior: Behavior
    updated_input: Mapping[str, object] | None = None
    updated_permissions: tuple[PermissionUpdate, ...] = ()
    message: str = ""
    interrupt: bool = False

    def command(self, project_id: str, permission_id: str) -> AnswerPermission:
        """The answer to this question of this project."""
        return AnswerPermission(
            project_id=project_id,
            permission_id=permission_id,
            behavior=self.behavior,
            updated_input=self.updated_input,
            updated_permissions=self.updated_permissions,
            message=self.message,
            interrupt=self.interrupt,
        )


@frozen
class Entry:
    """What the person is to write. `text` is there already, to be changed. `several_lines`: it may have more than
    one."""

    label: str
    text: str = ""
    several_lines: bool = False


class Unfit(Exception):
    """What was written cannot be taken. Its text is a sentence for the person."""


Taken = Callable[[str], Answer | None]
"""What becomes of a text that was written. Raises Unfit."""


class Card(ABC):
    """One open question of the agent. Who may not answer can read it.

    `problem`: why the last thing that the person did led to nothing; empty when it did.
    """

    refusing = Entry("Why not? The agent reads it. It may be empty.", several_lines=True)
    """What is written with a denial."""

    def __init__(self, question: Question, may_answer: bool, unicode: bool) -> None:
        self.question = question
        self.unicode = unicode
        self.may_answer = may_answer
        self.entry: Entry | None = None
        self.problem = ""
        self._taken: Taken | None = None
        self._page = 0
        self._layout: tuple[int, Layout] | None = None

    # -- what the person does -------------------------------------------------------------------------------

    def press(self, key: str) -> Answer | None:
        """A key: one character, or its name. What is no choice here does nothing."""
        key = key.casefold()
        self.problem = ""
        if self.entry is not None:
            if key == "escape":
                self.entry = self._taken = None
            return None
        if key == "v":
            self._page += 1
            return None
        if not self.may_answer:
            return None
        if key == "n":
            self._open(self.refusing, _denied)
            return None
        return self._pressed(key)

    def submit(self, text: str) -> Answer | None:
        """What was written for the entry. A text that does not fit stays in it, with a `problem`."""
        if self.entry is None or self._taken is None:
            return None
        entry, taken = self.entry, self._taken
        self.problem = ""
        self.entry = self._taken = None
        text = foreign.text(text) or ""
        try:
            return taken(text)
        except Unfit as unfit:
            self.problem, self.entry, self._taken = str(unfit), evolve(entry, text=text), taken
            return None

    # -- what the person sees -------------------------------------------------------------------------------

    def render(self, width: int, height: int) -> "RenderableType":
        """The card in at most so many lines; what is folded away is said, and `v` shows the next page of it."""
        from rich.segment import SegmentLines

        if self._layout is None or self._layout[0] != width:
            self._layout = width, Layout(width, self.unicode)
        return SegmentLines(self._layout[1].lines(self.sheet(), height, self._page), new_lines=True)

    @abstractmethod
    def sheet(self) -> Sheet:
        """What stands on the card now."""

    # -- for the cards themselves ---------------------------------------------------------------------------

    @abstractmethod
    def _pressed(self, key: str) -> Answer | None:
        """A key that is no matter of every card."""

    def _open(self, entry: Entry, taken: Taken) -> None:
        self.entry, self._taken = entry, taken

    def _turned(self) -> None:
        """Another thing is shown: from its beginning."""
        self._page = 0


def _denied(text: str) -> Answer:
    return Answer(behavior=Behavior.DENY, message=text.strip())
