"""Rows in columns, for a person."""

from collections.abc import Iterable, Sequence

from pocketagent.domain.text import escaped

GAP = "  "


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Sequence[str]:
    """A line for each row, below the head; what stands in a cell acts on no terminal."""
    cells = [head, *([escaped(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [GAP.join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
