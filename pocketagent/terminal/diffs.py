# -*- test-case-name: tests.terminal.test_diffs -*-
"""What an edit changes, as lines that come and go: from its input before it ran, from its result afterwards."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from enum import Enum
from itertools import groupby, islice, pairwise, takewhile
from typing import NamedTuple

from attrs import frozen
from rich.cells import chop_cells
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from pocketagent.domain.text import harmless

MAX_DIFF_LINES = 40
"""Lines of a diff that are drawn where nobody asks for more."""
MAX_KEPT_LINES = 2000
"""Lines that a diff holds; what is beyond is counted."""
MAX_COMPARED_LINES = 400
"""Of each side, when two texts are compared; beyond, everything old goes and everything new comes."""
MAX_COLUMNS = 1000
"""Characters of a line that are drawn."""
MAX_WORDS = 200
"""Of each side, when two lines are compared word by word."""

_CONTEXT = 3
_ALIKE = 0.5
"""How much of two lines must be the same for their differences to stand out."""
_TAB = 4
_MAX_NUMBER = 10**9

_WORD = re.compile(r"\w+|\s+|.", re.DOTALL)


class Kind(Enum):
    """Each with its sign."""

    CONTEXT = " "
    ADDED = "+"
    REMOVED = "-"


class Line(NamedTuple):
    """`number`: in the file as it is afterwards, of a removed line as it was before; None where it is not known."""

    kind: Kind
    text: str
    number: int | None = None


@frozen
class Diff:
    """Pieces of a file that hang together, in order. `added` and `removed` count also what is not in them.

    `is_new`: all of it is new, as far as one can see.
    """

    hunks: Sequence[Sequence[Line]]
    added: int
    removed: int
    is_new: bool = False


def diff_of(name: str, input: Mapping[str, object], details: Mapping[str, object]) -> Diff | None:
    """What the call of a tool changes; None for one that edits nothing. Without `details`: what its input says."""
    patch = details.get("structuredPatch")
    if isinstance(patch, list | tuple) and patch:
        return _patched(patch)
    match name:
        case "Edit":
            return _replaced([input])
        case "MultiEdit":
            edits = input.get("edits")
            return _replaced(edits if isinstance(edits, list | tuple) else [])
        case "Write":
            return Diff((), 0, 0) if details.get("type") == "update" else _new(_text(input, "content"))
        case "NotebookEdit":
            return _new(_text(input, "new_source"))
    return None


# -- from the result ----------------------------------------------------------------------------------------


def _patched(patch: Sequence[object]) -> Diff:
    hunks: list[Sequence[Line]] = []
    added = removed = room = 0
    for hunk in patch:
        if not isinstance(hunk, Mapping):
            continue
        lines = hunk.get("lines")
        told = [line for line in lines if isinstance(line, str)] if isinstance(lines, list | tuple) else []
        added += sum(line.startswith("+") for line in told)
        removed += sum(line.startswith("-") for line in told)
        room = MAX_KEPT_LINES - sum(map(len, hunks))
        kept = list(islice(_numbered(told, hunk.get("oldStart"), hunk.get("newStart")), room))
        if kept:
            hunks.append(kept)
    return Diff(hunks, added, removed)


def _numbered(lines: Sequence[str], old: object, new: object) -> Iterator[Line]:
    before, after = _number(old), _number(new)
    for line in lines:
        match line[:1]:
            case "+":
                yield Line(Kind.ADDED, line[1:], after)
                after = after and after + 1
            case "-":
                yield Line(Kind.REMOVED, line[1:], before)
                before = before and before + 1
            case "\\":  # "\ No newline at end of file"
                continue
            case _:
                yield Line(Kind.CONTEXT, line[1:], after)
                before, after = before and before + 1, after and after + 1


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and 0 < value < _MAX_NUMBER else None


# -- from the input -----------------------------------------------------------------------------------------


def _new(content: str) -> Diff:
    lines = _lines(content)
    kept = [Line(Kind.ADDED, line, at) for at, line in enumerate(lines[:MAX_KEPT_LINES], 1)]
    return Diff([kept] if kept else [], len(lines), 0, is_new=True)


def _replaced(edits: Sequence[object]) -> Diff:
    hunks: list[Sequence[Line]] = []
    added = removed = 0
    for edit in edits:
        if not isinstance(edit, Mapping):
            continue
        for hunk in _compared(_lines(_text(edit, "old_string")), _lines(_text(edit, "new_string"))):
            added += sum(line.kind is Kind.ADDED for line in hunk)
            removed += sum(line.kind is Kind.REMOVED for line in hunk)
            kept = hunk[: MAX_KEPT_LINES - sum(map(len, hunks))]
            if kept:
                hunks.append(kept)
    return Diff(hunks, added, removed)


def _compared(old: Sequence[str], new: Sequence[str]) -> Iterator[Sequence[Line]]:
    # What is the same at both ends is most of it, and cheap to find.
    head = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
    ends = zip(reversed(old[head:]), reversed(new[head:]), strict=False)
    tail = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], ends))
    before, after = old[head : len(old) - tail], new[head : len(new) - tail]
    if max(len(before), len(after)) > MAX_COMPARED_LINES:
        context = [Line(Kind.CONTEXT, line) for line in old[max(0, head - _CONTEXT) : head]]
        yield [*context, *_all(Kind.REMOVED, before), *_all(Kind.ADDED, after)]
        return
    first, last = max(0, head - _CONTEXT), len(old) - max(0, tail - _CONTEXT)
    before, after = old[first:last], new[first : len(new) - max(0, tail - _CONTEXT)]
    for group in SequenceMatcher(None, before, after).get_grouped_opcodes(_CONTEXT):
        hunk: list[Line] = []
        for tag, from_old, to_old, from_new, to_new in group:
            if tag == "equal":
                hunk += _all(Kind.CONTEXT, before[from_old:to_old])
            else:
                hunk += _all(Kind.REMOVED, before[from_old:to_old])
                hunk += _all(Kind.ADDED, after[from_new:to_new])
        yield hunk


def _all(kind: Kind, lines: Sequence[str]) -> list[Line]:
    return [Line(kind, line) for line in lines]


def _lines(text: str) -> Sequence[str]:
    lines = text.replace("\r\n", "\n").split("\n")
    return lines if lines[-1] else lines[:-1]


def _text(given: Mapping[str, object], name: str) -> str:
    found = given.get(name)
    return found if isinstance(found, str) else ""


# -- word by word -------------------------------------------------------------------------------------------


def changed(old: str, new: str) -> tuple[Sequence[tuple[int, int]], Sequence[tuple[int, int]]]:
    """Where two lines that are much alike differ, as (start, end) in each; nothing where they are not alike."""
    words, others = _WORD.findall(old), _WORD.findall(new)
    if max(len(words), len(others)) > MAX_WORDS:
        return (), ()
    matcher = SequenceMatcher(None, words, others, autojunk=False)
    same = sum(len(words[at]) for block in matcher.get_matching_blocks() for at in range(block.a, block.a + block.size))
    if same < _ALIKE * max(len(old.strip()), len(new.strip()), 1):
        return (), ()
    gone, come = [], []
    for tag, from_old, to_old, from_new, to_new in matcher.get_opcodes():
        if tag != "equal":
            gone.append(_place(words, from_old, to_old))
            come.append(_place(others, from_new, to_new))
    return [one for one in gone if one[0] < one[1]], [one for one in come if one[0] < one[1]]


def _place(words: Sequence[str], first: int, last: int) -> tuple[int, int]:
    start = sum(map(len, words[:first]))
    return start, start + sum(map(len, words[first:last]))


# -- drawing ------------------------------------------------------------------------------------------------

_STYLES = {Kind.CONTEXT: "", Kind.ADDED: "green", Kind.REMOVED: "red"}


@frozen
class _Drawn:
    diff: Diff
    limit: int
    unicode: bool

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        highest = max((line.number or 0 for hunk in self.diff.hunks for line in hunk[: self.limit]), default=0)
        digits = len(str(highest)) if highest else 0
        room = self.limit
        for at, hunk in enumerate(self.diff.hunks):
            if room <= 0:
                break
            if at:
                yield Text(("\u22ee" if self.unicode else ":").rjust(max(1, digits)), "dim", no_wrap=True)
            for line, emphasis in _emphasised(hunk[:room]):
                yield from self._line(line, emphasis, digits, options.max_width)
            room -= len(hunk)
        whole = self.diff.added + self.diff.removed
        shown = sum(line.kind is not Kind.CONTEXT for hunk in self.diff.hunks for line in hunk)
        held = sum(map(len, self.diff.hunks))
        if (left := max(0, held - self.limit) + max(0, whole - shown)) > 0:
            yield Text(f"{'…' if self.unicode else '...'} {left:,} more line{'s' * (left != 1)}", "dim", no_wrap=True)

    def _line(self, line: Line, emphasis: Sequence[tuple[int, int]], digits: int, width: int) -> Iterator[Text]:
        style = _STYLES[line.kind]
        text = Text(_shortened(line.text), style)
        for start, end in emphasis:
            text.stylize("reverse", start, end)
        text.expand_tabs(_TAB)
        number = "" if line.number is None else str(line.number)
        lead = Text(no_wrap=True)
        lead.append(f"{number:>{digits}} " if digits else "", "dim")
        lead.append(f"{line.kind.value} ", style)
        blank = Text(" " * len(lead), no_wrap=True)
        for at, piece in enumerate(folded(text, width - len(blank))):
            yield (blank if at else lead).copy().append_text(piece)


def draw(diff: Diff, limit: int = MAX_DIFF_LINES, unicode: bool = True) -> _Drawn:
    """Something for rich to print: at most `limit` lines with number and sign, and how many more there are."""
    return _Drawn(diff, limit, unicode)


def folded(text: Text, width: int) -> Sequence[Text]:
    """One line in pieces of so many cells, cut anywhere: code is not wrapped at its spaces."""
    width = max(2, width)
    if text.cell_len <= width:
        return [text]
    places, at = [], 0
    for piece in chop_cells(text.plain, width)[:-1]:
        at += len(piece)
        places.append(at)
    return list(text.divide(places))


def _shortened(text: str) -> str:
    return harmless(text if len(text) <= MAX_COLUMNS else text[:MAX_COLUMNS] + "…").replace("\n", "\u240a")


def _emphasised(hunk: Sequence[Line]) -> Iterator[tuple[Line, Sequence[tuple[int, int]]]]:
    """Each line with where it differs from its partner: the first removed from the first added, and so on."""
    runs = [(kind, list(lines)) for kind, lines in groupby(hunk, key=lambda line: line.kind)]
    marks: dict[int, Sequence[tuple[int, int]]] = {}
    for (kind, gone), (next_kind, come) in pairwise(runs):
        if kind is Kind.REMOVED and next_kind is Kind.ADDED and len(gone) == len(come):
            for old, new in zip(gone, come, strict=True):
                marks[id(old)], marks[id(new)] = changed(_shortened(old.text), _shortened(new.text))
    return ((line, marks.get(id(line), ())) for line in hunk)
